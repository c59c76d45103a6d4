import Foundation
import Scheduling
import SyncEngine

/// Alerts as JSON for programs: `{"version":1,"alerts":[{…}]}`, keys stable, times RFC 3339 UTC.
enum AlertFactsJSON {
    private struct Body: Encodable {
        var version = 1
        var alerts: [Item]
    }

    private struct Item: Encodable {
        var event: String
        var previous: String?
        var sync: String?
        var cohort: String?
        var destination: String
        var detail: String
        var run: String?
        var at: String
        var since: String

        init(_ message: AlertMessage) {
            event = message.event.rawValue
            previous = message.previous?.rawValue
            sync = message.sync
            cohort = message.sync.flatMap { SyncID($0)?.cohort }
            destination = message.destination
            detail = AlertText.line(message.detail)
            run = message.run
            at = message.at.rfc3339
            since = message.since.rfc3339
        }
    }

    static func bytes(of messages: [AlertMessage]) -> [UInt8] {
        encode(Body(alerts: messages.map { Item($0) }))
    }

    static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // These structs hold texts only, which always encode.
        return (try? encoder.encode(value)).map { [UInt8]($0) } ?? []
    }
}
