import Membership
import Scheduling

/// Carries one run through its phases: performs what ``RunMachine`` asks for, with files, source, destination and store.
actor RunExecution {
    nonisolated let id: RunID
    nonisolated let sync: SyncID
    private let engine: Engine
    private let context: EngineContext
    private let definition: SyncDefinition
    private let destination: DestinationDefinition
    private let lane: DestinationLane
    private let ticket: FetchTicket?
    private let options: RunOptions

    private var machine: RunMachine
    private var state: SyncState
    private var fetched: FetchResult?
    private var ledger = Ledger.empty
    private var plans: RunPlans?
    private var loop: DeliveryLoop?
    private var isFrozen = false
    private var newState: SyncState?
    private var rejectChanges = RejectChanges()

    init(
        _ record: RunRecord, state: SyncState, engine: Engine, context: EngineContext, definition: SyncDefinition,
        destination: DestinationDefinition, lane: DestinationLane, ticket: FetchTicket?, options: RunOptions
    ) {
        id = record.id
        sync = record.sync
        machine = RunMachine(record)
        self.state = state
        self.engine = engine
        self.context = context
        self.definition = definition
        self.destination = destination
        self.lane = lane
        self.ticket = ticket
        self.options = options
    }

    var record: RunRecord { machine.record }

    /// Runs until the run is finished or held.
    /// - Parameter event: what sets it going: `started`, or `approved`; nil resumes a run that was sending.
    func execute(_ event: RunEvent?) async -> RunRecord {
        let waiting = machine.record
        var queue: [RunAction] = event.map { machine.handle($0, at: context.clock.now()) } ?? [.send]
        let isStored = await save()
        if waiting.phase == .held, !isStored {
            // An approval that is not on disk would be forgotten by the next process, which would hold again what was
            // sent in part.
            machine = RunMachine(waiting)
            return waiting
        }
        while !queue.isEmpty {
            let action = queue.removeFirst()
            if let next = await perform(action) {
                if isSuspended, next.leavesRunOpen { return machine.record }
                queue += machine.handle(next, at: context.clock.now())
                if next.isMilestone { await save() } else { await engine.changed(machine.record) }
            }
        }
        return machine.record
    }

    func cancel(_ reason: String) async {
        for action in machine.handle(.cancelRequested(reason: reason), at: context.clock.now()) {
            _ = await perform(action)
        }
    }

    /// A run that was sending under another configuration: what is known of it is settled, nothing more is sent.
    func cancelBeforeResuming(_ reason: String) {
        cancelledEarly = reason
    }

    private var cancelledEarly: String?

    /// Sends nothing new and leaves the run as it is, to be resumed.
    func suspend() async {
        isSuspended = true
        if let loop {
            loop.cancel("suspended")
        } else {
            await ticket?.leave()
        }
    }

    /// Nothing more is sent, and the run stays as it is on disk, to be taken up again.
    private(set) var isSuspended = false

    func setFrozen(_ isFrozen: Bool) {
        self.isFrozen = isFrozen
        loop?.setFrozen(isFrozen)
    }

    /// Makes the record durable and shows it. A phase that cannot be stored is stored with the next one; what must
    /// not be lost (plan, batches, end) has transactions of its own.
    @discardableResult
    private func save() async -> Bool {
        guard machine.record.phase != .finished else { return true }
        var isStored = true
        do throws(StoreError) {
            try await context.store.saveRun(machine.record)
        } catch {
            context.log("run \(id): \(error.message)", .error)
            isStored = false
        }
        await engine.changed(machine.record)
        return isStored
    }

    private func perform(_ action: RunAction) async -> RunEvent? {
        switch action {
        case .fetch: return await fetch()
        case .plan: return await makePlan()
        case .hold: return nil
        case .send: return await send()
        case .stopSending(let reason):
            loop?.cancel(reason)
            return nil
        case .stopFetching:
            await ticket?.leave()
            return nil
        case .writeLedger: return await writeLedger()
        case .finish:
            await finish()
            return nil
        }
    }

    // MARK: - Fetch and plan

    private func fetch() async -> RunEvent {
        if machine.record.mode == .leaves { return reopenSnapshot() }
        // These work from the ledger and from what earlier runs sent.
        if !machine.record.mode.readsSource { return .fetched(FetchCounts(), badRows: []) }
        guard let ticket else { return .fetchFailed("the source is not available") }
        switch await ticket.result(progress: { [weak self] sentence in Task { await self?.tell(sentence) } }) {
        case .success(let result):
            fetched = result
            return .fetched(result.counts, badRows: result.badRows)
        case .failure(.source(let reason)): return .fetchFailed("source \(definition.sourceKey): \(reason)")
        case .failure(.storage(let reason)): return .fetchFailed(reason)
        case .failure(.stopped): return .fetchFailed("reading was stopped")
        }
    }

    /// Shows what the reading waits for; it is over when the process is, so it is not stored.
    private func tell(_ sentence: String) async {
        _ = machine.handle(.fetchProgressed(sentence), at: context.clock.now())
        await engine.fetchProgressed(machine.record)
    }

    /// What an earlier run read, for the leaves it withheld.
    private func reopenSnapshot() -> RunEvent {
        guard let reference = machine.record.snapshot, let counts = machine.record.fetched else {
            return .fetchFailed("the earlier run's snapshot is no longer kept")
        }
        do throws(StateFileError) {
            let snapshot = try Snapshot.open(
                context.folder.snapshots + "/" + reference.file, expecting: FileDigest(hex: reference.digest))
            fetched = FetchResult(counts: counts, badRows: [], snapshot: snapshot)
            // The rows were judged by the person who approved; they do not make this run partial again.
            var own = FetchCounts()
            own.read = snapshot.members
            own.members = snapshot.members
            return .fetched(own, badRows: [])
        } catch {
            return .fetchFailed(error.message)
        }
    }

    private func makePlan() async -> RunEvent {
        do {
            var planner = Planner(
                record: machine.record, state: state, definition: definition, destination: destination,
                context: context, countLimit: await engine.countLimit(of: destination))
            let path = context.folder.plans + "/\(id).plan"
            let draft: PlanDraft
            switch machine.record.mode {
            case .undo, .retire, .migrate:
                draft = try await planner.makeDeliberately(from: fetched, at: path)
            case .changes, .full, .baseline, .leaves:
                guard let fetched else { return .planFailed("nothing was fetched") }
                draft = try await planner.make(from: fetched, at: path)
            }
            guard machine.record.phase == .planning else { return .planFailed("cancelled") }
            plans = draft.plans
            ledger = draft.ledger
            var holds = draft.holds
            var approval: Approval?
            if machine.record.mode == .leaves {
                approval = Approval(by: options.actor, at: context.clock.now(), reason: options.reason)
            }
            if let left = PlanTerms.holds(holds, of: draft.facts.hash, approved: options.approvedHash) {
                holds = left
            } else {
                approval = Approval(by: options.actor, at: context.clock.now(), reason: options.reason)
                holds = []
            }
            machine.adopt(identity: draft.identity, approval: approval, snapshot: draft.snapshot)
            var preview = machine
            _ = preview.handle(.planned(draft.facts, holds: holds, notes: draft.notes), at: context.clock.now())
            if let plan = draft.plans?.own { state.lastTimestamp = plan.attempt.timestamp }
            state.lastPlanned = id
            try await context.store.commitPlan(preview.record, state: state, memberHashes: draft.memberHashes)
            await engine.adopt(state)
            return .planned(draft.facts, holds: holds, notes: draft.notes)
        } catch let error as StateFileError {
            return .planFailed(error.message)
        } catch let error as StoreError {
            return .planFailed(error.message)
        } catch {
            return .planFailed("\(error)")
        }
    }

    // MARK: - Send

    private func send() async -> RunEvent? {
        if isSuspended { return .sent(machine.record.delivery) }
        do {
            // A plan without changes may have no file.
            guard let facts = machine.record.plan, facts.count > 0 else {
                _ = try await settleRejects(nil, outcomes: [])
                return .sendingEnded(.complete, newlyOwed: 0)
            }
            let plans = try openPlans()
            let records = try await context.store.batches(of: id)
            guard let adapter = destination.adapter else { return try await endUnsent(plans, records) }
            let loop = DeliveryLoop(
                DeliveryLoop.Settings(
                    run: id, plans: plans.parts.map { worded($0.plan) }, barrier: plans.formerCount,
                    records: records, counts: machine.record.delivery,
                    destination: adapter,
                    retryFor: options.retryFor ?? destination.retryFor,
                    countLimit: await engine.countLimit(of: destination), requests: destination.requests),
                isFrozen: isFrozen, lane: lane, store: context.store, clock: context.clock
            ) { [weak self] counts, facts in
                await self?.progressed(counts, facts)
            }
            self.loop = loop
            if let cancelledEarly { loop.cancel(cancelledEarly) }
            let result = try await loop.send()
            self.loop = nil
            _ = machine.handle(.sent(result.counts), at: context.clock.now())
            if isSuspended, result.end != .complete { return .sent(result.counts) }
            await engine.learned(result.sizeLesson, of: destination)
            let newlyOwed = try await settleRejects(plans, outcomes: result.outcomes)
            outcomes = result.outcomes
            return .sendingEnded(result.end, newlyOwed: newlyOwed)
        } catch let error as StateFileError {
            return await leaveOpen(error.message)
        } catch let error as StoreError {
            return await leaveOpen(error.message)
        } catch {
            return await leaveOpen("\(error)")
        }
    }

    /// What was sent is known only by this run's plan and its batches: a run whose plan or whose records cannot be had does
    /// not end, or those it told would be forgotten. It stays open, says why, and is taken up again later.
    private func leaveOpen(_ reason: String) async -> RunEvent {
        context.log("run \(id): \(reason)", .error)
        isSuspended = true
        _ = machine.handle(.stalled(reason), at: context.clock.now())
        await save()
        return .storageFailed(reason)
    }

    /// Nothing can be sent, but an earlier execution may have: what is on record of it still reaches the ledger.
    private func endUnsent(_ plans: RunPlans, _ records: [BatchRecord]) async throws -> RunEvent {
        var counts = machine.record.delivery
        counts.resume(from: records)
        try await context.store.saveBatches(records.foundInFlight(at: context.clock.now()), of: id, counts: counts)
        _ = machine.handle(.sent(counts), at: context.clock.now())
        outcomes = DeliveryMachine(run: id, count: plans.count, records: records, retryFor: 0).outcomes()
        let newlyOwed = try await settleRejects(plans, outcomes: outcomes)
        let end = cancelledEarly.map(SendingEnd.cancelled) ?? .gaveUp(destination.blockedReason ?? "blocked")
        return .sendingEnded(end, newlyOwed: newlyOwed)
    }

    private var outcomes: [(range: Range<Int>, state: BatchState)] = []

    private func worded(_ plan: Plan) -> WordedPlan {
        var audience = definition.audience
        audience.trait = plan.trait
        return WordedPlan(
            plan: plan, audience: audience,
            identity: MessageIdentity(namespace: context.namespace, sync: sync, trait: plan.trait))
    }

    private func openPlans() throws(StateFileError) -> RunPlans {
        if let plans { return plans }
        guard let facts = machine.record.plan else {
            throw .missing(path: context.folder.plans + "/\(id).plan")
        }
        let opened = try RunPlans.open(facts, in: context.folder)
        plans = opened
        return opened
    }

    private func progressed(_ counts: DeliveryCounts, _ facts: [BatchFact]) async {
        _ = machine.handle(.sent(counts), at: context.clock.now())
        await engine.progressed(machine.record, facts)
    }

    // MARK: - Rejects

    /// Compares this run's rejected members with those the sync had.
    /// - Returns: how many of the plan's entered and left members were not rejected before.
    private func settleRejects(
        _ plans: RunPlans?, outcomes parts: [(range: Range<Int>, state: BatchState)]
    ) async throws -> Int {
        let record = machine.record
        let earlier = try await context.store.rejects(of: [sync], limit: .max)
        let outcomes = OutcomeIndex(parts)
        var changes = RejectChanges()
        var repeated = 0
        for reject in earlier {
            guard let member = try? reject.member.withUnsafeBytes({ try MemberID(validating: $0) }) else { continue }
            if let (position, entry) = try plans?.find(member).last {
                if entry.entered == reject.entered { repeated += 1 }
                if outcomes.state(at: position) == .accepted { changes.settled.append(reject.id) }
            } else if record.mode != .leaves, try !stillOwes(member, reject) {
                changes.settled.append(reject.id)
            }
        }
        for part in try await context.store.batches(of: id) where part.state == .rejected {
            try plans?.walk(part.range) { _, record in
                let entry = PlanEntry(record)
                changes.rejected.append(Reject(
                    id: 0, sync: sync, run: id, member: entry.member.bytes, entered: entry.entered,
                    reason: part.reason ?? "refused", httpStatus: part.httpStatus, attempts: part.attempts,
                    at: part.at))
                return true
            }
        }
        rejectChanges = changes
        let owed = (record.plan?.entered ?? 0) + (record.plan?.left ?? 0)
        return max(0, owed - repeated)
    }

    /// Whether a reject that is not in the plan is owed all the same: dismissed, or a leave that is withheld.
    private func stillOwes(_ member: MemberID, _ reject: Reject) throws(StateFileError) -> Bool {
        if machine.record.mode == .baseline { return false }
        var snapshot = fetched?.snapshot
        // What was read is what was told: nothing is owed to anybody.
        if machine.record.mode == .changes, fetched != nil, snapshot == nil { return false }
        if snapshot == nil, let reference = machine.record.snapshot {
            snapshot = try? Snapshot.open(
                context.folder.snapshots + "/" + reference.file, expecting: FileDigest(hex: reference.digest))
        }
        // Without the snapshot nobody can say; the next run decides.
        guard let snapshot else { return true }
        return try openLedger().stillOwes(
            DismissedMember(member: member, entered: reject.entered), snapshot: snapshot)
    }

    // MARK: - Ledger and end

    /// A full disk or a damaged ledger delays the end of a run and never loses what was accepted: the run stays open,
    /// says why, and is ended again until it works.
    private func writeLedger() async -> RunEvent? {
        let deadline = context.clock.monotonic() + (options.retryFor ?? destination.retryFor)
        var wait: Int64 = 500
        while true {
            do throws(StateFileError) {
                return try await makeLedger()
            } catch {
                guard error.mayPass, !isSuspended, context.clock.monotonic() + wait < deadline else {
                    return await leaveOpen(error.message)
                }
                context.log("run \(id): \(error.message)", .error)
            }
            await context.clock.sleep(until: context.clock.monotonic() + wait)
            wait = min(wait * 2, 30_000)
        }
    }

    private func makeLedger() async throws(StateFileError) -> RunEvent {
        let record = machine.record
        let old = try openLedger()
        let path = context.folder.ledgers + "/\(id).ledger"
        var new = old
        var next = await engine.state(of: sync)
        // Until the former trait is ended the sync is what it was told as.
        let endsFormer = record.mode == .migrate && formerIsSettled
        if record.mode == .baseline, let reference = record.snapshot {
            let snapshot = try Snapshot.open(
                context.folder.snapshots + "/" + reference.file, expecting: FileDigest(hex: reference.digest))
            new = try Ledger.baseline(from: snapshot, over: old, at: path)
        } else if record.mode == .migrate {
            let plans = try openPlans()
            new = endsFormer
                ? try Ledger.applying(
                    plans.own, to: .empty, outcomes: outcomeRanges(from: plans.formerCount), at: path)
                : try Ledger.applying(plans.former ?? plans.own, to: old, outcomes: outcomeRanges(from: 0), at: path)
            if endsFormer, new.path == nil { next.ledger = nil }
        } else if let facts = record.plan, facts.count > 0 {
            new = try Ledger.applying(try openPlans().own, to: old, outcomes: outcomeRanges(from: 0), at: path)
        }
        let reference = new.path == old.path || new.path == nil ? nil : LedgerReference(
            file: "\(id).ledger", digest: new.digest.description, members: new.members, toldFalse: new.toldFalse,
            unknown: new.unknown)
        newState = next.following(
            record, newLedger: reference, configured: (definition.audience.trait, definition.template),
            endsFormer: endsFormer, now: context.clock.now())
        return .ledgerWritten(members: new.members)
    }

    /// Whether every change that ends the former trait was accepted or rejected.
    private var formerIsSettled: Bool {
        guard let count = plans?.formerCount else { return false }
        let settled = outcomes.filter { $0.state == .accepted || $0.state == .rejected }
            .reduce(0) { $0 + $1.range.clamped(to: 0..<count).count }
        return settled == count
    }

    /// What became of the plan whose positions start at `first`.
    private func outcomeRanges(from first: Int) -> [OutcomeRange] {
        outcomes.filter { $0.range.lowerBound >= first }.map {
            OutcomeRange(($0.range.lowerBound - first)..<($0.range.upperBound - first), $0.state)
        }
    }

    /// The ledger the plan was made against: empty when the run gave the sync a new identity.
    private func openLedger() throws(StateFileError) -> Ledger {
        if ledger.path != nil { return ledger }
        let isFormer = machine.record.mode == .migrate
        guard let reference = state.ledger, let told = state.told,
            isFormer || told.sharesLedger(with: machine.record.identity)
        else { return .empty }
        return try Ledger.open(
            context.folder.ledgers + "/" + reference.file, expecting: FileDigest(hex: reference.digest))
    }

    private func finish() async {
        let record = machine.record
        let deadline = context.clock.monotonic() + (options.retryFor ?? destination.retryFor)
        var wait: Int64 = 250
        while true {
            do throws(StoreError) {
                try await context.store.finishRun(record, state: newState, rejects: rejectChanges)
                break
            } catch {
                // What was sent is on record batch by batch; only the run's last line waits for the disk. Until it is
                // stored nothing may build on it: the ledger that the store names is still the old one.
                context.log("run \(id) cannot be finished: \(error.message)", .error)
                if isSuspended || context.clock.monotonic() + wait > deadline {
                    isSuspended = true
                    // Nobody is told that it is over: on disk it is not.
                    if record.plan != nil { machine = RunMachine(record.reopened(error.message)) }
                    return
                }
                await context.clock.sleep(until: context.clock.monotonic() + wait)
                wait = min(wait * 2, 30_000)
            }
        }
        if let newState { await engine.adopt(newState, replacing: state.ledger) }
        // A plan without changes tells nothing that its counts do not.
        if let facts = record.plan, facts.count == 0 { RetentionSweep.removePlans(facts, in: context.folder) }
        await engine.changed(record)
    }
}

extension RunRecord {
    /// A run whose end could not be stored, as it is on disk: still sending.
    func reopened(_ reason: String) -> RunRecord {
        var record = self
        record.phase = .sending
        record.outcome = nil
        record.finishedAt = nil
        record.reason = reason
        return record
    }
}

extension RunEvent {
    /// Whether a suspended run stops here, to be taken up again later.
    var leavesRunOpen: Bool {
        switch self {
        case .fetchFailed, .fetched, .planFailed, .sent, .storageFailed: true
        default: false
        }
    }

    /// Whether the record should be made durable after it.
    var isMilestone: Bool {
        switch self {
        case .sent, .planned: false
        default: true
        }
    }
}

extension SyncIdentity {
    /// Whether what the destination was told under the one still holds under the other.
    package func sharesLedger(with other: SyncIdentity) -> Bool {
        trait == other.trait && destinationKind == other.destinationKind
            && destinationAddress == other.destinationAddress
    }
}

/// Finds what became of one position of a plan.
struct OutcomeIndex {
    private let parts: [(range: Range<Int>, state: BatchState)]

    init(_ parts: [(range: Range<Int>, state: BatchState)]) {
        self.parts = parts
    }

    func state(at index: Int) -> BatchState? {
        var low = 0
        var high = parts.count
        while low < high {
            let middle = (low + high) / 2
            if parts[middle].range.upperBound <= index { low = middle + 1 } else { high = middle }
        }
        return low < parts.count && parts[low].range.contains(index) ? parts[low].state : nil
    }
}

extension OutcomeRange {
    init(_ range: Range<Int>, _ state: BatchState) {
        switch state {
        case .accepted: self.init(range: range, outcome: .accepted)
        case .rejected: self.init(range: range, outcome: .rejected)
        case .sending, .unknown: self.init(range: range, outcome: .unknown)
        }
    }
}

extension StateFileError {
    /// Whether it may work later without anybody repairing a file.
    var mayPass: Bool {
        switch self {
        case .noSpace, .io: true
        default: false
        }
    }
}
