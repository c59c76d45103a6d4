/// The canonical text of a UUID, 36 characters `8-4-4-4-12` in lower-case hex, to 16 bytes and back.
///
/// Eight digits are handled at a time within one 64-bit word, because half the work of a large sync is done here.
enum CanonicalUUID {
    /// Length of the text in bytes.
    static let textCount = 36

    /// The 16 bytes that 36 bytes of text name, as two little-endian words; nil unless the text is canonical.
    @inline(__always)
    static func packed(_ text: UnsafeRawPointer) -> (first: UInt64, last: UInt64)? {
        let w0 = word(text)
        let w1 = half(text + 9) | half(text + 14) << 32
        let w2 = half(text + 19) | half(text + 24) << 32
        let w3 = word(text + 28)
        let dashes =
            UInt32(text.load(fromByteOffset: 8, as: UInt8.self))
            | UInt32(text.load(fromByteOffset: 13, as: UInt8.self)) << 8
            | UInt32(text.load(fromByteOffset: 18, as: UInt8.self)) << 16
            | UInt32(text.load(fromByteOffset: 23, as: UInt8.self)) << 24
        var wrong = UInt64(dashes ^ 0x2D2D_2D2D)
        let d0 = digits(w0, &wrong)
        let d1 = digits(w1, &wrong)
        let d2 = digits(w2, &wrong)
        let d3 = digits(w3, &wrong)
        guard wrong == 0 else { return nil }
        return (d0 | d1 << 32, d2 | d3 << 32)
    }

    /// Writes the 36 bytes of text that two little-endian words stand for.
    static func write(_ first: UInt64, _ last: UInt64, to text: UnsafeMutableRawPointer) {
        let t0 = letters(first & 0xFFFF_FFFF)
        let t1 = letters(first >> 32)
        let t2 = letters(last & 0xFFFF_FFFF)
        let t3 = letters(last >> 32)
        store(t0, text)
        store(dash, text + 8)
        store(t1 & 0xFFFF_FFFF, text + 9)
        store(dash, text + 13)
        store(t1 >> 32, text + 14)
        store(dash, text + 18)
        store(t2 & 0xFFFF_FFFF, text + 19)
        store(dash, text + 23)
        store(t2 >> 32, text + 24)
        store(t3, text + 28)
    }

    private static let dash: UInt64 = 0x2D

    /// Eight hex digits as characters to four bytes. Sets bits of `wrong` for anything but `0…9` and `a…f`.
    @inline(__always)
    private static func digits(_ text: UInt64, _ wrong: inout UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let letter = (text >> 6) & ones
        let value = (text & (ones &* 0x0F)) &+ letter &* 9
        // The high nibble is 3 for a digit and 6 for a letter; a value of ten or more goes with a letter only, and
        // none is above fifteen.
        wrong |= (text & (ones &* 0xF0)) ^ (ones &* 0x30 &+ letter &* 0x30)
        wrong |= (((value &+ ones &* 0x76) >> 7) & ones) ^ letter
        wrong |= value & (ones &* 0x10)
        var bytes = ((value << 4) | (value >> 8)) & 0x00FF_00FF_00FF_00FF
        bytes = (bytes | bytes >> 8) & 0x0000_FFFF_0000_FFFF
        return (bytes | bytes >> 16) & 0xFFFF_FFFF
    }

    /// Four bytes to eight hex digits as characters.
    @inline(__always)
    private static func letters(_ bytes: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var spread = (bytes | bytes << 16) & 0x0000_FFFF_0000_FFFF
        spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
        let value = ((spread >> 4) & 0x000F_000F_000F_000F) | ((spread & 0x000F_000F_000F_000F) << 8)
        let letter = ((value &+ ones &* 6) >> 4) & ones
        return value &+ ones &* 0x30 &+ letter &* 0x27
    }

    @inline(__always)
    private static func word(_ at: UnsafeRawPointer) -> UInt64 {
        UInt64(littleEndian: at.loadUnaligned(as: UInt64.self))
    }

    @inline(__always)
    private static func half(_ at: UnsafeRawPointer) -> UInt64 {
        UInt64(UInt32(littleEndian: at.loadUnaligned(as: UInt32.self)))
    }

    /// Stores the eight bytes of a word. Later stores overwrite what is too much; the last one ends at byte 36.
    @inline(__always)
    private static func store(_ word: UInt64, _ at: UnsafeMutableRawPointer) {
        at.storeBytes(of: word.littleEndian, as: UInt64.self)
    }
}
