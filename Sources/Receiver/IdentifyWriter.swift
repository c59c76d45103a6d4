import Foundation
import GRDB
import GRDBSQLite

/// Writes identify calls: a row of `identifies` each, and the user's row of `users`.
final class IdentifyWriter {
    /// Nested traits become columns such as `address_city` down to here; deeper ones are kept as JSON text.
    private static let nestingLimit = 4
    /// Statements that are kept prepared.
    private static let shapesKept = 64

    /// The statements for messages that set these columns.
    private struct Shape {
        var identifies: BytesStatement
        var users: BytesStatement
    }

    private var columns: TraitColumns
    private var shapes: [[Int]: Shape] = [:]
    /// The shape of the last message: those of a batch mostly share it.
    private var last: (columns: [Int], shape: Shape)?
    /// The columns that the current message sets, in its order, and the values' nodes.
    private var assigned: [Int] = []
    private var values: [Int] = []
    /// The trait that was looked up last, and its column.
    private var lastTrait: (name: [UInt8], column: Int)?

    init(_ db: Database) throws {
        columns = try TraitColumns(db)
    }

    /// Stores the row's message.
    ///
    /// - Returns: whether its id is new. If it is not, nothing changed.
    func store(
        _ row: inout MessageRow, at position: Int, _ db: Database, _ reports: inout ReportList,
        _ connection: OpaquePointer
    ) throws -> Bool {
        assigned.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        if row.message.traits >= 0 {
            try assign(row.document, Int(row.message.traits), prefix: [], depth: 1, at: position, db, &reports)
        }
        let shape = try shape(db)
        row.bindShared(shape.identifies)
        row.bind(row.message.integrationName, shape.identifies, at: 8)
        row.bind(row.message.integrationVersion, shape.identifies, at: 9)
        bindValues(row, shape.identifies, from: 10, step: 1)
        try shape.identifies.run()
        guard sqlite3_changes(connection) > 0 else { return false }
        guard row.message.userID >= 0 else { return true }

        row.bind(row.message.userID, shape.users, at: 1)
        row.bindReceivedAt(shape.users, at: 2)
        bindValues(row, shape.users, from: 3, step: 2)
        for index in assigned.indices { shape.users.bind(row.timestamp, at: Int32(truncatingIfNeeded: 4 + 2 * index)) }
        try shape.users.run()
        return true
    }

    // MARK: - Traits

    /// Finds the column of each trait in `object`; of traits that share one the last counts.
    private func assign(
        _ document: JSONDocument, _ object: Int, prefix: [UInt8], depth: Int, at position: Int, _ db: Database,
        _ reports: inout ReportList
    ) throws {
        let end = document.end(object)
        var key = object + 1
        while key < end {
            let value = key + 1
            defer { key = document.end(value) }
            if prefix.isEmpty, let lastTrait, document.withString(key, { $0.elementsEqual(lastTrait.name) }) {
                assign(lastTrait.column, document, value, at: position, &reports)
                continue
            }
            var trait = document.string(key)
            if !prefix.isEmpty { trait = prefix + [UInt8(ascii: ".")] + trait }
            let kind = document.kind(value)
            if kind == .object, depth < Self.nestingLimit {
                try assign(document, value, prefix: trait, depth: depth + 1, at: position, db, &reports)
                continue
            }
            guard let column = try columns.index(of: trait, kind: kind, db, &reports, at: position) else { continue }
            if prefix.isEmpty { lastTrait = (trait, column) }
            assign(column, document, value, at: position, &reports)
        }
    }

    private func assign(
        _ column: Int, _ document: JSONDocument, _ value: Int, at position: Int, _ reports: inout ReportList
    ) {
        let type = columns.columns[column].type
        let kind = document.kind(value)
        let fits = kind == .null || type == .text || TraitColumns.ColumnType(kind) == type
        guard fits else {
            reports.add(
                .columnMismatch, at: position,
                detail: "column \(columns.columns[column].name) holds \(type.rawValue), as its first value was")
            return
        }
        if let earlier = assigned.firstIndex(of: column) {
            values[earlier] = value
        } else {
            assigned.append(column)
            values.append(value)
        }
    }

    private func bindValues(_ row: MessageRow, _ statement: BytesStatement, from first: Int32, step: Int32) {
        var index = first
        for (place, value) in values.enumerated() {
            let document = row.document
            switch (document.kind(value), columns.columns[assigned[place]].type) {
            case (.null, _): statement.bindNull(at: index)
            case (.yes, .boolean): statement.bind(Int64(1), at: index)
            case (.no, .boolean): statement.bind(Int64(0), at: index)
            case (.number, .number): Self.bindNumber(document, value, statement, at: index)
            case (.string, _): row.bind(Int32(truncatingIfNeeded: value), statement, at: index)
            default: statement.bind(document.withText(value) { Array($0) }, at: index)
            }
            index += step
        }
    }

    private static func bindNumber(_ document: JSONDocument, _ value: Int, _ statement: BytesStatement, at index: Int32) {
        let text = document.withText(value) { String(decoding: $0, as: UTF8.self) }
        if let whole = Int64(text) {
            statement.bind(whole, at: index)
        } else {
            // JSON's grammar is a part of Swift's; a number out of range is an infinity.
            statement.bind(Double(text) ?? 0, at: index)
        }
    }

    // MARK: - Statements

    private func shape(_ db: Database) throws -> Shape {
        if let last, last.columns == assigned { return last.shape }
        let shape = try shapes[assigned] ?? makeShape(db)
        if shapes.count >= Self.shapesKept, shapes[assigned] == nil { shapes.removeAll() }
        shapes[assigned] = shape
        last = (assigned, shape)
        return shape
    }

    private func makeShape(_ db: Database) throws -> Shape {
        let names = assigned.map { columns.columns[$0].name }
        let quoted = names.map { ", \"\($0)\"" }.joined()
        let places = names.map { _ in ", ?" }.joined()
        let both = names.map { ", \"\($0)\", \"\($0)__at\"" }.joined()
        // A value wins over one that an earlier message said, or that nobody said; of the same time the later arrival.
        let updates = names.map { name in
            """
            , "\(name)" = iif(excluded."\(name)__at" >= ifnull(users."\(name)__at", excluded."\(name)__at"), \
            excluded."\(name)", users."\(name)"), \
            "\(name)__at" = max(excluded."\(name)__at", ifnull(users."\(name)__at", excluded."\(name)__at"))
            """
        }.joined()
        return Shape(
            identifies: try BytesStatement(db, """
                INSERT INTO identifies(id, received_at, sent_at, original_timestamp, timestamp, user_id, anonymous_id,
                  context_integration_name, context_integration_version\(quoted))
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?\(places)) ON CONFLICT(id) DO NOTHING
                """),
            users: try BytesStatement(db, """
                INSERT INTO users(id, received_at\(both)) VALUES (?, ?\(places)\(places))
                ON CONFLICT(id) DO UPDATE SET received_at = max(users.received_at, excluded.received_at)\(updates)
                """))
    }
}
