import Membership
import Scheduling

/// The engine: knows every sync, starts runs, and holds what they share. All decisions are made by the pure types of
/// `Decisions` and `Delivery`; this performs them.
package actor Engine {
    package nonisolated let context: EngineContext
    private(set) var configuration = EngineConfiguration(syncs: [], destinations: [])
    var definitions: [SyncID: SyncDefinition] = [:]
    private var destinations: [String: DestinationDefinition] = [:]
    private var lanes: [String: DestinationLane] = [:]
    var states: [SyncID: SyncState] = [:]
    private var destinationStates: [String: DestinationState] = [:]
    package internal(set) var isFrozen = false

    /// Runs that wait for a slot, oldest first, with what they were asked with.
    var queue: [(record: RunRecord, options: RunOptions)] = []
    var active: [SyncID: RunExecution] = [:]
    private var activeRecords: [SyncID: RunRecord] = [:]
    var held: [SyncID: RunRecord] = [:]
    /// Syncs with a run that could not be ended; nothing else of theirs starts before it is.
    var leftOpen: [SyncID: OpenRun] = [:]
    private var memoryInUse = 0
    let watchers = Watchers()
    private(set) var isObserving = false
    /// Syncs whose cohort's key changed, with the former one as long as that is not taken over; see `KeyChanges`. Nil while
    /// that is being found out, and then nothing starts.
    var awaitedKeys: [SyncID: SyncID]?
    var isStopping = false
    /// Runs that are being created: in no queue yet, and already somebody's.
    private var starting = 0
    /// What alerts know of each sync that was asked about; see ``takeAlertFacts()``.
    var pasts: [SyncID: SyncPast] = [:]
    private var waiters: [RunID: [CheckedContinuation<RunRecord?, Never>]] = [:]

    package init(context: EngineContext) {
        self.context = context
    }

    // MARK: - Life

    /// Reads the durable state, applies the configuration, and takes up what an earlier process left.
    /// - Parameter retryFor: how long what is taken up is tried; nil for each destination's own time.
    package func start(
        _ configuration: EngineConfiguration, resuming resume: ResumePolicy, retryFor: Int64? = nil
    ) async throws(StoreError) {
        try await readState()
        try await refuseOlderStore()
        context.folder.emptyScratch()
        RetentionSweep.removeLeftovers(in: context.folder)
        try await RetentionSweep.removeStrayPlans(context)
        await configure(configuration)
        let resume = resume.including(awaitedKeys)
        let unfinished = try await unfinishedRuns()
        let replaced = unfinished.heldBesideOthers
        for var record in unfinished.inTakingUpOrder {
            if let other = replaced[record.id], resume.includes(record.sync) {
                record.replacedBy = other
                await close(record, .discarded, "replaced by run \(other)")
            } else {
                await takeUp(record, resume, retryFor: retryFor)
            }
        }
        // A secret that is missing today uses no plan up.
        for record in held.values where destinations[record.sync.destination]?.blockedReason == nil {
            if definitions[record.sync]?.blockedReason == nil, !fits(record) { await discardHeld(record) }
        }
        await takeOverFromFormerKeys()
        await dispatch()
    }

    /// Reads the durable state and starts nothing: for looking at a workspace beside nobody.
    package func observe(_ configuration: EngineConfiguration) async throws(StoreError) {
        isObserving = true
        try await readState()
        await configure(configuration)
        for record in try await unfinishedRuns() where record.phase == .held { held[record.sync] = record }
    }

    private func readState() async throws(StoreError) {
        for state in try await context.store.syncStates() { states[state.sync] = state }
        for state in try await context.store.destinationStates() { destinationStates[state.destination] = state }
        isFrozen = try await context.store.isFrozen()
    }

    /// Oldest first.
    func unfinishedRuns() async throws(StoreError) -> [RunRecord] {
        try await context.store.runs(RunFilter(unfinishedOnly: true, limit: 100_000)).reversed()
    }

    /// Takes no new work once there is none; runs that others asked for are waited for.
    /// - Parameter onWait: called once when there is something to wait for.
    package func stopWhenIdle(onWait: @Sendable () -> Void) async {
        var hasTold = false
        // What is frozen ends only after somebody lifts it: it goes on with whoever takes the workspace next.
        while starting > 0 || !isFrozen && !(active.isEmpty && queue.isEmpty) {
            if !hasTold { onWait() }
            hasTold = true
            await context.clock.sleep(until: context.clock.monotonic() + 50)
        }
        isStopping = true
    }

    /// Lets requests on the wire finish and stops; runs that were sending go on when an engine starts again.
    /// - Parameter milliseconds: how long to wait at most.
    package func suspendAll(within milliseconds: Int64) async {
        isStopping = true
        let deadline = context.clock.monotonic() + milliseconds
        for execution in active.values { await execution.suspend() }
        while !active.isEmpty, context.clock.monotonic() < deadline {
            await context.clock.sleep(until: context.clock.monotonic() + 10)
        }
    }

    /// Applies a configuration that checked out. Runs keep the one they were planned with; those whose sync is gone,
    /// or whose trait, source or destination changed, are cancelled.
    package func configure(_ new: EngineConfiguration) async {
        let isEdited = !configuration.revision.isEmpty && configuration.revision != new.revision
        configuration = new
        awaitedKeys = nil
        definitions = Dictionary(new.syncs.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var keptLanes: [String: DestinationLane] = [:]
        for destination in new.destinations {
            let old = destinations[destination.key]
            let state = destinationStates[destination.key]
            let isSame = old?.adapter?.address == destination.adapter?.address && old?.rate == destination.rate
                && old?.requests == destination.requests && old != nil
            if isSame, let lane = lanes[destination.key] {
                keptLanes[destination.key] = lane
            } else {
                let stillBlocked = old == nil && state?.blockedAddress == blockMark(of: destination)
                keptLanes[destination.key] = DestinationLane(
                    key: destination.key, rate: destination.rate, slots: destination.requests,
                    blockedReason: stillBlocked ? state?.blockedReason : nil, context)
            }
        }
        lanes = keptLanes
        destinations = Dictionary(new.destinations.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        // A refused key is tried again once the configuration has changed, whatever in it (PRODUCT.md §3).
        if isEdited { for key in lanes.keys { await unblock(key) } }
        await followSchedules(of: new.syncs)
        await awaitFormerKeys()
        await endWhatNoLongerFits()
        await takeOverFromFormerKeys()
        watchers.publish(.configured)
        await dispatch()
    }

    /// Notes since when schedules are followed: catch-up counts only occurrences after that, never paused ones.
    private func followSchedules(of definitions: [SyncDefinition]) async {
        guard !isObserving else { return }
        var changed: [SyncState] = []
        for definition in definitions {
            var state = states[definition.id] ?? SyncState(sync: definition.id)
            let policy = definition.schedule
            let signature = "\(policy.schedule.text)|\(policy.zone.identifier)|\(policy.isPaused ? "paused" : "active")"
            guard state.scheduleSignature != signature else { continue }
            state.scheduleSignature = signature
            state.scheduleLoadedAt = context.clock.now()
            states[definition.id] = state
            changed.append(state)
        }
        do throws(StoreError) {
            try await context.store.saveSyncStates(changed)
        } catch {
            context.log("schedules: \(error.message)", .error)
        }
    }

    private func endWhatNoLongerFits() async {
        guard !isObserving else { return }
        for record in held.values where !fits(record) { await discardHeld(record) }
        for (sync, execution) in active {
            if let record = activeRecords[sync], !fits(record) {
                await execution.cancel("the configuration of \(sync) changed")
            }
        }
        for entry in queue where definition(for: entry.record) == nil && entry.record.phase == .queued {
            queue.removeAll { $0.record.id == entry.record.id }
            await close(entry.record, .cancelled, "\(entry.record.sync) is no longer configured")
        }
    }

    func discardHeld(_ record: RunRecord) async {
        held[record.sync] = nil
        await close(record, .discarded, "the configuration of \(record.sync) changed")
    }

    /// Whether a run may go on under the current configuration.
    private func fits(_ record: RunRecord) -> Bool {
        guard let definition = definition(for: record), let destination = destinations[record.sync.destination],
            let adapter = destination.adapter
        else { return false }
        // These speak of what was told, whatever the configuration says of the cohort by now.
        if record.mode.keepsIdentity { return record.identity.isTold(at: adapter) }
        var configured = identity(of: definition, at: destination)
        configured.destinationKind = adapter.kind
        return record.fits(configured, state: states[record.sync])
    }

    // MARK: - What others ask

    package func definition(of sync: SyncID) -> SyncDefinition? { definitions[sync] }

    /// What a run works by: the configured sync, or for `retire` what the run itself says of one that is configured no
    /// longer.
    func definition(for record: RunRecord) -> SyncDefinition? {
        definitions[record.sync] ?? (record.mode == .retire ? .former(record.sync, record.identity) : nil)
    }

    package func destination(_ key: String) -> DestinationDefinition? { destinations[key] }
    package func lane(_ key: String) -> DestinationLane? { lanes[key] }
    package func state(of sync: SyncID) -> SyncState { states[sync] ?? SyncState(sync: sync) }
    package var allStates: [SyncState] { Array(states.values) }
    package var syncs: [SyncDefinition] { configuration.syncs }
    /// How long history is kept, in milliseconds.
    package var retention: Int64 { configuration.retention }
    package var configuredQuotas: [QuotaDefinition] { configuration.quotas }
    package var catalogs: [String: any CohortCatalog] { configuration.catalogs }
    package var allDestinations: [DestinationDefinition] { configuration.destinations }
    package func activeRun(of sync: SyncID) -> RunRecord? { activeRecords[sync] }
    /// The run of a sync that has told somebody and is not over: under way, or interrupted and still to be taken up.
    package func sendingRun(of sync: SyncID) async throws(StoreError) -> RunRecord? {
        if let active = activeRecords[sync] { return active.phase == .sending ? active : nil }
        return try await context.store.runs(RunFilter(syncs: [sync], unfinishedOnly: true, limit: 10))
            .first { $0.phase == .sending }
    }
    package var heldSyncs: [SyncID] { Array(held.keys) }
    package func heldRun(of sync: SyncID) -> RunRecord? { held[sync] }
    package func queuedRun(of sync: SyncID) -> RunRecord? { queue.first { $0.record.sync == sync }?.record }
    /// Runs that wait or are under way, oldest first.
    package func unfinishedWork() -> [RunID] {
        (queue.map(\.record.id) + active.values.map(\.id)).sorted()
    }

    /// Members per request at most: what a 413 of this address taught, and one second of the destination's rate.
    func countLimit(of destination: DestinationDefinition) -> Int {
        min(learnedLimit(of: destination) ?? .max, destination.rate.map { max(1, $0) } ?? .max)
    }

    /// What a 413 taught of the destination as it is configured now; nil when nothing did.
    package func learnedLimit(of destination: DestinationDefinition) -> Int? {
        let state = destinationStates[destination.key]
        return state?.countLimitAddress == destination.adapter?.address ? state?.countLimit : nil
    }

    /// Remembers what a run taught. A limit that was filled is doubled, so that what was true once does not slow a
    /// destination for good.
    func learned(_ lesson: SizeLesson, of destination: DestinationDefinition) async {
        var state = destinationStates[destination.key] ?? DestinationState(destination: destination.key)
        switch (lesson, learnedLimit(of: destination)) {
        case (.tooLarge(let limit), _): state.countLimit = limit
        case (.filled, let limit?): state.countLimit = limit < Self.largestLearnedLimit ? limit * 2 : nil
        case (.filled, nil), (.nothing, _): return
        }
        state.countLimitAddress = destination.adapter?.address
        await keep(state)
    }

    /// No destination takes more members in one request.
    private static let largestLearnedLimit = 10_000

    private func keep(_ state: DestinationState) async {
        destinationStates[state.destination] = state
        do throws(StoreError) {
            try await context.store.saveDestinationState(state)
        } catch {
            context.log("\(state.destination): \(error.message)", .error)
        }
    }

    func adopt(_ state: SyncState, replacing old: LedgerReference? = nil) {
        var merged = state
        // The schedule's part is kept by the engine, the rest by the run.
        if let current = states[state.sync] {
            merged.scheduleSignature = current.scheduleSignature
            merged.scheduleLoadedAt = current.scheduleLoadedAt
            merged.lastOccurrence = current.lastOccurrence
        }
        states[state.sync] = merged
        if let old, old.file != merged.ledger?.file {
            RetentionSweep.remove(old.file, in: context.folder.ledgers)
        }
    }

    // MARK: - Watching

    /// Every change from now on; what a watcher that does not keep up misses, see ``Watchers``.
    package nonisolated func changes(_ patience: Watchers.Patience = .losesOldest) -> AsyncStream<EngineChange> {
        watchers.add(patience)
    }

    func changed(_ record: RunRecord) {
        if activeRecords[record.sync]?.id == record.id { activeRecords[record.sync] = record }
        pasts[record.sync]?.note(record)
        watchers.publish(.run(record))
    }

    /// A run that is reading tells what it waits for.
    func fetchProgressed(_ record: RunRecord) {
        guard let known = activeRecords[record.sync], known.id == record.id, known.phase == .fetching,
            record.phase == .fetching
        else { return }
        activeRecords[record.sync] = record
        watchers.publish(.run(record))
    }

    /// What a run that is reading waits for; nil when it waits for nothing or reads no more.
    package func fetchProgress(of run: RunID) -> String? {
        activeRecords.values.first { $0.id == run && $0.phase == .fetching }?.reason
    }

    func progressed(_ record: RunRecord, _ facts: [BatchFact]) {
        if activeRecords[record.sync]?.id == record.id { activeRecords[record.sync] = record }
        watchers.publish(.batches(record, facts))
    }

    /// Returns once the run is held or finished; nil when there is no such run.
    package func settled(_ id: RunID) async -> RunRecord? {
        if isUnderWay(id) {
            return await withCheckedContinuation { waiters[id, default: []].append($0) }
        }
        return (try? await context.store.run(id)) ?? nil
    }

    private func isUnderWay(_ id: RunID) -> Bool {
        queue.contains { $0.record.id == id } || active.values.contains { $0.id == id }
    }

    // MARK: - Starting runs

    /// Queues a run for each sync.
    package func start(
        _ syncs: [SyncID], trigger: Trigger, nominal: Instant? = nil, options: RunOptions, notes: [String] = []
    ) async throws(EngineRefusal) -> [RunRecord] {
        if isStopping { throw .stopping }
        if isFrozen, trigger == .manual { throw .frozen }
        starting += 1
        defer { starting -= 1 }
        // All or none: what cannot be started is said before anything is queued.
        for sync in syncs {
            guard let definition = definitions[sync], let destination = destinations[sync.destination] else {
                throw .unknownSync(sync.description)
            }
            if let reason = definition.blockedReason ?? destination.blockedReason { throw .blocked(reason) }
        }
        var records: [RunRecord] = []
        for sync in syncs {
            guard let definition = definitions[sync], let destination = destinations[sync.destination] else { continue }
            if trigger == .manual { await unblock(sync.destination) }
            let isFirst = state(of: sync).ledger == nil
            let mode = options.mode == .changes && definition.firstSync == .baseline && isFirst
                ? RunMode.baseline : options.mode
            var draft = RunRecord(
                id: RunID(0), sync: sync, trigger: trigger, mode: mode, nominal: nominal,
                createdAt: context.clock.now(), identity: identity(of: definition, at: destination))
            draft.notes = notes
            if trigger == .manual { noteHeld(in: &draft) }
            do throws(StoreError) {
                guard let record = try await context.store.createRun(draft) else { continue }
                if let nominal { states[sync, default: SyncState(sync: sync)].lastOccurrence = nominal }
                records.append(record)
                watchers.publish(.run(record))
                // While the store was busy, the run before this one may have been held: both must never be sent.
                if let before = held[sync], before.replacement(among: [record]) == nil {
                    await close(record, .cancelled, "run \(before.id) is held")
                    continue
                }
                queue.append((record, options))
                if trigger == .manual {
                    await replaceHeld(of: sync, by: record.id)
                    await takeUpNow(sync, options)
                }
            } catch {
                throw .storage(error.message)
            }
        }
        await dispatch()
        return records
    }

    /// Queues a run that was asked for by name; it takes the place of a held one, as a manual sync does.
    func enqueue(_ draft: RunRecord, options: RunOptions) async throws(StoreError) -> RunRecord? {
        starting += 1
        defer { starting -= 1 }
        var draft = draft
        noteHeld(in: &draft)
        guard let record = try await context.store.createRun(draft) else { return nil }
        queue.append((record, options))
        watchers.publish(.run(record))
        await replaceHeld(of: record.sync, by: record.id)
        await dispatch()
        return record
    }

    /// Whoever asks for a run reads in it which held one it replaces.
    private func noteHeld(in draft: inout RunRecord) {
        if let held = held[draft.sync] { draft.notes.append("run \(held.id), which was held, gives way and is discarded") }
    }

    func identity(of definition: SyncDefinition, at destination: DestinationDefinition) -> SyncIdentity {
        var identity = SyncIdentity(
            trait: definition.audience.trait, template: definition.template, sourceKind: definition.sourceKind,
            sourceDefinition: definition.source?.definition ?? "", destinationKind: destination.kind,
            destinationAddress: destination.adapter?.address ?? "")
        identity.name = definition.audience.name
        identity.id = definition.audience.id
        identity.leavesAsNull = definition.audience.leavesAsNull
        return identity
    }

    /// The ledgers of runs that are read for together, when a reading that equals all of them needs no sorting: each
    /// run wants the difference, and its ledger is of the identity it will speak under, without unknowns.
    private func knownLedgers(of group: [(record: RunRecord, options: RunOptions)]) -> [KnownLedger] {
        var known: [KnownLedger] = []
        for entry in group {
            guard entry.record.mode == .changes, let state = states[entry.record.sync],
                let ledger = state.ledger, ledger.unknown == 0,
                state.told?.sharesLedger(with: entry.record.identity) == true
            else { return [] }
            known.append(KnownLedger(path: context.folder.ledgers + "/" + ledger.file, digest: ledger.digest))
        }
        return known
    }

    func replaceHeld(of sync: SyncID, by new: RunID) async {
        guard var record = held.removeValue(forKey: sync) else { return }
        record.replacedBy = new
        await close(record, .discarded, "replaced by run \(new)")
    }

    /// Where and under which configuration a destination refused: elsewhere, and under another one, it may not.
    private func blockMark(of destination: DestinationDefinition) -> String? {
        destination.adapter.map { "\($0.address) \(configuration.revision)" }
    }

    /// A person tries again: the destination gets another chance.
    func unblock(_ key: String) async {
        await lanes[key]?.unblock()
        guard var state = destinationStates[key], state.blockedReason != nil else { return }
        state.blockedReason = nil
        state.blockedAt = nil
        state.blockedAddress = nil
        await keep(state)
    }

    /// Starts what may start: one run a sync at a time, a bounded number that read, a bounded number that send to
    /// one destination, so that a slow destination never delays another. Queued runs of one cohort start together and
    /// share one reading.
    func dispatch() async {
        var index = 0
        while index < queue.count {
            let entry = queue[index]
            guard mayStart(entry.record) else {
                index += 1
                continue
            }
            let group = entry.record.phase == .queued && entry.record.mode.readsSource
                ? queue.filter {
                    $0.record.phase == .queued && $0.record.sync.cohort == entry.record.sync.cohort
                        && $0.record.mode.readsSource && mayStart($0.record)
                } : [entry]
            let started = Set(group.map(\.record.id))
            queue.removeAll { started.contains($0.record.id) }
            launch(group)
            index = 0
        }
    }

    private func mayStart(_ record: RunRecord) -> Bool {
        guard active[record.sync] == nil, !isStopping, let awaitedKeys, awaitedKeys[record.sync] == nil else { return false }
        guard record.phase == .sending || leftOpen[record.sync] == nil else { return false }
        let fetching = Set(activeRecords.values.filter { $0.phase.isBeforeSending }.map(\.sync.cohort))
        guard record.phase == .sending || fetching.count < configuration.parallelRuns else { return false }
        let toSame = active.keys.filter { $0.destination == record.sync.destination }.count
        return toSame < configuration.parallelRuns
    }

    private func launch(_ group: [(record: RunRecord, options: RunOptions)]) {
        guard let first = group.first else { return }
        let memory = max(16 << 20, (configuration.memory - memoryInUse) / (queue.isEmpty ? 1 : 2))
        var ticket: FetchTicket?
        if first.record.phase == .queued, first.record.mode.readsSource, let source = definitions[first.record.sync]?.source {
            memoryInUse += memory
            ticket = FetchTicket(
                source: source, scratch: context.folder.scratch,
                path: "\(context.folder.snapshots)/\(first.record.id).snapshot", memory: memory,
                occasion: group.contains { $0.record.trigger == .manual } ? .manual : .schedule, users: group.count,
                known: knownLedgers(of: group))
        }
        let barrier = MemoryShare(bytes: ticket == nil ? 0 : memory, users: group.count)
        for entry in group {
            let resumes = entry.record.phase == .sending
            execute(entry.record, entry.options, ticket: ticket, event: resumes ? nil : .started, share: barrier)
        }
    }

    /// Memory that a group of runs took for its reading and gives back together.
    final class MemoryShare {
        let bytes: Int
        var users: Int

        init(bytes: Int, users: Int) {
            self.bytes = bytes
            self.users = users
        }
    }

    /// Goes on with an interrupted run only to settle what is known of it.
    func settle(_ record: RunRecord, cancelledBecause reason: String) {
        queue.removeAll { $0.record.id == record.id }
        execute(record, RunOptions(), ticket: nil, event: nil, share: nil, cancelled: reason)
    }

    func execute(
        _ record: RunRecord, _ options: RunOptions, ticket: FetchTicket?, event: RunEvent?, share: MemoryShare?,
        cancelled: String? = nil
    ) {
        let known = definition(for: record)
        let isConfigured = known != nil
        let definition = known ?? .former(record.sync, record.identity)
        let destination = destinations[record.sync.destination].flatMap { isConfigured ? $0 : nil }
            ?? DestinationDefinition(goneWith: record)
        let lane = lanes[record.sync.destination] ?? DestinationLane(
            key: destination.key, rate: nil, slots: 1, blockedReason: nil, context)
        let execution = RunExecution(
            record, state: state(of: record.sync), engine: self, context: context, definition: definition,
            destination: destination, lane: lane, ticket: ticket, options: options)
        active[record.sync] = execution
        activeRecords[record.sync] = record
        Task {
            if isFrozen { await execution.setFrozen(true) }
            if let cancelled {
                await execution.cancelBeforeResuming(cancelled)
            } else if !isConfigured {
                await execution.cancelBeforeResuming("\(record.sync) is no longer configured")
            } else if event == nil, !fits(record) {
                await execution.cancelBeforeResuming("the configuration changed")
            }
            let final = await execution.execute(event)
            await ended(final, share: share, isLeftOpen: await execution.isSuspended)
        }
    }

    private func ended(_ record: RunRecord, share: MemoryShare?, isLeftOpen: Bool) async {
        guard !isStopping || record.phase == .finished || record.phase == .held else {
            active[record.sync] = nil
            return wake(record)
        }
        active[record.sync] = nil
        activeRecords[record.sync] = nil
        if let share {
            share.users -= 1
            if share.users == 0 { memoryInUse -= share.bytes }
        }
        if isLeftOpen {
            leaveOpen(record)
            wake(record)
            await failWaiting(behind: record)
            return await dispatch()
        }
        leftOpen[record.sync] = nil
        if record.phase == .held { await hold(record) }
        if record.outcome == .failed, let reason = await lanes[record.sync.destination]?.blockedReason {
            var state = destinationStates[record.sync.destination]
                ?? DestinationState(destination: record.sync.destination)
            state.blockedReason = reason
            state.blockedAt = context.clock.now()
            state.blockedAddress = destinations[record.sync.destination].flatMap(blockMark)
            await keep(state)
        }
        await RetentionSweep.sweepSnapshots(context, keeping: record)
        await takeOverFromFormerKeys()
        wake(record)
        await dispatch()
    }

    func wake(_ record: RunRecord) {
        for waiter in waiters.removeValue(forKey: record.id) ?? [] { waiter.resume(returning: record) }
    }
}
