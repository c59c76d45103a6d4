/// A name or id compared byte by byte. `String` takes different bytes for equal when they are canonically the same.
package struct ByteText: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package static func == (left: ByteText, right: ByteText) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    package static func < (left: ByteText, right: ByteText) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }

    package var description: String { text }

    /// Whether every byte is printable ASCII, so that what is read is what it is.
    var isPlain: Bool { text.utf8.allSatisfy { (0x20..<0x7F).contains($0) } }

    /// How long an id is and which bytes it has, where it may look like another one: `7 bytes, not all ASCII: 6d c3 bc …`.
    var unusualBytes: String? {
        guard !isPlain else { return nil }
        let shown = text.utf8.prefix(24).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        let rest = text.utf8.count > shown.count ? " and more" : ""
        return "\(text.utf8.count) bytes, not all ASCII: \(shown.joined(separator: " "))\(rest)"
    }
}
