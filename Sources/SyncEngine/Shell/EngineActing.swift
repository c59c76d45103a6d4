import Scheduling

// What a person does to runs: approve, discard, cancel, freeze. Each is on record before it happens.

extension Engine {
    /// Lets a held plan go; exactly the stored plan is sent.
    package func approve(
        _ id: RunID, actor: String, reason: String?, retryFor: Int64? = nil
    ) async throws(EngineRefusal) -> RunRecord {
        if isFrozen { throw .frozen }
        let record = try await record(id)
        guard record.phase == .held, held[record.sync]?.id == id, active[record.sync] == nil else {
            throw .notPossible("run \(id) is not held: \(record.describedState)")
        }
        guard definition(for: record) != nil else {
            throw .notPossible("\(record.sync) is no longer configured")
        }
        // A plan that somebody approved is not used up by a secret that cannot be had.
        if let reason = destination(record.sync.destination)?.blockedReason { throw .blocked(reason) }
        try await audit("approve", "run \(id) plan \(record.plan?.hash ?? "")", actor: actor, reason: reason)
        await unblock(record.sync.destination)
        // While that was stored another run may have taken its place; nothing waits from here until it goes.
        guard held[record.sync]?.id == id, active[record.sync] == nil else {
            throw .notPossible("run \(id) is no longer held")
        }
        held[record.sync] = nil
        var options = RunOptions()
        options.retryFor = retryFor
        options.actor = actor
        let approval = Approval(by: actor, at: context.clock.now(), reason: reason)
        execute(record, options, ticket: nil, event: .approved(approval), share: nil)
        return record
    }

    package func discard(_ id: RunID, actor: String, reason: String?) async throws(EngineRefusal) -> RunRecord {
        let record = try await record(id)
        guard record.phase == .held else {
            throw .notPossible("run \(id) is not held: \(record.describedState)")
        }
        try await audit("discard", "run \(id)", actor: actor, reason: reason)
        guard active[record.sync]?.id != id else { throw .notPossible("run \(id) has just been approved") }
        if held[record.sync]?.id == id { held[record.sync] = nil }
        await close(record, .discarded, reason ?? "discarded by \(actor)")
        return try await self.record(id)
    }

    /// Stops a run: what is on the wire finishes, nothing new is sent. A held run is discarded.
    package func cancel(_ id: RunID, actor: String, reason: String?) async throws(EngineRefusal) -> RunRecord {
        let record = try await record(id)
        let sentence = reason ?? "cancelled by \(actor)"
        switch record.phase {
        case .finished:
            throw .notPossible("run \(id) is over: \(record.describedState)")
        case .held:
            return try await discard(id, actor: actor, reason: sentence)
        case .queued, .fetching, .planning, .sending:
            try await audit("cancel", "run \(id)", actor: actor, reason: reason)
        }
        if let position = queue.firstIndex(where: { $0.record.id == id }), record.phase == .queued {
            queue.remove(at: position)
            await close(record, .cancelled, sentence)
            if let closed = try? await self.record(id) { wake(closed) }
        } else if let execution = active[record.sync] {
            if execution.id == id { await execution.cancel(sentence) }
        } else if record.phase == .sending {
            await cancelOpen(record, sentence)
        } else {
            // Interrupted before it planned anything, and nobody carries it.
            await close(record, .cancelled, sentence)
        }
        return try await self.record(id)
    }

    package func setFrozen(_ freeze: Bool, actor: String, reason: String?) async throws(EngineRefusal) {
        do throws(StoreError) {
            try await context.store.setFrozen(freeze, audit: AuditEntry(
                at: context.clock.now(), actor: actor, action: freeze ? "freeze" : "unfreeze",
                subject: "everything", reason: reason))
        } catch {
            throw .storage(error.message)
        }
        isFrozen = freeze
        context.log("\(freeze ? "freeze" : "unfreeze") everything by \(actor)" + (reason.map { ": \($0)" } ?? ""), .warning)
        for execution in active.values { await execution.setFrozen(freeze) }
        watchers.publish(.frozen(freeze))
    }

    /// A run as it is stored.
    package func record(_ id: RunID) async throws(EngineRefusal) -> RunRecord {
        // What is held here waits, whatever is on disk: an approval that could not be stored, as far as anybody knew, may
        // be there all the same, and must neither be final nor stop anybody from approving or discarding the run.
        if let waiting = held.values.first(where: { $0.id == id }) { return waiting }
        do throws(StoreError) {
            if let record = try await context.store.run(id) { return record }
        } catch {
            throw .storage(error.message)
        }
        let latest = (try? await context.store.runs(RunFilter(limit: 3))) ?? []
        let names = latest.map { "\($0.id) (\($0.sync))" }.joined(separator: ", ")
        throw .unknownRun(names.isEmpty ? "\(id); there is none yet" : "\(id); the latest are \(names)")
    }

    func audit(_ action: String, _ subject: String, actor: String, reason: String?) async throws(EngineRefusal) {
        do throws(StoreError) {
            try await context.store.appendAudit(AuditEntry(
                at: context.clock.now(), actor: actor, action: action, subject: subject, reason: reason))
            context.log("\(action) \(subject) by \(actor)" + (reason.map { ": \($0)" } ?? ""))
        } catch {
            throw .storage(error.message)
        }
    }
}
