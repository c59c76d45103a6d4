import Scheduling
import SyncEngine

/// What one batch writes: the rows of a cohort's column in `identifies` and `users`.
struct WarehouseBatch {
    /// ASCII letters, digits and underscores.
    var column: String
    /// What a leave writes: SQL NULL or false.
    var leavesAsNull: Bool
    var rows: [ChangeRow]
    /// The time of this attempt.
    var receivedAt: Instant

    /// What the rows of a batch begin with.
    static func texts(column: String?, of audience: Audience) -> [String] {
        [column ?? "", audience.leavesAsNull ? "null" : "false"]
    }

    /// Reads a batch back; nil when its trait has no column.
    init?(_ batch: EncodedBatch, receivedAt: Instant) {
        let (texts, rows) = ChangeRows.read(batch.bytes)
        guard texts.count == 2, !texts[0].isEmpty else { return nil }
        column = texts[0]
        leavesAsNull = texts[1] == "null"
        self.rows = rows
        self.receivedAt = receivedAt
    }

    /// What a row's column becomes; nil is NULL.
    func value(of row: ChangeRow) -> Bool? { row.entered ? true : leavesAsNull ? nil : false }

    /// The id of a row's message.
    static func text(of id: MessageID) -> String {
        let hex = { (value: UInt64) in
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        let all = Array(hex(id.high) + hex(id.low))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(all[$0]) }.joined(separator: "-")
    }

    static func text(of instant: Instant) -> String { String(decoding: TimestampText.text(of: instant), as: UTF8.self) }
}

/// Where the two tables lie. Each call blocks and comes from one thread at a time.
protocol WarehouseTables: AnyObject, Sendable {
    /// Without any secret.
    var address: String { get }

    /// The column of a trait as this database keeps it; nil for a trait that has none.
    func column(of trait: String) -> String?

    /// Why a member's id cannot stand in a table; nil when it can.
    func complaint(about member: UnsafeRawBufferPointer) -> String?

    /// Writes all rows in one transaction, or none. Rows whose message id is there already change nothing.
    func write(_ batch: WarehouseBatch) -> DeliveryOutcome

    /// Reaches the database and changes nothing.
    func probe() -> ProbeResult
}
