import CYaml

/// What libyaml found wrong with the text, and what to tell a person about it.
struct YAMLComplaint {
    private let problem: String
    private let context: String
    /// Where it was noticed, and where the thing began in which it was noticed.
    private let offset: Int
    private let contextOffset: Int

    init(_ parser: yaml_parser_t, offsets: ScalarOffsets) {
        problem = parser.problem.map { String(cString: $0) } ?? "it cannot be read"
        context = parser.context.map { String(cString: $0) } ?? ""
        offset = offsets[parser.problem_mark.index]
        contextOffset = offsets[parser.context_mark.index]
    }

    /// The byte to point at, and what would be right.
    func explanation(in text: FileText) -> (offset: Int, message: String) {
        if let message = tabComplaint(in: text) { return message }
        switch problem {
        case "found character that cannot start any token":
            return (offset, "a value cannot begin with \(character(in: text)); put the value in quotes")
        case "did not find expected alphabetic or numeric character":
            let sign = context.hasSuffix("alias") ? "*" : "&"
            return (contextOffset, "a value cannot begin with \(sign); put it in quotes, such as \"*/15 * * * *\"")
        case "mapping values are not allowed in this context":
            return (
                offset,
                "a second \":\" in the line, or too deep an indentation; put a value that holds \": \" in quotes, "
                    + "and begin keys of one mapping in one column"
            )
        case "could not find expected ':'":
            return (contextOffset, "a key without \":\"; write \"key: value\", or indent the line if it goes on")
        case "did not find expected key":
            return (
                offset,
                "this fits nowhere; begin all keys of one mapping in one column, and put quotes around the whole of a "
                    + "value that begins with a quote or a bracket"
            )
        case "did not find expected '-' indicator":
            return (offset, "this fits nowhere; begin all \"-\" of one list in one column")
        case "did not find expected ',' or '}'":
            return (contextOffset, "\"{\" without its \"}\"; close it, and put commas between the entries")
        case "did not find expected ',' or ']'":
            return (
                contextOffset,
                "\"[\" without its \"]\"; close it, and put commas between the entries. A text that begins with \"[\" "
                    + "needs quotes"
            )
        case "found unexpected end of stream", "found unexpected document indicator":
            return (contextOffset, "a quote that is never closed; add the closing quote")
        default: return rare(in: text)
        }
    }

    private func rare(in text: FileText) -> (offset: Int, message: String) {
        switch problem {
        case "found unknown escape character", "did not find expected hexdecimal number",
            "found invalid Unicode character escape code":
            (offset, "an unknown escape after \"\\\"; write \\\\ for a backslash, or use single quotes")
        case "block sequence entries are not allowed in this context":
            (offset, "\"-\" cannot begin here; begin a list on a line of its own, or write it as [a, b]")
        case "did not find expected comment or line break" where context.hasSuffix("block scalar"):
            (offset, "text behind \"|\" or \">\"; begin the text on the next line, or put the value in quotes")
        case "did not find expected <document start>":
            (offset, "this fits nowhere; the file is one mapping of \"key: value\", begin its keys in column 1")
        case "did not find expected node content":
            (offset, "a value is missing here; remove the comma or write the value")
        default:
            (offset, "this cannot be read as YAML: \(problem)")
        }
    }

    /// Tabs look like indentation and are none.
    private func tabComplaint(in text: FileText) -> (offset: Int, message: String)? {
        let indentation = text.bytes[text.lineStart(of: offset)..<min(text.bytes.count, offset + 1)]
        let isTab = offset < text.bytes.count && text.bytes[offset] == 0x09
        guard isTab || problem.contains("tab character") || indentation.allSatisfy({ $0 == 0x09 || $0 == 0x20 }),
            let tab = text.bytes[text.lineStart(of: offset)..<text.lineEnd(of: offset)].firstIndex(of: 0x09)
        else { return nil }
        return (tab, "a tab; indent with spaces")
    }

    private func character(in text: FileText) -> String {
        guard offset < text.bytes.count else { return "this" }
        return "\"" + String(decoding: text.bytes[offset...offset], as: UTF8.self) + "\""
    }
}
