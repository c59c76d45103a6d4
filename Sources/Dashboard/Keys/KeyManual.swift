extension KeyTable {
    /// The keys as a fragment of the man page (mdoc), in the table's order.
    package static var manual: String {
        var lines: [String] = []
        for group in KeyGroup.allCases {
            let rows = bindings.filter { $0.group == group && !$0.keys.isEmpty }
            guard !rows.isEmpty else { continue }
            lines += [".Ss \(group.rawValue)", ".Bl -tag -width Ds"]
            for row in rows {
                let keys = row.keys.map { escaped($0.label(ascii: true)) }.joined(separator: " , ")
                lines.append(".It Ic \(keys)")
                var text = escaped(row.title)
                if row.context == .rejects { text += " (on Rejects)" }
                if let command = row.command { text += "; command: " + escaped(command) }
                lines.append(text + ".")
            }
            lines.append(".El")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\e"
            case ".", "'": result += "\\&" + String(character)
            case "-": result += "\\-"
            default: result.append(character)
            }
        }
        return result
    }
}
