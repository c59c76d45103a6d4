import Scheduling
import Testing

@testable import Membership

/// The semantics of plans and ledgers once more, in the plainest way: dictionaries and sets.
struct NaiveModel {
    var told: [ID: Told] = [:]

    struct Change: Hashable {
        var entered: Bool
        var kind: ChangeKind
        var attempt: Attempt
    }

    /// Members whose opposite changes wait.
    var inDoubt: Set<ID> = []

    struct Planned {
        var changes: [ID: Change] = [:]
        var summary = PlanSummary()
    }

    var members: Int { told.values.count { $0.lastCertain == true } }

    func plan(_ snapshot: Set<ID>, _ request: PlanRequest) -> Planned {
        var planned = Planned()
        planned.summary.ledgerMembers = members
        var inside = snapshot
        var everybody = snapshot.union(told.keys)
        let retires = request.mode == .retire
        if retires { inside = [] }
        if request.mode == .explicit {
            var wanted: [ID: Bool] = [:]
            for change in request.explicitChanges { wanted[change.member.bytes] = change.entered }
            everybody = Set(wanted.keys)
            inside = Set(wanted.filter { $0.value }.keys)
        } else {
            planned.summary.snapshotMembers = inside.count
        }
        if request.mode == .baseline { return planned }
        for id in everybody {
            settle(id, isIn: inside.contains(id), request, retires: retires, &planned)
        }
        if request.mode == .explicit { planned.summary.retained = members - planned.summary.left }
        return planned
    }

    private func settle(_ id: ID, isIn: Bool, _ request: PlanRequest, retires: Bool, _ planned: inout Planned) {
        let before = told[id] ?? .never
        let wasMember = before.lastCertain == true
        if isIn, wasMember, request.mode != .explicit { planned.summary.retained += 1 }
        var isUnknown = false
        var isOpposite = false
        var attempt = request.attempt
        if case .unknown(_, let attempted, let earlier) = before {
            isUnknown = true
            isOpposite = attempted != isIn
            if !isOpposite { attempt = earlier }
        } else if before == .yes && !isIn || before == .no && isIn {
            isOpposite = true
        }
        let knows = !isUnknown && (isIn ? before == .yes : before != .yes)
        if knows, isIn, request.mode != .full {
            planned.summary.unchanged += 1
            return
        }
        if knows, request.mode != .full || before == .never { return }
        let ignores = request.ignoresLeaves && !retires && request.mode != .explicit
        if !isIn, ignores, isUnknown || before == .yes {
            planned.summary.ignored += 1
            return
        }
        if isIn, request.leavesOnly { return }
        if request.dismissed.contains(where: { $0.member.bytes == id && $0.entered == isIn }) {
            planned.summary.dismissed += 1
            return
        }
        if inDoubt.contains(id), isOpposite {
            planned.summary.settling += 1
            return
        }
        if !isIn, request.withholdsLeaves, !retires, request.mode != .explicit {
            planned.summary.withheld += 1
            return
        }
        let kind: ChangeKind = isIn == wasMember ? .reasserted : isIn ? .entered : .left
        planned.changes[id] = Change(entered: isIn, kind: kind, attempt: attempt)
        switch kind {
        case .entered: planned.summary.entered += 1
        case .left: planned.summary.left += 1
        case .reasserted: planned.summary.reasserted += 1
        }
        planned.summary.idBytes += id.count
    }

    mutating func apply(_ id: ID, _ change: Change, _ outcome: ChangeOutcome) {
        switch outcome {
        case .rejected, .unsent: break
        case .accepted: told[id] = change.entered ? .yes : .no
        case .unknown:
            told[id] = .unknown(
                last: (told[id] ?? .never).lastCertain, attempted: change.entered, attempt: change.attempt)
        }
    }
}

@Suite struct ModelTests {
    /// Many rounds of one sync with random snapshots, modes and outcomes: plans and ledgers are the model's.
    @Test(arguments: seeds(1...40))
    func chainsOfRuns(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: seed)
        var model = NaiveModel()
        var ledger = Ledger.empty
        let range = [3, 40, 400].randomElement(using: &random) ?? 3
        var ids: Set<ID> = []
        for round in 1...12 {
            ids = churned(ids, range, &random)
            let note: Comment = "seed \(seed), round \(round)"
            var request = randomRequest(round, range, &random)
            if Int.random(in: 0..<3, using: &random) == 0 {
                for _ in 0..<range { model.inDoubt.insert(randomID(&random, among: range)) }
                for id in model.inDoubt { id.withUnsafeBytes { request.inDoubt.insert($0) } }
            }
            let source = try snapshot(ids, at: folder.file("snapshot"), in: folder)
            let plan = try Plan.make(
                snapshot: ids.isEmpty && Bool.random(using: &random) ? nil : source, ledger: ledger, request: request,
                at: folder.file("plan"))
            let planned = model.plan(ids, request)
            try check(plan, planned, request, note)
            model.inDoubt = []
            try checkDismissals(model, ids, source, ledger, range, &random, note)

            let (outcomes, byIndex) = randomOutcomes(plan.count, &random)
            let before = ledger.members
            var moved = 0
            for entry in try entries(of: plan) {
                let change = try #require(planned.changes[entry.member.bytes], note)
                model.apply(entry.member.bytes, change, byIndex[entry.index])
                guard byIndex[entry.index] == .accepted else { continue }
                moved += entry.kind == .entered ? 1 : entry.kind == .left ? -1 : 0
            }
            ledger = try Ledger.applying(plan, to: ledger, outcomes: outcomes, at: folder.file("ledger-\(round)"))
            #expect(ledger.members == before + moved, note)
            try check(ledger, model, note)
        }
    }

    /// A dismissed change is owed exactly while the plainest plan would contain it.
    private func checkDismissals(
        _ model: NaiveModel, _ ids: Set<ID>, _ source: Snapshot, _ ledger: Ledger, _ range: Int,
        _ random: inout SeededGenerator, _ note: Comment
    ) throws {
        let owed = model.plan(ids, request()).changes
        for _ in 0..<6 {
            let id = randomID(&random, among: range)
            let change = MemberChange(member: try member(id), entered: Bool.random(using: &random))
            #expect(try source.contains(change.member) == ids.contains(id), note)
            #expect(
                try ledger.stillOwes(change, snapshot: source) == (owed[id]?.entered == change.entered), note)
        }
    }

    private func churned(_ ids: Set<ID>, _ range: Int, _ random: inout SeededGenerator) -> Set<ID> {
        if Int.random(in: 0..<10, using: &random) == 0 { return [] }
        var ids = ids.filter { _ in Int.random(in: 0..<5, using: &random) > 0 }
        for _ in 0..<Int.random(in: 0...range, using: &random) { ids.insert(randomID(&random, among: range)) }
        return ids
    }

    private func randomRequest(_ round: Int, _ range: Int, _ random: inout SeededGenerator) -> PlanRequest {
        let modes: [PlanMode] = [.changes, .changes, .changes, .full, .retire, .explicit, .baseline]
        var made = request(modes.randomElement(using: &random) ?? .changes, attempt: UInt64(round))
        made.withholdsLeaves = Int.random(in: 0..<4, using: &random) == 0
        made.ignoresLeaves = Int.random(in: 0..<4, using: &random) == 0
        made.leavesOnly = Int.random(in: 0..<8, using: &random) == 0
        func someChanges() -> [MemberChange] {
            (0..<Int.random(in: 0...10, using: &random)).compactMap { _ in
                let entered = Bool.random(using: &random)
                return (try? member(randomID(&random, among: range))).map { MemberChange(member: $0, entered: entered) }
            }
        }
        made.dismissed = someChanges()
        if made.mode == .explicit { made.explicitChanges = someChanges() }
        return made
    }

    private func randomOutcomes(
        _ count: Int, _ random: inout SeededGenerator
    ) -> ([OutcomeRange], byIndex: [ChangeOutcome]) {
        var ranges: [OutcomeRange] = []
        var byIndex = [ChangeOutcome](repeating: .unsent, count: count)
        var next = 0
        while next < count {
            let end = min(count, next + Int.random(in: 1...max(1, count / 2), using: &random))
            let outcome = ChangeOutcome.allCases.randomElement(using: &random) ?? .accepted
            if outcome != .unsent || Bool.random(using: &random) {
                ranges.append(OutcomeRange(range: next..<end, outcome: outcome))
            }
            for index in next..<end { byIndex[index] = outcome }
            next = end
        }
        return (ranges, byIndex)
    }

    private func check(
        _ plan: Plan, _ planned: NaiveModel.Planned, _ request: PlanRequest, _ note: Comment
    ) throws {
        let read = try entries(of: plan)
        let changes = read.map {
            ($0.member.bytes, NaiveModel.Change(entered: $0.entered, kind: $0.kind, attempt: $0.attempt))
        }
        #expect(Dictionary(changes, uniquingKeysWith: { first, _ in first }) == planned.changes, note)
        #expect(read.map(\.index) == Array(0..<planned.changes.count), note)
        var expected = planned.summary
        expected.hash = plan.summary.hash
        #expect(plan.summary == expected, note)
        #expect(plan.sync == request.sync && plan.trait == request.trait && plan.attempt == request.attempt, note)
        for entry in read.prefix(5) { #expect(try plan.find(entry.member) == entry, note) }
        let reopened = try Plan.open(plan.path, expecting: plan.digest)
        #expect(reopened.summary == plan.summary && reopened.count == plan.count, note)
        try reopened.verify()
    }

    private func check(_ ledger: Ledger, _ model: NaiveModel, _ note: Comment) throws {
        #expect(try contents(of: ledger) == model.told, note)
        #expect(ledger.members == model.members, note)
        #expect(ledger.toldTrue == model.told.values.count { $0 == .yes }, note)
        #expect(ledger.toldFalse == model.told.values.count { $0 == .no }, note)
        for (id, told) in model.told.prefix(5) { #expect(try ledger.told(member(id)) == told, note) }
        #expect(try ledger.told(member(id("nobody"))) == .never, note)
        try ledger.verify()
        guard let path = ledger.path else { return }
        #expect(try Ledger.open(path, expecting: ledger.digest).digest == ledger.digest, note)
    }

    /// Large enough for many blocks of every shape.
    @Test(arguments: seeds(1...2))
    func manyBlocks(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: seed)
        var model = NaiveModel()
        var ledger = Ledger.empty
        var ids = Set((0..<24_000).map { number in number < 21_000 ? uuidText(&random) : id("user-\(number)") })
        for round in 1...3 {
            if round > 1 { ids = ids.filter { _ in Int.random(in: 0..<20, using: &random) > 0 } }
            for _ in 0..<500 { ids.insert(uuidText(&random)) }
            let source = try snapshot(ids, at: folder.file("snapshot"), in: folder)
            let request = request(attempt: UInt64(round))
            let plan = try Plan.make(snapshot: source, ledger: ledger, request: request, at: folder.file("plan"))
            let planned = model.plan(ids, request)
            try check(plan, planned, request, "seed \(seed), round \(round)")
            let third = plan.count / 3
            let outcomes = [
                OutcomeRange(range: 0..<third, outcome: .accepted),
                OutcomeRange(range: third..<third + 3, outcome: .unknown),
                OutcomeRange(range: third + 3..<plan.count, outcome: .accepted),
            ]
            for entry in try entries(of: plan) {
                let change = try #require(planned.changes[entry.member.bytes])
                let isUnknown = (third..<third + 3).contains(entry.index)
                model.apply(entry.member.bytes, change, isUnknown ? .unknown : .accepted)
            }
            ledger = try Ledger.applying(plan, to: ledger, outcomes: outcomes, at: folder.file("ledger-\(round)"))
            try check(ledger, model, "seed \(seed), round \(round)")
        }
        #expect((ledger.file?.entries.count ?? 0) > 3)
    }
}
