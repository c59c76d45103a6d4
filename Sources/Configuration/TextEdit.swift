/// A range of a text's bytes and what takes its place. An empty range inserts.
struct TextEdit: Equatable {
    var range: Range<Int>
    var replacement: [UInt8]

    init(_ range: Range<Int>, _ replacement: String) {
        self.range = range
        self.replacement = Array(replacement.utf8)
    }

    static func insert(_ text: String, at offset: Int) -> TextEdit { TextEdit(offset..<offset, text) }

    /// The bytes with all edits made. They must not overlap; those at one offset are made in their order.
    static func apply(_ edits: [TextEdit], to bytes: [UInt8]) -> [UInt8] {
        let ordered = edits.enumerated().sorted {
            ($0.element.range.lowerBound, $0.offset) < ($1.element.range.lowerBound, $1.offset)
        }
        var result: [UInt8] = []
        var position = 0
        for edit in ordered.map(\.element) {
            result += bytes[position..<max(position, edit.range.lowerBound)]
            result += edit.replacement
            position = max(position, edit.range.upperBound)
        }
        return result + bytes[position...]
    }
}

/// Edits of a mapping's entries, in whichever style the mapping is written.
struct MappingRewrite {
    let cohort: EditedCohort
    /// The mapping.
    let node: YAMLNode

    private var text: FileText { cohort.parsed.text }

    /// Adds entries behind the last one.
    /// - Parameter entries: keys with their values as written.
    func append(_ entries: [(key: String, value: String)]) throws(ConfigurationEditError) -> [TextEdit] {
        guard !entries.isEmpty else { return [] }
        let written = entries.map { "\($0.key): \($0.value)" }
        guard let last = node.pairs?.last else { return [TextEdit(node.bytes, "{\(written.joined(separator: ", "))}")] }
        let end = last.value.bytes.upperBound
        if node.isFlow { return [.insert(written.map { ", " + $0 }.joined(), at: end)] }
        let indentation = try indentation()
        let newline = String(decoding: text.newline(at: end), as: UTF8.self)
        return [.insert(written.map { newline + indentation + $0 }.joined(), at: text.lineEnd(of: end))]
    }

    /// Adds an entry before the first one.
    func prepend(_ key: String, _ value: String) throws(ConfigurationEditError) -> TextEdit {
        guard let first = node.pairs?.first else { return TextEdit(node.bytes, "{\(key): \(value)}") }
        let start = first.key.bytes.lowerBound
        if node.isFlow { return .insert("\(key): \(value), ", at: start) }
        let newline = String(decoding: text.newline(at: start), as: UTF8.self)
        return .insert("\(key): \(value)\(newline)\(try indentation())", at: start)
    }

    /// Puts another value behind a key. What is not on one line is not rewritten.
    func replace(_ pair: YAMLPair, with value: String) throws(ConfigurationEditError) -> TextEdit {
        try requireOneLine(pair.value, of: pair)
        return TextEdit(pair.value.bytes, value)
    }

    /// Takes an entry out, or nil when a comment would go with it.
    func remove(_ pair: YAMLPair) -> TextEdit? {
        guard let pairs = node.pairs,
            let index = pairs.firstIndex(where: { $0.key.bytes == pair.key.bytes })
        else { return nil }
        let range: Range<Int>
        if pairs.count == 1 {
            guard node.isFlow else { return nil }
            range = node.bytes.lowerBound + 1..<node.bytes.upperBound - 1
        } else if index == 0 {
            range = pair.key.bytes.lowerBound..<pairs[1].key.bytes.lowerBound
        } else if node.isFlow {
            range = pairs[index - 1].value.bytes.upperBound..<pair.value.bytes.upperBound
        } else {
            return removeLine(pair)
        }
        let around =
            Array(text.bytes[range.lowerBound..<max(range.lowerBound, pair.key.bytes.lowerBound)])
            + text.bytes[pair.value.bytes.upperBound..<max(pair.value.bytes.upperBound, range.upperBound)]
        guard !around.contains(UInt8(ascii: "#")), !(node.isFlow && around.contains(0x0A)) else { return nil }
        return TextEdit(range, "")
    }

    /// Takes an entry of a block mapping out with its lines; nil when it shares them with a comment.
    func removeLine(_ pair: YAMLPair) -> TextEdit? {
        let start = text.lineStart(of: pair.key.bytes.lowerBound)
        let end = text.lineEnd(of: pair.value.bytes.upperBound)
        let behind = text.bytes[pair.value.bytes.upperBound..<end]
        guard start > 0, !node.isFlow, behind.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else { return nil }
        return TextEdit(text.lineEnd(of: start - 1)..<end, "")
    }

    func requireOneLine(_ value: YAMLNode, of pair: YAMLPair) throws(ConfigurationEditError) {
        if case .scalar(_, .block) = value.content {
            throw cohort.refusal(value.place, "\(name(pair)) is written as a block text; edit the file by hand")
        }
        guard !text.bytes[value.bytes].contains(0x0A) else {
            throw cohort.refusal(value.place, "\(name(pair)) goes over several lines; edit the file by hand")
        }
    }

    private func name(_ pair: YAMLPair) -> String { quoted(pair.key.text ?? "") }

    /// The blanks before the keys of a block mapping.
    private func indentation() throws(ConfigurationEditError) -> String {
        guard let first = node.pairs?.first?.key else { return "" }
        let blanks = text.bytes[text.lineStart(of: first.bytes.lowerBound)..<first.bytes.lowerBound]
        guard blanks.allSatisfy({ $0 == 0x20 }) else {
            throw cohort.refusal(first.place, "a mapping that begins within a line; edit the file by hand")
        }
        return String(decoding: blanks, as: UTF8.self)
    }
}
