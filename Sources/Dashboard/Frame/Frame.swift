/// A whole screen as values: what a screen makes, and what feeds ncurses, golden tests, dumps and `--plain`.
package struct Frame: Hashable, Sendable {
    package let width: Int
    package let height: Int
    /// Row by row, `width` cells each.
    package private(set) var cells: [Cell]
    /// Where the terminal's cursor is shown; nil hides it.
    package var cursor: Position?

    package struct Position: Hashable, Sendable {
        package var row: Int
        package var column: Int

        package init(row: Int, column: Int) {
            self.row = row
            self.column = column
        }
    }

    package init(width: Int, height: Int) {
        self.width = max(0, width)
        self.height = max(0, height)
        cells = Array(repeating: .blank, count: self.width * self.height)
    }

    /// Reading outside gives a blank; writing outside changes nothing.
    package subscript(row: Int, column: Int) -> Cell {
        get {
            (0..<height).contains(row) && (0..<width).contains(column) ? cells[row * width + column] : .blank
        }
        set {
            guard (0..<height).contains(row), (0..<width).contains(column) else { return }
            cells[row * width + column] = newValue
        }
    }

    /// The screen as plain text, trailing blanks of each line removed.
    package var text: String {
        (0..<height).map { row in
            var line = (0..<width).map { self[row, $0].text }.joined()
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
