extension Instant: CustomStringConvertible {
    /// This instant in UTC with milliseconds, such as `2026-03-01T12:00:00.000Z` (RFC 3339).
    ///
    /// Years outside 0000…9999, which RFC 3339 cannot say, get more digits or a sign instead of an error.
    package var rfc3339: String { text(milliseconds: true) }

    /// This instant in UTC to the second, rounded towards the past, such as `2026-03-01T12:00:00Z` (RFC 3339).
    package var rfc3339Seconds: String { text(milliseconds: false) }

    /// The same as ``rfc3339``.
    package var description: String { rfc3339 }

    /// The instant that a text names in the form of RFC 3339 §5.6, or nil.
    ///
    /// Takes `2026-03-01T12:00:00Z`, any offset (`+01:00`), any fraction (cut to milliseconds), a space or lower-case
    /// letters as separators, `:60` where UTC inserts leap seconds (it becomes the next second), and beyond RFC 3339 a
    /// plain date, `2026-03-01`, which is that day's midnight in UTC. The years are 0001…9999, in UTC too.
    package static func parse(rfc3339 text: String) -> Instant? {
        var reader = InstantReader(bytes: Array(text.utf8.prefix(65)))
        return reader.bytes.count > 64 ? nil : reader.read()
    }

    /// The first instant of the year 0001, the earliest that ``parse(rfc3339:)`` returns.
    package static let earliestWritable = Instant(seconds: -62_135_596_800)
    /// The last millisecond of the year 9999.
    package static let latestWritable = Instant(milliseconds: 253_402_300_799_999)

    private func text(milliseconds withMilliseconds: Bool) -> String {
        let local = LocalTime(count: Int(seconds))
        guard self >= .earliestWritable, self <= .latestWritable else {
            let millisecond = padded(Int(milliseconds &- seconds &* 1000), 3)
            return local.iso8601 + (withMilliseconds ? ".\(millisecond)Z" : "Z")
        }
        let millisecond = Int(milliseconds - seconds * 1000)
        let date = local.date
        // This runs once for every event of a listing, so it writes digits instead of joining strings.
        return String(unsafeUninitializedCapacity: 24) { buffer in
            func write(_ number: Int, at position: Int, width: Int) {
                var rest = number
                for place in stride(from: position + width - 1, through: position, by: -1) {
                    buffer[place] = UInt8(ascii: "0") + UInt8(rest % 10)
                    rest /= 10
                }
            }
            write(date.year, at: 0, width: 4)
            buffer[4] = UInt8(ascii: "-")
            write(date.month, at: 5, width: 2)
            buffer[7] = UInt8(ascii: "-")
            write(date.day, at: 8, width: 2)
            buffer[10] = UInt8(ascii: "T")
            write(local.hour, at: 11, width: 2)
            buffer[13] = UInt8(ascii: ":")
            write(local.minute, at: 14, width: 2)
            buffer[16] = UInt8(ascii: ":")
            write(local.second, at: 17, width: 2)
            guard withMilliseconds else {
                buffer[19] = UInt8(ascii: "Z")
                return 20
            }
            buffer[19] = UInt8(ascii: ".")
            write(millisecond, at: 20, width: 3)
            buffer[23] = UInt8(ascii: "Z")
            return 24
        }
    }
}

/// Reads one RFC 3339 text from bytes, front to back.
private struct InstantReader {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func read() -> Instant? {
        guard let year = number(4), take("-"), let month = number(2), take("-"), let day = number(2), year >= 1,
            let date = CivilDate(year: year, month: month, day: day)
        else { return nil }
        if position == bytes.count {
            return Instant(seconds: Int64(date.days * 86_400))
        }
        guard take("T") || take("t") || take(" "), let hour = number(2), take(":"), let minute = number(2), take(":"),
            let second = number(2), hour <= 23, minute <= 59, second <= 60, let millisecond = fraction(),
            let offset = offset(), position == bytes.count
        else { return nil }
        let count = date.days * 86_400 + hour * 3600 + minute * 60 + second - offset
        // A leap second is only ever the last one of a UTC day.
        guard second < 60 || count % 86_400 == 0 else { return nil }
        let instant = Instant(milliseconds: Int64(count) * 1000 + Int64(second < 60 ? millisecond : 0))
        return instant >= .earliestWritable && instant <= .latestWritable ? instant : nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func number(_ width: Int) -> Int? {
        guard bytes.count - position >= width else { return nil }
        var value = 0
        for byte in bytes[position..<position + width] {
            guard let digit = byte.digit else { return nil }
            value = value * 10 + digit
        }
        position += width
        return value
    }

    /// Milliseconds; 0 without a fraction, nil when a point has no digit behind it.
    private mutating func fraction() -> Int? {
        guard take(".") else { return 0 }
        var value = 0
        var digits = 0
        while position < bytes.count, let digit = bytes[position].digit {
            if digits < 3 { value = value * 10 + digit }
            digits += 1
            position += 1
        }
        guard digits > 0 else { return nil }
        return digits == 1 ? value * 100 : digits == 2 ? value * 10 : value
    }

    /// Seconds east of UTC.
    private mutating func offset() -> Int? {
        if take("Z") || take("z") { return 0 }
        let sign = take("+") ? 1 : take("-") ? -1 : 0
        guard sign != 0, let hour = number(2), take(":"), let minute = number(2), hour <= 23, minute <= 59 else {
            return nil
        }
        return sign * (hour * 3600 + minute * 60)
    }
}

extension UInt8 {
    /// The value of an ASCII digit, nil for every other byte.
    var digit: Int? {
        self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") ? Int(self - UInt8(ascii: "0")) : nil
    }

    /// Whether this byte is an ASCII letter.
    var isLetter: Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20)
    }
}
