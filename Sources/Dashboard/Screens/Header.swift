import Control
import Scheduling

/// The lines that every screen has: header, breadcrumbs, prompt line, key hints.
extension Painter {
    mutating func header(_ model: DashboardModel, _ layout: ScreenLayout) {
        guard layout.width >= 20, layout.height >= 4 else { return }
        var left = [Span(" rollcall", .title)]
        if !model.options.workspace.isEmpty, width >= 60 { left.append(Span(" " + model.options.workspace, .strong)) }
        left.append(Span(width >= 60 ? "  " : " "))
        left += connection(model)
        if model.options.isReadOnly { left.append(Span(" [RO]", .warning)) }
        if model.isHosted, !model.isWithoutEngine, width >= 90 { left.append(Span("  own engine", .dim)) }
        let used = put(left, row: 0, column: 0, width: width)
        var right = counts(model)
        if !layout.isSmall {
            let clock = self.clock(model)
            if !clock.isEmpty { right.append(Span(clock, .dim)) }
        }
        // What is least pressing goes first when there is no room.
        while right.count > 1, length(right) + used + 3 > width {
            // The quota stays beside what is most pressing.
            right.remove(at: right.count > 2 && right[0].text.hasPrefix("quota ") ? 1 : 0)
        }
        let column = max(used + 1, width - length(right) - 1)
        put(joined(right), row: 0, column: column, width: width - column)
        if !layout.isSmall { crumbs(model, layout) }
    }

    private func joined(_ spans: [Span]) -> [Span] {
        Array(spans.map { [$0] }.joined(separator: [Span("  ")]))
    }

    private func length(_ spans: [Span]) -> Int {
        spans.reduce(max(0, spans.count - 1) * 2) { $0 + columns(of: $1.text) }
    }

    private mutating func connection(_ model: DashboardModel) -> [Span] {
        switch model.connection {
        case .connecting: return [Span("\(glyphs.skipped) connecting", .active)]
        case .live where model.isWithoutEngine: return [Span("\(glyphs.skipped) no engine", .warning)]
        case .live: return [Span("\(glyphs.live) live", .good)]
        case .stale(let since): return [Span("\(glyphs.skipped) stale \(ticker.span(since: since))", .warning)]
        case .reconnecting(let attempt, let retry, let since):
            let text = "\(glyphs.cross) reconnecting (\(attempt)) \(ticker.span(until: retry))"
            guard width >= 60 else { return [Span(text, .bad)] }
            return [Span(text, .bad), Span("  \(ticker.span(since: since)) old", .warning)]
        }
    }

    /// The least pressing first.
    private func counts(_ model: DashboardModel) -> [Span] {
        let data = model.shown
        var states: [String: Int] = [:]
        for row in data.syncs {
            states[model.shownState(row), default: 0] += 1
        }
        let active = data.runs.active
        let queued = active.filter { $0.view.phase == "queued" }.count
        let rejects = data.syncs.reduce(0) { $0 &+ max(0, $1.view.rejects) }
        var spans = [
            Span("queue \(queued)", queued > 0 ? .normal : .dim),
            Span("run \(active.count - queued)", active.count > queued ? .active : .dim),
        ]
        // What is left of a month's downloads is always on screen (PRODUCT.md §5).
        if let quota = data.configuration.quotas.min(by: { $0.left < $1.left }) {
            let isShort = quota.forecast > quota.limit || quota.left < max(1, quota.limit / 10)
            spans.insert(Span("quota \(NumberText.compact(max(0, quota.left)))", isShort ? .bad : .dim), at: 0)
        }
        func add(_ word: String, _ count: Int, _ role: Role) {
            if count > 0 { spans.append(Span("\(word) \(NumberText.compact(count))", role)) }
        }
        add("down", data.destinations.count { $0.state == "failing" }, .bad)
        add("rej", rejects, .warning)
        add("partial", states["partial"] ?? 0, .warning)
        add("late", states["late"] ?? 0, .warning)
        add("held", states["held"] ?? 0, .held)
        add("blocked", states["blocked"] ?? 0, .bad)
        add("failed", states["failed"] ?? 0, .bad)
        return spans
    }

    /// The clock runs only while something else on the screen does, to the second only when that counts seconds: an idle
    /// screen costs nothing.
    private mutating func clock(_ model: DashboardModel) -> String {
        guard model.heldDisplay == nil, let next = ticker.next else { return "" }
        let text = ticker.clock(ticker.now)
        let step = next.milliseconds(since: ticker.now) <= DurationText.second + 1
            ? DurationText.second : DurationText.minute
        let past = ((ticker.now.milliseconds % step) + step) % step
        ticker.expects(ticker.now.advanced(milliseconds: step - past))
        let zone = width >= 110 ? " " + ticker.zone.identifier : ticker.mode == .utc ? "Z" : ""
        return (step == DurationText.second ? text : String(text.prefix(5))) + zone
    }

    // MARK: - Breadcrumbs

    private mutating func crumbs(_ model: DashboardModel, _ layout: ScreenLayout) {
        let titles = model.stack.map { screen in
            switch screen {
            case .editor: return "edit schedule of \(model.editor?.cohort ?? "")"
            case .run(let id): return screen.title + (model.shown.runs.row(id).map { " of \($0.view.sync)" } ?? "")
            default: return screen.title
            }
        }
        let path = titles.joined(separator: " \(glyphs.crumb) ")
        let note = self.note(model, layout)
        let noteWidth = note.reduce(0) { $0 + columns(of: $1.text) }
        let room = noteWidth + 20 <= width ? width - noteWidth - 2 : width
        put(" " + path, row: 1, column: 0, width: room, role: .strong)
        if room < width { put(note, row: 1, column: width - noteWidth - 1, width: noteWidth) }
    }

    private func note(_ model: DashboardModel, _ layout: ScreenLayout) -> [Span] {
        if model.screen == .editor {
            return [Span(model.editor?.isChanged == true ? "unsaved" : "", .warning)]
        }
        var parts: [Span] = []
        if case .cohort = model.screen {
            for tab in CohortTab.allCases {
                parts.append(tab == model.tab ? Span("[\(tab.title)]", .strong) : Span(" \(tab.title) ", .dim))
            }
            parts.append(Span("  Tab", .key))
            return parts
        }
        guard let kind = model.currentList else { return [] }
        let list = model.list(kind)
        let total = model.allRows(kind).count
        if kind.isStream, !list.follows {
            let new = max(0, model.allRows(kind).upperBound - list.seenEnd)
            parts.append(Span("\(glyphs.paused) paused", .warning))
            if new > 0 { parts.append(Span("  \(NumberText.grouped(new)) new  G follows", .active)) }
            parts.append(Span("   "))
        } else if kind.isStream {
            parts.append(Span("\(glyphs.running) following   ", .dim))
        }
        let count = list.filter.isEmpty
            ? "\(NumberText.grouped(list.rows.count)) \(noun(kind))"
            : "\(NumberText.grouped(list.rows.count))/\(NumberText.grouped(total))"
        // What a stream leaves out is said whole where there is room, and in any case that it is the newest part.
        let omission = model.omission
        let isCut = kind == .events && omission != nil
        let told = !isCut ? count : list.filter.isEmpty ? "newest \(count)" : "\(count) of the newest"
        parts.append(Span(told, list.filter.isEmpty ? .dim : .strong))
        let used = parts.reduce(0) { $0 + columns(of: $1.text) }
        if let omission, used + columns(of: omission) + 24 <= width { parts.append(Span("  " + omission, .dim)) }
        if !kind.isStream, let rows = layout.rows {
            let below = list.rows.count - DashboardModel.top(of: list, height: rows.height) - rows.height
            if below > 0 { parts.append(Span("  \(NumberText.grouped(below)) below", .active)) }
        }
        if let sort = list.sort {
            parts.append(Span("  sort \(sort.column)\(sort.isDescending ? glyphs.down : glyphs.up)", .dim))
        }
        if !list.filter.isEmpty { parts.append(Span("  filter \(list.filter.text)", .strong)) }
        if !list.marks.isEmpty { parts.append(Span("  marked \(NumberText.grouped(list.marks.count))", .strong)) }
        if model.timeMode != .relative { parts.append(Span("  \(model.timeMode.rawValue)", .dim)) }
        return parts
    }

    private func noun(_ kind: ListKind) -> String {
        switch kind {
        case .syncs, .wall: "syncs"
        case .runs, .cohortRuns: "runs"
        case .fires: "fires"
        case .events, .runEvents, .userEvents: "events"
        case .destinations: "destinations"
        case .rejects: "rejects"
        case .logs: "lines"
        case .members: "members"
        }
    }

    // MARK: - Prompt line and key hints

    mutating func promptLine(_ model: DashboardModel, _ layout: ScreenLayout) {
        let row = layout.height - 2
        guard layout.width >= 20, layout.height >= 6 else { return }
        let line = Region(row: row, column: 0, width: width, height: 1)
        switch model.layers.last {
        case .confirmation(let confirmation):
            clear(line)
            var spans = [Span(" " + confirmation.question, .strong)]
            if confirmation.wantedCount != nil { spans.append(Span(" " + confirmation.typed, .focusedField)) }
            put(spans, row: row, column: 0, width: width)
        case .filter(let field, _):
            prompt(" filter / ", field, row: row)
        case .userPrompt(let field):
            prompt(" user id: ", field, row: row)
        default:
            guard let toast = model.toast else { return }
            clear(line)
            let (mark, role): (String, Role) = switch toast.level {
            case .info: (glyphs.dot, .note)
            case .warning: (glyphs.late, .warning)
            case .error: (glyphs.cross, .error)
            }
            put([Span(" \(mark) ", role), Span(said(toast.text, width: width - 6), role)], row: row, column: 0, width: width)
        }
    }

    /// A sentence that ends in a path keeps the path's end where there is no room for all of it.
    private func said(_ text: String, width: Int) -> String {
        guard columns(of: text) > width, let blank = text.lastIndex(of: " "), text[blank...].hasPrefix(" /") else { return text }
        let head = String(text[...blank]) + glyphs.ellipsis
        var path = String(text[text.index(after: blank)...])
        while !path.isEmpty, columns(of: head + path) > width { path.removeFirst() }
        return path.isEmpty ? text : head + path
    }

    private mutating func prompt(_ label: String, _ field: TextField, row: Int) {
        clear(Region(row: row, column: 0, width: width, height: 1))
        let start = put(label, row: row, column: 0, width: width, role: .strong)
        draw(field, row: row, column: start, width: width - start - 1, isFocused: true)
    }

    /// A text being typed, scrolled so that the caret is in sight.
    mutating func draw(_ field: TextField, row: Int, column: Int, width: Int, isFocused: Bool) {
        guard width > 1 else { return }
        var first = 0
        let caret = field.caret
        while first < caret, columns(of: String(field.characters[first..<caret])) > width - 1 { first += 1 }
        let before = String(field.characters[first..<caret])
        let after = String(field.characters[caret...].prefix(width))
        let role: Role = isFocused ? .focusedField : .field
        put(String(repeating: " ", count: width), row: row, column: column, width: width, role: .field)
        let used = put(before, row: row, column: column, width: width, role: role)
        put(after, row: row, column: column + used, width: width - used, role: role)
        if isFocused { showCursor(row: row, column: column + min(used, width - 1)) }
    }

    mutating func footer(_ model: DashboardModel, _ layout: ScreenLayout) {
        guard layout.width >= 20, layout.height >= 4 else { return }
        let row = layout.height - 1
        clear(Region(row: row, column: 0, width: width, height: 1))
        var hints = self.hints(model)
        func length(_ hints: [(key: String, text: String, weight: Int)]) -> Int {
            hints.reduce(0) { $0 + columns(of: $1.key) + columns(of: $1.text) + 3 }
        }
        while hints.count > 1, length(hints) > width,
            let light = hints.indices.min(by: { hints[$0].weight < hints[$1].weight })
        {
            hints.remove(at: light)
        }
        var column = 1
        for hint in hints {
            column += put(hint.key, row: row, column: column, width: width - column, role: .key)
            column += put(" " + hint.text, row: row, column: column, width: width - column, role: .dim) + 2
        }
    }

    private func hints(_ model: DashboardModel) -> [(key: String, text: String, weight: Int)] {
        switch model.layers.last {
        case .confirmation(let confirmation):
            if let count = confirmation.wantedCount { return [("\(count) y", "accepts", 9), ("Esc", "cancels", 8)] }
            var hints = [("y", "yes", 9), ("any other key", "cancels", 8)]
            if confirmation.alternative != nil { hints.insert(("d", "dry run", 7), at: 1) }
            return hints
        case .filter: return [(enter, "keep", 9), ("Esc", "take back", 8), ("!not ~fuzzy status: to:", "", 5)]
        case .userPrompt: return [(enter, "look up", 9), ("Esc", "cancel", 8)]
        case .palette: return [("\(up)/\(down)", "choose", 5), ("Tab", "complete", 6), (enter, "run", 9), ("Esc", "close", 8)]
        case .help: return [("type", "to search", 7), ("\(up)/\(down)", "scroll", 6), ("? Esc", "close", 9)]
        case .menu(let menu):
            return menu.purpose == .sort
                ? [("j/k", "choose", 5), (enter, "sort", 9), ("Esc", "close", 8)]
                : [("j/k", "choose", 5), ("space", "show or hide", 9), ("Esc", "close", 8)]
        case .catalog:
            return [("A", "add", 9), ("E", "from a template", 7), ("j/k", "choose", 5), ("Esc", "close", 8)]
        case .approval: return [("y", "approve and send", 9), ("any other key", "leaves it held", 8)]
        case .plans, .output: return [("j/k", "scroll", 5), ("Esc", "close", 9)]
        case nil: return screenHints(model)
        }
    }

    private var enter: String { glyphs.enterKey }
    private var up: String { glyphs.up }
    private var down: String { glyphs.down }

    private func screenHints(_ model: DashboardModel) -> [(key: String, text: String, weight: Int)] {
        var hints: [(key: String, text: String, weight: Int)] = []
        let context = model.screen.context
        for binding in model.options.keymap.bindings where binding.weight > 0 {
            guard let key = binding.keys.first,
                model.options.keymap.action(for: key, in: context) == binding.action,
                model.whyDisabled(binding.action) == nil
            else { continue }
            let isFirstStep = model.isEmpty && [.addCohort, .editFile, .quit].contains(binding.action)
            let isAboutRun = [.approve, .discard, .cancel].contains(binding.action)
            let weight = binding.weight + (isFirstStep ? 70 : isAboutRun ? 40 : 0)
            hints.append((key.label(ascii: glyphs.isASCII), binding.hint, weight))
        }
        if let undo = model.undo, undo.until > model.now, let key = model.options.keymap.label(of: .undo) {
            hints.insert((key, "undo", 95), at: 0)
        }
        return hints
    }
}
