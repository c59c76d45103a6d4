import Glibc

/// Makes a snapshot of ids in any order, however many, within a bound of memory.
///
/// Ids are coded, hashed and appended to one of 256 partitions in memory; when the bound is reached all of them move
/// to a nameless file. At the end each partition is sorted by itself, freed of duplicates and written. A partition
/// that is too large for memory, which only duplicates or ids made to collide can bring about, is sorted in runs.
///
/// Used from one thread at a time. Dropping a builder leaves nothing behind.
package final class SnapshotBuilder {
    private let scratch: String
    private let memoryLimit: Int
    private let pool: MemberPool
    private let lanes: UnsafeMutablePointer<MemberPool.Lane>
    private var spill: SpillFile?
    /// Per lane: what of it was spilled.
    private var spilled: [[SpillSegment]]
    private var added = 0
    private var sum = MemberSum()
    private var isOver = false
    /// A failed spill leaves some members twice, so no snapshot is made after it.
    private var failure: StateFileError?

    /// - Parameters:
    ///   - scratch: folder for what does not fit into memory.
    ///   - memoryLimit: bytes; what is needed beside it for writing stays under 4 MiB. Taken as 64 KiB at
    ///     least and 64 GiB at most.
    package init(scratch: String, memoryLimit: Int = 256 * 1_024 * 1_024) throws(StateFileError) {
        self.scratch = scratch
        self.memoryLimit = min(max(memoryLimit, 64 * 1_024), 64 << 30)
        // The rest is for sorting a partition while all others still wait.
        pool = try MemberPool(memoryLimit: self.memoryLimit / 16 * 15, path: scratch)
        lanes = pool.lanes
        spilled = Array(repeating: [], count: MemberPool.laneCount)
    }

    /// Number of members added so far, duplicates included.
    package var count: Int { added }

    /// Adds an id and says what it is; only a `.member` was added. Duplicates are found at ``finish(at:)``.
    package func add(_ id: UnsafeRawBufferPointer) throws(StateFileError) -> MemberVerdict {
        guard id.count == CanonicalUUID.textCount, let start = id.baseAddress,
            let (first, last) = CanonicalUUID.packed(start)
        else { return try addRaw(id) }
        let hash = StableHash.ofPacked(first, last)
        sum.first &+= hash
        sum.second &+= StableHash.ofPacked(first, last, .companion)
        let number = Int(truncatingIfNeeded: hash &>> (64 &- MemberPool.partitionBits)) &* 2
        let lane = lanes + number
        if lane.pointee.next == lane.pointee.end { try makeRoom(number) }
        let record = lane.pointee.next
        record.storeBytes(of: first.littleEndian, as: UInt64.self)
        record.storeBytes(of: last.littleEndian, toByteOffset: 8, as: UInt64.self)
        lane.pointee.next = record + 16
        added &+= 1
        return .member
    }

    private func addRaw(_ id: UnsafeRawBufferPointer) throws(StateFileError) -> MemberVerdict {
        let verdict = MemberVerdict.of(id)
        guard verdict == .member, let start = id.baseAddress else { return verdict }
        let code = MemberCode(start: start, rawCount: id.count)
        let hash = code.hash()
        sum.add(code, hash: hash)
        let number = Int(truncatingIfNeeded: hash &>> (64 &- MemberPool.partitionBits)) &* 2 + 1
        let lane = lanes + number
        if lane.pointee.end - lane.pointee.next < 2 + id.count { try makeRoom(number) }
        let record = lane.pointee.next
        record.storeBytes(of: UInt16(truncatingIfNeeded: id.count), as: UInt16.self)
        (record + 2).copyMemory(from: start, byteCount: id.count)
        lane.pointee.next = record + 2 + id.count
        lane.pointee.rawRecords += 1
        added += 1
        return .member
    }

    /// Whether what was added is exactly the ledger's members told `true`, nobody being unknown: then nothing is owed
    /// and no snapshot need be made. See ``MemberSum`` for how sure that is; duplicates make it false.
    package func matches(_ ledger: Ledger) -> Bool {
        ledger.unknown == 0 && ledger.toldTrue == added && ledger.books.sum == sum
    }

    /// Sorts everything, drops duplicates and writes the snapshot durably to `path`. The builder is empty afterwards.
    package func finish(at path: String) throws(StateFileError) -> Snapshot {
        precondition(!isOver, "a builder makes one snapshot")
        isOver = true
        if let failure { throw failure }
        let writer = try BlockWriter(path, .snapshot)
        try spillWhatSortingNeeds()
        let sorter = MemberSorter(origin: pool.base)
        var duplicates = 0
        for partition in 0..<MemberPool.partitionCount {
            duplicates += try write(partition, sorter, writer)
        }
        abandon()
        return try Snapshot(writer.finish(facts: Snapshot.facts(duplicates: duplicates)))
    }

    /// Frees memory and scratch space. Nothing can be added afterwards.
    package func abandon() {
        isOver = true
        pool.removeAll()
        spill = nil
        spilled = Array(repeating: [], count: MemberPool.laneCount)
    }
}

// MARK: - Memory

extension SnapshotBuilder {
    /// Opens a chunk in a lane, moving everything to disk first when the bound is reached.
    private func makeRoom(_ lane: Int) throws(StateFileError) {
        precondition(!isOver, "a builder that is done takes no more members")
        if pool.extend(lane) { return }
        try spillAll()
        let hasRoom = pool.extend(lane)
        precondition(hasRoom, "an empty pool has room for a chunk")
    }

    private func spillAll() throws(StateFileError) {
        if let failure { throw failure }
        do throws(StateFileError) {
            if spill == nil { spill = try SpillFile(in: scratch) }
            if let spill { try moveAll(to: spill) }
        } catch {
            failure = error
            throw error
        }
    }

    private func moveAll(to spill: SpillFile) throws(StateFileError) {
        let stage = SegmentStage(spill, capacity: segmentCapacity)
        for lane in 0..<MemberPool.laneCount {
            for piece in pool.pieces(lane) { try stage.add(piece, to: &spilled[lane]) }
            try stage.flush(to: &spilled[lane])
        }
        pool.removeAll()
    }

    /// Bytes of a piece in the spill file: large for the disk's sake, small against the memory bound.
    private var segmentCapacity: Int { max(64 * 1_024, min(1_024 * 1_024, memoryLimit / 64)) }

    /// Sorting a partition takes memory too. When that and what waits exceed the bound, nothing waits in memory.
    private func spillWhatSortingNeeds() throws(StateFileError) {
        var largest = 0
        for partition in 0..<MemberPool.partitionCount {
            largest = max(largest, sortingBytes(partition))
        }
        if pool.used > 0, pool.used + largest > memoryLimit { try spillAll() }
    }

    /// What loading and sorting a partition takes beside what of it is in memory already.
    private func sortingBytes(_ partition: Int) -> Int {
        var bytes = 0
        for lane in [partition * 2, partition * 2 + 1] {
            for segment in spilled[lane] { bytes += segment.length + segment.records * MemberSorter.bytesPerMember }
            for piece in pool.pieces(lane) { bytes += piece.records * MemberSorter.bytesPerMember }
        }
        return bytes
    }
}

// MARK: - Partitions

extension SnapshotBuilder {
    /// Writes the members of one partition, each once.
    /// - Returns: the number of duplicates.
    private func write(
        _ partition: Int, _ sorter: MemberSorter, _ writer: BlockWriter
    ) throws(StateFileError) -> Int {
        let lanes = [partition * 2, partition * 2 + 1]
        let segments = lanes.flatMap { lane in spilled[lane].map { (segment: $0, isRaw: lane & 1 == 1) } }
        let waiting = lanes.flatMap { pool.pieces($0) }
        guard let spill, !segments.isEmpty else { return try sorter.sort(waiting, into: writer) }
        if pool.used + sortingBytes(partition) <= memoryLimit {
            return try withLoaded(segments[...], spill) { (pieces) throws(StateFileError) in
                try sorter.sort(pieces + waiting, into: writer)
            }
        }
        return try writeInRuns(segments, waiting, spill, sorter, writer)
    }

    /// Sorts as much as fits at a time into runs, then merges the runs.
    private func writeInRuns(
        _ segments: [(segment: SpillSegment, isRaw: Bool)], _ waiting: [MemberPiece], _ spill: SpillFile,
        _ sorter: MemberSorter, _ writer: BlockWriter
    ) throws(StateFileError) -> Int {
        var runs: [SortedRun] = []
        var duplicates = 0
        var first = 0
        while first < segments.count || runs.isEmpty {
            var end = first
            var needed = 0
            while end < segments.count {
                let segment = segments[end].segment
                needed += segment.length + segment.records * MemberSorter.bytesPerMember
                if end > first, needed > memoryLimit / 4 * 3 { break }
                end += 1
            }
            let run = RunWriter(spill, capacity: Self.runCapacity)
            duplicates += try withLoaded(segments[first..<end], spill) { [first] (pieces) throws(StateFileError) in
                try sorter.sort(first == 0 ? pieces + waiting : pieces, into: run)
            }
            runs.append(try run.finish())
            first = end
        }
        let merger = RunMerger(spill: spill, segmentCapacity: Self.runCapacity)
        return try duplicates + merger.merge(runs, into: writer)
    }

    /// Bytes of a piece of a run. Sixteen of them are read at a time.
    private static let runCapacity = 64 * 1_024

    /// Loads segments and lends them for the call.
    private func withLoaded(
        _ segments: ArraySlice<(segment: SpillSegment, isRaw: Bool)>, _ spill: SpillFile,
        _ body: ([MemberPiece]) throws(StateFileError) -> Int
    ) throws(StateFileError) -> Int {
        let total = segments.reduce(0) { $0 + $1.segment.length }
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: max(1, total), alignment: 16)
        defer { buffer.deallocate() }
        var pieces: [MemberPiece] = []
        var used = 0
        for (segment, isRaw) in segments {
            try spill.read(segment, into: buffer + used)
            pieces.append(
                MemberPiece(
                    start: UnsafeRawPointer(buffer + used), length: segment.length, records: segment.records,
                    isRaw: isRaw))
            used += segment.length
        }
        return try body(pieces)
    }
}

/// Collects pieces of a lane into segments of a spill file.
private final class SegmentStage {
    private let spill: SpillFile
    private let capacity: Int
    private let buffer: UnsafeMutableRawPointer
    private var used = 0
    private var records = 0

    /// - Parameter capacity: bytes of a segment; a chunk always fits.
    init(_ spill: SpillFile, capacity: Int) {
        self.spill = spill
        self.capacity = capacity
        buffer = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit {
        buffer.deallocate()
    }

    func add(_ piece: MemberPiece, to segments: inout [SpillSegment]) throws(StateFileError) {
        if used + piece.length > capacity { try flush(to: &segments) }
        (buffer + used).copyMemory(from: piece.start, byteCount: piece.length)
        used += piece.length
        records += piece.records
    }

    func flush(to segments: inout [SpillSegment]) throws(StateFileError) {
        guard used > 0 else { return }
        segments.append(try spill.append(UnsafeRawBufferPointer(start: buffer, count: used), records: records))
        used = 0
        records = 0
    }
}
