/// What was written to a terminal or a file, taken apart byte by byte: text that may stand there, and sequences. Whatever the
/// product does not issue itself is unexpected.
struct SequenceAudit {
    enum Surface {
        /// A file or a pipe: lines and tabs, nothing else.
        case text
        /// JSON: as text, but a base keeps all its marks, since a string is exact.
        case data
        /// A terminal that gets lines; the line discipline adds carriage returns.
        case listing
        /// A terminal with a progress line of ours: back to the start, the rest of the line cleared.
        case progress
        /// The dashboard, as ncurses draws it for xterm-256color.
        case screen
    }

    private let surface: Surface
    private(set) var unexpected: [String] = []
    /// How often each sequence came.
    private(set) var sequences: [String: Int] = [:]
    private(set) var count = 0

    init(_ bytes: [UInt8], _ surface: Surface) {
        self.surface = surface
        var rest = bytes[...]
        var marks = 0
        while let first = rest.first {
            count += 1
            if first == 0x1B {
                marks = 0
                rest = rest.dropFirst(take(sequence: rest))
                continue
            }
            let length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
            let character = rest.prefix(length)
            if let scalar = String(validating: character, as: UTF8.self)?.unicodeScalars.first {
                marks = Self.isMark(scalar) ? marks + 1 : 0
                if !isAllowed(scalar) || marks > 4 && surface != .data {
                    note("U+\(String(scalar.value, radix: 16, uppercase: true))", bytes, rest)
                }
                rest = rest.dropFirst(length)
            } else {
                note("byte \(String(first, radix: 16))", bytes, rest)
                rest = rest.dropFirst()
            }
        }
    }

    private mutating func note(_ what: String, _ bytes: [UInt8], _ rest: ArraySlice<UInt8>) {
        let around = bytes[max(0, rest.startIndex - 30)..<min(bytes.count, rest.startIndex + 30)]
        unexpected.append("\(what) in \(String(decoding: around, as: UTF8.self).debugDescription)")
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .spacingMark: scalar.value >= 0x300
        default: false
        }
    }

    private func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\n": return true
        case "\t": return surface == .text || surface == .listing
        case "\r": return surface != .text && surface != .data
        case "\u{8}", "\u{E}", "\u{F}": return surface == .screen
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return false
        default: return !scalar.properties.isDefaultIgnorableCodePoint
        }
    }

    // MARK: - Sequences

    /// The length of the sequence at the start.
    private mutating func take(sequence bytes: ArraySlice<UInt8>) -> Int {
        var length = min(2, bytes.count)
        if bytes.count > 1 {
            switch bytes[bytes.startIndex + 1] {
            case UInt8(ascii: "["):
                while length < bytes.count, !(0x40...0x7E).contains(bytes[bytes.startIndex + length]) { length += 1 }
                length = min(bytes.count, length + 1)
            case UInt8(ascii: "("), UInt8(ascii: ")"): length = min(3, bytes.count)
            default: break
            }
        }
        let text = String(decoding: bytes.prefix(length).dropFirst(), as: UTF8.self)
        sequences[text, default: 0] += 1
        if !isAllowed(text) { note("ESC \(text)", Array(bytes), bytes) }
        return length
    }

    private func isAllowed(_ sequence: String) -> Bool {
        switch surface {
        case .text, .data, .listing: return false
        case .progress: return sequence == "[K"
        case .screen: break
        }
        if ["(B", "(0", "=", ">", "7", "8", "[22;0;0t", "[23;0;0t", "[4l", "[!p"].contains(sequence) { return true }
        guard sequence.hasPrefix("["), let final = sequence.last else { return false }
        let body = sequence.dropFirst().dropLast()
        if body.hasPrefix("?") {
            let modes = body.dropFirst().split(separator: ";").map { Int($0) ?? -1 }
            return "hl".contains(final) && modes.allSatisfy { [1, 7, 12, 25, 1000, 1002, 1003, 1004, 1006, 1049, 2004].contains($0) }
        }
        let numbers = body.split(separator: ";", omittingEmptySubsequences: false).map { $0.isEmpty ? 0 : Int($0) ?? -1 }
        if final == "m" { return numbers.allSatisfy(Self.looks.contains) }
        return "ABCDGHJKLMPSTXZ@bdr".contains(final) && numbers.allSatisfy { (0...999).contains($0) }
    }

    /// Bold, dim, underlined, reversed, their ends, and the sixteen colours.
    private static let looks = Set(
        [0, 1, 2, 4, 7, 22, 24, 27, 39, 49] + Array(30...37) + Array(40...47) + Array(90...97) + Array(100...107))
}
