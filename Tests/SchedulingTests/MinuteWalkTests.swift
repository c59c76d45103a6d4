import Glibc
import Testing

@testable import Scheduling

/// Compares the search with a walk over every minute, around every clock change of zones that change in every manner.
@Suite struct MinuteWalkTests {
    /// A schedule and, written out by hand, what it matches.
    struct Sample: Sendable {
        let text: String
        let followsClock: Bool
        let matches: @Sendable (Shown) -> Bool
    }

    /// What clock and calendar show.
    struct Shown: Sendable {
        let minute: Int
        let hour: Int
        let day: Int
        let month: Int
        let weekday: Int
    }

    static let samples = [
        Sample(text: "daily at 02:30", followsClock: false) { $0.hour == 2 && $0.minute == 30 },
        Sample(text: "daily at 00:00", followsClock: false) { $0.hour == 0 && $0.minute == 0 },
        Sample(text: "weekdays at 02:05", followsClock: false) {
            (1...5).contains($0.weekday) && $0.hour == 2 && $0.minute == 5
        },
        Sample(text: "monthly on 30 at 23:59", followsClock: false) {
            $0.day == 30 && $0.hour == 23 && $0.minute == 59
        },
        Sample(text: "*/20 1-3 * * *", followsClock: false) { (1...3).contains($0.hour) && $0.minute % 20 == 0 },
        Sample(text: "10 0,2,3,12,23 13 * sun,fri", followsClock: false) {
            [0, 2, 3, 12, 23].contains($0.hour) && $0.minute == 10
                && ($0.day == 13 || $0.weekday == 0 || $0.weekday == 5)
        },
        Sample(text: "hourly", followsClock: true) { $0.minute == 0 },
        Sample(text: "*/7 * * * *", followsClock: true) { $0.minute % 7 == 0 },
        Sample(text: "30 */2 * 3,10-12 *", followsClock: true) {
            $0.minute == 30 && $0.hour % 2 == 0 && ($0.month == 3 || $0.month >= 10)
        },
        Sample(text: "15 2-2/1 */2 * 0-4", followsClock: true) {
            $0.minute == 15 && $0.hour == 2 && $0.day % 2 == 1 && $0.weekday <= 4
        },
    ]

    /// Every minute of a stretch of time, with what clocks show.
    private struct Walk {
        var instants: [Int] = []
        var locals: [Int] = []
        var shown: [Shown] = []

        init(zone: Zone, from: Int, to: Int) {
            for second in stride(from: from, through: to, by: 60) {
                let local = second + zone.offset(at: Instant(seconds: Int64(second)))
                instants.append(second)
                locals.append(local)
                shown.append(Walk.show(local))
            }
        }

        static func show(_ local: Int) -> Shown {
            let day = local.flooredQuotient(86_400)
            let minute = (local - day * 86_400) / 60
            let date = CivilDate(days: day)
            return Shown(
                minute: minute % 60, hour: minute / 60, day: date.day, month: date.month, weekday: (day + 4) % 7)
        }
    }

    /// The instants at which a sample must fire within a walk: by the rules as PRODUCT.md words them.
    private func expected(_ sample: Sample, _ walk: Walk, skipped: [(local: Int, shown: Shown, after: Int)]) -> [Int] {
        var fires: Set<Int> = []
        var seen: Set<Int> = []
        for (index, shown) in walk.shown.enumerated() where sample.matches(shown) {
            // A time that repeats runs once, the first time.
            if sample.followsClock || seen.insert(walk.locals[index]).inserted { fires.insert(walk.instants[index]) }
        }
        if !sample.followsClock {
            // A time that is skipped runs once at the first instant after the gap.
            for gap in skipped where sample.matches(gap.shown) { fires.insert(gap.after) }
        }
        return fires.sorted()
    }

    /// The changes of one zone; of names that change alike from 1970 to 2037 there is one.
    struct Changes: Sendable {
        let zone: Zone
        let transitions: [ZoneTransition]
    }

    /// Every zone that the system knows, without those that only repeat another one.
    private static let everyZone: [Changes] = {
        var known: Set<[Int64]> = []
        var all: [Changes] = []
        for name in Zone.knownIdentifiers where name != "Factory" {
            guard let zone = try? Zone.named(name) else { continue }
            let transitions = zone.transitions(from: Instant(seconds: 0), to: Instant(seconds: 2_145_916_800))
            let key = [Int64(zone.offset(at: Instant(seconds: 0)))] + transitions.flatMap { [$0.at.seconds, Int64($0.offsetAfter)] }
            if known.insert(key).inserted { all.append(Changes(zone: zone, transitions: transitions)) }
        }
        return all
    }()

    private static let parts = 8

    /// `ROLLCALL_ZONES=all` walks more than a day around every change instead of some hours, which takes an hour.
    private static let isWide = getenv("ROLLCALL_ZONES").map { String(cString: $0) } == "all"

    /// Every change of every zone from 1970 to 2037, with every sample. What lies further away than the jump and three hours is
    /// walked for the zones below, or for all with `ROLLCALL_ZONES=all`.
    @Test(arguments: 0..<parts)
    func everyChangeOfEveryZone(part: Int) {
        var generator = SeededGenerator(seed: UInt64(part))
        var (changes, fires) = (0, 0)
        var walks: [[Int64]: Walk] = [:]
        for index in stride(from: part, to: Self.everyZone.count, by: Self.parts) {
            let zone = Self.everyZone[index].zone
            // A walk by minutes cannot follow an offset with seconds (Monrovia until 1972).
            for change in Self.everyZone[index].transitions where change.offsetBefore % 60 == 0 && change.offsetAfter % 60 == 0 {
                let middle = Int(change.at.seconds)
                let reach = Self.isWide ? 26 * 3_600 : abs(change.jump) + 3 * 3_600
                // Zones that change alike, and do so only once in the stretch, show the same clocks.
                let near = zone.transitions(
                    from: Instant(seconds: Int64(middle - 2 * reach)), to: Instant(seconds: Int64(middle + reach)))
                let key = near.flatMap { [$0.at.seconds, Int64($0.offsetBefore), Int64($0.offsetAfter)] }
                let walk = walks[key] ?? Walk(
                    zone: zone, from: middle - reach - max(0, -change.jump) - 3_600, to: middle + reach)
                walks[key] = walk
                changes += 1
                fires += compare(walk, around: middle, reach: reach, in: zone, &generator)
            }
        }
        print("part \(part): \(changes) changes, \(Self.samples.count) schedules, \(fires) fires")
        #expect(changes > 1_000 && fires > changes * Self.samples.count)
    }

    @Test(arguments: [
        "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Casey", "Pacific/Apia",
        "Asia/Kolkata", "UTC",
    ])
    func searchAndWalkAgree(name: String) throws {
        let zone = try Zone.named(name)
        let transitions = try zone.transitions(from: instant("2005-01-01"), to: instant("2031-01-01"))
        var middles = transitions.map { Int($0.at.seconds) }
        if middles.isEmpty { middles = [1_774_746_000, 1_709_164_800, 1_798_700_400] }
        var generator = SeededGenerator(seed: 41)
        for middle in middles {
            // The walk begins earlier than what is compared, so that a repeat is known as one.
            let walk = Walk(zone: zone, from: middle - 30 * 3_600, to: middle + 26 * 3_600)
            _ = compare(walk, around: middle, reach: 26 * 3_600, in: zone, &generator)
        }
    }

    private static let schedules = samples.map { try? Schedule.parse($0.text) }

    /// Compares search and walk within `reach` seconds of an instant.
    /// - Returns: how many fires there were.
    private func compare(
        _ walk: Walk, around middle: Int, reach: Int, in zone: Zone, _ generator: inout SeededGenerator
    ) -> Int {
        var skipped: [(local: Int, shown: Shown, after: Int)] = []
        for index in 1..<walk.locals.count where walk.locals[index] > walk.locals[index - 1] + 60 {
            for local in stride(from: walk.locals[index - 1] + 60, to: walk.locals[index], by: 60) {
                skipped.append((local, Walk.show(local), walk.instants[index]))
            }
        }
        let from = Instant(seconds: Int64(middle - reach))
        let to = Instant(seconds: Int64(middle + reach))
        var total = 0
        for (sample, schedule) in zip(Self.samples, Self.schedules) {
            let expected = expected(sample, walk, skipped: skipped).filter { $0 > Int(from.seconds) }
            let fires = schedule?.fires(after: from, through: to, in: zone, limit: 1_000) ?? []
            total += fires.count
            let found = fires.map { Int($0.nominal.seconds) }
            if found != expected {
                Issue.record("\(zone.identifier) \(sample.text) around \(Instant(seconds: Int64(middle))): \(found), not \(expected)")
            }
            guard let schedule else { continue }
            let wrong = wrong(fires, of: schedule, in: zone, from: from, to: to, &generator)
            if wrong > 0 {
                Issue.record("\(zone.identifier) \(sample.text) around \(Instant(seconds: Int64(middle))): \(wrong) do not agree")
            }
        }
        return total
    }

    /// Every second between two fires maps to the later one going forward, and to the earlier one going back.
    private func wrong(
        _ fires: [Fire], of schedule: Schedule, in zone: Zone, from: Instant, to: Instant, _ generator: inout SeededGenerator
    ) -> Int {
        var wrong = schedule.count(after: from, through: to, in: zone, limit: 1_000) == fires.count ? 0 : 1
        var borders = [from] + fires.map(\.nominal)
        // All borders of few fires, some of many.
        if borders.count > 12 { borders = (0..<12).compactMap { _ in borders.randomElement(using: &generator) } }
        for border in borders {
            let after = fires.first { $0.nominal > border }
            let end = after?.nominal ?? to.advanced(milliseconds: 1)
            let inside = Int64.random(in: border.milliseconds..<end.milliseconds, using: &generator)
            for moment in [border, Instant(milliseconds: inside), end.advanced(milliseconds: -1)] {
                if let after, schedule.next(after: moment, in: zone) != after { wrong += 1 }
                let before = fires.last { $0.nominal <= moment }
                if schedule.latest(atOrBefore: moment, after: from, in: zone) != before { wrong += 1 }
                let count = fires.count { $0.nominal <= moment }
                if schedule.count(after: from, through: moment, in: zone, limit: 1000) != count { wrong += 1 }
            }
        }
        for fire in fires {
            if fire.local != zone.local(of: fire.nominal) { wrong += 1 }
            if fire.offsetSeconds != zone.offset(at: fire.nominal) { wrong += 1 }
            if fire.abbreviation != zone.abbreviation(at: fire.nominal) { wrong += 1 }
        }
        return wrong
    }

    /// Over decades and at random, where no clock change need be near.
    @Test func nextLatestAndCountAgreeAnywhere() throws {
        let seed: UInt64 = 42
        var generator = SeededGenerator(seed: seed)
        let zones = try ["UTC", "America/New_York", "Pacific/Apia", "Africa/Monrovia"].map { try Zone.named($0) }
        let texts = Self.samples.map(\.text) + ["every 7h", "every 90s", "realtime", "0 0 29 2 *", "0 12 31 * mon"]
        for text in texts {
            let schedule = try Schedule.parse(text)
            for zone in zones {
                let range: ClosedRange<Int64> = -3_000_000_000_000...5_000_000_000_000
                let start = Instant(milliseconds: .random(in: range, using: &generator))
                let fires = schedule.fires(after: start, in: zone, limit: 25)
                #expect(fires.count == 25, "seed \(seed)")
                guard let last = fires.last else { continue }
                let place = "\(zone.identifier) \(text) from \(start) seed \(seed)"
                #expect(zip(fires, fires.dropFirst()).allSatisfy { $0.nominal < $1.nominal }, "\(place)")
                #expect(schedule.latest(atOrBefore: last.nominal, after: start, in: zone) == last, "\(place)")
                #expect(schedule.count(after: start, through: last.nominal, in: zone, limit: 99) == 25, "\(place)")
                let end = last.nominal.advanced(seconds: 1)
                #expect(wrong(fires, of: schedule, in: zone, from: start, to: end, &generator) == 0, "\(place)")
            }
        }
    }

    /// The bit arithmetic of patterns against a walk over days, in every combination of day fields.
    @Test func daysOfPatternsAreThoseOfACalendar() throws {
        let first = CivilDate.days(year: 2023, month: 11, day: 1)
        let dates = (first..<first + 520).map { CivilDate(days: $0) }
        for (day, days) in [("*", Set(1...31)), ("*/9", [1, 10, 19, 28]), ("29,31", [29, 31]), ("1-31", Set(1...31))] {
            for (weekday, weekdays) in [("*", Set(0...6)), ("*/4", [0, 4]), ("sat,7", [0, 6]), ("wed", [3])] {
                let schedule = try Schedule.parse("0 12 \(day) * \(weekday)")
                let isEither = !day.hasPrefix("*") && !weekday.hasPrefix("*")
                let expected = dates.filter {
                    let byDay = days.contains($0.day)
                    let byWeekday = weekdays.contains($0.weekday.rawValue)
                    return isEither ? byDay || byWeekday : byDay && byWeekday
                }
                let start = Instant(seconds: Int64(first) * 86_400)
                let end = start.advanced(seconds: 520 * 86_400)
                let found = schedule.fires(after: start, through: end, in: .utc, limit: 600)
                #expect(found.map(\.local.date) == expected, "\(schedule)")
            }
        }
    }
}
