/// What a starting engine does with a run that an earlier process left unfinished.
package enum TakingUp: Sendable, Equatable {
    /// It is another's, or over.
    case leave
    /// It goes on waiting for a person.
    case hold
    /// It goes on sending; its plan is durable.
    case resume
    /// Nothing of it is durable but its number: it starts again.
    case restart(RunRecord)
    /// A later run took its place.
    case replace(by: RunID)
    /// It ends as failed, for this reason.
    case close(reason: String)
}

extension [RunRecord] {
    /// In the order in which a starting engine takes them up: what was sending before what was not planned yet, however
    /// old, since a plan must not be made against a ledger that a run under way is about to change; then the oldest.
    package var inTakingUpOrder: [RunRecord] {
        sorted { one, other in
            (one.phase == .sending ? 0 : 1, one.id) < (other.phase == .sending ? 0 : 1, other.id)
        }
    }
}

extension [RunRecord] {
    /// Held runs whose sync has another unfinished run, with that run: a process died after it had created the newer one
    /// and before it had discarded the held one. Both must never be sent: the one's plan knows nothing of the other's.
    package var heldBesideOthers: [RunID: RunID] {
        var others: [SyncID: RunID] = [:]
        for record in self where record.phase != .held && record.phase != .finished {
            others[record.sync] = Swift.max(others[record.sync] ?? record.id, record.id)
        }
        var replaced: [RunID: RunID] = [:]
        for record in self where record.phase == .held { replaced[record.id] = others[record.sync] }
        return replaced
    }
}

extension RunRecord {
    /// What becomes of runs that wait behind this one when it is held: a manual one takes its place; the others are
    /// given up, as later occurrences are.
    package func replacement(among waiting: [RunRecord]) -> RunID? {
        waiting.last { $0.sync == sync && $0.trigger == .manual }?.id
    }

    /// The run that took the place of this one, though the process died, or the disk failed, before that was on record.
    /// A plan that was made before another one knows nothing of what that told.
    /// - Parameters:
    ///   - lastPlanned: the run of the sync that planned last, whatever its number: an older run may plan later.
    ///   - latest: the sync's latest run. Whoever asks for one replaces the held one, before it has planned anything.
    ///   - hasAttempts: whether something of this run's plan was ever sent. It then was the last plan, and goes on.
    package func replacement(lastPlanned: RunID?, latest: RunID?, hasAttempts: Bool) -> RunID? {
        let laterPlan = lastPlanned == id ? nil : lastPlanned
        switch phase {
        case .held: return laterPlan ?? latest.flatMap { $0 > id ? $0 : nil }
        case .sending: return hasAttempts ? nil : laterPlan
        case .queued, .fetching, .planning, .finished: return nil
        }
    }

    /// - Parameters:
    ///   - policy: which runs the starting engine takes up at all.
    ///   - isConfigured: whether the sync still is in the configuration.
    ///   - other: the run that took its place, see ``replacement(lastPlanned:latest:hasAttempts:)``.
    package func takingUp(_ policy: ResumePolicy, isConfigured: Bool, replacedBy other: RunID?) -> TakingUp {
        if phase != .held, !policy.includes(sync) { return .leave }
        switch phase {
        case .held, .sending:
            if let other { return .replace(by: other) }
            return phase == .held ? .hold : .resume
        case .finished: return .leave
        case .queued, .fetching, .planning:
            if case .only = policy { return .close(reason: "interrupted before it was planned") }
            guard isConfigured else { return .close(reason: "interrupted before it was planned") }
            var again = self
            again.phase = .queued
            again.startedAt = nil
            again.notes = ["interrupted, restarted"]
            return .restart(again)
        }
    }

    /// Whether the run may go on under a configuration: neither trait, template, source nor destination changed. A
    /// renamed cohort's pinned trait counts as unchanged.
    /// - Parameters:
    ///   - configured: the sync's identity as it is configured now.
    ///   - state: what is durable of the sync.
    package func fits(_ configured: SyncIdentity, state: SyncState?) -> Bool {
        let isPinned = configured.template == identity.template
            && (state?.told?.trait == identity.trait || state?.declinedTrait == configured.trait)
        return (configured.trait == identity.trait || isPinned)
            && configured.template == identity.template
            && configured.sourceKind == identity.sourceKind
            && configured.destinationKind == identity.destinationKind
            && configured.destinationAddress == identity.destinationAddress
    }
}
