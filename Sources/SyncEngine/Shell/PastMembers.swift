import Membership
import Scheduling

/// Why the members of an earlier moment cannot be told.
package enum PastMembersError: Error, Sendable, Equatable {
    /// History of that time is no longer kept.
    case tooLongAgo
    /// More runs lie between than can be read together.
    case tooManyRuns(Int)
}

extension History {
    /// Accepted changes of one plan file, and when each was answered.
    private struct TellingPlan {
        var plan: Plan
        /// Position of the plan's first change among those of its run.
        var first: Int
        var batches: [BatchRecord]
        /// Members of the ledger that the plan was made against.
        var before: Int

        func accepted(where isWanted: (Instant) -> Bool) -> AcceptedChanges? {
            let ranges = batches.filter { $0.state == .accepted && isWanted($0.at) }.compactMap { batch -> Range<Int>? in
                let range = (batch.range.lowerBound - first)..<(batch.range.upperBound - first)
                let own = range.clamped(to: 0..<plan.count)
                return own.isEmpty ? nil : own
            }
            return ranges.isEmpty ? nil : AcceptedChanges(plan: plan, accepted: ranges)
        }
    }

    /// The members that a destination had been told of at an instant, as a reader in the order of state files.
    ///
    /// While the sync has the identity it had then, the ledger of now is read backward through the runs since. Under
    /// an earlier identity everything that was told until then is read forward, which takes that identity's first run.
    /// - Parameters:
    ///   - states: of all syncs: a cohort whose key changed has its earlier runs under the old one.
    ///   - retention: how long history is kept, in milliseconds.
    package func members(
        of state: SyncState, at instant: Instant, states: [SyncState], now: Instant, retention: Int64
    ) async throws -> PastMembership {
        let runs = try await runs(of: state, among: states)
        // The identity of then: of the last run that had ended by then and told somebody something.
        let earlier = runs.last { run in
            guard let end = run.finishedAt, end <= instant, let plan = run.plan else { return false }
            return run.delivery.accepted > 0 || (plan.count == 0 && run.outcome != .discarded)
        }
        let current = state.told
        let changedSince = runs.contains { run in
            guard let current, run.finishedAt.map({ $0 > instant }) ?? true else { return false }
            return run.delivery.accepted > 0 && !run.identity.sharesLedger(with: current)
        }
        let wasSame = earlier.map { run in
            current.map { run.identity.sharesLedger(with: $0) || run.mode == .migrate } ?? false
        }
        if current != nil, !changedSince, wasSame ?? true {
            return try await backward(state, runs, to: instant, now: now, retention: retention)
        }
        guard let identity = earlier?.identity ?? current else {
            return try PastMembership(.forward, from: .empty, changes: [])
        }
        return try await forward(identity, runs, until: instant)
    }

    /// Runs with a plan of this sync, and of syncs of the same destination under former keys, oldest first.
    private func runs(of state: SyncState, among states: [SyncState]) async throws(StoreError) -> [RunRecord] {
        let syncs = states.map(\.sync).filter { $0.destination == state.sync.destination }
        var found: [RunRecord] = []
        var filter = RunFilter(syncs: syncs.isEmpty ? [state.sync] : syncs, limit: 500)
        filter.after = RunID(0)
        while true {
            let page = try await store.runs(filter)
            found += page.filter { run in
                let isOwn = run.sync == state.sync || state.told.map { run.identity.sharesLedger(with: $0) } ?? false
                return isOwn && run.plan != nil && run.phase == .finished
            }
            guard page.count == 500, let last = page.last else { return found }
            filter.after = last.id
        }
    }

    private func backward(
        _ state: SyncState, _ runs: [RunRecord], to instant: Instant, now: Instant, retention: Int64
    ) async throws -> PastMembership {
        let since = runs.filter { $0.finishedAt.map { $0 > instant } ?? true }
        // A baseline is a sync's first run and stands in no plan: before it nobody was told anything.
        if since.contains(where: { $0.mode == .baseline && $0.outcome == .succeeded }) {
            return try PastMembership(.forward, from: .empty, changes: [])
        }
        let isGone = now.milliseconds(since: instant) > retention && (runs.first?.plan?.ledger ?? 0) > 0
        if isGone, runs.first.map({ $0.createdAt > instant }) ?? true { throw PastMembersError.tooLongAgo }
        let told = try await told(by: since, as: state.told)
        return try PastMembership(
            .backward, from: try ledger(of: state), changes: try limited(told.compactMap { $0.accepted { $0 > instant } }))
    }

    private func forward(
        _ identity: SyncIdentity, _ runs: [RunRecord], until instant: Instant
    ) async throws -> PastMembership {
        let told = try await told(by: runs.filter { $0.createdAt <= instant }, as: identity)
        if let first = told.first, first.before > 0 { throw PastMembersError.tooLongAgo }
        let changes = told.reversed().compactMap { $0.accepted { $0 <= instant } }
        return try PastMembership(.forward, from: .empty, changes: try limited(changes))
    }

    private func limited(_ changes: [AcceptedChanges]) throws -> [AcceptedChanges] {
        guard changes.count <= PastMembership.planLimit else { throw PastMembersError.tooManyRuns(changes.count) }
        return changes
    }

    /// What runs told under one identity, in their order. A migration's first part spoke under the former trait.
    private func told(by runs: [RunRecord], as identity: SyncIdentity?) async throws -> [TellingPlan] {
        var found: [TellingPlan] = []
        for run in runs {
            guard let facts = run.plan, facts.count > 0, run.delivery.accepted > 0 else { continue }
            let plans = try RunPlans.open(facts, in: folder)
            for part in plans.parts {
                var spoken = run.identity
                spoken.trait = part.plan.trait
                guard identity.map({ spoken.sharesLedger(with: $0) }) ?? true else { continue }
                let before = run.mode == .migrate && part.first == plans.formerCount && plans.former != nil ? 0 : facts.ledger
                found.append(TellingPlan(
                    plan: part.plan, first: part.first,
                    batches: try await store.batches(of: run.id), before: before))
            }
        }
        return found
    }
}
