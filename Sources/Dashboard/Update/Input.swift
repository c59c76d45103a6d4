import Control
import Scheduling

extension DashboardModel {
    mutating func take(_ input: TerminalInput) {
        switch input {
        case .resized(let width, let height):
            self.width = min(max(1, width), 10_000)
            self.height = min(max(1, height), 10_000)
            if let kind = currentList {
                refresh(kind)
                keepInView(kind)
            }
        case .focus: break
        case .paste(let text): paste(text)
        case .mouse(let row, _, let button): click(row, button)
        case .key(.control("c")): interrupt()
        case .key(let key):
            if toast?.level == .error, layers.isEmpty { toast = nil }
            press(key)
        }
    }

    private mutating func press(_ key: Key) {
        if !layers.isEmpty { return press(key, on: layers[layers.count - 1]) }
        if screen == .editor { return pressInEditor(key) }
        if let action = options.keymap.action(for: key, in: screen.context) { perform(action) }
    }

    /// Ctrl-C cancels what is open; twice within a second it quits.
    private mutating func interrupt() {
        if !layers.isEmpty {
            cancelLayer()
        } else if let last = interruptedAt, now.milliseconds(since: last) <= 1_000 {
            quit()
        } else {
            interruptedAt = now
            say("Ctrl-C again quits")
        }
    }

    /// Pasted text goes into the field that is open, or nowhere; it never acts.
    private mutating func paste(_ text: String) {
        switch layers.last {
        case .filter(var field, let before):
            field.paste(text)
            replaceLayer(.filter(field, before: before))
            setFilter(field.text)
        case .userPrompt(var field):
            field.paste(text)
            replaceLayer(.userPrompt(field))
        case .palette(var state):
            state.field.paste(text)
            state.selected = 0
            replaceLayer(.palette(state))
        case .help(var state):
            state.field.paste(text)
            replaceLayer(.help(state))
        case nil where screen == .editor:
            if editor?.paste(text, now: now) != true { say("the paste was ignored: this field takes no text", .warning) }
        default: say("the paste was ignored: no field is open", .warning)
        }
    }

    /// A click selects the row under it, the wheel moves; nothing else happens by mouse.
    private mutating func click(_ row: Int, _ button: Int) {
        guard layers.isEmpty, let kind = currentList else { return }
        switch button {
        case 4: move(by: -3)
        case 5: move(by: 3)
        default:
            guard let region = ScreenLayout(self).rows, row >= region.row, row < region.bottom else { return }
            refresh(kind)
            let index = list(kind).top + row - region.row
            if index < list(kind).rows.count { move(to: index) }
        }
    }

    mutating func replaceLayer(_ layer: Layer) {
        guard !layers.isEmpty else { return }
        layers[layers.count - 1] = layer
    }

    // MARK: - Layers

    private mutating func press(_ key: Key, on layer: Layer) {
        switch layer {
        case .confirmation(let confirmation): press(key, on: confirmation)
        case .filter(let field, let before): press(key, field, before)
        case .userPrompt(let field): press(key, user: field)
        case .palette(let state): press(key, on: state)
        case .help(let state): press(key, on: state)
        case .menu(let menu): press(key, on: menu)
        case .catalog(let catalog): press(key, on: catalog)
        case .approval(let run): press(key, approving: run)
        case .plans(let plans, let scroll):
            if let moved = scrolled(scroll, by: key) {
                replaceLayer(.plans(plans, scroll: moved))
            } else {
                layers.removeLast()
            }
        case .output(let title, let lines, let scroll):
            if key == .character("P") { return outbox.append(.dumpScreen(name: nil)) }
            if let moved = scrolled(scroll, by: key) {
                replaceLayer(.output(title: title, lines: lines, scroll: min(moved, max(0, lines.count - 1))))
            } else if key != .enter {
                layers.removeLast()
            }
        }
    }

    /// Where a text is scrolled to; nil when the key does not scroll.
    private func scrolled(_ scroll: Int, by key: Key) -> Int? {
        switch key {
        case .down, .character("j"): min(scroll + 1, 100_000)
        case .up, .character("k"): max(0, scroll - 1)
        case .pageDown, .control("d"): min(scroll + max(1, height / 2), 100_000)
        case .pageUp, .control("u"): max(0, scroll - max(1, height / 2))
        case .home, .character("g"): 0
        default: nil
        }
    }

    mutating func cancelLayer() {
        guard let layer = layers.popLast() else { return }
        switch layer {
        case .filter(_, let before): setFilter(before.text)
        case .confirmation: say("nothing was done")
        default: break
        }
    }

    private mutating func press(_ key: Key, on confirmation: Confirmation) {
        if let wanted = confirmation.wantedCount {
            switch key {
            case .character(let digit) where digit.isASCII && digit.isNumber && confirmation.typed.count < 12:
                var changed = confirmation
                changed.typed.append(digit)
                return replaceLayer(.confirmation(changed))
            case .backspace:
                var changed = confirmation
                if !changed.typed.isEmpty { changed.typed.removeLast() }
                return replaceLayer(.confirmation(changed))
            case .character("y") where confirmation.typed == String(wanted): break
            default: return cancelLayer()
            }
        }
        let acceptance: Confirmation.Acceptance? = switch key {
        case .character("y"): confirmation.accepted
        case .character("d"): confirmation.alternative
        default: nil
        }
        guard let acceptance else { return cancelLayer() }
        layers.removeLast()
        accept(acceptance)
    }

    private mutating func accept(_ acceptance: Confirmation.Acceptance) {
        switch acceptance {
        case .effects(let effects):
            outbox += effects
            for case .plan(let names, _) in effects { say("planning \(named(names))...") }
        case .leaveEditor: leave()
        case .quit:
            isQuitting = true
            outbox.append(.quit)
        }
    }

    private mutating func press(_ key: Key, approving run: ByteText) {
        // Where the screen is too small for the numbers nothing can be approved.
        guard width >= 20, height >= 6 else { return cancelApproval() }
        guard key == .character("y"), let row = data.runs.row(run), row.isHeld else { return cancelApproval() }
        layers.removeLast()
        outbox.append(.approve(run: run.text, reason: nil, leaves: false))
        say("approving run \(run.text)...")
    }

    private mutating func cancelApproval() {
        layers.removeLast()
        say("nothing was approved; the plan stays held")
    }

    // MARK: - Fields

    private mutating func press(_ key: Key, _ field: TextField, _ before: Filter) {
        switch key {
        case .escape: cancelLayer()
        case .enter: layers.removeLast()
        case .up: move(by: -1)
        case .down: move(by: 1)
        default:
            var field = field
            guard field.handle(key) else { return }
            replaceLayer(.filter(field, before: before))
            setFilter(field.text)
        }
    }

    private mutating func press(_ key: Key, user field: TextField) {
        switch key {
        case .escape: layers.removeLast()
        case .enter:
            layers.removeLast()
            // Nothing typed means whoever is in the selected row.
            let user = field.text.isEmpty ? selectedUser ?? "" : field.text
            if !user.isEmpty { open(.user(ByteText(user))) }
        default:
            var field = field
            if field.handle(key) { replaceLayer(.userPrompt(field)) }
        }
    }

    mutating func setFilter(_ text: String) {
        guard let kind = currentList, var list = lists[kind] else { return }
        let filter = Filter(text)
        guard filter != list.filter else { return }
        if !list.filter.isEmpty { list.lastFilter = list.filter }
        list.filter = filter
        list.isStale = true
        lists[kind] = list
    }

    private mutating func press(_ key: Key, on menu: MenuState) {
        var menu = menu
        let columns = Columns.all(of: menu.list)
        switch key {
        case .down, .character("j"): menu.selected = min(menu.selected + 1, max(0, columns.count - 1))
        case .up, .character("k"): menu.selected = max(0, menu.selected - 1)
        case .enter, .character(" "):
            guard columns.indices.contains(menu.selected) else { return layers.removeLast().forget() }
            let column = columns[menu.selected]
            if menu.purpose == .sort {
                layers.removeLast()
                return sort(menu.list, by: column.id)
            }
            if key == .enter { return layers.removeLast().forget() }
            toggle(column, in: menu.list)
        default: return layers.removeLast().forget()
        }
        replaceLayer(.menu(menu))
    }

    private mutating func toggle(_ column: Column, in kind: ListKind) {
        guard column.priority > 0 else { return say("\(column.title.lowercased()) always stays", .warning) }
        if lists[kind]?.hiddenColumns.remove(column.id) == nil { lists[kind]?.hiddenColumns.insert(column.id) }
    }

    private mutating func press(_ key: Key, on help: HelpState) {
        var help = help
        switch key {
        case .escape, .enter, .character("?"): return layers.removeLast().forget()
        case .down: help.scroll = min(help.scroll + 1, 500)
        case .up: help.scroll = max(0, help.scroll - 1)
        case .pageDown: help.scroll = min(help.scroll + max(1, height / 2), 500)
        case .pageUp: help.scroll = max(0, help.scroll - max(1, height / 2))
        default:
            guard help.field.handle(key) else { return }
            help.scroll = 0
        }
        replaceLayer(.help(help))
    }
}

extension Layer {
    /// Says that what was taken off the stack is not needed.
    fileprivate func forget() {}
}
