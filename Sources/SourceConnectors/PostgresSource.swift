import PostgresClient
import Secrets
import SyncEngine

/// A cohort whose members are rows of a PostgreSQL database.
///
/// The URL is libpq's own, TLS options (`sslmode`, `sslrootcert`, …) included. Rows are read from a server-side cursor
/// in one read-only, repeatable-read transaction, which is one snapshot; it must end without an error. Text is taken
/// byte for byte as UTF-8 (a `char(n)` with its padding), integers in decimal, UUIDs in lower case; NULL and empty text
/// name nobody. A `numeric` is an id where it is whole, and unreadable elsewhere. Columns of other types are refused:
/// what they look like depends on settings.
package struct PostgresSource: MemberSource {
    package let kind = "postgres"

    private let url: Secret
    private let selection: RowSelection

    /// Rows asked for at once, and how much memory they may take before fewer are asked for.
    private static let largestBatch = 10_000
    private static let firstBatch = 1_000
    private static let batchMemory = 4 * 1024 * 1024

    private static let cursor = "rollcall_members"

    /// - Parameters:
    ///   - url: `postgres://…` or `postgresql://…`; never shown.
    ///   - selection: for a table, `schema.table` names its schema; a table whose own name has a dot needs a query.
    package init(url: Secret, selection: RowSelection) {
        self.url = url
        self.selection = selection
    }

    package var definition: String { selection.definition }

    package func fetch(into rows: any MemberRows, stop: StopFlag) throws(SourceError) {
        let session = try PostgresSession(try PostgresAddress(url), stop: stop)
        let column = try openCursor(in: session)
        var position = 0
        var size = Self.firstBatch
        while true {
            let batch = try session.run("FETCH FORWARD \(size) FROM \(Self.cursor)", subject: subject)
            let count = batch.rowCount
            if count == 0 { break }
            for row in 0..<count {
                position &+= 1
                report(batch.value(row: row, column: column.index), of: column, at: position, to: rows)
            }
            let each = max(1, batch.memory / Int(count))
            size = min(max(Self.batchMemory / each, 1), Self.largestBatch)
        }
        // The end of the cursor is the end of the members only if the server agrees that all went well.
        _ = try session.run("CLOSE \(Self.cursor)", subject: subject)
        _ = try session.run("COMMIT", subject: subject)
        if stop.isRaised { throw .stopped }
    }

    /// Connects and opens the cursor, without reading from it.
    package func probe() throws(SourceError) -> String {
        let session = try PostgresSession(try PostgresAddress(url), stop: StopFlag())
        let column = try openCursor(in: session)
        return "\(session.summary), ids from column \(column.name) (\(column.type))"
    }

    /// The column with the ids.
    private struct Column {
        var index: Int32
        var name: String
        var type: String
        /// The values are numbers that may have a fraction.
        var isNumeric: Bool
    }

    private func openCursor(in session: PostgresSession) throws(SourceError) -> Column {
        guard selection.isWellFormed else {
            throw .misconfigured("\(subject) is empty or contains a NUL byte; it must select ids")
        }
        _ = try session.run("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        // A cursor is planned for its first rows by default; here all of them are read.
        _ = try session.run("SET LOCAL cursor_tuple_fraction = 1.0")
        _ = try session.run("DECLARE \(Self.cursor) NO SCROLL CURSOR FOR \(sql)", subject: subject)
        let description = try session.describe(cursor: Self.cursor)
        let names = description.columnNames()
        let index = try RowSelection.memberIndex(in: names, subject: subject)
        let place = Int32(truncatingIfNeeded: index)
        return try column(
            at: place, name: PrintableText.from(names[index]), type: PostgresSession.type(of: place, in: description),
            in: session)
    }

    /// Looks the type up by name and category, so that enums, `citext` and domains over text are known as text.
    private func column(
        at index: Int32, name: String, type: UInt32, in session: PostgresSession
    ) throws(SourceError) -> Column {
        let answer = try session.run(
            "SELECT typcategory, typname FROM pg_catalog.pg_type WHERE oid = \(type)")
        guard answer.rowCount == 1 else {
            throw .unavailable("PostgreSQL: the type of column \(name) could not be found")
        }
        let category = answer.value(row: 0, column: 0).map { Array($0) } ?? []
        let typeName = answer.value(row: 0, column: 1).map { Array($0) } ?? []
        let numbers: [String] = ["int2", "int4", "int8", "numeric", "uuid"]
        let isText = category.elementsEqual("S".utf8) || category.elementsEqual("E".utf8)
        let shown = PrintableText.from(typeName)
        guard isText || numbers.contains(shown) else {
            throw .misconfigured(
                "\(subject): column \(name) is of type \(shown), which is not text or integer; "
                    + "cast it, as in \(name)::text")
        }
        return Column(index: index, name: name, type: shown, isNumeric: shown == "numeric")
    }

    private func report(
        _ value: UnsafeRawBufferPointer?, of column: Column, at position: Int, to rows: any MemberRows
    ) {
        guard let value, !value.isEmpty else {
            rows.nobody(at: position)
            return
        }
        if column.isNumeric && !Self.isWhole(value) {
            rows.unreadable(.wrongType, at: position, detail: "numeric with a fraction; ids must be text or integer")
        } else {
            rows.row(value, at: position)
        }
    }

    private static func isWhole(_ value: UnsafeRawBufferPointer) -> Bool {
        let digits = value.first == UInt8(ascii: "-") ? value.dropFirst() : value[...]
        return !digits.isEmpty && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private var sql: String {
        switch selection {
        case .query(let text):
            return text
        case .table(let table, let column):
            // The column stands alone: behind a table's name PostgreSQL would take an unknown one for a function.
            let parts = table.split(separator: ".", omittingEmptySubsequences: false)
                .map { RowSelection.quoted(String($0)) }
            return "SELECT \(RowSelection.quoted(column)) FROM \(parts.joined(separator: "."))"
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
