import Control
import Scheduling

extension Painter {
    mutating func cohort(_ model: DashboardModel, _ sync: ByteText, _ layout: ScreenLayout) {
        if layout.isSmall {
            if let table = layout.table { self.table(.cohortRuns, model, in: table) }
            return
        }
        let places = layout.cohort
        guard let row = model.shown.sync(sync.text) else {
            line(" the engine knows no sync \(sync.text)", 0, in: layout.body, role: .warning)
            return
        }
        switch model.tab {
        case .summary:
            var facts = places.facts
            facts.column = 1
            facts.width = max(0, facts.width - 2)
            facts.height = max(0, facts.height - 1)
            if hasSiblings(model, row) { facts.width = max(0, facts.width - 46) }
            self.facts(model, row, in: facts)
            facts.width = max(0, layout.body.width - 3)
            siblings(model, row, facts)
            rule("runs", note: "newest first", row: places.table.row - 1, in: layout.body)
            table(.cohortRuns, model, in: places.table)
            if let problem = places.problem { self.problem(model, sync, problem) }
        case .runs:
            rule("runs", note: "newest first", row: places.facts.row, in: layout.body)
            table(.cohortRuns, model, in: places.table)
        case .members:
            let isKnown = model.shown.membersOf == sync
            let more = model.shown.membersAreComplete ? "" : ", the first \(model.shown.members.count) of them"
            let note = isKnown ? NumberText.grouped(row.view.ledger) + " told" + more : "reading the ledger"
            rule("members", note: note, row: places.facts.row, in: layout.body)
            if isKnown { table(.members, model, in: places.table) }
        case .configuration: configuration(model, row, layout.body)
        }
    }

    private func hasSiblings(_ model: DashboardModel, _ row: SyncRow) -> Bool {
        width >= 110 && model.shown.syncs(of: row.view.cohort).count > 1
    }

    /// The cohort's other destinations, at the right of the facts when there is room.
    private mutating func siblings(_ model: DashboardModel, _ row: SyncRow, _ region: Region) {
        let others = model.shown.syncs(of: row.view.cohort).filter { $0.id != row.id }
        guard hasSiblings(model, row) else { return }
        let column = width - 44
        put("also told", row: region.row, column: column, width: 43, role: .dim)
        for (offset, other) in others.prefix(max(0, region.height - 1)).enumerated() {
            let state = model.shownState(other)
            put(
                [
                    Span(glyphs.glyph(of: state) + " ", Theme.role(of: state)),
                    Span(other.view.destination.padded(to: 16)), Span(state, Theme.role(of: state)),
                ], row: region.row + 1 + offset, column: column, width: 43)
        }
    }

    /// Why the latest failure happened and since when.
    private mutating func problem(_ model: DashboardModel, _ sync: ByteText, _ region: Region) {
        let runs = model.shown.runs.runs(of: sync)
        let failed = runs.prefix { $0.view.outcome != "succeeded" && $0.view.outcome != "unchanged" }
            .filter { $0.view.outcome == "failed" || $0.view.outcome == "partial" || $0.isHeld }
        rule(failed.isEmpty ? "latest run" : "what is wrong", row: region.row, in: region)
        let inside = Region(row: region.row + 1, column: 1, width: region.width - 2, height: region.height - 1)
        guard let latest = failed.first else {
            for (offset, text) in (runs.first.map { books(of: $0.view) } ?? []).enumerated() {
                line(text, offset, in: inside, role: .dim)
            }
            return
        }
        let reason = model.note(of: latest.view)
        let head = "run \(latest.view.run) \(latest.word): "
        var next = 0
        for text in wrapped(head + (reason.isEmpty ? "no reason given" : reason), width: inside.width).prefix(3) {
            line(text, next, in: inside, role: next == 0 ? Theme.role(of: latest.word) : .normal)
            next += 1
        }
        if let first = failed.last, failed.count > 1, let when = first.when {
            line("\(failed.count) in a row, since run \(first.view.run) \("\(ticker.age(of: when)) ago".ago)", next, in: inside, role: .dim)
            next += 1
        }
        for text in books(of: latest.view) {
            line(text, next, in: inside, role: .dim)
            next += 1
        }
    }

    /// The counts of a run as equations that have to hold: what was read, what was told.
    func books(of view: RunView) -> [String] {
        let read = "read \(NumberText.grouped(view.read)) = \(NumberText.grouped(view.members)) members"
            + " + \(NumberText.grouped(view.duplicates)) duplicates + \(NumberText.grouped(view.invalid)) invalid"
        var told = "entered \(NumberText.grouped(view.entered)) + left \(NumberText.grouped(view.left))"
        if view.reasserted > 0 { told += " + reasserted \(NumberText.grouped(view.reasserted))" }
        told += " = \(NumberText.grouped(view.accepted)) accepted + \(NumberText.grouped(view.rejected)) rejected"
            + " + \(NumberText.grouped(view.pending)) pending"
        return [read, told]
    }

    private mutating func configuration(_ model: DashboardModel, _ row: SyncRow, _ region: Region) {
        let inside = Region(row: region.row + 1, column: 1, width: region.width - 2, height: region.height - 1)
        guard let cohort = model.shown.cohort(row.view.cohort) else {
            if model.shown.configuration.isUnknown {
                return line(ConfigurationFacts.unknownText, 0, in: inside, role: .warning)
            }
            return line("\(row.view.cohort) is not in rollcall.yaml any more", 0, in: inside, role: .warning)
        }
        let schedule = cohort.schedule
        let words = (try? Schedule.read(schedule.when))?.words ?? ""
        var lines: [(String, String)] = [
            ("file", model.shown.configuration.path), ("name", cohort.name), ("key", cohort.key),
            ("source", "\(cohort.source) (\(cohort.sourceKind))"), ("to", cohort.destinations.joined(separator: ", ")),
            ("trait", row.view.trait), ("schedule", "\(schedule.when)   \(words)"),
            ("timezone", schedule.timezone ?? "\(model.shown.configuration.timezone) (default)"),
            ("jitter", schedule.jitter ?? "0s (default)"), ("overlap", schedule.overlap ?? "skip (default)"),
            ("catch_up", schedule.catchUp ?? "latest (default)"),
            ("paused", schedule.pausedDestinations.isEmpty
                ? "\(schedule.isPaused)" : schedule.pausedDestinations.joined(separator: ", ")),
        ]
        lines += (cohort.guards + cohort.details).map { ($0.label, $0.value) }
        for (offset, item) in lines.enumerated() {
            line([Span(item.0.padded(to: 16), .dim), Span(item.1)], offset, in: inside)
        }
    }
}
