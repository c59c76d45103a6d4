import Control
import Scheduling

/// What is shown where there is little room, and where there is little to show.
extension Painter {
    /// Below 60×12: what is wrong or under way first, a line each, the rest as a number.
    mutating func smallOverview(_ model: DashboardModel, _ layout: ScreenLayout) {
        let region = layout.body
        guard region.height > 0 else { return }
        let list = model.list(model.screen == .wallboard ? .wall : .syncs)
        let shown = (0..<list.rows.count).compactMap { index in list.rows[index].map { (index: index, row: $0) } }
            .filter { model.shown.syncs.indices.contains($0.row) }
        let room = region.height
        let isCut = shown.count > room
        let top = DashboardModel.top(of: list, height: isCut ? room - 1 : room)
        let visible = shown.dropFirst(top).prefix(isCut ? room - 1 : room)
        for (offset, item) in visible.enumerated() {
            let row = model.shown.syncs[item.row]
            smallLine(model, row, line: region.row + offset, region, isSelected: item.index == list.index)
        }
        if isCut {
            let rest = shown.dropFirst(top + visible.count)
            let pressing = rest.filter { isPressing(model.shownState(model.shown.syncs[$0.row])) }.count
            let text = pressing > 0 ? "\(rest.count) more, \(pressing) of them not ok" : "\(rest.count) more"
            put(text, row: region.bottom - 1, column: 3, width: region.width - 3, role: .dim)
        }
        if shown.isEmpty {
            let text = list.filter.isEmpty ? "waiting for the engine" : "nothing passes the filter"
            put(text, row: region.row, column: 1, width: region.width - 1, role: .dim)
        }
    }

    private func isPressing(_ state: String) -> Bool {
        ["failed", "blocked", "held", "late", "partial", "running"].contains(state)
    }

    private mutating func smallLine(
        _ model: DashboardModel, _ row: SyncRow, line: Int, _ region: Region, isSelected: Bool
    ) {
        let state = model.shownState(row)
        put(glyphs.glyph(of: state), row: line, column: 1, width: 1, role: Theme.role(of: state))
        let index = model.shown.syncs.firstIndex { $0.id == row.id } ?? 0
        let right = min(22, max(0, region.width - 16))
        let columns = Columns.all(of: .syncs)
        put(row.view.sync, row: line, column: 3, width: region.width - 4 - right)
        var place = region.width - right
        for id in ["status", "next"] where place < region.width {
            guard let column = columns.first(where: { $0.id == id }) else { continue }
            let span = model.cell(.syncs, index, column, width: 11, &self)
            put(span.text, row: line, column: place, width: min(11, region.width - place), role: span.role)
            place += 12
        }
        if isSelected {
            put(glyphs.cursor, row: line, column: 0, width: 1, role: .strong)
            restyle(row: line, column: 0, width: region.width, role: .selected)
        }
    }

    /// What a small screen is about: a line with its name and how that stands, and what its table does not say.
    mutating func smallHead(_ model: DashboardModel, _ layout: ScreenLayout) {
        guard let row = layout.titleRow else { return }
        let (name, state) = smallTitle(model)
        let stateWidth = columns(of: state.text)
        let room = max(12, width - stateWidth - 3)
        put(" " + name, row: row, column: 0, width: room, role: .strong)
        if room + stateWidth < width { put([state], row: row, column: width - stateWidth - 1, width: stateWidth) }
        guard let note = layout.smallNote else { return }
        switch model.screen {
        case .run(let id): smallRun(model, id, note)
        case .user(let user): smallUser(model, user, note)
        case .cohort(let sync):
            guard let view = model.shown.sync(sync.text)?.view else { return }
            line(view.reason ?? "\(view.schedule)  \(NumberText.grouped(view.ledger)) told", 0, in: note, role: .dim)
        case .rejects:
            let list = model.list(.rejects)
            guard let index = list.rows[list.index], model.shown.rejects.indices.contains(index) else { return }
            for (offset, text) in folded(model.shown.rejects[index].view.reason, width: note.width).enumerated() {
                line(text, offset, in: note, role: .warning)
            }
        default: break
        }
    }

    private func smallTitle(_ model: DashboardModel) -> (String, Span) {
        switch model.screen {
        case .cohort(let sync):
            guard let row = model.shown.sync(sync.text) else { return (sync.text, Span("")) }
            let state = model.shownState(row)
            return (sync.text, Span(state, Theme.role(of: state)))
        case .run(let id):
            guard let run = model.shown.runs.row(id) else { return ("run \(id.text)", Span("")) }
            return ("\(id.text) \(run.view.sync)", Span(run.word, Theme.role(of: run.word)))
        default:
            guard let kind = model.currentList else { return (model.screen.title, Span("")) }
            let count = model.list(kind).rows.count
            let place = count == 0 ? "none" : "\(model.list(kind).index + 1)/\(NumberText.grouped(count))"
            return (model.screen.title, Span(place, .dim))
        }
    }

    /// What a run changes and how much of it was taken, and why it stands where it does.
    private mutating func smallRun(_ model: DashboardModel, _ id: ByteText, _ region: Region) {
        guard let view = model.shown.runs.row(id)?.view else {
            return line("asking for the run \(glyphs.ellipsis)", 0, in: region, role: .dim)
        }
        line([
            Span("+\(NumberText.grouped(view.entered))", .entered), Span(" -\(NumberText.grouped(view.left))", .left),
            Span("  \(NumberText.grouped(view.accepted)) accepted"),
            Span("  \(NumberText.grouped(view.rejected)) rejected", view.rejected > 0 ? .warning : .dim),
        ], 0, in: region)
        line(view.held_by.first ?? view.reason ?? "read \(NumberText.grouped(view.read))", 1, in: region, role: .dim)
    }

    private mutating func smallUser(_ model: DashboardModel, _ user: ByteText, _ region: Region) {
        guard model.shown.userOf == user, !model.shown.user.isEmpty else {
            return line("looking the user up \(glyphs.ellipsis)", 0, in: region, role: .dim)
        }
        let views = model.shown.user
        let member = views.filter(\.member)
        if views.allSatisfy({ $0.told == "never" }) {
            line("never told", 0, in: region, role: .dim)
        } else {
            line([
                Span("in \(member.count) of \(views.count)", member.isEmpty ? .dim : .good),
                Span("  " + member.map(\.sync).joined(separator: ", ")),
            ], 0, in: region)
        }
    }

    /// Nothing is configured: what is missing, where it was looked for, which key comes next.
    mutating func emptyState(_ model: DashboardModel, _ layout: ScreenLayout) {
        let region = layout.body
        let path = model.shown.configuration.path
        let isMissing = model.shown.configuration.isMissing
        func key(_ action: Action) -> String {
            model.options.keymap.label(of: action, ascii: glyphs.isASCII) ?? ":"
        }
        var lines: [[Span]] = [
            [Span("No cohorts are configured yet.", .strong)], [],
            [Span("config   ", .dim), Span(path), Span(isMissing ? " does not exist" : "", .warning)],
            [Span("engine   ", .dim), Span(engineText(model))], [],
        ]
        if !model.options.isReadOnly {
            lines += [
                [Span(key(.addCohort), .key), Span("   add a cohort: a commented template in $EDITOR")],
                [Span(key(.editFile), .key), Span("   edit rollcall.yaml in $EDITOR")],
            ]
        }
        lines += [
            [Span(key(.help), .key), Span("   help")],
            [Span(key(.quit), .key), Span("   quit")], [],
            [Span("rollcall init writes a sample, rollcall demo shows one live", .dim)],
        ]
        let indent = layout.isSmall ? 1 : max(2, min(10, (region.width - 62) / 2))
        let top = max(0, min(3, region.height - lines.count))
        let shown = layout.isSmall ? lines.filter { !$0.isEmpty } : lines
        for (offset, spans) in shown.enumerated() where top + offset < region.height {
            put(spans, row: region.row + top + offset, column: indent, width: region.width - indent)
        }
    }

    private func engineText(_ model: DashboardModel) -> String {
        guard let engine = model.shown.engine else { return "not connected" }
        if !model.isWithoutEngine { return "version \(engine.version), pid \(engine.pid)" }
        return model.isHosted ? "this dashboard, once there is a configuration" : "none"
    }
}

extension ConfigurationFacts {
    /// Whether the file on disk is refused and no good one was ever seen: what the engine runs is its own secret then.
    var isUnknown: Bool { problem != nil && cohorts.isEmpty }
    static let unknownText = "rollcall.yaml is refused; what the engine runs is not shown here"
}
