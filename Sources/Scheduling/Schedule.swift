/// When a sync runs: the `schedule` of `rollcall.yaml` (PRODUCT.md §2).
///
/// A pure value. Which instants it names depends on its text and a ``Zone`` alone, never on the present or on earlier
/// fires. Fires lie in the years −9999…9999.
package struct Schedule: Hashable, Sendable, CustomStringConvertible {
    /// The schedule as it was written, without blanks around it.
    package let text: String

    let rule: Rule

    enum Rule: Hashable, Sendable {
        case manual
        /// Every so many seconds since the epoch.
        case elapsed(Int)
        case calendar(CronPattern)
    }

    init(text: String, rule: Rule) {
        self.text = text
        self.rule = rule
    }

    /// Never runs by itself.
    package static let manual = Schedule(text: "manual", rule: .manual)

    /// Reads a schedule in any of its forms.
    ///
    /// - Throws: ``ScheduleError``, also for a schedule that could never fire, such as `0 0 30 2 *`.
    package static func parse(_ text: String) throws(ScheduleError) -> Schedule {
        let parser = try ScheduleParser(text)
        return Schedule(text: parser.trimmed, rule: try parser.parse())
    }

    /// The schedule as it was written.
    package var description: String { text }

    /// Whether it only ever runs by hand.
    package var isManual: Bool { rule == .manual }

    /// The first fire after an instant; nil when manual.
    package func next(after instant: Instant, in zone: Zone) -> Fire? {
        let second = Int(instant.seconds)
        return switch rule {
        case .manual: nil
        case .elapsed(let interval): ElapsedSearch(interval: interval, table: zone.table).next(after: second)
        case .calendar(let pattern): CalendarSearch(pattern: pattern, table: zone.table).next(after: second)
        }
    }

    /// The first fires after an instant, at most `limit`.
    package func fires(after instant: Instant, in zone: Zone, limit: Int) -> [Fire] {
        fires(after: instant, through: Instant(milliseconds: .max), in: zone, limit: limit)
    }

    /// The fires after `instant` and not after `end`, the earliest `limit` of them.
    package func fires(after instant: Instant, through end: Instant, in zone: Zone, limit: Int) -> [Fire] {
        var fires: [Fire] = []
        var last = instant
        while fires.count < limit, let fire = next(after: last, in: zone), fire.nominal <= end {
            fires.append(fire)
            last = fire.nominal
        }
        return fires
    }

    /// The newest fire after `floor` and not after `instant`, however many lie between.
    package func latest(atOrBefore instant: Instant, after floor: Instant, in zone: Zone) -> Fire? {
        let end = Int(instant.seconds)
        let start = Int(floor.seconds)
        return switch rule {
        case .manual: nil
        case .elapsed(let interval):
            ElapsedSearch(interval: interval, table: zone.table).latest(atOrBefore: end, after: start)
        case .calendar(let pattern):
            CalendarSearch(pattern: pattern, table: zone.table).latest(atOrBefore: end, after: start)
        }
    }

    /// How many fires lie after `instant` and not after `end`, at most `limit`. Counts months, not fires.
    package func count(after instant: Instant, through end: Instant, in zone: Zone, limit: Int) -> Int {
        let start = Int(instant.seconds)
        let end = Int(end.seconds)
        let count = switch rule {
        case .manual: 0
        case .elapsed(let interval):
            ElapsedSearch(interval: interval, table: zone.table).count(after: start, through: end)
        case .calendar(let pattern):
            CalendarSearch(pattern: pattern, table: zone.table).count(after: start, through: end, enough: limit)
        }
        return min(count, max(0, limit))
    }

    /// How many fires lie in the 31 days after an instant, the longest month, for quotas.
    package func firesPerMonth(in zone: Zone, from instant: Instant) -> Int {
        count(after: instant, through: instant.advanced(seconds: 31 * 86_400), in: zone, limit: .max)
    }

    /// The shortest time between two fires in seconds, clock changes aside; nil when manual.
    package var minimumSpacingSeconds: Int? {
        switch rule {
        case .manual: nil
        case .elapsed(let interval): interval
        case .calendar(let pattern): pattern.minimumSpacing
        }
    }
}

extension CronPattern {
    /// The shortest time in seconds between two matching local times.
    fileprivate var minimumSpacing: Int {
        guard let first = minuteOfDay(from: 0), let last = minuteOfDay(through: 1439) else { return 0 }
        let overnight = shortestDayGap * 1440 - (last - first)
        var shortest = overnight
        var minute = first
        while let following = minuteOfDay(from: minute + 1) {
            shortest = min(shortest, following - minute)
            minute = following
        }
        return shortest * 60
    }

    /// The fewest days from one matching day to the next, among the first 500 of the years from 2000 on: enough for a
    /// month's days to meet every weekday, and for yearly dates to meet leap years.
    private var shortestDayGap: Int {
        var shortest = 146_097
        var previous: Int?
        var from = CivilDate.days(year: 2000, month: 1, day: 1)
        for _ in 0..<500 where shortest > 1 {
            guard let day = day(from: from) else { break }
            if let previous { shortest = min(shortest, day - previous) }
            previous = day
            from = day + 1
        }
        return shortest
    }
}

/// Why a text is no schedule.
package struct ScheduleError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where it goes wrong: bytes from the start of the text as given, from 0. The text before is ASCII.
    package let column: Int
    /// What is wrong and what would be right, with an example, for a person.
    package let message: String
    /// Schedules that may have been meant, most likely first. Each of them is valid.
    package let suggestions: [String]

    /// An error with its place, text and corrections.
    package init(column: Int, message: String, suggestions: [String] = []) {
        self.column = column
        self.message = message
        self.suggestions = suggestions
    }

    /// The message.
    package var description: String { message }
}
