import Control
import Scheduling

extension DashboardModel {
    /// Why an action makes no sense here and now, for a person; nil when it does.
    func whyDisabled(_ action: Action) -> String? {
        guard let binding = options.keymap.binding(of: action) else { return "there is no such action" }
        if options.isReadOnly, binding.changes {
            return "read-only: \(binding.hint) is off; start without --read-only to change things"
        }
        if binding.changes || action == .dryRun, !isReachable {
            return "the engine is away: \(binding.hint) has to wait until it is back"
        }
        if Self.needsRows.contains(action), let kind = currentList, list(kind).rows.count == 0 {
            return "this list is empty"
        }
        switch action {
        case .sync: return noSync() ?? (data.isFrozen ? "everything is frozen; F lifts it" : nil)
        case .dryRun, .pause: return noSync()
        case .editSchedule: return noSync()
        case .cancel: return activeRuns.isEmpty ? "no run is under way here" : nil
        case .approve, .discard: return heldRuns.isEmpty ? "no plan is held here" : nil
        case .undo: return undo == nil ? "nothing to undo" : nil
        case .retry, .dismiss: return targetRejects.isEmpty ? "no reject is selected" : nil
        case .follow: return currentList?.isStream == true ? nil : "only streams can be followed"
        case .nextPane, .previousPane: return hasPanes ? nil : "this screen has one pane"
        case .left, .right, .mark, .markRange, .markAll, .filter, .nextMatch, .previousMatch, .sort, .sortLeft,
            .sortRight, .invert, .columns, .copyCell, .copyRow, .saveTable:
            return currentList == nil ? "this screen has no table" : nil
        case .open: return currentList == nil ? "nothing to open here" : nil
        default: return nil
        }
    }

    private static let needsRows: Set<Action> = [
        .open, .mark, .markRange, .markAll, .copyCell, .copyRow, .saveTable, .sort,
    ]

    private var isReachable: Bool {
        switch connection {
        case .live, .stale: true
        case .connecting, .reconnecting: false
        }
    }

    private var hasPanes: Bool {
        switch screen {
        case .overview, .cohort: true
        default: false
        }
    }

    private func noSync() -> String? { targetSyncs.isEmpty ? "no sync is selected" : nil }

    // MARK: - What an action is about

    /// Keys of the marked rows, or of the selected one.
    private func targetKeys(_ kind: ListKind) -> [RowKey] {
        let list = list(kind)
        if !list.marks.isEmpty {
            let rows = allRows(kind)
            return rows.compactMap { key(kind, $0) }.filter(list.marks.contains)
        }
        return list.selected.map { [$0] } ?? []
    }

    private func selectedRows(_ kind: ListKind) -> [Int] {
        let list = list(kind)
        guard list.marks.isEmpty else {
            return allRows(kind).filter { key(kind, $0).map(list.marks.contains) ?? false }
        }
        return selectedRow(kind).map { [$0] } ?? []
    }

    /// The syncs that the marked rows or the selected one belong to, each once.
    var targetSyncs: [String] {
        switch screen {
        case .cohort(let sync): return [sync.text]
        case .run(let run): return data.runs.row(run).map { [$0.view.sync] } ?? []
        default: break
        }
        guard let kind = currentList else { return [] }
        var seen: Set<ByteText> = []
        return selectedRows(kind).flatMap { syncs(kind, $0) }.filter { seen.insert(ByteText($0)).inserted }
    }

    private func syncs(_ kind: ListKind, _ row: Int) -> [String] {
        let data = shown
        switch kind {
        case .syncs, .wall: return data.syncs.indices.contains(row) ? [data.syncs[row].view.sync] : []
        case .runs, .cohortRuns: return data.runs.row(at: row).map { [$0.view.sync] } ?? []
        case .fires: return data.fires.indices.contains(row) ? data.fires[row].syncs : []
        case .events, .runEvents, .userEvents: return event(kind, row).map { [$0.view.sync] } ?? []
        case .rejects: return data.rejects.indices.contains(row) ? [data.rejects[row].view.sync] : []
        case .destinations, .logs, .members: return []
        }
    }

    /// Runs that the marked rows or the selected one are about.
    private var targetRuns: [RunRow] {
        if case .run(let run) = screen { return data.runs.row(run).map { [$0] } ?? [] }
        if let kind = currentList, kind == .runs || kind == .cohortRuns {
            let chosen = targetKeys(kind).compactMap { $0.text.flatMap { data.runs.row(ByteText($0)) } }
            if kind == .runs || chosen.contains(where: { $0.isActive || $0.isHeld }) { return chosen }
        }
        // The runs that the display names, as they are now: a held display must not act on what came since.
        let syncs = Set(targetSyncs.map(ByteText.init))
        let named = shown.syncs.filter { syncs.contains($0.id) }.flatMap { [$0.view.running, $0.view.held_run] }
        var ids = named.compactMap { $0.map(ByteText.init) }
        let known = Set(ids)
        ids += shown.runs.active.filter { syncs.contains(ByteText($0.view.sync)) && !known.contains($0.id) }.map(\.id)
        return ids.compactMap { data.runs.row($0) }
    }

    var activeRuns: [RunRow] { targetRuns.filter(\.isActive) }
    var heldRuns: [RunRow] { targetRuns.filter(\.isHeld) }

    var targetRejects: [RejectRow] {
        guard screen == .rejects else { return [] }
        let rejects = shown.rejects
        return selectedRows(.rejects).compactMap { rejects.indices.contains($0) ? rejects[$0] : nil }
    }

    /// `a@b`, or `3 syncs (a@b, c@d, …)`.
    func named(_ names: [String], _ noun: String = "sync") -> String {
        guard names.count != 1 else { return names[0] }
        let shown = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ",..." : "")
        return "\(NumberText.counted(names.count, noun)) (\(shown))"
    }

    // MARK: - Doing

    mutating func perform(_ action: Action) {
        if let kind = currentList { refresh(kind) }
        if let why = whyDisabled(action) { return say(why, .warning) }
        switch action {
        case .down: move(by: 1)
        case .up: move(by: -1)
        case .first: move(to: 0)
        case .last: move(to: currentList.map { list($0).rows.count } ?? 0)
        case .pageDown: move(by: pageHeight)
        case .pageUp: move(by: -pageHeight)
        case .halfDown: move(by: max(1, pageHeight / 2))
        case .halfUp: move(by: -max(1, pageHeight / 2))
        case .left: shiftColumn(by: -1)
        case .right: shiftColumn(by: 1)
        case .nextPane: shiftPane(by: 1)
        case .previousPane: shiftPane(by: -1)
        case .mark: toggleMark()
        case .markRange: toggleRange()
        case .markAll: markAll()
        case .nextMatch: nextMatch(1)
        case .previousMatch: nextMatch(-1)
        case .sortLeft: shiftSort(by: -1)
        case .sortRight: shiftSort(by: 1)
        case .invert: invertSort()
        case .follow: toggleFollow()
        default: performOther(action)
        }
    }

    private mutating func performOther(_ action: Action) {
        switch action {
        case .overview: goTo(.overview)
        case .cohort: goToCohort()
        case .runs: goTo(.runs)
        case .schedules: goTo(.schedules)
        case .events: goTo(.events)
        case .destinations: goTo(.destinations)
        case .rejects: goTo(.rejects)
        case .logs: goTo(.logs)
        case .engine: goTo(.engine)
        case .wallboard: goTo(screen == .wallboard ? .overview : .wallboard)
        case .open: openSelected()
        case .back: peel()
        case .quit: backOrQuit()
        case .filter: if let kind = currentList {
            layers.append(.filter(TextField(list(kind).filter.text), before: list(kind).filter))
        }
        case .user: layers.append(.userPrompt(TextField("")))
        case .sort, .columns: if let kind = currentList {
            layers.append(.menu(MenuState(purpose: action == .sort ? .sort : .columns, list: kind)))
        }
        case .times: cycleTimes()
        case .hold: toggleHold()
        case .palette: layers.append(.palette(PaletteState()))
        case .help: layers.append(.help(HelpState()))
        case .messages: showMessages()
        case .suspend: outbox.append(.suspend)
        case .redraw: outbox.append(.redraw)
        case .reread:
            askForEverything()
            say("asking the engine for everything anew")
        case .copyCell, .copyRow, .saveTable, .dumpScreen: save(action)
        default: act(action)
        }
    }

    private mutating func cycleTimes() {
        let modes = TimeMode.allCases
        timeMode = modes[((modes.firstIndex(of: timeMode) ?? 0) + 1) % modes.count]
        say("times: \(timeMode == .local ? options.zone.identifier : timeMode.rawValue)")
    }

    mutating func toggleHold() {
        if heldDisplay == nil {
            heldDisplay = HeldDisplay(data: data, now: now)
            say("the display holds still; z lets it go on")
        } else {
            heldDisplay = nil
            for kind in ListKind.allCases { lists[kind]?.isStale = true }
            say("the display goes on")
        }
    }

    private mutating func showMessages() {
        let ticker = Ticker(now: now, mode: timeMode == .utc ? .utc : .local, zone: options.zone)
        let lines = messages.map { "\(ticker.clock(Instant(milliseconds: $0.at)))  \($0.text)" }
        layers.append(.output(title: "messages", lines: lines.isEmpty ? ["nothing was said yet"] : lines, scroll: 0))
    }

    // MARK: - Going places

    mutating func goTo(_ screen: Screen) {
        stack = [screen]
        pane = .table
        entered()
    }

    mutating func open(_ screen: Screen) {
        guard screen != self.screen else { return }
        if stack.count >= 32 { stack.remove(at: 1) }
        stack.append(screen)
        entered()
    }

    private mutating func entered() {
        switch screen {
        case .cohort:
            tab = .summary
            reset(.cohortRuns, .members)
        case .run(let run):
            if data.runEventsOf != run { data.holdRunEvents(of: run, []) }
            if heldDisplay?.data.runEventsOf != run { heldDisplay?.data.holdRunEvents(of: run, []) }
            reset(.runEvents)
        case .user(let user):
            if data.userOf != user { data.hold(user: user, []) }
            if heldDisplay?.data.userOf != user { heldDisplay?.data.hold(user: user, []) }
            reset(.userEvents)
        default: break
        }
        if let kind = currentList { refresh(kind) }
        askForDetails()
    }

    /// A list about something else begins anew.
    private mutating func reset(_ kinds: ListKind...) {
        for kind in kinds {
            var list = ListState()
            list.hiddenColumns = self.list(kind).hiddenColumns
            lists[kind] = list
        }
    }

    mutating func goToCohort() {
        // From a screen that is about no sync: the one that was looked at on the overview.
        let remembered = selectedRow(.syncs).flatMap { syncs(.syncs, $0).first }
        guard let sync = targetSyncs.first ?? remembered ?? shown.syncs.first?.view.sync else {
            return say("there is no cohort yet")
        }
        goTo(.cohort(ByteText(sync)))
    }

    private mutating func shiftPane(by step: Int) {
        if case .cohort = screen {
            let count = CohortTab.allCases.count
            tab = CohortTab(rawValue: (tab.rawValue + step + count) % count) ?? .summary
            if let kind = currentList { refresh(kind) }
            askForDetails()
        } else {
            let count = OverviewPane.allCases.count
            pane = OverviewPane(rawValue: (pane.rawValue + step + count) % count) ?? .table
        }
    }

    private mutating func openSelected() {
        if screen == .overview, pane == .events { return goTo(.events) }
        if screen == .overview, pane == .running {
            guard let run = shown.runs.active.first else { return say("no run is under way") }
            return open(.run(run.id))
        }
        guard let kind = currentList, let row = selectedRow(kind) else { return say("nothing is selected") }
        switch kind {
        case .syncs, .wall, .fires:
            if let sync = syncs(kind, row).first { open(.cohort(ByteText(sync))) }
        case .runs, .cohortRuns: if let run = shown.runs.row(at: row) { open(.run(run.id)) }
        case .events, .runEvents: if let event = event(kind, row) { open(.user(ByteText(event.view.user))) }
        case .userEvents: if let event = event(kind, row) { open(.run(ByteText(event.view.run))) }
        case .rejects: if shown.rejects.indices.contains(row) { open(.user(ByteText(shown.rejects[row].view.user))) }
        case .members: if shown.members.indices.contains(row) { open(.user(shown.members[row])) }
        case .destinations:
            guard shown.destinations.indices.contains(row) else { return }
            open(.overview)
            setFilter("to:" + shown.destinations[row].destination)
        case .logs: openLogLine()
        }
    }

    var selectedUser: String? {
        if case .user(let user) = screen { return user.text }
        guard let kind = currentList, let row = selectedRow(kind) else { return nil }
        switch kind {
        case .rejects: return shown.rejects.indices.contains(row) ? shown.rejects[row].view.user : nil
        case .members: return shown.members.indices.contains(row) ? shown.members[row].text : nil
        default: return event(kind, row)?.view.user
        }
    }

    /// One layer less: marks, then the filter, then the view.
    private mutating func peel() {
        if let kind = currentList, var list = lists[kind] {
            if !list.marks.isEmpty || list.rangeAnchor != nil {
                list.marks = []
                list.rangeAnchor = nil
                lists[kind] = list
                return
            }
            if !list.filter.isEmpty { return setFilter("") }
        }
        leave()
    }

    mutating func leave() {
        if screen == .editor { editor = nil }
        guard stack.count > 1 else {
            if screen != .overview { goTo(.overview) }
            return
        }
        stack.removeLast()
        if let kind = currentList { refresh(kind) }
        askForDetails()
    }

    private mutating func backOrQuit() {
        if stack.count > 1 || screen != .overview { leave() } else { quit() }
    }

    mutating func quit() {
        let active = data.runs.active.count
        guard isHosted, active > 0 else {
            isQuitting = true
            return outbox.append(.quit)
        }
        let question = "\(NumberText.counted(active, "run")) under way in this dashboard's own engine: quit?   y quits"
        layers.append(.confirmation(Confirmation(question: question, accepted: .quit)))
    }
}
