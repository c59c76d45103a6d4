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

    /// Many runs with every outcome: the ledger after each is found again from the last one backward, and from nothing
    /// forward, and a plan rewritten without a member says the same of everybody else.
    @Test(arguments: seeds(1...12))
    func thePastIsFoundAgain(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: seed)
        var ledger = Ledger.empty
        var moments: [Set<MemberID>] = [[]]
        var told: [AcceptedChanges] = []
        for round in 1...5 {
            let ids = Set((0..<150).map { _ in randomID(&random, among: 250) })
            let source = try snapshot(ids, at: folder.file("s\(round)"), in: folder)
            let plan = try Plan.make(
                snapshot: source, ledger: ledger, request: request(attempt: UInt64(round)), at: folder.file("p\(round)"))
            let some = Int.random(in: 0...plan.count, using: &random)
            let more = Int.random(in: some...plan.count, using: &random)
            let outcomes = [
                OutcomeRange(range: 0..<some, outcome: .accepted), OutcomeRange(range: some..<more, outcome: .unknown),
                OutcomeRange(range: more..<plan.count, outcome: .accepted),
            ]
            ledger = try Ledger.applying(plan, to: ledger, outcomes: outcomes, at: folder.file("l\(round)"))
            told.append(AcceptedChanges(plan: plan, accepted: [0..<some, more..<plan.count].filter { !$0.isEmpty }))
            moments.append(Set(try members(of: ledger)))
        }
        for (moment, expected) in moments.enumerated() {
            let back = try all(PastMembership(.backward, from: ledger, changes: Array(told[moment...])))
            #expect(Set(back) == expected && back.count == expected.count, "seed \(seed), back to \(moment)")
            let forth = try all(PastMembership(.forward, from: .empty, changes: told[..<moment].reversed()))
            #expect(Set(forth) == expected, "seed \(seed), forward to \(moment)")
        }
        for change in told {
            let plan = change.plan
            guard let victim = try entries(of: plan).randomElement(using: &random) else { continue }
            let rewritten = try plan.without(victim.member, at: folder.file("without"))
            try rewritten.verify()
            let rest = try entries(of: plan).filter { $0.member != victim.member }
            let found = try entries(of: rewritten)
            #expect(found.map(\.member) == rest.map(\.member), "seed \(seed)")
            #expect(found.map(\.kind) == rest.map(\.kind) && found.map(\.attempt) == rest.map(\.attempt))
            #expect(found.map(\.entered) == rest.map(\.entered))
            #expect(try rewritten.find(victim.member) == nil && rewritten.base == plan.base)
        }
    }

    private func all(_ past: PastMembership) throws -> [MemberID] {
        var past = past
        var found: [MemberID] = []
        while let member = try past.next() { found.append(member) }
        return found
    }

    private func members(of ledger: Ledger) throws -> [MemberID] {
        var found: [MemberID] = []
        try ledger.forEachMember { found.append(try MemberID(validating: $0)) }
        return found
    }
}
