import GRDB
import GRDBSQLite

/// A prepared statement that takes and gives bytes. GRDB's own arguments are `String`s, which compare NFC and NFD as
/// equal and cost an allocation each; ids must go in and out as they are.
struct BytesStatement {
    /// Owns `handle`.
    private let statement: Statement
    private let handle: OpaquePointer

    init(_ db: Database, _ sql: String) throws {
        statement = try db.makeStatement(sql: sql)
        handle = statement.sqliteStatement
    }

    /// Binds `text`, which must stay where it is until ``run()`` returns.
    func bindBorrowed(_ text: UnsafeBufferPointer<UInt8>, at index: Int32) {
        bind(text, at: index, nil)
    }

    /// Binds a copy of `text`; NULL when it is nil.
    func bind(_ text: [UInt8]?, at index: Int32) {
        guard let text else { return bindNull(at: index) }
        text.withUnsafeBufferPointer { bind($0, at: index, Self.copies) }
    }

    private func bind(_ text: UnsafeBufferPointer<UInt8>, at index: Int32, _ destructor: sqlite3_destructor_type?) {
        guard let start = text.baseAddress, text.count > 0 else {
            // A null pointer would bind NULL, and the empty text is none.
            sqlite3_bind_text(handle, index, "", 0, Self.copies)
            return
        }
        start.withMemoryRebound(to: CChar.self, capacity: text.count) {
            _ = sqlite3_bind_text(handle, index, $0, Int32(truncatingIfNeeded: text.count), destructor)
        }
    }

    func bind(_ number: Int64, at index: Int32) { sqlite3_bind_int64(handle, index, number) }

    func bind(_ number: Double, at index: Int32) { sqlite3_bind_double(handle, index, number) }

    func bindNull(at index: Int32) { sqlite3_bind_null(handle, index) }

    /// Runs a statement that gives no rows and makes it ready for the next time.
    func run() throws {
        let code = sqlite3_step(handle)
        sqlite3_reset(handle)
        guard code == SQLITE_DONE else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
    }

    /// Whether there is a row; makes the statement ready for the next time.
    func findsRow() throws -> Bool {
        let code = sqlite3_step(handle)
        sqlite3_reset(handle)
        guard code == SQLITE_DONE || code == SQLITE_ROW else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code))
        }
        return code == SQLITE_ROW
    }

    /// Calls `body` for each row, which can read columns until it returns.
    func forEachRow(_ body: () -> Void) throws {
        defer { sqlite3_reset(handle) }
        while true {
            switch sqlite3_step(handle) {
            case SQLITE_ROW: body()
            case SQLITE_DONE: return
            case let code: throw DatabaseError(resultCode: ResultCode(rawValue: code))
            }
        }
    }

    /// The text or blob of a column of the current row, valid until the next one.
    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(handle, column)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
    }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    /// Tells SQLite to copy what it is given (SQLITE_TRANSIENT, a macro that Swift cannot import).
    private static let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
