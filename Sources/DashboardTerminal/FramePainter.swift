import CNcurses
import Dashboard

/// Puts frames on the screen through ncurses, only the cells that changed. Belongs to the terminal's thread.
struct FramePainter {
    private var palette: StylePalette
    /// What the screen shows; nil after anything else may have written on it.
    private var shown: Frame?
    private var width: Int
    private var height: Int

    init(width: Int, height: Int) {
        palette = StylePalette(colors: cnc_colors())
        self.width = width
        self.height = height
    }

    mutating func resize(width: Int, height: Int) {
        self.width = width
        self.height = height
        cnc_resize(Int32(clamping: height), Int32(clamping: width))
        shown = nil
    }

    /// The next frame is painted from nothing.
    mutating func forget() {
        cnc_repaint()
        shown = nil
    }

    /// Draws a frame, cut to the screen, and has ncurses write what changes.
    mutating func paint(_ frame: Frame) {
        let old = shown.flatMap { $0.width == frame.width && $0.height == frame.height ? $0 : nil }
        if old == nil { cnc_erase() }
        for row in 0..<min(height, frame.height) {
            paint(row, of: frame, over: old)
        }
        shown = frame
        if let cursor = frame.cursor, (0..<height).contains(cursor.row), (0..<width).contains(cursor.column) {
            cnc_update(Int32(cursor.row), Int32(cursor.column))
        } else {
            cnc_update(-1, 0)
        }
    }

    private mutating func paint(_ row: Int, of frame: Frame, over old: Frame?) {
        let columns = min(width, frame.width)
        var changed: [Bool]
        if let old {
            let start = row * frame.width
            let cells = start..<(start + columns)
            // Most rows stay as they are.
            if frame.cells[cells] == old.cells[cells] { return }
            changed = cells.map { frame.cells[$0] != old.cells[$0] }
            Self.widen(&changed, row, frame, old)
        } else {
            changed = [Bool](repeating: true, count: columns)
        }
        var column = 0
        while column < columns {
            guard changed[column] else {
                column += 1
                continue
            }
            column += put(frame[row, column], row, column, columns, frame)
        }
    }

    /// Half a wide character is never written alone: where one half changes, the other is written too.
    private static func widen(_ changed: inout [Bool], _ row: Int, _ frame: Frame, _ old: Frame) {
        func isRightHalf(_ column: Int) -> Bool {
            frame[row, column].text.isEmpty || old[row, column].text.isEmpty
        }
        for column in changed.indices.dropFirst() where changed[column - 1] && isRightHalf(column) {
            changed[column] = true
        }
        for column in changed.indices.dropFirst().reversed() where changed[column] && isRightHalf(column) {
            changed[column - 1] = true
        }
    }

    /// Returns how many columns were written.
    private mutating func put(_ cell: Cell, _ row: Int, _ column: Int, _ columns: Int, _ frame: Frame) -> Int {
        let look = palette.look(of: cell.style)
        var glyph = Glyph(cell.text)
        if glyph.width == 2 && !(column + 1 < columns && frame[row, column + 1].text.isEmpty) {
            // There is no room for both halves.
            glyph = Glyph("?")
        }
        glyph.scalars.withUnsafeBufferPointer { scalars in
            cnc_put(Int32(row), Int32(column), scalars.baseAddress, Int32(scalars.count), look.attributes, look.pair)
        }
        return glyph.width
    }
}

/// What one cell can hold: a base scalar and at most four marks on it. Whatever the text of a cell is, only this
/// reaches ncurses.
struct Glyph {
    let scalars: [UInt32]
    /// 1 or 2 columns.
    let width: Int

    init(_ text: String) {
        guard let base = text.unicodeScalars.first else {
            self.init(ascii: 0x20)
            return
        }
        if base.value >= 0x20 && base.value < 0x7F && text.utf8.count == 1 {
            self.init(ascii: base.value)
            return
        }
        let columns = cnc_width(base.value)
        guard columns == 1 || columns == 2 else {
            self.init(ascii: 0x3F)
            return
        }
        var scalars = [base.value]
        for scalar in text.unicodeScalars.dropFirst() where scalars.count < 5 && Self.isMark(scalar) {
            scalars.append(scalar.value)
        }
        self.init(scalars: scalars, width: Int(columns))
    }

    private init(scalars: [UInt32], width: Int) {
        self.scalars = scalars
        self.width = width
    }

    private init(ascii: UInt32) {
        self.init(scalars: [ascii], width: 1)
    }

    /// Joiners, variation selectors and skin tones are left out: terminals disagree about them.
    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value != 0x34F, cnc_width(scalar.value) == 0, !scalar.properties.isVariationSelector else {
            return false
        }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .spacingMark: return true
        default: return false
        }
    }
}
