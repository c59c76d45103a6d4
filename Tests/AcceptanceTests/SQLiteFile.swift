import GRDBSQLite
import Glibc

/// A SQLite file, opened for one question at a time.
struct SQLiteFile: Sendable {
    let path: String

    struct Failed: Error {
        let sql: String
        let message: String
    }

    /// Every row's columns as bytes, nil for NULL. Only for reading.
    func rows(_ sql: String) throws -> [[[UInt8]?]] { try run(sql, flags: SQLITE_OPEN_READONLY) }

    /// One number: of the first column of the first row, 0 where there is none.
    func number(_ sql: String) throws -> Int {
        try rows(sql).first?.first?.flatMap { $0 }.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
    }

    /// The first column as text.
    func texts(_ sql: String) throws -> [String] {
        try rows(sql).map { String(decoding: $0.first?.flatMap { $0 } ?? [], as: UTF8.self) }
    }

    /// Runs statements that change it; creates the file when it is missing.
    func change(_ sql: String) throws {
        _ = try run(sql, flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
    }

    private func run(_ sql: String, flags: Int32) throws -> [[[UInt8]?]] {
        var handle: OpaquePointer?
        defer { sqlite3_close_v2(handle) }
        guard sqlite3_open_v2(path, &handle, flags, nil) == SQLITE_OK else { throw failed(sql, handle) }
        sqlite3_busy_timeout(handle, 20_000)
        var rows: [[[UInt8]?]] = []
        var rest = Array(sql.utf8CString)
        while rest.count > 1 {
            var statement: OpaquePointer?
            defer { sqlite3_finalize(statement) }
            let used: Int = try rest.withUnsafeBufferPointer { text in
                var tail: UnsafePointer<CChar>?
                guard sqlite3_prepare_v2(handle, text.baseAddress, -1, &statement, &tail) == SQLITE_OK,
                    let tail, let start = text.baseAddress
                else { throw failed(sql, handle) }
                return tail - start
            }
            rest.removeFirst(used)
            guard statement != nil else { break }
            while true {
                let code = sqlite3_step(statement)
                if code == SQLITE_DONE { break }
                guard code == SQLITE_ROW else { throw failed(sql, handle) }
                rows.append((0..<sqlite3_column_count(statement)).map { column in
                    guard let start = sqlite3_column_blob(statement, column) else {
                        return sqlite3_column_type(statement, column) == SQLITE_NULL ? nil : []
                    }
                    return Array(UnsafeRawBufferPointer(
                        start: start, count: Int(sqlite3_column_bytes(statement, column))))
                })
            }
        }
        return rows
    }

    private func failed(_ sql: String, _ handle: OpaquePointer?) -> Failed {
        Failed(sql: sql, message: String(cString: sqlite3_errmsg(handle)))
    }
}
