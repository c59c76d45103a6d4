import Control
import Scheduling

extension Painter {
    mutating func runs(_ model: DashboardModel, _ layout: ScreenLayout) {
        guard let region = layout.table else { return }
        table(.runs, model, in: region)
        guard let foot = layout.foot else { return }
        let list = model.list(.runs)
        guard let index = list.rows[list.index], let run = model.shown.runs.row(at: index) else {
            return rule("no run", row: foot.row, in: foot)
        }
        rule("run \(run.view.run) of \(run.view.sync)", note: "\(glyphs.enterKey) opens", row: foot.row, in: foot)
        runFacts(model, run, Region(row: foot.row + 1, column: 1, width: width - 2, height: foot.height - 1))
    }

    mutating func runDetail(_ model: DashboardModel, _ id: ByteText, _ layout: ScreenLayout) {
        guard let region = layout.table else { return }
        if let head = layout.head {
            if let run = model.shown.runs.row(id) {
                runFacts(model, run, Region(row: head.row, column: 1, width: width - 2, height: head.height - 1))
            } else {
                put(" asking for run \(id.text) \(glyphs.ellipsis)", row: head.row, column: 0, width: width, role: .dim)
            }
            let isHeld = model.shown.runs.row(id)?.isHeld ?? false
            rule(
                isHeld ? "what it would send" : "users", note: "/ filter   f follow", row: head.bottom - 1, in: head)
        }
        table(.runEvents, model, in: region)
    }

    /// Phases, counts, pace, reasons.
    private mutating func runFacts(_ model: DashboardModel, _ run: RunRow, _ region: Region) {
        let view = run.view
        var offset = 0
        func take() -> Int {
            defer { offset += 1 }
            return offset
        }
        for phase in ["fetching", "planning", "sending"] where offset < region.height {
            self.phase(phase, model, run, take(), region)
        }
        var about = [Span("outcome   ", .dim), Span(run.word, Theme.role(of: run.word))]
        if let seconds = run.seconds { about.append(Span("  took \(DurationText.taken(seconds: seconds))")) }
        if let when = run.when {
            about.append(Span("  started \(ticker.full(when))", .dim))
        }
        about.append(Span("  \(view.trigger)" + (view.mode == "changes" ? "" : ", \(view.mode)"), .dim))
        line(about, take(), in: region)
        if run.isActive {
            let pace = self.pace(model, run)
            let pulse = Sparkline.text(model.shown.runs.pulse(of: run.id), width: 16, glyphs: glyphs)
            line([Span("pace      ", .dim)] + pace + [Span("  \(pulse)", .active)], take(), in: region)
        }
        if run.isActive, let destination = Self.obstacle(of: run, model) {
            let why = destination.last_answer ?? destination.reason ?? destination.breaker
            line(
                [Span("waits     ", .dim), Span("\(destination.destination) takes nothing: \(why)", .bad)], take(), in: region)
        }
        // What holds a plan is said guard by guard.
        if view.held_by.isEmpty, let reason = view.reason {
            for (index, text) in wrapped(reason, width: region.width - 10).prefix(3).enumerated() {
                line([Span(index == 0 ? "reason    " : "          ", .dim), Span(text, .warning)], take(), in: region)
            }
        }
        for held in view.held_by {
            for (index, text) in wrapped(held, width: region.width - 10).prefix(2).enumerated() {
                line([Span(index == 0 ? "held by   " : "          ", .dim), Span(text, .held)], take(), in: region)
            }
        }
        for note in view.notes.prefix(2) { line([Span("note      ", .dim), Span(note)], take(), in: region) }
        if let by = view.approved_by {
            let why = view.approval_reason.map { ": \($0)" } ?? ""
            line([Span("approved  ", .dim), Span("by \(by)\(why)")], take(), in: region)
        }
        line([Span("plan      ", .dim), Span(view.plan ?? "none yet"), Span("   \(view.trait)", .dim)], take(), in: region)
        for (index, text) in books(of: view).enumerated() {
            line([Span(index == 0 ? "books     " : "          ", .dim), Span(text)], take(), in: region)
        }
        for bad in view.bad_rows.prefix(3) {
            line([Span("bad row   ", .dim), Span("\(bad.position): \(bad.reason)", .warning)], take(), in: region)
        }
    }

    /// The destination that a run waits for, when it is down.
    private static func obstacle(of run: RunRow, _ model: DashboardModel) -> DestinationView? {
        let name = ByteText(String(run.view.sync.drop { $0 != "@" }.dropFirst()))
        return model.shown.destinations.first {
            ByteText($0.destination) == name && ($0.state == "failing" || $0.state == "blocked")
        }
    }

    private mutating func phase(_ phase: String, _ model: DashboardModel, _ run: RunRow, _ offset: Int, _ region: Region) {
        let order = ["queued", "fetching", "planning", "held", "sending", "finished"]
        let now = order.firstIndex(of: run.view.phase) ?? 0
        let own = order.firstIndex(of: phase) ?? 0
        let wasReached: Bool = switch phase {
        case "fetching": run.view.read > 0 || run.view.plan != nil
        case "planning": run.view.plan != nil
        default: run.view.sent > 0 || run.view.accepted > 0 || run.view.outcome == "succeeded"
        }
        // It failed in the first phase that it did not get through; the ones after it were never begun.
        let wasBegun = switch phase {
        case "fetching": run.view.started_at != nil
        case "planning": run.view.read > 0
        default: run.view.plan != nil
        }
        let hasFailed = wasBegun && (run.view.outcome == "failed" || run.view.outcome == "cancelled")
        let isNow = now == own
        let glyph = isNow ? glyphs.running : now < own ? glyphs.never : wasReached ? glyphs.tick
            : hasFailed ? glyphs.cross : glyphs.skipped
        let role: Role = isNow ? .active : now < own ? .dim : wasReached ? .good : hasFailed ? .bad : .dim
        let view = run.view
        var spans = [Span("\(glyph) \(phase.padded(to: 9)) ", role)]
        switch phase {
        case "fetching" where wasReached:
            spans.append(Span("\(NumberText.grouped(view.read)) rows, \(NumberText.grouped(view.members)) members"))
            if view.invalid > 0 { spans.append(Span(", \(NumberText.grouped(view.invalid)) invalid", .warning)) }
        case "planning" where wasReached:
            spans.append(Span("+\(NumberText.grouped(view.entered))", .entered))
            spans.append(Span(" -\(NumberText.grouped(view.left))", .left))
            spans.append(Span("  \(NumberText.grouped(view.unchanged)) unchanged", .dim))
            if view.withheld > 0 { spans.append(Span("  \(NumberText.grouped(view.withheld)) withheld", .warning)) }
            if let before = view.ledger_before { spans.append(Span("  ledger \(NumberText.grouped(before))", .dim)) }
        case "sending" where isNow:
            line(spans, offset, in: region)
            return progress(model, run, row: region.row + offset, column: region.column + 12, width: region.width - 12)
        case "sending" where wasReached:
            spans.append(Span("\(NumberText.grouped(view.accepted)) accepted"))
            if view.rejected > 0 { spans.append(Span(", \(NumberText.grouped(view.rejected)) rejected", .warning)) }
            if view.pending > 0 { spans.append(Span(", \(NumberText.grouped(view.pending)) pending", .warning)) }
            spans.append(Span(
                "  \(NumberText.grouped(view.requests)) requests, \(NumberText.grouped(view.retries)) retries, "
                    + NumberText.bytes(view.bytes), .dim))
        default: break
        }
        line(spans, offset, in: region)
    }

    mutating func userScreen(_ model: DashboardModel, _ user: ByteText, _ layout: ScreenLayout) {
        guard let table = layout.table else { return }
        if let head = layout.head {
            let isKnown = model.shown.userOf == user && !model.shown.user.isEmpty
            if !isKnown {
                put(" looking \(user.text) up \(glyphs.ellipsis)", row: head.row, column: 0, width: width, role: .dim)
            }
            // Where there is no room for all, those who were never told of the user are counted.
            let views = model.shown.user.filter { $0.told != "never" } + model.shown.user.filter { $0.told == "never" }
            let room = max(0, head.height - 2)
            let isWhole = views.count <= room
            if isKnown {
                for (offset, view) in views.prefix(isWhole ? room : room - 1).enumerated() { userLine(view, row: head.row + offset) }
            }
            if isKnown, !isWhole, room > 0 {
                let left = views.dropFirst(room - 1)
                let members = left.filter(\.member).count
                let text = "and \(left.count) more, " + (members > 0 ? "a member in \(members) of them" : "a member in none of them")
                put(text + "; a taller screen shows them", row: head.row + room - 1, column: 3, width: width - 4, role: .warning)
            }
            let flaps = flapping(model.shown.userEvents)
            let history = flaps.isEmpty ? "newest first" : "flapping in \(flaps.joined(separator: ", "))"
            let note = [user.unusualBytes, history].compactMap(\.self).joined(separator: "  ")
            rule("history", note: note, row: head.bottom - 1, in: head)
        }
        self.table(.userEvents, model, in: table)
    }

    private mutating func userLine(_ view: UserView, row: Int) {
        let (word, role): (String, Role) = switch view.told {
        case "true": ("member", .good)
        case "false": ("told false", .normal)
        case "unknown": ("unknown", .warning)
        default: ("never told", .dim)
        }
        let since = view.since.flatMap { Instant.parse(rfc3339: $0) }
        let syncWidth = min(34, max(14, width / 3))
        put(view.sync, row: row, column: 3, width: syncWidth)
        put(view.member ? glyphs.ok : glyphs.never, row: row, column: 1, width: 1, role: role)
        put(word, row: row, column: 4 + syncWidth, width: 10, role: role)
        let text = since.map { "since \(ticker.full($0))" } ?? ""
        put(text, row: row, column: 15 + syncWidth, width: max(0, width - 16 - syncWidth), role: .dim)
    }

    /// Syncs that a user entered and left three times or more within an hour.
    private func flapping(_ events: [EventRow]) -> [String] {
        var found: [String] = []
        let told = events.prefix(200).filter { $0.view.status == "accepted" && !$0.view.reasserted }
        for (sync, own) in Dictionary(grouping: told, by: { ByteText($0.view.sync) }) {
            let times = own.compactMap(\.at).sorted()
            for (early, late) in zip(times, times.dropFirst(2)) where late.milliseconds(since: early) <= DurationText.hour {
                found.append(sync.text)
                break
            }
        }
        return found.sorted()
    }
}
