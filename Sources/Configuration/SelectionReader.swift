/// Reads which rows of its source a cohort is.
enum SelectionReader {
    /// The keys of a cohort that belong to each kind of source.
    static let keys: [(kind: String, keys: [String])] = [
        ("amplitude", []),
        ("csv", ["file", "column", "delimiter", "header"]),
        ("sqlite", ["query", "table", "column"]),
        ("postgres", ["query", "table", "column"]),
        ("command", ["command", "column"]),
    ]

    /// - Parameters:
    ///   - source: the source's key, when it is known.
    ///   - kind: its kind, when that is known too.
    static func read(_ fields: Fields, source: String?, kind: String?) -> Selection? {
        guard let source, let kind, let own = keys.first(where: { $0.kind == kind })?.keys else {
            fields.allowOnly(unique(CohortReader.keys + keys.flatMap(\.keys)))
            return nil
        }
        fields.allowOnly(CohortReader.keys + own) { key in
            guard keys.contains(where: { $0.keys.contains(key) }) else { return nil }
            let right = own.isEmpty ? "it takes the cohort's id from \"id\"" : "it takes \(listed(own))"
            return "\(quoted(key)) of \(fields.owner) does not belong to a source of kind \(kind), which "
                + "\(quoted(source)) is; \(right)"
        }
        switch kind {
        case "amplitude": return .amplitude
        case "csv": return file(fields)
        case "command": return command(fields)
        default: return rows(fields)
        }
    }

    private static func unique(_ names: [String]) -> [String] {
        names.enumerated().filter { !names[..<$0.offset].contains($0.element) }.map(\.element)
    }

    private static func file(_ fields: Fields) -> Selection? {
        let column = fields.text("column")
        let delimiter = delimiter(fields)
        let header = fields.boolean("header")
        guard let path = fields.requiredText("file", example: "vips.csv"), let node = fields["file"] else { return nil }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard !path.hasPrefix("/"), !parts.contains("..") else {
            fields.log.add(
                node.place,
                "\"file\" of \(fields.owner) leaves the source's directory; name a file within it, without \"..\"")
            return nil
        }
        return .file(path: path, column: column, delimiter: delimiter, hasHeader: header)
    }

    private static func delimiter(_ fields: Fields) -> UInt8? {
        guard let node = fields["delimiter"] else { return nil }
        // A tab is a control character, which texts otherwise must not hold.
        if node.text == "\t" || node.text == "tab" { return 0x09 }
        guard let text = fields.text("delimiter") else { return nil }
        let bytes = Array(text.utf8)
        let isPunctuation = bytes.count == 1 && (0x20..<0x7F).contains(bytes[0]) && bytes[0] != UInt8(ascii: "\"")
        guard isPunctuation, !text.allSatisfy({ $0.isLetter || $0.isNumber }) else {
            fields.log.add(
                node.place,
                "\"delimiter\" of \(fields.owner) must be one character such as \",\" \";\" \"|\", or tab, not "
                    + quoted(text))
            return nil
        }
        return bytes[0]
    }

    private static func rows(_ fields: Fields) -> Selection? {
        let query = fields.text("query", multiline: true)
        let table = fields.text("table")
        let column = fields.text("column")
        if fields["query"] != nil {
            for key in ["table", "column"] where fields[key] != nil {
                let place = fields.pairs.first { $0.key.text == key }?.key.place ?? fields.place
                fields.log.add(
                    place, "\(fields.owner) has both \"query\" and \"\(key)\"; keep the query, or table and column")
            }
            return query.map { .query($0) }
        }
        guard fields["table"] != nil || fields["column"] != nil else {
            fields.log.add(
                fields.place,
                "\(fields.owner) says not whom it holds; add \"query: SELECT user_id FROM …\", or table and column")
            return nil
        }
        if fields["table"] == nil { fields.missing("table", example: "users") }
        if fields["column"] == nil { fields.missing("column", example: "user_id") }
        guard let table, let column else { return nil }
        return .table(table, column: column)
    }

    private static func command(_ fields: Fields) -> Selection? {
        let column = fields.text("column")
        if fields["command"] == nil { fields.missing("command", example: "[./members.sh, --active]") }
        guard let node = fields["command"] else { return nil }
        // Arguments may be empty, and may hold newlines; only a NUL cannot be passed to a program.
        if let items = node.items, let program = items.first?.text, !program.isEmpty {
            let texts = items.compactMap { item in item.plainText == "" ? nil : item.text }
            if texts.count == items.count, !texts.contains(where: { $0.utf8.contains(0) }) {
                return .command(texts, column: column)
            }
        }
        fields.log.add(
            node.place,
            "\"command\" of \(fields.owner) must be a list of the program and its arguments, such as "
                + "[./members.sh, --active]; no shell runs it")
        return nil
    }
}
