import Scheduling

/// Moving, marking, sorting: what happens to lists.
extension DashboardModel {
    /// How many rows of the list in front are on the screen.
    var pageHeight: Int { max(1, ScreenLayout(self).rows?.height ?? 1) }

    mutating func move(by step: Int) {
        guard let kind = currentList else { return }
        refresh(kind)
        move(to: list(kind).index + step)
    }

    mutating func move(to index: Int) {
        guard let kind = currentList else { return }
        refresh(kind)
        guard var list = lists[kind], list.rows.count > 0 else { return }
        list.isTouched = true
        list.index = min(max(0, index), list.rows.count - 1)
        list.selected = list.rows[list.index].flatMap { key(kind, $0) }
        if kind.isStream {
            let follows = list.index == list.rows.count - 1 && index >= list.index
            if list.follows, !follows { list.seenEnd = allRows(kind).upperBound }
            list.follows = follows
        }
        lists[kind] = list
        if list.rangeAnchor != nil { markRange(kind) }
        keepInView(kind)
    }

    /// Scrolls as little as shows the selected row.
    mutating func keepInView(_ kind: ListKind) {
        guard var list = lists[kind] else { return }
        list.top = Self.top(of: list, height: pageHeight)
        lists[kind] = list
    }

    /// The first row to show, so that the selected one is on the screen and no room is wasted.
    static func top(of list: ListState, height: Int) -> Int {
        let height = max(1, height)
        var top = min(list.top, list.index)
        top = max(top, list.index - height + 1)
        return max(0, min(top, list.rows.count - height))
    }

    // MARK: - Marks

    mutating func toggleMark() {
        guard let kind = currentList else { return }
        refresh(kind)
        guard var list = lists[kind], let row = list.rows[list.index], let key = key(kind, row) else { return }
        if list.marks.remove(key) == nil { list.marks.insert(key) }
        lists[kind] = list
        move(by: 1)
    }

    mutating func toggleRange() {
        guard let kind = currentList else { return }
        refresh(kind)
        guard var list = lists[kind], let row = list.rows[list.index], let key = key(kind, row) else { return }
        if list.rangeAnchor != nil {
            list.rangeAnchor = nil
        } else {
            list.rangeAnchor = key
            list.marks.insert(key)
        }
        lists[kind] = list
    }

    private mutating func markRange(_ kind: ListKind) {
        guard var list = lists[kind], let anchor = list.rangeAnchor,
            let start = (0..<list.rows.count).first(where: { list.rows[$0].flatMap { key(kind, $0) } == anchor })
        else { return }
        for index in min(start, list.index)...max(start, list.index) {
            if let key = list.rows[index].flatMap({ key(kind, $0) }) { list.marks.insert(key) }
        }
        lists[kind] = list
    }

    mutating func markAll() {
        guard let kind = currentList else { return }
        refresh(kind)
        guard var list = lists[kind] else { return }
        let keys = (0..<list.rows.count).compactMap { list.rows[$0].flatMap { key(kind, $0) } }
        if !keys.isEmpty, keys.allSatisfy(list.marks.contains) {
            list.marks = []
        } else {
            list.marks.formUnion(keys)
        }
        lists[kind] = list
        say("\(NumberText.counted(list.marks.count, "row")) marked")
    }

    // MARK: - Order and columns

    mutating func sort(_ kind: ListKind, by column: String, descending: Bool? = nil) {
        guard var list = lists[kind] else { return }
        let isSame = list.sort?.column == column
        let isDescending = descending ?? (isSame ? !(list.sort?.isDescending ?? false) : false)
        list.sort = SortOrder(column: column, isDescending: isDescending)
        list.isStale = true
        if kind.isStream { list.follows = false }
        lists[kind] = list
    }

    mutating func shiftSort(by step: Int) {
        guard let kind = currentList else { return }
        let columns = Columns.all(of: kind).filter(\.isSortable)
        guard !columns.isEmpty else { return }
        let current = columns.firstIndex { $0.id == list(kind).sort?.column } ?? (step > 0 ? -1 : 0)
        sort(kind, by: columns[(current + step + columns.count) % columns.count].id, descending: false)
    }

    mutating func invertSort() {
        guard let kind = currentList, let sort = list(kind).sort else { return }
        self.sort(kind, by: sort.column, descending: !sort.isDescending)
    }

    mutating func shiftColumn(by step: Int) {
        guard let kind = currentList else { return }
        let columns = Columns.all(of: kind).filter { !list(kind).hiddenColumns.contains($0.id) }
        guard !columns.isEmpty else { return }
        let current = columns.firstIndex { $0.id == list(kind).column } ?? 0
        let column = columns[min(max(0, current + step), columns.count - 1)].id
        lists[kind]?.column = column
    }

    // MARK: - Matches

    /// To the next row that passes the filter in force, or the latest one.
    mutating func nextMatch(_ step: Int) {
        guard let kind = currentList else { return }
        refresh(kind)
        let list = list(kind)
        let filter = list.filter.isEmpty ? list.lastFilter : list.filter
        guard !filter.isEmpty else { return say("nothing to find: / filters first") }
        let count = list.rows.count
        guard count > 0 else { return }
        for offset in 1...count {
            let index = ((list.index + step * offset) % count + count) % count
            if let row = list.rows[index], filter.matches(fields(kind, row)) { return move(to: index) }
        }
        say("no other match")
    }

    mutating func toggleFollow() {
        guard let kind = currentList, kind.isStream else { return }
        refresh(kind)
        lists[kind]?.follows.toggle()
        if list(kind).follows {
            move(to: list(kind).rows.count)
        } else {
            let end = allRows(kind).upperBound
            lists[kind]?.seenEnd = end
        }
    }
}
