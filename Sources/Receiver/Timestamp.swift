/// Times of messages: ISO 8601 text to milliseconds since 1970 and back, for the years 0001 to 9999.
enum Timestamp {
    /// The earliest and the latest time that can be written.
    static let range: ClosedRange<Int64> = -62_135_596_800_000...253_402_300_799_999

    /// A time that was read.
    struct Parsed: Equatable {
        var milliseconds: Int64
        /// Whether the text named its zone. Without one UTC is meant.
        var hasZone: Bool
    }

    /// Bytes of a time written by ``write(_:to:)``.
    static let length = 24

    /// Writes `2026-03-01T12:00:00.000Z`. Times outside ``range`` are written as its nearest end.
    static func text(_ milliseconds: Int64) -> [UInt8] {
        let clamped = min(max(milliseconds, range.lowerBound), range.upperBound)
        let day = floorDivide(clamped, 86_400_000)
        let rest = Int(clamped - day * 86_400_000)
        let date = civil(day)
        var text: [UInt8] = []
        text.reserveCapacity(length)
        append(date.year, width: 4, to: &text)
        text.append(UInt8(ascii: "-"))
        append(date.month, width: 2, to: &text)
        text.append(UInt8(ascii: "-"))
        append(date.day, width: 2, to: &text)
        text.append(UInt8(ascii: "T"))
        append(rest / 3_600_000, width: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(rest / 60_000 % 60, width: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(rest / 1000 % 60, width: 2, to: &text)
        text.append(UInt8(ascii: "."))
        append(rest % 1000, width: 3, to: &text)
        text.append(UInt8(ascii: "Z"))
        return text
    }

    /// Reads `2026-03-01`, `2026-03-01T12:00:00`, with a fraction of any length and a zone as `Z`, `+01:00`, `+0100`
    /// or `+01`. Digits beyond milliseconds are cut off. Nil for anything else.
    static func parse(_ text: some Collection<UInt8>) -> Parsed? {
        guard text.count <= 64 else { return nil }
        var reader = Reader(Array(text))
        guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2), reader.skip("-"),
            let day = reader.number(2), year >= 1, (1...12).contains(month),
            (1...daysInMonth(month, of: year)).contains(day)
        else { return nil }
        var milliseconds = days(year: year, month: month, day: day) * 86_400_000
        if reader.isAtEnd { return Parsed(milliseconds: milliseconds, hasZone: false) }

        guard reader.skip("T") || reader.skip("t") || reader.skip(" "), let hour = reader.number(2), reader.skip(":"),
            let minute = reader.number(2), hour <= 23, minute <= 59
        else { return nil }
        milliseconds += Int64(hour) * 3_600_000 + Int64(minute) * 60_000
        if reader.skip(":") {
            // 60 is a leap second: the first moment of the next minute.
            guard let second = reader.number(2), second <= 60 else { return nil }
            milliseconds += Int64(second) * 1000
            if reader.skip(".") || reader.skip(",") {
                guard let fraction = reader.fraction() else { return nil }
                milliseconds += Int64(fraction)
            }
        }
        if reader.isAtEnd { return Parsed(milliseconds: milliseconds, hasZone: false) }
        guard let offset = reader.zoneOffset(), reader.isAtEnd else { return nil }
        return Parsed(milliseconds: milliseconds - Int64(offset) * 60_000, hasZone: true)
    }

    // MARK: - Civil dates (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms")

    private static func days(year: Int, month: Int, day: Int) -> Int64 {
        let shifted = Int64(month <= 2 ? year - 1 : year)
        let era = floorDivide(shifted, 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        let year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
        return (year, month, Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1))
    }

    private static func daysInMonth(_ month: Int, of year: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        default: 31
        }
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((divisor - 1 - value) / divisor)
    }

    private static func append(_ number: Int, width: Int, to text: inout [UInt8]) {
        var divisor = width == 4 ? 1000 : width == 3 ? 100 : 10
        while divisor > 0 {
            text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
            divisor /= 10
        }
    }

    /// Reads the parts of a time from left to right.
    private struct Reader {
        private let text: [UInt8]
        private var position = 0

        init(_ text: [UInt8]) {
            self.text = text
        }

        var isAtEnd: Bool { position == text.count }

        mutating func skip(_ byte: Unicode.Scalar) -> Bool {
            guard position < text.count, text[position] == UInt8(ascii: byte) else { return false }
            position += 1
            return true
        }

        /// Exactly `width` digits.
        mutating func number(_ width: Int) -> Int? {
            guard text.count - position >= width else { return nil }
            var value = 0
            for byte in text[position..<position + width] {
                guard let digit = Self.digit(byte) else { return nil }
                value = value * 10 + digit
            }
            position += width
            return value
        }

        /// A fraction of a second in milliseconds.
        mutating func fraction() -> Int? {
            var value = 0
            var count = 0
            while position < text.count, let digit = Self.digit(text[position]) {
                if count < 3 { value = value * 10 + digit }
                count += 1
                position += 1
            }
            guard count > 0 else { return nil }
            for _ in count..<max(count, 3) { value *= 10 }
            return value
        }

        /// The zone in minutes east of Greenwich.
        mutating func zoneOffset() -> Int? {
            if skip("Z") || skip("z") { return 0 }
            let isWest = skip("-")
            guard isWest || skip("+"), let hours = number(2), hours <= 23 else { return nil }
            var minutes = 0
            if !isAtEnd {
                _ = skip(":")
                guard let read = number(2), read <= 59 else { return nil }
                minutes = read
            }
            return (isWest ? -1 : 1) * (hours * 60 + minutes)
        }

        private static func digit(_ byte: UInt8) -> Int? {
            byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? Int(byte - UInt8(ascii: "0")) : nil
        }
    }
}
