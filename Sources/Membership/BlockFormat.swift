/// The format that snapshots, ledgers and plans share. All numbers are little-endian.
///
/// | part | content |
/// |---|---|
/// | header, 16 bytes | `ROLLCALL`, version (2), kind (1), five zeros |
/// | blocks | records in order, at most 16,384 and about 128 KiB a block; see `BlockWriter` |
/// | footer | number of records (8), of blocks (4), length of the facts (4), the facts, the index |
/// | index, per block | hash of its first record (8), checksum (8), length (4), number of records (4) |
/// | trailer, 56 bytes | offset and length of the footer (8 + 8), SHA-256 of header, footer and these two, `END ROLL` |
///
/// The facts are what the kind says about itself. The digest covers every byte but those of the blocks, and the blocks
/// through their checksums. So opening a file reads its two ends only, and each block is verified when it is read,
/// against an index that is already proven.
enum BlockFormat {
    static let version = 1
    static let magic: UInt64 = 0x4C4C_4143_4C4C_4F52
    static let endMark: UInt64 = 0x4C4C_4F52_2044_4E45
    static let headerCount = 16
    static let entryCount = 24
    static let footerHeadCount = 16
    static let trailerCount = 56

    /// Largest number of records in a block.
    static let maximumRecords = 16_384
    /// Room for the bodies of a block. A block is closed before it could overflow.
    static let bodyRoom = 128 * 1_024
    /// A block's own head: one byte for its shape, seven zeros.
    static let blockHeadCount = 8
    /// Bound for the length of any block: head, a bit per record, bodies.
    static let maximumBlockCount = blockHeadCount + maximumRecords / 8 + bodyRoom
    /// Bound for the footer, so that a hostile length cannot exhaust memory: index of 10 million blocks.
    static let maximumFooterCount = 256 * 1_024 * 1_024
}

/// What a state file holds.
enum StateFileKind: UInt8 {
    case snapshot = 1
    case ledger = 2
    case plan = 3

    var name: String {
        switch self {
        case .snapshot: "snapshot"
        case .ledger: "ledger"
        case .plan: "plan"
        }
    }
}

/// How the records of a block are laid out.
enum BlockShape: UInt8 {
    /// 16 bytes per record, all packed UUIDs, all in state 0.
    case packedZero = 0
    /// The same, all in state 1.
    case packedOne = 1
    /// A bit per record for its state, padded to eight bytes, then 16 bytes per record.
    case packedMixed = 2
    /// Records one after the other: header byte, id, detail.
    case rows = 3
}

/// The header byte of a record in a block of rows: the state in the upper two bits, the id's length in the lower six.
enum RecordHeader {
    /// Lengths up to this one stand in the header itself; 0 is a packed UUID.
    static let longestShort = 60
    /// The length follows the header in two bytes.
    static let extended: UInt8 = 61
    static let lengthMask: UInt8 = 0x3F
    /// Longest row without its detail: header, extended length, id.
    static let maximumRowCount = 3 + MemberID.maximumCount
}

/// One block in the index of an open file.
struct BlockEntry: Sendable {
    var firstHash: UInt64
    var checksum: UInt64
    var offset: Int
    var length: Int
    /// Ordinal of its first record in the file.
    var firstRecord: Int
    var recordCount: Int
}

/// Puts numbers into bytes.
struct FieldWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(count: Int) {
        put(UInt64(truncatingIfNeeded: count))
    }

    /// Bytes with their length in front.
    mutating func put(_ part: [UInt8]) {
        put(count: part.count)
        bytes.append(contentsOf: part)
    }
}

/// Takes numbers out of bytes that may be hostile: every `take` is nil at the end.
struct FieldReader {
    private let bytes: [UInt8]
    private var next: Int
    private let end: Int

    init(_ bytes: [UInt8], from start: Int = 0, count: Int? = nil) {
        self.bytes = bytes
        next = min(max(0, start), bytes.count)
        end = min(bytes.count, next + max(0, count ?? bytes.count))
    }

    var isAtEnd: Bool { next == end }

    mutating func take<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number? {
        let width = MemoryLayout<Number>.size
        guard end - next >= width else { return nil }
        let number = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: next, as: Number.self) }
        next += width
        return Number(littleEndian: number)
    }

    /// A number that counts something: not negative and far from overflow.
    mutating func takeCount() -> Int? {
        guard let number = take(UInt64.self), number <= UInt64(Int64.max / 4) else { return nil }
        return Int(number)
    }

    /// Bytes with their length in front.
    mutating func takeBytes() -> [UInt8]? {
        guard let count = takeCount(), count <= end - next else { return nil }
        defer { next += count }
        return Array(bytes[next..<next + count])
    }

    /// Exactly this many bytes.
    mutating func takeBytes(_ count: Int) -> [UInt8]? {
        guard count >= 0, count <= end - next else { return nil }
        defer { next += count }
        return Array(bytes[next..<next + count])
    }
}
