import Control
import Scheduling

extension DashboardModel {
    func sortValue(_ kind: ListKind, _ row: Int, _ column: String) -> SortValue {
        let data = shown
        switch kind {
        case .syncs, .wall:
            return data.syncs.indices.contains(row) ? sortValue(data.syncs[row], column) : .number(0)
        case .runs, .cohortRuns: return data.runs.row(at: row).map { Self.sortValue($0, column) } ?? .number(0)
        case .fires:
            guard data.fires.indices.contains(row) else { return .number(0) }
            let fire = data.fires[row]
            return column == "at" || column == "in" || column == "utc"
                ? .number(Double(fire.at.milliseconds)) : column == "with"
                ? .number(Double(fire.collisions)) : .text(ByteText(column == "schedule" ? fire.schedule : fire.cohort))
        case .events, .runEvents, .userEvents:
            guard let event = event(kind, row)?.view else { return .number(0) }
            switch column {
            case "user": return .text(ByteText(event.user))
            case "sync": return .text(ByteText(event.sync))
            case "run": return .number(Double(event.run) ?? 0)
            case "result": return .text(ByteText(event.status))
            default: return .number(Double(row))
            }
        case .destinations:
            return data.destinations.indices.contains(row)
                ? Self.sortValue(data.destinations[row], column) : .number(0)
        case .rejects:
            return data.rejects.indices.contains(row) ? Self.sortValue(data.rejects[row], column) : .number(0)
        case .logs: return .number(Double(row))
        case .members: return data.members.indices.contains(row) ? .text(data.members[row]) : .number(0)
        }
    }

    /// What is worst comes first.
    private static let severity = [
        "failed", "blocked", "held", "late", "partial", "running", "frozen", "never", "paused", "ok",
    ]

    private func sortValue(_ row: SyncRow, _ column: String) -> SortValue {
        let view = row.view
        let far = Double(Int64.max)
        switch column {
        case "status": return .number(Double(Self.severity.firstIndex(of: shownState(row)) ?? Self.severity.count))
        case "next": return .number(row.next.map { Double($0.milliseconds) } ?? far)
        case "last": return .number(row.lastFinished.map { -Double($0.milliseconds) } ?? far)
        case "took": return .number(view.last_seconds ?? -1)
        case "size": return .number(Double(view.ledger))
        case "entered": return .number(Double(view.last_entered ?? -1))
        case "left": return .number(Double(view.last_left ?? -1))
        case "rejects": return .number(Double(view.rejects))
        case "schedule": return .text(ByteText(view.schedule))
        case "source": return .text(ByteText(view.source))
        case "destination": return .text(ByteText(view.destination))
        default: return .text(row.id)
        }
    }

    private static func sortValue(_ run: RunRow, _ column: String) -> SortValue {
        switch column {
        case "sync": .text(ByteText(run.view.sync))
        case "trigger": .text(ByteText(run.view.trigger))
        case "result": .text(ByteText(run.word))
        case "entered": .number(Double(run.view.entered))
        case "left": .number(Double(run.view.left))
        case "took": .number(run.seconds ?? -1)
        case "accepted": .number(Double(run.view.accepted))
        case "rejected": .number(Double(run.view.rejected))
        default: .number(Double(run.number))
        }
    }

    private static func sortValue(_ view: DestinationView, _ column: String) -> SortValue {
        switch column {
        case "kind": .text(ByteText(view.kind))
        case "state": .text(ByteText(view.state))
        case "latency": .number(Double(view.latency_ms ?? -1))
        case "flight": .number(Double(view.in_flight))
        case "rate": .number(Double(view.rate ?? -1))
        default: .text(ByteText(view.destination))
        }
    }

    private static func sortValue(_ row: RejectRow, _ column: String) -> SortValue {
        switch column {
        case "sync": .text(ByteText(row.view.sync))
        case "user": .text(ByteText(row.view.user))
        case "tries": .number(Double(row.view.attempts))
        case "reason": .text(ByteText(row.view.reason))
        default: .number(row.at.map { -Double($0.milliseconds) } ?? 0)
        }
    }
}
