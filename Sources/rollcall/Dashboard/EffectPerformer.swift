import Configuration
import Control
import Dashboard
import DashboardTerminal
import Scheduling
import SyncEngine
import Synchronization

/// Carries out what the dashboard decides: asks the engine, edits files, uses the terminal.
final class EffectPerformer: Sendable {
    private let host: DashboardHost
    private let link: EngineLink
    private let files: WorkspaceFiles
    private let programs: OutsidePrograms
    /// What changes something is done one after another, in the order of the keys: a pause and its undoing must not
    /// overtake each other.
    private let acts: AsyncStream<Effect>.Continuation
    /// How many effects are under way.
    private let underWay = Mutex(0)

    init(host: DashboardHost, link: EngineLink, files: WorkspaceFiles) {
        self.host = host
        self.link = link
        self.files = files
        programs = OutsidePrograms(host: host, files: files)
        let (stream, continuation) = AsyncStream.makeStream(of: Effect.self)
        acts = continuation
        Task { [weak self] in
            for await effect in stream {
                await self?.act(effect)
                self?.end()
            }
        }
    }

    deinit { acts.finish() }

    /// Whether everything that was to be carried out has been.
    var isIdle: Bool { underWay.withLock { $0 == 0 } }

    private func begin() { underWay.withLock { $0 += 1 } }
    private func end() { underWay.withLock { $0 -= 1 } }

    /// Returns at once; what takes time is answered by a message.
    func perform(_ effect: Effect) {
        switch effect {
        case .setMouse(let isOn): host.terminal?.setMouse(isOn)
        case .redraw: host.terminal?.redraw()
        case .suspend: suspend()
        case .copy(let text): copy(text, effect)
        case .dumpScreen(let name): dump(name, effect)
        case .saveTable(let name, let csv): save(csv, name, effect)
        case .openEditor(let cohort): programs.editConfiguration(at: cohort, effect)
        case .addCohort: programs.addCohort(effect)
        case .command(let words):
            begin()
            programs.run(words, effect) { self.end() }
        case .describeSchedule(let edition): host.send(.effectDone(.scheduleChange(edition, files.describe(edition))))
        case .ask(.configuration): Task { await self.tellConfiguration() }
        case .ask(let question): Task { await self.ask(question) }
        case .quit: break
        // A dry run reads a whole source; nothing waits for that.
        case .plan:
            begin()
            Task {
                await self.act(effect)
                self.end()
            }
        default:
            begin()
            acts.yield(effect)
        }
    }

    // MARK: - The engine

    /// What the file says, and what the engine knows of its sources' months.
    func tellConfiguration() async {
        let quotas = try? await link.control?.quotas()
        host.send(.configuration(files.facts(quotas: quotas?.map {
            QuotaFacts(
                source: $0.source, limit: $0.limit, used: $0.used, planned: $0.planned, forecast: $0.forecast)
        })))
    }

    private func ask(_ question: Question) async {
        guard let service = link.control else {
            return host.send(.answer(.failed(question, Self.away)))
        }
        if let answer = await question.answer(by: service) { host.send(.answer(answer)) }
    }

    private static let away = Refusal(code: 75, message: "the engine is away")

    private func act(_ effect: Effect) async {
        guard let service = link.control else {
            return host.send(.effectDone(.refused(effect, Self.away.message)))
        }
        do throws(Refusal) {
            if case .plan(let syncs, let full) = effect {
                var query = PlanQuery(syncs: syncs)
                query.full = full
                query.sample = 20
                return host.send(.effectDone(.planned(try await service.plan(query))))
            }
            host.send(.effectDone(.done(effect, try await outcome(of: effect, service))))
        } catch {
            host.send(.effectDone(.refused(effect, error.message)))
        }
    }

    /// - Returns: what there is to say.
    private func outcome(of effect: Effect, _ service: any ControlService) async throws(Refusal) -> String? {
        switch effect {
        case .sync(let syncs, let full):
            return try await start(syncs, full: full, service)
        case .approve(let run, let reason, let leaves):
            var action = RunRequest(run: run, reason: reason)
            action.leaves = leaves
            let view = try await service.approve(action)
            return leaves ? "run \(view.run) sends the withheld leaves" : "run \(view.run) is approved and sends"
        case .discard(let run):
            _ = try await service.discard(RunRequest(run: run))
            return "run \(run) is discarded; nothing of it was sent"
        case .cancel(let runs):
            for run in runs { _ = try await service.cancel(RunRequest(run: run)) }
            return "cancelled: \(runs.joined(separator: ", ")); requests on the wire finish"
        case .freeze(let isFrozen):
            try await service.freeze(FreezeRequest(frozen: isFrozen))
            return isFrozen ? "everything is frozen; nothing is sent until F lifts it" : "the freeze is lifted"
        case .pause(let names, let isPaused):
            try await service.pause(PauseRequest(names: names, paused: isPaused))
            return nil
        case .dismiss(let ids):
            for id in ids { try await service.dismiss(RejectAction(id: id)) }
            return "\(ids.count) dismissed; not sent again until their membership changes"
        case .retry(_, let syncs):
            return try await start(syncs, full: false, service)
        case .addFromCatalog(let addition):
            try files.add(addition)
            return "cohort \(addition.key) is added; e gives it a schedule"
        case .setGuard(let cohort, let name, let value):
            try ConfigurationEditing.edit(files.location) { editor throws(ConfigurationEditError) in
                try editor.setGuard(cohort: cohort, name: name, value: value)
            }
            return "saved; \(name) of \(cohort) is \(value ?? "the default")"
        case .saveSchedule(let edition):
            try files.checkUnchanged(since: edition)
            try await service.schedule(edition.request)
            return "saved; rollcall.yaml.previous in the state folder is the version before"
        default: return nil
        }
    }

    /// Starts what can be started; one sync that is blocked does not hold the others back.
    private func start(_ syncs: [String], full: Bool, _ service: any ControlService) async throws(Refusal) -> String? {
        var runs: [RunView] = []
        var refusals: [Refusal] = []
        for sync in syncs {
            var request = SyncRequest(syncs: [sync])
            request.full = full
            do throws(Refusal) {
                runs += try await service.sync(request)
            } catch {
                refusals.append(Refusal(code: error.code, message: "\(sync): \(error.message)"))
            }
        }
        guard let refusal = refusals.first else { return Self.started(runs) }
        guard !runs.isEmpty else { throw refusal }
        throw Refusal(
            code: refusal.code,
            message: "asked for \(runs.count) runs, \(refusals.count) refused: \(refusals.map(\.message).joined(separator: "; "))")
    }

    private static func started(_ runs: [RunView]) -> String? {
        guard let first = runs.first else { return "nothing was started" }
        // Whether it has begun, or waits for another one, is for the list to show.
        return runs.count == 1 ? "asked for run \(first.run) of \(first.sync)" : "asked for \(runs.count) runs"
    }

    // MARK: - The terminal and files

    private func suspend() {
        guard let terminal = host.terminal else { return }
        terminal.suspendToShell()
    }

    private func copy(_ text: String, _ effect: Effect) {
        let outcome = host.terminal?.copyToClipboard(text) ?? .unavailable
        let kept = files.keepClip(text)
        let place = kept.map { "; also in \($0)" } ?? ""
        switch outcome {
        case .sent where TerminalMultiplexer.isTmux:
            host.send(.effectDone(.done(
                effect, "copied (tmux passes it on with `set -g set-clipboard on`)\(place)")))
        case .sent: host.send(.effectDone(.done(effect, "copied\(place)")))
        case .tooLong: host.send(.effectDone(.done(effect, "too long for the clipboard\(place)")))
        case .unavailable: host.send(.effectDone(.done(effect, "this terminal takes no clipboard text\(place)")))
        }
    }

    private func dump(_ name: String?, _ effect: Effect) {
        report(effect, files.dump(host.frame().text + "\n", name: name, kind: "screen", ending: "txt"))
    }

    private func save(_ csv: String, _ name: String, _ effect: Effect) {
        report(effect, files.dump(csv, name: nil, kind: name, ending: "csv"))
    }

    private func report(_ effect: Effect, _ result: Result<String, Refusal>) {
        switch result {
        case .success(let path): host.send(.effectDone(.done(effect, "wrote \(path)")))
        case .failure(let refusal): host.send(.effectDone(.refused(effect, refusal.message)))
        }
    }
}

private enum TerminalMultiplexer {
    static var isTmux: Bool { WorkspaceLocation.variable("TMUX") != nil }
}

extension ScheduleEdition {
    /// The edit as the engine is asked for it: only what differs.
    var request: ScheduleRequest {
        var request = ScheduleRequest(name: cohort, when: after.when)
        if after.timezone != before.timezone { request.timezone = after.timezone ?? "" }
        if after.jitter != before.jitter { request.jitter = after.jitter ?? "" }
        if after.overlap != before.overlap { request.overlap = after.overlap ?? "" }
        if after.catchUp != before.catchUp { request.catch_up = after.catchUp ?? "" }
        if after.isPaused != before.isPaused || after.pausedDestinations != before.pausedDestinations {
            request.paused = after.isPaused
            request.paused_destinations = after.pausedDestinations
        }
        return request
    }
}
