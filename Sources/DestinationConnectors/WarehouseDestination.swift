import Dispatch
import Scheduling
import Secrets
import SyncEngine
import WarehouseNames

/// The `identifies` and `users` tables of Segment's warehouses, in SQLite or PostgreSQL: what Segment would have loaded
/// there from the same messages. One transaction a batch.
package final class WarehouseDestination: Destination {
    package let kind = "warehouse"
    package let address: String
    /// A message id that is in `identifies` already changes nothing; and while a commit's outcome is unknown it holds
    /// its rows' locks, so that a later value always comes after it.
    package let deduplicates = true

    private let tables: any WarehouseTables
    /// Databases block; this queue's thread does, not one of the concurrency pool.
    private let queue = DispatchQueue(label: "rollcall.warehouse")

    private static let batchMembers = 10_000
    private static let batchBytes = 4_000_000

    /// Tables in a SQLite file, made when it is not there.
    package convenience init(sqlite path: String) {
        self.init(tables: SQLiteWarehouse(path: path))
    }

    /// Tables in a PostgreSQL database.
    /// - Parameter url: `postgres://…` or `postgresql://…`; never shown.
    /// - Throws: ``SourceError/misconfigured(_:)`` for a URL that libpq does not understand.
    package convenience init(postgres url: Secret) throws(SourceError) {
        self.init(tables: try PostgresWarehouse(url: url))
    }

    init(tables: any WarehouseTables) {
        self.tables = tables
        address = tables.address
    }

    package func encoder(for audience: Audience) -> any MessageEncoder {
        let column = tables.column(of: audience.trait)
        return ChangeRowEncoder(
            texts: WarehouseBatch.texts(column: column, of: audience), members: Self.batchMembers,
            bytes: Self.batchBytes, complaint: { [tables] in tables.complaint(about: $0) })
    }

    package func deliver(_ batch: EncodedBatch, attempt: Int, sentAt: Instant) async -> DeliveryOutcome {
        guard batch.count > 0 else { return .accepted(status: 0, rejected: []) }
        guard let batch = WarehouseBatch(batch, receivedAt: sentAt) else {
            return .blocked(status: nil, reason: "the trait has no ASCII letter or digit, so no column")
        }
        return await blocking { self.tables.write(batch) }
    }

    package func probe() async -> ProbeResult { await blocking { self.tables.probe() } }

    private func blocking<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }
}
