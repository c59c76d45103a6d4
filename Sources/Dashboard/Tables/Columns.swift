/// One column of a table.
struct Column: Sendable {
    let id: String
    let title: String
    /// How narrow it may get and how wide it wants to be, in cells.
    let narrow: Int
    let wide: Int
    /// 0 stays as long as anything does; the largest number goes first when room is short.
    let priority: Int
    var align = Painter.Alignment.left
    var isSortable = true
}

/// The columns of every list, from left to right.
enum Columns {
    static func all(of kind: ListKind) -> [Column] {
        switch kind {
        case .syncs, .wall: syncs
        case .runs: runs
        case .cohortRuns: runs.filter { $0.id != "sync" }
        case .fires: fires
        case .events: events
        case .runEvents: events.filter { $0.id != "sync" && $0.id != "run" }
        case .userEvents: events.filter { $0.id != "user" }.map { $0.id == "at" ? day : $0 }
        case .destinations: destinations
        case .rejects: rejects
        case .logs: logs
        case .members: [Column(id: "member", title: "MEMBER", narrow: 10, wide: 200, priority: 0)]
        }
    }

    private static let syncs = [
        Column(id: "sync", title: "SYNC", narrow: 14, wide: 28, priority: 0),
        Column(id: "status", title: "STATUS", narrow: 11, wide: 11, priority: 1),
        Column(id: "schedule", title: "SCHEDULE", narrow: 14, wide: 22, priority: 6),
        Column(id: "next", title: "NEXT", narrow: 9, wide: 10, priority: 2),
        Column(id: "last", title: "LAST", narrow: 6, wide: 6, priority: 4, align: .right),
        Column(id: "took", title: "TOOK", narrow: 6, wide: 6, priority: 8, align: .right),
        Column(id: "size", title: "SIZE", narrow: 9, wide: 9, priority: 7, align: .right),
        Column(id: "entered", title: "+ENT", narrow: 7, wide: 7, priority: 3, align: .right),
        Column(id: "left", title: "-LEFT", narrow: 7, wide: 7, priority: 3, align: .right),
        Column(id: "trend", title: "RUNS", narrow: 12, wide: 24, priority: 5, isSortable: false),
        Column(id: "destination", title: "DESTINATION", narrow: 12, wide: 18, priority: 10),
        Column(id: "rejects", title: "REJ", narrow: 5, wide: 5, priority: 9, align: .right),
        Column(id: "source", title: "SOURCE", narrow: 8, wide: 14, priority: 12),
        Column(id: "reason", title: "NOTE", narrow: 16, wide: 60, priority: 11, isSortable: false),
    ]

    private static let runs = [
        Column(id: "run", title: "RUN", narrow: 6, wide: 8, priority: 0, align: .right),
        Column(id: "sync", title: "SYNC", narrow: 18, wide: 34, priority: 1),
        Column(id: "started", title: "STARTED", narrow: 8, wide: 10, priority: 3),
        Column(id: "trigger", title: "TRIGGER", narrow: 8, wide: 9, priority: 6),
        Column(id: "result", title: "RESULT", narrow: 11, wide: 12, priority: 2),
        Column(id: "entered", title: "+ENT", narrow: 7, wide: 7, priority: 4, align: .right),
        Column(id: "left", title: "-LEFT", narrow: 7, wide: 7, priority: 4, align: .right),
        Column(id: "took", title: "TOOK", narrow: 6, wide: 6, priority: 5, align: .right),
        Column(id: "accepted", title: "ACCEPTED", narrow: 8, wide: 9, priority: 8, align: .right),
        Column(id: "rejected", title: "REJ", narrow: 6, wide: 6, priority: 7, align: .right),
        Column(id: "plan", title: "PLAN", narrow: 8, wide: 8, priority: 10, isSortable: false),
        Column(id: "reason", title: "NOTE", narrow: 14, wide: 80, priority: 9, isSortable: false),
    ]

    private static let fires = [
        Column(id: "at", title: "LOCAL TIME", narrow: 20, wide: 22, priority: 1),
        Column(id: "in", title: "IN", narrow: 9, wide: 9, priority: 2),
        Column(id: "utc", title: "UTC", narrow: 9, wide: 9, priority: 5),
        Column(id: "cohort", title: "COHORT", narrow: 14, wide: 30, priority: 0),
        Column(id: "schedule", title: "SCHEDULE", narrow: 14, wide: 30, priority: 3),
        Column(id: "zone", title: "ZONE", narrow: 12, wide: 20, priority: 7, isSortable: false),
        Column(id: "syncs", title: "DESTINATIONS", narrow: 12, wide: 30, priority: 6, isSortable: false),
        Column(id: "with", title: "WITH", narrow: 5, wide: 9, priority: 4),
        Column(id: "note", title: "NOTE", narrow: 14, wide: 70, priority: 8, isSortable: false),
    ]

    private static let time = Column(id: "at", title: "TIME", narrow: 12, wide: 12, priority: 1)
    private static let day = Column(id: "at", title: "TIME", narrow: 19, wide: 19, priority: 1)
    private static let events = [
        time,
        Column(id: "event", title: "EVENT", narrow: 9, wide: 9, priority: 3),
        Column(id: "user", title: "USER", narrow: 12, wide: 40, priority: 0),
        Column(id: "sync", title: "SYNC", narrow: 14, wide: 34, priority: 2),
        Column(id: "run", title: "RUN", narrow: 6, wide: 8, priority: 6, align: .right),
        Column(id: "result", title: "RESULT", narrow: 14, wide: 14, priority: 4),
        Column(id: "tries", title: "TRIES", narrow: 5, wide: 5, priority: 7, align: .right),
        Column(id: "request", title: "REQUEST", narrow: 8, wide: 14, priority: 8, isSortable: false),
        Column(id: "reason", title: "NOTE", narrow: 12, wide: 60, priority: 9, isSortable: false),
    ]

    private static let destinations = [
        Column(id: "destination", title: "NAME", narrow: 12, wide: 24, priority: 0),
        Column(id: "kind", title: "KIND", narrow: 9, wide: 10, priority: 3),
        Column(id: "state", title: "STATE", narrow: 9, wide: 10, priority: 1),
        Column(id: "breaker", title: "BREAKER", narrow: 9, wide: 10, priority: 4, isSortable: false),
        Column(id: "rate", title: "LIMIT", narrow: 7, wide: 8, priority: 5, align: .right),
        Column(id: "latency", title: "LATENCY", narrow: 7, wide: 8, priority: 2, align: .right),
        Column(id: "flight", title: "WIRE", narrow: 5, wide: 5, priority: 6, align: .right),
        Column(id: "waiting", title: "WAITING", narrow: 8, wide: 8, priority: 7, align: .right, isSortable: false),
        Column(id: "answer", title: "LAST ANSWER", narrow: 14, wide: 40, priority: 8, isSortable: false),
        Column(id: "address", title: "ADDRESS", narrow: 20, wide: 60, priority: 9, isSortable: false),
    ]

    private static let rejects = [
        Column(id: "age", title: "AGE", narrow: 6, wide: 8, priority: 2, align: .right),
        Column(id: "sync", title: "SYNC", narrow: 14, wide: 34, priority: 1),
        Column(id: "user", title: "USER", narrow: 12, wide: 40, priority: 0),
        Column(id: "event", title: "EVENT", narrow: 9, wide: 9, priority: 5),
        Column(id: "tries", title: "TRIES", narrow: 5, wide: 5, priority: 4, align: .right),
        Column(id: "run", title: "RUN", narrow: 6, wide: 8, priority: 6, align: .right),
        Column(id: "reason", title: "REASON", narrow: 16, wide: 80, priority: 3),
    ]

    private static let logs = [
        Column(id: "at", title: "TIME", narrow: 12, wide: 12, priority: 2),
        Column(id: "level", title: "LEVEL", narrow: 7, wide: 7, priority: 1),
        Column(id: "from", title: "FROM", narrow: 8, wide: 12, priority: 3, isSortable: false),
        Column(id: "text", title: "TEXT", narrow: 12, wide: 400, priority: 0, isSortable: false),
    ]
}

/// Columns that fit into a width, each with the width it got.
struct FittedColumns {
    let columns: [(column: Column, width: Int)]

    /// - Parameters:
    ///   - favourite: a column that stays whatever its priority, since the cursor is on it.
    init(_ kind: ListKind, width: Int, hidden: Set<String>, favourite: String?) {
        let candidates = Columns.all(of: kind).filter { !hidden.contains($0.id) || $0.priority == 0 }
        let ranked = candidates.enumerated().sorted {
            Self.rank($0, favourite) < Self.rank($1, favourite)
        }
        var kept: Set<Int> = []
        var used = 0
        for (index, column) in ranked {
            let need = column.narrow + (kept.isEmpty ? 0 : 1)
            if used + need > width, !kept.isEmpty { break }
            kept.insert(index)
            used += need
        }
        var chosen = candidates.enumerated().filter { kept.contains($0.offset) }
            .map { (column: $0.element, width: $0.element.narrow) }
        var spare = width - used
        // What is left goes to the columns that want more, the most important first.
        for index in chosen.indices.sorted(by: { chosen[$0].column.priority < chosen[$1].column.priority }) {
            let extra = min(max(0, spare), chosen[index].column.wide - chosen[index].width)
            chosen[index].width += extra
            spare -= extra
        }
        if chosen.count == 1 { chosen[0].width = min(chosen[0].width, max(0, width)) }
        columns = chosen
    }

    private static func rank(_ item: (offset: Int, element: Column), _ favourite: String?) -> (Int, Int) {
        if item.element.priority == 0 { return (0, item.offset) }
        return (item.element.id == favourite ? 1 : item.element.priority + 1, item.offset)
    }
}
