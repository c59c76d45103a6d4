import TerminalText

/// A place on the screen.
struct Region: Hashable, Sendable {
    var row: Int
    var column: Int
    var width: Int
    var height: Int

    /// What is left inside a border.
    var inside: Region {
        Region(row: row + 1, column: column + 2, width: max(0, width - 4), height: max(0, height - 2))
    }

    var bottom: Int { row + height }
}

/// Text with one look.
struct Span: Hashable, Sendable {
    var text: String
    var role: Role

    init(_ text: String, _ role: Role = .normal) {
        self.text = text
        self.role = role
    }
}

/// Draws text into a frame. All text passes the sanitiser here and nowhere else, so no screen can forget it.
struct Painter {
    private(set) var frame: Frame
    var ticker: Ticker
    let theme: Theme
    let glyphs: Glyphs
    /// Whether everything is drawn dim, because it may be out of date.
    var isFaded = false

    enum Alignment: Sendable {
        case left, right
    }

    init(width: Int, height: Int, ticker: Ticker, theme: Theme, glyphs: Glyphs) {
        frame = Frame(width: width, height: height)
        self.ticker = ticker
        self.theme = theme
        self.glyphs = glyphs
    }

    var width: Int { frame.width }
    var height: Int { frame.height }

    /// Writes text into a field of cells, cut with an ellipsis when it does not fit.
    /// - Returns: the columns that the text took.
    @discardableResult
    mutating func put(
        _ text: String, row: Int, column: Int, width: Int, role: Role = .normal, align: Alignment = .left
    ) -> Int {
        guard width > 0, row >= 0, row < frame.height else { return 0 }
        let limit = min(width, frame.width - column)
        guard limit > 0 else { return 0 }
        let style = style(role)
        let clusters = fitted(text, width: limit)
        let taken = clusters.reduce(0) { $0 + $1.width }
        var place = align == .left ? column : column + limit - taken
        for cluster in clusters {
            set(row, place, Cell(cluster.text, style))
            if cluster.width == 2 { set(row, place + 1, Cell("", style)) }
            place += cluster.width
        }
        return taken
    }

    /// Overwriting one half of a wide character takes the other half away.
    private mutating func set(_ row: Int, _ column: Int, _ cell: Cell) {
        let old = frame[row, column]
        if old.text.isEmpty, !cell.text.isEmpty, column > 0 { frame[row, column - 1].text = " " }
        if !old.text.isEmpty, frame[row, column + 1].text.isEmpty { frame[row, column + 1].text = " " }
        frame[row, column] = cell
    }

    /// Text as it is shown: sanitised, split into cells, cut to a width.
    private func fitted(_ text: String, width: Int) -> [DisplayWidth.Cluster] {
        // A cell holds at most five scalars, so what lies far beyond the field need not be looked at.
        let near = text.utf8.count > width * 24 ? String(text.unicodeScalars.prefix(width * 6)) : text
        let clusters = DisplayWidth.clusters(of: PrintableText.of(near, ascii: glyphs.isASCII))
        if clusters.reduce(0, { $0 + $1.width }) <= width { return clusters }
        var kept: [DisplayWidth.Cluster] = []
        var used = 0
        for cluster in clusters {
            if used + cluster.width > width - 1 { break }
            kept.append(cluster)
            used += cluster.width
        }
        kept.append(DisplayWidth.Cluster(text: glyphs.ellipsis, width: 1))
        return kept
    }

    /// Writes pieces one after the other.
    @discardableResult
    mutating func put(_ spans: [Span], row: Int, column: Int, width: Int) -> Int {
        var used = 0
        for span in spans where used < width {
            used += put(span.text, row: row, column: column + used, width: width - used, role: span.role)
        }
        return used
    }

    /// Writes a whole line of a region.
    mutating func line(_ spans: [Span], _ offset: Int, in region: Region) {
        guard offset >= 0, offset < region.height else { return }
        put(spans, row: region.row + offset, column: region.column, width: region.width)
    }

    mutating func line(_ text: String, _ offset: Int, in region: Region, role: Role = .normal) {
        line([Span(text, role)], offset, in: region)
    }

    /// Gives cells that are already drawn another look.
    mutating func restyle(row: Int, column: Int, width: Int, role: Role) {
        guard width > 0 else { return }
        for place in column..<(column + width) {
            var style = frame[row, place].style
            let other = theme.style(role)
            style.isReverse = style.isReverse || other.isReverse
            style.isBold = style.isBold || other.isBold
            style.isUnderlined = style.isUnderlined || other.isUnderlined
            frame[row, place].style = style
        }
    }

    mutating func clear(_ region: Region) {
        for row in region.row..<max(region.row, region.bottom) {
            for column in region.column..<max(region.column, region.column + region.width) {
                set(row, column, .blank)
            }
        }
    }

    /// A line across the region with a title at its left and a note at its right.
    mutating func rule(_ title: String, note: String = "", row: Int, in region: Region, isFocused: Bool = false) {
        let line = String(repeating: glyphs.horizontal, count: region.width)
        let role: Role = isFocused ? .focusedBorder : .border
        put(line, row: row, column: region.column, width: region.width, role: role)
        headings(title, note, row: row, column: region.column + 1, width: region.width - 2)
    }

    private mutating func headings(_ title: String, _ note: String, row: Int, column: Int, width: Int) {
        let noteWidth = DisplayWidth.of(PrintableText.of(note, ascii: glyphs.isASCII)) + 2
        let titleWidth = DisplayWidth.of(PrintableText.of(title, ascii: glyphs.isASCII)) + 2
        let room = note.isEmpty || titleWidth + noteWidth + 2 > width ? width : width - noteWidth - 1
        if !title.isEmpty, room > 4 {
            put(" \(title) ", row: row, column: column, width: room, role: .title)
        }
        if room < width { put(" \(note) ", row: row, column: column + width - noteWidth, width: noteWidth, role: .dim) }
    }

    /// A frame around a region with a title and a note in its upper edge; what was inside is cleared.
    mutating func box(_ region: Region, title: String, note: String = "", isFocused: Bool = false) {
        guard region.width >= 2, region.height >= 2 else { return }
        clear(region)
        let role: Role = isFocused ? .focusedBorder : .border
        let edge = isFocused && glyphs.isASCII ? "=" : glyphs.horizontal
        let line = String(repeating: edge, count: region.width - 2)
        let (top, bottom) = (region.row, region.bottom - 1)
        put(glyphs.topLeft + line + glyphs.topRight, row: top, column: region.column, width: region.width, role: role)
        put(
            glyphs.bottomLeft + line + glyphs.bottomRight, row: bottom, column: region.column, width: region.width,
            role: role)
        for row in (top + 1)..<max(top + 1, bottom) {
            put(glyphs.vertical, row: row, column: region.column, width: 1, role: role)
            put(glyphs.vertical, row: row, column: region.column + region.width - 1, width: 1, role: role)
        }
        headings(title, note, row: top, column: region.column + 2, width: region.width - 4)
    }

    mutating func showCursor(row: Int, column: Int) {
        guard (0..<height).contains(row), (0..<width).contains(column) else { return }
        frame.cursor = Frame.Position(row: row, column: column)
    }

    /// How many columns a text takes when drawn.
    func columns(of text: String) -> Int {
        DisplayWidth.of(PrintableText.of(text, ascii: glyphs.isASCII))
    }

    private func style(_ role: Role) -> Style {
        var style = theme.style(role)
        if isFaded, !style.isReverse {
            style.isDim = true
            style.isBold = false
        }
        return style
    }
}
