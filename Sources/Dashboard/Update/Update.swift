import Control
import Scheduling

extension DashboardModel {
    /// Takes in what happened and says what the outside has to do.
    package mutating func update(_ message: Message) -> [Effect] {
        switch message {
        case .input(let input): take(input)
        case .tick(let now): tick(now)
        case .connection(let state): take(state)
        case .hosting: isHosted = true
        case .notices(let notices): take(notices)
        case .answer(let answer): take(answer)
        case .configuration(let facts): take(facts)
        case .logLines(let lines):
            for line in lines { append(line) }
        case .effectDone(let result): take(result)
        }
        return drain()
    }

    // MARK: - Time

    private mutating func tick(_ now: Instant) {
        // The clock alone makes a sync late, which filters and orders go by.
        let late = DurationText.minute
        let before = self.now
        if data.syncs.contains(where: { row in
            row.next.map { before.milliseconds(since: $0) < late && now.milliseconds(since: $0) >= late } ?? false
        }) { markStale(.syncs, .wall) }
        self.now = now
        if let until = toast?.until, until <= now.milliseconds { toast = nil }
        if let until = undo?.until, until <= now { undo = nil }
        if let first = data.fires.first, first.at <= now { plan() }
        if refreshes, now.milliseconds(since: lastRefresh) >= Self.refreshSpan {
            lastRefresh = now
            ask(.destinations)
            if isSending || screen == .rejects { ask(.status) } else { ask(.engine) }
        }
        if let kind = currentList { refresh(kind) }
        if screen == .wallboard { refresh(.destinations) }
    }

    static let refreshSpan: Int64 = 5_000

    /// Whether the screen shows figures that no notice carries.
    var refreshes: Bool {
        guard case .live = connection else { return false }
        switch screen {
        case .destinations, .engine, .wallboard: return true
        // No notice tells of a reject that was dismissed elsewhere.
        case .rejects: return true
        // Whether a destination takes anything is told by no notice.
        case .overview, .cohort, .run: return isSending
        default: return false
        }
    }

    private var isSending: Bool { data.runs.active.contains { $0.view.phase == "sending" } }

    // MARK: - The engine

    private mutating func take(_ state: ConnectionState) {
        let old = connection
        connection = state
        switch (old, state) {
        case (.live, .live): break
        case (_, .live):
            lastSequence = nil
            if case .reconnecting = old { say("the engine is back") }
            if isHosted, !hasSnapshot {
                say("no engine served this workspace: this one does, until you quit")
            }
            askForEverything()
        case (.live, .reconnecting), (.stale, .reconnecting):
            waiting = []
            askAgain = []
            say("the engine went away; what is shown is from before", .warning)
        default: break
        }
    }

    private mutating func take(_ notices: [ChangeNotice]) {
        var hasRun = false
        var hasTurn = false
        let before = data.events.end
        for notice in notices {
            if let last = lastSequence, notice.sequence > last &+ 1 { askForEverything() }
            lastSequence = notice.sequence
            if let run = notice.run {
                hasRun = true
                if take(run) { hasTurn = true }
            }
            if let event = notice.event { take(EventRow(event)) }
            if let frozen = notice.frozen {
                data.engine?.frozen = frozen
                hasTurn = true
            }
            if notice.configured == true {
                ask(.configuration)
                ask(.engine)
                ask(.destinations)
                hasTurn = true
            }
        }
        admit(max(before, data.events.first)..<data.events.end, to: .events) { model, sequence, filter in
            model.data.events[sequence].map { filter.matches(Self.fields(of: $0.view)) } ?? false
        }
        if hasRun { markStale(.runs, .cohortRuns) }
        if hasTurn {
            ask(.status)
            if !data.configuration.quotas.isEmpty { ask(.configuration) }
            if !data.rejects.isEmpty || screen == .rejects { ask(.rejects) }
        }
    }

    /// - Returns: whether the run began, moved on to another phase or ended.
    private mutating func take(_ run: RunView) -> Bool {
        let before = data.runs.row(ByteText(run.run))
        let turned = data.runs.take(run, at: now)
        guard let before, before.view.outcome == nil, let outcome = run.outcome else { return turned }
        switch outcome {
        case "failed": say("\(run.sync): run \(run.run) failed: \(run.reason ?? "no reason given")", .error)
        case "partial": say("\(run.sync): run \(run.run) partial: \(run.reason ?? "")", .warning)
        default: break
        }
        if run.rejected > 0 { ask(.rejects) }
        return turned
    }

    private mutating func take(_ event: EventRow) {
        data.events.append(event)
        if data.takeRunEvent(event) { markStale(.runEvents) }
        if let user = data.userOf, ByteText(event.view.user) == user {
            data.userEvents.insert(event, at: 0)
            if data.userEvents.count > DashboardData.detailCapacity { data.userEvents.removeLast() }
            markStale(.userEvents)
        }
    }

    private mutating func append(_ line: LogLine) {
        let sequence = data.logs.append(line)
        admit(sequence..<sequence + 1, to: .logs) { _, _, filter in
            let text = "\(line.level) \(line.source) \(line.text)".lowercased()
            return filter.matches(FilterFields(haystack: text, values: [
                ("level", "\(line.level)"), ("from", line.source.lowercased()), ("reason", line.text.lowercased()),
            ]))
        }
    }

    /// A filtered stream grows by what passes, so that a flood is not sifted again for every line.
    private mutating func admit(
        _ sequences: Range<Int>, to kind: ListKind, _ fits: (Self, Int, Filter) -> Bool
    ) {
        guard heldDisplay == nil, !sequences.isEmpty, let list = lists[kind], !list.isStale, case .some(var rows) = list.rows
        else { return }
        guard list.sort == nil else {
            lists[kind]?.isStale = true
            return
        }
        let fitting = sequences.filter { list.filter.isEmpty || fits(self, $0, list.filter) }
        guard !fitting.isEmpty else { return }
        lists[kind]?.rows = .all(0..<0)
        rows += fitting
        let first = allRows(kind).lowerBound
        if rows.count > 64, rows[rows.count / 2] < first { rows.removeAll { $0 < first } }
        lists[kind]?.rows = .some(rows)
    }

    private mutating func take(_ answer: Answer) {
        switch answer {
        case .engine(let view):
            data.engine = view
            answered(.engine)
        case .status(let views):
            let rejects = data.syncs.map(\.view.rejects)
            data.syncs = views.map(SyncRow.init)
            let areShown = screen == .rejects || !data.rejects.isEmpty
            if areShown, rejects != views.map(\.rejects) { ask(.rejects) }
            hasSnapshot = true
            markStale(.syncs, .wall)
            if data.plans.isEmpty { plan() }
            answered(.status)
        case .destinations(let views):
            data.destinations = views
            markStale(.destinations)
            answered(.destinations)
        case .runs(let views):
            for view in views { data.runs.take(view, at: now) }
            markStale(.runs, .cohortRuns)
            for question in waiting {
                if case .runs = question { answered(question) }
                if case .runsOf = question { answered(question) }
            }
        case .run(let view):
            data.runs.take(view, at: now)
            if let held = heldDisplay, held.data.runs.row(ByteText(view.run)) == nil {
                heldDisplay?.data.runs.take(view, at: held.now)
            }
            markStale(.runs, .cohortRuns)
            answered(.run(view.run))
        case .backlog(let views):
            var limit = DashboardData.backlogLimit
            for question in waiting {
                guard case .backlog(let asked) = question else { continue }
                limit = asked
                answered(question)
            }
            data.take(backlog: views, limit: limit)
            markStale(.events)
        case .runEvents(let run, let views):
            let id = ByteText(run)
            data.holdRunEvents(of: id, views)
            // What is asked for while the display is held still comes; what it shows already stands still.
            if let held = heldDisplay?.data, held.runEventsOf != id || held.runStream.isEmpty {
                heldDisplay?.data.holdRunEvents(of: id, views)
            }
            markStale(.runEvents)
            for question in waiting { if case .runEvents(run, _) = question { answered(question) } }
        case .user(let id, let views):
            let user = ByteText(id)
            data.hold(user: user, views)
            if let held = heldDisplay?.data, held.userOf != user || held.user.isEmpty {
                heldDisplay?.data.hold(user: user, views)
            }
            markStale(.userEvents)
            answered(.user(id))
        case .members(let name, let members, let isComplete):
            let sync = ByteText(name)
            data.holdMembers(of: sync, members, isComplete: isComplete)
            if let held = heldDisplay?.data, held.membersOf != sync {
                heldDisplay?.data.holdMembers(of: sync, members, isComplete: isComplete)
            }
            markStale(.members)
            for question in waiting { if case .members(name, _) = question { answered(question) } }
        case .catalog(let views):
            answered(.catalog)
            guard !views.isEmpty else { return say("no source lists a cohort", .warning) }
            layers.append(.catalog(CatalogState(entries: views)))
        case .rejects(let views):
            data.rejects = views.filter { !$0.dismissed }.map(RejectRow.init)
            data.reasons = RejectReasons(data.rejects)
            markStale(.rejects)
            answered(.rejects)
        case .failed(let question, let refusal):
            answered(question)
            say(refusal.message, .error)
        }
    }

    // MARK: - Configuration

    private mutating func take(_ facts: ConfigurationFacts) {
        data.configuration = facts
        answered(.configuration)
        plan()
        if let problem = facts.problem { say("rollcall.yaml is refused: \(problem)", .error) }
        if var editor, let cohort = data.cohort(editor.cohort) {
            editor.noticed(cohort.schedule)
            self.editor = editor
        }
        if let cohort = wantsEditor {
            wantsEditor = nil
            openEditor(cohort)
        }
    }

    mutating func plan() {
        data.plans = Upcoming.plans(of: data.configuration, zones: options.zones)
        data.fires = Upcoming.fires(of: data.plans, after: now)
        data.load = Upcoming.load(of: data.plans, after: now)
        markStale(.fires)
    }

    // MARK: - What the outside has done

    private mutating func take(_ result: EffectResult) {
        switch result {
        case .done(let effect, let sentence):
            if let sentence { say(sentence) }
            done(effect)
        case .refused(let effect, let why):
            if case .pause = effect { undo = nil }
            editor?.isDescribing = false
            say(why, .error)
        case .planned(let plans):
            if plans.isEmpty {
                say("nothing was planned", .warning)
            } else {
                layers.append(.plans(plans, scroll: 0))
            }
        case .scheduleChange(let edition, .success(let lines)): askToSave(edition, lines)
        case .scheduleChange(_, .failure(let refusal)):
            editor?.isDescribing = false
            say(refusal.message, .error)
        case .output(let title, let lines):
            layers.append(.output(title: title, lines: Array(lines.prefix(10_000)), scroll: 0))
        }
    }

    private mutating func done(_ effect: Effect) {
        switch effect {
        case .sync, .approve, .discard, .cancel: ask(.status)
        case .pause, .openEditor, .addCohort, .addFromCatalog, .setGuard:
            ask(.configuration)
            ask(.status)
        case .saveSchedule:
            editor?.saved()
            // The question whether to leave without saving has answered itself.
            layers.removeAll { layer in
                if case .confirmation(let question) = layer, case .leaveEditor = question.accepted { true } else { false }
            }
            if screen == .editor { leave() }
            ask(.configuration)
            ask(.status)
        case .freeze(let isFrozen):
            data.engine?.frozen = isFrozen
            ask(.engine)
            ask(.status)
        case .dismiss, .retry:
            ask(.rejects)
            ask(.status)
        default: break
        }
    }

    private mutating func askToSave(_ edition: ScheduleEdition, _ lines: [LineEdit]) {
        guard let editor, screen == .editor, editor.edition == edition else { return }
        self.editor?.isDescribing = false
        guard !lines.isEmpty else { return say("nothing to save: rollcall.yaml says this already") }
        self.editor?.change = lines
        let place = lines.count == 1 ? "line \(lines[0].line)" : "\(lines.count) lines"
        layers.append(.confirmation(Confirmation(
            question: "write \(place) of rollcall.yaml?   y saves", accepted: .effects([.saveSchedule(edition)]))))
    }
}
