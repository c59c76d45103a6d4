import CCrypto

/// Digests in hexadecimal, for signatures and for telling addresses apart.
enum Signature {
    /// HMAC-SHA256 (RFC 2104) of `bytes` under `key`, 64 lower-case hexadecimal digits.
    static func hmac(_ bytes: [UInt8], key: [UInt8]) -> String {
        var mac = [UInt8](repeating: 0, count: 32)
        ccrypto_hmac_sha256(key, key.count, bytes, bytes.count, &mac)
        return hex(mac)
    }

    /// SHA-256 of `bytes`.
    static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var state = ccrypto_sha256()
        ccrypto_sha256_init(&state)
        ccrypto_sha256_update(&state, bytes, bytes.count)
        var digest = [UInt8](repeating: 0, count: 32)
        ccrypto_sha256_final(&state, &digest)
        return digest
    }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
