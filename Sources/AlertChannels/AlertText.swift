import HTTPClient
import SyncEngine

/// Alerts as text for people. Reasons come from servers and files, so each is made one bounded line.
enum AlertText {
    private static let lineLimit = 500

    /// One line a message, and what they are about first.
    static func lines(of messages: [AlertMessage]) -> [String] {
        messages.map { line($0.line) }
    }

    static func line(_ text: String) -> String { QuotedText.quote(text.utf8, limit: lineLimit) }

    /// A subject line: the alert itself, or how many there are.
    static func subject(of messages: [AlertMessage]) -> String {
        guard let first = messages.first else { return "Rollcall" }
        guard messages.count > 1 else {
            return "Rollcall: \(first.event.rawValue) \(line(first.sync ?? "destination \(first.destination)"))"
        }
        return "Rollcall: \(messages.count) alerts, the first \(first.event.rawValue)"
    }
}
