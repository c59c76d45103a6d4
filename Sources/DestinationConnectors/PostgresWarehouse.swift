import PostgresClient
import Scheduling
import Secrets
import SyncEngine
import WarehouseNames

/// The tables in a PostgreSQL database, in the first schema of its `search_path`. Rows go in by `COPY`. One connection
/// is kept while batches follow one another.
///
/// Safe to share: it is used from one thread at a time, the destination's queue.
final class PostgresWarehouse: WarehouseTables, @unchecked Sendable {
    let address: String
    private let parsed: PostgresAddress
    private var session: PostgresSession?
    private var lastUse: Int64 = 0
    /// Columns that were there when a transaction of this connection committed.
    private var known: Set<String> = []

    /// Time for one batch, and after which an unused connection is not trusted any more, in milliseconds.
    private static let batchTime: Int64 = 120_000
    private static let trust: Int64 = 60_000

    init(url: Secret) throws(SourceError) {
        parsed = try PostgresAddress(url, of: "PostgreSQL warehouse")
        address = "postgres:" + parsed.place
    }

    func column(of trait: String) -> String? { WarehouseColumn.name(of: trait).map { WarehouseColumn.cut($0) } }

    func complaint(about member: UnsafeRawBufferPointer) -> String? {
        member.contains(0) ? "the user id holds a NUL, which PostgreSQL cannot store" : nil
    }

    func write(_ batch: WarehouseBatch) -> DeliveryOutcome {
        do throws(SourceError) {
            let session = try connected()
            session.allow(milliseconds: Self.batchTime)
            do throws(SourceError) {
                try fill(batch, in: session)
            } catch {
                let state = session.lastState
                abandon()
                return Self.outcome(of: error, state: state)
            }
            do throws(SourceError) {
                _ = try session.run("COMMIT")
            } catch {
                let isRefusal = !session.lastState.isEmpty
                abandon()
                // An error report says that it was rolled back; silence says nothing.
                return isRefusal
                    ? .notAccepted(status: nil, reason: error.message, retryAfter: nil)
                    : .unknown(status: nil, reason: error.message, retryAfter: nil)
            }
            known.insert(batch.column)
            lastUse = Monotonic.milliseconds()
            return .accepted(status: 0, rejected: [])
        } catch {
            return Self.outcome(of: error, state: "")
        }
    }

    /// Classes of SQLSTATE (PostgreSQL, Appendix A): 22 and 23 are about the data, so one row may be at fault; but a
    /// repeated key is no fault of a row, only two writers that made the tables at once come to it.
    private static func outcome(of error: SourceError, state: String) -> DeliveryOutcome {
        if ["22", "23"].contains(state.prefix(2)), state != "23505" { return .refused(status: 0, reason: error.message) }
        switch error {
        case .misconfigured(let reason): return .blocked(status: nil, reason: reason)
        case .unavailable(let reason): return .notAccepted(status: nil, reason: reason, retryAfter: nil)
        case .stopped: return .notAccepted(status: nil, reason: "stopped", retryAfter: nil)
        }
    }

    func probe() -> ProbeResult {
        do throws(SourceError) {
            let session = try PostgresSession(parsed, stop: StopFlag())
            session.allow(milliseconds: 15_000)
            let tables = try Self.columns(in: session).keys.sorted()
            let detail = tables.isEmpty ? "the tables will be made" : "has " + tables.joined(separator: ", ")
            return ProbeResult(isReachable: true, detail: "\(session.summary), \(detail)")
        } catch {
            return ProbeResult(isReachable: false, detail: error.message)
        }
    }

    // MARK: - Connection

    private func connected() throws(SourceError) -> PostgresSession {
        let now = Monotonic.milliseconds()
        if let session, !session.isLost, now - lastUse < Self.trust { return session }
        abandon()
        let fresh = try PostgresSession(parsed, stop: StopFlag())
        session = fresh
        return fresh
    }

    /// A connection in whose state nobody trusts is closed, which rolls back what is open.
    private func abandon() {
        session = nil
        known = []
    }

    // MARK: - Tables

    private static let tables = [
        "identifies": """
            CREATE TABLE IF NOT EXISTS identifies(
              id text PRIMARY KEY, user_id text NOT NULL, anonymous_id text, received_at timestamptz NOT NULL,
              sent_at timestamptz, original_timestamp timestamptz, "timestamp" timestamptz NOT NULL,
              context_integration_name text, context_integration_version text, uuid text, uuid_ts timestamptz)
            """,
        "users": """
            CREATE TABLE IF NOT EXISTS users(
              id text PRIMARY KEY, received_at timestamptz NOT NULL, context_integration_name text,
              context_integration_version text, uuid text, uuid_ts timestamptz)
            """,
    ]

    private func fill(_ batch: WarehouseBatch, in session: PostgresSession) throws(SourceError) {
        _ = try session.run("BEGIN")
        _ = try session.run("SET LOCAL lock_timeout = '20s'")
        _ = try session.run("SET LOCAL statement_timeout = '100s'")
        if !known.contains(batch.column) { try Self.prepare(batch.column, in: session) }
        _ = try session.run("""
            CREATE TEMP TABLE rollcall_rows(id text, user_id text, at timestamptz, value boolean) ON COMMIT DROP
            """)
        try session.copy("COPY pg_temp.rollcall_rows FROM STDIN", Self.copyText(of: batch))
        _ = try session.run(Self.insertion(into: batch.column, at: WarehouseBatch.text(of: batch.receivedAt)))
    }

    private static func prepare(_ column: String, in session: PostgresSession) throws(SourceError) {
        var present = try columns(in: session)
        for (table, sql) in tables.sorted(by: { $0.key < $1.key }) where present[table] == nil {
            _ = try session.run(sql)
            present[table] = [:]
        }
        for (table, columns) in present.sorted(by: { $0.key < $1.key }) {
            if let type = columns[column] {
                guard type == "boolean" else {
                    throw .misconfigured("PostgreSQL: \(table).\(column) is of type \(type), which must be boolean")
                }
            } else {
                _ = try session.run("ALTER TABLE \(table) ADD COLUMN IF NOT EXISTS \"\(column)\" boolean")
            }
        }
    }

    /// The columns of those of the two tables that exist, with their types.
    private static func columns(in session: PostgresSession) throws(SourceError) -> [String: [String: String]] {
        let answer = try session.run("""
            SELECT c.relname, a.attname, pg_catalog.format_type(a.atttypid, NULL)
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
            WHERE c.oid IN (to_regclass('identifies'), to_regclass('users')) AND a.attnum > 0 AND NOT a.attisdropped
            """)
        var columns: [String: [String: String]] = [:]
        for row in 0..<answer.rowCount {
            let texts = (0..<Int32(3)).map { column in
                answer.value(row: row, column: column).map { String(decoding: $0, as: UTF8.self) } ?? ""
            }
            columns[texts[0], default: [:]][texts[1]] = texts[2]
        }
        return columns
    }

    /// Rows go into `identifies` unless their message id is there already; only those that were new reach `users`. In
    /// the order of the users, so that two writers never wait for each other.
    private static func insertion(into column: String, at now: String) -> String {
        """
        WITH fresh AS (
          INSERT INTO identifies(id, user_id, received_at, sent_at, original_timestamp, "timestamp",
            context_integration_name, context_integration_version, uuid, uuid_ts, "\(column)")
          SELECT id, user_id, '\(now)', '\(now)', at, at, '\(AudienceWording.toolName)', '\(AudienceWording.toolVersion)',
            id, '\(now)', value
          FROM pg_temp.rollcall_rows ORDER BY user_id
          ON CONFLICT (id) DO NOTHING
          RETURNING user_id, uuid, original_timestamp, "\(column)" AS value)
        INSERT INTO users(id, received_at, context_integration_name, context_integration_version, uuid, uuid_ts, "\(column)")
        SELECT DISTINCT ON (user_id) user_id, '\(now)'::timestamptz, '\(AudienceWording.toolName)',
          '\(AudienceWording.toolVersion)', uuid, '\(now)'::timestamptz, value
        FROM fresh ORDER BY user_id, original_timestamp DESC
        ON CONFLICT (id) DO UPDATE SET received_at = greatest(users.received_at, excluded.received_at),
          context_integration_name = excluded.context_integration_name,
          context_integration_version = excluded.context_integration_version, uuid = excluded.uuid,
          uuid_ts = excluded.uuid_ts, "\(column)" = excluded."\(column)"
        """
    }

    /// The rows in COPY's text format.
    static func copyText(of batch: WarehouseBatch) -> [UInt8] {
        var text: [UInt8] = []
        for row in batch.rows {
            text += Array(WarehouseBatch.text(of: row.messageID).utf8)
            text.append(0x09)
            for byte in row.member {
                switch byte {
                case 0x5C: text += [0x5C, 0x5C]
                case 0x09: text += [0x5C, UInt8(ascii: "t")]
                case 0x0A: text += [0x5C, UInt8(ascii: "n")]
                case 0x0D: text += [0x5C, UInt8(ascii: "r")]
                default: text.append(byte)
                }
            }
            text.append(0x09)
            text += Array(WarehouseBatch.text(of: row.timestamp).utf8)
            text += Array("\t\(batch.value(of: row).map { $0 ? "t" : "f" } ?? "\\N")\n".utf8)
        }
        return text
    }
}
