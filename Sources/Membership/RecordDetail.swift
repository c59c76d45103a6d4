import Scheduling

/// What follows a member of unknown state in a ledger: flags (bits 0–1: last certain value, 0 none, 1 `false`, 2
/// `true`; bit 2: attempted value), then the attempt.
struct UnknownDetail {
    var last: Bool?
    var attempted: Bool
    var attempt: Attempt

    static let count = 1 + AttemptBytes.count

    /// Its length, when `bytes` start with a sound one.
    static func length(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= count, bytes[0] & ~7 == 0, bytes[0] & 3 != 3, let start = bytes.baseAddress,
            AttemptBytes.areSound(start + 1)
        else { return nil }
        return count
    }

    init(last: Bool?, attempted: Bool, attempt: Attempt) {
        self.last = last
        self.attempted = attempted
        self.attempt = attempt
    }

    init(_ verified: UnsafeRawPointer) {
        let flags = verified.load(as: UInt8.self)
        last = flags & 3 == 0 ? nil : flags & 3 == 2
        attempted = flags & 4 != 0
        attempt = AttemptBytes.read(verified + 1)
    }

    func write(to bytes: UnsafeMutableRawPointer) -> Int {
        let lastBits: UInt8 = last.map { $0 ? 2 : 1 } ?? 0
        bytes.storeBytes(of: lastBits | (attempted ? 4 : 0), as: UInt8.self)
        AttemptBytes.write(attempt, to: bytes + 1)
        return Self.count
    }

    var told: Told { .unknown(last: last, attempted: attempted, attempt: attempt) }
}

/// What follows a change in a plan that is not plainly an entry or a leave with the plan's own attempt: flags (bit 0:
/// the value; bit 1: it reasserts; bit 2: it repeats an earlier attempt), then that attempt if there is one.
struct ChangeDetail {
    var entered: Bool
    var reasserts: Bool
    /// The earlier attempt that is repeated; nil for the plan's own.
    var earlier: Attempt?

    static func length(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let start = bytes.baseAddress, let flags = bytes.first, flags & ~7 == 0 else { return nil }
        if flags & 4 == 0 { return 1 }
        return bytes.count > AttemptBytes.count && AttemptBytes.areSound(start + 1) ? 1 + AttemptBytes.count : nil
    }

    init(entered: Bool, reasserts: Bool, earlier: Attempt?) {
        self.entered = entered
        self.reasserts = reasserts
        self.earlier = earlier
    }

    init(_ verified: UnsafeRawPointer) {
        let flags = verified.load(as: UInt8.self)
        entered = flags & 1 != 0
        reasserts = flags & 2 != 0
        earlier = flags & 4 == 0 ? nil : AttemptBytes.read(verified + 1)
    }

    func write(to bytes: UnsafeMutableRawPointer) -> Int {
        let flags: UInt8 = (entered ? 1 : 0) | (reasserts ? 2 : 0) | (earlier == nil ? 0 : 4)
        bytes.storeBytes(of: flags, as: UInt8.self)
        guard let earlier else { return 1 }
        AttemptBytes.write(earlier, to: bytes + 1)
        return 1 + AttemptBytes.count
    }
}

/// An attempt in 24 bytes: nonce, then the timestamp in milliseconds.
enum AttemptBytes {
    static let count = 24

    /// Whether the timestamp lies in the years 0001…9999, so that arithmetic on it cannot overflow.
    static func areSound(_ bytes: UnsafeRawPointer) -> Bool {
        isSound(read(bytes).timestamp)
    }

    static func isSound(_ timestamp: Instant) -> Bool {
        (-62_135_596_800_000...253_402_300_799_999).contains(timestamp.milliseconds)
    }

    static func read(_ bytes: UnsafeRawPointer) -> Attempt {
        let nonce = PlanNonce(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        let milliseconds = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: Int64.self))
        return Attempt(nonce: nonce, timestamp: Instant(milliseconds: milliseconds))
    }

    static func write(_ attempt: Attempt, to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: attempt.nonce.high.bigEndian, as: UInt64.self)
        bytes.storeBytes(of: attempt.nonce.low.bigEndian, toByteOffset: 8, as: UInt64.self)
        bytes.storeBytes(of: attempt.timestamp.milliseconds.littleEndian, toByteOffset: 16, as: Int64.self)
    }
}
