/// Text from outside, such as a path, a column name or what a command printed, made safe to stand in a message.
///
/// Escape sequences, controls, invisible and direction-changing characters become visible escapes, invalid UTF-8
/// becomes `\xNN`, and what is too long is cut. Nothing is lost silently: what was changed looks changed.
enum PrintableText {
    /// Longest name or path shown whole, in characters of the result.
    static let nameLimit = 1_024

    /// - Parameter limit: number of Unicode scalars after which the text is cut and ends in `…`.
    static func from(_ bytes: some Collection<UInt8>, limit: Int = nameLimit) -> String {
        var result = String.UnicodeScalarView()
        var length = 0
        var position = bytes.startIndex
        while position != bytes.endIndex {
            if length >= limit {
                result.append("…")
                break
            }
            let (scalar, next) = scalar(in: bytes, at: position)
            if let scalar, isPlain(scalar) {
                result.append(scalar)
            } else if let scalar {
                result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            } else {
                let digits = String(bytes[position], radix: 16)
                result.append(contentsOf: ("\\x" + (digits.utf8.count < 2 ? "0" : "") + digits).unicodeScalars)
            }
            length += 1
            position = next
        }
        return String(result)
    }

    static func from(_ text: String, limit: Int = nameLimit) -> String {
        from(text.utf8, limit: limit)
    }

    /// The first line of `bytes` that is not blank, or nothing.
    static func firstLine(of bytes: [UInt8], limit: Int = 300) -> String {
        for line in bytes.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") })
        where line.contains(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) {
            return from(line, limit: limit)
        }
        return ""
    }

    /// The first few names in quotes, and how many there are when that is not all of them.
    static func list(_ names: [[UInt8]]) -> String {
        let shown = 20
        let quoted = names.prefix(shown).map { "\"\(from($0, limit: 64))\"" }
        let text = quoted.joined(separator: ", ")
        return names.count > shown ? text + " and \(names.count - shown) more" : text
    }

    /// The scalar that starts at `position`, nil when the byte there starts none; and the index behind it.
    private static func scalar<Bytes: Collection<UInt8>>(
        in bytes: Bytes, at position: Bytes.Index
    ) -> (Unicode.Scalar?, Bytes.Index) {
        var iterator = bytes[position...].prefix(4).makeIterator()
        var parser = Unicode.UTF8.ForwardParser()
        switch parser.parseScalar(from: &iterator) {
        case .valid(let encoded):
            return (Unicode.UTF8.decode(encoded), bytes.index(position, offsetBy: encoded.count))
        case .error, .emptyInput:
            return (nil, bytes.index(after: position))
        }
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x7F { return scalar.value >= 0x20 }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: return false
        default: return true
        }
    }
}
