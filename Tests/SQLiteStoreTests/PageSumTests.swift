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
    /// SQLITE_IOERR_DATA.
    private static let damagedPage: Int32 = 10 | 32 << 8

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

    /// Whether SQLite, by way of the sums, can read all of a file.
    private static func isWhole(_ path: String) -> Bool {
        var connection: OpaquePointer?
        var question: OpaquePointer?
        defer {
            sqlite3_finalize(question)
            sqlite3_close(connection)
        }
        let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
        guard sqlite3_open_v2(SQLiteStore.summed(path), &connection, flags, nil) == SQLITE_OK,
            sqlite3_prepare_v2(connection, "PRAGMA integrity_check", -1, &question, nil) == SQLITE_OK,
            sqlite3_step(question) == SQLITE_ROW, let text = sqlite3_column_text(question, 0)
        else { return false }
        return String(cString: text) == "ok" && sqlite3_step(question) == SQLITE_DONE
    }

    /// A file as SQLite reads it, page by page, by way of the sums.
    private final class PageFile {
        private let file: UnsafeMutablePointer<sqlite3_file>
        private let name: UnsafePointer<CChar>?
        private let page = UnsafeMutableRawPointer.allocate(byteCount: 4_096, alignment: 16)
        private let isOpen: Bool

        init(_ path: String) {
            _ = SQLiteStore.summed(path)
            let system = sqlite3_vfs_find("rollcall-sums")
            let size = Int(system?.pointee.szOsFile ?? 0)
            file = UnsafeMutableRawPointer.allocate(byteCount: max(size, 64), alignment: 16).bindMemory(to: sqlite3_file.self, capacity: 1)
            name = UnsafePointer(sqlite3_create_filename(path, "", "", 0, nil))
            let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB
            isOpen = system?.pointee.xOpen(system, name, file, flags, nil) == SQLITE_OK
        }

        deinit {
            if isOpen { _ = file.pointee.pMethods.pointee.xClose(file) }
            sqlite3_free_filename(name)
            UnsafeMutableRawPointer(file).deallocate()
            page.deallocate()
        }

        /// Reads the header, as whoever opens the file does, and then a page, from 0.
        func read(_ number: Int) -> Int32 {
            guard isOpen else { return SQLITE_CANTOPEN }
            let methods = file.pointee.pMethods.pointee
            let header = methods.xRead(file, page, 100, 0)
            return header == SQLITE_OK ? methods.xRead(file, page, 4_096, Int64(number) * 4_096) : header
        }
    }

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
        let reader = PageFile(copy)
        #expect(Self.isWhole(copy))
        #expect((0..<whole.count / 4_096).allSatisfy { reader.read($0) == SQLITE_OK })
        var unnoticed: [Int] = []
        var random = SystemRandomNumberGenerator()
        for index in whole.indices {
            var byte = whole[index] ^ (1 << UInt8.random(in: 0...7, using: &random))
            pwrite(descriptor, &byte, 1, index)
            // SQLite never gets a page that does not match; that it then reads nothing from the file is looked at now and then.
            if reader.read(index / 4_096) != Self.damagedPage { unnoticed.append(index) }
            if index.isMultiple(of: 97) || index < 100, Self.isWhole(copy) { unnoticed.append(index) }
            byte = whole[index]
            pwrite(descriptor, &byte, 1, index)
        }
        #expect(unnoticed.isEmpty, "\(unnoticed.count) bytes, in pages \(Set(unnoticed.map { $0 / 4_096 + 1 }).sorted())")
        #expect(Self.isWhole(copy))
        var silent: [Int] = []
        var isOfZeros = true
        // A file of less than a header is an empty one to SQLite, or none of its own: the engine misses its runs then.
        for count in stride(from: whole.count - 1, to: 100, by: -1) {
            ftruncate(descriptor, off_t(count))
            // Zeros that are missing are read as zeros; of whole pages that are missing the header tells.
            let isAtEdge = count.isMultiple(of: 4_096)
            if (count + 1).isMultiple(of: 4_096) { isOfZeros = true }
            isOfZeros = isOfZeros && whole[count] == 0
            if !isAtEdge, !isOfZeros, reader.read(count / 4_096) != Self.damagedPage { silent.append(count) }
            if isAtEdge || count.isMultiple(of: 97) && !isOfZeros, Self.isWhole(copy) { silent.append(count) }
        }
        #expect(silent.isEmpty, "\(silent.count) lengths, such as \(silent.prefix(5))")
        #expect(whole.count >= 20 * 4_096)
        print("page sums: \(whole.count) bytes flipped, \(whole.count - 101) truncations, \(unnoticed.count + silent.count) unnoticed, "
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
