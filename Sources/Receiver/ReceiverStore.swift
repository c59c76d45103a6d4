import Foundation
import GRDB
import GRDBSQLite
import Glibc
import WarehouseNames

/// A receiver's tables, in memory or in a file. One connection; every request is one transaction.
final class ReceiverStore: Sendable {
    private let queue: DatabaseQueue
    private let ledger: Ledger

    /// What belongs to the connection.
    private final class Ledger: @unchecked Sendable {
        // Only touched inside the database queue, which runs one access at a time.
        var writer: StoreWriter?
        var insertRequest: BytesStatement?
        var insertReport: BytesStatement?
    }

    /// Opens the store, and makes it when there is none.
    ///
    /// - Throws: ``ReceiverError/storeUnusable(path:reason:)``.
    init(_ location: StoreLocation) throws(ReceiverError) {
        ledger = Ledger()
        let path = if case .file(let path) = location { path } else { ":memory:" }
        do {
            queue = try Self.open(location)
            if let reason = try queue.write({ try StoreSchema.prepare($0) }) {
                throw ReceiverError.storeUnusable(path: path, reason: reason)
            }
        } catch let error as ReceiverError {
            throw error
        } catch {
            throw .storeUnusable(path: path, reason: Self.reason(error))
        }
    }

    private static func open(_ location: StoreLocation) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "receiver store"
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { db in
            // The page cache holds what a rehearsal touches; a rollback journal is safe for people who look at the file
            // meanwhile. A killed receiver loses nothing; only a power cut may cost the file, which is a rehearsal's.
            try db.execute(sql: """
                PRAGMA cache_size = -131072;
                PRAGMA journal_mode = TRUNCATE;
                PRAGMA synchronous = OFF;
                """)
        }
        guard case .file(let path) = location else { return try DatabaseQueue(configuration: configuration) }
        // SQLite would make the file readable by others; it names people.
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw ReceiverError.storeUnusable(path: path, reason: String(cString: strerror(errno)))
        }
        Glibc.close(file)
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    // MARK: - Writing

    /// Stores a request's messages, when it has any to store, and logs the request, in one transaction.
    ///
    /// - Returns: the record and the reports, completed with what the store found.
    /// - Throws: ``ReceiverError/storeFailed(_:)``; nothing was stored then.
    func write(
        _ request: IncomingRequest?, _ record: RequestRecord, _ reports: ReportList, logs: Bool
    ) async throws(ReceiverError) -> (RequestRecord, [Report]) {
        if request?.messages.isEmpty ?? true, !logs { return (record, reports.numbered(record.number)) }
        do {
            return try await queue.writeWithoutTransaction { [ledger] db in
                // Taken out, so that it is gone unless all goes well, the commit too.
                var writer = ledger.writer.take()
                var result = (record, [Report]())
                try db.inTransaction {
                    result = try Self.write(request, record, reports, logs: logs, db, ledger, &writer)
                    return .commit
                }
                ledger.writer = writer
                return result
            }
        } catch {
            throw .storeFailed(Self.reason(error))
        }
    }

    private static func write(
        _ request: IncomingRequest?, _ record: RequestRecord, _ reports: ReportList, logs: Bool, _ db: Database,
        _ ledger: Ledger, _ writer: inout StoreWriter?
    ) throws -> (RequestRecord, [Report]) {
        var record = record
        var reports = reports
        if let request, !request.messages.isEmpty {
            if writer == nil { writer = try StoreWriter(db) }
            if let outcome = try writer?.store(request, receivedAt: record.receivedAt, db) {
                record.stored = outcome.stored
                record.duplicates = outcome.duplicates
                reports.add(outcome.reports)
            }
        }
        let numbered = reports.numbered(record.number)
        if logs { try log(record, numbered, db, ledger) }
        return (record, numbered)
    }

    private static func log(_ record: RequestRecord, _ reports: [Report], _ db: Database, _ ledger: Ledger) throws {
        let insertRequest = try ledger.insertRequest ?? BytesStatement(
            db, "INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        let insertReport = try ledger.insertReport ?? BytesStatement(
            db, "INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        ledger.insertRequest = insertRequest
        ledger.insertReport = insertReport

        let receivedAt = Timestamp.text(record.receivedAt)
        insertRequest.bind(Int64(record.number), at: 1)
        insertRequest.bind(receivedAt, at: 2)
        insertRequest.bind(Array(record.path.utf8), at: 3)
        let numbers = [
            record.wireBytes, record.bytes, record.items, record.stored, record.duplicates, record.dropped,
            record.status, record.retryCount, record.hasAuthorization ? 1 : 0,
        ]
        for (offset, number) in numbers.enumerated() {
            let index = Int32(truncatingIfNeeded: 4 + offset)
            if let number { insertRequest.bind(Int64(number), at: index) } else { insertRequest.bindNull(at: index) }
        }
        insertRequest.bind(record.firstMessageID, at: 13)
        insertRequest.bind(record.lastMessageID, at: 14)
        insertRequest.bind(record.fault.map { Array($0.utf8) }, at: 15)
        try insertRequest.run()

        for report in reports {
            insertReport.bind(Int64(report.request), at: 1)
            insertReport.bind(receivedAt, at: 2)
            if let position = report.position {
                insertReport.bind(Int64(position), at: 3)
            } else {
                insertReport.bindNull(at: 3)
            }
            insertReport.bind(Array(report.code.effect.rawValue.utf8), at: 4)
            insertReport.bind(Array(report.code.rawValue.utf8), at: 5)
            insertReport.bind(Array(report.detail.utf8), at: 6)
            insertReport.bind(report.userID, at: 7)
            insertReport.bind(report.messageID, at: 8)
            insertReport.bind(Int64(report.count), at: 9)
            try insertReport.run()
        }
    }

    // MARK: - Reading

    /// Calls `body` with every user for whom `trait` is `true` or `false` now, in the order of the ids' bytes. They are
    /// valid only during the call.
    func forEachUser(
        ofTrait trait: String, _ body: @escaping @Sendable (UnsafeRawBufferPointer, Bool) -> Void
    ) async throws(ReceiverError) {
        let column = SnakeCase.column(of: trait)
        try await read { db in
            guard try Self.hasColumn(column, db) else { return }
            let statement = try BytesStatement(db, """
                SELECT id, "\(column)" FROM users WHERE "\(column)" IS NOT NULL ORDER BY id
                """)
            try statement.forEachRow { body(statement.bytes(0), statement.integer(1) != 0) }
        }
    }

    /// The users for whom `trait` is `value` now.
    func users(ofTrait trait: String, value: Bool) async throws(ReceiverError) -> Set<[UInt8]> {
        let column = SnakeCase.column(of: trait)
        return try await read { db in
            var users: Set<[UInt8]> = []
            guard try Self.hasColumn(column, db) else { return users }
            let statement = try BytesStatement(db, """
                SELECT id FROM users WHERE "\(column)" = \(value ? 1 : 0)
                """)
            try statement.forEachRow { users.insert(Array(statement.bytes(0))) }
            return users
        }
    }

    /// How many rows a table has.
    func count(_ table: StaticString) async throws(ReceiverError) -> Int {
        let name = table.description
        return try await read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(name)") ?? 0 }
    }

    /// The `messageId`s that arrived more than once, with how often in all.
    func repeatedIDs() async throws(ReceiverError) -> [[UInt8]: Int] {
        try await read { db in
            var repeated: [[UInt8]: Int] = [:]
            let statement = try BytesStatement(db, "SELECT id, arrivals FROM arrivals")
            try statement.forEachRow { repeated[Array(statement.bytes(0))] = Int(statement.integer(1)) }
            return repeated
        }
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(ReceiverError) -> Value {
        do {
            return try await queue.read(body)
        } catch {
            throw .storeFailed(Self.reason(error))
        }
    }

    private static func hasColumn(_ name: String, _ db: Database) throws -> Bool {
        try Bool.fetchOne(db, sql: "SELECT 1 FROM trait_columns WHERE name = ?", arguments: [name]) ?? false
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? DatabaseError else { return "\(error)" }
        return error.message ?? "\(error.resultCode)"
    }
}
