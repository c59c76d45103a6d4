/// Which local times a calendar schedule names: the five fields of cron as bit sets.
///
/// The searches below count local time in seconds as ``LocalTime/count`` does, and know nothing of zones. They work in
/// steps of months, so that the next 29 February is as near as the next minute.
struct CronPattern: Hashable, Sendable {
    /// Bits 0…59.
    var minutes: UInt64
    /// Bits 0…23.
    var hours: UInt32
    /// Bits 1…31.
    var daysOfMonth: UInt32
    /// Bits 1…12.
    var months: UInt16
    /// Bits 0…6, from Sunday.
    var weekdays: UInt8
    /// Whether the day fields begin with `*`. As in Vixie cron (its `DOM_STAR` and `DOW_STAR`), a day must satisfy both
    /// fields when one of them begins with a star, and one of them when neither does.
    var daysOfMonthHaveStar: Bool
    var weekdaysHaveStar: Bool
    /// Whether the hour field has a star or a step. Such a schedule follows the clock: it fires whenever a clock shows
    /// a matching time. Without, every matching time fires exactly once, whatever clocks do.
    var followsClock: Bool

    static let allMinutes: UInt64 = (1 << 60) - 1
    static let allHours: UInt32 = (1 << 24) - 1
    static let allDaysOfMonth: UInt32 = 0xFFFF_FFFE
    static let allMonths: UInt16 = 0x1FFE
    static let allWeekdays: UInt8 = 0x7F

    /// Every minute.
    init() {
        minutes = Self.allMinutes
        hours = Self.allHours
        daysOfMonth = Self.allDaysOfMonth
        months = Self.allMonths
        weekdays = Self.allWeekdays
        daysOfMonthHaveStar = true
        weekdaysHaveStar = true
        followsClock = true
    }

    /// Whether any date matches. A date in the calendar falls on every weekday within 400 years, so it is enough that
    /// the month fields name a date at all, or that the weekday alone suffices.
    var canFire: Bool {
        guard minutes != 0, hours != 0, weekdays != 0 else { return false }
        if matchesEitherDay { return months & Self.allMonths != 0 }
        return (1...12).contains { month in
            let length = CivilDate.length(ofMonth: month, year: 2000)
            return months & 1 << month != 0 && daysOfMonth & Self.days(through: length) != 0
        }
    }

    /// Whether a day need satisfy only one of the day fields.
    var matchesEitherDay: Bool { !daysOfMonthHaveStar && !weekdaysHaveStar }

    /// Bits 1…length.
    static func days(through length: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: (1 as UInt64) << UInt64(length + 1) - 2)
    }

    // MARK: - Days

    /// The matching days of a month, as bits 1…31.
    func matchingDays(year: Int, month: Int) -> UInt32 {
        guard months & 1 << month != 0 else { return 0 }
        let first = Weekday(days: CivilDate.days(year: year, month: month, day: 1)).rawValue
        // Bit 0 of `week` is the weekday of the month's first day; five weeks of it cover every month.
        let week = UInt64(weekdays) >> UInt64(first) | UInt64(weekdays) << UInt64(7 - first)
        let weeks = (week & 0x7F) &* 0x1020_4081
        let byWeekday = UInt32(truncatingIfNeeded: weeks << 1)
        let either = matchesEitherDay ? daysOfMonth | byWeekday : daysOfMonth & byWeekday
        return either & Self.days(through: CivilDate.length(ofMonth: month, year: year))
    }

    /// The first matching day that is not before `day`; days count from 1970-01-01.
    func day(from day: Int) -> Int? {
        let start = CivilDate(days: day)
        var (year, month) = (start.year, start.month)
        var days = matchingDays(year: year, month: month) & ~Self.days(through: start.day - 1)
        // The rarest date, a 29 February on one weekday, comes every 40 years at least.
        while days == 0 {
            month += 1
            if month > 12 { (year, month) = (year + 1, 1) }
            guard year - start.year <= 41 else { return nil }
            days = matchingDays(year: year, month: month)
        }
        return CivilDate.days(year: year, month: month, day: days.trailingZeroBitCount)
    }

    /// The last matching day that is not after `day`.
    func day(through day: Int) -> Int? {
        let start = CivilDate(days: day)
        var (year, month) = (start.year, start.month)
        var days = matchingDays(year: year, month: month) & Self.days(through: start.day)
        while days == 0 {
            month -= 1
            if month < 1 { (year, month) = (year - 1, 12) }
            guard start.year - year <= 41 else { return nil }
            days = matchingDays(year: year, month: month)
        }
        return CivilDate.days(year: year, month: month, day: 31 - days.leadingZeroBitCount)
    }

    /// How many days match from `first` through `last`; counting stops once `enough` is reached.
    func countDays(from first: Int, through last: Int, enough: Int) -> Int {
        guard first <= last else { return 0 }
        let start = CivilDate(days: first)
        let end = CivilDate(days: last)
        var (year, month) = (start.year, start.month)
        var count = 0
        while (year, month) <= (end.year, end.month), count < enough {
            var days = matchingDays(year: year, month: month)
            if (year, month) == (start.year, start.month) { days &= ~Self.days(through: start.day - 1) }
            if (year, month) == (end.year, end.month) { days &= Self.days(through: end.day) }
            count += days.nonzeroBitCount
            month += 1
            if month > 12 { (year, month) = (year + 1, 1) }
        }
        return count
    }

    // MARK: - Times of a day

    /// The first matching minute of a day that is not before `minute`, 0…1439.
    func minuteOfDay(from minute: Int) -> Int? {
        guard minute < 1440 else { return nil }
        let hour = minute / 60
        if hours & 1 << hour != 0 {
            let rest = minutes >> UInt64(minute % 60)
            if rest != 0 { return minute + rest.trailingZeroBitCount }
        }
        let later = hours & ~((2 << hour) - 1)
        return later == 0 ? nil : later.trailingZeroBitCount * 60 + minutes.trailingZeroBitCount
    }

    /// The last matching minute of a day that is not after `minute`, 0…1439.
    func minuteOfDay(through minute: Int) -> Int? {
        guard minute >= 0 else { return nil }
        let hour = minute / 60
        if hours & 1 << hour != 0 {
            let rest = minutes & ((2 << UInt64(minute % 60)) - 1)
            if rest != 0 { return hour * 60 + 63 - rest.leadingZeroBitCount }
        }
        let earlier = hours & ((1 << hour) - 1)
        return earlier == 0 ? nil : (31 - earlier.leadingZeroBitCount) * 60 + 63 - minutes.leadingZeroBitCount
    }

    /// How many times match on a matching day.
    var timesPerDay: Int { minutes.nonzeroBitCount * hours.nonzeroBitCount }

    /// How many times of a day match up to and including `minute`, −1…1439.
    func countTimes(through minute: Int) -> Int {
        guard minute >= 0 else { return 0 }
        let hour = minute / 60
        let before = (hours & ((1 << hour) - 1)).nonzeroBitCount * minutes.nonzeroBitCount
        let within = minutes & ((2 << UInt64(minute % 60)) - 1)
        return before + (hours & 1 << hour != 0 ? within.nonzeroBitCount : 0)
    }

    // MARK: - Local times

    /// The first matching local time after `local`; nil when there is none within 41 years.
    func next(after local: Int) -> Int? {
        let minute = local.flooredQuotient(60) + 1
        let today = minute.flooredQuotient(1440)
        guard let day = day(from: today) else { return nil }
        if day == today {
            if let found = minuteOfDay(from: minute - today * 1440) { return day * 86_400 + found * 60 }
            return self.day(from: today + 1).flatMap(firstTime)
        }
        return firstTime(ofDay: day)
    }

    /// The last matching local time that is not after `local`; nil when there is none within 41 years.
    func previous(atOrBefore local: Int) -> Int? {
        let minute = local.flooredQuotient(60)
        let today = minute.flooredQuotient(1440)
        guard let day = day(through: today) else { return nil }
        if day == today {
            if let found = minuteOfDay(through: minute - today * 1440) { return day * 86_400 + found * 60 }
            return self.day(through: today - 1).flatMap(lastTime)
        }
        return lastTime(ofDay: day)
    }

    /// How many local times match after `after` and not after `through`; exact below `enough`.
    func count(after: Int, through: Int, enough: Int) -> Int {
        guard after < through else { return 0 }
        let first = after.flooredQuotient(60)
        let last = through.flooredQuotient(60)
        let firstDay = first.flooredQuotient(1440)
        let lastDay = last.flooredQuotient(1440)
        let days = countDays(from: firstDay, through: lastDay, enough: enough / max(1, timesPerDay) + 3)
        var count = days * timesPerDay
        if day(from: firstDay) == firstDay { count -= countTimes(through: first - firstDay * 1440) }
        if day(from: lastDay) == lastDay { count -= timesPerDay - countTimes(through: last - lastDay * 1440) }
        return max(0, count)
    }

    private func firstTime(ofDay day: Int) -> Int? {
        minuteOfDay(from: 0).map { day * 86_400 + $0 * 60 }
    }

    private func lastTime(ofDay day: Int) -> Int? {
        minuteOfDay(through: 1439).map { day * 86_400 + $0 * 60 }
    }
}
