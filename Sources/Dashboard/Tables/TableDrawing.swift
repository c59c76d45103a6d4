import Scheduling

extension Painter {
    /// Draws a list: a line of headings, then as many rows as fit.
    mutating func table(_ kind: ListKind, _ model: DashboardModel, in region: Region, isFocused: Bool = true) {
        guard region.height > 0, region.width > 4 else { return }
        let list = model.list(kind)
        let fitted = FittedColumns(
            kind, width: region.width - 4, hidden: list.hiddenColumns, favourite: list.column).columns
        headings(fitted, list, region)
        let rows = region.height - 1
        let top = DashboardModel.top(of: list, height: rows)
        for offset in 0..<max(0, rows) {
            guard let row = list.rows[top + offset] else { break }
            draw(kind, row, model, list, fitted, region, offset: offset, isSelected: top + offset == list.index && isFocused)
        }
        if list.rows.count == 0, rows > 0 {
            let text = list.filter.isEmpty ? emptyText(kind, model) : "nothing passes the filter \(list.filter.text)"
                + (list.filter.unknownKey.map { "; there is no key \($0):, only \(Filter.keys.joined(separator: ": ")):" } ?? "")
            put(text, row: region.row + 1, column: region.column + 3, width: region.width - 3, role: .dim)
        }
    }

    private func emptyText(_ kind: ListKind, _ model: DashboardModel) -> String {
        switch kind {
        case .syncs, .wall: model.hasSnapshot ? "no syncs" : "waiting for the engine \(glyphs.ellipsis)"
        case .runs, .cohortRuns: "no run yet"
        case .fires: "nothing will fire: every schedule is manual or paused"
        case .events, .runEvents: "no event yet"
        case .userEvents: model.shown.user.isEmpty ? "" : "never entered or left anything"
        case .destinations: "no destination"
        case .rejects: "no rejects wait"
        case .logs: "nothing was logged yet"
        case .members: "nobody"
        }
    }

    private mutating func headings(_ columns: [(column: Column, width: Int)], _ list: ListState, _ region: Region) {
        var place = region.column + 3
        for (column, width) in columns {
            var title = column.title
            if list.sort?.column == column.id {
                title += list.sort?.isDescending == true ? glyphs.down : glyphs.up
            }
            put(
                title, row: region.row, column: place, width: width,
                role: list.column == column.id ? .heading : .dim, align: column.align)
            place += width + 1
        }
    }

    private mutating func draw(
        _ kind: ListKind, _ row: Int, _ model: DashboardModel, _ list: ListState,
        _ columns: [(column: Column, width: Int)], _ region: Region, offset: Int, isSelected: Bool
    ) {
        let line = region.row + 1 + offset
        if isSelected { put(glyphs.cursor, row: line, column: region.column, width: 1, role: .strong) }
        if let glyph = model.glyph(kind, row, glyphs) {
            put(glyph.text, row: line, column: region.column + 1, width: 1, role: glyph.role)
        }
        if !list.marks.isEmpty, let key = model.key(kind, row), list.marks.contains(key) {
            put(glyphs.mark, row: line, column: region.column + 2, width: 1, role: .strong)
        }
        var place = region.column + 3
        for (column, width) in columns {
            let span = model.cell(kind, row, column, width: width, &self)
            put(span.text, row: line, column: place, width: width, role: span.role, align: column.align)
            place += width + 1
        }
        // Only the first cell is reversed: a row of colours would be lost, and a step costs few bytes over a slow line.
        if isSelected, let first = columns.first {
            let text = model.cell(kind, row, first.column, width: first.width, &self).text
            let width = first.column.align == .left ? min(first.width, max(1, self.columns(of: text))) : first.width
            restyle(row: line, column: region.column, width: 3 + width, role: .selected)
        }
    }
}
