import Membership
import Scheduling

// What a person asks of the engine by name. Each makes a plan that is held; approving it is a step of its own.

extension Engine {
    /// Plans the inverse of a finished run for the members unchanged since.
    package func undo(_ id: RunID, actor: String, reason: String?) async throws(EngineRefusal) -> RunRecord {
        var target = try await record(id)
        try await takeUpLeft(of: target.sync)
        target = try await record(id)
        guard target.phase == .finished else {
            throw .notPossible("run \(id) is not over: \(target.describedState)")
        }
        guard let facts = target.plan, facts.count > 0, target.delivery.accepted > 0 else {
            throw .notPossible("run \(id) told nobody anything; there is nothing to undo")
        }
        guard facts.former == nil else {
            throw .notPossible("run \(id) moved everyone to another trait; change the trait back and migrate again")
        }
        let told = try toldIdentity(of: target.sync)
        guard told.sharesLedger(with: target.identity) else {
            throw .notPossible("run \(id) told \(target.identity.trait); since then \(target.sync) is \(told.trait)")
        }
        guard let definition = definition(of: target.sync) else {
            throw .notPossible("\(target.sync) is no longer configured; `rollcall retire \(target.sync)` tells everyone false")
        }
        var identity = told
        identity.sourceKind = definition.sourceKind
        return try await enqueueDeliberate(
            .undo, of: target.sync, identity, undoes: id, audit: ("undo", "run \(id)"), actor, reason)
    }

    /// Plans to tell everyone `false` whom the destination was told of, whatever the source and the file say.
    package func retire(_ sync: SyncID, actor: String, reason: String?) async throws(EngineRefusal) -> RunRecord {
        try await takeUpLeft(of: sync)
        let told = try toldIdentity(of: sync)
        var notes: [String] = []
        if definition(of: sync) != nil {
            notes.append("rollcall.yaml still has \(sync): its next run tells everyone again; take it out or pause it")
        }
        return try await enqueueDeliberate(
            .retire, of: sync, told, notes: notes, audit: ("retire", sync.description), actor, reason)
    }

    /// Plans to move the members to the configured trait: `false` on the one that was told, `true` on the new one.
    package func migrate(_ sync: SyncID, actor: String, reason: String?) async throws(EngineRefusal) -> RunRecord {
        try await takeUpLeft(of: sync)
        let told = try toldIdentity(of: sync)
        guard let definition = definition(of: sync), let destination = destination(sync.destination) else {
            throw .notPossible(
                "\(sync) is no longer configured, so there is no new trait; `rollcall retire \(sync)` ends the old one")
        }
        if let blocked = definition.blockedReason { throw .blocked(blocked) }
        let identity = identity(of: definition, at: destination)
        guard identity.trait != told.trait else {
            throw .notPossible("\(sync) is told as \(told.trait), which is what rollcall.yaml says; nothing is to be moved")
        }
        return try await enqueueDeliberate(.migrate, of: sync, identity, audit: ("migrate", sync.description), actor, reason)
    }

    /// Sends the leaves that unreadable rows withheld from a finished run, while that run is its sync's latest.
    package func approveLeaves(
        of id: RunID, actor: String, reason: String?, retryFor: Int64?
    ) async throws(EngineRefusal) -> RunRecord {
        if isFrozen { throw .frozen }
        let record = try await record(id)
        if record.phase == .held, (record.plan?.withheld ?? 0) > 0 {
            throw .notPossible("run \(id) is held: approve it first, which sends all but the leaves that were withheld")
        }
        guard record.phase == .finished, (record.plan?.withheld ?? 0) > 0, let snapshot = record.snapshot else {
            throw .notPossible("run \(id) withheld no leaves")
        }
        guard let definition = definition(of: record.sync), let destination = destination(record.sync.destination)
        else { throw .notPossible("\(record.sync) is no longer configured") }
        do throws(StoreError) {
            guard try await context.store.runs(RunFilter(syncs: [record.sync], limit: 1)).first?.id == id else {
                throw StoreError.unavailable("run \(id) is not the latest run of \(record.sync)")
            }
            var draft = RunRecord(
                id: RunID(0), sync: record.sync, trigger: .manual, mode: .leaves, nominal: nil,
                createdAt: context.clock.now(), identity: identity(of: definition, at: destination))
            draft.snapshot = snapshot
            draft.fetched = record.fetched
            try await context.store.appendAudit(AuditEntry(
                at: context.clock.now(), actor: actor, action: "approve leaves", subject: "run \(id)", reason: reason))
            var options = RunOptions()
            options.mode = .leaves
            options.retryFor = retryFor
            options.actor = actor
            options.reason = reason
            guard let created = try await enqueue(draft, options: options) else {
                throw StoreError.unavailable("run \(id) cannot be continued")
            }
            return created
        } catch {
            throw .notPossible(error.message)
        }
    }

    /// What the destination was told a sync is.
    private func toldIdentity(of sync: SyncID) throws(EngineRefusal) -> SyncIdentity {
        let state = state(of: sync)
        // A run that is still sending has told somebody already; its ledger is there once it has ended.
        let sending = queue.map(\.record).first { $0.sync == sync && $0.phase == .sending } ?? activeRun(of: sync)
        guard let told = (state.ledger == nil ? nil : state.told) ?? (sending?.phase == .sending ? sending?.identity : nil)
        else {
            throw .notPossible("\(sync.destination) was never told of anybody in \(sync.cohort)")
        }
        guard let destination = destination(sync.destination) else {
            throw .notPossible("destination \(sync.destination) is no longer configured; put it back to tell it anything")
        }
        guard let adapter = destination.adapter else {
            throw .blocked(destination.blockedReason ?? "destination \(sync.destination) is blocked")
        }
        guard told.isTold(at: adapter) else {
            throw .notPossible("\(sync) was told at \(told.destinationAddress), and \(sync.destination) is "
                + "\(adapter.address) now; put the old one back to tell it anything")
        }
        return told
    }

    private func enqueueDeliberate(
        _ mode: RunMode, of sync: SyncID, _ identity: SyncIdentity, undoes: RunID? = nil, notes: [String] = [],
        audit entry: (action: String, subject: String), _ actor: String, _ reason: String?
    ) async throws(EngineRefusal) -> RunRecord {
        var draft = RunRecord(
            id: RunID(0), sync: sync, trigger: .manual, mode: mode, nominal: nil, createdAt: context.clock.now(),
            identity: identity)
        draft.undoes = undoes
        draft.notes = notes
        var options = RunOptions()
        options.mode = mode
        options.actor = actor
        options.reason = reason
        try await audit(entry.action, entry.subject, actor: actor, reason: reason)
        do throws(StoreError) {
            guard let record = try await enqueue(draft, options: options) else {
                throw StoreError.unavailable("the run cannot be created")
            }
            return record
        } catch {
            throw .storage(error.message)
        }
    }
}
