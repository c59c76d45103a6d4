import Scheduling

/// Spans of time as people read them, and how long each text holds.
enum DurationText {
    static let second: Int64 = 1_000
    static let minute: Int64 = 60_000
    static let hour: Int64 = 3_600_000
    static let day: Int64 = 86_400_000

    /// What is left until something: `48s`, `2m48s`, `57m`, `13h02m`, `6d21h`, `400d`; with the size of its last digit
    /// in milliseconds.
    static func countdown(_ milliseconds: Int64) -> (text: String, step: Int64) {
        let left = max(0, milliseconds)
        if left < minute { return ("\(left / second)s", second) }
        if left < 10 * minute { return ("\(left / minute)m\(two(left % minute / second))s", second) }
        return coarse(left)
    }

    /// How long ago something was: `48s`, `57m`, `4h57m`, `10h`, `3d`.
    static func age(_ milliseconds: Int64) -> (text: String, step: Int64) {
        let age = max(0, milliseconds)
        if age < minute { return ("\(age / second)s", second) }
        if age < hour { return ("\(age / minute)m", minute) }
        if age < 10 * hour { return coarse(age) }
        if age < day { return ("\(age / hour)h", hour) }
        return ("\(age / day)d", day)
    }

    private static func coarse(_ span: Int64) -> (text: String, step: Int64) {
        if span < hour { return ("\(span / minute)m", minute) }
        if span < day { return ("\(span / hour)h\(two(span % hour / minute))m", minute) }
        if span < 10 * day { return ("\(span / day)d\(two(span % day / hour))h", hour) }
        return ("\(span / day)d", day)
    }

    /// How long a run took: `0.4s`, `31s`, `10m11s`, `2h05m`.
    static func taken(seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "-" }
        if seconds < 20 { return NumberText.oneDecimal(seconds) + "s" }
        return countdown(Int64(seconds * 1000)).text
    }

    static func two(_ number: Int64) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}

/// Whether times are shown as spans, on the zone's clock, or in UTC.
package enum TimeMode: String, Sendable, CaseIterable {
    case relative, local, utc
}

/// Words a time for the screen and remembers when the first of those words will be another.
struct Ticker: Sendable {
    let now: Instant
    let mode: TimeMode
    let zone: Zone
    /// The first instant at which something drawn changes by itself; nil when nothing does.
    private(set) var next: Instant?

    init(now: Instant, mode: TimeMode, zone: Zone) {
        self.now = now
        self.mode = mode
        self.zone = mode == .utc ? .utc : zone
    }

    /// Notes that something drawn changes at an instant.
    mutating func expects(_ instant: Instant) {
        guard instant > now else { return }
        next = min(next ?? instant, instant)
    }

    /// `in 2m48s`, `due` in the minute after, then `late 12m`; a clock when times are not relative.
    mutating func countdown(to instant: Instant, prefix: String = "in ") -> String {
        guard mode == .relative else { return coming(instant) }
        let left = instant.milliseconds(since: now)
        if left >= 0 {
            let (text, step) = DurationText.countdown(left)
            expects(now.advanced(milliseconds: left % step + 1))
            return prefix + text
        }
        if left > -DurationText.minute {
            expects(instant.advanced(milliseconds: DurationText.minute))
            return "due"
        }
        return "late " + span(since: instant)
    }

    /// `57m`; a short clock, or the date of another day, when times are not relative.
    mutating func age(of instant: Instant) -> String {
        guard mode != .relative else { return span(since: instant) }
        let text = moment(instant)
        return text.count == 8 ? String(text.prefix(5)) : text
    }

    /// How long ago, whatever the mode.
    mutating func span(since instant: Instant) -> String {
        let age = max(0, now.milliseconds(since: instant))
        let (text, step) = DurationText.age(age)
        expects(now.advanced(milliseconds: step - age % step))
        return text
    }

    /// How long until, whatever the mode.
    mutating func span(until instant: Instant) -> String {
        let left = max(0, instant.milliseconds(since: now))
        let (text, step) = DurationText.countdown(left)
        expects(now.advanced(milliseconds: left % step + 1))
        return text
    }

    /// A clock for today, the weekday and clock within a week, a date after that: `10:57:12`, `Sun 06:30`, `12-24`.
    private func coming(_ instant: Instant) -> String {
        let local = zone.local(of: instant)
        let days = instant.milliseconds(since: now) / 86_400_000
        guard local.date != zone.local(of: now).date, (0..<6).contains(days) else { return moment(instant) }
        return "\(local.weekday.name.prefix(3)) \(local.clock.prefix(5))"
    }

    /// A clock for today, a date for other days: `10:57:12`, `11-24`, `2025-11-24`.
    func moment(_ instant: Instant) -> String {
        let local = zone.local(of: instant)
        let today = zone.local(of: now)
        if local.date == today.date { return clock(instant) }
        return local.year == today.year ? String(local.dateText.dropFirst(5)) : local.dateText
    }

    /// `10:57:12`.
    func clock(_ instant: Instant) -> String {
        let local = zone.local(of: instant)
        let parts = [local.hour, local.minute, local.second]
        return parts.map { DurationText.two(Int64($0)) }.joined(separator: ":")
    }

    /// `10:57:12.081`.
    func preciseClock(_ instant: Instant) -> String {
        let rest = Int(instant.milliseconds &- instant.seconds &* 1000)
        return clock(instant) + "." + String(String(1000 + rest).dropFirst())
    }

    /// `2026-11-24 10:57:12`.
    func full(_ instant: Instant) -> String {
        "\(zone.local(of: instant).dateText) \(clock(instant))"
    }

    /// `Mon 23 Nov 11:00`.
    func dayAndClock(_ local: LocalTime) -> String {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let month = months.indices.contains(local.month - 1) ? months[local.month - 1] : ""
        let day = local.day < 10 ? " \(local.day)" : "\(local.day)"
        return "\(local.weekday.name.prefix(3)) \(day) \(month) \(local.clock)"
    }
}
