import Testing

@testable import Membership

@Suite struct UndoTests {
    /// Three runs, then the first is undone: exactly its accepted changes whose members no later plan names.
    @Test(arguments: seeds(1...10))
    func undoesWhatStillStands(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: seed)
        var ledger = try Ledger.baseline(
            from: snapshot(Set((0..<200).map { _ in randomID(&random, among: 300) }), at: folder.file("s"), in: folder),
            over: .empty, at: folder.file("l0"))
        var plans: [(plan: Plan, outcomes: [OutcomeRange], entries: [PlanEntry])] = []
        for round in 1...3 {
            let ids = Set((0..<200).map { _ in randomID(&random, among: 300) })
            let source = try snapshot(ids, at: folder.file("s"), in: folder)
            let plan = try Plan.make(
                snapshot: round == 1 ? source : nil, ledger: ledger, request: request(attempt: UInt64(round)),
                at: folder.file("p\(round)"))
            let some = Int.random(in: 0...plan.count, using: &random)
            let unknown = min(plan.count, some + 5)
            let outcomes = [
                OutcomeRange(range: 0..<some, outcome: .accepted),
                OutcomeRange(range: some..<unknown, outcome: .unknown),
            ]
            try plans.append((plan, outcomes, entries(of: plan)))
            ledger = try Ledger.applying(plan, to: ledger, outcomes: outcomes, at: folder.file("l\(round)"))
        }
        for first in 0..<3 {
            let undone = plans[first]
            let later = plans[(first + 1)...]
            let undo = try Plan.undoing(
                undone.plan, outcomes: undone.outcomes, later: later.map(\.plan), ledger: ledger,
                request: request(attempt: 9), at: folder.file("undo"))
            let named = Set(later.flatMap { $0.entries.map(\.member) })
            var expected: [MemberID: Bool] = [:]
            for entry in undone.entries[undone.outcomes[0].range] where !named.contains(entry.member) {
                expected[entry.member] = !entry.entered
            }
            var found: [MemberID: Bool] = [:]
            for entry in try entries(of: undo) {
                found[entry.member] = entry.entered
                #expect(entry.attempt == attempt(9) && entry.kind == (entry.entered ? .entered : .left))
            }
            #expect(found == expected, "seed \(seed), plan \(first)")
            #expect(undo.mode == .undo && undo.summary.ledgerMembers == ledger.members)
            try undo.verify()
        }
    }
}
