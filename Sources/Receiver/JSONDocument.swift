import Glibc

/// A JSON text taken apart into a flat list of nodes, in the order of the text.
///
/// An object's node is followed by its members, each a string node (the key) and the nodes of its value; an array's by
/// its elements. Nothing is copied or decoded until it is asked for, so that a batch of 1,000 messages costs one
/// allocation. Made by ``init(parsing:)``, which accepts exactly RFC 8259 with valid UTF-8 and bounded nesting.
package struct JSONDocument: Sendable {
    /// What a node is.
    package enum Kind: UInt8, Sendable {
        case object, array, string, number, yes, no, null
    }

    /// One value, or one key.
    package struct Node: Sendable {
        /// Where the value's text starts. For a string: after the quote.
        var start: UInt32
        /// Bytes of its text. For a string: without the quotes, escapes as written.
        var length: UInt32
        /// Index of the node after this one and everything inside it.
        var next: UInt32
        package internal(set) var kind: Kind
        /// Whether a string has escapes to decode.
        var hasEscapes: Bool
    }

    /// The text.
    package let bytes: [UInt8]
    /// The nodes; the first is the whole value.
    package let nodes: [Node]

    /// Takes `text` apart.
    ///
    /// - Throws: ``JSONFault`` with the position of the first byte that is wrong.
    package init(parsing text: [UInt8]) throws(JSONFault) {
        guard text.count < Int(UInt32.max) else { throw JSONFault(position: Int(UInt32.max), problem: .tooLong) }
        bytes = text
        let scanned = text.withUnsafeBufferPointer { (text) -> Result<[Node], JSONFault> in
            var scanner = JSONScanner(text)
            do throws(JSONFault) {
                return .success(try scanner.scan())
            } catch {
                return .failure(error)
            }
        }
        nodes = try scanned.get()
    }

    /// The kind of the node at `index`.
    package func kind(_ index: Int) -> Kind { nodes[index].kind }

    /// Bytes that the value takes in the text; a string's without its quotes.
    package func length(_ index: Int) -> Int { Int(nodes[index].length) }

    /// The index after the node at `index` and everything in it.
    package func end(_ index: Int) -> Int { Int(nodes[index].next) }

    /// Calls `body` with the indices of each key and its value, in order. Repeated keys come repeatedly.
    package func forEachMember(of object: Int, _ body: (_ key: Int, _ value: Int) -> Void) {
        guard nodes[object].kind == .object else { return }
        let end = end(object)
        var key = object + 1
        while key < end {
            body(key, key + 1)
            key = self.end(key + 1)
        }
    }

    /// Calls `body` with the index of each element, in order.
    package func forEachElement(of array: Int, _ body: (_ element: Int) -> Void) {
        guard nodes[array].kind == .array else { return }
        let end = end(array)
        var element = array + 1
        while element < end {
            body(element)
            element = self.end(element)
        }
    }

    /// The value of the last member of that name; nil when there is none or `object` is no object.
    package func member(_ name: StaticString, of object: Int) -> Int? {
        var found: Int?
        forEachMember(of: object) { key, value in
            if string(key, equals: name) { found = value }
        }
        return found
    }

    /// Whether the string at `index`, decoded, is exactly `text`.
    package func string(_ index: Int, equals text: StaticString) -> Bool {
        let node = nodes[index]
        if !node.hasEscapes {
            guard Int(node.length) == text.utf8CodeUnitCount else { return false }
        }
        return withString(index) {
            Self.areEqual($0, UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }
    }

    /// Whether the string at `index`, decoded, is exactly `bytes`.
    func string(_ index: Int, equals bytes: [UInt8]) -> Bool {
        withString(index) { decoded in bytes.withUnsafeBufferPointer { Self.areEqual(decoded, $0) } }
    }

    private static func areEqual(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        guard let left = left.baseAddress, let start = right.baseAddress else { return true }
        return memcmp(left, start, right.count) == 0
    }

    /// The string at `index` decoded to UTF-8.
    package func string(_ index: Int) -> [UInt8] {
        withString(index) { Array($0) }
    }

    /// Lends the decoded bytes of the string at `index`, without a copy when it has no escapes.
    package func withString<R>(_ index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        guard nodes[index].hasEscapes else { return withText(index, body) }
        let decoded = withText(index) { JSONEscapes.decode($0).bytes }
        return decoded.withUnsafeBufferPointer(body)
    }

    /// Lends the text of the value at `index` as it was written; a string's without quotes, escapes not decoded.
    package func withText<R>(_ index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        let node = nodes[index]
        return bytes.withUnsafeBufferPointer { text in
            body(UnsafeBufferPointer(rebasing: text[Int(node.start)..<Int(node.start) + Int(node.length)]))
        }
    }

    /// Whether the string at `index` escapes half of a surrogate pair, which no UTF-8 can say.
    package func hasLoneSurrogate(_ index: Int) -> Bool {
        nodes[index].hasEscapes && withText(index) { JSONEscapes.decode($0).hasLoneSurrogate }
    }
}

/// Why a text is no JSON.
package struct JSONFault: Error, Sendable, Equatable {
    package enum Problem: String, Sendable {
        case tooLong = "longer than 4 GiB"
        case endsEarly = "the text ends early"
        case unexpectedByte = "unexpected byte"
        case badString = "control character or bad escape in a string"
        case badUTF8 = "invalid UTF-8"
        case badNumber = "malformed number"
        case tooDeep = "nested more than 512 deep"
        case trailingBytes = "more text after the value"
    }

    /// Offset of the first byte that is wrong.
    package var position: Int
    package var problem: Problem
}

/// Escapes of JSON strings.
enum JSONEscapes {
    /// Decodes a string whose escapes were checked by ``JSONScanner``. Half a surrogate pair becomes U+FFFD, as in Go's
    /// `encoding/json`, which Segment's API is written in.
    static func decode(_ text: UnsafeBufferPointer<UInt8>) -> (bytes: [UInt8], hasLoneSurrogate: Bool) {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var hasLoneSurrogate = false
        var position = 0
        while position < text.count {
            let byte = text[position]
            guard byte == UInt8(ascii: "\\"), position + 1 < text.count else {
                decoded.append(byte)
                position += 1
                continue
            }
            let escape = text[position + 1]
            position += 2
            guard escape == UInt8(ascii: "u") else {
                decoded.append(plainEscape(escape))
                continue
            }
            var scalar = codeUnit(text, at: position)
            position += 4
            if scalar & 0xFC00 == 0xD800, position + 6 <= text.count, text[position] == UInt8(ascii: "\\"),
                text[position + 1] == UInt8(ascii: "u") {
                let low = codeUnit(text, at: position + 2)
                if low & 0xFC00 == 0xDC00 {
                    scalar = 0x10000 + ((scalar & 0x3FF) << 10) + (low & 0x3FF)
                    position += 6
                }
            }
            if scalar & 0xFFFF_F800 == 0xD800 { hasLoneSurrogate = true }
            decoded.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
        }
        return (decoded, hasLoneSurrogate)
    }

    private static func plainEscape(_ escape: UInt8) -> UInt8 {
        switch escape {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: escape
        }
    }

    /// The four hexadecimal digits at `position`.
    private static func codeUnit(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> UInt32 {
        guard position + 4 <= text.count else { return 0xFFFD }
        var value: UInt32 = 0
        for offset in 0..<4 {
            value = value << 4 | UInt32(hexDigit(text[position + offset]) ?? 0)
        }
        return value
    }

    /// The value of a hexadecimal digit of either case.
    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
