import CCrypto

/// SHA-256 fed piece by piece.
struct SHA256 {
    private var state = ccrypto_sha256()

    init() {
        ccrypto_sha256_init(&state)
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        ccrypto_sha256_update(&state, bytes.baseAddress, bytes.count)
    }

    mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The 32 bytes of everything so far. Feeding may go on.
    func digest() -> [UInt8] {
        var copy = state
        var digest = [UInt8](repeating: 0, count: 32)
        ccrypto_sha256_final(&copy, &digest)
        return digest
    }
}
