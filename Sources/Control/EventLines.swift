import Glibc

/// Reads the lines of event notices without a JSON decoder: under a flood of events almost every line is one, and a
/// general decoder would cost more than everything else that a dashboard does.
///
/// Only the form that ``ChangeNotice`` itself writes is understood, without escapes; any other line is left to the decoder.
/// Most lines of a flood differ from the one before in their number and their user alone. Then nothing else is read, and
/// what both say is kept once, since those events that stay in a list would hold as many copies of it.
package struct EventLines {
    private var earlier: ChangeNotice?
    /// What the line before held between its number and its user, and behind that.
    private var head: [UInt8] = []
    private var tail: [UInt8] = []

    package init() {}

    /// The notice in a line; nil when the line is no event, or is written in another way.
    package mutating func notice(in line: ArraySlice<UInt8>) -> ChangeNotice? {
        line.withUnsafeBufferPointer { bytes in
            if let notice = likeEarlier(bytes) { return notice }
            var reader = EventLine(rest: bytes)
            guard let notice = reader.notice() else { return nil }
            earlier = notice
            head = [UInt8](bytes[reader.places.number..<reader.places.user.lowerBound])
            tail = [UInt8](bytes[reader.places.user.upperBound...])
            return notice
        }
    }

    private func likeEarlier(_ line: UnsafeBufferPointer<UInt8>) -> ChangeNotice? {
        guard var notice = earlier else { return nil }
        var reader = EventLine(rest: line)
        guard let sequence = reader.sequence(), reader.skip(head), let user = reader.string(), reader.ends(with: tail) else {
            return nil
        }
        notice.sequence = sequence
        notice.event?.user = user
        return notice
    }
}

/// Reads one line from its beginning to its end.
private struct EventLine {
    private var rest: UnsafeBufferPointer<UInt8>
    private let count: Int
    /// Where the number ends, and the user with the closing quote.
    private(set) var places = (number: 0, user: 0..<0)

    init(rest: UnsafeBufferPointer<UInt8>) {
        self.rest = rest
        count = rest.count
    }

    private var position: Int { count - rest.count }

    mutating func sequence() -> Int? { skip(#"{"sequence":"#) ? integer() : nil }

    mutating func notice() -> ChangeNotice? {
        guard let sequence = sequence() else { return nil }
        places.number = position
        guard skip(#","run":null,"event":{"#), let at = text("at"), skip(","), let sync = text("sync"), skip(","),
            let run = text("run"), skip(#","user":""#)
        else { return nil }
        let start = position
        guard let user = string() else { return nil }
        places.user = start..<position
        guard skip(","), let event = text("event"), skip(","), let status = text("status"), skip(","),
            case .some(let request) = optionalText("request"), skip(","), skip(#""http_status":"#)
        else { return nil }
        var code: Int?
        if !skip("null") {
            guard let number = integer() else { return nil }
            code = number
        }
        guard skip(#","attempts":"#), let attempts = integer(), skip(#","reasserted":"#) else { return nil }
        let isReasserted = skip("true")
        guard isReasserted || skip("false"), skip(","), case .some(let reason) = optionalText("reason"), skip("}") else {
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

    mutating func skip(_ bytes: [UInt8]) -> Bool {
        guard rest.count >= bytes.count, let start = rest.baseAddress, memcmp(start, bytes, bytes.count) == 0 else { return false }
        step(bytes.count)
        return true
    }

    func ends(with bytes: [UInt8]) -> Bool {
        guard rest.count == bytes.count, let start = rest.baseAddress else { return false }
        return memcmp(start, bytes, bytes.count) == 0
    }

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

    private mutating func text(_ key: StaticString) -> String? {
        guard skip("\""), skip(key), skip("\":\"") else { return nil }
        return string()
    }

    /// - Returns: nil when it is not there; a text or `null` otherwise.
    private mutating func optionalText(_ key: StaticString) -> String?? {
        guard skip("\""), skip(key), skip("\":") else { return nil }
        if skip("null") { return .some(nil) }
        guard skip("\""), let text = string() else { return nil }
        return .some(text)
    }

    /// Up to the closing quote; nil for a text with an escape in it, or with what no JSON text may hold.
    mutating func string() -> String? {
        guard let start = rest.baseAddress, let quote = memchr(start, 0x22, rest.count) else { return nil }
        let count = UnsafeRawPointer(quote) - UnsafeRawPointer(start)
        let bytes = UnsafeBufferPointer(rebasing: rest[..<count])
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x5C }), let text = String(validating: bytes, as: UTF8.self) else { return nil }
        step(count + 1)
        return text
    }
}
