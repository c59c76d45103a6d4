/// Reads a state file block by block into memory that it reuses. A block is handed out only after its checksum, its
/// layout and its order have been verified; after an error there is nothing more.
///
/// What it hands out is borrowed: pointers and codes are valid until the next block is loaded.
final class RecordStream {
    let file: BlockFile
    private let opened: OpenFile
    private let payload: UnsafeMutableRawPointer
    /// Per record of the block: its hash.
    let hashes: UnsafeMutablePointer<UInt64>
    /// Per record of the block: its state, 0…2.
    let states: UnsafeMutablePointer<UInt8>
    /// Per record of a block of rows: where its body starts and how many raw bytes the id has.
    private let offsets: UnsafeMutablePointer<UInt32>
    private let rawCounts: UnsafeMutablePointer<UInt16>
    /// Scratch for unpacking a UUID's text.
    let text = UnsafeMutableRawPointer.allocate(byteCount: CanonicalUUID.textCount, alignment: 8)

    /// Index of the loaded block; -1 before the first.
    private(set) var block = -1
    /// Number of records in the loaded block; 0 when none is.
    private(set) var count = 0
    /// Whether the block's bodies are packed UUIDs side by side, from ``bodies`` on.
    private(set) var isPacked = false
    /// Start of the bodies of a packed block.
    private(set) var bodies: UnsafeMutableRawPointer
    /// The last code of the previous block, kept to verify the order across the border.
    private var border: (hash: UInt64, bytes: [UInt8], rawCount: Int)?
    /// What went wrong. It does so again on every later call, so that nobody goes on after a gap.
    private var failure: StateFileError?

    init(_ file: BlockFile) throws(StateFileError) {
        self.file = file
        payload = .allocate(byteCount: BlockFormat.maximumBlockCount, alignment: 64)
        hashes = .allocate(capacity: BlockFormat.maximumRecords)
        states = .allocate(capacity: BlockFormat.maximumRecords)
        offsets = .allocate(capacity: BlockFormat.maximumRecords)
        rawCounts = .allocate(capacity: BlockFormat.maximumRecords)
        bodies = payload
        opened = try OpenFile(file.path)
    }

    deinit {
        payload.deallocate()
        hashes.deallocate()
        states.deallocate()
        offsets.deallocate()
        rawCounts.deallocate()
        text.deallocate()
    }

    /// Ordinal in the file of the first record of the loaded block.
    var firstRecord: Int { file.entries[block].firstRecord }

    /// Loads the block after the current one. False at the end of the file.
    func advance() throws(StateFileError) -> Bool {
        let next = block + 1
        guard next < file.entries.count else {
            count = 0
            return false
        }
        if count > 0 {
            let last = code(count - 1)
            let bytes = [UInt8](UnsafeRawBufferPointer(start: last.start, count: last.byteCount))
            border = (hashes[count - 1], bytes, last.rawCount)
        }
        try load(next)
        return true
    }

    /// Loads one block, anywhere in the file. Only ``advance()`` verifies the order across blocks.
    func load(_ index: Int) throws(StateFileError) {
        if let failure { throw failure }
        do throws(StateFileError) {
            try loadBlock(index)
        } catch {
            failure = error
            throw error
        }
    }

    private func loadBlock(_ index: Int) throws(StateFileError) {
        let entry = file.entries[index]
        if index != block + 1 { border = nil }
        count = 0
        block = index
        try opened.read(into: UnsafeMutableRawBufferPointer(start: payload, count: entry.length), at: entry.offset)
        guard StableHash.ofBytes(payload, entry.length) == entry.checksum else {
            throw damage(at: 0, "block \(index) does not match its checksum")
        }
        guard let shape = BlockShape(rawValue: payload.load(as: UInt8.self)) else {
            throw damage(at: 0, "block \(index) has an unknown shape")
        }
        if shape == .rows {
            try decodeRows(entry)
        } else {
            try decodePacked(entry, shape)
        }
        count = entry.recordCount
        try verifyOrder(entry)
    }

    /// The id of a record of the loaded block.
    @inline(__always)
    func code(_ index: Int) -> MemberCode {
        isPacked
            ? MemberCode(start: bodies + index &* 16, rawCount: 0)
            : MemberCode(start: payload + Int(offsets[index]), rawCount: Int(rawCounts[index]))
    }

    /// The detail that follows a record in state 2. Its layout has been verified.
    func detail(_ index: Int) -> UnsafeRawPointer {
        let code = code(index)
        return code.start + code.byteCount
    }

    /// First record of the loaded block that is not before a code.
    func lowerBound(hash: UInt64, _ wanted: MemberCode) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            let isBefore =
                hashes[middle] == hash ? code(middle).precedes(wanted) : hashes[middle] < hash
            if isBefore { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Loads the block that contains a code and gives the code's index in it; nil when the file does not contain it.
    func find(_ wanted: OwnedCode) throws(StateFileError) -> Int? {
        for index in file.blocks(ofHash: wanted.hash) {
            try load(index)
            let found: Int? = wanted.withCode { code in
                let position = lowerBound(hash: wanted.hash, code)
                guard position < count, self.code(position).equals(code) else { return nil }
                return position
            }
            if let found { return found }
        }
        return nil
    }

    private func damage(at position: Int, _ what: String) -> StateFileError {
        .corrupt(path: file.path, offset: file.entries[block].offset + position, what: what)
    }
}

// MARK: - Decoding

extension RecordStream {
    private func decodePacked(_ entry: BlockEntry, _ shape: BlockShape) throws(StateFileError) {
        let count = entry.recordCount
        let mapCount = shape == .packedMixed ? PackedStates.mapCount(count) : 0
        guard entry.length == BlockFormat.blockHeadCount + mapCount + count * 16 else {
            throw damage(at: 0, "block \(block) has the wrong length")
        }
        isPacked = true
        bodies = payload + BlockFormat.blockHeadCount + mapCount
        if shape == .packedMixed {
            PackedStates.unpack(payload + BlockFormat.blockHeadCount, to: states, count)
        } else {
            states.update(repeating: shape.rawValue, count: count)
        }
        let bodies = bodies
        let hashes = hashes
        for index in 0..<count {
            hashes[index] = MemberCode(start: bodies + index &* 16, rawCount: 0).hash()
        }
    }

    private func decodeRows(_ entry: BlockEntry) throws(StateFileError) {
        isPacked = false
        var next = BlockFormat.blockHeadCount
        for index in 0..<entry.recordCount {
            guard next < entry.length else { throw damage(at: next, "block \(block) ends early") }
            let header = payload.load(fromByteOffset: next, as: UInt8.self)
            next += 1
            var rawCount = Int(header & RecordHeader.lengthMask)
            if header & RecordHeader.lengthMask == RecordHeader.extended {
                guard entry.length - next >= 2 else { throw damage(at: next, "block \(block) ends early") }
                rawCount = Int(UInt16(littleEndian: payload.loadUnaligned(fromByteOffset: next, as: UInt16.self)))
                next += 2
                guard rawCount > RecordHeader.longestShort, rawCount <= MemberID.maximumCount else {
                    throw damage(at: next, "an id of impossible length")
                }
            } else if rawCount > RecordHeader.longestShort {
                throw damage(at: next, "an unknown record")
            }
            let code = MemberCode(start: payload + next, rawCount: rawCount)
            guard entry.length - next >= code.byteCount else {
                throw damage(at: next, "block \(block) ends early")
            }
            try verifyCanonical(code, at: next)
            offsets[index] = UInt32(truncatingIfNeeded: next)
            rawCounts[index] = UInt16(truncatingIfNeeded: rawCount)
            hashes[index] = code.hash()
            states[index] = header >> 6
            next += code.byteCount
            next += try detailCount(header >> 6, at: next, end: entry.length)
        }
        guard next == entry.length else { throw damage(at: next, "block \(block) goes on after its records") }
    }

    private func verifyCanonical(_ code: MemberCode, at position: Int) throws(StateFileError) {
        guard !code.isPacked else { return }
        guard UTF8Text.isValid(code.start, code.rawCount) else {
            throw damage(at: position, "an id that is not UTF-8")
        }
        if code.rawCount == CanonicalUUID.textCount, CanonicalUUID.packed(code.start) != nil {
            throw damage(at: position, "a UUID that is not packed")
        }
    }

    /// Length of the detail of a record in `state`, after verifying it.
    private func detailCount(_ state: UInt8, at next: Int, end: Int) throws(StateFileError) -> Int {
        if state == 0 || state == 1, file.kind != .snapshot || state == 0 { return 0 }
        let available = UnsafeRawBufferPointer(start: payload + next, count: end - next)
        let length =
            switch (file.kind, state) {
            case (.ledger, 2): UnknownDetail.length(available)
            case (.plan, 2): ChangeDetail.length(available)
            default: Int?.none
            }
        guard let length else { throw damage(at: next, "an impossible state of a record") }
        return length
    }

    private func verifyOrder(_ entry: BlockEntry) throws(StateFileError) {
        guard hashes[0] == entry.firstHash else {
            throw damage(at: 0, "block \(block) is not the one in the index")
        }
        if file.kind == .snapshot, isPacked, (0..<count).contains(where: { states[$0] != 0 }) {
            throw damage(at: 0, "an impossible state of a record")
        }
        if let border {
            let isOrdered = border.bytes.withUnsafeBytes { bytes in
                guard border.hash == hashes[0], let start = bytes.baseAddress else { return border.hash < hashes[0] }
                return MemberCode(start: start, rawCount: border.rawCount).precedes(code(0))
            }
            guard isOrdered else { throw damage(at: 0, "block \(block) is out of order") }
        }
        var isIncreasing = true
        for index in 1..<max(1, count) {
            isIncreasing = isIncreasing && hashes[index - 1] < hashes[index]
        }
        if isIncreasing { return }
        for index in 1..<count {
            let (before, after) = (hashes[index - 1], hashes[index])
            guard before < after || (before == after && code(index - 1).precedes(code(index))) else {
                throw damage(at: 0, "record \(index) of block \(block) is out of order")
            }
        }
    }
}

