import Scheduling

/// What an account said of its month.
package struct QuotaReading: Sendable, Hashable, Codable {
    /// Downloads allowed and made.
    package var limit: Int
    package var used: Int
    /// When counting starts anew, in milliseconds since 1970; nil when it did not say.
    package var resetsAt: Int64?
    /// When it said so, in milliseconds since 1970.
    package var readAt: Int64

    package init(limit: Int, used: Int, resetsAt: Int64?, readAt: Int64) {
        self.limit = limit
        self.used = used
        self.resetsAt = resetsAt
        self.readAt = readAt
    }
}

/// Counts the downloads of an account's month: our own record and what the account says, whichever is more. Pure.
///
/// The month ends when the account says; an account that does not say has calendar months in UTC.
package struct DownloadMonth: Sendable {
    private static let mostMonths = 4_000
    private var past: [Instant]
    private var reading: QuotaReading?

    package init(past: [Instant], reading: QuotaReading?) {
        self.past = past
        self.reading = reading.flatMap { $0.isCredible ? $0 : nil }
    }

    /// The smaller of what is configured and what the account says.
    package func limit(_ configured: Int) -> Int {
        reading.map { min($0.limit, configured) } ?? configured
    }

    /// Downloads of the month that `now` lies in.
    package func used(at now: Instant) -> Int {
        let began = began(now)
        let own = past.count { $0 >= began }
        guard let reading, reading.readAt >= began.milliseconds else { return own }
        // The account may count with a delay, and others may use it: each of both numbers can be too small.
        return max(own, reading.used + past.count { $0.milliseconds >= reading.readAt })
    }

    /// When counting starts anew.
    package func resets(after now: Instant) -> Instant {
        var next = reset ?? Self.monthStart(now, adding: 1)
        // A clock can be centuries off; beyond that nothing is counted anyway.
        var left = Self.mostMonths
        while next <= now, left > 0 {
            next = Self.adding(1, to: next)
            left -= 1
        }
        while left > 0 {
            let before = Self.adding(-1, to: next)
            guard before > now else { break }
            next = before
            left -= 1
        }
        return next
    }

    private func began(_ now: Instant) -> Instant {
        Self.adding(-1, to: resets(after: now))
    }

    private var reset: Instant? {
        reading?.resetsAt.map { Instant(milliseconds: $0) }
    }

    package mutating func count(_ requested: Instant) { past.append(requested) }

    package mutating func takeBack(_ requested: Instant) {
        if let index = past.lastIndex(of: requested) { past.remove(at: index) }
    }

    package mutating func learned(_ new: QuotaReading) {
        if new.isCredible { reading = new }
    }

    /// The first instant of the month, in UTC, that lies `months` after that of an instant.
    private static func monthStart(_ instant: Instant, adding months: Int) -> Instant {
        let date = CivilDate(days: Int(instant.seconds.flooredDays))
        return at(year: date.year, month: date.month + months, day: 1, secondOfDay: 0)
    }

    /// The same day and time some months on; the last day of a month that is too short for it.
    private static func adding(_ months: Int, to instant: Instant) -> Instant {
        let days = instant.seconds.flooredDays
        let date = CivilDate(days: Int(days))
        return at(
            year: date.year, month: date.month + months, day: date.day, secondOfDay: instant.seconds - days * 86_400)
    }

    private static func at(year: Int, month: Int, day: Int, secondOfDay: Int64) -> Instant {
        let months = year * 12 + month - 1
        let (year, index) = (months / 12, months % 12)
        let last = CivilDate.length(ofMonth: index + 1, year: year)
        let date = CivilDate(year: year, month: index + 1, day: min(day, last)) ?? CivilDate(days: 0)
        return Instant(seconds: Int64(date.days) * 86_400 + secondOfDay)
    }
}

extension QuotaReading {
    /// Whether the numbers can be those of a month; what a server says is not believed blindly.
    var isCredible: Bool {
        let near: Int64 = 62 * 86_400_000
        return (0...100_000_000).contains(limit) && (0...100_000_000).contains(used)
            && (resetsAt.map { abs($0.subtractingReportingOverflow(readAt).partialValue) < near } ?? true)
    }
}

extension Int64 {
    /// Whole days of this many seconds, rounded towards the past.
    fileprivate var flooredDays: Int64 {
        let (days, rest) = quotientAndRemainder(dividingBy: 86_400)
        return rest < 0 ? days - 1 : days
    }
}
