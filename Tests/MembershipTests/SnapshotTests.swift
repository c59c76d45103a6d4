import Glibc
import Testing

@testable import Membership

@Suite struct SnapshotTests {
    @Test(arguments: seeds(1...12))
    func holdsEveryMemberOnce(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: seed)
        let range = [1, 10, 300, 5_000].randomElement(using: &random) ?? 1
        let ids = (0..<Int.random(in: 0...6_000, using: &random)).map { _ in randomID(&random, among: range) }
        let built = try snapshot(ids, at: folder.file("s"), in: folder)
        let read = try members(of: built)
        #expect(Set(read) == Set(ids), "seed \(seed)")
        #expect(read.count == Set(ids).count, "seed \(seed)")
        #expect(built.members == read.count && built.duplicates == ids.count - read.count, "seed \(seed)")
        let reopened = try Snapshot.open(folder.file("s"))
        #expect(reopened.digest == built.digest && reopened.duplicates == built.duplicates)
        try reopened.verify()
        #expect(folder.names == ["s"])
    }

    @Test(arguments: seeds(1...6))
    func spillingGivesTheSameFile(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: seed)
        let ids = (0..<8_000).map { _ in randomID(&random, among: 6_000) }
        let small = try snapshot(ids, at: folder.file("small"), in: folder, memoryLimit: 64 * 1_024)
        let large = try snapshot(ids.reversed(), at: folder.file("large"), in: folder, memoryLimit: 64 << 20)
        #expect(try folder.bytes(of: small.path) == folder.bytes(of: large.path), "seed \(seed)")
        #expect(small.duplicates == large.duplicates && small.digest == large.digest, "seed \(seed)")
        #expect(folder.names == ["large", "small"])
    }

    @Test func oneIDManyTimesNeedsLittleMemory() throws {
        let folder = try TemporaryFolder()
        let name = id("everybody")
        let ids = (0..<20_000).lazy.map { $0 == 10_000 ? id("somebody") : name }
        let built = try snapshot(ids, at: folder.file("s"), in: folder, memoryLimit: 64 * 1_024)
        #expect(try Set(members(of: built)) == [name, id("somebody")])
        #expect(built.duplicates == 19_998)
    }

    /// All ids land in one partition, as if made to: the runs of that partition are merged in several passes.
    @Test func onePartitionLargerThanMemory() throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 7)
        var ids: [ID] = []
        while ids.count < 400 {
            let candidate = ids.count.isMultiple(of: 2) ? uuidText(&random) : id("\(random.next())")
            if try OwnedCode(member(candidate)).hash >> 56 == 5 { ids.append(candidate) }
        }
        let repeated = (0..<60).flatMap { _ in ids.shuffled(using: &random) }
        let small = try snapshot(repeated, at: folder.file("small"), in: folder, memoryLimit: 64 * 1_024)
        let large = try snapshot(ids, at: folder.file("large"), in: folder, memoryLimit: 64 << 20)
        #expect(small.duplicates == 23_600 && small.members == 400)
        #expect(try members(of: small) == members(of: large))
    }

    @Test func runsAreMergedInSeveralPasses() throws {
        let folder = try TemporaryFolder()
        let spill = try SpillFile(in: folder.path)
        var random = SeededGenerator(seed: 3)
        var expected: Set<ID> = []
        var runs: [SortedRun] = []
        var total = 0
        for _ in 0..<50 {
            let ids = Set((0..<40).map { _ in randomID(&random, among: 900) })
            expected.formUnion(ids)
            total += ids.count
            let path = folder.file("run")
            try snapshot(ids, at: path, in: folder)
            let writer = RunWriter(spill, capacity: 2_048)
            let stream = try RecordStream(BlockFile.open(path, .snapshot))
            while try stream.advance() {
                for index in 0..<stream.count { try writer.take(stream.code(index), hash: stream.hashes[index]) }
            }
            runs.append(try writer.finish())
        }
        let merged = try BlockWriter(folder.file("merged"), .snapshot)
        let duplicates = try RunMerger(spill: spill, segmentCapacity: 2_048).merge(runs, into: merged)
        let built = try Snapshot(merged.finish(facts: Snapshot.facts(duplicates: duplicates)))
        try built.verify()
        #expect(try Set(members(of: built)) == expected)
        #expect(built.members == expected.count && duplicates == total - expected.count)
    }

    @Test func idsThatAreNone() throws {
        let folder = try TemporaryFolder()
        let builder = try SnapshotBuilder(scratch: folder.path, memoryLimit: 1 << 20)
        let cases: [(ID, MemberVerdict)] = [
            ([], .empty), (ID(repeating: 0x61, count: 1_024), .member), (ID(repeating: 0x61, count: 1_025), .tooLong),
            ([0xC0, 0x80], .invalidUTF8), ([0xED, 0xA0, 0x80], .invalidUTF8), ([0x61, 0xE2, 0x82], .invalidUTF8),
            ([0], .member), (id("e\u{301}"), .member), (id("\u{e9}"), .member), ([0xFF], .invalidUTF8),
        ]
        for (bytes, verdict) in cases {
            #expect(try bytes.withUnsafeBytes { try builder.add($0) } == verdict)
        }
        #expect(builder.count == 4)
        let built = try builder.finish(at: folder.file("s"))
        #expect(built.members == 4 && built.duplicates == 0)
        #expect(try Set(members(of: built)) == Set(cases.filter { $0.1 == .member }.map(\.0)))
    }

    @Test func noIDsGiveAnEmptySnapshot() throws {
        let folder = try TemporaryFolder()
        let built = try snapshot([], at: folder.file("s"), in: folder)
        #expect(built.members == 0)
        #expect(try members(of: Snapshot.open(built.path)).isEmpty)
    }

    @Test func abandonedWorkLeavesNothing() throws {
        let folder = try TemporaryFolder()
        do {
            let builder = try SnapshotBuilder(scratch: folder.path, memoryLimit: 64 * 1_024)
            var random = SeededGenerator(seed: 1)
            for _ in 0..<10_000 { _ = try uuidText(&random).withUnsafeBytes { try builder.add($0) } }
            builder.abandon()
            _ = try BlockWriter(folder.file("ledger"), .ledger)
        }
        #expect(folder.names.isEmpty)
    }

    @Test func leftoversAreRecognised() throws {
        let name = try StateFileName.unfinished("/state/ledger")
        #expect(StateFileName.isLeftover(name) && name.hasPrefix("/state/ledger."))
        #expect(!StateFileName.isLeftover("ledger"))
        #expect(StateFileName.folder(of: "/a/b") == "/a" && StateFileName.folder(of: "b") == ".")
        #expect(StateFileName.folder(of: "/b") == "/")
    }

    @Test func missingAndForeignFilesAreNeverEmptyOnes() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("s")
        #expect(throws: StateFileError.missing(path: path)) { try Snapshot.open(path) }
        let built = try snapshot([id("a")], at: path, in: folder)
        #expect(throws: StateFileError.wrongKind(path: path, expected: "ledger", found: "snapshot")) {
            try Ledger.open(path, expecting: nil)
        }
        #expect(throws: StateFileError.unexpected(path: path, expected: .ofNothing, found: built.digest)) {
            try Snapshot.open(path, expecting: .ofNothing)
        }
        #expect(throws: StateFileError.self) { try Snapshot.open(folder.path) }
        symlink(path, folder.file("link"))
        #expect(throws: StateFileError.self) { try Snapshot.open(folder.file("link")) }
        mkfifo(folder.file("fifo"), 0o600)
        #expect(throws: StateFileError.self) { try Snapshot.open(folder.file("fifo")) }
        #expect(throws: StateFileError.self) { try BlockWriter(folder.file("no") + "/s", .snapshot) }
    }
}

/// Ids that all have the same hash: a first word that cancels a constant of the hash makes its product zero.
@Suite struct CollisionTests {
    private func colliding(_ number: Int) -> ID {
        let tail = String(number, radix: 16)
        return id("44737003-2e8a-1913-0000-" + String(repeating: "0", count: 12 - tail.utf8.count) + tail)
    }

    @Test func equalHashesAreToldApart() throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 6)
        // More than two blocks of one hash, among others.
        let same = (0..<18_000).map(colliding)
        let others = (0..<2_000).map { _ in randomID(&random, among: 100_000) }
        #expect(try Set(same.prefix(50).map { try OwnedCode(member($0)).hash }).count == 1)
        let ids = (same + others).shuffled(using: &random)
        let source = try snapshot(ids + same.prefix(10), at: folder.file("s"), in: folder, memoryLimit: 64 * 1_024)
        try source.verify()
        #expect(source.members == Set(ids).count && source.duplicates == ids.count + 10 - source.members)
        let whole = try snapshot(ids, at: folder.file("whole"), in: folder, memoryLimit: 64 << 20)
        #expect(whole.members == source.members)
        let ledger = try Ledger.baseline(from: source, over: .empty, at: folder.file("l"))
        for number in [0, 1, 8_191, 8_192, 16_500, 17_999] {
            #expect(try ledger.told(member(colliding(number))) == .yes)
        }
        #expect(try ledger.told(member(colliding(18_000))) == .never)

        let fewer = ids.filter { $0 != colliding(9_000) } + [colliding(70_000)]
        let next = try snapshot(fewer, at: folder.file("s2"), in: folder)
        let plan = try Plan.make(snapshot: next, ledger: ledger, request: request(), at: folder.file("p"))
        #expect(plan.summary.entered == 1 && plan.summary.left == 1 && plan.summary.unchanged == source.members - 1)
        #expect(try plan.find(member(colliding(70_000)))?.entered == true)
        #expect(try plan.find(member(colliding(9_000)))?.entered == false)
        #expect(try plan.find(member(colliding(9_001))) == nil)
    }

    @Test func theOrderAmongEqualHashes() {
        let bytes: [UInt8] = Array("aaaaaaaaaaaaaaaaab".utf8)
        bytes.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return }
            let packed = MemberCode(start: start, rawCount: 0)
            let (short, long) = (MemberCode(start: start, rawCount: 16), MemberCode(start: start, rawCount: 17))
            let greater = MemberCode(start: start + 1, rawCount: 17)
            let ordered = [packed, short, long, greater]
            for (low, one) in ordered.enumerated() {
                for (high, other) in ordered.enumerated() {
                    #expect(one.precedes(other) == (low < high))
                    #expect(one.equals(other) == (low == high))
                }
            }
        }
    }
}
