import Control
import Scheduling

extension Painter {
    mutating func overview(_ model: DashboardModel, _ layout: ScreenLayout) {
        let places = layout.overview
        table(.syncs, model, in: places.table, isFocused: true)
        if let panes = places.panes {
            preview(model, panes.preview)
            running(model, panes.running, isFocused: model.pane == .running)
        }
        if let tail = places.tail { eventTail(model, tail, isFocused: model.pane == .events) }
    }

    /// The latest events, the newest last.
    mutating func eventTail(_ model: DashboardModel, _ region: Region, isFocused: Bool = false, isBoxed: Bool = false) {
        var inside = region
        if isBoxed {
            box(region, title: "events", note: "5 opens", isFocused: isFocused)
            inside = region.inside
        } else {
            let title = model.pane == .running && model.screen == .overview ? "events  (running: Tab)" : "events"
            rule(title, note: "5 opens", row: region.row, in: region, isFocused: isFocused)
            inside = Region(row: region.row + 1, column: 1, width: region.width - 2, height: region.height - 1)
        }
        let events = model.shown.events.newest(max(0, inside.height))
        if events.isEmpty { line("no event yet", 0, in: inside, role: .dim) }
        for (offset, event) in events.enumerated() { eventLine(model, event, offset, inside) }
    }

    private mutating func eventLine(_ model: DashboardModel, _ event: EventRow, _ offset: Int, _ region: Region) {
        let row = region.row + offset
        let view = event.view
        let isWide = region.width >= 90
        var column = region.column
        let time = event.at.map { isWide ? ticker.streamTime($0) : ticker.moment($0) } ?? "-"
        put(time, row: row, column: column, width: isWide ? 12 : 8, role: .dim)
        column += isWide ? 13 : 9
        let isLeave = view.event == "left"
        put(isLeave ? "- left   " : "+ entered", row: row, column: column, width: 9, role: isLeave ? .left : .entered)
        column += 10
        let rest = region.column + region.width - column
        let result = 15
        let user = max(6, (rest - result) * 2 / 5)
        let sync = max(0, rest - result - user - 2)
        put(view.user, row: row, column: column, width: user)
        put(view.sync, row: row, column: column + user + 1, width: sync, role: .dim)
        let outcome = model.outcome(of: view, glyphs)
        put(outcome.text, row: row, column: column + user + sync + 2, width: result, role: outcome.role)
    }

    /// The selected sync in a pane.
    private mutating func preview(_ model: DashboardModel, _ region: Region) {
        let list = model.list(.syncs)
        guard let index = list.rows[list.index], model.shown.syncs.indices.contains(index) else {
            return box(region, title: "no sync")
        }
        let row = model.shown.syncs[index]
        box(region, title: row.view.sync, note: "\(glyphs.enterKey) opens", isFocused: false)
        facts(model, row, in: region.inside)
    }

    /// What is known of a sync, a label and a value a line.
    mutating func facts(_ model: DashboardModel, _ row: SyncRow, in region: Region) {
        let view = row.view
        var lines: [(String, [Span])] = []
        lines.append(("state", stateLine(model, row)))
        let cohort = model.shown.cohort(view.cohort)
        let isUnknown = model.shown.configuration.isUnknown
        let zone = cohort?.schedule.timezone ?? model.shown.configuration.timezone
        var schedule = [Span(view.schedule), Span(isUnknown ? "" : "  \(zone)", .dim)]
        if let jitter = cohort?.schedule.jitter { schedule.append(Span("  jitter \(jitter)", .dim)) }
        if let overlap = cohort?.schedule.overlap { schedule.append(Span("  overlap \(overlap)", .dim)) }
        lines.append(("schedule", schedule))
        lines.append(("next", nextFires(model, row)))
        lines.append(("last", lastLine(model, row)))
        lines.append(("size", sizeLine(model, row, width: region.width - 10)))
        if isUnknown {
            lines.append(("guards", [Span(ConfigurationFacts.unknownText, .warning)]))
        } else if let guards = cohort?.guards, !guards.isEmpty {
            // Two lines where one does not hold them all and the others keep their place.
            let parts = guards.map { "\($0.label) \($0.value)" }
            for (index, text) in joined(parts, width: region.width - 10).prefix(region.height >= 9 ? 2 : 1).enumerated() {
                lines.append((index == 0 ? "guards" : "", [Span(text, .dim)]))
            }
        }
        let rejects = view.rejects > 0
            ? Span("\(NumberText.grouped(view.rejects)) wait", .warning) : Span("none", .dim)
        lines.append(("rejects", [rejects]
            + (view.unknown > 0 ? [Span("   \(NumberText.grouped(view.unknown)) of unknown outcome", .warning)] : [])))
        lines.append(("told", [
            Span("\(view.trait)", .normal), Span("  from \(view.source)", .dim),
        ]))
        for (offset, item) in lines.enumerated() where offset < region.height {
            line([Span(item.0.padded(to: 10), .dim)] + item.1, offset, in: region)
        }
    }

    /// Parts side by side, broken between them.
    private func joined(_ parts: [String], width: Int) -> [String] {
        var lines: [String] = []
        for part in parts {
            if let last = lines.last, columns(of: last) + columns(of: part) + 2 <= width {
                lines[lines.count - 1] = last + "  " + part
            } else {
                lines.append(part)
            }
        }
        return lines
    }

    private mutating func stateLine(_ model: DashboardModel, _ row: SyncRow) -> [Span] {
        let state = model.shownState(row)
        var spans = [Span(state, Theme.role(of: state))]
        if let reason = row.view.reason { spans.append(Span("  \(reason)")) }
        let history = (model.shown.runs.history[row.id] ?? []).suffix(12)
        let good = history.filter { $0.outcome == "succeeded" || $0.outcome == "unchanged" }.count
        if row.view.reason == nil, !history.isEmpty {
            let runs = history.count == 1 ? "the latest run" : "\(good) of the latest \(history.count) runs"
            if history.count > 1 || good == 1 { spans.append(Span("  \(runs) went well", .dim)) }
        }
        return spans
    }

    private mutating func nextFires(_ model: DashboardModel, _ row: SyncRow) -> [Span] {
        if row.view.paused { return [Span("paused", .dim)] }
        let name = ByteText(row.view.cohort)
        let plan = model.shown.plans.first { ByteText($0.cohort) == name }
        let fires = plan.map { $0.schedule.fires(after: ticker.now, in: $0.zone, limit: 4) } ?? []
        guard let next = row.next ?? fires.first?.nominal else {
            return [Span(row.view.schedule == "manual" ? "by hand only" : "-", .dim)]
        }
        var spans = [Span(ticker.countdown(to: next))]
        // In the schedule's own zone, with the day where it is not today.
        let today = plan.map { $0.zone.local(of: ticker.now).date }
        for fire in fires {
            spans.append(Span("  " + (fire.local.date == today ? fire.local.clock : ticker.dayAndClock(fire.local)), .dim))
        }
        return spans
    }

    private mutating func lastLine(_ model: DashboardModel, _ row: SyncRow) -> [Span] {
        guard let run = row.view.last_run.flatMap({ model.shown.runs.row(ByteText($0)) }) else {
            return [Span(row.view.last_run.map { "run \($0)" } ?? "never ran", .dim)]
        }
        var spans = [Span("run \(run.view.run) "), Span(run.word, Theme.role(of: run.word))]
        if let finished = run.finished { spans.append(Span("  \(ticker.age(of: finished)) ago".ago, .dim)) }
        if let seconds = run.seconds { spans.append(Span("  in \(DurationText.taken(seconds: seconds))", .dim)) }
        if run.movedNobody { return spans + [Span("  moved nobody", .dim)] }
        spans.append(Span("  +\(NumberText.grouped(run.view.entered))", .entered))
        spans.append(Span(" -\(NumberText.grouped(run.view.left))", .left))
        return spans
    }

    mutating func sizeLine(_ model: DashboardModel, _ row: SyncRow, width: Int) -> [Span] {
        let history = model.shown.runs.history[row.id] ?? []
        let sizes: [Int?] = history.filter { $0.outcome != "failed" }.map(\.members)
        let cells = max(0, min(30, width - 24))
        return [
            Span(NumberText.grouped(row.view.ledger).padded(to: 11)),
            Span(Sparkline.text(sizes, width: min(cells, sizes.count), glyphs: glyphs), .good),
        ]
    }

    /// Runs under way and waiting.
    mutating func running(_ model: DashboardModel, _ region: Region, isFocused: Bool = false) {
        let active = model.shown.runs.active
        let queued = active.filter { $0.view.phase == "queued" }
        let going = active.filter { $0.view.phase != "queued" }
        let held = model.shown.syncs.filter { $0.view.held_run != nil }
        box(region, title: "running (\(going.count))", note: "3 opens", isFocused: isFocused)
        let inside = region.inside
        var offset = 0
        for run in going where offset + 1 < inside.height {
            line([
                Span(run.view.sync, .strong), Span("  run \(run.view.run)  ", .dim), Span(run.view.phase, .active),
            ], offset, in: inside)
            progress(model, run, row: inside.row + offset + 1, column: inside.column, width: inside.width)
            offset += 2
            if offset < inside.height, inside.height - offset > going.count {
                line(pace(model, run), offset, in: inside)
                offset += 2
            }
        }
        if !queued.isEmpty, offset < inside.height {
            let names = queued.map(\.view.sync).joined(separator: ", ")
            line([Span("queued \(queued.count): ", .active), Span(names, .dim)], offset, in: inside)
            offset += 1
        }
        if !held.isEmpty, offset < inside.height {
            let names = held.map(\.view.sync).joined(separator: ", ")
            line([Span("held \(held.count): ", .held), Span(names), Span("   a approves", .dim)], offset, in: inside)
            offset += 1
        }
        if offset == 0 { line("nothing runs", 0, in: inside, role: .dim) }
    }

    /// A bar once the total is known; before that, what was read. Never a made-up percentage.
    mutating func progress(_ model: DashboardModel, _ run: RunRow, row: Int, column: Int, width: Int) {
        guard run.view.phase == "sending", let percent = NumberText.percent(run.settled, of: run.total) else {
            let text = run.view.read > 0 ? "read \(NumberText.grouped(run.view.read)) rows" : run.view.phase
            put(text, row: row, column: column, width: width, role: .dim)
            return
        }
        let counts = " \(percent)%  \(NumberText.grouped(run.settled))/\(NumberText.grouped(run.total))"
        let cells = max(0, min(40, width - columns(of: counts) - 2))
        let full = cells * percent / 100
        put(
            [
                Span("["), Span(String(repeating: glyphs.barFull, count: full), .active),
                Span(String(repeating: glyphs.barEmpty, count: cells - full), .dim), Span("]"), Span(counts),
            ], row: row, column: column, width: width)
    }

    /// Rate and time left, from counts alone.
    mutating func pace(_ model: DashboardModel, _ run: RunRow) -> [Span] {
        var spans: [Span] = []
        if let rate = model.shown.runs.rate(of: run.id) {
            let unit = run.view.phase == "sending" ? "" : " rows"
            spans.append(Span("\(NumberText.rate(rate))\(unit)"))
            let left = run.total - run.settled
            if run.view.phase == "sending", left > 0, rate > 0, Double(left) / rate < 1e9 {
                spans.append(Span("  \(DurationText.countdown(Int64(Double(left) / rate * 1000)).text) left"))
            }
        }
        if run.view.phase == "sending" {
            spans.append(Span("  retries \(run.view.retries)", run.view.retries > 0 ? .warning : .dim))
            spans.append(Span("  rejected \(NumberText.grouped(run.view.rejected))",
                run.view.rejected > 0 ? .warning : .dim))
        }
        return spans
    }
}

extension String {
    /// Filled up with blanks.
    func padded(to width: Int) -> String {
        count >= width ? self : self + String(repeating: " ", count: width - count)
    }

    /// A clock is not "ago".
    var ago: String { contains(":") || contains("-") ? String(dropLast(4)) : self }
}
