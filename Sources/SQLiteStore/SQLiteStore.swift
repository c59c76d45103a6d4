import CPageSums
import Foundation
import GRDB
import Scheduling
import SyncEngine

/// The store in one SQLite file with a rollback journal and `synchronous=EXTRA`: a commit that returned survives power
/// loss, also on the SQLite versions whose write-ahead log can lose commits with two connections (before 3.51.3).
package final class SQLiteStore: SyncStore {
    private let queue: DatabaseQueue
    private let path: String

    /// Opens the file, creating it when `createsMissing`, and brings its schema forward.
    ///
    /// - Parameter readOnly: for listings beside a serving engine; takes no lock that would keep the engine waiting.
    /// - Throws: ``StoreError``: `corrupt` for a damaged file or one of a newer build.
    package init(path: String, readOnly: Bool = false) throws(StoreError) {
        self.path = path
        var configuration = Configuration()
        // A killed writer leaves a journal that has to be rolled back, which only one who may write can do.
        let mayRollBack = access(path + "-journal", F_OK) == 0 && access(path, W_OK) == 0
        configuration.readonly = readOnly && !mayRollBack
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { database in
            guard !readOnly else { return }
            // Only a file that is still empty, or written anew by VACUUM, takes it up.
            _ = page_sums_reserve(database.sqliteConnection)
            try database.execute(sql: """
                PRAGMA journal_mode = DELETE;
                PRAGMA synchronous = EXTRA;
                PRAGMA trusted_schema = OFF;
                PRAGMA secure_delete = ON;
                """)
        }
        do {
            queue = try DatabaseQueue(path: Self.summed(path), configuration: configuration)
            if readOnly {
                try Self.awaitTables(in: queue)
                let isNewer = try queue.read {
                    try $0.tableExists("grdb_migrations") && Schema.migrator.hasBeenSuperseded($0)
                }
                guard !isNewer else { throw StoreError.corrupt("\(path) was written by a newer version of rollcall") }
            } else {
                let isNewer = try queue.read { try Schema.migrator.hasBeenSuperseded($0) }
                guard !isNewer else { throw StoreError.corrupt("\(path) was written by a newer version of rollcall") }
                try Self.writePageSums(in: queue)
                try Schema.migrator.migrate(queue)
            }
        } catch {
            throw Self.storeError(error, path: path)
        }
    }

    /// The name by which SQLite opens a file whose pages carry checksums (`CPageSums`).
    package static func summed(_ path: String) -> String {
        guard path != ":memory:", page_sums_register() == 0 else { return path }
        // Letters, digits and the marks between them in ASCII; the rest as its bytes.
        let plain = UInt8(ascii: "-")...UInt8(ascii: "z")
        let name = path.utf8.map { (byte: UInt8) -> String in
            if plain.contains(byte), byte != UInt8(ascii: "?") { return String(UnicodeScalar(byte)) }
            return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        // What follows two slashes would be the name of a host.
        return "file:\(path.hasPrefix("/") ? "//" : "")\(name.joined())?vfs=\(String(cString: page_sums_name()))"
    }

    /// A file of an older version is written anew, so that its pages have room for their checksums.
    private static func writePageSums(in queue: DatabaseQueue) throws {
        try queue.writeWithoutTransaction { database in
            let mark = try Int.fetchOne(database, sql: "PRAGMA application_id")
            let isFilled = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0 > 0
            if isFilled, mark != Int(page_sums_mark) { try database.execute(sql: "VACUUM") }
        }
    }

    /// A store in memory that stands for a state folder which does not exist yet.
    package static func empty() throws(StoreError) -> SQLiteStore {
        try SQLiteStore(path: ":memory:")
    }

    /// The store of a workspace that is only looked at. A file that another process has made this moment, and not filled
    /// yet, says as much as none.
    package static func looking(at path: String) throws(StoreError) -> SQLiteStore {
        var status = stat()
        if stat(path, &status) == 0, status.st_size == 0 { return try empty() }
        let store = try SQLiteStore(path: path, readOnly: true)
        let isFilled: Bool
        do {
            isFilled = try store.queue.read { try $0.tableExists("install") }
        } catch {
            throw storeError(error, path: path)
        }
        return isFilled ? store : try empty()
    }

    /// An engine that has just begun makes the tables one migration after another; five seconds are enough for that.
    private static func awaitTables(in queue: DatabaseQueue) throws {
        for _ in 0..<250 {
            let areThere = try queue.read {
                try $0.tableExists("grdb_migrations") && Schema.migrator.hasCompletedMigrations($0)
            }
            if areThere { return }
            usleep(20_000)
        }
    }

    static func storeError(_ error: any Error, path: String) -> StoreError {
        if let error = error as? StoreError {
            // What a row says wrongly is known where it is read; which file it stands in, here.
            if case .corrupt(let text) = error, !text.contains(path) { return .corrupt("\(path): \(text)") }
            return error
        }
        if error is CancellationError { return .cancelled }
        guard let error = error as? DatabaseError else { return .unavailable("\(path): \(error)") }
        // SQLITE_IOERR_DATA, which GRDB has no name for.
        if error.extendedResultCode.rawValue == 10 | 32 << 8 {
            return .corrupt("\(path): page \(page_sums_last_damaged()) is damaged: it does not match its checksum")
        }
        let text = "\(path): \(error.message ?? "SQLite error \(error.extendedResultCode.rawValue)")"
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_CONSTRAINT, .SQLITE_SCHEMA: return .corrupt(text)
        default: return .unavailable(text)
        }
    }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        do {
            return try await queue.read(body)
        } catch {
            throw Self.storeError(error, path: path)
        }
    }

    func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        do {
            return try await queue.write(body)
        } catch {
            throw Self.storeError(error, path: path)
        }
    }

    // MARK: - Install

    package func namespace() async throws(StoreError) -> [UInt8] {
        try await read { database in
            let value = try Data.fetchOne(database, sql: "SELECT value FROM install WHERE key = 'namespace'")
            guard let value, value.count == 16 else { throw StoreError.corrupt("no install namespace in the store") }
            let again = try Data.fetchOne(database, sql: "SELECT value FROM install WHERE key = 'namespace again'")
            guard value == again else { throw StoreError.corrupt("the install namespace is damaged") }
            return [UInt8](value)
        }
    }

    package func isFrozen() async throws(StoreError) -> Bool {
        try await read { database in
            try Data.fetchOne(database, sql: "SELECT value FROM install WHERE key = 'frozen'")?.first == 1
        }
    }

    package func setFrozen(_ isFrozen: Bool, audit entry: AuditEntry) async throws(StoreError) {
        try await write { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO install VALUES ('frozen', ?)", arguments: [Data([isFrozen ? 1 : 0])])
            try Self.append(entry, to: database)
        }
    }

    package func appendAudit(_ entry: AuditEntry) async throws(StoreError) {
        try await write { try Self.append(entry, to: $0) }
    }

    static func append(_ entry: AuditEntry, to database: Database) throws {
        try database.execute(
            sql: "INSERT INTO audit (at, actor, action, subject, reason) VALUES (?, ?, ?, ?, ?)",
            arguments: [entry.at.milliseconds, entry.actor, entry.action, entry.subject, entry.reason])
    }

    package func audit(limit: Int) async throws(StoreError) -> [AuditEntry] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM audit ORDER BY id DESC LIMIT ?", arguments: [limit]).map {
                AuditEntry(
                    at: Instant(milliseconds: $0["at"]), actor: $0["actor"], action: $0["action"],
                    subject: $0["subject"], reason: $0["reason"])
            }
        }
    }

    // MARK: - Syncs and destinations

    package func syncStates() async throws(StoreError) -> [SyncState] {
        try await read { try SyncState.fetchAll($0) }
    }

    package func saveSyncState(_ state: SyncState) async throws(StoreError) {
        try await write { try state.save($0) }
    }

    package func saveSyncStates(_ states: [SyncState]) async throws(StoreError) {
        guard !states.isEmpty else { return }
        try await write { database in
            for state in states { try state.save(database) }
        }
    }

    package func takeOver(from old: SyncID, by heir: SyncState) async throws(StoreError) {
        try await write { database in
            let names = StatementArguments([heir.sync.description, old.description])
            try database.execute(sql: "UPDATE runs SET sync = ? WHERE sync = ?", arguments: names)
            try database.execute(sql: "UPDATE OR REPLACE rejects SET sync = ? WHERE sync = ?", arguments: names)
            // The new sync may have decided the same occurrence itself.
            try database.execute(sql: "UPDATE OR IGNORE occurrences SET sync = ? WHERE sync = ?", arguments: names)
            try database.execute(sql: "DELETE FROM occurrences WHERE sync = ?", arguments: [old.description])
            try database.execute(sql: "DELETE FROM syncs WHERE sync = ?", arguments: [old.description])
            try heir.save(database)
        }
    }

    package func destinationStates() async throws(StoreError) -> [DestinationState] {
        try await read { try DestinationState.fetchAll($0) }
    }

    package func saveDestinationState(_ state: DestinationState) async throws(StoreError) {
        try await write { try state.save($0) }
    }

    // MARK: - Runs

    package func createRun(_ draft: RunRecord) async throws(StoreError) -> RunRecord? {
        try await write { database in
            var run = draft
            let next = try Int64.fetchOne(
                database, sql: "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'runs'), 0) + 1")
            run.id = RunID(next ?? 1)
            if let nominal = run.nominal {
                let isTaken = try Bool.fetchOne(
                    database, sql: "SELECT EXISTS (SELECT 1 FROM occurrences WHERE sync = ? AND nominal = ?)",
                    arguments: [run.sync.description, nominal.milliseconds]) ?? false
                guard !isTaken else { return nil }
                try database.execute(
                    sql: "INSERT INTO occurrences (sync, nominal, run) VALUES (?, ?, ?)",
                    arguments: [run.sync.description, nominal.milliseconds, run.id.number])
                try Self.noteOccurrence(nominal, of: run.sync, in: database)
            }
            try run.insert(database)
            return run
        }
    }

    private static func noteOccurrence(_ nominal: Instant, of sync: SyncID, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO syncs (sync, last_occurrence) VALUES (?, ?)
                ON CONFLICT (sync) DO UPDATE SET last_occurrence = excluded.last_occurrence
                """,
            arguments: [sync.description, nominal.milliseconds])
    }

    package func recordSkip(_ skip: SkippedOccurrence) async throws(StoreError) {
        try await write { database in
            try database.execute(
                sql: "INSERT OR IGNORE INTO occurrences (sync, nominal, missed, reason) VALUES (?, ?, ?, ?)",
                arguments: [skip.sync.description, skip.nominal.milliseconds, skip.missed, skip.reason])
            try Self.noteOccurrence(skip.nominal, of: skip.sync, in: database)
        }
    }

    package func skips(of sync: SyncID, limit: Int) async throws(StoreError) -> [SkippedOccurrence] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM occurrences WHERE sync = ? AND run IS NULL ORDER BY nominal DESC LIMIT ?
                    """,
                arguments: [sync.description, limit]
            ).map {
                SkippedOccurrence(
                    sync: sync, nominal: Instant(milliseconds: $0["nominal"]), missed: $0["missed"],
                    reason: $0["reason"])
            }
        }
    }

    package func saveRun(_ run: RunRecord) async throws(StoreError) {
        try await write { try run.update($0) }
    }

    package func commitPlan(
        _ run: RunRecord, state: SyncState, memberHashes: [UInt64]?
    ) async throws(StoreError) {
        try await write { database in
            try run.update(database)
            try state.save(database)
            guard let memberHashes else { return }
            let insert = try database.makeStatement(
                sql: "INSERT OR IGNORE INTO planned_members (hash, run) VALUES (?, ?)")
            for hash in memberHashes {
                try insert.execute(arguments: [Int64(bitPattern: hash), run.id.number])
            }
            try database.execute(sql: "UPDATE runs SET is_indexed = 1 WHERE id = ?", arguments: [run.id.number])
        }
    }

    package func finishRun(
        _ run: RunRecord, state: SyncState?, rejects: RejectChanges
    ) async throws(StoreError) {
        try await write { database in
            try run.update(database)
            try state?.save(database)
            for id in rejects.settled {
                try database.execute(sql: "DELETE FROM rejects WHERE id = ?", arguments: [id])
            }
            for reject in rejects.rejected {
                try database.execute(
                    sql: """
                        INSERT INTO rejects (sync, run, member, entered, reason, http_status, attempts, at)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                        ON CONFLICT (sync, member) DO UPDATE SET
                          run = excluded.run, entered = excluded.entered, reason = excluded.reason,
                          http_status = excluded.http_status, attempts = excluded.attempts + attempts,
                          at = excluded.at, is_dismissed = 0
                        """,
                    arguments: [
                        reject.sync.description, reject.run.number, Data(reject.member), reject.entered,
                        reject.reason, reject.httpStatus, reject.attempts, reject.at.milliseconds,
                    ])
            }
        }
    }

    package func run(_ id: RunID) async throws(StoreError) -> RunRecord? {
        try await read { try RunRecord.fetchOne($0, key: id.number) }
    }

    package func runs(_ filter: RunFilter) async throws(StoreError) -> [RunRecord] {
        try await read { database in
            var request = RunRecord.order(sql: filter.after == nil ? "id DESC" : "id").limit(filter.limit)
            if let after = filter.after { request = request.filter(Column("id") > after.number) }
            if let syncs = filter.syncs {
                request = request.filter(syncs.map(\.description).contains(Column("sync")))
            }
            if let before = filter.before { request = request.filter(Column("id") < before.number) }
            if filter.unfinishedOnly { request = request.filter(sql: "phase <> 'finished'") }
            return try request.fetchAll(database)
        }
    }

    package func runsNaming(memberHash: UInt64) async throws(StoreError) -> [RunRecord] {
        try await read { database in
            try RunRecord.fetchAll(
                database,
                sql: """
                    SELECT * FROM runs WHERE id IN (SELECT run FROM planned_members WHERE hash = ?)
                       OR id IN (SELECT id FROM runs WHERE plan IS NOT NULL AND is_indexed = 0)
                    ORDER BY id DESC
                    """,
                arguments: [Int64(bitPattern: memberHash)])
        }
    }

    package func unapprovedLeaves(of sync: SyncID, since: Instant) async throws(StoreError) -> Int {
        try await read { database in
            try Int.fetchOne(
                database,
                sql: """
                    SELECT coalesce(sum(json_extract(delivery, '$.acceptedLeft')), 0) FROM runs
                    WHERE sync = ? AND approval IS NULL AND coalesce(finished_at, created_at) >= ?
                    """,
                arguments: [sync.description, since.milliseconds]) ?? 0
        }
    }

    package func removeRuns(
        finishedBefore instant: Instant, limit: Int
    ) async throws(StoreError) -> [RunRecord] {
        try await write { database in
            let old = try RunRecord.fetchAll(
                database,
                sql: """
                    SELECT * FROM runs AS old WHERE finished_at < ?
                      AND EXISTS (SELECT 1 FROM runs AS newer WHERE newer.sync = old.sync AND newer.id > old.id)
                    ORDER BY id LIMIT ?
                    """,
                arguments: [instant.milliseconds, limit])
            for run in old {
                for table in ["batches", "planned_members"] {
                    try database.execute(sql: "DELETE FROM \(table) WHERE run = ?", arguments: [run.id.number])
                }
                try database.execute(sql: "DELETE FROM runs WHERE id = ?", arguments: [run.id.number])
            }
            return old
        }
    }

    // MARK: - Batches

    package func saveBatches(
        _ facts: [BatchFact], of run: RunID, counts: DeliveryCounts
    ) async throws(StoreError) {
        try await write { database in
            let remove = try database.cachedStatement(sql: "DELETE FROM batches WHERE run = ? AND first = ?")
            let put = try database.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO batches
                      (run, first, count, state, http_status, attempts, request, reason, at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """)
            for fact in facts {
                switch fact {
                case .remove(let first):
                    try remove.execute(arguments: [run.number, first])
                case .put(let batch):
                    try put.execute(arguments: [
                        run.number, batch.range.lowerBound, batch.range.count, batch.state.rawValue,
                        batch.httpStatus, batch.attempts, batch.request, batch.reason, batch.at.milliseconds,
                    ])
                }
            }
            let json = String(decoding: try JSONEncoder().encode(counts), as: UTF8.self)
            try database.execute(
                sql: "UPDATE runs SET delivery = ? WHERE id = ?", arguments: [json, run.number])
        }
    }

    package func batches(of run: RunID) async throws(StoreError) -> [BatchRecord] {
        try await read { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM batches WHERE run = ? ORDER BY first", arguments: [run.number]
            ).map { row in
                let first: Int = row["first"]
                let count: Int = row["count"]
                guard let state = BatchState(rawValue: row["state"]), first >= 0, count > 0 else {
                    throw StoreError.corrupt("batch \(first) of run \(run) is damaged")
                }
                return BatchRecord(
                    range: first..<(first + count), state: state, httpStatus: row["http_status"],
                    attempts: row["attempts"], request: row["request"], reason: row["reason"],
                    at: Instant(milliseconds: row["at"]))
            }
        }
    }

    // MARK: - Rejects

    package func rejects(of syncs: [SyncID]?, limit: Int) async throws(StoreError) -> [Reject] {
        try await read { database in
            let names = syncs?.map(\.description)
            let marks = names.map { databaseQuestionMarks(count: $0.count) }
            return try Row.fetchAll(
                database,
                sql: "SELECT * FROM rejects \(marks.map { "WHERE sync IN (\($0))" } ?? "") ORDER BY id LIMIT ?",
                arguments: StatementArguments(names ?? []) + [limit]
            ).map(Self.reject)
        }
    }

    private static func reject(_ row: Row) throws -> Reject {
        guard let sync = SyncID(row["sync"] as String) else { throw StoreError.corrupt("a reject has no sync") }
        return Reject(
            id: row["id"], sync: sync, run: RunID(row["run"]), member: [UInt8](row["member"] as Data),
            entered: row["entered"], reason: row["reason"], httpStatus: row["http_status"], attempts: row["attempts"],
            at: Instant(milliseconds: row["at"]), isDismissed: row["is_dismissed"])
    }

    package func dismissReject(_ id: Int64, audit entry: AuditEntry) async throws(StoreError) -> Bool {
        try await write { database in
            try database.execute(sql: "UPDATE rejects SET is_dismissed = 1 WHERE id = ?", arguments: [id])
            guard database.changesCount > 0 else { return false }
            try Self.append(entry, to: database)
            return true
        }
    }

    // MARK: - Health

    /// The version of the SQLite library that is in use.
    package static var libraryVersion: String {
        (try? DatabaseQueue().read { try String.fetchOne($0, sql: "SELECT sqlite_version()") }) ?? "unknown"
    }

    package func integrityFaults() async throws(StoreError) -> [String] {
        try await read { database in
            try String.fetchAll(database, sql: "PRAGMA integrity_check(20)").filter { $0 != "ok" }
        }
    }
}
