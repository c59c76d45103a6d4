/// Looks into an answer's body for the little that decides. Every body is hostile: nothing here recurses, and nothing
/// takes longer than a pass over its bytes.
enum AnswerBody {
    /// Whether a JSON object says `"success": false` or `"ok": false` at its top level. Broken JSON is read up to where
    /// it breaks.
    static func deniesSuccess(_ body: [UInt8]) -> Bool {
        var scan = Scan(body)
        scan.skipByteOrderMark()
        scan.skipSpace()
        guard scan.take(0x7B) else { return false }
        var depth = 1
        while depth > 0, let byte = scan.next() {
            switch byte {
            case 0x22:
                guard let text = scan.restOfString() else { return false }
                guard depth == 1, text.elementsEqual("success".utf8) || text.elementsEqual("ok".utf8) else { continue }
                scan.skipSpace()
                guard scan.take(0x3A) else { continue }
                scan.skipSpace()
                if scan.takeFalse() { return true }
            case 0x7B, 0x5B: depth += 1
            case 0x7D, 0x5D: depth -= 1
            default: break
            }
        }
        return false
    }

    /// Whether it is a page for people, such as a proxy's or a captive portal's: markup at its beginning, or anywhere
    /// when its type says so. `ok` under a wrong type is no page.
    static func isHTML(_ body: [UInt8], contentType: String?) -> Bool {
        let type = contentType?.lowercased() ?? ""
        if type.hasPrefix("text/html") || type.hasPrefix("application/xhtml") { return body.contains(0x3C) }
        var scan = Scan(body)
        scan.skipByteOrderMark()
        scan.skipSpace()
        let start = String(decoding: scan.rest.prefix(512), as: UTF8.self).lowercased()
        guard start.hasPrefix("<") else { return false }
        if start.hasPrefix("<?xml") {
            return start.split(separator: "<").contains { $0.hasPrefix("html") }
        }
        let tags = [
            "!doctype html", "!--", "html", "head", "body", "title", "meta", "script", "div", "h1", "p>", "center",
        ]
        return tags.contains { start.dropFirst().hasPrefix($0) }
    }

    /// Segment answers an oversized batch with a 400 and these words.
    static func saysPayloadTooLarge(_ body: [UInt8]) -> Bool {
        String(decoding: body.prefix(4096), as: UTF8.self).lowercased().contains("exceed payload limit")
    }

    /// A position in the bytes that only moves forward.
    private struct Scan {
        private(set) var rest: ArraySlice<UInt8>

        init(_ bytes: [UInt8]) { rest = bytes[...] }

        mutating func next() -> UInt8? { rest.popFirst() }

        mutating func take(_ byte: UInt8) -> Bool {
            guard rest.first == byte else { return false }
            rest.removeFirst()
            return true
        }

        mutating func skipSpace() {
            while let byte = rest.first, byte == 0x20 || (0x09...0x0D).contains(byte) { rest.removeFirst() }
        }

        mutating func skipByteOrderMark() {
            if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest.removeFirst(3) }
        }

        /// The text up to the closing quote, escapes as they are; nil when there is none.
        mutating func restOfString() -> ArraySlice<UInt8>? {
            let start = rest
            while let byte = rest.popFirst() {
                if byte == 0x22 { return start[..<(rest.startIndex - 1)] }
                if byte == 0x5C { _ = rest.popFirst() }
            }
            return nil
        }

        /// `false`, or `"false"` as some servers write it.
        mutating func takeFalse() -> Bool {
            rest.starts(with: "false".utf8) || rest.starts(with: "\"false\"".utf8)
        }
    }
}
