import Scheduling

extension Engine {
    /// What alerts are judged by: every sync, and for every destination why it is blocked. What ended since the last call
    /// is given once, so only one may ask.
    package func takeAlertFacts() async throws(StoreError) -> (syncs: [AlertFacts], destinations: [String: String?]) {
        var blocked: [String: String?] = [:]
        for destination in allDestinations {
            var reason = destination.blockedReason
            if reason == nil { reason = await lane(destination.key)?.blockedReason }
            blocked.updateValue(reason, forKey: destination.key)
        }
        var all: [AlertFacts] = []
        for definition in syncs {
            let sync = definition.id
            let state = state(of: sync)
            var facts = AlertFacts(sync: sync, schedule: definition.schedule)
            facts.scheduleLoadedAt = state.scheduleLoadedAt
            facts.lastOccurrence = state.lastOccurrence
            facts.blockedReason = definition.blockedReason
            facts.isDestinationBlocked = (blocked[sync.destination] ?? nil) != nil
            facts.held = heldRun(of: sync)
            facts.active = activeRun(of: sync)
            facts.queued = queuedRun(of: sync)
            let past = try await past(of: sync)
            facts.judged = past.judged
            facts.unseen = past.unseen
            pasts[sync]?.unseen = []
            if facts.isDestinationBlocked { pasts[sync]?.excused = past.judged?.id }
            facts.isExcused = past.judged != nil && pasts[sync]?.excused == past.judged?.id
            facts.lastEnd = past.lastEnd
            facts.skip = past.skip
            all.append(facts)
        }
        return (all, blocked)
    }

    /// An occurrence started no run.
    func skipped(_ skip: SkippedOccurrence) {
        states[skip.sync]?.lastOccurrence = skip.nominal
        pasts[skip.sync]?.skip = skip
    }

    /// What ended of a sync; read from the store once, then kept up by what happens.
    private func past(of sync: SyncID) async throws(StoreError) -> SyncPast {
        if let known = pasts[sync] { return known }
        var past = SyncPast()
        for record in try await context.store.runs(RunFilter(syncs: [sync], limit: 20)).reversed() { past.note(record) }
        past.unseen = []
        past.skip = try await context.store.skips(of: sync, limit: 1).first
        // What happened while the store was read is newer.
        if let known = pasts[sync] { return known }
        pasts[sync] = past
        return past
    }
}

/// What alerts remember of a sync's past.
struct SyncPast: Sendable {
    var judged: RunRecord?
    var lastEnd: Instant?
    var skip: SkippedOccurrence?
    /// Judged runs since the last look; of very many the newest few say enough.
    var unseen: [RunRecord] = []
    /// The run whose failure a blocked destination explains.
    var excused: RunID?

    mutating func note(_ record: RunRecord) {
        guard record.phase == .finished, let outcome = record.outcome else { return }
        lastEnd = record.finishedAt.map { max($0, lastEnd ?? $0) } ?? lastEnd
        guard outcome != .cancelled, outcome != .discarded else { return }
        guard judged.map({ $0.id <= record.id }) ?? true else { return }
        judged = record
        unseen.append(record)
        if unseen.count > 8 { unseen.removeFirst() }
    }
}
