/// The hash of a plan's changes while they are written. Fields have their lengths in front or a fixed length, so that
/// different plans never read as the same bytes.
final class PlanHash {
    private var hash = SHA256()
    private let staged: UnsafeMutableRawPointer
    private var used = 0
    private static let stageCount = 64 * 1_024

    init(sync: String, trait: String) {
        var head = FieldWriter()
        head.put(Array("rollcall plan 1".utf8))
        head.put(Array(sync.utf8))
        head.put(Array(trait.utf8))
        hash.update(head.bytes)
        staged = .allocate(byteCount: Self.stageCount, alignment: 16)
    }

    deinit {
        staged.deallocate()
    }

    /// Takes one change: the value, the length of the raw id (0 for a packed UUID) in two bytes, the code.
    @inline(__always)
    func add(_ code: MemberCode, entered: Bool) {
        if used + 3 + code.byteCount > Self.stageCount { flush() }
        let record = staged + used
        record.storeBytes(of: entered ? 1 : 0, as: UInt8.self)
        record.storeBytes(of: UInt16(truncatingIfNeeded: code.rawCount).littleEndian, toByteOffset: 1, as: UInt16.self)
        (record + 3).copyMemory(from: code.start, byteCount: code.byteCount)
        used += 3 + code.byteCount
    }

    private func flush() {
        hash.update(UnsafeRawBufferPointer(start: staged, count: used))
        used = 0
    }

    /// 64 hex digits.
    func finish() -> String {
        flush()
        return Hexadecimal.text(hash.digest())
    }
}
