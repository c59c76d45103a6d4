/// Finds the row of an id: the ids of a table, by hash, in memory.
///
/// A unique index in SQLite would do the same, but ids arrive in no order, and keeping such an index on disk takes most
/// of the time: 60,000 messages a second with it and 300,000 without, at a million rows in a file. Here an id takes
/// about 20 bytes. The index is rebuilt from the table when a store is opened, and it only proposes rows: whoever asks
/// compares the id in the row, so that ids that share a hash do no harm.
struct KeyIndex {
    /// Hash 0 marks a free place; a hash that is 0 is taken for 1.
    private var hashes: [UInt64]
    private var rows: [UInt32]
    private var count = 0

    init() {
        hashes = Array(repeating: 0, count: 1024)
        rows = Array(repeating: 0, count: 1024)
    }

    var isEmpty: Bool { count == 0 }

    /// The hash of an id: seeded anew in each process, so that nobody can make ids that collide.
    static func hash(_ id: UnsafeRawBufferPointer) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(bytes: id)
        let hash = UInt64(bitPattern: Int64(hasher.finalize()))
        return hash == 0 ? 1 : hash
    }

    /// Proposes the rows noted under `hash` until `isIt` says yes.
    ///
    /// - Returns: whether it did.
    func contains(_ hash: UInt64, _ isIt: (_ row: UInt32) throws -> Bool) rethrows -> Bool {
        var place = Int(truncatingIfNeeded: hash) & (hashes.count - 1)
        while hashes[place] != 0 {
            if hashes[place] == hash, try isIt(rows[place]) { return true }
            place = (place + 1) & (hashes.count - 1)
        }
        return false
    }

    /// Notes a row under `hash`.
    mutating func insert(_ hash: UInt64, row: UInt32) {
        if count >= hashes.count / 10 * 7 { grow() }
        place(hash, row)
        count += 1
    }

    private mutating func place(_ hash: UInt64, _ row: UInt32) {
        var place = Int(truncatingIfNeeded: hash) & (hashes.count - 1)
        while hashes[place] != 0 { place = (place + 1) & (hashes.count - 1) }
        hashes[place] = hash
        rows[place] = row
    }

    private mutating func grow() {
        let (oldHashes, oldRows) = (hashes, rows)
        hashes = Array(repeating: 0, count: oldHashes.count * 2)
        rows = Array(repeating: 0, count: oldHashes.count * 2)
        for index in oldHashes.indices where oldHashes[index] != 0 { place(oldHashes[index], oldRows[index]) }
    }
}
