/// The rule for years behind the table: the POSIX `TZ` string in the footer of a TZif file, such as
/// `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX.1 §8.3, with the hours −167…167 of RFC 9636 §3.3.2).
struct ZoneRule: Sendable {
    let standard: ZoneKind
    /// Nil when the zone keeps standard time all year.
    let daylight: DaylightRule?

    /// Reads a rule from the bytes between a footer's line ends; nil when they are anything but one whole rule.
    static func parse(_ bytes: ArraySlice<UInt8>) -> ZoneRule? {
        guard bytes.count <= 128 else { return nil }
        var reader = RuleReader(bytes: Array(bytes))
        return reader.read()
    }
}

/// When summer time begins and ends, every year.
struct DaylightRule: Sendable {
    let kind: ZoneKind
    let begin: YearlyMoment
    let end: YearlyMoment

    /// Whether daylight time holds at an instant, since when, and until when.
    func phase(at second: Int, standardOffset: Int) -> (isDaylight: Bool, start: Int, end: Int) {
        let year = CivilDate(days: second.flooredQuotient(86_400)).year
        var isDaylight = false
        var last = ZoneTable.beginning
        var next = ZoneTable.end
        // A moment lies up to a week outside its year, so the neighbours two years away always decide.
        for candidate in year - 2...year + 2 {
            let back = end.second(inYear: candidate) - kind.offset
            if back <= second, back > last { (isDaylight, last) = (false, back) }
            if back > second { next = min(next, back) }
            let ahead = begin.second(inYear: candidate) - standardOffset
            // Where an end and a begin coincide, daylight time goes on (RFC 9636 §3.3.1: all year).
            if ahead <= second, ahead >= last { (isDaylight, last) = (true, ahead) }
            if ahead > second { next = min(next, ahead) }
        }
        return (isDaylight, last, next)
    }
}

/// A day of the year and a time on it, as a local clock shows it just before the change.
struct YearlyMoment: Sendable {
    enum Day: Sendable {
        /// `Mm.w.d`: the weekday's first to fourth (or with 5 the last) occurrence in the month.
        case nth(month: Int, week: Int, weekday: Int)
        /// `Jn`: 1…365, 29 February never counted.
        case withoutLeapDay(Int)
        /// `n`: 0…365, 29 February counted.
        case withLeapDay(Int)
    }

    let day: Day
    /// Seconds after that day's midnight; may be negative or beyond the day.
    let time: Int

    /// Seconds from the epoch as the local clock counts them.
    func second(inYear year: Int) -> Int {
        days(inYear: year) * 86_400 + time
    }

    private func days(inYear year: Int) -> Int {
        switch day {
        case .nth(let month, let week, let weekday):
            let first = CivilDate.days(year: year, month: month, day: 1)
            let ahead = (weekday - Weekday(days: first).rawValue).flooredRemainder(7)
            let day = ahead + 7 * (week - 1)
            return first + (day < CivilDate.length(ofMonth: month, year: year) ? day : day - 7)
        case .withoutLeapDay(let number):
            let skip = number >= 60 && CivilDate.isLeap(year) ? 1 : 0
            return CivilDate.days(year: year, month: 1, day: 1) + number - 1 + skip
        case .withLeapDay(let number):
            return CivilDate.days(year: year, month: 1, day: 1) + number
        }
    }
}

/// Reads a POSIX `TZ` string front to back.
private struct RuleReader {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func read() -> ZoneRule? {
        guard let name = name(), let west = clock(hours: 24), let standard = kind(name, -west) else { return nil }
        guard position < bytes.count else { return ZoneRule(standard: standard, daylight: nil) }
        guard let name = self.name() else { return nil }
        var offset = standard.offset + 3600
        if position < bytes.count, bytes[position] != UInt8(ascii: ",") {
            guard let west = clock(hours: 24) else { return nil }
            offset = -west
        }
        guard let daylight = kind(name, offset), take(","), let begin = moment(), take(","), let end = moment(),
            position == bytes.count
        else { return nil }
        return ZoneRule(standard: standard, daylight: DaylightRule(kind: daylight, begin: begin, end: end))
    }

    private func kind(_ name: String, _ offset: Int) -> ZoneKind? {
        ZoneKind.offsetRange.contains(offset) ? ZoneKind(offset: offset, abbreviation: name) : nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Letters, or anything an abbreviation may hold between angle brackets.
    private mutating func name() -> String? {
        let isQuoted = take("<")
        let start = position
        while position < bytes.count, bytes[position].isLetter || isQuoted && bytes[position].isAbbreviation {
            position += 1
        }
        let name = bytes[start..<position]
        guard (3...16).contains(name.count), !isQuoted || take(">") else { return nil }
        return String(decoding: name, as: UTF8.self)
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int? {
        var value = 0
        let start = position
        while position < bytes.count, position - start < 4, let digit = bytes[position].digit {
            value = value * 10 + digit
            position += 1
        }
        return position > start && range.contains(value) ? value : nil
    }

    /// `[+-]h[:mm[:ss]]` in seconds.
    private mutating func clock(hours: Int) -> Int? {
        let sign = take("-") ? -1 : 1
        if sign == 1 { _ = take("+") }
        guard var value = number(0...hours).map({ $0 * 3600 }) else { return nil }
        for unit in [60, 1] where take(":") {
            guard let part = number(0...59) else { return nil }
            value += part * unit
        }
        return sign * value
    }

    private mutating func moment() -> YearlyMoment? {
        let day: YearlyMoment.Day
        if take("M") {
            guard let month = number(1...12), take("."), let week = number(1...5), take("."),
                let weekday = number(0...6)
            else { return nil }
            day = .nth(month: month, week: week, weekday: weekday)
        } else if take("J") {
            guard let number = number(1...365) else { return nil }
            day = .withoutLeapDay(number)
        } else {
            guard let number = number(0...365) else { return nil }
            day = .withLeapDay(number)
        }
        guard take("/") else { return YearlyMoment(day: day, time: 7200) }
        return clock(hours: 167).map { YearlyMoment(day: day, time: $0) }
    }
}

extension UInt8 {
    /// Whether a zone abbreviation may hold this byte (RFC 9636 §3.2: ASCII letters, digits, `+`, `-`).
    var isAbbreviation: Bool {
        isLetter || digit != nil || self == UInt8(ascii: "+") || self == UInt8(ascii: "-")
    }
}
