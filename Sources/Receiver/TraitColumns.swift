import Foundation
import GRDB
import WarehouseNames

/// The columns that traits have made so far, the same in `identifies` and `users`.
struct TraitColumns {
    /// What a column holds, fixed by its first value.
    enum ColumnType: String {
        case boolean, number, text

        /// The type that a value asks for; nil for null.
        init?(_ kind: JSONDocument.Kind) {
            switch kind {
            case .yes, .no: self = .boolean
            case .number: self = .number
            case .string, .array, .object: self = .text
            case .null: return nil
            }
        }

        var declaration: String {
            switch self {
            case .boolean: "BOOLEAN"
            case .number: "NUMERIC"
            case .text: "TEXT"
            }
        }
    }

    struct Column {
        /// ASCII letters, digits and underscores.
        var name: String
        /// The first trait of that name.
        var trait: [UInt8]
        var type: ColumnType
    }

    /// SQLite takes 2,000 columns a table, and `users` has two a trait.
    static let limit = 900
    /// BigQuery's limit for names, the largest of the common warehouses.
    static let nameBytes = 300
    private static let collisionsKept = 1000

    /// Columns that are never a trait's.
    private static let reserved: Set<[UInt8]> = Set([
        "id", "user_id", "anonymous_id", "received_at", "sent_at", "original_timestamp", "timestamp", "uuid", "uuid_ts",
        "loaded_at", "context_integration_name", "context_integration_version",
    ].map { Array($0.utf8) })

    private(set) var columns: [Column] = []
    private var byName: [[UInt8]: Int] = [:]
    private var byTrait: [[UInt8]: Int] = [:]
    private var toldCollisions = 0

    init(_ db: Database) throws {
        for row in try Row.fetchAll(db, sql: "SELECT name, trait, type FROM trait_columns ORDER BY rowid") {
            guard let type = ColumnType(rawValue: row["type"]) else { continue }
            note(Column(name: row["name"], trait: Array(row["trait"] as Data), type: type))
        }
    }

    /// The index of the column of `trait`, made when `kind` is its first value that is not null. Nil when the trait has
    /// none; the reason was added to `reports`.
    mutating func index(
        of trait: [UInt8], kind: JSONDocument.Kind, _ db: Database, _ reports: inout ReportList, at position: Int?
    ) throws -> Int? {
        if let known = byTrait[trait] { return known }
        let name = SnakeCase.column(of: trait)
        if let known = byName[name] {
            tellCollision(of: trait, with: columns[known], &reports, at: position)
            remember(trait, known)
            return known
        }
        if let (code, problem) = fault(in: name) {
            reports.add(code, at: position, detail: "trait “\(Self.text(trait))” \(problem)")
            return nil
        }
        guard let type = ColumnType(kind) else { return nil }
        let column = Column(name: String(decoding: name, as: UTF8.self), trait: trait, type: type)
        try db.execute(sql: """
            ALTER TABLE identifies ADD COLUMN "\(column.name)" \(type.declaration);
            ALTER TABLE users ADD COLUMN "\(column.name)" \(type.declaration);
            ALTER TABLE users ADD COLUMN "\(column.name)__at" INTEGER;
            """)
        try db.execute(
            sql: "INSERT INTO trait_columns(name, trait, type) VALUES (?, ?, ?)",
            arguments: [column.name, Data(trait), type.rawValue])
        if name.count > 63 {
            reports.add(
                .columnNameOver63Bytes, at: position, detail: "PostgreSQL cuts the column “\(column.name)” at 63 bytes")
        }
        return note(column)
    }

    /// Whether a column of that name exists.
    func has(_ name: [UInt8]) -> Bool { byName[name] != nil }

    @discardableResult
    private mutating func note(_ column: Column) -> Int {
        columns.append(column)
        byName[Array(column.name.utf8)] = columns.count - 1
        byTrait[column.trait] = columns.count - 1
        return columns.count - 1
    }

    private mutating func remember(_ trait: [UInt8], _ index: Int) {
        // Hostile names must not fill the memory; beyond this each is worked out anew.
        guard byTrait.count < 10_000 else { return }
        byTrait[trait] = index
    }

    private mutating func tellCollision(
        of trait: [UInt8], with column: Column, _ reports: inout ReportList, at position: Int?
    ) {
        guard toldCollisions < Self.collisionsKept else { return }
        toldCollisions += 1
        reports.add(
            .columnCollision, at: position,
            detail: "traits “\(Self.text(column.trait))” and “\(Self.text(trait))” share the column \(column.name)")
    }

    private func fault(in name: [UInt8]) -> (ReportCode, String)? {
        if name.isEmpty { return (.columnUnnamed, "has no ASCII letter or digit, so no column") }
        if name.count > Self.nameBytes { return (.columnNameTooLong, "makes a column name of \(name.count) bytes") }
        if Self.reserved.contains(name) { return (.columnReserved, "has the name of a reserved column") }
        if columns.count >= Self.limit { return (.tooManyColumns, "would be column \(Self.limit + 1)") }
        return nil
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes.prefix(80), as: UTF8.self) }
}
