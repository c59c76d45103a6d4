import Foundation
import Scheduling
import SyncEngine

/// Alerts as a mail (RFC 5322) that `sendmail -t` reads. Addresses were checked with the configuration; everything else
/// in a header is ours or encoded.
enum AlertMail {
    static func bytes(of messages: [AlertMessage], to: [String], from: String) -> [UInt8] {
        let at = messages.map(\.at).max() ?? Instant(milliseconds: 0)
        let headers = [
            "From: \(from)", "To: \(to.joined(separator: ",\r\n "))",
            "Subject: \(encoded(AlertText.subject(of: messages)))", "Date: \(date(at))", "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64",
            // Keeps absence notices and other automata from answering (RFC 3834).
            "Auto-Submitted: auto-generated",
        ]
        let text = messages.map { message in
            AlertText.line(message.line) + "\r\n  since \(message.since.rfc3339Seconds)"
                + (message.run.map { ", run \($0)" } ?? "")
        }.joined(separator: "\r\n\r\n") + "\r\n"
        let body = Data(text.utf8).base64EncodedString(options: [.lineLength76Characters, .endLineWithCarriageReturn,
            .endLineWithLineFeed])
        return Array((headers + ["", body, ""]).joined(separator: "\r\n").utf8)
    }

    /// A header's text: as it is when ASCII, else as encoded words (RFC 2047) of at most 75 characters.
    static func encoded(_ text: String) -> String {
        guard !text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return text }
        var words: [[UInt8]] = [[]]
        for character in text.unicodeScalars {
            let bytes = Array(String(character).utf8)
            if words[words.count - 1].count + bytes.count > 42 { words.append([]) }
            words[words.count - 1] += bytes
        }
        return words.map { "=?utf-8?B?\(Data($0).base64EncodedString())?=" }.joined(separator: "\r\n ")
    }

    /// `Sat, 28 Nov 2026 12:00:00 +0000`.
    static func date(_ instant: Instant) -> String {
        let parts = instant.rfc3339Seconds.split { "-T:Z".contains($0) }.compactMap { Int($0) }
        guard parts.count == 6, (1...12).contains(parts[1]) else { return "Thu, 1 Jan 1970 00:00:00 +0000" }
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let day = Int((instant.seconds / 86_400 % 7 + 7) % 7)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(days[day]), \(parts[2]) \(months[parts[1] - 1]) \(parts[0]) "
            + "\(two(parts[3])):\(two(parts[4])):\(two(parts[5])) +0000"
    }
}
