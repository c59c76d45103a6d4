import Membership
import Scheduling
import Testing

@testable import SyncEngine

@Suite("what a starting engine takes up") struct TakingUpTests {
    private let sync = SyncID(cohort: "big", destination: "seg")
    private let identity = SyncIdentity(
        trait: "Big", template: "{name}", sourceKind: "csv", sourceDefinition: "list", destinationKind: "segment",
        destinationAddress: "https://api.example")

    private func run(_ id: Int64, _ phase: Phase, _ trigger: Trigger = .schedule) -> RunRecord {
        var record = RunRecord(
            id: RunID(id), sync: sync, trigger: trigger, mode: .changes, nominal: nil, createdAt: newYear,
            identity: identity)
        record.phase = phase
        return record
    }

    @Test("what was sending goes before what was not planned, however old") func order() {
        let order = [run(5, .queued), run(7, .sending), run(3, .held)].inTakingUpOrder
        #expect(order.map(\.id.number) == [7, 3, 5])
    }

    @Test("a held plan that a later run replaced is never sent") func staleHold() {
        let held = run(5, .held)
        #expect(held.replacement(lastPlanned: RunID(5), latest: RunID(6), hasAttempts: false) == RunID(6))
        #expect(held.replacement(lastPlanned: RunID(5), latest: RunID(5), hasAttempts: false) == nil)
        #expect(held.replacement(lastPlanned: nil, latest: RunID(5), hasAttempts: false) == nil)
        // An older run, restarted, that planned after this one was held.
        #expect(held.replacement(lastPlanned: RunID(4), latest: RunID(5), hasAttempts: false) == RunID(4))
        #expect(held.takingUp(.everything, isConfigured: true, replacedBy: RunID(4)) == .replace(by: RunID(4)))
        #expect(held.takingUp(.everything, isConfigured: true, replacedBy: nil) == .hold)
        let sending = run(5, .sending)
        #expect(sending.replacement(lastPlanned: RunID(6), latest: RunID(6), hasAttempts: false) == RunID(6))
        #expect(sending.replacement(lastPlanned: RunID(6), latest: RunID(6), hasAttempts: true) == nil)
        #expect(sending.replacement(lastPlanned: RunID(5), latest: RunID(6), hasAttempts: false) == nil)
        #expect(sending.takingUp(.everything, isConfigured: true, replacedBy: RunID(6)) == .replace(by: RunID(6)))
        #expect(sending.takingUp(.everything, isConfigured: true, replacedBy: nil) == .resume)
        #expect([run(5, .held), run(4, .queued)].heldBesideOthers == [RunID(5): RunID(4)])
        #expect([run(5, .held)].heldBesideOthers.isEmpty)
    }

    @Test("a manual run that waited takes the place of one that is held") func replacement() {
        #expect(run(5, .held).replacement(among: [run(6, .queued), run(7, .queued, .manual)]) == RunID(7))
        #expect(run(5, .held).replacement(among: [run(6, .queued)]) == nil)
    }

    @Test("an attempt that was repeated stays in doubt after its success, for as long as it may be on its way")
    func doubt() {
        func record(_ state: BatchState, attempts: Int) -> BatchRecord {
            BatchRecord(range: 0..<1, state: state, attempts: attempts, request: "1.1", at: newYear)
        }
        func isInDoubt(_ record: BatchRecord, after age: Int64, recognisesRepeats: Bool = false) -> Bool {
            record.isInDoubt(
                now: newYear.advanced(milliseconds: age), recognisesRepeats: recognisesRepeats, longest: 1_000)
        }
        #expect(isInDoubt(record(.accepted, attempts: 2), after: 999))
        #expect(isInDoubt(record(.unknown, attempts: 1), after: 999))
        #expect(!isInDoubt(record(.accepted, attempts: 1), after: 999))
        #expect(!isInDoubt(record(.accepted, attempts: 2), after: 1_000))
        #expect(!isInDoubt(record(.unknown, attempts: 1), after: -1_000), "made under a wrong clock")
        // Whoever recognises repeats gets nothing after the attempt's end; of a process that died nobody saw the end.
        #expect(!isInDoubt(record(.unknown, attempts: 1), after: 0, recognisesRepeats: true))
        #expect(isInDoubt(record(.sending, attempts: 1), after: 999, recognisesRepeats: true))
        #expect(!isInDoubt(record(.sending, attempts: 1), after: 1_000, recognisesRepeats: true))
    }

    @Test("what was being sent when a process died is in doubt from when it is found, not from when it began")
    func foundInFlight() {
        let records = BatchState.allCases.enumerated().map { index, state in
            BatchRecord(range: index..<(index + 1), state: state, attempts: 1, request: "1.\(index)", at: newYear)
        }
        let later = newYear.advanced(milliseconds: 5_000)
        let facts = records.foundInFlight(at: later)
        guard case .put(let found)? = facts.first, facts.count == 1 else {
            Issue.record("\(facts)")
            return
        }
        #expect(found.range == 0..<1 && found.state == .sending && found.attempts == 1 && found.at == later)
        let now = newYear.advanced(milliseconds: 5_500)
        #expect(!records[0].isInDoubt(now: now, recognisesRepeats: false, longest: 1_000))
        #expect(found.isInDoubt(now: now, recognisesRepeats: false, longest: 1_000))
    }
}
