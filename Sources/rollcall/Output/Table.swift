import TerminalText

/// A plain table: a header, columns padded to their widest cell, numbers to the right.
struct Table {
    enum Alignment {
        case left, right
    }

    private var columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    /// Longest cell in a table for people; a plain one has whole cells.
    private static let widest = 80

    init(_ columns: [(String, Alignment)]) {
        self.columns = columns.map { ($0.0, $0.1) }
    }

    /// Cells are made printable here.
    mutating func add(_ cells: [String]) {
        rows.append(cells.map { PrintableText.of($0) })
    }

    /// - Parameter isPlain: cells separated by one tab, no header: for scripts and screen readers.
    func print(isPlain: Bool) {
        if isPlain {
            for row in rows { Output.line(row.joined(separator: "\t")) }
            return
        }
        guard !rows.isEmpty else { return }
        let rows = rows.map { row in
            row.map { $0.count > Self.widest ? String($0.prefix(Self.widest - 1)) + "…" : $0 }
        }
        let widths = columns.indices.map { index in
            max(columns[index].title.count, rows.map { $0[index].count }.max() ?? 0)
        }
        line(columns.map(\.title), widths)
        for row in rows { line(row, widths) }
    }

    private func line(_ cells: [String], _ widths: [Int]) {
        var text = ""
        for (index, cell) in cells.enumerated() {
            let padding = String(repeating: " ", count: widths[index] - cell.count)
            if index > 0 { text += "  " }
            text += columns[index].alignment == .right ? padding + cell : cell + padding
        }
        while text.last == " " { text.removeLast() }
        Output.line(text)
    }
}
