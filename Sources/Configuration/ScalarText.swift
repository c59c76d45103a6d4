/// Writing a text as a YAML scalar of one line.
enum ScalarText {
    /// - Parameters:
    ///   - inFlow: whether it stands between braces or brackets, where fewer texts can go without quotes.
    ///   - style: how the text was written before; kept where possible.
    /// - Returns: nil for a text that cannot be written on one line.
    static func encode(_ text: String, inFlow: Bool, style: YAMLNode.ScalarStyle = .plain) -> String? {
        guard !text.unicodeScalars.contains(where: isUnprintable) else { return nil }
        switch style {
        case .plain, .block:
            if isPlain(text, inFlow: inFlow) { return text }
            return doubleQuoted(text)
        case .singleQuoted: return singleQuoted(text)
        case .doubleQuoted: return doubleQuoted(text)
        }
    }

    /// Whether a text means itself without quotes. Stricter than YAML: what looks like anything else gets quotes.
    static func isPlain(_ text: String, inFlow: Bool) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, first != 0x20, last != 0x20, last != UInt8(ascii: ":")
        else { return false }
        guard !"-?:,[]{}#&*!|>'\"%@`".utf8.contains(first), !["null", "Null", "NULL", "~"].contains(text) else {
            return false
        }
        for (offset, byte) in bytes.enumerated() {
            let next = offset + 1 < bytes.count ? bytes[offset + 1] : 0
            if byte == UInt8(ascii: ":"), next == 0x20 || (inFlow && ",[]{}?".utf8.contains(next)) { return false }
            if byte == 0x20, next == UInt8(ascii: "#") { return false }
            if inFlow, ",[]{}".utf8.contains(byte) { return false }
            if byte < 0x20 || byte == 0x7F { return false }
        }
        return true
    }

    static func singleQuoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }

    private static func doubleQuoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }
}
