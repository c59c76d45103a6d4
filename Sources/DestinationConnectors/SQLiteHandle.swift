import GRDBSQLite
import HTTPClient

/// What SQLite could not do; the message is safe to show.
struct SQLiteFailure: Error {
    var code: Int32
    var message: String

    private var primary: Int32 { code & 0xFF }

    /// Whether trying again cannot help until somebody changes something.
    var isPermanent: Bool {
        [SQLITE_PERM, SQLITE_CANTOPEN, SQLITE_NOTADB, SQLITE_CORRUPT, SQLITE_READONLY, SQLITE_ERROR, SQLITE_AUTH,
            SQLITE_MISMATCH, SQLITE_CONSTRAINT].contains(primary)
    }

    /// Whether a commit that failed so has certainly changed nothing.
    var leavesUnchanged: Bool { primary == SQLITE_BUSY || primary == SQLITE_FULL }

    var isMissing: Bool { primary == SQLITE_CANTOPEN }
}

/// An open SQLite file.
final class SQLiteHandle {
    enum Value {
        case text([UInt8])
        case boolean(Bool)
        case null
    }

    private let path: String
    private var database: OpaquePointer?
    private var statements: [OpaquePointer?] = []

    /// How long a lock that another process holds is waited for, in milliseconds.
    private static let patience: Int32 = 10_000

    init(_ path: String, writes: Bool, creates: Bool = true) throws(SQLiteFailure) {
        self.path = path
        let flags = writes ? SQLITE_OPEN_READWRITE | (creates ? SQLITE_OPEN_CREATE : 0) : SQLITE_OPEN_READONLY
        let code = sqlite3_open_v2(path, &database, flags | SQLITE_OPEN_NOMUTEX, nil)
        guard code == SQLITE_OK else { throw failure(code) }
        sqlite3_extended_result_codes(database, 1)
        sqlite3_busy_timeout(database, Self.patience)
    }

    deinit {
        for statement in statements { sqlite3_finalize(statement) }
        sqlite3_close_v2(database)
    }

    /// Runs statements that give no rows.
    func run(_ sql: String) throws(SQLiteFailure) {
        let code = sqlite3_exec(database, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code) }
    }

    func rollBack() { _ = sqlite3_exec(database, "ROLLBACK", nil, nil, nil) }

    /// A statement that lives as long as this handle.
    func compile(_ sql: String) throws(SQLiteFailure) -> OpaquePointer {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v2(database, sql, -1, &statement, nil)
        guard code == SQLITE_OK, let statement else { throw failure(code) }
        statements.append(statement)
        return statement
    }

    /// Runs a statement with values for `?1`, `?2`, ….
    /// - Returns: how many rows it changed.
    func change(_ statement: OpaquePointer, _ values: [Value]) throws(SQLiteFailure) -> Int {
        for (offset, value) in values.enumerated() {
            let place = Int32(offset + 1)
            let code: Int32 =
                switch value {
                case .text(let bytes): bind(bytes, to: statement, at: place)
                case .boolean(let isTrue): sqlite3_bind_int(statement, place, isTrue ? 1 : 0)
                case .null: sqlite3_bind_null(statement, place)
                }
            guard code == SQLITE_OK else { throw failure(code) }
        }
        let code = sqlite3_step(statement)
        sqlite3_reset(statement)
        guard code == SQLITE_DONE else { throw failure(code) }
        return Int(sqlite3_changes(database))
    }

    private func bind(_ bytes: [UInt8], to statement: OpaquePointer, at place: Int32) -> Int32 {
        bytes.withUnsafeBytes { buffer in
            // Tells SQLite to copy, since the bytes go when this returns.
            let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
            return sqlite3_bind_text(
                statement, place, buffer.baseAddress?.assumingMemoryBound(to: CChar.self) ?? nil, Int32(bytes.count),
                copies)
        }
    }

    /// The first column of every row, as text.
    func texts(_ sql: String) throws(SQLiteFailure) -> [String] {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        var code = sqlite3_prepare_v2(database, sql, -1, &statement, nil)
        guard code == SQLITE_OK else { throw failure(code) }
        var texts: [String] = []
        code = sqlite3_step(statement)
        while code == SQLITE_ROW {
            texts.append(sqlite3_column_text(statement, 0).map { String(cString: $0) } ?? "")
            code = sqlite3_step(statement)
        }
        guard code == SQLITE_DONE else { throw failure(code) }
        return texts
    }

    private func failure(_ code: Int32) -> SQLiteFailure {
        let text = database.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? "out of memory"
        let extended = database.map { sqlite3_extended_errcode($0) } ?? code
        return SQLiteFailure(
            code: extended == SQLITE_OK ? code : extended,
            message: "\(path): \(QuotedText.quote(Array(text.utf8), limit: 200))")
    }
}
