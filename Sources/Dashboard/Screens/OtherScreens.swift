import Control
import Scheduling

/// Schedules, Destinations, Rejects and Engine.
extension Painter {
    mutating func schedules(_ model: DashboardModel, _ layout: ScreenLayout) {
        guard let region = layout.table else { return }
        let isUnknown = model.shown.configuration.isUnknown
        if isUnknown {
            put(ConfigurationFacts.unknownText, row: region.row, column: 1, width: region.width - 1, role: .warning)
        } else {
            table(.fires, model, in: region)
        }
        guard let foot = layout.foot, !isUnknown else { return }
        rule("the coming day, and the month's downloads", row: foot.row, in: foot)
        let inside = Region(row: foot.row + 1, column: 1, width: width - 2, height: foot.height - 1)
        load(model, inside)
        for (offset, quota) in model.shown.configuration.quotas.enumerated() {
            quotaLine(quota, offset + 2, inside)
        }
        if model.shown.configuration.quotas.isEmpty {
            line("no source counts its downloads", 2, in: inside, role: .dim)
        }
    }

    /// How many fires each half hour of the coming day has.
    mutating func load(_ model: DashboardModel, _ region: Region) {
        let counts = model.shown.load
        let most = counts.max() ?? 0
        let cells = min(counts.count, max(0, region.width - 20))
        let bars = counts.prefix(cells).map {
            $0 == 0 ? " " : Sparkline.text([$0, most], width: 2, glyphs: glyphs).prefix(1)
        }
        line([Span("load    ", .dim), Span(bars.joined(), .active), Span("  peak \(most)/30m", .dim)], 0, in: region)
        let start = ticker.zone.local(of: ticker.now).clock.prefix(5)
        line("        \(start)" + String(repeating: " ", count: max(1, cells - 9)) + "+24h", 1, in: region, role: .dim)
    }

    mutating func quotaLine(_ quota: QuotaFacts, _ offset: Int, _ region: Region) {
        let cells = max(0, min(30, region.width - 66))
        let used = NumberText.percent(quota.used, of: quota.limit) ?? 0
        let isShort = quota.planned > quota.limit
        line([
            Span(quota.source.padded(to: 14) + " "), Span("["),
            Span(String(repeating: glyphs.barFull, count: cells * used / 100), isShort ? .bad : .good),
            Span(String(repeating: glyphs.barEmpty, count: cells - cells * used / 100), .dim), Span("] "),
            Span("\(NumberText.grouped(quota.used)) of \(NumberText.grouped(quota.limit)) used"),
            Span("  schedules need \(NumberText.grouped(quota.planned)) in 31 days", isShort ? .bad : .dim),
            Span("  \(NumberText.grouped(quota.forecast)) at the month's end", quota.forecast > quota.limit ? .bad : .dim),
        ], offset, in: region)
    }

    // MARK: - Destinations

    mutating func destinations(_ model: DashboardModel, _ layout: ScreenLayout) {
        guard let region = layout.table else { return }
        table(.destinations, model, in: region)
        guard let foot = layout.foot else { return }
        let list = model.list(.destinations)
        guard let index = list.rows[list.index], model.shown.destinations.indices.contains(index) else {
            return rule("no destination", row: foot.row, in: foot)
        }
        let view = model.shown.destinations[index]
        rule(view.destination, note: "secrets are never shown", row: foot.row, in: foot)
        let inside = Region(row: foot.row + 1, column: 1, width: width - 2, height: foot.height - 1)
        let name = ByteText(view.destination)
        let users = model.shown.syncs.filter { ByteText($0.view.destination) == name }
        let rejects = users.reduce(0) { $0 &+ max(0, $1.view.rejects) }
        var answer = [Span(view.last_answer ?? "none yet")]
        if let at = view.last_answer_at.flatMap({ Instant.parse(rfc3339: $0) }) {
            answer.append(Span("  \(ticker.age(of: at)) ago".ago, .dim))
        }
        let lines: [(String, [Span])] = [
            ("address", [Span(view.address), Span("  \(view.kind)", .dim)]),
            ("state", [Span(view.state, Theme.role(of: view.state)), Span("  \(view.reason ?? "")")]),
            ("breaker", [Span(view.breaker, view.breaker == "closed" ? .good : .bad)]),
            ("limit", [Span(view.rate.map { "\(NumberText.grouped($0)) members a second" } ?? "none")]),
            ("latency", [
                Span(view.latency_ms.map { "\($0) ms" } ?? "-"),
                Span("  \(view.in_flight) on the wire, \(NumberText.grouped(model.waiting(at: view.destination))) waiting", .dim),
            ]),
            ("answer", answer),
            ("used by", [Span(users.map(\.view.cohort).joined(separator: ", "))]),
            ("rejects", [Span(NumberText.grouped(rejects), rejects > 0 ? .warning : .dim)]),
        ]
        for (offset, item) in lines.enumerated() {
            line([Span(item.0.padded(to: 10), .dim)] + item.1, offset, in: inside)
        }
    }

    // MARK: - Rejects

    mutating func rejects(_ model: DashboardModel, _ layout: ScreenLayout) {
        guard let region = layout.table else { return }
        table(.rejects, model, in: region)
        guard let foot = layout.foot else { return }
        rule("by reason", row: foot.row, in: foot)
        let reasons = model.shown.reasons
        var text = reasons.common.map { "\(NumberText.grouped($0.count)) x \($0.reason)" }
        if reasons.others > 0 { text.append("and \(reasons.others) other reasons") }
        var offset = 1
        var line = ""
        for part in text where offset < foot.height {
            if !line.isEmpty, columns(of: line) + columns(of: part) + 5 > width {
                put(line, row: foot.row + offset, column: 1, width: width - 2)
                offset += 1
                line = ""
            }
            line += (line.isEmpty ? "" : "   ") + part
        }
        if offset < foot.height {
            put(line.isEmpty ? "none" : line, row: foot.row + offset, column: 1, width: width - 2)
        }
    }

    // MARK: - Engine

    mutating func engine(_ model: DashboardModel, _ region: Region) {
        let inside = Region(row: region.row + 1, column: 1, width: region.width - 2, height: region.height - 1)
        for (offset, item) in engineLines(model, width: inside.width).enumerated() {
            line([Span(item.0.padded(to: 12), .dim)] + item.1, offset, in: inside)
        }
    }

    mutating func engineLines(_ model: DashboardModel, width: Int) -> [(String, [Span])] {
        guard let view = model.shown.engine else { return [("engine", [Span("not connected", .warning)])] }
        var lines: [(String, [Span])] = []
        let started = Instant.parse(rfc3339: view.started_at)
        lines.append(("engine", [
            Span("rollcall \(view.version)"), Span("  pid \(view.pid)  \(view.purpose)", .dim),
            Span(started.map { "  up \(ticker.span(since: $0))" } ?? "", .dim),
        ]))
        lines.append(("workspace", [Span(view.workspace)]))
        lines.append(("sending", [view.frozen ? Span("frozen", .bad) : Span("allowed", .good)]))
        let late = view.lateness_ms.map { "starts at most \($0) ms late (p99)" }
        let isLate = (view.lateness_ms ?? 0) > 5_000
        lines.append(("scheduler", [
            view.schedules ? Span("follows schedules", .good) : Span("does not follow schedules", .warning),
            Span("  \(late ?? "no start measured yet")", isLate ? .warning : .dim),
        ]))
        let jump = view.clock_jump_ms ?? 0
        lines.append(("clock", [
            jump == 0 ? Span("steady", .good) : Span("jumped by \(jump) ms", .warning), Span("  \(view.now)", .dim),
        ]))
        lines.append(("store", [Span(NumberText.bytes(Int(clamping: view.store_bytes)))]))
        let loaded = Instant.parse(rfc3339: view.configuration_loaded_at)
        lines.append(("config", [
            Span(String(view.configuration_digest.prefix(12))),
            Span(loaded.map { "  loaded \(ticker.age(of: $0)) ago".ago } ?? "", .dim),
            Span(
                model.shown.configuration.isUnknown
                    ? "" : "  \(NumberText.counted(model.shown.configuration.cohorts.count, "cohort"))", .dim),
        ]))
        if let problem = view.configuration_error ?? model.shown.configuration.problem {
            for (index, text) in folded(problem, width: width - 12).enumerated() {
                lines.append((index == 0 ? "refused" : "", [Span(text, .error)]))
            }
            if model.shown.configuration.isUnknown { lines.append(("", [Span(ConfigurationFacts.unknownText, .warning)])) }
        } else {
            lines.append(("", [Span("the file on disk is the active one", .dim)]))
        }
        lines.append(("interface", [
            Span("version \(view.api)", .dim), Span("  \(connectionWords(model))", .dim),
        ]))
        let worst = model.shown.logs.newest(200).filter { $0.level.rawValue >= LogLine.Level.warning.rawValue }.suffix(3)
        for line in worst {
            let role: Role = line.level == .error ? .bad : .warning
            lines.append(("\(line.level)", [Span(ticker.moment(line.at) + "  ", .dim), Span(line.text, role)]))
        }
        return lines
    }

    private func connectionWords(_ model: DashboardModel) -> String {
        let data = model.shown
        return "\(NumberText.counted(data.events.end, "event")) seen, \(NumberText.counted(data.runs.count, "run")) kept"
    }
}
