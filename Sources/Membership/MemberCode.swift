import Glibc

/// An id as state files hold it, borrowed from a buffer: the 16 bytes of a canonical UUID, or the raw bytes.
///
/// The coding is injective and canonical: text that can be packed always is, so equal codes mean equal ids and the
/// other way round. The order of all state files is `hash`, then ``precedes(_:)`` among equal hashes.
struct MemberCode {
    let start: UnsafeRawPointer
    /// Number of raw bytes, 1…1,024; 0 for a packed UUID.
    let rawCount: Int

    @inline(__always) var isPacked: Bool { rawCount == 0 }

    /// Bytes that the code takes in a buffer.
    @inline(__always) var byteCount: Int { isPacked ? 16 : rawCount }

    /// Length of the id itself, in bytes.
    @inline(__always) var textCount: Int { isPacked ? CanonicalUUID.textCount : rawCount }

    @inline(__always) var words: (first: UInt64, last: UInt64) {
        (
            UInt64(littleEndian: start.loadUnaligned(as: UInt64.self)),
            UInt64(littleEndian: start.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        )
    }

    @inline(__always)
    func hash(_ constants: StableHash.Constants = .order) -> UInt64 {
        guard isPacked else { return StableHash.ofBytes(start, rawCount, constants) }
        let (first, last) = words
        return StableHash.ofPacked(first, last, constants)
    }

    @inline(__always)
    func equals(_ other: MemberCode) -> Bool {
        guard rawCount == other.rawCount else { return false }
        return isPacked ? words == other.words : memcmp(start, other.start, rawCount) == 0
    }

    /// The order among codes of the same hash: packed ones first, then by bytes, the shorter first.
    func precedes(_ other: MemberCode) -> Bool {
        if isPacked != other.isPacked { return isPacked }
        let compared = memcmp(start, other.start, min(byteCount, other.byteCount))
        return compared == 0 ? rawCount < other.rawCount : compared < 0
    }

    /// Calls `body` with the id's own bytes. `text` is scratch room of at least 36 bytes for a packed UUID.
    @inline(__always)
    func bytes(unpackingTo text: UnsafeMutableRawPointer) -> UnsafeRawBufferPointer {
        guard isPacked else { return UnsafeRawBufferPointer(start: start, count: rawCount) }
        let (first, last) = words
        CanonicalUUID.write(first, last, to: text)
        return UnsafeRawBufferPointer(start: text, count: CanonicalUUID.textCount)
    }

    func member(unpackingTo text: UnsafeMutableRawPointer) -> MemberID {
        MemberID(trusted: bytes(unpackingTo: text))
    }
}

/// An id's code in memory of its own, for look-ups.
struct OwnedCode: Sendable {
    private let bytes: [UInt8]
    private let rawCount: Int
    let hash: UInt64

    init(_ member: MemberID) {
        (bytes, rawCount) = member.bytes.withUnsafeBytes { text in
            if let start = text.baseAddress, text.count == CanonicalUUID.textCount,
                let words = CanonicalUUID.packed(start)
            {
                return ([words.first, words.last].flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }, 0)
            }
            return (Array(text), text.count)
        }
        hash = bytes.withUnsafeBytes { [rawCount] in
            $0.baseAddress.map { MemberCode(start: $0, rawCount: rawCount).hash() } ?? 0
        }
    }

    /// Calls `body` with the code, which is valid during the call.
    func withCode<Result>(_ body: (MemberCode) -> Result) -> Result {
        bytes.withUnsafeBytes { buffer in
            // An id has at least one byte, so the other pointer is never taken.
            withUnsafePointer(to: 0 as UInt8) { none in
                body(MemberCode(start: buffer.baseAddress ?? UnsafeRawPointer(none), rawCount: rawCount))
            }
        }
    }
}

/// An order-independent fingerprint of a set of ids: their number and the sums, modulo 2^64, of two independent hashes.
///
/// Two different sets of the same size have the same sums only if 128 bits that behave randomly agree, one chance in
/// 3.4 · 10^38 for ids that were not made to collide. Who can choose ids freely and computes for it can make two sets
/// agree; what such a person gains is that changes among ids of their own choice are not announced. A duplicate is
/// counted each time, so a list with duplicates matches nothing and takes the exact way.
struct MemberSum: Hashable, Sendable {
    var first: UInt64 = 0
    var second: UInt64 = 0

    @inline(__always)
    mutating func add(_ code: MemberCode, hash: UInt64) {
        first &+= hash
        second &+= code.hash(.companion)
    }

    @inline(__always)
    mutating func remove(_ code: MemberCode, hash: UInt64) {
        first &-= hash
        second &-= code.hash(.companion)
    }
}
