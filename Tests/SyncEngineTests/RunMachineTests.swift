import Scheduling
import Testing

@testable import SyncEngine

@Suite struct RunMachineTests {
    private let later = newYear.advanced(seconds: 60)

    private static let hold = Hold(guardName: "shrink", detail: "too many")
    private static let approval = Approval(by: "uid:0", at: newYear, reason: nil)

    private static let events: [RunEvent] = [
        .started, .fetched(.sample(members: 3), badRows: []), .fetchFailed("f"),
        .planned(.sample(entered: 3), holds: [], notes: []), .planned(.sample(entered: 3), holds: [hold], notes: ["n"]),
        .planFailed("p"), .approved(approval), .discarded(reason: "d"), .replaced(by: RunID(9)),
        .cancelRequested(reason: "c"), .sent(DeliveryCounts()), .sendingEnded(.complete, newlyOwed: 0),
        .ledgerWritten(members: 3), .storageFailed("s"),
    ]

    /// A run that came to this phase in the usual way.
    private static func run(in phase: Phase) -> RunMachine {
        var machine = RunMachine(.sample())
        guard phase != .queued else { return machine }
        _ = machine.handle(.started, at: newYear)
        guard phase != .fetching else { return machine }
        _ = machine.handle(.fetched(.sample(members: 3), badRows: []), at: newYear)
        guard phase != .planning else { return machine }
        let holds = phase == .held ? [hold] : []
        _ = machine.handle(.planned(.sample(entered: 3), holds: holds, notes: []), at: newYear)
        guard phase == .finished else { return machine }
        _ = machine.handle(.storageFailed("disk"), at: newYear)
        return machine
    }

    private static func name(_ event: RunEvent) -> String { String("\(event)".prefix { $0 != "(" }) }

    @Test("each event moves a run only from where it belongs", arguments: Phase.allCases)
    func table(phase: Phase) {
        let moves: [Phase: [String: Set<Phase>]] = [
            .queued: ["started": [.fetching], "cancelRequested": [.finished], "storageFailed": [.finished]],
            .fetching: [
                "fetched": [.planning], "fetchFailed": [.finished], "cancelRequested": [.finished],
                "storageFailed": [.finished],
            ],
            .planning: [
                "planned": [.sending, .held], "planFailed": [.finished], "cancelRequested": [.finished],
                "storageFailed": [.finished],
            ],
            .held: [
                "approved": [.sending], "discarded": [.finished], "replaced": [.finished],
                "cancelRequested": [.finished], "storageFailed": [.finished],
            ],
            .sending: ["storageFailed": [.finished]],
            .finished: [:],
        ]
        for event in Self.events {
            let before = Self.run(in: phase)
            #expect(before.record.phase == phase)
            var after = before
            let actions = after.handle(event, at: later)
            let allowed = moves[phase]?[Self.name(event)] ?? [phase]
            #expect(allowed.contains(after.record.phase), "\(phase), \(event) → \(after.record.phase)")
            let speaksWhileSending = phase == .sending
                && ["sent", "sendingEnded", "cancelRequested"].contains(Self.name(event))
            if allowed == [phase], !speaksWhileSending {
                #expect(after == before && actions.isEmpty, "\(phase), \(event)")
            }
            checkShape(after.record)
        }
    }

    /// What the store's own CHECKs demand of a record.
    private func checkShape(_ record: RunRecord, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect((record.phase == .finished) == (record.outcome != nil), sourceLocation: sourceLocation)
        #expect((record.outcome == nil) == (record.finishedAt == nil), sourceLocation: sourceLocation)
        if record.phase == .held { #expect(!record.holds.isEmpty, sourceLocation: sourceLocation) }
        if record.phase == .held || record.phase == .sending {
            #expect(record.plan != nil, sourceLocation: sourceLocation)
        }
    }

    @Test("any row of events leaves a record of the right shape, and nothing after the end counts")
    func randomEvents() {
        for seed in UInt64(1)...500 {
            var dice = SeededGenerator(seed: seed)
            var machine = RunMachine(.sample())
            for _ in 0..<30 {
                let event = Self.events[Int.random(in: 0..<Self.events.count, using: &dice)]
                let before = machine.record
                let actions = machine.handle(event, at: later)
                checkShape(machine.record)
                if before.phase == .finished { #expect(machine.record == before && actions.isEmpty, "seed \(seed)") }
                if actions.contains(.send) {
                    #expect(before.phase == .held || before.phase == .planning, "seed \(seed)")
                }
            }
        }
    }

    @Test("a run that goes well asks for one thing after another")
    func wellDone() {
        var machine = RunMachine(.sample())
        #expect(machine.handle(.started, at: newYear) == [.fetch])
        #expect(machine.handle(.fetched(.sample(members: 3, duplicates: 1), badRows: []), at: newYear) == [.plan])
        #expect(machine.handle(.planned(.sample(entered: 3), holds: [], notes: ["note"]), at: newYear) == [.send])
        var counts = DeliveryCounts()
        counts.accepted = 3
        #expect(machine.handle(.sent(counts), at: newYear) == [])
        #expect(machine.handle(.sendingEnded(.complete, newlyOwed: 3), at: newYear) == [.writeLedger])
        #expect(machine.handle(.ledgerWritten(members: 3), at: later) == [.finish])
        #expect(machine.record.outcome == .succeeded)
        #expect(machine.record.startedAt == newYear && machine.record.finishedAt == later)
        #expect(machine.record.ledgerAfter == 3 && machine.record.notes == ["note"])
    }

    @Test("cancel in each phase", arguments: [
        (Phase.queued, Outcome?.some(.cancelled)), (.fetching, .cancelled), (.planning, .cancelled),
        (.held, .discarded), (.sending, nil),
    ])
    func cancel(phase: Phase, outcome: Outcome?) {
        var machine = Self.run(in: phase)
        let actions = machine.handle(.cancelRequested(reason: "enough"), at: later)
        #expect(machine.record.outcome == outcome)
        switch phase {
        case .sending: #expect(actions == [.stopSending(reason: "enough")])
        case .fetching, .planning: #expect(actions == [.stopFetching, .finish])
        default: #expect(actions == [.finish])
        }
        if outcome != nil { #expect(machine.record.reason == "enough") }
    }

    @Test("a cancelled sending still writes the ledger that follows from what was accepted")
    func cancelledSending() {
        var machine = Self.run(in: .sending)
        #expect(machine.handle(.sendingEnded(.cancelled("enough"), newlyOwed: 3), at: newYear) == [.writeLedger])
        #expect(machine.handle(.ledgerWritten(members: 1), at: newYear) == [.finish])
        #expect(machine.record.outcome == .cancelled && machine.record.ledgerAfter == 1)
    }

    @Test("a held run is approved, discarded or replaced")
    func held() {
        var approved = Self.run(in: .held)
        #expect(approved.record.reason == "held: too many")
        #expect(approved.handle(.approved(Self.approval), at: later) == [.send])
        #expect(approved.record.approval == Self.approval && approved.record.reason == nil)
        #expect(approved.record.holds == [Self.hold])
        var discarded = Self.run(in: .held)
        #expect(discarded.handle(.discarded(reason: "no"), at: later) == [.finish])
        #expect(discarded.record.outcome == .discarded && discarded.record.reason == "no")
        var replaced = Self.run(in: .held)
        #expect(replaced.handle(.replaced(by: RunID(9)), at: later) == [.finish])
        #expect(replaced.record.replacedBy == RunID(9) && replaced.record.outcome == .discarded)
    }

    @Test("a ledger that does not add up fails the run")
    func ledgerBooks() {
        var machine = Self.run(in: .planning)
        _ = machine.handle(.planned(.sample(entered: 2, left: 1, ledger: 10), holds: [], notes: []), at: newYear)
        var counts = DeliveryCounts()
        counts.accepted = 3
        _ = machine.handle(.sent(counts), at: newYear)
        _ = machine.handle(.sendingEnded(.complete, newlyOwed: 3), at: newYear)
        var wrong = machine
        _ = wrong.handle(.ledgerWritten(members: 12), at: newYear)
        #expect(wrong.record.outcome == .failed)
        _ = machine.handle(.ledgerWritten(members: 11), at: newYear)
        #expect(machine.record.outcome == .succeeded)
    }

    @Test("rows that do not add up fail before anything is planned")
    func sourceBooks() {
        var machine = Self.run(in: .fetching)
        var counts = FetchCounts.sample(members: 3)
        counts.read = 4
        #expect(machine.handle(.fetched(counts, badRows: []), at: newYear) == [.finish])
        #expect(machine.record.outcome == .failed)
    }

    // MARK: - Outcome

    private struct Case {
        var entered = 0, accepted = 0, rejected = 0, owed = 0, unreadable = 0, withheld = 0
        var mode = RunMode.changes
        var end = SendingEnd.complete
        var outcome: Outcome
    }

    @Test("the outcome follows from what became of the plan")
    func outcomes() {
        let cases = [
            Case(outcome: .unchanged),
            Case(mode: .baseline, outcome: .succeeded),
            Case(entered: 3, accepted: 3, owed: 3, outcome: .succeeded),
            Case(entered: 3, accepted: 2, rejected: 1, owed: 3, outcome: .partial),
            Case(entered: 3, rejected: 3, owed: 3, outcome: .failed),
            // Only members that were rejected before were tried again: not a new failure.
            Case(entered: 3, rejected: 3, owed: 0, outcome: .partial),
            Case(unreadable: 1, outcome: .partial),
            Case(withheld: 2, outcome: .partial),
            Case(entered: 3, accepted: 2, owed: 3, outcome: .failed),
            Case(entered: 3, accepted: 2, owed: 3, end: .cancelled("c"), outcome: .cancelled),
            Case(entered: 3, accepted: 2, owed: 3, end: .gaveUp("g"), outcome: .failed),
        ]
        for (number, item) in cases.enumerated() {
            var run = RunRecord.sample(mode: item.mode)
            run.fetched = .sample(members: 3, invalid: item.unreadable, unreadable: item.unreadable)
            run.plan = .sample(entered: item.entered, withheld: item.withheld)
            run.delivery.accepted = item.accepted
            run.delivery.rejected = item.rejected
            let result = run.outcome(after: item.end, newlyOwed: item.owed)
            #expect(result.outcome == item.outcome, "case \(number): \(result.reason ?? "")")
            let isQuiet = item.outcome == .succeeded || item.outcome == .unchanged
            #expect((result.reason == nil) == isQuiet, "case \(number)")
        }
    }
}
