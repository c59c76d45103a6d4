import GRDB
import GRDBSQLite

/// A table whose rows have an id of bytes, each at most once, and a number in order of arrival.
struct KeyedTable {
    private var index = KeyIndex()
    private var lastRow: Int64 = 0
    private let compare: BytesStatement

    /// - Parameter name: the table, which has the columns `arrival INTEGER PRIMARY KEY` and `id`.
    init(_ db: Database, _ name: String) throws {
        compare = try BytesStatement(db, "SELECT 1 FROM \(name) WHERE arrival = ? AND id = ?")
        let all = try BytesStatement(db, "SELECT arrival, id FROM \(name)")
        var index = KeyIndex()
        var lastRow: Int64 = 0
        try all.forEachRow {
            let row = all.integer(0)
            index.insert(KeyIndex.hash(all.bytes(1)), row: UInt32(truncatingIfNeeded: row))
            lastRow = max(lastRow, row)
        }
        self.index = index
        self.lastRow = lastRow
    }

    /// The row that `id` has, nil when it has none.
    func row(of id: UnsafeBufferPointer<UInt8>, _ hash: UInt64) throws -> Int64? {
        guard !index.isEmpty else { return nil }
        var found: Int64?
        _ = try index.contains(hash) { row in
            compare.bind(Int64(row), at: 1)
            compare.bindBorrowed(id, at: 2)
            guard try compare.findsRow() else { return false }
            found = Int64(row)
            return true
        }
        return found
    }

    /// The row for a new id, which is noted; the caller inserts it.
    ///
    /// - Throws: SQLITE_FULL after four billion rows.
    mutating func newRow(_ hash: UInt64) throws -> Int64 {
        guard lastRow < Int64(UInt32.max) else { throw DatabaseError(resultCode: .SQLITE_FULL) }
        lastRow += 1
        index.insert(hash, row: UInt32(truncatingIfNeeded: lastRow))
        return lastRow
    }
}
