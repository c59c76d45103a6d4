import Control
import Scheduling

/// The palette: its keys, and what its commands do.
extension DashboardModel {
    mutating func press(_ key: Key, on palette: PaletteState) {
        var palette = palette
        switch key {
        case .escape: return closePalette()
        case .down: palette.selected = min(palette.selected + 1, max(0, PaletteEntries(self).matching(palette.field.text).count - 1))
        case .up: palette.selected = max(0, palette.selected - 1)
        case .tab:
            let entries = PaletteEntries(self).matching(palette.field.text)
            guard entries.indices.contains(palette.selected) else { return }
            palette.field.setText(entries[palette.selected].completion)
            palette.selected = 0
        case .enter:
            let entries = PaletteEntries(self).matching(palette.field.text)
            closePalette()
            let line = palette.field.text
            let isExact = (try? PaletteCommand.parse(line)) != nil
            let chosen = entries.indices.contains(palette.selected) ? entries[palette.selected].completion : line
            return execute(line: palette.selected == 0 && isExact ? line : chosen)
        default:
            guard palette.field.handle(key) else { return }
            palette.selected = 0
        }
        replaceLayer(.palette(palette))
    }

    private mutating func closePalette() {
        if case .palette = layers.last { layers.removeLast() }
    }

    /// Carries out a line of the palette or of a script.
    package mutating func run(command line: String) -> [Effect] {
        execute(line: line)
        return drain()
    }

    mutating func execute(line: String) {
        do throws(CommandError) {
            let command = try PaletteCommand.parse(line)
            recentCommands.removeAll { $0 == line }
            recentCommands.append(line)
            if recentCommands.count > 20 { recentCommands.removeFirst() }
            if let kind = currentList { refresh(kind) }
            execute(command)
        } catch {
            say(error.message, .error)
        }
    }

    private mutating func execute(_ command: PaletteCommand) {
        if let action = Self.action(of: command), let why = whyOff(action) { return say(why, .warning) }
        switch command {
        case .sync(let names, let all, let full, let dryRun):
            guard let syncs = resolve(names, all: all) else { return }
            if data.isFrozen, !dryRun { return say("everything is frozen; F lifts it", .warning) }
            if dryRun { plan(syncs, full: full) } else { askToSync(syncs, full: full) }
        case .plan(let names, let all, let full, let sample):
            guard let syncs = resolve(names, all: all) else { return }
            guard let sample else { return plan(syncs, full: full) }
            for sync in syncs {
                outbox.append(.command(["plan", sync, "--sample", "\(sample)"] + (full ? ["--full"] : [])))
            }
        case .approve(let run, let reason, true):
            withRun(run, { $0.view.withheld > 0 && $0.view.outcome != nil }, "has no withheld leaves to send") { model, row in
                model.askToSendLeaves(of: row, reason)
            }
        case .approve(let run, let reason, false):
            withRun(run, \.isHeld, "is not held") { model, row in model.showApproval(row, reason) }
        case .discard(let run, let reason):
            withRun(run, \.isHeld, "is not held") { model, row in
                guard let reason else { return model.askToDiscard([row]) }
                model.ask(
                    "discard the held plan of \(row.view.sync)?   y discards it",
                    [.command(["discard", row.view.run, "--reason=\(reason)"])])
            }
        case .cancel(let run, let reason):
            withRun(run, { $0.isActive || $0.isHeld }, "is not under way") { model, row in
                guard let reason else { return model.askToCancel([row]) }
                model.ask(
                    "cancel run \(row.view.run) of \(row.view.sync)?   y cancels it",
                    [.command(["cancel", row.view.run, "--reason=\(reason)"])])
            }
        case .retryRejects(let name): askToRetry(of: name)
        case .dismissReject(let id): askToDismiss(id)
        case .pause(let names): if let syncs = resolve(names, all: false) { pause(syncs, paused: true) }
        case .resume(let names): if let syncs = resolve(names, all: false) { pause(syncs, paused: false) }
        case .freeze(let isFrozen): askToFreeze(isFrozen)
        case .schedule(let name, let when, let timezone):
            guard let sync = resolve(name.isEmpty ? [] : [name], all: false)?.first else { return }
            editSchedule(of: sync)
            guard screen == .editor else { return }
            if let when { _ = editor?.replaceWhen(when, now: now) }
            if let timezone { editor?.replaceTimezone(timezone, now: now) }
        case .guardLimit(let name, let limit, let value): askToSetGuard(of: name, limit, to: value)
        case .host(let words):
            guard let question = Self.question(before: words) else { return outbox.append(.command(words)) }
            ask(question, [.command(words)])
        default: executeView(command)
        }
    }

    /// What a command asks before the host carries it out; nil for one that only looks.
    private static func question(before words: [String]) -> String? {
        guard words.count > 1 else { return nil }
        let name = words[1]
        switch words[0] {
        case "undo": return "undo run \(name)? Its inverse is planned and held for approval.   y plans"
        case "retire": return "retire \(name)? `false` for everyone is planned and held for approval.   y plans"
        case "migrate": return "migrate \(name)? Its members' move is planned and held for approval.   y plans"
        case "purge": return "remove \(name) from history for good?   y removes"
        default: return nil
        }
    }

    private mutating func plan(_ syncs: [String], full: Bool) {
        outbox.append(.plan(syncs, full: full))
        say("planning \(named(syncs))...")
    }

    /// The plan with its numbers and sample, as the key shows it; the question carries the reason.
    private mutating func showApproval(_ run: RunRow, _ reason: String?) {
        showApproval(run)
        guard let reason else { return }
        replaceLayer(.confirmation(Confirmation(
            question: "approve run \(run.view.run) of \(run.view.sync)?   y sends it",
            accepted: .effects([.approve(run: run.view.run, reason: reason, leaves: false)]))))
    }

    /// The rows that could not be read are shown with the question.
    private mutating func askToSendLeaves(of run: RunRow, _ reason: String?) {
        ask(.run(run.view.run))
        ask(
            "send the \(NumberText.grouped(run.view.withheld)) leaves that run \(run.view.run) withheld?   y sends them",
            [.approve(run: run.view.run, reason: reason, leaves: true)])
    }

    private mutating func askToRetry(of name: String?) {
        var rejects = data.rejects
        if let name {
            guard let syncs = resolve([name], all: false) else { return }
            let wanted = Set(syncs.map(ByteText.init))
            rejects = rejects.filter { wanted.contains(ByteText($0.view.sync)) }
        }
        guard !rejects.isEmpty else { return say("no reject waits" + (name.map { " at \($0)" } ?? ""), .warning) }
        var seen: Set<ByteText> = []
        let syncs = rejects.map(\.view.sync).filter { seen.insert(ByteText($0)).inserted }
        ask(
            "retry \(NumberText.counted(rejects.count, "reject")) by running \(named(syncs))?   y retries",
            [.retry(rejects: rejects.map(\.view.id), syncs: syncs)])
    }

    private mutating func askToDismiss(_ id: String) {
        guard let view = data.rejects.first(where: { ByteText($0.view.id) == ByteText(id) })?.view else {
            return say("no reject \(id) waits", .error)
        }
        ask(
            "dismiss \(view.user) at \(view.sync)? Not sent again until it changes.   y dismisses", [.dismiss([view.id])])
    }

    /// Everything about the selected line of the log, which its row may cut.
    mutating func openLogLine() {
        guard let row = selectedRow(.logs), let line = shown.logs[row] else { return say("nothing is selected") }
        let ticker = Ticker(now: now, mode: timeMode == .utc ? .utc : .local, zone: options.zone)
        let painter = Painter(
            width: 0, height: 0, ticker: ticker, theme: .mono, glyphs: options.isASCII ? .ascii : .unicode)
        // Folded here too, so that it scrolls line by line on a screen that holds few of them.
        let text = painter.folded(line.text, width: min(width, max(60, width - 8)) - 4)
        layers.append(.output(title: "\(line.level) of \(line.source)", lines: [ticker.full(line.at), ""] + text, scroll: 0))
    }

    /// Shows what holds now beside what shall hold.
    private mutating func askToSetGuard(of name: String, _ limit: String, to value: String?) {
        guard let sync = resolve([name], all: false)?.first, let cohort = data.cohort(Self.cohort(of: sync)) else { return }
        if cohort.guards.contains(where: { $0.label == "guards" && $0.value == "off" }) {
            return say("\(cohort.key) says `guards: off`: take that out of rollcall.yaml before a limit can hold", .error)
        }
        guard let now = cohort.guards.first(where: { $0.label == limit })?.value else {
            let known = cohort.guards.map(\.label).joined(separator: ", ")
            return say("no guard `\(limit)` on \(cohort.key)" + (known.isEmpty ? "" : "; there are \(known)"), .error)
        }
        ask(
            "\(limit) of \(cohort.key): \(now) -> \(value ?? "default"), written to rollcall.yaml?   y writes",
            [.setGuard(cohort: cohort.key, name: limit, value: value)])
    }

    private mutating func executeView(_ command: PaletteCommand) {
        switch command {
        case .user(let id): open(.user(ByteText(id)))
        case .run(let id): open(.run(ByteText(id)))
        case .go(let name): if let sync = resolve([name], all: false)?.first { open(.cohort(ByteText(sync))) }
        case .members(let name):
            guard let sync = resolve([name], all: false)?.first else { return }
            open(.cohort(ByteText(sync)))
            tab = .members
            askForDetails()
        case .screen(let name): show(screen: name)
        case .filter(let text):
            guard currentList != nil else { return say("this screen has no table", .warning) }
            setFilter(text)
            if let kind = currentList { refresh(kind) }
        case .sort(let column, let isDescending):
            guard let kind = currentList, Columns.all(of: kind).contains(where: { $0.id == column && $0.isSortable }) else {
                return say("no column `\(column)` to sort by here", .warning)
            }
            sort(kind, by: column, descending: isDescending)
        case .theme(let theme):
            self.theme = theme
            say("theme \(theme.rawValue)")
        case .times(let mode): if let mode { timeMode = mode } else { perform(.times) }
        case .mouse(let isOn):
            isMouseOn = isOn
            outbox.append(.setMouse(isOn))
            say("mouse \(isOn ? "on" : "off")")
        case .dump(let name): outbox.append(.dumpScreen(name: name))
        case .mark(let all): perform(all ? .markAll : .mark)
        case .action(.open) where currentList == .logs: openLogLine()
        case .action(let action): perform(action)
        default: break
        }
    }

    /// The action of the key table whose rules hold for a command; nil for looking.
    private static func action(of command: PaletteCommand) -> Action? {
        switch command {
        case .sync(_, _, _, let dryRun): dryRun ? .dryRun : .sync
        case .plan: .dryRun
        case .approve: .approve
        case .discard: .discard
        case .cancel: .cancel
        case .pause, .resume: .pause
        case .freeze: .freeze
        case .schedule, .guardLimit: .editSchedule
        case .retryRejects: .retry
        case .dismissReject: .dismiss
        case .host(let words): question(before: words) == nil ? nil : .discard
        default: nil
        }
    }

    /// Read-only mode and an absent engine concern commands as they do keys; what is selected does not.
    private func whyOff(_ action: Action) -> String? {
        guard let binding = options.keymap.binding(of: action) else { return nil }
        if options.isReadOnly, binding.changes {
            return "read-only: start without --read-only to change things"
        }
        switch connection {
        case .live, .stale: return nil
        case .connecting, .reconnecting: return "the engine is away: that has to wait until it is back"
        }
    }

    /// Syncs by their names or their cohorts'; without names those selected. Says what is wrong otherwise.
    private mutating func resolve(_ names: [String], all: Bool) -> [String]? {
        if all { return data.syncs.map(\.view.sync) }
        guard !names.isEmpty else {
            let syncs = targetSyncs
            if syncs.isEmpty { say("no sync is selected; write a name", .warning) }
            return syncs.isEmpty ? nil : syncs
        }
        var found: [String] = []
        for name in names {
            let wanted = ByteText(name)
            let rows = data.syncs.filter { $0.id == wanted || ByteText($0.view.cohort) == wanted }
            guard !rows.isEmpty else {
                let known = data.syncs.prefix(2_000).flatMap { [$0.view.cohort, $0.view.sync] }
                let near = NearNames.nearest(to: name, among: known)
                say("no sync `\(name)`" + (near.first.map { "; did you mean `\($0)`?" } ?? ""), .error)
                return nil
            }
            for row in rows where !found.contains(where: { ByteText($0) == row.id }) { found.append(row.view.sync) }
        }
        return found
    }

    private mutating func withRun(
        _ id: String, _ fits: (RunRow) -> Bool, _ complaint: String, _ act: (inout DashboardModel, RunRow) -> Void
    ) {
        guard let run = data.runs.row(ByteText(id)) else { return say("there is no run \(id)", .error) }
        guard fits(run) else { return say("run \(id) \(complaint): \(run.word)", .warning) }
        act(&self, run)
    }

    private mutating func show(screen name: String) {
        let parts = name.split(separator: " ", maxSplits: 1).map(String.init)
        let actions: [String: Action] = [
            "overview": .overview, "cohort": .cohort, "runs": .runs, "schedules": .schedules, "events": .events,
            "destinations": .destinations, "rejects": .rejects, "logs": .logs, "engine": .engine,
        ]
        guard let word = parts.first else { return }
        if word == "wallboard" { return goTo(.wallboard) }
        guard let action = actions[word] else {
            let near = NearNames.nearest(to: word, among: Array(actions.keys).sorted())
            return say("no screen `\(word)`" + (near.first.map { "; did you mean `\($0)`?" } ?? ""), .error)
        }
        perform(action)
        if parts.count > 1 { setFilter((parts[1].contains("@") ? "sync:" : "cohort:") + parts[1]) }
    }
}
