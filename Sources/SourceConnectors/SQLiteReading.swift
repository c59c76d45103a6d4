import GRDBSQLite
import Glibc
import SyncEngine

/// One connection that reads one statement. Everything it allocates ends with it.
///
/// It speaks SQLite's C interface, of which GRDB brings the module, rather than GRDB itself: ids are handed on where
/// SQLite holds them, without a copy a row, and both callbacks, all type codes and all error codes are at hand.
final class SQLiteReading {
    private let name: String
    /// Size and age of the file for a person.
    let summary: String
    private let stop: StopFlag
    private let busyTimeout: Int
    /// When waiting for the present lock began, in monotonic milliseconds; nil while none is waited for.
    private var busySince: Int64?
    private var database: OpaquePointer?
    private var statement: OpaquePointer?

    /// Longest value SQLite may produce. An id has at most 1,024 bytes; the rest is room for what a query works on.
    private static let valueLimit: Int32 = 64 * 1024 * 1024
    /// How many steps of SQLite's machine pass between two looks at `stop`.
    private static let stopInterval: Int32 = 20_000

    init(path: String, busyTimeout: Int, stop: StopFlag) throws(SourceError) {
        self.stop = stop
        self.busyTimeout = busyTimeout
        // What must be true of the file is better said than by SQLite's "unable to open". It is named, not opened:
        // closing a descriptor of it would drop the locks of any other connection that this process has to it.
        let file = try NamedFile(path: path, root: nil)
        self.name = file.name
        self.summary = file.fingerprint.summary
        let result = sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nil)
        guard result == SQLITE_OK else { throw failure(result, "could not be opened") }
        _disableDoubleQuotedStringLiterals(database)
        sqlite3_extended_result_codes(database, 1)
        sqlite3_limit(database, SQLITE_LIMIT_LENGTH, Self.valueLimit)
        // Both callbacks are called only from within calls on this connection, which ends before this object does.
        let context = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_busy_handler(
            database,
            { context, _ in
                guard let context else { return 0 }
                return Unmanaged<SQLiteReading>.fromOpaque(context).takeUnretainedValue().waitForLock() ? 1 : 0
            }, context)
        sqlite3_progress_handler(
            database, Self.stopInterval,
            { context in
                guard let context else { return 0 }
                return Unmanaged<SQLiteReading>.fromOpaque(context).takeUnretainedValue().stop.isRaised ? 1 : 0
            }, context)
        // Functions with side effects that a hostile schema hides in a view do not run.
        try execute("PRAGMA trusted_schema = OFF")
        try execute("PRAGMA query_only = ON")
    }

    deinit {
        sqlite3_finalize(statement)
        sqlite3_close_v2(database)
    }

    func columnName(_ index: Int32) -> String {
        PrintableText.from(columnBytes(index))
    }

    /// Compiles the only statement of `sql` within a transaction; returns the index of the column with the ids.
    func prepare(_ sql: String, subject: String) throws(SourceError) -> Int32 {
        guard !sql.utf8.contains(0) else { throw .misconfigured("\(subject) contains a NUL byte") }
        try execute("BEGIN")
        // BEGIN alone takes no lock; reading does, and from here on neither rows nor tables change.
        try execute("SELECT count(*) FROM sqlite_schema")
        statement = try compileOnly(sql, subject: subject)
        guard statement != nil else {
            throw .misconfigured("\(subject) is empty; it must be a SELECT that returns ids")
        }
        guard sqlite3_stmt_readonly(statement) != 0 else {
            throw .misconfigured("\(subject) would change the database; it must be a SELECT that returns ids")
        }
        if let parameter = parameterName() {
            throw .misconfigured(
                "\(subject) has a parameter (\(parameter)) that nothing gives a value; write the value")
        }
        let names = (0..<sqlite3_column_count(statement)).map { columnBytes($0) }
        return Int32(truncatingIfNeeded: try RowSelection.memberIndex(in: names, subject: subject))
    }

    /// Runs the statement to its end and reports every row.
    func readAll(column: Int32, into rows: any MemberRows) throws(SourceError) {
        var position = 0
        while true {
            // The statement counts its own steps towards the progress handler, but short rows take few.
            if position & 0xFFF == 0 && stop.isRaised { throw .stopped }
            let result = sqlite3_step(statement)
            busySince = nil
            if result == SQLITE_DONE { break }
            guard result == SQLITE_ROW else {
                throw failure(result, "could not be read to its end, at row \(position + 1)", isReading: true)
            }
            position &+= 1
            try report(column, at: position, to: rows)
        }
        if stop.isRaised { throw .stopped }
        try execute("COMMIT")
    }

    private func report(_ column: Int32, at position: Int, to rows: any MemberRows) throws(SourceError) {
        switch sqlite3_column_type(statement, column) {
        case SQLITE_NULL:
            rows.nobody(at: position)
        case SQLITE_INTEGER:
            reportDecimal(sqlite3_column_int64(statement, column), at: position, to: rows)
        case SQLITE_TEXT:
            // The pointer first, as SQLite asks: it may convert, and the length is that of the converted text.
            let text = sqlite3_column_text(statement, column)
            let count = Int(sqlite3_column_bytes(statement, column))
            guard let text else {
                if count == 0 && sqlite3_errcode(database) != SQLITE_NOMEM {
                    rows.nobody(at: position)
                    return
                }
                throw failure(SQLITE_NOMEM, "could not be read to its end, at row \(position)", isReading: true)
            }
            if count == 0 {
                rows.nobody(at: position)
            } else {
                rows.row(UnsafeRawBufferPointer(start: text, count: count), at: position)
            }
        case SQLITE_FLOAT:
            rows.unreadable(.wrongType, at: position, detail: "REAL; ids must be TEXT or INTEGER")
        default:
            rows.unreadable(.wrongType, at: position, detail: "BLOB; ids must be TEXT or INTEGER")
        }
    }

    private func reportDecimal(_ value: Int64, at position: Int, to rows: any MemberRows) {
        withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
            var start = digits.count
            var rest = value.magnitude
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            if value < 0 {
                start -= 1
                digits[start] = UInt8(ascii: "-")
            }
            rows.row(UnsafeRawBufferPointer(rebasing: digits[start...]), at: position)
        }
    }

    /// Compiles `sql`, which may have nothing behind its first statement but space and comments; nil when it has none.
    private func compileOnly(_ sql: String, subject: String) throws(SourceError) -> OpaquePointer? {
        var text = Array(sql.utf8CString)
        return try text.withUnsafeMutableBufferPointer { (text) throws(SourceError) in
            var start = UnsafePointer(text.baseAddress)
            var only: OpaquePointer?
            while let here = start, here.pointee != 0 {
                var compiled: OpaquePointer?
                var rest: UnsafePointer<CChar>?
                let result = sqlite3_prepare_v2(database, here, -1, &compiled, &rest)
                guard result == SQLITE_OK else {
                    sqlite3_finalize(only)
                    throw failure(result, "does not accept \(subject)")
                }
                if compiled != nil && only != nil {
                    sqlite3_finalize(compiled)
                    sqlite3_finalize(only)
                    throw .misconfigured("\(subject) has more than one statement; it must be a single SELECT")
                }
                only = only ?? compiled
                start = rest
            }
            return only
        }
    }

    private func parameterName() -> String? {
        guard sqlite3_bind_parameter_count(statement) > 0 else { return nil }
        guard let name = sqlite3_bind_parameter_name(statement, 1) else { return "?" }
        return PrintableText.from(String(cString: name))
    }

    private func columnBytes(_ index: Int32) -> [UInt8] {
        guard let text = sqlite3_column_name(statement, index) else { return [] }
        return Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }

    private func execute(_ sql: String) throws(SourceError) {
        let result = sqlite3_exec(database, sql, nil, nil, nil)
        guard result == SQLITE_OK else { throw failure(result, "could not be read", isReading: true) }
    }

    /// Waits a little for a lock. Returns false when the time is up or `stop` was raised.
    private func waitForLock() -> Bool {
        let now = monotonicMilliseconds()
        let since = busySince ?? now
        busySince = since
        guard !stop.isRaised, now - since < Int64(busyTimeout) else { return false }
        var pause = timespec(tv_sec: 0, tv_nsec: 10_000_000)
        nanosleep(&pause, nil)
        return true
    }

    /// - Parameter isReading: the statement was accepted, so that what fails now depends on data and moment.
    private func failure(_ code: Int32, _ what: String, isReading: Bool = false) -> SourceError {
        if stop.isRaised { return .stopped }
        let text = database.flatMap { sqlite3_errmsg($0) }.map { PrintableText.from(String(cString: $0), limit: 300) }
        let reason = text ?? String(cString: sqlite3_errstr(code))
        switch code & 0xFF {
        case SQLITE_NOTADB:
            return .misconfigured("\(name) is not a SQLite database")
        case SQLITE_BUSY, SQLITE_LOCKED:
            return .unavailable("\(name) \(what): another program kept it locked for \(busyTimeout) ms")
        case SQLITE_ERROR where !isReading, SQLITE_TOOBIG where !isReading:
            return .misconfigured(
                "\(name) \(what): \(reason); texts stand in single quotes, names in double quotes or none")
        default:
            return .unavailable("\(name) \(what): \(reason)")
        }
    }
}
