/// Members of one partition in order, each once, in a spill file: the pieces in which they were written.
struct SortedRun {
    var segments: [SpillSegment] = []
}

/// Writes a run: records of two bytes of length (0 for a packed UUID) and the code.
final class RunWriter: MemberSink {
    private let spill: SpillFile
    private let buffer: UnsafeMutableRawPointer
    private let capacity: Int
    private var used = 0
    private var records = 0
    private var run = SortedRun()

    /// - Parameter capacity: bytes of a segment; at least one record must fit.
    init(_ spill: SpillFile, capacity: Int) {
        self.spill = spill
        self.capacity = capacity
        buffer = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit {
        buffer.deallocate()
    }

    func take(_ code: MemberCode, hash: UInt64) throws(StateFileError) {
        if used + 2 + code.byteCount > capacity { try flush() }
        buffer.storeBytes(of: UInt16(truncatingIfNeeded: code.rawCount), toByteOffset: used, as: UInt16.self)
        (buffer + used + 2).copyMemory(from: code.start, byteCount: code.byteCount)
        used += 2 + code.byteCount
        records += 1
    }

    private func flush() throws(StateFileError) {
        guard used > 0 else { return }
        run.segments.append(
            try spill.append(UnsafeRawBufferPointer(start: buffer, count: used), records: records))
        used = 0
        records = 0
    }

    func finish() throws(StateFileError) -> SortedRun {
        try flush()
        return run
    }
}

/// Merges runs of a partition that is larger than memory, however skewed the ids are: nothing here depends on hashes
/// being different.
struct RunMerger {
    let spill: SpillFile
    /// Bytes of a segment, and so of what each run being read takes in memory.
    let segmentCapacity: Int
    private static let fanIn = 16

    /// Gives every member once to `sink`, in order.
    /// - Returns: how many were left out because several runs had them.
    func merge(_ runs: [SortedRun], into sink: some MemberSink) throws(StateFileError) -> Int {
        var runs = runs
        var duplicates = 0
        while runs.count > Self.fanIn {
            let writer = RunWriter(spill, capacity: segmentCapacity)
            duplicates += try mergeOnce(runs[..<Self.fanIn], into: writer)
            runs.removeFirst(Self.fanIn)
            runs.append(try writer.finish())
        }
        return try duplicates + mergeOnce(runs[...], into: sink)
    }

    private func mergeOnce(_ runs: ArraySlice<SortedRun>, into sink: some MemberSink) throws(StateFileError) -> Int {
        var cursors: [RunCursor] = []
        for run in runs {
            let cursor = RunCursor(run, spill, capacity: segmentCapacity)
            if try cursor.advance() { cursors.append(cursor) }
        }
        let last = LastTaken()
        var duplicates = 0
        while !cursors.isEmpty {
            var least = 0
            for index in cursors.indices.dropFirst() where cursors[index].precedes(cursors[least]) { least = index }
            let cursor = cursors[least]
            if last.is(cursor.code, hash: cursor.hash) {
                duplicates += 1
            } else {
                try sink.take(cursor.code, hash: cursor.hash)
                last.set(cursor.code, hash: cursor.hash)
            }
            if try !cursor.advance() { cursors.remove(at: least) }
        }
        return duplicates
    }
}

/// Reads a run one member at a time.
private final class RunCursor {
    private let run: SortedRun
    private let spill: SpillFile
    private let buffer: UnsafeMutableRawPointer
    private var nextSegment = 0
    private var next = 0
    private var end = 0
    private(set) var code: MemberCode
    private(set) var hash: UInt64 = 0

    init(_ run: SortedRun, _ spill: SpillFile, capacity: Int) {
        self.run = run
        self.spill = spill
        buffer = .allocate(byteCount: capacity, alignment: 16)
        code = MemberCode(start: buffer, rawCount: 0)
    }

    deinit {
        buffer.deallocate()
    }

    /// Moves to the next member. False at the end of the run.
    func advance() throws(StateFileError) -> Bool {
        if next == end {
            guard nextSegment < run.segments.count else { return false }
            try spill.read(run.segments[nextSegment], into: buffer)
            next = 0
            end = run.segments[nextSegment].length
            nextSegment += 1
        }
        let rawCount = Int(buffer.loadUnaligned(fromByteOffset: next, as: UInt16.self))
        code = MemberCode(start: buffer + next + 2, rawCount: rawCount)
        hash = code.hash()
        next += 2 + code.byteCount
        return true
    }

    func precedes(_ other: RunCursor) -> Bool {
        hash == other.hash ? code.precedes(other.code) : hash < other.hash
    }
}

/// The member handed on last, in memory of its own because the buffer it came from may be gone.
private final class LastTaken {
    private let bytes = UnsafeMutableRawPointer.allocate(byteCount: MemberID.maximumCount, alignment: 8)
    private var rawCount = 0
    private var hash: UInt64?

    deinit {
        bytes.deallocate()
    }

    func `is`(_ code: MemberCode, hash: UInt64) -> Bool {
        self.hash == hash && MemberCode(start: bytes, rawCount: rawCount).equals(code)
    }

    func set(_ code: MemberCode, hash: UInt64) {
        self.hash = hash
        rawCount = code.rawCount
        bytes.copyMemory(from: code.start, byteCount: code.byteCount)
    }
}
