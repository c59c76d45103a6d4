/// What a wall clock and a calendar show, to the second, without saying where.
package struct LocalTime: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Seconds from 1970-01-01 00:00:00 as this clock shows them. Not an instant: the zone is missing.
    let count: Int

    init(count: Int) {
        self.count = count
    }

    /// The local time with these numbers, or nil when no clock shows them or the year is not in −9999…9999.
    package init?(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        guard let date = CivilDate(year: year, month: month, day: day), (0...23).contains(hour),
            (0...59).contains(minute), (0...59).contains(second)
        else { return nil }
        count = date.days * 86_400 + hour * 3600 + minute * 60 + second
    }

    /// The day that the calendar shows.
    package var date: CivilDate { CivilDate(days: count.flooredQuotient(86_400)) }
    /// The weekday that the calendar shows.
    package var weekday: Weekday { Weekday(days: count.flooredQuotient(86_400)) }
    /// Seconds since the local midnight, as the clock shows it: 0…86,399.
    package var secondOfDay: Int { count.flooredRemainder(86_400) }
    /// Astronomical year: 0 is 1 BC.
    package var year: Int { date.year }
    /// 1…12.
    package var month: Int { date.month }
    /// 1…31.
    package var day: Int { date.day }
    /// 0…23.
    package var hour: Int { secondOfDay / 3600 }
    /// 0…59.
    package var minute: Int { secondOfDay / 60 % 60 }
    /// 0…59.
    package var second: Int { secondOfDay % 60 }

    package static func < (left: LocalTime, right: LocalTime) -> Bool {
        left.count < right.count
    }

    /// The clock alone, such as `06:30`; with seconds when they are not zero.
    package var clock: String {
        let minutes = "\(padded(hour)):\(padded(minute))"
        return second == 0 ? minutes : "\(minutes):\(padded(second))"
    }

    /// The date alone, such as `2026-03-29`.
    package var dateText: String {
        let date = date
        return "\(padded(date.year, 4))-\(padded(date.month))-\(padded(date.day))"
    }

    /// Date and clock for a person, such as `2026-03-29 06:30`.
    package var description: String { "\(dateText) \(clock)" }

    /// Date and clock for a program, such as `2026-03-29T06:30:00`, without zone.
    package var iso8601: String { "\(dateText)T\(padded(hour)):\(padded(minute)):\(padded(second))" }
}

/// A whole number with leading zeros; a negative one keeps its sign in front.
func padded(_ number: Int, _ width: Int = 2) -> String {
    let digits = String(number.magnitude)
    let zeros = String(repeating: "0", count: max(0, width - digits.utf8.count))
    return (number < 0 ? "-" : "") + zeros + digits
}
