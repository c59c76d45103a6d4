/// Writes a state file of records that come in order, a block at a time.
///
/// A block starts as packed UUIDs side by side, 16 bytes each, which is what a large set consists of. The first record
/// that is anything else turns it into rows.
final class BlockWriter {
    private let file: FreshFile
    private let kind: StateFileKind
    /// Head and bit map end where the bodies start, so that a block of any shape is one piece of memory.
    private let buffer: UnsafeMutableRawPointer
    private let bodies: UnsafeMutableRawPointer
    private let states: UnsafeMutablePointer<UInt8>
    private var used = 0
    private var count = 0
    private var isPacked = true
    private var firstHash: UInt64 = 0
    private var index = FieldWriter()
    private var blockCount = 0
    /// Records written so far.
    private(set) var recordCount = 0

    private static let bodiesOffset = 4_096
    private static let packedCapacity = BlockFormat.bodyRoom / 16
    /// What one row can need at most.
    private static let largestRow =
        RecordHeader.maximumRowCount + max(UnknownDetail.count, 1 + AttemptBytes.count)

    init(_ path: String, _ kind: StateFileKind) throws(StateFileError) {
        file = try FreshFile(path)
        self.kind = kind
        buffer = .allocate(byteCount: Self.bodiesOffset + BlockFormat.bodyRoom, alignment: 64)
        bodies = buffer + Self.bodiesOffset
        states = .allocate(capacity: BlockFormat.maximumRecords)
        try file.append(Self.header(kind))
    }

    deinit {
        buffer.deallocate()
        states.deallocate()
    }

    /// Appends a packed UUID in state 0 or 1.
    @inline(__always)
    func appendPacked(_ first: UInt64, _ last: UInt64, hash: UInt64, state: UInt8) throws(StateFileError) {
        if isPacked, count > 0, count < Self.packedCapacity {
            let body = bodies + count &* 16
            body.storeBytes(of: first.littleEndian, as: UInt64.self)
            body.storeBytes(of: last.littleEndian, toByteOffset: 8, as: UInt64.self)
            states[count] = state
            count &+= 1
        } else {
            try appendPackedSlowly(first, last, hash: hash, state: state)
        }
    }

    /// Appends a record of state 0 or 1.
    @inline(__always)
    func append(_ code: MemberCode, hash: UInt64, state: UInt8) throws(StateFileError) {
        if code.isPacked {
            let (first, last) = code.words
            try appendPacked(first, last, hash: hash, state: state)
        } else {
            try appendRow(code, hash: hash, state: state, detail: nil)
        }
    }

    /// Appends a record of state 2 in a ledger.
    func append(_ code: MemberCode, hash: UInt64, unknown detail: UnknownDetail) throws(StateFileError) {
        try appendRow(code, hash: hash, state: 2) { detail.write(to: $0) }
    }

    /// Appends a record of state 2 in a plan.
    func append(_ code: MemberCode, hash: UInt64, change detail: ChangeDetail) throws(StateFileError) {
        try appendRow(code, hash: hash, state: 2) { detail.write(to: $0) }
    }

    /// Appends records of another file as they are.
    func append(_ range: Range<Int>, of stream: RecordStream) throws(StateFileError) {
        guard stream.isPacked else {
            for index in range { try append(index, of: stream) }
            return
        }
        var next = range.lowerBound
        while next < range.upperBound {
            if !isPacked || count == 0 || count == Self.packedCapacity {
                // Opens a block, or goes on with one of rows.
                try append(stream.code(next), hash: stream.hashes[next], state: stream.states[next])
                next += 1
                continue
            }
            let run = min(range.upperBound - next, Self.packedCapacity - count)
            (bodies + count * 16).copyMemory(from: stream.bodies + next * 16, byteCount: run * 16)
            (states + count).update(from: stream.states + next, count: run)
            count += run
            next += run
        }
    }

    private func append(_ index: Int, of stream: RecordStream) throws(StateFileError) {
        let state = stream.states[index]
        if state < 2 {
            try append(stream.code(index), hash: stream.hashes[index], state: state)
        } else {
            let detail = UnknownDetail(stream.detail(index))
            try append(stream.code(index), hash: stream.hashes[index], unknown: detail)
        }
    }

    /// Writes the last block, footer and end, makes all of it durable and moves it into place.
    func finish(facts: [UInt8]) throws(StateFileError) -> BlockFile {
        try closeBlock()
        var footer = FieldWriter()
        footer.put(count: recordCount)
        footer.put(UInt32(truncatingIfNeeded: blockCount))
        footer.put(UInt32(truncatingIfNeeded: facts.count))
        let footerOffset = file.size
        let pieces = footer.bytes + facts + index.bytes
        var trailer = FieldWriter()
        trailer.put(count: footerOffset)
        trailer.put(count: pieces.count)
        var hash = SHA256()
        hash.update(Self.header(kind))
        hash.update(pieces)
        hash.update(trailer.bytes)
        let digest = hash.digest()
        try file.append(pieces)
        try file.append(trailer.bytes + digest)
        var end = FieldWriter()
        end.put(BlockFormat.endMark)
        try file.append(end.bytes)
        try file.commit()
        return try BlockFile.open(file.path, kind, expecting: FileDigest(digest))
    }

    private static func header(_ kind: StateFileKind) -> [UInt8] {
        var header = FieldWriter()
        header.put(BlockFormat.magic)
        header.put(UInt16(BlockFormat.version))
        header.put(kind.rawValue)
        return header.bytes + [0, 0, 0, 0, 0]
    }
}

// MARK: - Blocks

extension BlockWriter {
    private func appendPackedSlowly(
        _ first: UInt64, _ last: UInt64, hash: UInt64, state: UInt8
    ) throws(StateFileError) {
        if isPacked {
            if count == Self.packedCapacity { try closeBlock() }
            if count == 0 { firstHash = hash }
            let body = bodies + count * 16
            body.storeBytes(of: first.littleEndian, as: UInt64.self)
            body.storeBytes(of: last.littleEndian, toByteOffset: 8, as: UInt64.self)
            states[count] = state
            count += 1
        } else if isFullOfRows {
            try closeBlock()
            try appendPackedSlowly(first, last, hash: hash, state: state)
        } else {
            let row = bodies + used
            row.storeBytes(of: state << 6, as: UInt8.self)
            row.storeBytes(of: first.littleEndian, toByteOffset: 1, as: UInt64.self)
            row.storeBytes(of: last.littleEndian, toByteOffset: 9, as: UInt64.self)
            used += 17
            count += 1
        }
    }

    private var isFullOfRows: Bool {
        used + Self.largestRow > BlockFormat.bodyRoom || count == BlockFormat.maximumRecords
    }

    private func appendRow(
        _ code: MemberCode, hash: UInt64, state: UInt8, detail: ((UnsafeMutableRawPointer) -> Int)?
    ) throws(StateFileError) {
        if isPacked { try turnIntoRows() }
        if isFullOfRows {
            try closeBlock()
            isPacked = false
        }
        if count == 0 { firstHash = hash }
        let isShort = code.rawCount <= RecordHeader.longestShort
        let length = isShort ? UInt8(truncatingIfNeeded: code.rawCount) : RecordHeader.extended
        bodies.storeBytes(of: state << 6 | length, toByteOffset: used, as: UInt8.self)
        used += 1
        if !isShort {
            bodies.storeBytes(
                of: UInt16(truncatingIfNeeded: code.rawCount).littleEndian, toByteOffset: used, as: UInt16.self)
            used += 2
        }
        (bodies + used).copyMemory(from: code.start, byteCount: code.byteCount)
        used += code.byteCount
        if let detail { used += detail(bodies + used) }
        count += 1
    }

    /// Writes the packed records of the open block as rows, closing it first when they would not fit.
    private func turnIntoRows() throws(StateFileError) {
        if count * 17 + Self.largestRow > BlockFormat.bodyRoom { try closeBlock() }
        // From the last to the first, because a row is longer than what it replaces.
        for position in stride(from: count - 1, through: 0, by: -1) {
            let row = bodies + position * 17
            (row + 1).copyMemory(from: bodies + position * 16, byteCount: 16)
            row.storeBytes(of: states[position] << 6, as: UInt8.self)
        }
        used = count * 17
        isPacked = false
    }

    private func closeBlock() throws(StateFileError) {
        defer {
            count = 0
            used = 0
            isPacked = true
        }
        guard count > 0 else { return }
        let (shape, mapCount) = isPacked ? packedShape() : (.rows, 0)
        let head = bodies - mapCount - BlockFormat.blockHeadCount
        head.storeBytes(of: UInt64(shape.rawValue).littleEndian, as: UInt64.self)
        let length = BlockFormat.blockHeadCount + mapCount + (isPacked ? count * 16 : used)
        try file.append(UnsafeRawBufferPointer(start: head, count: length))
        index.put(firstHash)
        index.put(StableHash.ofBytes(head, length))
        index.put(UInt32(truncatingIfNeeded: length))
        index.put(UInt32(truncatingIfNeeded: count))
        blockCount += 1
        recordCount += count
    }

    private func packedShape() -> (BlockShape, mapCount: Int) {
        var sum = 0
        for position in 0..<count { sum &+= Int(states[position]) }
        if sum == 0 { return (.packedZero, 0) }
        if sum == count { return (.packedOne, 0) }
        let mapCount = PackedStates.mapCount(count)
        PackedStates.pack(states, to: bodies - mapCount, count)
        return (.packedMixed, mapCount)
    }
}
