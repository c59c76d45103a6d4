/// Makes text from outside safe to show: ids, names, server answers, paths. What could act on a terminal or deceive the
/// reader becomes a visible token; everything else stays as it is. The only way outside text reaches a screen.
package enum PrintableText {
    /// - Parameters:
    ///   - limit: at most this many characters; a cut text ends in `…`.
    ///   - ascii: whether the terminal shows ASCII only.
    ///   - keepsLayout: whether line feeds and tabs stay, for text of several lines or cells that is put together already.
    package static func of(_ text: String, limit: Int = .max, ascii: Bool = false, keepsLayout: Bool = false) -> String {
        // Nearly all text is plain, and a listing can have millions of lines.
        if text.utf8.count <= limit, text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text }
        var result = ""
        var marks = 0
        var count = 0
        for scalar in text.unicodeScalars {
            guard count < limit else { return result + (ascii ? "~" : "…") }
            if isMark(scalar) {
                // A base with hundreds of marks covers its neighbours.
                marks += 1
                if marks > 4 { continue }
            } else {
                marks = 0
                count += 1
            }
            if keepsLayout, scalar == "\n" || scalar == "\t" {
                result.unicodeScalars.append(scalar)
            } else {
                result += token(for: scalar, ascii: ascii)
            }
        }
        return result
    }

    private static func token(for scalar: Unicode.Scalar, ascii: Bool) -> String {
        switch scalar.value {
        case 0..<0x20: "^" + String(Unicode.Scalar(UInt8(scalar.value + 0x40)))
        case 0x7F: "^?"
        case 0x80..<0xA0: "\\x" + hex(scalar.value, width: 2)
        case 0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B...0x180F, 0x200B...0x200F, 0x2028...0x202E,
            0x2060...0x206F, 0x3164, 0xFE00...0xFE0F, 0xFEFF, 0xFFA0, 0xFFF0...0xFFFB, 0x1BCA0...0x1BCA3, 0x1D173...0x1D17A,
            0xE0000...0xE0FFF:
            "\\u{" + hex(scalar.value, width: 4) + "}"
        case 0x20..<0x7F: String(scalar)
        default: ascii ? "\\u{" + hex(scalar.value, width: 4) + "}" : String(scalar)
        }
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0x300 else { return false }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .spacingMark: return true
        default: return false
        }
    }

    private static func hex(_ value: UInt32, width: Int) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
