import Control
import Scheduling

/// What a list is ordered by.
enum SortValue: Sendable {
    case number(Double)
    case text(ByteText)

    static func < (left: SortValue, right: SortValue) -> Bool {
        switch (left, right) {
        case (.number(let left), .number(let right)): left < right
        case (.text(let left), .text(let right)): left < right
        case (.number, .text): true
        case (.text, .number): false
        }
    }
}

/// Rows of every list, by their place in its array or their sequence number in its stream.
extension DashboardModel {
    func allRows(_ kind: ListKind) -> Range<Int> {
        let data = shown
        switch kind {
        case .syncs, .wall: return 0..<data.syncs.count
        case .runs, .cohortRuns: return 0..<data.runs.count
        case .fires: return 0..<data.fires.count
        case .events: return data.events.first..<data.events.end
        case .logs: return data.logs.first..<data.logs.end
        case .destinations: return 0..<data.destinations.count
        case .rejects: return 0..<data.rejects.count
        case .runEvents: return data.runStream.first..<data.runStream.end
        case .userEvents: return 0..<data.userEvents.count
        case .members: return 0..<data.members.count
        }
    }

    func key(_ kind: ListKind, _ row: Int) -> RowKey? {
        let data = shown
        switch kind {
        case .syncs, .wall: return data.syncs.indices.contains(row) ? .name(data.syncs[row].id) : nil
        case .runs, .cohortRuns: return data.runs.row(at: row).map { .name($0.id) }
        case .fires: return data.fires.indices.contains(row) ? .name(data.fires[row].id) : nil
        case .events, .logs, .runEvents, .userEvents: return .number(row)
        case .destinations:
            return data.destinations.indices.contains(row)
                ? .name(ByteText(data.destinations[row].destination)) : nil
        case .rejects: return data.rejects.indices.contains(row) ? .name(data.rejects[row].id) : nil
        case .members: return data.members.indices.contains(row) ? .name(data.members[row]) : nil
        }
    }

    /// Whether a row belongs to the list at all, whatever the filter.
    private func belongs(_ kind: ListKind, _ row: Int) -> Bool {
        guard kind == .cohortRuns, case .cohort(let sync) = screen else { return true }
        return shown.runs.row(at: row).map { ByteText($0.view.sync) == sync } ?? false
    }

    func fields(_ kind: ListKind, _ row: Int) -> FilterFields {
        let data = shown
        switch kind {
        case .syncs, .wall:
            guard data.syncs.indices.contains(row) else { break }
            return fields(of: data.syncs[row])
        case .runs, .cohortRuns:
            guard let run = data.runs.row(at: row) else { break }
            return fields(of: run.view)
        case .fires:
            guard data.fires.indices.contains(row) else { break }
            let fire = data.fires[row]
            return Self.fields([
                ("cohort", fire.cohort), ("sync", fire.syncs.joined(separator: " ")), ("schedule", fire.schedule),
                ("to", fire.syncs.joined(separator: " ")),
            ])
        case .events, .runEvents, .userEvents:
            guard let event = event(kind, row) else { break }
            return Self.fields(of: event.view)
        case .logs:
            guard let line = data.logs[row] else { break }
            return Self.fields([("level", "\(line.level)"), ("from", line.source), ("reason", line.text)])
        case .destinations:
            guard data.destinations.indices.contains(row) else { break }
            let view = data.destinations[row]
            return Self.fields([
                ("to", view.destination), ("kind", view.kind), ("status", view.state), ("reason", view.reason ?? ""),
            ])
        case .rejects:
            guard data.rejects.indices.contains(row) else { break }
            let view = data.rejects[row].view
            return Self.fields([
                ("sync", view.sync), ("cohort", Self.cohort(of: view.sync)), ("to", Self.destination(of: view.sync)),
                ("user", view.user), ("event", view.event), ("reason", view.reason), ("run", view.run),
                ("status", view.dismissed ? "dismissed" : "rejected"),
            ])
        case .members:
            return Self.fields([("user", data.members.indices.contains(row) ? data.members[row].text : "")])
        }
        return FilterFields(haystack: "", values: [])
    }

    private static func fields(_ values: [(String, String)]) -> FilterFields {
        let lower = values.map { (key: $0.0, value: $0.1.lowercased()) }
        return FilterFields(haystack: lower.map(\.value).joined(separator: " "), values: lower)
    }

    private func fields(of row: SyncRow) -> FilterFields {
        let view = row.view
        return Self.fields([
            ("sync", view.sync), ("cohort", view.cohort), ("to", view.destination), ("status", shownState(row)),
            ("from", view.source), ("schedule", view.schedule), ("reason", view.reason ?? ""),
            ("outcome", view.last_outcome ?? ""), ("run", view.last_run ?? ""), ("cohort", view.name),
        ])
    }

    private func fields(of view: RunView) -> FilterFields {
        Self.fields([
            ("run", view.run), ("sync", view.sync), ("cohort", Self.cohort(of: view.sync)),
            ("to", Self.destination(of: view.sync)), ("status", view.outcome ?? view.phase),
            ("outcome", view.outcome ?? ""), ("trigger", view.trigger), ("reason", view.reason ?? ""),
        ])
    }

    static func fields(of view: EventView) -> FilterFields {
        fields([
            ("user", view.user), ("sync", view.sync), ("cohort", cohort(of: view.sync)),
            ("to", destination(of: view.sync)), ("run", view.run), ("event", view.event), ("status", view.status),
            ("reason", view.reason ?? ""),
        ])
    }

    static func cohort(of sync: String) -> String { String(sync.prefix { $0 != "@" }) }
    static func destination(of sync: String) -> String {
        guard let at = sync.firstIndex(of: "@") else { return "" }
        return String(sync[sync.index(after: at)...])
    }

    func event(_ kind: ListKind, _ row: Int) -> EventRow? {
        let data = shown
        switch kind {
        case .events: return data.events[row]
        case .runEvents: return data.runStream[row]
        case .userEvents: return data.userEvents.indices.contains(row) ? data.userEvents[row] : nil
        default: return nil
        }
    }

    // MARK: - Working out what is visible

    /// Brings a list's rows up to date if they are not, and finds the selected row again.
    mutating func refresh(_ kind: ListKind) {
        guard var list = lists[kind] else { return }
        let all = allRows(kind)
        let isUrgent = kind == .syncs && (width < 60 || height < 12)
        if list.isUrgent != isUrgent {
            list.isUrgent = isUrgent
            // Whoever has not moved yet looks at the first row of either order.
            if !list.isTouched {
                list.selected = nil
                list.index = 0
                list.top = 0
            }
            list.isStale = true
        }
        if !list.isStale, case .all(let old) = list.rows, kind.isStream, old != all { list.rows = .all(all) }
        if list.isStale {
            list.rows = rows(kind, all, list)
            list.isStale = false
            // A mark goes with its row, so that the number of marks is that of rows to act on.
            if !list.marks.isEmpty { list.marks.formIntersection(all.compactMap { key(kind, $0) }) }
        }
        reselect(kind, &list)
        lists[kind] = list
    }

    private func rows(_ kind: ListKind, _ all: Range<Int>, _ list: ListState) -> VisibleRows {
        let needsPicking = !list.filter.isEmpty || kind == .cohortRuns
        let order = list.isUrgent ? SortOrder(column: "status") : list.sort
        guard needsPicking || order != nil else { return .all(all) }
        var picked = Array(all)
        if needsPicking {
            picked = picked.filter { belongs(kind, $0) && (list.filter.isEmpty || list.filter.matches(fields(kind, $0))) }
        }
        guard let sort = order else { return .some(picked) }
        var keyed = picked.map { (value: sortValue(kind, $0, sort.column), row: $0) }
        // Ties keep the list's own order, so that rows do not swap places from one refresh to the next.
        keyed.sort { left, right in
            if left.value < right.value { return !sort.isDescending }
            if right.value < left.value { return sort.isDescending }
            return left.row < right.row
        }
        return .some(keyed.map(\.row))
    }

    private func reselect(_ kind: ListKind, _ list: inout ListState) {
        let count = list.rows.count
        guard count > 0 else {
            list.index = 0
            list.top = 0
            return
        }
        if kind.isStream, list.follows {
            list.index = count - 1
        } else if let selected = list.selected {
            if list.rows[list.index].flatMap({ key(kind, $0) }) != selected {
                let old = list.index
                if case .number(let number) = selected {
                    list.index = list.rows.index(of: number) ?? nearest(number, list.rows)
                } else if let found = (0..<count).first(where: {
                    list.rows[$0].flatMap { key(kind, $0) } == selected
                }) {
                    list.index = found
                }
                // The same row stays on the same line of the screen.
                list.top += list.index - old
            }
        }
        list.index = min(max(0, list.index), count - 1)
        list.selected = list.rows[list.index].flatMap { key(kind, $0) }
        list.top = min(max(0, list.top), count - 1)
    }

    /// Where the oldest row after one that has left the stream is.
    private func nearest(_ number: Int, _ rows: VisibleRows) -> Int {
        switch rows {
        case .all(let range): return min(max(0, number - range.lowerBound), max(0, range.count - 1))
        case .some(let rows): return rows.firstIndex { $0 >= number } ?? max(0, rows.count - 1)
        }
    }

    mutating func markStale(_ kinds: ListKind...) {
        for kind in kinds { lists[kind]?.isStale = true }
    }

    /// The selected row of the list in front.
    func selectedRow(_ kind: ListKind) -> Int? {
        let list = list(kind)
        return list.isStale ? nil : list.rows[list.index]
    }
}
