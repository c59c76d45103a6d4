/// Judges whether bytes are well-formed UTF-8 (Unicode 16, table 3-7): no overlong forms, no surrogates, nothing above
/// U+10FFFF, nothing cut short. NUL and unassigned code points are fine: an id is bytes, not a word.
enum UTF8Text {
    static func isValid(_ start: UnsafeRawPointer, _ count: Int) -> Bool {
        let end = start + count
        var next = start
        while next < end {
            if end - next >= 8, next.loadUnaligned(as: UInt64.self) & 0x8080_8080_8080_8080 == 0 {
                next += 8
                continue
            }
            let lead = next.load(as: UInt8.self)
            if lead < 0x80 {
                next += 1
                continue
            }
            guard let length = sequence(lead, next, left: end - next) else { return false }
            next += length
        }
        return true
    }

    /// Length of the well-formed sequence that starts with the non-ASCII `lead`; nil when there is none.
    private static func sequence(_ lead: UInt8, _ at: UnsafeRawPointer, left: Int) -> Int? {
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE, 0xEF: length = 3
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return nil
        }
        guard left >= length, second.contains(at.load(fromByteOffset: 1, as: UInt8.self)) else { return nil }
        for offset in 2..<max(2, length) where at.load(fromByteOffset: offset, as: UInt8.self) & 0xC0 != 0x80 {
            return nil
        }
        return length
    }
}
