import GRDBSQLite
import Glibc
import Scheduling
import SyncEngine
import WarehouseNames

/// The tables in a SQLite file. The file is opened anew for every batch, so that it can be replaced in between; its
/// journal mode stays as it is. Times are text, RFC 3339 UTC with milliseconds; booleans are 0 and 1.
final class SQLiteWarehouse: WarehouseTables {
    let address: String
    private let path: String

    init(path: String) {
        self.path = path
        address = "sqlite:" + path
    }

    /// SQLite keeps names of any length.
    func column(of trait: String) -> String? { WarehouseColumn.name(of: trait) }

    func complaint(about member: UnsafeRawBufferPointer) -> String? { nil }

    func write(_ batch: WarehouseBatch) -> DeliveryOutcome {
        do throws(SQLiteFailure) {
            let file = try SQLiteHandle(path, writes: true)
            try file.run("BEGIN IMMEDIATE")
            do throws(SQLiteFailure) {
                try prepare(batch.column, in: file)
                try insert(batch, into: file)
            } catch {
                file.rollBack()
                throw error
            }
            do throws(SQLiteFailure) {
                try file.run("COMMIT")
            } catch {
                file.rollBack()
                // A lock that was never got, or a full disk, leaves the file as it was; of anything else nobody knows.
                guard error.leavesUnchanged else {
                    return .unknown(status: nil, reason: error.message, retryAfter: nil)
                }
                throw error
            }
            return .accepted(status: 0, rejected: [])
        } catch {
            return error.isPermanent
                ? .blocked(status: nil, reason: error.message)
                : .notAccepted(status: nil, reason: error.message, retryAfter: nil)
        }
    }

    func probe() -> ProbeResult {
        do throws(SQLiteFailure) {
            let file = try SQLiteHandle(path, writes: true, creates: false)
            let names = try file.texts("SELECT name FROM sqlite_schema WHERE name IN ('identifies', 'users')")
            let tables = names.isEmpty ? "the tables will be made" : "has " + names.sorted().joined(separator: ", ")
            return ProbeResult(isReachable: true, detail: "\(path) \(tables)")
        } catch {
            let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
            guard error.isMissing, access(path, F_OK) != 0, access(folder.isEmpty ? "/" : folder, W_OK) == 0 else {
                return ProbeResult(isReachable: false, detail: error.message)
            }
            return ProbeResult(isReachable: true, detail: "\(path) will be made by the first sync")
        }
    }

    // MARK: - Tables

    private static let tables = """
        CREATE TABLE IF NOT EXISTS identifies(
          id TEXT PRIMARY KEY NOT NULL, user_id TEXT NOT NULL, anonymous_id TEXT, received_at TEXT NOT NULL, sent_at TEXT,
          original_timestamp TEXT, timestamp TEXT NOT NULL, context_integration_name TEXT,
          context_integration_version TEXT, uuid TEXT, uuid_ts TEXT);
        CREATE TABLE IF NOT EXISTS users(
          id TEXT PRIMARY KEY NOT NULL, received_at TEXT NOT NULL, context_integration_name TEXT,
          context_integration_version TEXT, uuid TEXT, uuid_ts TEXT);
        """

    private func prepare(_ column: String, in file: SQLiteHandle) throws(SQLiteFailure) {
        try file.run(Self.tables)
        for table in ["identifies", "users"] {
            let known = try file.texts("SELECT name || ' ' || upper(type) FROM pragma_table_info('\(table)')")
            let ours = known.first { $0.split(separator: " ").first.map(String.init) == column }
            if let ours {
                guard ours == column + " BOOLEAN" else {
                    throw SQLiteFailure(
                        code: SQLITE_MISMATCH, message: "\(path): \(table) has \(ours), which must be BOOLEAN")
                }
            } else {
                try file.run("ALTER TABLE \(table) ADD COLUMN \"\(column)\" BOOLEAN")
            }
        }
    }

    private func insert(_ batch: WarehouseBatch, into file: SQLiteHandle) throws(SQLiteFailure) {
        let identify = try file.compile("""
            INSERT INTO identifies(id, user_id, received_at, sent_at, original_timestamp, timestamp,
              context_integration_name, context_integration_version, uuid, uuid_ts, "\(batch.column)")
            VALUES (?1, ?2, ?3, ?3, ?4, ?4, '\(AudienceWording.toolName)', '\(AudienceWording.toolVersion)', ?1, ?3, ?5)
            ON CONFLICT (id) DO NOTHING
            """)
        let user = try file.compile("""
            INSERT INTO users(id, received_at, context_integration_name, context_integration_version, uuid, uuid_ts,
              "\(batch.column)")
            VALUES (?2, ?3, '\(AudienceWording.toolName)', '\(AudienceWording.toolVersion)', ?1, ?3, ?5)
            ON CONFLICT (id) DO UPDATE SET received_at = max(received_at, excluded.received_at),
              context_integration_name = excluded.context_integration_name,
              context_integration_version = excluded.context_integration_version, uuid = excluded.uuid,
              uuid_ts = excluded.uuid_ts, "\(batch.column)" = excluded."\(batch.column)"
            """)
        let receivedAt = Array(WarehouseBatch.text(of: batch.receivedAt).utf8)
        for row in batch.rows {
            let values: [SQLiteHandle.Value] = [
                .text(Array(WarehouseBatch.text(of: row.messageID).utf8)), .text(row.member), .text(receivedAt),
                .text(Array(WarehouseBatch.text(of: row.timestamp).utf8)),
                batch.value(of: row).map { .boolean($0) } ?? .null,
            ]
            // A message that is there already has done its work.
            if try file.change(identify, values) > 0 { _ = try file.change(user, values) }
        }
    }
}
