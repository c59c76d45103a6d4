import Glibc
import Scheduling
import Testing

@testable import Membership

@Suite struct CorruptionTests {
    /// A small file of each kind, with records of every shape.
    private func files(in folder: TemporaryFolder) throws -> [(path: String, kind: StateFileKind)] {
        var random = SeededGenerator(seed: 2)
        let uuids = (0..<6).map { _ in uuidText(&random) }
        let packed = try snapshot(uuids, at: folder.file("packed"), in: folder)
        let others = [id("a"), ID(repeating: 0x62, count: 90)]
        let rows = try snapshot(uuids.prefix(3) + others, at: folder.file("rows"), in: folder)
        let first = try Plan.make(snapshot: packed, ledger: .empty, request: request(), at: folder.file("plan-1"))
        let half = [OutcomeRange(range: 0..<3, outcome: .accepted), OutcomeRange(range: 3..<5, outcome: .unknown)]
        let ledger = try Ledger.applying(first, to: .empty, outcomes: half, at: folder.file("ledger-1"))
        let second = try Plan.make(
            snapshot: rows, ledger: ledger, request: request(.full, attempt: 2), at: folder.file("plan-2"))
        let all = [OutcomeRange(range: 0..<second.count, outcome: .accepted)]
        let mixed = try Ledger.applying(second, to: ledger, outcomes: all, at: folder.file("ledger-2"))
        let leaving = try Plan.make(
            snapshot: nil, ledger: mixed, request: request(attempt: 3), at: folder.file("plan-3"))
        return [
            (packed.path, .snapshot), (rows.path, .snapshot), (first.path, .plan), (second.path, .plan),
            (leaving.path, .plan), (ledger.path ?? "", .ledger), (mixed.path ?? "", .ledger),
        ]
    }

    /// Reads everything a file offers. Throws when it is damaged.
    private func readAll(_ path: String, _ kind: StateFileKind) throws {
        switch kind {
        case .snapshot: try Snapshot.open(path).forEachMember { _ in }
        case .ledger: try Ledger.open(path, expecting: nil).forEachMember { _ in }
        case .plan:
            let plan = try Plan.open(path, expecting: nil)
            _ = try entries(of: plan)
            _ = try plan.sample(5)
        }
    }

    @Test func everyFlippedByteIsDetected() throws {
        let folder = try TemporaryFolder()
        let damaged = folder.file("damaged")
        var flips = 0
        for (path, kind) in try files(in: folder) {
            let bytes = try folder.bytes(of: path)
            try readAll(path, kind)
            for position in bytes.indices {
                for mask: UInt8 in [0x01, 0x80, 0xFF] {
                    var changed = bytes
                    changed[position] ^= mask
                    try folder.write(changed, to: damaged)
                    flips += 1
                    #expect(throws: StateFileError.self, "\(path), byte \(position)") {
                        try readAll(damaged, kind)
                    }
                }
            }
        }
        #expect(flips > 5_000)
    }

    @Test func everyTruncationIsDetected() throws {
        let folder = try TemporaryFolder()
        let damaged = folder.file("damaged")
        for (path, kind) in try files(in: folder) {
            let bytes = try folder.bytes(of: path)
            for count in bytes.indices {
                try folder.write(Array(bytes[..<count]), to: damaged)
                #expect(throws: StateFileError.self, "\(kind.name), \(count) bytes") { try readAll(damaged, kind) }
            }
            try folder.write(bytes + [0], to: damaged)
            #expect(throws: StateFileError.self) { try readAll(damaged, kind) }
        }
    }

    /// Damage that the checksums were made to agree with: what a hostile writer can do must not trap, and records
    /// that no writer of ours makes are refused.
    @Test(arguments: seeds(1...4))
    func hostileFilesNeverTrap(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        let damaged = folder.file("damaged")
        var random = SeededGenerator(seed: seed)
        var refused = 0
        for (path, kind) in try files(in: folder) {
            let bytes = try folder.bytes(of: path)
            for _ in 0..<150 {
                try folder.write(try resealed(bytes, path, kind, &random), to: damaged)
                do {
                    try readAll(damaged, kind)
                    let ledger = kind == .ledger ? try Ledger.open(damaged, expecting: nil) : .empty
                    _ = try ledger.told(member(id("a")))
                    if kind == .plan { _ = try Plan.open(damaged, expecting: nil).find(member(id("a"))) }
                } catch is StateFileError {
                    refused += 1
                }
            }
        }
        #expect(refused > 300, "seed \(seed)")
    }

    /// The file with random changes in blocks or footer and all checksums made right again.
    private func resealed(
        _ bytes: [UInt8], _ path: String, _ kind: StateFileKind, _ random: inout SeededGenerator
    ) throws -> [UInt8] {
        var bytes = bytes
        let entries = try BlockFile.open(path, kind).entries
        let footer = entries.last.map { $0.offset + $0.length } ?? BlockFormat.headerCount
        let trailer = bytes.count - BlockFormat.trailerCount
        let hitsBlocks = !entries.isEmpty && Bool.random(using: &random)
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let position = hitsBlocks
                ? Int.random(in: BlockFormat.headerCount..<footer, using: &random)
                : Int.random(in: footer..<trailer, using: &random)
            let interesting: [UInt8] = [0, 1, 0x3D, 0x3E, 0x7F, 0x80, 0xFF]
            bytes[position] = interesting.randomElement(using: &random) ?? 0
        }
        if hitsBlocks {
            var entryOffset = trailer - entries.count * BlockFormat.entryCount
            for entry in entries {
                let sum = bytes[entry.offset..<entry.offset + entry.length].withUnsafeBytes { buffer in
                    buffer.baseAddress.map { StableHash.ofBytes($0, buffer.count) } ?? 0
                }
                withUnsafeBytes(of: sum.littleEndian) {
                    bytes.replaceSubrange(entryOffset + 8..<entryOffset + 16, with: $0)
                }
                entryOffset += BlockFormat.entryCount
            }
        }
        var hash = SHA256()
        hash.update(Array(bytes[..<BlockFormat.headerCount]))
        hash.update(Array(bytes[footer..<trailer + 16]))
        bytes.replaceSubrange(trailer + 16..<trailer + 48, with: hash.digest())
        return bytes
    }

    /// Sound blocks in the wrong order, within a block, across two, and with a member twice.
    @Test(arguments: [[0, 2, 1, 3], [1, 0], [0, 0], [0, 1, 2, 2]])
    func theOrderIsVerified(order: [Int]) throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 1)
        let codes = try (0..<4).map { _ in try OwnedCode(member(uuidText(&random))) }.sorted { $0.hash < $1.hash }
        let path = folder.file("s")
        func write(_ order: [Int]) throws {
            let writer = try BlockWriter(path, .snapshot)
            for position in order {
                let code = codes[position]
                let words = code.withCode { $0.words }
                try writer.appendPacked(words.first, words.last, hash: code.hash, state: 0)
            }
            _ = try writer.finish(facts: Snapshot.facts(duplicates: 0))
        }
        try write([0, 1, 2, 3])
        try Snapshot.open(path).verify()
        try write(order)
        #expect(throws: StateFileError.self) { try Snapshot.open(path).verify() }
    }

    @Test func theOrderIsVerifiedAcrossBlocks() throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 9)
        let ids = (0..<8_193).map { _ in uuidText(&random) }
        let codes = try ids.map { try OwnedCode(member($0)) }.sorted { $0.hash < $1.hash }
        func write(last: OwnedCode) throws -> Snapshot {
            let writer = try BlockWriter(folder.file("s"), .snapshot)
            for code in codes.dropLast() + [last] {
                let words = code.withCode { $0.words }
                try writer.appendPacked(words.first, words.last, hash: code.hash, state: 0)
            }
            return try Snapshot(writer.finish(facts: Snapshot.facts(duplicates: 0)))
        }
        let sound = try write(last: codes[8_192])
        #expect(sound.file.entries.count == 2)
        try sound.verify()
        #expect(throws: StateFileError.self) { try write(last: codes[8_191]).verify() }
        #expect(throws: StateFileError.self) { try write(last: codes[8_190]).verify() }
    }

    /// A reader that failed goes on failing, so that nobody continues after a gap.
    @Test func aFailedReaderStaysFailed() throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 3)
        let source = try snapshot((0..<20_000).map { _ in uuidText(&random) }, at: folder.file("s"), in: folder)
        let plan = try Plan.make(snapshot: source, ledger: .empty, request: request(), at: folder.file("p"))
        var bytes = try folder.bytes(of: plan.path)
        bytes[plan.file.entries[1].offset + 100] ^= 1
        try folder.write(bytes, to: plan.path)
        var reader = try plan.reader(from: 8_000)
        for index in 8_000..<8_192 { #expect(try reader.next()?.index == index) }
        for _ in 0..<3 { #expect(throws: StateFileError.self) { try reader.next() } }
        #expect(throws: StateFileError.self) { try plan.reader(from: 8_192) }
        var later = try plan.reader(from: 16_384)
        #expect(try later.next()?.index == 16_384)
    }

    @Test func aFullDeviceIsItsOwnError() throws {
        let descriptor = Descriptor(number: open("/dev/full", O_WRONLY))
        #expect(throws: StateFileError.noSpace(path: "x")) {
            try [1, 2, 3].withUnsafeBytes { try writeFully(descriptor.number, "x", $0) }
        }
    }

    /// A rename that fails late leaves neither the new file nor a leftover.
    @Test func aFailedCommitLeavesNothing() throws {
        let folder = try TemporaryFolder()
        #expect(mkdir(folder.file("taken"), 0o700) == 0)
        defer { rmdir(folder.file("taken")) }
        #expect(throws: StateFileError.self) { try snapshot([id("a")], at: folder.file("taken"), in: folder) }
        #expect(folder.names == ["taken"])
    }

    @Test func filesAreForTheOwnerOnly() throws {
        let folder = try TemporaryFolder()
        let built = try snapshot([id("a")], at: folder.file("s"), in: folder)
        var status = stat()
        #expect(stat(built.path, &status) == 0 && status.st_mode & 0o7777 == 0o600)
    }
}
