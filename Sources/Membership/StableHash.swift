/// The one hash of this module: it orders every state file, cuts snapshots into partitions and checks blocks.
///
/// It is a folded 64 × 64 → 128 bit product in the manner of wyhash, with the fraction digits of π as constants.
/// Files depend on it, so **it never changes**; `CodingTests` pins it with vectors of an independent implementation.
/// It is not keyed and resists no adversary: colliding ids cost time, never truth, because equal hashes are always
/// told apart by their bytes.
///
/// With `k` the four constants, `fold(a, b)` = high ⊕ low half of `a · b`, words little-endian and `n` the length:
/// ```
/// seed = k3 ⊕ n
/// while more than 64 bytes are left: l0…l3 (at first k0…k3) take 64 bytes,
///     l[i] = fold(w[2i] ⊕ k[i], w[2i+1] ⊕ l[i])
/// after at least one such step: seed = fold(seed ⊕ l0, l1 ⊕ k2) ⊕ fold(l2 ⊕ k0, l3 ⊕ k1)
/// while more than 16 bytes are left: seed = fold(w[0] ⊕ k1, w[1] ⊕ seed)
/// a, b = first and last word of what is left (8 bytes or more), first and last four bytes (4…7),
///        or first, middle, last byte in one and zero (1…3), or zeros (0)
/// (high, low) = (a ⊕ k1) · (b ⊕ seed);   hash = fold(low ⊕ k0 ⊕ n, high ⊕ k1)
/// ```
/// A packed UUID is hashed as its 16 bytes with `n` = 0, so that it never shares a formula with 16 raw bytes.
package enum StableHash {
    /// The four constants of a hash. Two sets make two hashes that share no constant.
    struct Constants {
        var k0: UInt64, k1: UInt64, k2: UInt64, k3: UInt64

        /// Of the hash that orders and checks.
        @inline(__always) static var order: Constants {
            Constants(
                k0: 0x243F_6A88_85A3_08D3, k1: 0x1319_8A2E_0370_7344, k2: 0xA409_3822_299F_31D0,
                k3: 0x082E_FA98_EC4E_6C89)
        }

        /// Of the second hash, which together with the first makes the 128 bits that `MemberSum` adds up.
        @inline(__always) static var companion: Constants {
            Constants(
                k0: 0x4528_21E6_38D0_1377, k1: 0xBE54_66CF_34E9_0C6C, k2: 0xC0AC_29B7_C97C_50DD,
                k3: 0x3F84_D5B5_B547_0917)
        }
    }

    /// The hash of a packed UUID, given as its first and last eight bytes.
    @inline(__always)
    static func ofPacked(_ first: UInt64, _ last: UInt64, _ k: Constants = .order) -> UInt64 {
        finish(first, last, seed: k.k3, count: 0, k)
    }

    /// The hash of bytes, as it stands in a file's index.
    package static func ofBytes(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        bytes.baseAddress.map { ofBytes($0, bytes.count) } ?? 0
    }

    /// The hash of `count` bytes.
    static func ofBytes(_ start: UnsafeRawPointer, _ count: Int, _ k: Constants = .order) -> UInt64 {
        let length = UInt64(truncatingIfNeeded: count)
        var next = start
        var left = count
        var seed = k.k3 ^ length
        if left > 64 {
            seed = striped(&next, &left, seed: seed, k)
        }
        while left > 16 {
            seed = fold(word(next) ^ k.k1, word(next + 8) ^ seed)
            next += 16
            left -= 16
        }
        if left >= 8 {
            return finish(word(next), word(next + left - 8), seed: seed, count: length, k)
        }
        if left >= 4 {
            return finish(half(next), half(next + left - 4), seed: seed, count: length, k)
        }
        if left > 0 {
            let first = UInt64(next.load(as: UInt8.self))
            let middle = UInt64(next.load(fromByteOffset: left >> 1, as: UInt8.self))
            let last = UInt64(next.load(fromByteOffset: left - 1, as: UInt8.self))
            return finish(first << 16 | middle << 8 | last, 0, seed: seed, count: length, k)
        }
        return finish(0, 0, seed: seed, count: length, k)
    }

    private static func striped(
        _ next: inout UnsafeRawPointer, _ left: inout Int, seed: UInt64, _ k: Constants
    ) -> UInt64 {
        var (l0, l1, l2, l3) = (k.k0, k.k1, k.k2, k.k3)
        repeat {
            l0 = fold(word(next) ^ k.k0, word(next + 8) ^ l0)
            l1 = fold(word(next + 16) ^ k.k1, word(next + 24) ^ l1)
            l2 = fold(word(next + 32) ^ k.k2, word(next + 40) ^ l2)
            l3 = fold(word(next + 48) ^ k.k3, word(next + 56) ^ l3)
            next += 64
            left -= 64
        } while left > 64
        return fold(seed ^ l0, l1 ^ k.k2) ^ fold(l2 ^ k.k0, l3 ^ k.k1)
    }

    @inline(__always)
    private static func finish(
        _ a: UInt64, _ b: UInt64, seed: UInt64, count: UInt64, _ k: Constants
    ) -> UInt64 {
        let product = (a ^ k.k1).multipliedFullWidth(by: b ^ seed)
        return fold(product.low ^ k.k0 ^ count, product.high ^ k.k1)
    }

    @inline(__always)
    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    @inline(__always)
    private static func word(_ at: UnsafeRawPointer) -> UInt64 {
        UInt64(littleEndian: at.loadUnaligned(as: UInt64.self))
    }

    @inline(__always)
    private static func half(_ at: UnsafeRawPointer) -> UInt64 {
        UInt64(UInt32(littleEndian: at.loadUnaligned(as: UInt32.self)))
    }
}
