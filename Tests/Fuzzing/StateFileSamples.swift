import CCrypto
import Membership
import Scheduling

/// One small state file of each kind, and a ledger with unknowns.
enum StateFileSamples {
    static func make(in folder: String) throws -> [[UInt8]] {
        let builder = try SnapshotBuilder(scratch: folder, memoryLimit: 1 << 20)
        for number in 0..<6 {
            let id = number < 4 ? "0f8fad5b-d9cb-469f-a165-70867728950\(number)" : "user-\(number)"
            var id8 = Array(id.utf8)
            _ = try id8.withUnsafeMutableBytes { try builder.add(UnsafeRawBufferPointer($0)) }
        }
        let snapshot = try builder.finish(at: folder + "/snapshot")
        let attempt = Attempt(nonce: PlanNonce(high: 1, low: 2), timestamp: Instant(seconds: 1_790_000_000))
        let request = PlanRequest(sync: "a@b", trait: "[Amplitude] A (a)", attempt: attempt)
        let plan = try Plan.make(snapshot: snapshot, ledger: .empty, request: request, at: folder + "/plan")
        let halves = [OutcomeRange(range: 0..<3, outcome: .accepted), OutcomeRange(range: 3..<5, outcome: .unknown)]
        let ledger = try Ledger.applying(plan, to: .empty, outcomes: halves, at: folder + "/ledger")
        let full = PlanRequest(sync: "a@b", trait: "[Amplitude] A (a)", mode: .full, attempt: attempt)
        let second = try Plan.make(snapshot: snapshot, ledger: ledger, request: full, at: folder + "/second")
        return [snapshot.path, plan.path, ledger.path ?? "", second.path].map(FileBytes.read)
    }

}

/// Makes the checksums of a damaged state file right again, as far as its ends can be found (`BlockFormat`).
enum StateFileSeal {
    private static let header = 16
    private static let trailer = 56
    private static let entry = 24

    static func sealed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let end = bytes.count - trailer
        guard end >= header + 16 else { return bytes }
        let (footer, count) = (number(bytes, end, 8), number(bytes, end + 8, 8))
        guard footer >= header, count >= 16, footer <= end, footer + count == end else { return bytes }
        let (blocks, facts) = (number(bytes, footer + 8, 4), number(bytes, footer + 12, 4))
        if 16 + facts + blocks * entry == count {
            var block = header
            for index in 0..<blocks {
                let place = footer + 16 + facts + index * entry
                let length = number(bytes, place + 16, 4)
                guard length > 0, block + length <= footer else { break }
                let sum = bytes[block..<block + length].withUnsafeBytes { StableHash.ofBytes($0) }
                withUnsafeBytes(of: sum.littleEndian) { bytes.replaceSubrange(place + 8..<place + 16, with: $0) }
                block += length
            }
        }
        var state = ccrypto_sha256()
        ccrypto_sha256_init(&state)
        for part in [bytes[..<header], bytes[footer..<end], bytes[end..<end + 16]] {
            part.withUnsafeBytes { ccrypto_sha256_update(&state, $0.baseAddress, $0.count) }
        }
        var digest = [UInt8](repeating: 0, count: 32)
        ccrypto_sha256_final(&state, &digest)
        bytes.replaceSubrange(end + 16..<end + 48, with: digest)
        return bytes
    }

    /// A little-endian number; one that is too large for any file counts as the largest.
    private static func number(_ bytes: [UInt8], _ place: Int, _ count: Int) -> Int {
        let value = (0..<count).reduce(UInt64(0)) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) }
        return Int(min(value, 1 << 40))
    }
}
