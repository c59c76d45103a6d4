import GRDBSQLite
import Glibc
import SyncEngine

/// A cohort whose members are rows of a SQLite database.
///
/// The database is opened read-only and never created, and read in one statement of one transaction, which is one
/// snapshot of it. Integers are ids in decimal, text is taken byte for byte (NULs included; UTF-16 databases come as
/// UTF-8), NULL and empty text name nobody, and a REAL or BLOB is unreadable.
///
/// Double quotes stand for names only. SQLite by itself takes an unknown `"name"` for a text of that name, so that a
/// mistyped column would be one member for all rows.
package struct SQLiteSource: MemberSource {
    package let kind = "sqlite"

    private let path: String
    private let selection: RowSelection
    private let busyTimeout: Int

    /// - Parameter busyTimeout: milliseconds to wait for a lock that another program holds.
    package init(path: String, selection: RowSelection, busyTimeout: Int = 5_000) {
        self.path = path
        self.selection = selection
        self.busyTimeout = busyTimeout
    }

    package var definition: String { selection.definition }

    package func fetch(into rows: any MemberRows, stop: StopFlag) throws(SourceError) {
        let reading = try SQLiteReading(path: path, busyTimeout: busyTimeout, stop: stop)
        let index = try reading.prepare(sql, subject: subject)
        try reading.readAll(column: index, into: rows)
    }

    /// Opens the database and compiles the statement, without running it.
    package func probe() throws(SourceError) -> String {
        let reading = try SQLiteReading(path: path, busyTimeout: busyTimeout, stop: StopFlag())
        let index = try reading.prepare(sql, subject: subject)
        return "\(reading.summary), ids from column \(reading.columnName(index))"
    }

    private var sql: String {
        switch selection {
        case .query(let text):
            text
        case .table(let table, let column):
            // A name that is qualified can never be taken for a text.
            "SELECT source.\(RowSelection.quoted(column)) FROM \(RowSelection.quoted(table)) AS source"
        }
    }

    private var subject: String {
        switch selection {
        case .query: "the query"
        case .table(let table, let column):
            "table \"\(PrintableText.from(table))\", column \"\(PrintableText.from(column))\""
        }
    }
}
