import Foundation
import GRDB

/// Writes identify calls: a row of `identifies` each, and the user's row of `users`.
struct IdentifyWriter {
    /// Nested traits become columns such as `address_city` down to here; deeper ones are kept as JSON text.
    private static let nestingLimit = 4
    /// Statements that are kept prepared.
    private static let shapesKept = 64

    /// The statements for messages that set these columns.
    private struct Shape {
        var insertIdentify: BytesStatement
        var insertUser: BytesStatement
        var updateUser: BytesStatement
    }

    private var columns: TraitColumns
    private var users: KeyedTable
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
        users = try KeyedTable(db, "users")
    }

    /// Stores the row's message, whose id is new.
    mutating func store(
        _ row: MessageRow, _ id: UnsafeBufferPointer<UInt8>, arrival: Int64, at position: Int, _ db: Database,
        _ reports: inout ReportList
    ) throws {
        assigned.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        if row.message.traits >= 0 {
            try assign(row.document, Int(row.message.traits), prefix: [], depth: 1, at: position, db, &reports)
        }
        let shape = try shape(db)
        let insert = shape.insertIdentify
        row.bindShared(insert, id, arrival: arrival)
        row.bind(row.message.integrationName, insert, at: 9)
        row.bind(row.message.integrationVersion, insert, at: 10)
        bindValues(row, insert, from: 11, step: 1)
        try insert.run()
        guard row.message.userID >= 0 else { return }
        try row.withString(row.message.userID) { user in
            try tell(row, user, shape)
        }
    }

    /// Brings the user's row up to date.
    private mutating func tell(_ row: MessageRow, _ user: UnsafeBufferPointer<UInt8>, _ shape: Shape) throws {
        let hash = KeyIndex.hash(UnsafeRawBufferPointer(user))
        let known = try users.row(of: user, hash)
        let statement = known == nil ? shape.insertUser : shape.updateUser
        statement.bind(try known ?? users.newRow(hash), at: 1)
        row.bindReceivedAt(statement, at: 2)
        statement.bindBorrowed(user, at: 3)
        bindValues(row, statement, from: 4, step: 2)
        for index in assigned.indices { statement.bind(row.timestamp, at: Int32(truncatingIfNeeded: 5 + 2 * index)) }
        try statement.run()
    }

    // MARK: - Traits

    /// Finds the column of each trait in `object`; of traits that share one the last counts.
    private mutating func assign(
        _ document: JSONDocument, _ object: Int, prefix: [UInt8], depth: Int, at position: Int, _ db: Database,
        _ reports: inout ReportList
    ) throws {
        let end = document.end(object)
        var key = object + 1
        while key < end {
            let value = key + 1
            defer { key = document.end(value) }
            if prefix.isEmpty, let lastTrait, document.string(key, equals: lastTrait.name) {
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

    private mutating func assign(
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

    private static func bindNumber(
        _ document: JSONDocument, _ value: Int, _ statement: BytesStatement, at index: Int32
    ) {
        let text = document.withText(value) { String(decoding: $0, as: UTF8.self) }
        if let whole = Int64(text) {
            statement.bind(whole, at: index)
        } else {
            // JSON's grammar is a part of Swift's; a number out of range is an infinity.
            statement.bind(Double(text) ?? 0, at: index)
        }
    }

    // MARK: - Statements

    private mutating func shape(_ db: Database) throws -> Shape {
        if let last, last.columns == assigned { return last.shape }
        let shape = try shapes[assigned] ?? makeShape(db)
        if shapes.count >= Self.shapesKept, shapes[assigned] == nil { shapes.removeAll() }
        shapes[assigned] = shape
        last = (assigned, shape)
        return shape
    }

    private func makeShape(_ db: Database) throws -> Shape {
        let names = assigned.map { columns.columns[$0].name }
        // GRDB can join its own `SQL` too; these are texts.
        let quoted: String = names.map { ", \"\($0)\"" }.joined()
        let places: String = names.map { _ in ", ?" }.joined()
        let both: String = names.map { ", \"\($0)\", \"\($0)__at\"" }.joined()
        // A value wins over one that an earlier message said, or that nobody said; of the same time the later arrival.
        let updates: String = names.enumerated().map { index, name -> String in
            let (value, time) = ("?\(4 + 2 * index)", "?\(5 + 2 * index)")
            let isNewer = "\(time) >= ifnull(\"\(name)__at\", \(time))"
            return """
                , "\(name)" = iif(\(isNewer), \(value), "\(name)"), \
                "\(name)__at" = iif(\(isNewer), \(time), "\(name)__at")
                """
        }.joined()
        return Shape(
            insertIdentify: try BytesStatement(db, """
                INSERT INTO identifies(arrival, id, received_at, sent_at, original_timestamp, timestamp, user_id,
                  anonymous_id, context_integration_name, context_integration_version\(quoted))
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?\(places))
                """),
            insertUser: try BytesStatement(db, """
                INSERT INTO users(arrival, received_at, id\(both)) VALUES (?, ?, ?\(places)\(places))
                """),
            // The id is in the condition only to use its place; the row was found by it.
            updateUser: try BytesStatement(db, """
                UPDATE users SET received_at = max(received_at, ?2)\(updates) WHERE arrival = ?1 AND id = ?3
                """))
    }
}
