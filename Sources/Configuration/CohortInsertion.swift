/// Adds a cohort behind the last one.
struct CohortInsertion {
    private let parsed: ParsedConfiguration

    init(_ parsed: ParsedConfiguration) {
        self.parsed = parsed
    }

    private var text: FileText { parsed.text }

    func edits(for block: String) throws(ConfigurationEditError) -> [TextEdit] {
        let lines = try unindented(block)
        guard let cohorts = parsed.root["cohorts"] else {
            guard !parsed.root.isFlow else { throw refusal(parsed.root.place) }
            let end = text.lineEnd(of: parsed.root.bytes.upperBound)
            return [.insert(written(["cohorts:"] + indented(lines, 2), at: end), at: end)]
        }
        if let last = cohorts.value.pairs?.last, let first = cohorts.value.pairs?.first {
            guard !cohorts.value.isFlow else { throw refusal(cohorts.value.place) }
            let start = first.key.bytes.lowerBound
            let end = text.lineEnd(of: last.value.bytes.upperBound)
            return [.insert(written(indented(lines, start - text.lineStart(of: start)), at: end), at: end)]
        }
        // `cohorts:` or `cohorts: {}`: the mapping begins on the next line, behind a comment.
        guard !text.bytes[cohorts.value.bytes].contains(where: { [0x0A, UInt8(ascii: "#")].contains($0) }) else {
            throw refusal(cohorts.value.place)
        }
        let end = text.lineEnd(of: cohorts.value.bytes.upperBound)
        let start = blanksBefore(cohorts.value)
        return [
            TextEdit(start..<cohorts.value.bytes.upperBound, ""),
            .insert(written(indented(lines, 2), at: end), at: end),
        ]
    }

    /// Where the blanks before a value begin.
    private func blanksBefore(_ value: YAMLNode) -> Int {
        var start = value.bytes.lowerBound
        while start > 0, text.bytes[start - 1] == 0x20 { start -= 1 }
        return value.bytes.isEmpty ? value.bytes.lowerBound : start
    }

    /// The block's lines without the indentation of its first key and without blank lines around it.
    private func unindented(_ block: String) throws(ConfigurationEditError) -> [String] {
        var lines = FileText(Array(block.utf8)).lines.map { String(decoding: $0, as: UTF8.self) }
        while lines.first?.allSatisfy({ $0 == " " }) == true { lines.removeFirst() }
        while lines.last?.allSatisfy({ $0 == " " }) == true { lines.removeLast() }
        let depth = lines.first?.prefix { $0 == " " }.count ?? 0
        for (number, line) in lines.enumerated() {
            let blanks = line.prefix { $0 == " " }.count
            guard blanks >= depth || blanks == line.count else {
                throw wrongBlock("line \(number + 1) stands further left than the cohort's key")
            }
        }
        let begun = lines.map { String($0.dropFirst(depth)) }
        guard let first = begun.first, !first.hasPrefix("#") else { throw wrongBlock("it must begin with its key") }
        return begun
    }

    private func indented(_ lines: [String], _ depth: Int) -> [String] {
        lines.map { $0.isEmpty ? "" : String(repeating: " ", count: depth) + $0 }
    }

    /// Each line behind a newline of the kind in use there.
    private func written(_ lines: [String], at offset: Int) -> String {
        let newline = String(decoding: text.newline(at: offset), as: UTF8.self)
        return lines.map { newline + $0 }.joined()
    }

    private func refusal(_ place: Place) -> ConfigurationEditError {
        .unrepresentable(
            file: parsed.file,
            ConfigurationProblem(
                line: place.line, column: place.column,
                message: "cohorts are written within braces; add the cohort by hand"))
    }

    private func wrongBlock(_ message: String) -> ConfigurationEditError {
        .invalid(
            .invalid(
                file: "new cohort", problems: [ConfigurationProblem(line: 1, column: 1, message: message)]))
    }
}
