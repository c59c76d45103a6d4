/// Text inside JSON strings, byte for byte: only quotes, backslashes and control characters are escaped (RFC 8259 §7).
enum JSONText {
    /// The length of `text` once escaped, equal to its own when nothing has to be; nil when it is not valid UTF-8.
    @inline(__always)
    static func escapedCount(_ text: UnsafeRawBufferPointer) -> Int? {
        isPlain(text) ? text.count : measuredCount(text)
    }

    static func escape(_ text: String) -> [UInt8] {
        var text = text
        return text.withUTF8 { utf8 in
            let bytes = UnsafeRawBufferPointer(utf8)
            guard let count = measuredCount(bytes), count > 0 else { return [] }
            return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                guard let base = buffer.baseAddress else { return }
                writeEscaped(bytes, to: UnsafeMutableRawPointer(base))
                initialized = count
            }
        }
    }

    /// Writes as many bytes as ``escapedCount(_:)`` said.
    static func writeEscaped(_ text: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
        var offset = 0
        func put(_ byte: UInt8) {
            target.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
            offset += 1
        }
        for byte in text {
            if let letter = shortEscape(byte) {
                put(0x5C)
                put(letter)
            } else if byte < 0x20 {
                for piece in [0x5C, 0x75, 0x30, 0x30] as [UInt8] { put(piece) }
                put(0x30 + (byte >> 4))
                put(byte & 15 < 10 ? 0x30 + (byte & 15) : 0x57 + (byte & 15))
            } else {
                put(byte)
            }
        }
    }

    /// Whether every byte is ASCII that stands for itself; eight bytes at a time.
    @inline(__always)
    private static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        var suspicious: UInt64 = 0
        var offset = 0
        while offset + 8 <= text.count {
            let word = text.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            // Each difference has its top bit set where a byte is below 0x20, a quote or a backslash.
            suspicious |= word | ((word &- ones &* 0x20) & ~word)
            suspicious |= ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
            offset += 8
        }
        guard suspicious & tops == 0 else { return false }
        while offset < text.count {
            let byte = text[offset]
            if byte < 0x20 || byte >= 0x80 || byte == 0x22 || byte == 0x5C { return false }
            offset += 1
        }
        return true
    }

    private static func measuredCount(_ text: UnsafeRawBufferPointer) -> Int? {
        var count = 0
        var offset = 0
        while offset < text.count {
            let byte = text[offset]
            if byte < 0x80 {
                count += shortEscape(byte) != nil ? 2 : byte < 0x20 ? 6 : 1
                offset += 1
            } else {
                let length = sequenceLength(text, at: offset)
                guard length > 0 else { return nil }
                count += length
                offset += length
            }
        }
        return count
    }

    /// The length of the well-formed UTF-8 sequence of several bytes at `offset` (Unicode, table 3-7), 0 for none.
    private static func sequenceLength(_ text: UnsafeRawBufferPointer, at offset: Int) -> Int {
        let (length, second): (Int, ClosedRange<UInt8>) =
            switch text[offset] {
            case 0xC2...0xDF: (2, 0x80...0xBF)
            case 0xE0: (3, 0xA0...0xBF)
            case 0xE1...0xEC, 0xEE...0xEF: (3, 0x80...0xBF)
            case 0xED: (3, 0x80...0x9F)
            case 0xF0: (4, 0x90...0xBF)
            case 0xF1...0xF3: (4, 0x80...0xBF)
            case 0xF4: (4, 0x80...0x8F)
            default: (0, 0...0)
            }
        guard length > 0, offset + length <= text.count, second.contains(text[offset + 1]) else { return 0 }
        for index in 2..<max(2, length) where text[offset + index] & 0xC0 != 0x80 { return 0 }
        return length
    }

    private static func shortEscape(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x22, 0x5C: byte
        case 0x08: UInt8(ascii: "b")
        case 0x09: UInt8(ascii: "t")
        case 0x0A: UInt8(ascii: "n")
        case 0x0C: UInt8(ascii: "f")
        case 0x0D: UInt8(ascii: "r")
        default: nil
        }
    }
}
