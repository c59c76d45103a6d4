import Glibc

/// The memory in which a snapshot's members wait, in arrival order, sorted only by partition: 256 of them by the first
/// byte of the hash, and in each a lane for packed UUIDs and one for raw ids.
///
/// One address range as large as the memory bound is reserved and filled from its start; the system provides only the
/// pages that are touched. A lane is a chain of chunks, each twice as large as the one before up to a bound, so that a
/// small set touches little and a large one wastes little.
final class MemberPool {
    static let partitionBits: UInt64 = 8
    static let partitionCount = 1 << Int(partitionBits)
    static let laneCount = partitionCount * 2

    /// A chain of chunks being filled. In a packed lane a record is 16 bytes; in a raw one two bytes of length, then
    /// the id.
    struct Lane {
        var next: UnsafeMutableRawPointer
        var end: UnsafeMutableRawPointer
        /// Where the payload of the open chunk starts, after its head; equal to `end` when there is none.
        var start: UnsafeMutableRawPointer
        /// Raw records in the open chunk. Packed ones follow from the length.
        var rawRecords: Int
    }

    /// Precedes the payload of a chunk.
    private struct ChunkHead {
        var previous: UnsafeMutableRawPointer?
        var length: Int
        var rawRecords: Int
    }

    let base: UnsafeMutableRawPointer
    let capacity: Int
    private(set) var used = 0
    let lanes: UnsafeMutablePointer<Lane>
    private let largestChunk: Int

    /// - Parameter memoryLimit: bytes that may be touched; a floor of 64 KiB is taken in any case.
    init(memoryLimit: Int, path: String) throws(StateFileError) {
        let page = 4_096
        capacity = (max(memoryLimit, 64 * 1_024) + page - 1) / page * page
        largestChunk = min(64 * 1_024, max(Self.smallestRawChunk, capacity / 1_024 / 16 * 16))
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let mapped = mmap(nil, capacity, PROT_READ | PROT_WRITE, flags, -1, 0), mapped != MAP_FAILED else {
            throw .io(path: path, errno: errno, what: "reserve memory for")
        }
        base = mapped
        // Members land in 256 places in turn; large pages keep that from missing in the translation cache.
        _ = madvise(base, capacity, MADV_HUGEPAGE)
        lanes = .allocate(capacity: Self.laneCount)
        lanes.initialize(repeating: Lane(next: base, end: base, start: base, rawRecords: 0), count: Self.laneCount)
    }

    deinit {
        lanes.deallocate()
        munmap(base, capacity)
    }

    private static let smallestPackedChunk = 512
    private static let smallestRawChunk = 2_048

    /// Opens a new chunk in a lane. False when the memory bound is reached.
    func extend(_ lane: Int) -> Bool {
        let isRaw = lane & 1 == 1
        let current = lanes[lane]
        let previousSize = current.end - current.start
        let smallest = isRaw ? Self.smallestRawChunk : Self.smallestPackedChunk
        let size = max(smallest, min(previousSize * 2, largestChunk))
        let headSize = MemoryLayout<ChunkHead>.stride
        guard used + headSize + size <= capacity else { return false }
        close(lane)
        let head = base + used
        let hasPrevious = current.start != current.end
        head.storeBytes(
            of: ChunkHead(previous: hasPrevious ? current.start : nil, length: 0, rawRecords: 0), as: ChunkHead.self)
        used += headSize + size
        let start = head + headSize
        lanes[lane] = Lane(next: start, end: start + size, start: start, rawRecords: 0)
        return true
    }

    /// Writes down how far the open chunk of a lane is filled.
    private func close(_ lane: Int) {
        let current = lanes[lane]
        guard current.start != current.end else { return }
        let head = current.start - MemoryLayout<ChunkHead>.stride
        var content = head.load(as: ChunkHead.self)
        content.length = current.next - current.start
        content.rawRecords = current.rawRecords
        head.storeBytes(of: content, as: ChunkHead.self)
    }

    /// The pieces of memory that a lane's records lie in, in no particular order.
    func pieces(_ lane: Int) -> [MemberPiece] {
        close(lane)
        var pieces: [MemberPiece] = []
        let current = lanes[lane]
        var next: UnsafeMutableRawPointer? = current.start == current.end ? nil : current.start
        while let start = next {
            let head = (start - MemoryLayout<ChunkHead>.stride).load(as: ChunkHead.self)
            let isRaw = lane & 1 == 1
            let records = isRaw ? head.rawRecords : head.length / 16
            if records > 0 {
                pieces.append(
                    MemberPiece(start: UnsafeRawPointer(start), length: head.length, records: records, isRaw: isRaw))
            }
            next = head.previous
        }
        return pieces
    }

    /// Forgets everything.
    func removeAll() {
        used = 0
        lanes.update(repeating: Lane(next: base, end: base, start: base, rawRecords: 0), count: Self.laneCount)
        // Gives the pages back, so that what follows may use as much.
        _ = madvise(base, capacity, MADV_DONTNEED)
    }
}

/// A piece of memory that holds whole records of one lane.
struct MemberPiece {
    var start: UnsafeRawPointer
    var length: Int
    var records: Int
    var isRaw: Bool
}
