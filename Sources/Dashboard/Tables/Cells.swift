import Control
import Scheduling

/// What stands in each cell of each table.
extension DashboardModel {
    func cell(_ kind: ListKind, _ row: Int, _ column: Column, width: Int, _ painter: inout Painter) -> Span {
        let data = shown
        switch kind {
        case .syncs, .wall:
            guard data.syncs.indices.contains(row) else { break }
            return cell(data.syncs[row], column.id, width: width, &painter)
        case .runs, .cohortRuns:
            guard let run = data.runs.row(at: row) else { break }
            return cell(run, column.id, &painter)
        case .fires:
            guard data.fires.indices.contains(row) else { break }
            return cell(data.fires[row], column.id, &painter)
        case .events, .runEvents, .userEvents:
            guard let event = event(kind, row) else { break }
            return cell(event, column.id, isLong: kind == .userEvents, &painter)
        case .destinations:
            guard data.destinations.indices.contains(row) else { break }
            return cell(data.destinations[row], column.id, &painter)
        case .rejects:
            guard data.rejects.indices.contains(row) else { break }
            return cell(data.rejects[row], column.id, &painter)
        case .logs:
            guard let line = data.logs[row] else { break }
            return cell(line, column.id, &painter)
        case .members:
            guard data.members.indices.contains(row) else { break }
            return Span(data.members[row].text)
        }
        return Span("")
    }

    /// The glyph at the row's left, with its role; nil when the list has none.
    func glyph(_ kind: ListKind, _ row: Int, _ glyphs: Glyphs) -> Span? {
        let data = shown
        switch kind {
        case .syncs, .wall:
            guard data.syncs.indices.contains(row) else { return nil }
            let state = shownState(data.syncs[row])
            return Span(glyphs.glyph(of: state), Theme.role(of: state))
        case .runs, .cohortRuns:
            guard let run = data.runs.row(at: row) else { return nil }
            return Span(glyphs.glyph(of: run.word), Theme.role(of: run.word))
        case .destinations:
            guard data.destinations.indices.contains(row) else { return nil }
            let state = data.destinations[row].state
            return Span(glyphs.glyph(of: state), Theme.role(of: state))
        case .events, .runEvents, .userEvents:
            guard let event = event(kind, row) else { return nil }
            return event.view.event == "left" ? Span("-", .left) : Span("+", .entered)
        default: return nil
        }
    }

    // MARK: - Syncs

    /// The engine's state; `late` as soon as the clock says so, without waiting for the engine to. A freeze, which a banner
    /// tells, hides nobody's trouble.
    func shownState(_ row: SyncRow) -> String {
        if row.view.state == "frozen" {
            if row.view.held_run != nil { return "held" }
            return ["failed", "partial"].first { $0 == row.view.last_outcome } ?? "frozen"
        }
        let isDue = row.next.map { shownNow.milliseconds(since: $0) >= DurationText.minute } ?? false
        return isDue && !isStale && ["ok", "never", "partial", "failed"].contains(row.view.state)
            ? "late" : row.view.state
    }

    private func cell(_ row: SyncRow, _ column: String, width: Int, _ painter: inout Painter) -> Span {
        let view = row.view
        switch column {
        case "sync": return Span(view.sync)
        case "status": return status(row, &painter)
        case "schedule": return Span(view.schedule)
        case "next": return next(row, &painter)
        case "last":
            if view.running != nil { return Span("now", .active) }
            return Span(row.lastFinished.map { painter.ticker.age(of: $0) } ?? "-", .dim)
        case "took": return Span(view.last_seconds.map { DurationText.taken(seconds: $0) } ?? "-", .dim)
        case "size": return Span(view.ledger == 0 && view.last_run == nil ? "-" : NumberText.grouped(view.ledger))
        case "entered": return count(row, "+", live: { $0.entered }, last: view.last_entered) { $0.entered }
        case "left": return count(row, "-", live: { $0.left }, last: view.last_left) { $0.left }
        case "trend": return Span(trend(row.id, width: width, painter.glyphs))
        case "destination": return destination(view, painter.glyphs)
        case "rejects": return view.rejects > 0 ? Span(NumberText.compact(view.rejects), .warning) : Span("0", .dim)
        case "source": return Span(view.source)
        case "reason": return Span(view.reason ?? "", .dim)
        default: return Span("")
        }
    }

    private func status(_ row: SyncRow, _ painter: inout Painter) -> Span {
        let state = shownState(row)
        let role = Theme.role(of: state)
        switch state {
        case "running":
            guard let run = row.view.running.flatMap({ shown.runs.row(ByteText($0)) }) else {
                return Span(row.view.phase ?? "running", role)
            }
            if run.view.phase == "sending", let percent = NumberText.percent(run.settled, of: run.total) {
                return Span("sending \(min(percent, 99))%", role)
            }
            return Span(run.view.phase, role)
        case "failed":
            let count = shown.runs.failuresInARow(row.id)
            return Span(count > 1 ? "failed \(count)x" : "failed", role)
        case "late":
            guard let since = row.lateSince ?? row.next, since < shownNow else { return Span("late", role) }
            return Span("late " + painter.ticker.span(since: since), role)
        default:
            // Neither word would say that the last run was stopped, perhaps with changes still owed.
            let isStopped = ["ok", "never"].contains(state) && row.view.last_outcome == "cancelled"
            return isStopped ? Span("cancelled", .warning) : Span(state, role)
        }
    }

    private func next(_ row: SyncRow, _ painter: inout Painter) -> Span {
        if row.view.paused { return Span("paused", .dim) }
        if row.view.running != nil { return Span("-", .dim) }
        guard let next = row.next else { return Span(row.view.schedule == "manual" ? "manual" : "-", .dim) }
        if next < shownNow.advanced(milliseconds: -DurationText.minute) { return Span("overdue", .warning) }
        return Span(painter.ticker.countdown(to: next))
    }

    private func count(
        _ row: SyncRow, _ sign: String, live: (RunView) -> Int, last: Int?, _ past: (RunBook.HistoryEntry) -> Int
    ) -> Span {
        // Of a plan that is under way, or waits for somebody, what it is to move.
        let active = (row.view.running ?? row.view.held_run).flatMap { shown.runs.row(ByteText($0)) }
        if let active, active.view.plan == nil { return Span("-", .dim) }
        guard let value = active.map({ live($0.view) }) ?? last else { return Span("-", .dim) }
        let own = active == nil ? row.view.last_run.flatMap { Int($0) } : nil
        let earlier = (shown.runs.history[row.id] ?? []).filter { $0.outcome != "failed" && $0.number != own }.map(past)
        let text = sign + NumberText.compact(value)
        if UsualBand.isOdd(value, among: earlier) { return Span(text + "!", .odd) }
        return Span(text, value == 0 ? .dim : sign == "+" ? .entered : .left)
    }

    func trend(_ sync: ByteText, width: Int, _ glyphs: Glyphs) -> String {
        let history = shown.runs.history[sync] ?? []
        let values: [Int?] = history.map { $0.outcome == "failed" ? -1 : $0.entered &+ $0.left }
        return Sparkline.text(values, width: width, glyphs: glyphs)
    }

    private func destination(_ view: StatusView, _ glyphs: Glyphs) -> Span {
        let name = ByteText(view.destination)
        guard let health = shown.destinations.first(where: { ByteText($0.destination) == name }) else {
            return Span(view.destination, .dim)
        }
        let latency = health.state == "up" ? health.latency_ms.map { " \($0)ms" } ?? "" : ""
        return Span("\(glyphs.glyph(of: health.state)) \(health.state)\(latency)", Theme.role(of: health.state))
    }

    // MARK: - Runs

    private func cell(_ run: RunRow, _ column: String, _ painter: inout Painter) -> Span {
        let view = run.view
        switch column {
        case "run": return Span(view.run)
        case "sync": return Span(view.sync)
        case "started": return Span(run.when.map { painter.ticker.age(of: $0) } ?? "-", .dim)
        case "trigger": return Span(view.mode == "changes" ? view.trigger : view.mode)
        case "result": return result(run)
        case "entered": return planned(view, view.entered, "+", .entered)
        case "left": return planned(view, view.left, "-", .left)
        case "took": return Span(run.seconds.map { DurationText.taken(seconds: $0) } ?? "-", .dim)
        case "accepted": return Span(NumberText.grouped(view.accepted))
        case "rejected": return Span(NumberText.compact(view.rejected), view.rejected > 0 ? .warning : .dim)
        case "plan": return Span(String((view.plan ?? "").prefix(8)), .dim)
        case "reason": return Span(note(of: view), .dim)
        default: return Span("")
        }
    }

    private func planned(_ view: RunView, _ count: Int, _ sign: String, _ role: Role) -> Span {
        view.plan == nil ? Span("-", .dim) : Span(sign + NumberText.compact(count), count == 0 ? .dim : role)
    }

    func result(_ run: RunRow) -> Span {
        let role = Theme.role(of: run.word)
        guard run.view.phase == "sending", run.isActive,
            let percent = NumberText.percent(run.settled, of: run.total)
        else { return Span(run.word, role) }
        return Span("sending \(percent)%", role)
    }

    func note(of view: RunView) -> String {
        if let reason = view.reason { return reason }
        if view.phase == "queued" { return waitsFor(view) }
        if let held = view.held_by.first { return held }
        if view.withheld > 0 { return "\(NumberText.grouped(view.withheld)) leaves withheld" }
        return view.notes.first ?? ""
    }

    /// What a queued run waits for.
    private func waitsFor(_ view: RunView) -> String {
        let before = shown.runs.active.first { $0.view.sync == view.sync && $0.view.run != view.run && $0.view.phase != "queued" }
        return before.map { "waits for run \($0.view.run)" } ?? "waits for one of the engine's places"
    }

    // MARK: - The others

    private func cell(_ fire: UpcomingFire, _ column: String, _ painter: inout Painter) -> Span {
        switch column {
        case "at":
            guard let own = fire.fire else { return Span("") }
            // A clock of another zone than the screen's says so.
            let zone = fire.zone == options.zone.identifier ? "" : " " + own.abbreviation
            return Span(painter.ticker.dayAndClock(own.local) + zone)
        case "in": return Span(painter.ticker.span(until: fire.at))
        case "utc": return Span(Zone.utc.local(of: fire.at).clock + "Z", .dim)
        case "cohort": return Span(fire.cohort)
        case "schedule": return Span(fire.schedule, .dim)
        case "zone": return Span(fire.zone, .dim)
        case "syncs": return Span(fire.syncs.map(Self.destination).joined(separator: ", "))
        case "with":
            return fire.collisions > 0 ? Span("+\(fire.collisions)", .warning) : Span("-", .dim)
        case "note": return Span(fire.fire?.note?.description ?? "", .warning)
        default: return Span("")
        }
    }

    private func cell(_ event: EventRow, _ column: String, isLong: Bool, _ painter: inout Painter) -> Span {
        let view = event.view
        switch column {
        case "at":
            guard let at = event.at else { return Span("-", .dim) }
            return Span(isLong ? painter.ticker.full(at) : painter.ticker.streamTime(at), .dim)
        case "event": return Span(view.event, view.event == "left" ? .left : .entered)
        case "user": return user(view.user)
        case "sync": return Span(view.sync)
        case "run": return Span(view.run, .dim)
        case "result": return outcome(of: view, painter.glyphs)
        case "tries": return Span("\(view.attempts)", view.attempts > 1 ? .warning : .dim)
        case "request": return Span(view.request ?? "-", .dim)
        case "reason": return Span(view.reason ?? (view.reasserted ? "told again" : ""), .dim)
        default: return Span("")
        }
    }

    /// An id that is not plain ASCII may look like another one: it is marked, and the user's own screen tells its bytes.
    private func user(_ id: String) -> Span { Span(id, ByteText(id).isPlain ? .normal : .warning) }

    /// The destination's answer: `✓ accepted 200`, `✗ rejected 400`, `… pending`.
    func outcome(of view: EventView, _ glyphs: Glyphs) -> Span {
        let status = view.http_status.map { " \($0)" } ?? ""
        switch view.status {
        case "accepted": return Span("\(glyphs.tick) accepted\(status)", .good)
        case "rejected": return Span("\(glyphs.cross) rejected\(status)", .bad)
        default: return Span("\(glyphs.ellipsis) \(view.status)\(status)", .active)
        }
    }

    private func cell(_ view: DestinationView, _ column: String, _ painter: inout Painter) -> Span {
        switch column {
        case "destination": return Span(view.destination)
        case "kind": return Span(view.kind, .dim)
        case "state": return Span(view.state, Theme.role(of: view.state))
        case "breaker": return Span(view.breaker, view.breaker == "closed" ? .dim : .bad)
        case "rate": return Span(view.rate.map { "\(NumberText.compact($0))/s" } ?? "none", .dim)
        case "latency": return Span(view.latency_ms.map { "\($0)ms" } ?? "-")
        case "flight": return Span("\(view.in_flight)", view.in_flight > 0 ? .active : .dim)
        case "waiting": return Span(NumberText.compact(waiting(at: view.destination)))
        case "answer": return Span(view.last_answer ?? "-", .dim)
        case "address": return Span(view.address, .dim)
        default: return Span("")
        }
    }

    /// Changes of runs under way that a destination has not settled yet.
    func waiting(at destination: String) -> Int {
        let name = ByteText(destination)
        return shown.runs.active.filter { ByteText(Self.destination(of: $0.view.sync)) == name }
            .reduce(0) { $0 + max(0, $1.total - $1.settled) }
    }

    private func cell(_ row: RejectRow, _ column: String, _ painter: inout Painter) -> Span {
        let view = row.view
        switch column {
        case "age": return Span(row.at.map { painter.ticker.age(of: $0) } ?? "-", .dim)
        case "sync": return Span(view.sync)
        case "user": return user(view.user)
        case "event": return Span(view.event, view.event == "left" ? .left : .entered)
        case "tries": return Span("\(view.attempts)")
        case "run": return Span(view.run, .dim)
        case "reason": return Span(view.http_status.map { "\($0) \(view.reason)" } ?? view.reason, .bad)
        default: return Span("")
        }
    }

    private func cell(_ line: LogLine, _ column: String, _ painter: inout Painter) -> Span {
        let role: Role = switch line.level {
        case .error: .bad
        case .warning: .warning
        case .debug: .dim
        case .info, .notice: .normal
        }
        switch column {
        case "at": return Span(painter.ticker.streamTime(line.at), .dim)
        case "level": return Span("\(line.level)", role)
        case "from": return Span(line.source, .dim)
        case "text": return Span(line.text, role == .dim ? .dim : .normal)
        default: return Span("")
        }
    }
}

extension Ticker {
    /// The time of a stream's row in twelve cells: `10:57:12.081` today, `Tue 09:12:01` within a week, else the date.
    func streamTime(_ instant: Instant) -> String {
        let local = zone.local(of: instant)
        let today = zone.local(of: now)
        if local.date == today.date { return preciseClock(instant) }
        let days = now.milliseconds(since: instant) / DurationText.day
        if (0..<6).contains(days) { return "\(local.weekday.name.prefix(3)) \(clock(instant))" }
        return local.year == today.year ? "\(local.dateText.dropFirst(5)) \(clock(instant).prefix(5))" : local.dateText
    }
}
