import CCrypto
import Membership

/// Derives message ids: SHA-256 over the install's random namespace, the sync, its trait, the plan's stored random id
/// and the member, cut to 128 bits and marked as a UUID of version 8 (RFC 9562). The same transition always has the
/// same id; two transitions never share one, here or in another install.
package struct MessageIdentity: Sendable {
    private var prefix = ccrypto_sha256()
    private var forked: (nonce: PlanNonce, state: ccrypto_sha256)?

    /// - Parameters:
    ///   - namespace: 16 random bytes drawn when the workspace was first used.
    package init(namespace: [UInt8], sync: SyncID, trait: String) {
        ccrypto_sha256_init(&prefix)
        for part in [namespace, Array(sync.description.utf8), Array(trait.utf8)] {
            // Lengths keep two different lists of parts from reading as the same bytes.
            withUnsafeBytes(of: UInt64(part.count).littleEndian) { length in
                ccrypto_sha256_update(&prefix, length.baseAddress, length.count)
            }
            part.withUnsafeBytes { ccrypto_sha256_update(&prefix, $0.baseAddress, $0.count) }
        }
    }

    /// The id of the message about `member` in the attempt that `nonce` stands for.
    package mutating func id(of member: UnsafeRawBufferPointer, nonce: PlanNonce) -> MessageID {
        if forked?.nonce != nonce {
            var state = prefix
            nonce.withBytes { ccrypto_sha256_update(&state, $0.baseAddress, $0.count) }
            forked = (nonce, state)
        }
        var state = forked?.state ?? prefix
        ccrypto_sha256_update(&state, member.baseAddress, member.count)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digest in
            ccrypto_sha256_final(&state, digest.baseAddress)
            let bytes = UnsafeRawBufferPointer(digest)
            var high = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
            var low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            high = (high & 0xFFFF_FFFF_FFFF_0FFF) | 0x8000
            low = (low & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
            return MessageID(high: high, low: low)
        }
    }
}
