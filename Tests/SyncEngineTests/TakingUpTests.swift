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
        #expect(run(5, .held).takingUp(.everything, isConfigured: true, latest: RunID(6)) == .replace(by: RunID(6)))
        #expect(run(5, .held).takingUp(.everything, isConfigured: true, latest: RunID(5)) == .hold)
        #expect(run(5, .sending).takingUp(.everything, isConfigured: true, latest: RunID(6)) == .replace(by: RunID(6)))
        #expect(run(5, .sending).takingUp(.everything, isConfigured: true, latest: nil) == .resume)
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
        let soon = newYear.advanced(milliseconds: 999)
        #expect(record(.accepted, attempts: 2).isInDoubt(now: soon, settle: 1_000))
        #expect(record(.unknown, attempts: 1).isInDoubt(now: soon, settle: 1_000))
        #expect(!record(.accepted, attempts: 1).isInDoubt(now: soon, settle: 1_000))
        #expect(!record(.accepted, attempts: 2).isInDoubt(now: newYear.advanced(milliseconds: 1_000), settle: 1_000))
        let before = newYear.advanced(milliseconds: -1_000)
        #expect(!record(.unknown, attempts: 1).isInDoubt(now: before, settle: 1_000), "made under a wrong clock")
    }
}
