/// Makes pasted bytes into text for one line: nothing in it acts.
enum PasteText {
    /// Line ends and tabs become one space each, other control characters vanish, and bytes that are no UTF-8 show as
    /// U+FFFD.
    static func of(_ bytes: [UInt8]) -> String {
        var text = String.UnicodeScalarView()
        var afterReturn = false
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            switch scalar.value {
            case 0x0A where afterReturn: break
            case 0x09, 0x0A, 0x0D, 0x85, 0x2028, 0x2029: text.append(" ")
            case 0..<0x20, 0x7F..<0xA0: break
            default: text.append(scalar)
            }
            afterReturn = scalar.value == 0x0D
        }
        return String(text)
    }
}
