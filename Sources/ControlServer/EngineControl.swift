import Control
import Membership
import Scheduling
import SyncEngine

/// What the process that hosts the engine adds to it.
package protocol EngineHost: Sendable {
    /// Version, purpose, configuration: everything of ``EngineView`` that the engine itself does not know.
    func describe() async -> EngineView
    /// Edits `rollcall.yaml` and applies it.
    func pause(_ request: PauseRequest, actor: String) async throws(Refusal)
    func schedule(_ request: ScheduleRequest, actor: String) async throws(Refusal)
}

/// The control interface on an engine in this process: translates between the wire types and the engine's own.
package struct EngineControl: ControlService {
    package let engine: Engine
    let scheduler: Scheduler?
    let host: any EngineHost
    let history: History
    /// Who asks, for the audit log.
    let actor: String

    package init(engine: Engine, scheduler: Scheduler?, host: any EngineHost, actor: String) {
        self.engine = engine
        self.scheduler = scheduler
        self.host = host
        self.actor = actor
        history = History(store: engine.context.store, folder: engine.context.folder)
    }

    var store: any SyncStore { engine.context.store }

    // MARK: - Looking

    package func engine() async throws(Refusal) -> EngineView {
        var view = await host.describe()
        view.frozen = await engine.isFrozen
        view.schedules = scheduler != nil
        if let scheduler {
            let lateness = await scheduler.recentLateness
            view.lateness_ms = lateness.isEmpty ? nil : lateness.sorted()[lateness.count * 99 / 100]
            view.clock_jump_ms = await scheduler.lastJump?.milliseconds
        }
        return view
    }

    package func status(_ names: [String]?) async throws(Refusal) -> [StatusView] {
        let wanted = try await syncs(named: names)
        let reporter = StatusReporter(engine: engine, scheduler: scheduler, now: engine.context.clock.now())
        do {
            return try await reporter.views(of: wanted)
        } catch {
            throw Refusal(error)
        }
    }

    package func syncs() async throws(Refusal) -> [SyncNameView] {
        let configured = await engine.syncs.map(\.id)
        let former = Set(await engine.allStates.map(\.sync)).subtracting(configured).sorted()
        return configured.map { SyncNameView(sync: $0.description, configured: true) }
            + former.map { SyncNameView(sync: $0.description, configured: false) }
    }

    package func destinations() async throws(Refusal) -> [DestinationView] {
        var views: [DestinationView] = []
        for definition in await engine.allDestinations {
            var view = DestinationView(
                destination: definition.key, kind: definition.kind, address: definition.adapter?.address ?? "")
            view.rate = definition.rate
            if let lane = await engine.lane(definition.key) {
                let breaker = await lane.breakerState
                view.breaker = breaker.rawValue
                view.reason = await lane.blockedReason ?? definition.blockedReason
                view.in_flight = await lane.inFlight
                view.latency_ms = await lane.latency
                view.last_answer = await lane.lastAnswerText
                view.last_answer_at = await lane.lastAnswerAt?.rfc3339
                view.state = view.reason != nil ? "blocked"
                    : breaker != .closed ? "failing" : view.last_answer == nil ? "unknown" : "up"
            }
            views.append(view)
        }
        return views
    }

    package func quotas() async throws(Refusal) -> [QuotaView] {
        await QuotaReporter(engine: engine).views()
    }

    package func catalog() async throws(Refusal) -> [CatalogView] {
        let syncs = await engine.syncs
        var views: [CatalogView] = []
        for (source, catalog) in await engine.catalogs.sorted(by: { $0.key < $1.key }) {
            let result: Result<CatalogListing, SourceError> = await BlockingThread.run {
                do throws(SourceError) {
                    return .success(try catalog.cohorts())
                } catch {
                    return .failure(error)
                }
            }
            switch result {
            case .failure(let error): throw Refusal(code: 1, message: "source \(source): \(error.message)")
            case .success(let listing):
                let own = syncs.filter { $0.sourceKey == source }
                views += listing.entries.map { CatalogView($0, of: source, syncs: own) }
            }
        }
        return views
    }

    package func runs(_ query: RunQuery) async throws(Refusal) -> [RunView] {
        var filter = RunFilter(limit: query.limit)
        if let names = query.syncs { filter.syncs = try syncIDs(names) }
        if let before = query.before { filter.before = try runID(before) }
        do throws(StoreError) {
            return try await store.runs(filter).map(RunView.init)
        } catch {
            throw Refusal(error)
        }
    }

    package func run(_ id: String) async throws(Refusal) -> RunView {
        let record = try await record(id)
        var view = RunView(record)
        if record.phase == .fetching { view.reason = await engine.fetchProgress(of: record.id) }
        return view
    }

    private func record(_ id: String) async throws(Refusal) -> RunRecord {
        let number = try runID(id)
        do throws(EngineRefusal) {
            return try await engine.record(number)
        } catch {
            throw Refusal(error)
        }
    }

    package func events(
        _ query: EventQuery, visit: @escaping @Sendable (EventView) async -> Bool
    ) async throws(Refusal) {
        do {
            let listing = try EventListing(history: history, store: store, query: query)
            if query.follow {
                try await EventFollowing(history: history, listing: listing).walk(engine, visit)
            } else {
                try await listing.walk(visit)
            }
        } catch {
            throw Refusal(error)
        }
    }

    package func user(_ id: String) async throws(Refusal) -> [UserView] {
        guard let member = MemberID(id) else {
            throw Refusal(code: 64, message: "a user id has 1 to 1,024 bytes; this one has \(id.utf8.count)")
        }
        do {
            let events = try await history.events(of: member)
            var views: [UserView] = []
            for state in await engine.allStates.sorted(by: { $0.sync < $1.sync }) {
                let run = try await engine.sendingRun(of: state.sync)
                let told = try await history.told(member, state: state, underWay: run)
                let own = events.filter { $0.sync == state.sync }
                views.append(UserView(member, sync: state.sync, told: told, events: own))
            }
            return views
        } catch {
            throw Refusal(error)
        }
    }

    package func members(
        _ sync: String, visit: @escaping @Sendable (MemberView) async -> Bool
    ) async throws(Refusal) {
        guard let id = SyncID(sync) else { throw Refusal(code: 64, message: "\(sync) is not cohort@destination") }
        do {
            let ledger = try history.ledger(of: await engine.state(of: id))
            var reader = try ledger.memberReader()
            while let member = try reader.next() {
                guard await visit(MemberView(sync: sync, member: member.text)) else { return }
            }
        } catch {
            throw Refusal(error)
        }
    }

    package func rejects(_ names: [String]?) async throws(Refusal) -> [RejectView] {
        let syncs = try names.map(syncIDs)
        do throws(StoreError) {
            return try await store.rejects(of: syncs, limit: 1_000_000).map(RejectView.init)
        } catch {
            throw Refusal(error)
        }
    }

    package func changes() async throws(Refusal) -> AsyncStream<[ChangeNotice]> {
        ChangeFeed(history: history).notices(of: engine)
    }

    // MARK: - Acting

    package func plan(_ query: PlanQuery) async throws(Refusal) -> [PlanView] {
        var views: [PlanView] = []
        for sync in try syncIDs(query.syncs) {
            do throws(EngineRefusal) {
                let preview = try await engine.preview(sync, full: query.full, sample: query.sample)
                var view = PlanView(preview)
                if let source = await engine.definition(of: sync)?.sourceKey {
                    view.quota = await QuotaReporter(engine: engine).views().first { $0.source == source }
                }
                views.append(view)
            } catch {
                throw Refusal(error)
            }
        }
        return views
    }

    package func sync(_ request: SyncRequest) async throws(Refusal) -> [RunView] {
        var options = RunOptions()
        options.mode = request.full ? .full : .changes
        options.approvedHash = request.approve
        options.retryFor = request.retry_for.map(milliseconds)
        options.actor = actor
        let syncs = try syncIDs(request.syncs)
        do throws(EngineRefusal) {
            return try await engine.start(syncs, trigger: .manual, options: options)
                .map(RunView.init)
        } catch {
            throw Refusal(error)
        }
    }

    package func settled(_ run: String) async throws(Refusal) -> RunView {
        let id = try runID(run)
        if let record = await engine.settled(id) { return RunView(record) }
        do throws(EngineRefusal) {
            // A store that cannot be read is not a run that does not exist.
            return RunView(try await engine.record(id))
        } catch {
            throw Refusal(error)
        }
    }

    package func approve(_ action: RunRequest) async throws(Refusal) -> RunView {
        if let id = RunID(text: action.run) { try await pauseIfUndo(id) }
        do throws(EngineRefusal) {
            let id = try engineRunID(action.run)
            let retryFor = action.retry_for.map(milliseconds)
            let record = action.leaves
                ? try await engine.approveLeaves(of: id, actor: actor, reason: action.reason, retryFor: retryFor)
                : try await engine.approve(id, actor: actor, reason: action.reason, retryFor: retryFor)
            return RunView(record)
        } catch {
            throw Refusal(error)
        }
    }

    /// The next run of a sync would take its undo back, so the schedule stops first (PRODUCT.md §3).
    private func pauseIfUndo(_ id: RunID) async throws(Refusal) {
        let run: RunRecord?
        do throws(StoreError) {
            run = try await store.run(id)
        } catch {
            throw Refusal(error)
        }
        guard let run, run.mode == .undo, run.phase == .held, await !engine.isFrozen,
            let definition = await engine.definition(of: run.sync), !definition.schedule.isPaused
        else { return }
        try await host.pause(PauseRequest(names: [run.sync.description], paused: true), actor: actor)
    }

    package func discard(_ action: RunRequest) async throws(Refusal) -> RunView {
        do throws(EngineRefusal) {
            return RunView(
                try await engine.discard(try engineRunID(action.run), actor: actor, reason: action.reason))
        } catch {
            throw Refusal(error)
        }
    }

    package func cancel(_ action: RunRequest) async throws(Refusal) -> RunView {
        do throws(EngineRefusal) {
            return RunView(try await engine.cancel(try engineRunID(action.run), actor: actor, reason: action.reason))
        } catch {
            throw Refusal(error)
        }
    }

    package func dismiss(_ action: RejectAction) async throws(Refusal) {
        guard let id = Int64(action.id) else {
            throw Refusal(code: 64, message: "\(action.id) is no reject; `rollcall rejects` lists their ids")
        }
        do throws(StoreError) {
            let entry = AuditEntry(
                at: engine.context.clock.now(), actor: actor, action: "dismiss", subject: "reject \(id)",
                reason: action.reason)
            guard try await store.dismissReject(id, audit: entry) else {
                throw StoreError.unavailable("no such reject")
            }
        } catch .unavailable("no such reject") {
            throw Refusal(code: 64, message: "there is no reject \(id); `rollcall rejects` lists their ids")
        } catch {
            throw Refusal(error)
        }
    }

    package func freeze(_ request: FreezeRequest) async throws(Refusal) {
        do throws(EngineRefusal) {
            try await engine.setFrozen(request.frozen, actor: actor, reason: request.reason)
        } catch {
            throw Refusal(error)
        }
    }

    package func pause(_ request: PauseRequest) async throws(Refusal) {
        try await host.pause(request, actor: actor)
    }

    package func schedule(_ request: ScheduleRequest) async throws(Refusal) {
        try await host.schedule(request, actor: actor)
    }

    // MARK: - Names

    private func syncs(named names: [String]?) async throws(Refusal) -> [SyncID] {
        guard let names else {
            // A held retirement waits for somebody, also where the file has its cohort no longer.
            let configured = await engine.syncs.map(\.id)
            return configured + (await engine.heldSyncs).filter { !configured.contains($0) }.sorted()
        }
        return try syncIDs(names)
    }

    func syncIDs(_ names: [String]) throws(Refusal) -> [SyncID] {
        var syncs: [SyncID] = []
        for name in names {
            guard let sync = SyncID(name) else {
                throw Refusal(code: 64, message: "\(name) is not of the form cohort@destination")
            }
            syncs.append(sync)
        }
        return syncs
    }

    func runID(_ text: String) throws(Refusal) -> RunID {
        guard let id = RunID(text: text) else {
            throw Refusal(code: 64, message: "\(text) is no run; `rollcall runs` lists them")
        }
        return id
    }

    func engineRunID(_ text: String) throws(EngineRefusal) -> RunID {
        guard let id = RunID(text: text) else { throw .unknownRun(text) }
        return id
    }

    private func milliseconds(_ seconds: Double) -> Int64 {
        Int64(min(max(0, seconds), 1e9) * 1000)
    }
}

extension Refusal {
    /// The exit codes are those of PRODUCT.md §3.
    init(_ error: any Error) {
        switch error {
        case let error as Refusal: self = error
        case let error as EngineRefusal: self.init(error)
        case StoreError.cancelled: self.init(code: 75, message: "the engine is just stopping; ask again")
        case let error as StoreError: self.init(code: 1, message: error.message)
        case let error as StateFileError: self.init(code: 1, message: error.message)
        default: self.init(code: 1, message: "\(error)")
        }
    }

    init(_ refusal: EngineRefusal) {
        let code = switch refusal {
        case .unknownSync, .unknownRun, .notPossible: 64
        case .frozen, .storage, .failed: 1
        case .blocked: 78
        case .stopping: 75
        }
        self.init(code: code, message: refusal.sentence)
    }
}
