import Scheduling

/// What a schedule form means: words, fires, notes, collisions, effect; or where it goes wrong.
struct SchedulePreview: Sendable {
    struct Row: Sendable {
        var local: LocalTime
        var at: Instant
        var note: String?
        var with: [String]
    }

    /// What is wrong, by field. Saving needs none.
    var problems: [ScheduleEditor.Field: String] = [:]
    /// Byte offset of the problem in the schedule's text.
    var problemColumn: Int?
    var suggestions: [String] = []
    /// What follows is from the last form that made sense.
    var isOutdated = false
    var words = ""
    var zoneName = "UTC"
    var zoneNote = ""
    var rows: [Row] = []
    var clockChanges: [String] = []
    var effects: [String] = []
    var warnings: [String] = []
    /// Whether this schedule and others fire, per weekday (Monday first) and hour.
    var week: [[(own: Bool, others: Bool)]] = []
    /// The longest stretch of whole hours of the coming week without a fire.
    private var emptyHours: (start: Instant, end: Instant)?

    static let fireLimit = 48

    init() {}

    init(
        settings: ScheduleSettings, before: ScheduleSettings, zone found: Result<Zone, ZoneError>,
        others: [CohortPlan], othersByHour: [Bool], quota: QuotaFacts?, now: Instant, last: SchedulePreview
    ) {
        let zone = read(found)
        let schedule = read(schedule: settings.when)
        if let jitter = settings.jitter, Self.seconds(of: jitter) == nil {
            problems[.jitter] = "write a time such as 30s, 5m or 1h"
        }
        guard let zone, let schedule else {
            keep(last)
            return
        }
        words = schedule.words
        zoneName = zone.identifier
        describe(zone, schedule, now)
        list(schedule, zone, others, now)
        map(schedule, zone, othersByHour, now)
        compare(schedule, settings, before, zone, quota, now)
    }

    var isValid: Bool { problems.isEmpty }

    private mutating func keep(_ last: SchedulePreview) {
        let (problems, column, suggestions) = (problems, problemColumn, suggestions)
        self = last
        self.problems = problems
        problemColumn = column
        self.suggestions = suggestions
        isOutdated = true
    }

    private mutating func read(_ found: Result<Zone, ZoneError>) -> Zone? {
        switch found {
        case .success(let zone): return zone
        case .failure(let error):
            problems[.timezone] = error.description
            return nil
        }
    }

    private mutating func read(schedule text: String) -> Schedule? {
        do throws(ScheduleError) {
            return try Schedule.read(text)
        } catch {
            problems[.when] = error.message
            problemColumn = error.column
            suggestions = error.suggestions
            return nil
        }
    }

    private mutating func describe(_ zone: Zone, _ schedule: Schedule, _ now: Instant) {
        let offset = zone.offset(at: now)
        let sign = offset < 0 ? "-" : "+"
        let minutes = abs(offset) / 60 % 60
        let hours = "UTC\(sign)\(abs(offset) / 3600)" + (minutes == 0 ? "" : ":\(DurationText.two(Int64(minutes)))")
        zoneNote = "\(zone.abbreviation(at: now)), \(hours), now \(zone.local(of: now).clock.prefix(5))"
        let changes = zone.transitions(from: now, to: now.advanced(seconds: 370 * 86_400)).prefix(2)
        clockChanges = changes.filter { $0.jump != 0 }.map {
            // What it does stands first: a pane may be too narrow for the rest.
            "\($0.localBefore.dateText) \(Self.effect(of: $0, on: schedule, in: zone))  "
                + "\($0.localBefore.clock) to \($0.localAfter.clock)"
        }
    }

    /// What a change of the clocks does to a schedule, which may lie far behind the fires that are listed.
    private static func effect(of change: ZoneTransition, on schedule: Schedule, in zone: Zone) -> String {
        let hours: Int64 = 4 * 3600
        let near = schedule.fires(after: change.at.advanced(seconds: -hours), in: zone, limit: 1_000)
        let marked = near.prefix { $0.nominal <= change.at.advanced(seconds: hours) }.filter { $0.note != nil }
        guard let first = marked.first, let note = first.note else {
            return "clocks \(change.jump > 0 ? "forward" : "back"): no fires affected"
        }
        let more = marked.count > 1 ? ", and \(marked.count - 1) more" : ""
        return switch note {
        case .shiftedByGap(let wanted): "\(wanted.clock.prefix(5)) skipped: runs right after\(more)"
        case .firstOfRepeated: "\(first.local.clock.prefix(5)) comes twice: runs once\(more)"
        }
    }

    private mutating func list(_ schedule: Schedule, _ zone: Zone, _ others: [CohortPlan], _ now: Instant) {
        rows = schedule.fires(after: now, in: zone, limit: Self.fireLimit).map { fire in
            Row(local: fire.local, at: fire.nominal, note: fire.note?.description, with: [])
        }
        // Only what can be on the screen at once is compared with everything else.
        for index in rows.indices.prefix(others.count > 100 ? 12 : 40) {
            let minute = Instant(seconds: rows[index].at.seconds / 60 * 60)
            rows[index].with = others.filter {
                $0.schedule.latest(
                    atOrBefore: minute.advanced(seconds: 59), after: minute.advanced(seconds: -1), in: $0.zone) != nil
            }.map(\.cohort)
        }
    }

    private mutating func compare(
        _ schedule: Schedule, _ settings: ScheduleSettings, _ before: ScheduleSettings, _ zone: Zone,
        _ quota: QuotaFacts?, _ now: Instant
    ) {
        let count = settings.isPaused ? 0 : schedule.firesPerMonth(in: zone, from: now)
        let oldSchedule = try? Schedule.read(before.when)
        let old = before.isPaused ? 0 : oldSchedule?.firesPerMonth(in: zone, from: now) ?? 0
        let was = old == count ? "" : " (was \(NumberText.grouped(old)))"
        effects.append("\(NumberText.counted(count, "run")) in 31 days\(was)")
        if let gap = longestGap(schedule, zone, now) { effects.append("longest time between two runs \(gap)") }
        if settings.isPaused { warnings.append("paused: nothing fires until it is resumed") }
        if schedule.isManual { warnings.append("manual: runs only when it is started by hand") }
        if let quota {
            let planned = max(0, quota.planned &- old &+ count)
            effects.append(
                "downloads of \(quota.source): \(NumberText.grouped(planned)) planned a month, "
                    + "\(NumberText.grouped(quota.limit)) allowed, \(NumberText.grouped(quota.used)) used")
            if planned > quota.limit { warnings.append("the month's downloads do not suffice for all schedules") }
        }
        if let shared = rows.first(where: { !$0.with.isEmpty }) {
            let names = shared.with.prefix(3).joined(separator: ", ")
            let more = shared.with.count > 3 ? " and \(shared.with.count - 3) more" : ""
            warnings.append("\(shared.local.clock) is shared with \(names)\(more)")
        }
    }

    /// The longest time between two of the next fires, nights and weekends of the coming week included.
    private func longestGap(_ schedule: Schedule, _ zone: Zone, _ now: Instant) -> String? {
        var longest = zip(rows, rows.dropFirst()).map { $1.at.milliseconds(since: $0.at) }.max()
        if let (start, end) = emptyHours, let next = schedule.next(after: end.advanced(seconds: -1), in: zone),
            let last = schedule.latest(atOrBefore: start, after: start.advanced(seconds: -8 * 86_400), in: zone)
        {
            longest = max(longest ?? 0, next.nominal.milliseconds(since: last.nominal))
        }
        return longest.map { DurationText.countdown($0).text }
    }

    /// The coming seven days, hour by hour on the zone's clock.
    private mutating func map(_ schedule: Schedule, _ zone: Zone, _ others: [Bool], _ now: Instant) {
        let own = Self.hours(of: schedule, zone, from: now)
        let start = Self.hour(of: now)
        week = Array(repeating: Array(repeating: (false, false), count: 24), count: 7)
        var emptySince: Int?
        var longestEmpty = 0..<0
        for (hour, fires) in own.enumerated() {
            let local = zone.local(of: start.advanced(seconds: Int64(hour) * 3_600))
            let day = (local.weekday.rawValue + 6) % 7
            week[day][local.hour].own = week[day][local.hour].own || fires
            if others.indices.contains(hour), others[hour] { week[day][local.hour].others = true }
            emptySince = fires ? nil : emptySince ?? hour
            if let first = emptySince, hour - first >= longestEmpty.count { longestEmpty = first..<(hour + 1) }
        }
        guard !longestEmpty.isEmpty else { return }
        emptyHours = (
            start.advanced(seconds: Int64(longestEmpty.lowerBound) * 3_600 - 1),
            start.advanced(seconds: Int64(longestEmpty.upperBound) * 3_600)
        )
    }

    private static func hour(of now: Instant) -> Instant {
        Instant(seconds: now.seconds - ((now.seconds % 3_600) + 3_600) % 3_600)
    }

    /// In which of the coming 168 hours a schedule fires. Looks once an hour, however often that is.
    static func hours(of schedule: Schedule, _ zone: Zone, from now: Instant) -> [Bool] {
        var hours = [Bool](repeating: false, count: 168)
        let start = hour(of: now)
        var last = start.advanced(seconds: -1)
        while let fire = schedule.next(after: last, in: zone) {
            let hour = fire.nominal.milliseconds(since: start) / DurationText.hour
            guard hour >= 0, hour < 168 else { break }
            hours[Int(hour)] = true
            last = max(fire.nominal, start.advanced(seconds: (hour + 1) * 3_600 - 1))
        }
        return hours
    }

    /// A span as `rollcall.yaml` writes it: a number and s, m, h or d.
    static func seconds(of text: String) -> Int? {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let last = text.last, let unit = units[last], text.utf8.count <= 9, let number = Int(text.dropLast()),
            number >= 0, text.first?.isNumber == true
        else { return nil }
        return number * unit
    }
}
