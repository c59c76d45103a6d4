import Dashboard

/// What the probe shows beside its counter.
enum Sample {
    /// Wide, combined and hopeless text; each piece stands between bars, so that a wrong width shows.
    static func wide(_ frame: inout Frame) {
        frame.put([("|", 1), ("中", 2), ("文", 2), ("字", 2), ("|", 1), ("한", 2), ("글", 2), ("|", 1)], 5)
        frame.put([("|", 1), ("😀", 2), ("🚀", 2), ("|", 1), ("e\u{301}", 1), ("n\u{303}", 1), ("|", 1)], 6)
        let family = "👨\u{200D}👩\u{200D}👧"
        frame.put([("|", 1), (family, 2), ("👍🏽", 2), ("|", 1), ("▁", 1), ("█", 1), ("●", 1), ("|", 1)], 7)
        // Control characters, halves and characters without a width become question marks.
        frame.put([("|", 1), ("\u{1B}", 1), ("\u{7}", 1), ("\n", 1), ("\u{202E}", 1), ("\u{85}", 1), ("|", 1)], 8)
        frame[9, 0] = Cell("中")
        frame[9, 1] = Cell("|")
        frame[9, frame.width - 1] = Cell("中")
    }

    /// Rows as a dashboard has them, the current one in reverse over its whole width.
    static func list(_ frame: inout Frame, current: Int) {
        for row in 0..<9 {
            let style = Style(reverse: row == current)
            let text = Array("  big-spenders-\(row)    ok       in 2m48s     57m   2.1s   41,802    +12     -3")
            for column in 0..<frame.width {
                frame[row + 11, column] = Cell(column < text.count ? String(text[column]) : " ", style)
            }
        }
    }

    /// Rows of which no cell stays the same.
    static func full(_ frame: inout Frame, _ count: Int) {
        for row in 5..<max(5, frame.height - 1) {
            for column in 0..<frame.width { frame[row, column] = Cell(String((count + row * 7 + column * 3) % 10)) }
        }
    }

    static func styles(_ frame: inout Frame) {
        for color in Color.allCases {
            let column = Int(color.rawValue) * 2
            frame[5, column] = Cell("f", Style(foreground: color))
            frame[6, column] = Cell("b", Style(background: color))
            frame[7, column] = Cell("x", Style(foreground: color, background: .blue, bold: true))
        }
        frame[8, 0] = Cell("B", Style(bold: true))
        frame[8, 1] = Cell("D", Style(dim: true))
        frame[8, 2] = Cell("R", Style(reverse: true))
        frame[8, 3] = Cell("U", Style(underlined: true))
        frame[8, 4] = Cell("p")
    }
}

extension Frame {
    mutating func put(_ text: String, _ row: Int) {
        for (column, character) in text.enumerated() { self[row, column] = Cell(String(character)) }
    }

    mutating func put(_ pieces: [(text: String, width: Int)], _ row: Int) {
        var column = 0
        for piece in pieces {
            self[row, column] = Cell(piece.text)
            if piece.width == 2 { self[row, column + 1] = Cell("") }
            column += piece.width
        }
    }
}
