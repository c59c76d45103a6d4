import Glibc

/// Reads the line of an event notice without a JSON decoder: under a flood of events almost every line is one, and a
/// general decoder would cost more than everything else that a dashboard does.
///
/// Only the form that ``ChangeNotice`` itself writes is understood, without escapes; any other line is left to the decoder.
package struct EventLine {
    private var rest: UnsafeBufferPointer<UInt8>
    private let earlier: EventView?

    /// The notice in a line; nil when the line is no event, or is written in another way.
    /// - Parameter earlier: the event of the line before. What both say is kept once: most events of a flood differ in
    ///   their user alone, and those that stay in a list would hold as many copies of all else.
    package static func notice(in line: ArraySlice<UInt8>, after earlier: EventView? = nil) -> ChangeNotice? {
        line.withUnsafeBufferPointer { bytes in
            var reader = EventLine(rest: bytes, earlier: earlier)
            return reader.notice()
        }
    }

    private mutating func notice() -> ChangeNotice? {
        guard skip(#"{"sequence":"#), let sequence = integer(), skip(#","run":null,"event":{"#) else {
            return nil
        }
        guard let at = text("at", earlier?.at), skip(","), let sync = text("sync", earlier?.sync), skip(","),
            let run = text("run", earlier?.run), skip(","), let user = text("user", nil), skip(","),
            let event = text("event", earlier?.event), skip(","), let status = text("status", earlier?.status), skip(","),
            case .some(let request) = optionalText("request", earlier?.request), skip(","), skip(#""http_status":"#)
        else { return nil }
        var code: Int?
        if !skip("null") {
            guard let number = integer() else { return nil }
            code = number
        }
        guard skip(#","attempts":"#), let attempts = integer(), skip(#","reasserted":"#) else { return nil }
        let isReasserted = skip("true")
        guard isReasserted || skip("false"), skip(","), case .some(let reason) = optionalText("reason", earlier?.reason), skip("}") else {
            return nil
        }
        guard skip(#","frozen":null,"configured":null}"#), rest.isEmpty else { return nil }
        var notice = ChangeNotice(sequence: sequence)
        notice.event = EventView(
            at: at, sync: sync, run: run, user: user, event: event, status: status, request: request, http_status: code,
            attempts: attempts, reasserted: isReasserted, reason: reason)
        return notice
    }

    /// Steps over these bytes; false leaves everything where it is.
    private mutating func skip(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard rest.count >= count, let start = rest.baseAddress, memcmp(start, text.utf8Start, count) == 0 else { return false }
        step(count)
        return true
    }

    /// Steps over a text that was read before and the quote behind it, where it stands in the line without an escape.
    private mutating func skip(_ earlier: String) -> Bool {
        var earlier = earlier
        let count = earlier.utf8.count
        guard rest.count > count, rest[count] == 0x22, let start = rest.baseAddress,
            earlier.withUTF8({ memcmp(start, $0.baseAddress ?? start, count) == 0 }),
            rest[..<count].allSatisfy({ Self.isPlain($0) && $0 != 0x22 })
        else { return false }
        step(count + 1)
        return true
    }

    private static func isPlain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x5C }

    private mutating func step(_ count: Int) { rest = UnsafeBufferPointer(rebasing: rest[count...]) }

    /// A number as JSON writes it: no zero leads it.
    private mutating func integer() -> Int? {
        var value = 0
        let leads = rest.first == 0x30
        var digits = 0
        while let byte = rest.first, byte >= 0x30, byte <= 0x39, digits < 18 {
            value = value * 10 + Int(byte - 0x30)
            digits += 1
            step(1)
        }
        return digits > 0 && (digits == 1 || !leads) ? value : nil
    }

    private mutating func text(_ key: StaticString, _ earlier: String?) -> String? {
        guard skip("\""), skip(key), skip("\":\"") else { return nil }
        return string(earlier)
    }

    /// - Returns: nil when it is not there; a text or `null` otherwise.
    private mutating func optionalText(_ key: StaticString, _ earlier: String?) -> String?? {
        guard skip("\""), skip(key), skip("\":") else { return nil }
        if skip("null") { return .some(nil) }
        guard skip("\""), let text = string(earlier) else { return nil }
        return .some(text)
    }

    /// Up to the closing quote; nil for a text with an escape in it, or with what no JSON text may hold.
    private mutating func string(_ earlier: String?) -> String? {
        if let earlier, skip(earlier) { return earlier }
        guard let start = rest.baseAddress, let quote = memchr(start, 0x22, rest.count) else { return nil }
        let count = UnsafeRawPointer(quote) - UnsafeRawPointer(start)
        let bytes = UnsafeBufferPointer(rebasing: rest[..<count])
        guard bytes.allSatisfy(Self.isPlain), let text = String(validating: bytes, as: UTF8.self) else { return nil }
        step(count + 1)
        return text
    }
}
