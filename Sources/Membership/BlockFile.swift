/// A state file whose header, footer and end have been verified. Its blocks are verified as they are read.
struct BlockFile: Sendable {
    let path: String
    let kind: StateFileKind
    let digest: FileDigest
    let recordCount: Int
    /// What the kind says about itself, as it was written.
    let facts: [UInt8]
    let entries: [BlockEntry]

    /// Opens and verifies the two ends of a file.
    /// - Parameter expecting: the digest recorded elsewhere; any when nil.
    static func open(
        _ path: String, _ kind: StateFileKind, expecting: FileDigest? = nil
    ) throws(StateFileError) -> BlockFile {
        let file = try OpenFile(path)
        let (footer, footerOffset, digest) = try verifiedFooter(of: file, kind)
        if let expecting, expecting != digest {
            throw .unexpected(path: path, expected: expecting, found: digest)
        }
        return try parse(footer, at: footerOffset, kind, digest, path)
    }

    private static func verifiedFooter(
        of file: borrowing OpenFile, _ kind: StateFileKind
    ) throws(StateFileError) -> (footer: [UInt8], offset: Int, digest: FileDigest) {
        let path = file.path
        func damage(_ offset: Int, _ what: String) -> StateFileError {
            .corrupt(path: path, offset: offset, what: what)
        }
        let smallest = BlockFormat.headerCount + BlockFormat.footerHeadCount + BlockFormat.trailerCount
        guard file.size >= smallest else { throw damage(file.size, "the file ends early") }
        let header = try file.bytes(BlockFormat.headerCount, at: 0)
        try check(header, kind, path)

        let trailerOffset = file.size - BlockFormat.trailerCount
        let trailer = try file.bytes(BlockFormat.trailerCount, at: trailerOffset)
        var fields = FieldReader(trailer)
        guard let offset = fields.takeCount(), let count = fields.takeCount(),
            let recorded = fields.takeBytes(32), let mark = fields.take(UInt64.self)
        else { throw damage(trailerOffset, "unreadable end") }
        guard mark == BlockFormat.endMark else { throw damage(file.size - 8, "the end mark is missing") }
        guard offset >= BlockFormat.headerCount, count >= BlockFormat.footerHeadCount,
            count <= BlockFormat.maximumFooterCount, offset + count == trailerOffset
        else { throw damage(trailerOffset, "the footer is not where the end says") }

        let footer = try file.bytes(count, at: offset)
        var hash = SHA256()
        hash.update(header)
        hash.update(footer)
        hash.update(Array(trailer[..<16]))
        guard hash.digest() == recorded else { throw damage(offset, "the footer does not match its digest") }
        return (footer, offset, FileDigest(recorded))
    }

    private static func check(_ header: [UInt8], _ kind: StateFileKind, _ path: String) throws(StateFileError) {
        var fields = FieldReader(header)
        guard fields.take(UInt64.self) == BlockFormat.magic else {
            throw .corrupt(path: path, offset: 0, what: "not a state file of rollcall")
        }
        let version = Int(fields.take(UInt16.self) ?? 0)
        guard version <= BlockFormat.version else { throw .tooNew(path: path, version: version) }
        guard version == BlockFormat.version else {
            throw .corrupt(path: path, offset: 8, what: "unknown format \(version)")
        }
        guard let found = StateFileKind(rawValue: fields.take(UInt8.self) ?? 0) else {
            throw .corrupt(path: path, offset: 10, what: "unknown kind of state file")
        }
        guard found == kind else { throw .wrongKind(path: path, expected: kind.name, found: found.name) }
    }

    private static func parse(
        _ footer: [UInt8], at footerOffset: Int, _ kind: StateFileKind, _ digest: FileDigest, _ path: String
    ) throws(StateFileError) -> BlockFile {
        func damage(_ what: String) -> StateFileError { .corrupt(path: path, offset: footerOffset, what: what) }
        var fields = FieldReader(footer)
        guard let recordCount = fields.takeCount(), let blockCount = fields.take(UInt32.self),
            let factCount = fields.take(UInt32.self), let facts = fields.takeBytes(Int(factCount))
        else { throw damage("unreadable footer") }
        let left = footer.count - BlockFormat.footerHeadCount - facts.count
        guard Int(blockCount) * BlockFormat.entryCount == left else {
            throw damage("the index has the wrong length")
        }
        var entries: [BlockEntry] = []
        entries.reserveCapacity(Int(blockCount))
        var offset = BlockFormat.headerCount
        var records = 0
        for index in 0..<Int(blockCount) {
            guard let hash = fields.take(UInt64.self), let checksum = fields.take(UInt64.self),
                let length = fields.take(UInt32.self), let count = fields.take(UInt32.self)
            else { throw damage("unreadable index") }
            guard length > BlockFormat.blockHeadCount, length <= BlockFormat.maximumBlockCount,
                count > 0, count <= BlockFormat.maximumRecords, hash >= entries.last?.firstHash ?? 0
            else { throw damage("entry \(index) of the index is impossible") }
            entries.append(
                BlockEntry(
                    firstHash: hash, checksum: checksum, offset: offset, length: Int(length),
                    firstRecord: records, recordCount: Int(count)))
            offset += Int(length)
            records += Int(count)
        }
        guard offset == footerOffset else { throw damage("the blocks do not fill the file") }
        guard records == recordCount else { throw damage("the blocks do not add up to the number of records") }
        return BlockFile(
            path: path, kind: kind, digest: digest, recordCount: recordCount, facts: facts, entries: entries)
    }

    /// The facts are read by the kind; this is its error when they make no sense.
    func damagedFacts(_ what: String) -> StateFileError {
        let offset = entries.last.map { $0.offset + $0.length } ?? BlockFormat.headerCount
        return .corrupt(path: path, offset: offset, what: what)
    }

    /// Index of the block that contains a record's ordinal, which must be less than ``recordCount``.
    func block(ofRecord ordinal: Int) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].firstRecord <= ordinal { low = middle + 1 } else { high = middle }
        }
        return max(0, low - 1)
    }

    /// Indices of the blocks in which a code of this hash may be. More than one only when equal hashes straddle a
    /// border.
    func blocks(ofHash hash: UInt64) -> Range<Int> {
        // The last block that starts below the hash may contain it, as may all that start with it.
        let first = partition { $0.firstHash < hash }
        let end = partition { $0.firstHash <= hash }
        return max(0, first - 1)..<end
    }

    /// Number of entries for which `isBefore` holds, which it does for a prefix only.
    private func partition(_ isBefore: (BlockEntry) -> Bool) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(entries[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
