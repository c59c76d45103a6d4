/// Reads a JSON text once, from left to right, and notes its nodes. It never recurses, so that nesting costs no stack.
struct JSONScanner {
    /// Deeper nesting is refused. Go's decoder, and so Segment's API, stops at 10,000; no real message comes near.
    static let depthLimit = 512

    private let text: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var nodes: [JSONDocument.Node] = []
    /// Indices of the containers that are open.
    private var open: [Int] = []

    init(_ text: UnsafeBufferPointer<UInt8>) {
        self.text = text
        nodes.reserveCapacity(text.count / 14 + 8)
    }

    /// All nodes of the text.
    mutating func scan() throws(JSONFault) -> [JSONDocument.Node] {
        skipWhitespace()
        try scanValue()
        while let container = open.last {
            skipWhitespace()
            try step(in: container)
        }
        skipWhitespace()
        guard position == text.count else { throw fault(.trailingBytes) }
        return nodes
    }

    // MARK: - Structure

    /// One member, one element, or the end of the innermost open container.
    private mutating func step(in container: Int) throws(JSONFault) {
        let isObject = nodes[container].kind == .object
        let isFirst = nodes.count == container + 1
        guard position < text.count else { throw fault(.endsEarly) }
        if text[position] == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
            position += 1
            close(container)
            return
        }
        if !isFirst {
            guard text[position] == UInt8(ascii: ",") else { throw fault(.unexpectedByte) }
            position += 1
            skipWhitespace()
        }
        if isObject {
            guard position < text.count else { throw fault(.endsEarly) }
            guard text[position] == UInt8(ascii: "\"") else { throw fault(.unexpectedByte) }
            try scanString()
            skipWhitespace()
            guard position < text.count else { throw fault(.endsEarly) }
            guard text[position] == UInt8(ascii: ":") else { throw fault(.unexpectedByte) }
            position += 1
            skipWhitespace()
        }
        try scanValue()
    }

    private mutating func close(_ container: Int) {
        nodes[container].length = UInt32(truncatingIfNeeded: position) &- nodes[container].start
        nodes[container].next = UInt32(truncatingIfNeeded: nodes.count)
        open.removeLast()
    }

    private mutating func scanValue() throws(JSONFault) {
        guard position < text.count else { throw fault(.endsEarly) }
        switch text[position] {
        case UInt8(ascii: "\""): try scanString()
        case UInt8(ascii: "{"): try openContainer(.object)
        case UInt8(ascii: "["): try openContainer(.array)
        case UInt8(ascii: "t"): try scanWord("true", .yes)
        case UInt8(ascii: "f"): try scanWord("false", .no)
        case UInt8(ascii: "n"): try scanWord("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try scanNumber()
        default: throw fault(.unexpectedByte)
        }
    }

    private mutating func openContainer(_ kind: JSONDocument.Kind) throws(JSONFault) {
        guard open.count < Self.depthLimit else { throw fault(.tooDeep) }
        open.append(nodes.count)
        note(kind, from: position, length: 0)
        position += 1
    }

    private mutating func note(
        _ kind: JSONDocument.Kind, from start: Int, length: Int, hasEscapes: Bool = false
    ) {
        nodes.append(JSONDocument.Node(
            start: UInt32(truncatingIfNeeded: start), length: UInt32(truncatingIfNeeded: length),
            next: UInt32(truncatingIfNeeded: nodes.count &+ 1), kind: kind, hasEscapes: hasEscapes))
    }

    private mutating func skipWhitespace() {
        while position < text.count {
            switch text[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    private func fault(_ problem: JSONFault.Problem) -> JSONFault {
        JSONFault(position: position, problem: problem)
    }

    // MARK: - Words and numbers

    private mutating func scanWord(_ word: StaticString, _ kind: JSONDocument.Kind) throws(JSONFault) {
        let count = word.utf8CodeUnitCount
        guard text.count - position >= count else { throw fault(.endsEarly) }
        for offset in 0..<count where text[position + offset] != word.utf8Start[offset] {
            throw fault(.unexpectedByte)
        }
        note(kind, from: position, length: count)
        position += count
    }

    private mutating func scanNumber() throws(JSONFault) {
        let start = position
        if text[position] == UInt8(ascii: "-") { position += 1 }
        if position < text.count, text[position] == UInt8(ascii: "0") {
            position += 1
        } else {
            try scanDigits()
        }
        if position < text.count, text[position] == UInt8(ascii: ".") {
            position += 1
            try scanDigits()
        }
        if position < text.count, text[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < text.count, text[position] == UInt8(ascii: "+") || text[position] == UInt8(ascii: "-") {
                position += 1
            }
            try scanDigits()
        }
        note(.number, from: start, length: position - start)
    }

    private mutating func scanDigits() throws(JSONFault) {
        let start = position
        while position < text.count, text[position] >= UInt8(ascii: "0"), text[position] <= UInt8(ascii: "9") {
            position += 1
        }
        guard position > start else { throw fault(.badNumber) }
    }

    // MARK: - Strings

    private mutating func scanString() throws(JSONFault) {
        position += 1
        let start = position
        var hasEscapes = false
        while true {
            skipPlainText()
            guard position < text.count else { throw fault(.endsEarly) }
            switch text[position] {
            case UInt8(ascii: "\""):
                note(.string, from: start, length: position - start, hasEscapes: hasEscapes)
                position += 1
                return
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try scanEscape()
            case 0x80...:
                try scanMultibyte()
            case ..<0x20:
                throw fault(.badString)
            default:
                position += 1
            }
        }
    }

    /// Skips ASCII without quotes, backslashes and control characters, eight bytes at a time.
    private mutating func skipPlainText() {
        let highBits: UInt64 = 0x8080_8080_8080_8080
        let ones: UInt64 = 0x0101_0101_0101_0101
        let start = UnsafeRawPointer(text.baseAddress)
        while let start, text.count - position >= 8 {
            let word = start.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let special = (word &- (ones &* 0x20)) | (quote &- ones) | (backslash &- ones) | word
            // A borrow can mark a byte wrongly, never leave one unmarked: the caller looks at single bytes then.
            guard special & highBits == 0 else { break }
            position += 8
        }
        while position < text.count {
            let byte = text[position]
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return }
            position += 1
        }
    }

    private mutating func scanEscape() throws(JSONFault) {
        guard text.count - position >= 2 else { throw fault(.endsEarly) }
        switch text[position + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 2
        case UInt8(ascii: "u"):
            guard text.count - position >= 6 else { throw fault(.endsEarly) }
            for offset in 2..<6 where JSONEscapes.hexDigit(text[position + offset]) == nil { throw fault(.badString) }
            position += 6
        default:
            throw fault(.badString)
        }
    }

    /// One character of two to four bytes, in its shortest form, no surrogate, at most U+10FFFF (RFC 3629).
    private mutating func scanMultibyte() throws(JSONFault) {
        let first = text[position]
        let (count, second): (Int, ClosedRange<UInt8>) =
            switch first {
            case 0xC2...0xDF: (2, 0x80...0xBF)
            case 0xE0: (3, 0xA0...0xBF)
            case 0xED: (3, 0x80...0x9F)
            case 0xE1...0xEF: (3, 0x80...0xBF)
            case 0xF0: (4, 0x90...0xBF)
            case 0xF1...0xF3: (4, 0x80...0xBF)
            case 0xF4: (4, 0x80...0x8F)
            default: (0, 0x80...0xBF)
            }
        guard count > 0, text.count - position >= count, second.contains(text[position + 1]) else {
            throw fault(.badUTF8)
        }
        for offset in 2..<max(count, 2) where text[position + offset] & 0xC0 != 0x80 { throw fault(.badUTF8) }
        position += count
    }
}
