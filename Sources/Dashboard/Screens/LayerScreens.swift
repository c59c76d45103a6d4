import Control
import Scheduling

/// What is laid over a screen.
extension Painter {
    mutating func layer(_ model: DashboardModel, _ layout: ScreenLayout) {
        guard layout.width >= 20, layout.height >= 6 else { return }
        switch model.layers.last {
        case .help(let state): help(model, state, layout)
        case .palette(let state): palette(model, state, layout)
        case .menu(let menu): self.menu(model, menu, layout)
        case .catalog(let catalog): self.catalog(catalog, layout)
        case .approval(let run): approval(model, run, layout)
        case .plans(let plans, let scroll): self.plans(plans, scroll, layout)
        case .output(let title, let lines, let scroll): output(title, lines, scroll, layout)
        case .confirmation(let confirmation): question(model, confirmation, layout)
        case .filter, .userPrompt, nil: break
        }
    }

    /// A box in the middle that leaves the header and the last two lines free.
    private func middle(width wanted: Int, height: Int, _ layout: ScreenLayout) -> Region {
        let room = max(3, layout.height - 4)
        let width = min(wanted, layout.width)
        let tall = min(height, room)
        return Region(
            row: layout.isSmall ? 1 : 2 + max(0, (room - tall) / 3), column: (layout.width - width) / 2, width: width,
            height: tall)
    }

    // MARK: - Help

    private mutating func help(_ model: DashboardModel, _ state: HelpState, _ layout: ScreenLayout) {
        let lines = HelpText(model, search: state.field.text, ascii: glyphs.isASCII).lines
        let region = middle(width: 92, height: lines.count + 4, layout)
        let title = "Help: \(model.screen.title)"
        box(region, title: title, note: "type to search", isFocused: true)
        let inside = region.inside
        let shown = max(1, inside.height - 1)
        let scroll = min(state.scroll, max(0, lines.count - shown))
        prompt("search ", state.field, row: inside.row, inside)
        for (offset, spans) in lines.dropFirst(scroll).prefix(max(0, inside.height - 1)).enumerated() {
            line(spans, offset + 1, in: inside)
        }
        more(below: lines.count - scroll - (inside.height - 1), region)
    }

    private mutating func prompt(_ label: String, _ field: TextField, row: Int, _ region: Region) {
        let start = put(label, row: row, column: region.column, width: region.width, role: .dim)
        draw(field, row: row, column: region.column + start, width: region.width - start, isFocused: true)
    }

    private mutating func more(below count: Int, _ region: Region) {
        guard count > 0 else { return }
        put(
            " \(count) more \(glyphs.down) ", row: region.bottom - 1, column: region.column + 2,
            width: region.width - 4, role: .dim)
    }

    // MARK: - Palette

    private mutating func palette(_ model: DashboardModel, _ state: PaletteState, _ layout: ScreenLayout) {
        let entries = PaletteEntries(model).matching(state.field.text)
        let region = middle(width: 76, height: max(8, min(18, entries.count + 5)), layout)
        box(region, title: "commands", note: "Tab completes", isFocused: true)
        let inside = region.inside
        prompt(": ", state.field, row: inside.row, inside)
        let room = max(1, inside.height - 2)
        let first = max(0, min(state.selected - room + 1, entries.count - room))
        for (offset, entry) in entries.dropFirst(first).prefix(max(0, inside.height - 2)).enumerated() {
            let isSelected = first + offset == state.selected
            let row = inside.row + 2 + offset
            put(isSelected ? glyphs.cursor : " ", row: row, column: inside.column, width: 1, role: .strong)
            let half = max(12, inside.width * 2 / 5)
            let keyWidth = 7
            put(entry.command, row: row, column: inside.column + 2, width: half - 2)
            put(
                entry.title, row: row, column: inside.column + half + 1,
                width: inside.width - half - keyWidth - 2, role: .dim)
            put(entry.key, row: row, column: inside.column + inside.width - keyWidth, width: keyWidth, role: .key, align: .right)
            if isSelected { restyle(row: row, column: inside.column, width: inside.width, role: .selected) }
        }
        if entries.isEmpty { put("no such command", row: inside.row + 2, column: inside.column + 2, width: inside.width - 2, role: .dim) }
        more(below: entries.count - first - room, region)
    }

    // MARK: - Menus

    private mutating func menu(_ model: DashboardModel, _ menu: MenuState, _ layout: ScreenLayout) {
        let columns = Columns.all(of: menu.list)
        let list = model.list(menu.list)
        let region = middle(width: 36, height: columns.count + 2, layout)
        box(region, title: menu.purpose == .sort ? "sort by" : "columns", isFocused: true)
        let inside = region.inside
        let first = max(0, min(menu.selected - inside.height + 1, columns.count - inside.height))
        for (offset, column) in columns.dropFirst(first).prefix(inside.height).enumerated() {
            let isSelected = first + offset == menu.selected
            let mark: String
            if menu.purpose == .sort {
                mark = list.sort?.column == column.id ? list.sort?.isDescending == true ? glyphs.down : glyphs.up : " "
            } else {
                mark = column.priority == 0 || !list.hiddenColumns.contains(column.id) ? glyphs.tick : " "
            }
            line([Span(" \(mark) "), Span(column.title)], offset, in: inside)
            if isSelected { restyle(row: inside.row + offset, column: inside.column, width: inside.width, role: .selected) }
        }
    }

    /// Every cohort that a source has, with its size and its last computation.
    private mutating func catalog(_ catalog: CatalogState, _ layout: ScreenLayout) {
        let region = middle(width: 100, height: catalog.entries.count + 3, layout)
        box(region, title: "cohorts of \(Set(catalog.entries.map(\.source)).sorted().joined(separator: ", "))",
            note: "A adds  E template", isFocused: true)
        let inside = region.inside
        let nameWidth = max(12, inside.width - 52)
        let heading = " " + "NAME".padded(to: nameWidth) + " " + "ID".padded(to: 12) + "      SIZE  COMPUTED  "
        line([Span(heading, .heading)], 0, in: inside)
        let room = max(0, inside.height - 1)
        let first = max(0, min(catalog.selected - room + 1, catalog.entries.count - room))
        for (offset, entry) in catalog.entries.dropFirst(first).prefix(room).enumerated() {
            let row = inside.row + 1 + offset
            let isUsable = entry.obstacle == nil && entry.configured_as.isEmpty
            let computed = entry.computed_at.flatMap { Instant.parse(rfc3339: $0) }
            let role: Role = isUsable ? .normal : .dim
            put(entry.name, row: row, column: inside.column + 1, width: nameWidth, role: role)
            var column = inside.column + nameWidth + 2
            put(entry.id, row: row, column: column, width: 12, role: .dim)
            column += 12
            put(
                entry.size.map(NumberText.grouped) ?? "-", row: row, column: column, width: 10, role: role, align: .right)
            column += 12
            put(computed.map { ticker.span(since: $0) } ?? "-", row: row, column: column, width: 8, role: .dim)
            column += 10
            let note = entry.obstacle ?? entry.configured_as.first.map { "as \($0)" } ?? ""
            put(note, row: row, column: column, width: max(0, inside.column + inside.width - column), role: .dim)
            if first + offset == catalog.selected {
                restyle(row: row, column: inside.column, width: inside.width, role: .selected)
            }
        }
    }

    // MARK: - Plans

    private mutating func approval(_ model: DashboardModel, _ id: ByteText, _ layout: ScreenLayout) {
        guard let run = model.data.runs.row(id) else { return }
        let view = run.view
        var lines: [[Span]] = []
        if !run.isHeld {
            lines.append([Span("run \(view.run) is not held any more: \(run.word)", .warning)])
        }
        // The numbers come first: on the smallest screen they are what `y` is about, and labels give way to them.
        func label(_ text: String) -> Span { Span(layout.isSmall ? "" : text.padded(to: 10), .dim) }
        lines.append([
            label("changes"), Span("+\(NumberText.grouped(view.entered)) entered", .entered), Span("  "),
            Span("-\(NumberText.grouped(view.left)) left", .left),
            Span("  \(NumberText.grouped(view.unchanged)) unchanged", .dim),
        ])
        if let before = view.ledger_before {
            let percent = NumberText.percent(view.left, of: before) ?? 0
            lines.append([
                label("ledger"), Span(NumberText.grouped(before)),
                Span(" then \(NumberText.grouped(before &+ view.entered &- view.left))"),
                Span("   \(percent)% leave", percent > 20 ? .warning : .dim),
            ])
        }
        for held in view.held_by {
            let room = layout.isSmall ? layout.width - 4 : min(64, layout.width - 16)
            for (index, text) in wrapped(held, width: room).prefix(layout.isSmall ? 2 : 8).enumerated() {
                lines.append([label(index == 0 ? "held by" : ""), Span(text, .held)])
            }
        }
        let history = (model.data.runs.history[ByteText(view.sync)] ?? []).filter { $0.outcome == "succeeded" }
        if !history.isEmpty {
            let entered = history.reduce(0) { $0 &+ $1.entered } / history.count
            let left = history.reduce(0) { $0 &+ $1.left } / history.count
            lines.append([Span("usually   ", .dim), Span("+\(NumberText.grouped(entered)) -\(NumberText.grouped(left)) a run")])
        }
        if view.withheld > 0 {
            lines.append([Span("withheld  ", .dim), Span(NumberText.grouped(view.withheld) + " leaves", .warning)])
        }
        for note in view.notes.prefix(2) { lines.append([Span("note      ", .dim), Span(note)]) }
        lines.append([Span("trait     ", .dim), Span(view.trait)])
        lines.append([Span("plan      ", .dim), Span(view.plan ?? "-")])
        lines.append([])
        let sample = model.data.runEventsOf == id ? model.data.runEvents.prefix(8) : []
        if sample.isEmpty { lines.append([Span("reading a sample \(glyphs.ellipsis)", .dim)]) }
        for event in sample {
            let isLeave = event.view.event == "left"
            lines.append([Span(isLeave ? "  - left     " : "  + entered  ", isLeave ? .left : .entered), Span(event.view.user)])
        }
        var region = middle(width: 78, height: lines.count + 2, layout)
        if layout.isSmall { region.height = min(lines.count + 2, layout.height - 3) }
        box(region, title: "approve \(view.sync), run \(view.run)?", note: "y sends it", isFocused: true)
        for (offset, spans) in lines.enumerated() { line(spans, offset, in: region.inside) }
    }

    private mutating func plans(_ plans: [PlanView], _ scroll: Int, _ layout: ScreenLayout) {
        var lines: [[Span]] = []
        for plan in plans.prefix(100) {
            lines.append([Span(plan.sync, .strong), Span("  nothing was sent", .dim)])
            lines.append([
                Span("  changes   ", .dim), Span("+\(NumberText.grouped(plan.entered)) entered", .entered), Span("  "),
                Span("-\(NumberText.grouped(plan.left)) left", .left),
                Span("  \(NumberText.grouped(plan.unchanged)) unchanged", .dim),
            ])
            if let entered = plan.usual_entered, let left = plan.usual_left {
                lines.append([
                    Span("  usually   ", .dim),
                    Span("+\(NumberText.oneDecimal(entered)) -\(NumberText.oneDecimal(left)) a run"),
                ])
            }
            lines.append([
                Span("  sending   ", .dim),
                Span("\(NumberText.counted(plan.requests, "request")), \(NumberText.bytes(plan.bytes)), "
                    + DurationText.taken(seconds: plan.seconds)),
            ])
            if plan.invalid > 0 || plan.withheld > 0 {
                lines.append([Span("  invalid   ", .dim), Span(
                    "\(NumberText.grouped(plan.invalid)) rows, \(NumberText.grouped(plan.withheld)) leaves withheld",
                    .warning)])
            }
            for held in plan.held_by { lines.append([Span("  would be held  ", .held), Span(held)]) }
            for note in plan.notes.prefix(3) { lines.append([Span("  note      ", .dim), Span(note)]) }
            lines.append([Span("  plan      ", .dim), Span(plan.plan, .dim)])
            for change in plan.sample.prefix(10) {
                let isLeave = change.event == "left"
                lines.append([Span(isLeave ? "    - left     " : "    + entered  ", isLeave ? .left : .entered), Span(change.user)])
            }
            lines.append([])
        }
        pager("dry run", lines, scroll, layout)
    }

    /// Text whose long lines are folded. It scrolls by whole lines, and only what shows is folded.
    private mutating func output(_ title: String, _ lines: [String], _ scroll: Int, _ layout: ScreenLayout) {
        let width = max(60, layout.width - 8)
        let room = min(width, layout.width) - 4
        var height = 0
        for line in lines where height < layout.height { height += folded(line, width: room).count }
        let region = middle(width: width, height: height + 2, layout)
        box(region, title: title, note: "Esc closes", isFocused: true)
        let inside = region.inside
        // No further down than to where the last line is on the last row.
        var last = lines.count
        var taken = 0
        while last > 0 {
            taken += folded(lines[last - 1], width: room).count
            guard taken <= inside.height || last == lines.count else { break }
            last -= 1
        }
        var next = min(scroll, last)
        var offset = 0
        while next < lines.count, offset < inside.height {
            for part in folded(lines[next], width: room) {
                line([Span(part)], offset, in: inside)
                offset += 1
            }
            next += 1
        }
        more(below: lines.count - next, region)
    }

    private mutating func pager(_ title: String, _ lines: [[Span]], _ scroll: Int, _ layout: ScreenLayout) {
        let region = middle(width: max(60, layout.width - 8), height: lines.count + 2, layout)
        box(region, title: title, note: "Esc closes", isFocused: true)
        let inside = region.inside
        let first = min(scroll, max(0, lines.count - inside.height))
        for (offset, spans) in lines.dropFirst(first).prefix(inside.height).enumerated() {
            line(spans, offset, in: inside)
        }
        more(below: lines.count - first - inside.height, region)
    }

    /// What has to be seen before a question is answered.
    private mutating func question(_ model: DashboardModel, _ confirmation: Confirmation, _ layout: ScreenLayout) {
        guard case .effects(let effects) = confirmation.accepted, let effect = effects.first else { return }
        switch effect {
        case .approve(let run, _, true): withheld(model, ByteText(run), layout)
        case .approve(let run, _, false): approval(model, ByteText(run), layout)
        case .saveSchedule: change(model, layout)
        default: break
        }
    }

    /// The rows that withheld a run's leaves.
    private mutating func withheld(_ model: DashboardModel, _ id: ByteText, _ layout: ScreenLayout) {
        guard let view = model.data.runs.row(id)?.view else { return }
        let width = min(78, layout.width)
        var lines: [[Span]] = [[
            Span("\(NumberText.grouped(view.withheld)) leaves withheld", .left),
            Span("  \(NumberText.counted(view.unreadable, "unreadable row"))", .warning),
        ]]
        for bad in view.bad_rows.prefix(100) {
            for text in folded("row \(bad.position): \(bad.reason)", width: width - 4) { lines.append([Span(text)]) }
        }
        if view.bad_rows.isEmpty { lines.append([Span("no bad row was kept", .dim)]) }
        var region = middle(width: width, height: lines.count + 2, layout)
        if layout.isSmall { region.height = min(lines.count + 2, layout.height - 3) }
        box(region, title: "leaves of \(view.sync), run \(view.run)", isFocused: true)
        for (offset, spans) in lines.enumerated() { line(spans, offset, in: region.inside) }
        more(below: lines.count - region.inside.height, region)
    }

    /// The changed lines of `rollcall.yaml`, before they are written.
    private mutating func change(_ model: DashboardModel, _ layout: ScreenLayout) {
        guard model.screen == .editor, let editor = model.editor else { return }
        var lines: [[Span]] = []
        func add(_ text: String?, _ mark: String, _ role: Role) {
            guard let text else { return }
            for (index, part) in folded(text, width: layout.width - 4 - mark.count).enumerated() {
                lines.append([Span(index == 0 ? mark : String(repeating: " ", count: mark.count), role), Span(part)])
            }
        }
        for edit in editor.change {
            add(edit.old, "\(edit.line) - ", .left)
            add(edit.new, "\(edit.line) + ", .entered)
        }
        let height = min(lines.count + 2, max(3, layout.height - 4))
        let region = Region(
            row: max(0, layout.height - 2 - height), column: 0, width: layout.width, height: height)
        box(region, title: "change of rollcall.yaml", isFocused: true)
        for (offset, spans) in lines.enumerated() { line(spans, offset, in: region.inside) }
    }
}

extension Painter {
    /// A line as the lines that fit a width: broken at a blank where one is near, with what is between words as it was,
    /// so that columns stay where they are.
    func folded(_ text: String, width: Int) -> [String] {
        guard width > 8, text.utf8.count > width else { return [text] }
        var lines: [String] = []
        var part = ""
        var used = 0
        for character in text {
            let taken = columns(of: String(character))
            if used + taken > width {
                // The word that does not fit goes along, unless it takes most of the line.
                var moved = ""
                if character != " ", let blank = part.lastIndex(of: " "),
                    part.distance(from: blank, to: part.endIndex) < width / 2
                {
                    moved = String(part[part.index(after: blank)...])
                    part = String(part[..<blank])
                }
                lines.append(part)
                part = "  " + moved
                used = columns(of: part)
                if character == " " { continue }
            }
            part.append(character)
            used += taken
        }
        return lines + [part]
    }
}

/// The lines of the help of a screen: what works here and now, from the key table.
struct HelpText {
    let lines: [[Span]]

    init(_ model: DashboardModel, search: String, ascii: Bool) {
        let keymap = model.options.keymap
        let wanted = search.lowercased()
        let context = model.screen.context
        var lines: [[Span]] = []
        let groups: [KeyGroup] = [.act, .editor, .select, .find, .view, .save, .screens, .move, .app]
        for group in groups {
            let rows = keymap.bindings.filter { binding in
                guard binding.group == group, let key = binding.keys.first,
                    keymap.action(for: key, in: context) == binding.action,
                    !(model.options.isReadOnly && binding.changes),
                    binding.action != .follow || model.currentList?.isStream == true
                else { return false }
                return Self.fits(binding, wanted)
            }
            guard !rows.isEmpty else { continue }
            lines.append([Span(group.rawValue, .heading)])
            if wanted.isEmpty, group == .screens || group == .move {
                lines += Self.flowing(rows, ascii: ascii)
                continue
            }
            for row in rows {
                let keys = row.keys.map { $0.label(ascii: ascii) }.joined(separator: " ")
                let changed = keymap.changed.contains(row.action) ? " *" : ""
                lines.append([
                    Span("  " + (keys + changed).padded(to: 10), .key), Span(row.title),
                    Span(row.command.map { "   :\($0)" } ?? "", .dim),
                ])
            }
        }
        if lines.isEmpty { lines.append([Span("no key fits that; : has every command", .dim)]) }
        if !keymap.changed.isEmpty { lines.append([Span("* changed in dashboard.yaml", .dim)]) }
        self.lines = lines
    }

    private static func fits(_ binding: Binding, _ wanted: String) -> Bool {
        guard !wanted.isEmpty else { return true }
        let words = [binding.title, binding.hint, binding.action.rawValue, binding.command ?? ""]
        return words.contains { $0.lowercased().contains(wanted) } || Filter.isSubsequence(wanted, of: binding.hint)
    }

    /// Keys that everybody guesses take little room: several on a line.
    private static func flowing(_ rows: [Binding], ascii: Bool) -> [[Span]] {
        var lines: [[Span]] = []
        for (index, row) in rows.enumerated() {
            if index % 3 == 0 { lines.append([Span("  ")]) }
            let keys = row.keys.map { $0.label(ascii: ascii) }.joined(separator: " ")
            lines[lines.count - 1] += [
                Span(keys.padded(to: 10), .key), Span(String(row.hint.prefix(13)).padded(to: 14)),
            ]
        }
        return lines
    }
}
