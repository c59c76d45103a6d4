import Foundation
import GRDB
import GRDBSQLite
import Scheduling
import SyncEngine
import Testing

@testable import SQLiteStore

/// SQLite's pages carry no checksums of its own; ours do (`CPageSums`). Before, one flipped bit in a row's header stopped the
/// program, and one in a number was read as if it had been written.
@Suite(.serialized) struct PageSumTests {
    /// A store with a little of everything, as bytes of its file.
    private static func filled(_ file: TemporaryFile) async throws -> [UInt8] {
        let store = try SQLiteStore(path: file.path)
        let sync = SyncID(cohort: "vip", destination: "seg")
        let identity = SyncIdentity(
            trait: "T", template: "{name}", sourceKind: "csv", sourceDefinition: "d", destinationKind: "segment", destinationAddress: "a")
        for second: Int64 in 0..<4 {
            let now = Instant(seconds: 1_767_225_600 + second)
            let draft = RunRecord(
                id: RunID(0), sync: sync, trigger: .schedule, mode: .changes, nominal: now, createdAt: now, identity: identity)
            var run = try #require(try await store.createRun(draft))
            let batch = BatchRecord(range: 0..<3, state: .unknown, attempts: 1, request: "\(run.id).1", at: now)
            try await store.saveBatches([.put(batch)], of: run.id, counts: DeliveryCounts())
            run.phase = .finished
            run.outcome = .succeeded
            run.finishedAt = now
            var state = SyncState(sync: sync)
            state.lastTimestamp = now
            try await store.finishRun(run, state: state, rejects: RejectChanges())
        }
        return try [UInt8](Data(contentsOf: URL(fileURLWithPath: file.path)))
    }

    /// A connection by way of the sums that keeps no page, and the question whether all of them can be read.
    private final class Reader {
        private var connection: OpaquePointer?
        private var question: OpaquePointer?

        init(_ path: String) {
            guard sqlite3_open_v2(SQLiteStore.summed(path), &connection, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nil) == SQLITE_OK
            else { return }
            sqlite3_exec(connection, "PRAGMA cache_size = 0", nil, nil, nil)
            sqlite3_prepare_v2(connection, "PRAGMA integrity_check", -1, &question, nil)
        }

        deinit {
            sqlite3_finalize(question)
            sqlite3_close(connection)
        }

        var isWhole: Bool {
            guard question != nil else { return false }
            defer { sqlite3_reset(question) }
            guard sqlite3_step(question) == SQLITE_ROW, let text = sqlite3_column_text(question, 0) else { return false }
            return strcmp(UnsafeRawPointer(text).assumingMemoryBound(to: CChar.self), "ok") == 0
                && sqlite3_step(question) == SQLITE_DONE
        }
    }

    private static func isWhole(_ path: String) -> Bool { Reader(path).isWhole }

    @Test("every byte of a small state.db that is flipped, and every truncation of it, is noticed before anything is read from it")
    func everyByte() async throws {
        let began = ContinuousClock.now
        let file = TemporaryFile()
        let whole = try await Self.filled(file)
        // In memory where there is room: nothing of it is to last.
        let copy = (access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : NSTemporaryDirectory()) + "sums-\(UUID().uuidString).db"
        let descriptor = open(copy, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        defer {
            close(descriptor)
            unlink(copy)
        }
        #expect(whole.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) } == whole.count)
        let reader = Reader(copy)
        #expect(reader.isWhole)
        var unnoticed: [Int] = []
        var random = SystemRandomNumberGenerator()
        for index in whole.indices {
            var byte = whole[index] ^ (1 << UInt8.random(in: 0...7, using: &random))
            pwrite(descriptor, &byte, 1, index)
            // The header is read once more by whoever opens the file.
            if reader.isWhole || index < 100 && Self.isWhole(copy) { unnoticed.append(index) }
            byte = whole[index]
            pwrite(descriptor, &byte, 1, index)
        }
        #expect(unnoticed.isEmpty, "\(unnoticed.count) bytes, in pages \(Set(unnoticed.map { $0 / 4_096 + 1 }).sorted())")
        #expect(Self.isWhole(copy))
        var silent: [Int] = []
        var isOfZeros = true
        // A file of one byte is an empty one to SQLite, like one of none: the engine misses the runs of its files then.
        for count in stride(from: whole.count - 1, to: 1, by: -1) {
            ftruncate(descriptor, off_t(count))
            // Zeros that are missing are read as zeros.
            isOfZeros = isOfZeros && whole[count] == 0
            if !isOfZeros, count.isMultiple(of: 4_096) ? Self.isWhole(copy) : reader.isWhole { silent.append(count) }
        }
        #expect(silent.isEmpty, "\(silent.count) lengths, such as \(silent.prefix(5))")
        #expect(whole.count >= 20 * 4_096)
        print("page sums: \(whole.count) bytes flipped, \(whole.count - 1) truncations, \(unnoticed.count + silent.count) unnoticed, "
            + "\(ContinuousClock.now - began)")
    }

    @Test("a damaged page is refused by its number, in every way of opening", arguments: [false, true])
    func page(readOnly: Bool) async throws {
        let file = TemporaryFile()
        var bytes = try await Self.filled(file)
        // The type of a value in a row's header: reading such a row stopped the program.
        bytes[2 * 4_096 + 4_000] ^= 0x10
        try Data(bytes).write(to: URL(fileURLWithPath: file.path))
        await #expect(throws: StoreError.corrupt("\(file.path): page 3 is damaged: it does not match its checksum")) {
            let store = try SQLiteStore(path: file.path, readOnly: readOnly)
            _ = try await store.integrityFaults()
        }
    }

    @Test("a page in another's place, and one of zeros, are noticed", arguments: [true, false])
    func exchanged(isOfZeros: Bool) async throws {
        let file = TemporaryFile()
        var bytes = try await Self.filled(file)
        let (one, other) = (4 * 4_096..<5 * 4_096, 5 * 4_096..<6 * 4_096)
        let page = isOfZeros ? [UInt8](repeating: 0, count: 4_096) : Array(bytes[one])
        bytes.replaceSubrange(other, with: page)
        try Data(bytes).write(to: URL(fileURLWithPath: file.path))
        #expect(!Self.isWhole(file.path))
    }

    @Test("a file without sums is written anew when it is opened to write, and read as it is until then")
    func older() async throws {
        let file = TemporaryFile()
        do {
            let queue = try DatabaseQueue(path: file.path)
            try Schema.migrator.migrate(queue, upTo: "6 the namespace twice")
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: file.path))[20] == 0)
        let namespace = try await SQLiteStore(path: file.path).namespace()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: file.path))
        #expect(bytes[20] == 8)
        #expect(try await SQLiteStore(path: file.path, readOnly: true).namespace() == namespace)
        #expect(Self.isWhole(file.path))
    }

    @Test("a flipped bit in the journal of an interrupted commit is not rolled back into the file")
    func journal() async throws {
        let (file, left) = (TemporaryFile(), TemporaryFile())
        _ = try await Self.filled(file)
        let writer = try DatabaseQueue(path: SQLiteStore.summed(file.path))
        try await writer.writeWithoutTransaction { database in
            // So small a cache spills into the file before the commit, and the journal with it.
            try database.execute(sql: "PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE runs SET reason = 'changed'")
            for number in 0..<500 {
                try database.execute(sql: "INSERT INTO install VALUES (?, randomblob(500))", arguments: ["filler \(number)"])
            }
            for suffix in ["", "-journal"] {
                try FileManager.default.copyItem(atPath: file.path + suffix, toPath: left.path + suffix)
            }
            try database.execute(sql: "ROLLBACK")
        }
        let journal = try Data(contentsOf: URL(fileURLWithPath: left.path + "-journal"))
        let database = try Data(contentsOf: URL(fileURLWithPath: left.path))
        // SQLite's own sum of a journal's page looks at every 200th byte only.
        var damaged = journal
        damaged[512 + 4 + 1_001] ^= 1
        try damaged.write(to: URL(fileURLWithPath: left.path + "-journal"))
        #expect(throws: StoreError.self) { _ = try SQLiteStore(path: left.path) }
        try journal.write(to: URL(fileURLWithPath: left.path + "-journal"))
        try database.write(to: URL(fileURLWithPath: left.path))
        #expect(try await SQLiteStore(path: left.path).runs(RunFilter(limit: 10)).allSatisfy { $0.reason == nil })
    }
}
