import Scheduling
import Testing

@testable import SyncEngine

@Suite struct DueOccurrencesTests {
    private let sync = SyncID(cohort: "big", destination: "seg")

    private func due(
        _ text: String = "every 10m", since: Instant = newYear, jitter: Int = 0, catchUp: CatchUpPolicy = .latest,
        paused: Bool = false, of sync: SyncID? = nil
    ) throws -> DueOccurrences {
        let policy = SchedulePolicy(
            schedule: try Schedule.parse(text), zone: .utc, jitterSeconds: jitter, catchUp: catchUp, isPaused: paused)
        return DueOccurrences(sync: sync ?? self.sync, policy: policy, decidedThrough: since)
    }

    private func minute(_ count: Int64) -> Instant { newYear.advanced(seconds: count * 60) }

    @Test("waits for the next occurrence, starts it once, and waits for the one after")
    func onTime() throws {
        var due = try due()
        #expect(due.decide(now: minute(1)) == .wait(until: minute(10)))
        #expect(due.decide(now: minute(10)) == .start(nominal: minute(10), missed: 0, isCatchUp: false))
        #expect(due.decide(now: minute(10)) == .wait(until: minute(20)))
    }

    @Test("all that one gap skips is one run that knows how many")
    func catchUpLatest() throws {
        var due = try due()
        #expect(due.decide(now: minute(65)) == .start(nominal: minute(60), missed: 5, isCatchUp: true))
        #expect(due.decide(now: minute(65)) == .wait(until: minute(70)))
    }

    @Test("catch_up: none starts nothing for what was missed")
    func catchUpNone() throws {
        var due = try due(catchUp: .none)
        guard case .skip(minute(60), 5, _) = due.decide(now: minute(65)) else {
            Issue.record("not skipped")
            return
        }
        #expect(due.decide(now: minute(65)) == .wait(until: minute(70)))
        #expect(due.decide(now: minute(70)) == .start(nominal: minute(70), missed: 0, isCatchUp: false))
    }

    @Test("a run under catch_up: none is never called a catch-up")
    func catchUpNoneNamesNoCatchUp() throws {
        var due = try due(catchUp: .none)
        if case .start(_, _, let isCatchUp) = due.decide(now: minute(60)) { #expect(!isCatchUp) }
    }

    @Test("paused and manual schedules never start")
    func never() throws {
        var paused = try due(paused: true)
        #expect(paused.decide(now: minute(1_000)) == .wait(until: nil))
        var manual = try due("manual")
        #expect(manual.decide(now: minute(1_000)) == .wait(until: nil))
    }

    @Test("jitter is the same each time, within its bound, and differs among syncs")
    func jitter() throws {
        let first = try due(jitter: 300)
        let other = try due(jitter: 300, of: SyncID(cohort: "small", destination: "seg"))
        var delays: Set<Int64> = []
        var agreements = 0
        for count in Int64(1)...200 {
            let nominal = minute(count * 10)
            let delay = first.start(of: nominal).milliseconds(since: nominal)
            #expect((0...300_000).contains(delay))
            #expect(first.start(of: nominal) == (try due(jitter: 300)).start(of: nominal))
            delays.insert(delay)
            if other.start(of: nominal) == first.start(of: nominal) { agreements += 1 }
        }
        #expect(delays.count > 150)
        #expect(agreements < 5)
    }

    @Test("a jittered start comes at its own time and not before")
    func jitteredStart() throws {
        var due = try due(jitter: 120)
        let start = due.start(of: minute(10))
        #expect(due.decide(now: start.advanced(milliseconds: -1)) == .wait(until: start))
        #expect(due.decide(now: start) == .start(nominal: minute(10), missed: 0, isCatchUp: false))
    }

    @Test("a clock that was in 2099 and is corrected starves nothing")
    func wrongClock() throws {
        var due = try due()
        let far = try #require(Instant.parse(rfc3339: "2099-06-01T00:00:00Z"))
        guard case .start(_, let missed, true) = due.decide(now: far) else {
            Issue.record("nothing due in 2099")
            return
        }
        #expect(missed > 100)
        #expect(due.decide(now: minute(15)) == .wait(until: minute(20)))
        #expect(due.decide(now: minute(20)) == .start(nominal: minute(20), missed: 0, isCatchUp: false))
    }

    @Test("the engine started while the clock was wrong goes on after it is corrected")
    func wrongClockInStore() throws {
        let far = try #require(Instant.parse(rfc3339: "2099-06-01T00:00:00Z"))
        var due = try due(since: far)
        #expect(due.decide(now: minute(15)) == .wait(until: minute(20)))
    }

    @Test("under any walk of the clock an instant starts at most one run, none before its time, and none is starved")
    func clockWalks() throws {
        for seed in UInt64(1)...60 {
            var dice = SeededGenerator(seed: seed)
            let jitter = dice.chance(50) ? Int.random(in: 0...400, using: &dice) : 0
            let catchUp: CatchUpPolicy = dice.chance(50) ? .latest : .none
            var due = try due(jitter: jitter, catchUp: catchUp)
            var taken: Set<Instant> = []
            var started: Set<Instant> = []
            var now = newYear
            for _ in 0..<400 {
                switch Int.random(in: 0..<20, using: &dice) {
                case 0: now = now.advanced(seconds: Int64.random(in: -7_200...7_200, using: &dice))
                case 1: now = now.advanced(seconds: Int64.random(in: 0...90_000, using: &dice))
                default: now = now.advanced(seconds: Int64.random(in: 1...120, using: &dice))
                }
                switch due.decide(now: now) {
                case .wait(let until):
                    let wake = try #require(until, "seed \(seed)")
                    #expect(wake > now, "seed \(seed)")
                    #expect(wake.milliseconds(since: now) <= Int64(600 + 400 + 600) * 1_000, "seed \(seed): starved")
                case .start(let nominal, let missed, _):
                    #expect(due.start(of: nominal) <= now && missed >= 0, "seed \(seed)")
                    // What the store does: the second run for one instant is refused.
                    if taken.insert(nominal).inserted { #expect(started.insert(nominal).inserted, "seed \(seed)") }
                case .skip(let nominal, _, let reason):
                    #expect(catchUp == .none && !reason.isEmpty, "seed \(seed)")
                    taken.insert(nominal)
                }
            }
            #expect(started.count > 20, "seed \(seed): \(started.count)")
        }
    }

    @Test("with a clock that only goes forward nothing is decided twice and every occurrence is counted once")
    func everyOccurrenceOnce() throws {
        for seed in UInt64(1)...40 {
            var dice = SeededGenerator(seed: seed)
            var due = try due()
            var now = newYear
            var decided = 0
            var last = newYear
            for _ in 0..<300 {
                now = now.advanced(seconds: Int64.random(in: 1...3_000, using: &dice))
                if case .start(let nominal, let missed, _) = due.decide(now: now) {
                    #expect(nominal > last, "seed \(seed)")
                    last = nominal
                    decided += missed + 1
                }
            }
            #expect(decided == Int(last.milliseconds(since: newYear) / 600_000), "seed \(seed)")
        }
    }
}
