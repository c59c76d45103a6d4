import Control
import Scheduling

/// Actions that change something outside the dashboard, and what they ask before.
extension DashboardModel {
    mutating func act(_ action: Action) {
        switch action {
        case .sync: askToSync(targetSyncs, full: false)
        case .dryRun: dryRun(targetSyncs)
        case .cancel: askToCancel(activeRuns)
        case .approve: approve()
        case .discard: askToDiscard(heldRuns)
        case .freeze: askToFreeze(!data.isFrozen)
        case .pause: togglePause(targetSyncs)
        case .undo: takeBack()
        case .editSchedule: editSchedule(of: targetSyncs.first)
        case .editFile: outbox.append(.openEditor(cohort: targetSyncs.first.map(Self.cohort)))
        case .addCohort: addCohort()
        case .retry: askToRetry(targetRejects)
        case .dismiss: askToDismiss(targetRejects)
        default: break
        }
    }

    mutating func ask(_ question: String, _ effects: [Effect], or alternative: [Effect]? = nil, count: Int? = nil) {
        layers.append(.confirmation(Confirmation(
            question: question, accepted: .effects(effects), alternative: alternative.map { .effects($0) },
            wantedCount: count)))
    }

    mutating func askToSync(_ names: [String], full: Bool) {
        guard !names.isEmpty else { return say("no sync is selected", .warning) }
        let how = full ? " in full, false to all others" : ""
        ask(
            "sync \(named(names)) now\(how)?   y runs   d dry-runs", [.sync(names, full: full)],
            or: [.plan(names, full: full)])
    }

    mutating func dryRun(_ names: [String]) {
        outbox.append(.plan(names, full: false))
        say("planning \(named(names))...")
    }

    mutating func askToCancel(_ runs: [RunRow]) {
        guard !runs.isEmpty else { return say("no run is under way here", .warning) }
        let what = runs.count == 1
            ? "run \(runs[0].view.run) of \(runs[0].view.sync), \(NumberText.grouped(runs[0].settled)) of "
                + "\(NumberText.grouped(runs[0].total)) sent"
            : named(runs.map(\.view.run), "run")
        ask("cancel \(what)?   y cancels it", [.cancel(runs: runs.map(\.view.run))])
    }

    private mutating func approve() {
        guard heldRuns.count == 1, let run = heldRuns.first else {
            return say("approve one plan at a time: each has its own numbers", .warning)
        }
        showApproval(run)
    }

    mutating func showApproval(_ run: RunRow) {
        data.holdRunEvents(of: run.id, [])
        markStale(.runEvents)
        ask(.run(run.view.run))
        ask(.runEvents(run: run.view.run, limit: DashboardData.detailCapacity))
        layers.append(.approval(run: run.id))
    }

    mutating func askToDiscard(_ runs: [RunRow]) {
        guard let run = runs.first else { return say("no plan is held here", .warning) }
        let what = runs.count == 1
            ? "the held plan of \(run.view.sync), +\(NumberText.grouped(run.view.entered)) "
                + "-\(NumberText.grouped(run.view.left))"
            : named(runs.map(\.view.sync), "held plan")
        ask("discard \(what)?   y discards it", runs.map { .discard(run: $0.view.run) })
    }

    mutating func askToFreeze(_ isFrozen: Bool) {
        ask(
            isFrozen ? "freeze everything? Nothing is sent anywhere until it is lifted.   y freezes"
                : "lift the freeze? Runs that wait go on sending.   y lifts it",
            [.freeze(isFrozen)])
    }

    // MARK: - Pause

    /// Pauses what is not paused yet, or resumes all.
    private mutating func togglePause(_ names: [String]) {
        let wanted = Set(names.map(ByteText.init))
        let rows = shown.syncs.filter { wanted.contains($0.id) }
        let running = rows.filter { !$0.view.paused }
        pause((running.isEmpty ? rows : running).map(\.view.sync), paused: !running.isEmpty)
    }

    mutating func pause(_ names: [String], paused: Bool) {
        guard !names.isEmpty else { return say("no sync is selected", .warning) }
        outbox.append(.pause(names, paused: paused))
        let sentence = "\(paused ? "paused" : "resumed") \(named(names))"
        undo = Undo(
            effect: .pause(names, paused: !paused), sentence: sentence,
            until: now.advanced(milliseconds: Self.undoSpan))
        let key = options.keymap.label(of: .undo, ascii: options.isASCII) ?? ":undo"
        say("\(sentence); \(key) undoes it for ten seconds")
        toast?.until = now.advanced(milliseconds: Self.undoSpan).milliseconds
    }

    private mutating func takeBack() {
        guard let undo else { return }
        outbox.append(undo.effect)
        say("taken back: \(undo.sentence)")
        self.undo = nil
    }

    // MARK: - Rejects

    private mutating func askToRetry(_ rejects: [RejectRow]) {
        var seen: Set<ByteText> = []
        let syncs = rejects.map(\.view.sync).filter { seen.insert(ByteText($0)).inserted }
        ask(
            "retry \(NumberText.counted(rejects.count, "reject")) by running \(named(syncs))?   y retries",
            [.retry(rejects: rejects.map(\.view.id), syncs: syncs)])
    }

    private mutating func askToDismiss(_ rejects: [RejectRow]) {
        guard let first = rejects.first else { return }
        let effect = Effect.dismiss(rejects.map(\.view.id))
        if rejects.count == 1 {
            ask("dismiss \(first.view.user) at \(first.view.sync)? Not sent again until it changes.   y dismisses", [effect])
        } else {
            ask("dismiss \(rejects.count) rejects? Type \(rejects.count), then y:", [effect], count: rejects.count)
        }
    }

    // MARK: - Schedules

    mutating func editSchedule(of sync: String?) {
        guard let sync else { return say("no sync is selected", .warning) }
        let cohort = Self.cohort(of: sync)
        guard data.cohort(cohort) != nil else {
            wantsEditor = cohort
            ask(.configuration)
            return say("reading rollcall.yaml...")
        }
        openEditor(cohort)
    }

    mutating func openEditor(_ key: String, when text: String? = nil) {
        guard let cohort = data.cohort(key) else {
            if data.configuration.isUnknown { return say(ConfigurationFacts.unknownText, .warning) }
            return say("\(key) is not in rollcall.yaml; its ledger alone has no schedule", .warning)
        }
        var editor = ScheduleEditor(
            cohort: cohort, configuration: data.configuration, plans: data.plans, zones: options.zones, now: now)
        if let text { _ = editor.replaceWhen(text, now: now) }
        self.editor = editor
        layers = []
        open(.editor)
    }

    mutating func pressInEditor(_ key: Key) {
        guard var editor else { return leave() }
        if let action = options.keymap.action(for: key, in: .editor) {
            switch action {
            case .save: return saveSchedule()
            case .revert:
                editor.revert(now: now)
                self.editor = editor
                return say("all changes are taken back")
            case .nextField: editor.moveFocus(by: 1)
            case .previousField: editor.moveFocus(by: -1)
            case .leave: return leaveEditor()
            default: break
            }
            self.editor = editor
            return
        }
        switch key {
        case .enter: editor.moveFocus(by: 1)
        case .control("z"): outbox.append(.suspend)
        case .control("l"): outbox.append(.redraw)
        default: _ = editor.handle(key, now: now)
        }
        self.editor = editor
    }

    private mutating func saveSchedule() {
        if let why = whyDisabled(.save) { return say(why, .warning) }
        guard let editor else { return }
        if let (_, problem) = editor.preview.problems.min(by: { $0.key.rawValue < $1.key.rawValue }) {
            return say("not saved: \(problem)", .error)
        }
        guard editor.elsewhere == nil else {
            return say("not saved: rollcall.yaml was changed elsewhere meanwhile; Ctrl-R takes that over", .error)
        }
        guard editor.isChanged else { return say("nothing to save") }
        self.editor?.isDescribing = true
        outbox.append(.describeSchedule(editor.edition))
    }

    private mutating func leaveEditor() {
        guard editor?.isChanged == true else { return leave() }
        layers.append(.confirmation(Confirmation(
            question: "leave without saving?   y leaves", accepted: .leaveEditor)))
    }
}

extension ScheduleEditor {
    mutating func replaceWhen(_ text: String, now: Instant) -> Bool {
        texts[.when] = TextField(text)
        review(now: now)
        return true
    }
}
