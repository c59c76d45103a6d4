/// The lists that screens show.
package enum ListKind: String, Hashable, Sendable, CaseIterable {
    case syncs, wall, runs, fires, events, destinations, rejects, logs
    case cohortRuns = "cohort_runs", runEvents = "run_events", userEvents = "user_events", members

    /// The names of its columns, from left to right (`columns:` of `dashboard.yaml`).
    package var columnNames: [String] { Columns.all(of: self).map(\.id) }

    /// Streams have their newest row last and can be followed.
    var isStream: Bool {
        switch self {
        case .events, .logs, .runEvents: true
        default: false
        }
    }
}

/// By which column a list is ordered.
struct SortOrder: Hashable, Sendable {
    var column: String
    var isDescending = false
}

/// The rows that pass the filter, in order: places in an array, or sequence numbers of a stream.
enum VisibleRows: Hashable, Sendable {
    case all(Range<Int>)
    case some([Int])

    var count: Int {
        switch self {
        case .all(let range): range.count
        case .some(let rows): rows.count
        }
    }

    subscript(index: Int) -> Int? {
        guard index >= 0, index < count else { return nil }
        switch self {
        case .all(let range): return range.lowerBound + index
        case .some(let rows): return rows[index]
        }
    }

    /// Where a place or sequence number is shown.
    func index(of row: Int) -> Int? {
        switch self {
        case .all(let range): range.contains(row) ? row - range.lowerBound : nil
        case .some(let rows): rows.firstIndex(of: row)
        }
    }
}

/// How one list is looked at.
struct ListState: Sendable {
    /// Which row is selected, and where it was when last seen: when it is gone, its neighbour takes over.
    var selected: RowKey?
    var index = 0
    /// The first row on the screen.
    var top = 0
    var marks: Set<RowKey> = []
    /// Whether somebody moved in it or marked a row.
    var isTouched = false
    /// Where a range began.
    var rangeAnchor: RowKey?
    var filter = Filter("")
    /// The latest filter that was not empty, for `n` and `N`.
    var lastFilter = Filter("")
    var sort: SortOrder?
    /// Whether a stream's newest row stays selected.
    var follows = true
    /// The end of the stream when following stopped, to count what came since.
    var seenEnd = 0
    /// The column that `y` copies.
    var column: String?
    var hiddenColumns: Set<String> = []
    var rows = VisibleRows.all(0..<0)
    /// Whether `rows` are in the order of a small screen, what is worst first.
    var isUrgent = false
    /// Whether `rows` must be worked out again.
    var isStale = true
}
