import Scheduling
import Testing

@testable import SyncEngine

@Suite struct AlertMachineTests {
    private func policy(recovery: Int = 600, coolDown: Int = 6 * 3600) -> AlertPolicy {
        var policy = AlertPolicy()
        policy.recoveryAfterSeconds = recovery
        policy.coolDownSeconds = coolDown
        return policy
    }

    /// Observes a state at each of some minutes and returns what was told, as `minute:event`.
    private func play(_ states: [(minute: Int, state: AlertEvent?)], _ policy: AlertPolicy? = nil) -> [String] {
        var machine = AlertMachine(followedSince: newYear)
        return states.compactMap { minute, state in
            let now = newYear.advanced(seconds: Int64(minute) * 60)
            return machine.observe(state, at: now, policy: policy ?? self.policy())
                .map { "\(minute):\($0.event.rawValue)" }
        }
    }

    @Test("a problem is told at once and once, its recovery once it has lasted")
    func onceEach() {
        let told = play([(0, nil), (1, .failed), (2, .failed), (60, .failed), (61, nil), (65, nil), (71, nil), (500, nil)])
        #expect(told == ["1:failed", "71:recovered"])
    }

    @Test("a source that flaps is told at most twice, however fast and for however long", arguments: [1, 7, 60, 300])
    func flapping(minutes: Int) {
        var states: [(Int, AlertEvent?)] = []
        for turn in 0..<400 { states.append((turn * minutes, turn.isMultiple(of: 2) ? .failed : nil)) }
        // Between the runs it is looked at as well.
        states += states.map { ($0.0 + minutes / 2, $0.1) }
        states.sort { $0.0 < $1.0 }
        let told = play(states)
        #expect(told.count <= 2 && told.first == "0:failed", "every \(minutes) min: \(told)")
        // Whatever it ends as is told in the end.
        let last = 400 * minutes
        let settled = play(states + [(last, .failed), (last + 359, .failed), (last + 361, .failed)])
        #expect(settled.last.map { $0 == "0:failed" || $0 == "\(last + 361):failed" } == true, "\(settled)")
    }

    @Test("random flapping within the cool-down never tells more than twice between two quiet times")
    func randomFlapping() {
        for seed in UInt64(1)...200 {
            var random = SeededGenerator(seed: seed)
            var machine = AlertMachine(followedSince: newYear)
            let policy = policy()
            let kinds: [AlertEvent?] = [nil, .failed, .partial, .notStarted, .stale]
            var now = newYear
            var told = 0
            for _ in 0..<500 {
                // Always another state than before, so that none lasts for the cool-down of 360 minutes.
                let others = kinds.filter { $0 != machine.current }
                let state = others[Int.random(in: 0..<others.count, using: &random)]
                now = now.advanced(seconds: Int64.random(in: 1...21_000, using: &random))
                if machine.observe(state, at: now, policy: policy) != nil { told += 1 }
                now = now.advanced(seconds: Int64.random(in: 0...500, using: &random))
                if machine.observe(state, at: now, policy: policy) != nil { told += 1 }
            }
            #expect(told <= 2, "seed \(seed): \(told)")
        }
    }

    @Test("what waits for a person is told at once, whatever came before")
    func held() {
        #expect(play([(0, .failed), (1, .held), (2, .held), (3, nil), (14, nil)]) == ["0:failed", "1:held"])
        #expect(play([(0, .failed), (20, nil), (31, nil), (40, .held), (41, .blocked)])
            == ["0:failed", "31:recovered", "40:held", "41:blocked"])
    }

    @Test("another problem is told when it lasts, not when it passes by")
    func change() {
        #expect(play([(0, .failed), (1, .partial), (2, .failed), (30, .failed)]) == ["0:failed"])
        #expect(play([(0, .failed), (1, .partial), (12, .partial)]) == ["0:failed", "12:partial"])
    }

    @Test("while muted nothing is told; what still holds afterwards is")
    func muted() {
        var machine = AlertMachine(followedSince: newYear)
        #expect(machine.observe(.failed, at: newYear, policy: policy(), isMuted: true) == nil)
        let told = machine.observe(.failed, at: newYear.advanced(seconds: 60), policy: policy())
        #expect(told?.event == .failed && told?.previous == nil)
        #expect(machine.observe(nil, at: newYear.advanced(seconds: 90), policy: policy(), isMuted: true) == nil)
        let later = machine.observe(nil, at: newYear.advanced(seconds: 9_000), policy: policy())
        #expect(later?.event == .recovered && later?.previous == .failed)
    }

    @Test("a clock that is set back makes no state last")
    func clock() {
        var machine = AlertMachine(followedSince: newYear.advanced(seconds: 1_000_000))
        #expect(machine.observe(.failed, at: newYear, policy: policy())?.event == .failed)
        #expect(machine.observe(nil, at: newYear.advanced(seconds: 1), policy: policy()) == nil)
        #expect(machine.observe(nil, at: newYear.advanced(seconds: 700), policy: policy())?.event == .recovered)
    }
}

@Suite struct AlertFactsTests {
    private func facts(_ schedule: String = "hourly", paused: Bool = false) throws -> AlertFacts {
        var facts = AlertFacts(
            sync: SyncID(cohort: "big", destination: "seg"),
            schedule: SchedulePolicy(schedule: try Schedule.parse(schedule), zone: .utc, isPaused: paused))
        facts.scheduleLoadedAt = newYear
        return facts
    }

    private func finished(_ outcome: Outcome, at instant: Instant = newYear) -> RunRecord {
        var run = RunRecord.sample()
        run.phase = .finished
        run.outcome = outcome
        run.finishedAt = instant
        run.reason = "because"
        return run
    }

    private func event(
        _ facts: AlertFacts, after minutes: Int = 0, stale: Int? = nil, events: Set<AlertEvent>? = nil
    ) -> String {
        var policy = AlertPolicy()
        policy.staleAfterSeconds = stale
        policy.events = events ?? policy.events
        let now = newYear.advanced(seconds: Int64(minutes) * 60)
        let good = facts.judged.flatMap { $0.outcome == .failed ? nil : $0.finishedAt }
        guard let state = facts.state(policy: policy, lastGood: good, since: newYear, now: now) else { return "open" }
        return state.event?.rawValue ?? "good"
    }

    @Test("each outcome is its state; cancelled runs never get here")
    func outcomes() throws {
        var facts = try facts("manual")
        #expect(event(facts) == "good")
        for (outcome, word) in [(Outcome.failed, "failed"), (.partial, "partial"), (.succeeded, "good"), (.unchanged, "good")] {
            facts.judged = finished(outcome)
            #expect(event(facts) == word)
        }
        facts.judged = finished(.partial)
        #expect(event(facts, events: [.failed]) == "good", "what is not wanted is no problem")
        facts.held = .sample()
        #expect(event(facts) == "held")
        facts.blockedReason = "no secret"
        #expect(event(facts) == "blocked")
    }

    @Test("the destination's alert speaks for its syncs, also of the run that found it blocked")
    func open() throws {
        var facts = try facts("manual")
        facts.judged = finished(.failed)
        facts.isDestinationBlocked = true
        #expect(event(facts) == "open")
        facts.isDestinationBlocked = false
        facts.isExcused = true
        #expect(event(facts) == "open")
        facts.isExcused = false
        facts.active = .sample()
        #expect(event(facts) == "failed", "a run under way changes nothing yet")
    }

    @Test("no run that ended between two looks is passed over")
    func moments() throws {
        var facts = try facts("manual")
        facts.judged = finished(.succeeded)
        facts.unseen = [finished(.failed), finished(.partial), finished(.succeeded)]
        #expect(facts.moments.map { event($0) } == ["failed", "partial", "good"])
        facts.unseen = []
        #expect(facts.moments.map { event($0) } == ["good"])
    }

    @Test("the dead man's switch: an occurrence that did not start within the grace time")
    func notStarted() throws {
        var facts = try facts()
        #expect(event(facts, after: 62) == "good" && event(facts, after: 66) == "not_started")
        facts.lastOccurrence = newYear.advanced(seconds: 3_600)
        #expect(event(facts, after: 66) == "good")
        facts.queued = .sample()
        #expect(event(facts, after: 4) == "good" && event(facts, after: 66) == "not_started")
        facts.queued = nil
        // Passed over, and nothing ran at or after it.
        facts.skip = SkippedOccurrence(
            sync: facts.sync, nominal: newYear.advanced(seconds: 3_600), missed: 0, reason: "the disk is full")
        #expect(event(facts, after: 66) == "not_started")
        facts.lastEnd = newYear.advanced(seconds: 3_700)
        #expect(event(facts, after: 66) == "good", "an earlier run was still under way")
        #expect(event(try self.facts(paused: true), after: 600) == "good")
        #expect(event(try self.facts("manual"), after: 600) == "good")
    }

    @Test("freshness: a good run older than the limit, from the beginning when there was none")
    func stale() throws {
        var facts = try facts()
        facts.lastOccurrence = newYear.advanced(seconds: 86_400)
        #expect(event(facts, after: 61, stale: 3_600) == "stale" && event(facts, after: 59, stale: 3_600) == "good")
        facts.judged = finished(.unchanged, at: newYear.advanced(seconds: 3_600))
        #expect(event(facts, after: 61, stale: 3_600) == "good" && event(facts, after: 121, stale: 3_600) == "stale")
        facts.active = .sample()
        #expect(event(facts, after: 121, stale: 3_600) == "stale", "a run that never ends is no good run")
    }
}
