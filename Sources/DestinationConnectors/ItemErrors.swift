import Foundation
import SyncEngine

/// Reads the items that a receiver refused from inside its answer of success, `{ok, receivedEvents, okEvents, errors}`,
/// where each error names its item by `messageId`.
enum ItemErrors {
    enum Reading: Equatable {
        /// The answer names no bad item; the usual rules decide.
        case none
        /// These are refused, all others accepted.
        case refused([RefusedMessage])
        /// It speaks of bad items that cannot be told from the good ones.
        case unclear(String)
    }

    /// The most text of one error that is looked at.
    private static let errorLimit = 4_096

    /// - Parameters:
    ///   - body: the answer; hostile.
    ///   - messages: what was sent.
    static func read(_ body: [UInt8], sent messages: [UInt8], redaction: Redaction) -> Reading {
        guard let answer = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
            let received = answer["receivedEvents"] as? Int, let good = answer["okEvents"] as? Int
        else { return .none }
        let errors = answer["errors"] as? [Any] ?? []
        if errors.isEmpty, good == received { return .none }
        let ids = messageIDs(in: messages)
        guard received == ids.count else {
            return .unclear("it received \(received) of \(ids.count) messages")
        }
        let places = Dictionary(ids.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var refused: [Int: RefusedMessage] = [:]
        for error in errors.prefix(ids.count) {
            guard let text = text(of: error), let index = index(in: text, places) else {
                return .unclear("it refused a message and does not say which")
            }
            refused[index] = RefusedMessage(index: index, reason: redaction.quote(Array(text.utf8), limit: 200))
        }
        guard refused.count == received - good else {
            return .unclear("it counts \(received - good) bad messages and names \(refused.count)")
        }
        return .refused(refused.values.sorted { $0.index < $1.index })
    }

    /// An error is a text, or an object whose texts are looked through.
    private static func text(of error: Any) -> String? {
        let text: String
        if let plain = error as? String {
            text = plain
        } else if let object = error as? [String: Any] {
            text = object.keys.sorted().compactMap { object[$0] as? String }.joined(separator: " ")
        } else {
            return nil
        }
        return String(decoding: text.utf8.prefix(errorLimit), as: UTF8.self)
    }

    /// The position of the first message whose id stands in the text.
    private static func index(in text: String, _ places: [[UInt8]: Int]) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count >= MessageIDText.count else { return nil }
        for start in 0...(bytes.count - MessageIDText.count) {
            if let place = places[Array(bytes[start..<start + MessageIDText.count])] { return place }
        }
        return nil
    }

    /// The ids of the messages in a batch, in order. A quote inside a user id is escaped, so the mark stands only where
    /// the encoder wrote it.
    static func messageIDs(in messages: [UInt8]) -> [[UInt8]] {
        let mark = Array(#"","messageId":""#.utf8)
        var ids: [[UInt8]] = []
        var position = 0
        while position + mark.count + MessageIDText.count <= messages.count {
            if messages[position] == mark[0], messages[position...].starts(with: mark) {
                let start = position + mark.count
                ids.append(Array(messages[start..<start + MessageIDText.count]))
                position = start + MessageIDText.count
            } else {
                position += 1
            }
        }
        return ids
    }
}
