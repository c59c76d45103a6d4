import Scheduling
import Testing

@testable import Membership

@Suite struct PlanTests {
    /// Every row of the table of what is owed.
    @Test func whatIsOwed() {
        let earlier = attempt(9)
        func due(_ isIn: Bool, _ told: Told, full: Bool = false, ignores: Bool = false) -> ChangeRule {
            ChangeRule.due(isIn: isIn, told: told, isFull: full, ignoresLeaves: ignores)
        }
        func unknown(_ last: Bool?, _ attempted: Bool) -> Told {
            .unknown(last: last, attempted: attempted, attempt: earlier)
        }
        let table: [(ChangeRule, ChangeRule)] = [
            (due(true, .never), .change(entered: true, kind: .entered, earlier: nil)),
            (due(true, .yes), .unchanged),
            (due(true, .no), .change(entered: true, kind: .entered, earlier: nil)),
            (due(true, unknown(nil, true)), .change(entered: true, kind: .entered, earlier: earlier)),
            (due(true, unknown(false, true)), .change(entered: true, kind: .entered, earlier: earlier)),
            (due(true, unknown(true, true)), .change(entered: true, kind: .reasserted, earlier: earlier)),
            (due(true, unknown(nil, false)), .change(entered: true, kind: .entered, earlier: nil)),
            (due(true, unknown(true, false)), .change(entered: true, kind: .reasserted, earlier: nil)),
            (due(false, .never), .nothing),
            (due(false, .yes), .change(entered: false, kind: .left, earlier: nil)),
            (due(false, .no), .nothing),
            (due(false, unknown(true, true)), .change(entered: false, kind: .left, earlier: nil)),
            (due(false, unknown(nil, true)), .change(entered: false, kind: .reasserted, earlier: nil)),
            (due(false, unknown(true, false)), .change(entered: false, kind: .left, earlier: earlier)),
            (due(false, unknown(false, false)), .change(entered: false, kind: .reasserted, earlier: earlier)),
            (due(false, .yes, ignores: true), .ignored),
            (due(false, unknown(true, false), ignores: true), .ignored),
            (due(false, .no, ignores: true), .nothing),
            (due(true, .yes, full: true), .change(entered: true, kind: .reasserted, earlier: nil)),
            (due(false, .no, full: true, ignores: true), .change(entered: false, kind: .reasserted, earlier: nil)),
            (due(false, .never, full: true), .nothing),
        ]
        for (position, (found, expected)) in table.enumerated() { #expect(found == expected, "row \(position)") }
    }

    @Test(arguments: seeds(1...10))
    func sameChangesSameHash(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: seed)
        let ids = Set((0..<60).map { _ in randomID(&random, among: 200) })
        let all = try snapshot(ids, at: folder.file("all"), in: folder)
        let first = try Plan.make(snapshot: all, ledger: .empty, request: request(), at: folder.file("1"))
        // Another attempt, another order of reading, dismissals that hit nothing: the same changes.
        let again = try snapshot(ids.shuffled(using: &random), at: folder.file("again"), in: folder)
        var other = request(.full, attempt: 77)
        other.dismissed = [MemberChange(member: try member(id("nobody")), entered: true)]
        let second = try Plan.make(snapshot: again, ledger: .empty, request: other, at: folder.file("2"))
        #expect(first.summary.hash == second.summary.hash && first.summary.hash.utf8.count == 64, "seed \(seed)")
        #expect(first.digest != second.digest, "seed \(seed)")

        // One member fewer, another sync, another trait, the opposite value: other changes.
        let fewer = try snapshot(ids.dropFirst(), at: folder.file("fewer"), in: folder)
        let third = try Plan.make(snapshot: fewer, ledger: .empty, request: request(), at: folder.file("3"))
        var hashes = [first.summary.hash, third.summary.hash]
        for change in [\PlanRequest.sync, \PlanRequest.trait] {
            var elsewhere = request()
            elsewhere[keyPath: change] += "x"
            let plan = try Plan.make(snapshot: all, ledger: .empty, request: elsewhere, at: folder.file("4"))
            hashes.append(plan.summary.hash)
        }
        let told = try Ledger.baseline(from: all, over: .empty, at: folder.file("ledger"))
        let leaves = try Plan.make(snapshot: nil, ledger: told, request: request(), at: folder.file("5"))
        hashes.append(leaves.summary.hash)
        #expect(Set(hashes).count == hashes.count, "seed \(seed)")
        #expect(leaves.summary.left == ids.count && leaves.base == told.digest)
    }

    @Test func readersStartAnywhere() throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 4)
        let ids = Set((0..<20_000).map { _ in uuidText(&random) })
        let source = try snapshot(ids, at: folder.file("s"), in: folder)
        let plan = try Plan.make(snapshot: source, ledger: .empty, request: request(), at: folder.file("p"))
        let all = try entries(of: plan)
        for start in [0, 1, 8_191, 8_192, 8_193, 19_999, 20_000, 30_000] {
            var reader = try plan.reader(from: start)
            let first = try reader.next().map(PlanEntry.init)
            #expect(first == (start < all.count ? all[start] : nil))
        }
        #expect(try Array(entries(of: plan, from: 8_190).prefix(10)) == Array(all[8_190..<8_200]))
    }

    @Test func samplesShowBothKinds() throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 8)
        let stay = (0..<300).map { _ in uuidText(&random) }
        let leave = (0..<3).map { id("leaver-\($0)") }
        let enter = (0..<2_000).map { id("joiner-\($0)") }
        let before = try snapshot(stay + leave, at: folder.file("before"), in: folder)
        let after = try snapshot(stay + enter, at: folder.file("after"), in: folder)
        let ledger = try Ledger.baseline(from: before, over: .empty, at: folder.file("ledger"))
        let plan = try Plan.make(snapshot: after, ledger: ledger, request: request(), at: folder.file("plan"))
        let sample = try plan.sample(10)
        #expect(sample.count == 10 && sample.count { $0.kind == .left } == 3)
        #expect(sample.map(\.index) == sample.map(\.index).sorted())
        let indices = sample.map(\.index)
        #expect((indices.last ?? 0) > 1_000 && (indices.first ?? 0) < 1_000)
        let all = try entries(of: plan)
        for entry in sample { #expect(entry == all[entry.index]) }
        #expect(try plan.sample(0).isEmpty && plan.sample(-1).isEmpty)
        #expect(try plan.sample(4).count { $0.kind == .left } == 2)
        #expect(try plan.sample(1_000).count >= 3 + PlanSample.capacity / 2)
    }

    @Test func booksOfBaselineAndOverlap() throws {
        let folder = try TemporaryFolder()
        let old = try snapshot([id("a"), id("b"), id("c")], at: folder.file("old"), in: folder)
        let new = try snapshot([id("b"), id("c"), id("d"), id("e")], at: folder.file("new"), in: folder)
        let first = try Ledger.baseline(from: old, over: .empty, at: folder.file("first"))
        // One of unknown outcome and one told false before the baseline.
        let leaving = try Plan.make(snapshot: nil, ledger: first, request: request(), at: folder.file("p"))
        let b = try #require(try leaving.find(member(id("b")))).index
        let c = try #require(try leaving.find(member(id("c")))).index
        let outcomes = [
            OutcomeRange(range: b..<b + 1, outcome: .unknown), OutcomeRange(range: c..<c + 1, outcome: .accepted),
        ].sorted { $0.range.lowerBound < $1.range.lowerBound }
        let between = try Ledger.applying(leaving, to: first, outcomes: outcomes, at: folder.file("between"))
        #expect(between.members == 2 && between.unknown == 1 && between.unknownLastTrue == 1)
        let second = try Ledger.baseline(from: new, over: between, at: folder.file("second"))
        try second.verify()
        #expect(second.members == 5 && second.toldTrue == 4)
        #expect(try second.told(member(id("b"))) == .unknown(last: true, attempted: false, attempt: attempt(1)))
        #expect(try second.told(member(id("c"))) == .yes)
        let overlap = try Ledger.overlap(first, second)
        #expect(overlap == (a: 3, b: 5, both: 3))
        #expect(try Ledger.overlap(.empty, second) == (a: 0, b: 5, both: 0))
        var seen: Set<ID> = []
        try second.forEachMember { seen.insert(ID($0)) }
        #expect(seen == [id("a"), id("b"), id("c"), id("d"), id("e")])
        var reader = try between.memberReader()
        var read: Set<ID> = []
        while let member = try reader.next() { read.insert(member.bytes) }
        #expect(try read == [id("a"), id("b")] && reader.next() == nil)
        var nobody = try Ledger.empty.memberReader()
        #expect(try nobody.next() == nil)
    }

    @Test func nothingAcceptedLeavesTheLedgerAlone() throws {
        let folder = try TemporaryFolder()
        let source = try snapshot([id("a")], at: folder.file("s"), in: folder)
        let plan = try Plan.make(snapshot: source, ledger: .empty, request: request(), at: folder.file("p"))
        let outcomes = [OutcomeRange(range: 0..<1, outcome: .rejected), OutcomeRange(range: 5..<9, outcome: .accepted)]
        let after = try Ledger.applying(plan, to: .empty, outcomes: outcomes, at: folder.file("l"))
        #expect(after.path == nil && after.digest == Ledger.empty.digest)
        #expect(folder.names == ["p", "s"])
    }

    @Test func anUnchangedSourceIsRecognised() throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 21)
        let ids = Array(Set((0..<500).map { _ in randomID(&random, among: 2_000) }))
        let source = try snapshot(ids, at: folder.file("s"), in: folder)
        let ledger = try Ledger.baseline(from: source, over: .empty, at: folder.file("l"))
        func matches(_ ids: [ID], _ ledger: Ledger) throws -> Bool {
            let builder = try SnapshotBuilder(scratch: folder.path, memoryLimit: 1 << 20)
            for id in ids { _ = try id.withUnsafeBytes { try builder.add($0) } }
            return builder.matches(ledger)
        }
        #expect(try matches(ids.shuffled(using: &random), ledger))
        #expect(try !matches(Array(ids.dropLast()), ledger))
        #expect(try !matches(ids + [ids[0]], ledger))
        #expect(try !matches(Array(ids.dropLast()) + [ids[0]], ledger))
        #expect(try !matches(Array(ids.dropLast()) + [id("somebody else")], ledger))
        #expect(try matches([], .empty) && !matches(ids, .empty))
        // The fingerprint follows accepted changes, and an unknown spoils it.
        let fewer = try snapshot(ids.dropFirst(100), at: folder.file("fewer"), in: folder)
        let plan = try Plan.make(snapshot: fewer, ledger: ledger, request: request(), at: folder.file("p"))
        let accepted = [OutcomeRange(range: 0..<100, outcome: .accepted)]
        let after = try Ledger.applying(plan, to: ledger, outcomes: accepted, at: folder.file("l2"))
        #expect(try matches(Array(ids.dropFirst(100)), after) && !matches(ids, after))
        let mixed = [OutcomeRange(range: 0..<99, outcome: .accepted), OutcomeRange(range: 99..<100, outcome: .unknown)]
        let unsure = try Ledger.applying(plan, to: ledger, outcomes: mixed, at: folder.file("l3"))
        #expect(try unsure.unknown == 1 && !matches(Array(ids.dropFirst(100)), unsure))
        let summary = PlanSummary.unchanged(after, sync: plan.sync, trait: plan.trait)
        let none = try Plan.make(snapshot: fewer, ledger: after, request: request(), at: folder.file("p2"))
        #expect(none.summary == summary)
    }
}
