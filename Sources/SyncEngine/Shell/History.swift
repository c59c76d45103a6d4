import Membership
import Scheduling

/// One member's enter or leave, as it stands in a run.
package struct MemberEvent: Sendable, Equatable {
    package enum Status: String, Sendable {
        case pending, accepted, rejected
    }

    package var at: Instant
    package var sync: SyncID
    package var run: RunID
    package var member: MemberID
    package var entered: Bool
    /// A repeat of what was told before, which moves no count.
    package var isReasserted: Bool
    package var status: Status
    /// The request that carried it last, `run.piece`; nil before the first.
    package var request: String?
    package var httpStatus: Int?
    package var attempts: Int
    package var reason: String?
}

/// Answers questions about the past from the store and the plan files. Plan files *are* the history of members: each
/// says who entered and left in a run, in an order that can be searched, and the batches beside it say what became of
/// them.
package struct History: Sendable {
    let store: any SyncStore
    let folder: StateFolder

    package init(store: any SyncStore, folder: StateFolder) {
        self.store = store
        self.folder = folder
    }

    func plans(of run: RunRecord, includingHeld: Bool = false) throws(StateFileError) -> RunPlans? {
        let hasEvents = run.phase == .sending || run.phase == .finished || includingHeld && run.phase == .held
        guard let facts = run.plan, hasEvents, facts.count > 0 else {
            return nil
        }
        return try RunPlans.open(facts, in: folder)
    }

    /// The events of one run in the order of its plan.
    /// - Parameters:
    ///   - range: positions in the plan; the whole plan when nil.
    ///   - includingHeld: whether a held run's changes count, which nobody was told of yet.
    ///   - visit: called for each; returning false ends the walk.
    package func events(
        of run: RunRecord, in range: Range<Int>? = nil, includingHeld: Bool = false, _ visit: (MemberEvent) throws -> Bool
    ) async throws {
        guard let plans = try plans(of: run, includingHeld: includingHeld) else { return }
        let batches = try await store.batches(of: run.id)
        var next = 0
        try plans.walk(range ?? 0..<plans.count) { position, record in
            while next < batches.count, batches[next].range.upperBound <= position { next += 1 }
            let batch = next < batches.count && batches[next].range.contains(position) ? batches[next] : nil
            if batch == nil, run.isWithdrawn { return true }
            return try visit(event(PlanEntry(record), run: run, batch: batch))
        }
    }

    /// The events of one batch, as the batch says; the others of its run are not looked at.
    package func events(of run: RunRecord, batch: BatchRecord, _ visit: (MemberEvent) throws -> Bool) throws {
        guard let plans = try plans(of: run) else { return }
        try plans.walk(batch.range) { _, record in try visit(event(PlanEntry(record), run: run, batch: batch)) }
    }

    private func event(_ entry: PlanEntry, run: RunRecord, batch: BatchRecord?) -> MemberEvent {
        let status: MemberEvent.Status = switch batch?.state {
        case .accepted: .accepted
        case .rejected: .rejected
        case .sending, .unknown, nil: .pending
        }
        return MemberEvent(
            at: batch?.at ?? run.finishedAt ?? run.startedAt ?? run.createdAt, sync: run.sync, run: run.id,
            member: entry.member, entered: entry.entered, isReasserted: entry.kind == .reasserted, status: status,
            request: batch?.request, httpStatus: batch?.httpStatus, attempts: batch?.attempts ?? 0,
            reason: batch?.reason)
    }

    /// Every event of one member, newest first.
    package func events(of member: MemberID) async throws -> [MemberEvent] {
        let hash = member.bytes.withUnsafeBytes { MemberHash.of($0) }
        var events: [MemberEvent] = []
        for run in try await store.runsNaming(memberHash: hash) {
            guard let found = try plans(of: run)?.find(member), !found.isEmpty else { continue }
            let batches = try await store.batches(of: run.id)
            for (position, entry) in found.reversed() {
                let batch = batches.first { $0.range.contains(position) }
                if batch == nil, run.isWithdrawn { continue }
                events.append(event(entry, run: run, batch: batch))
            }
        }
        return events
    }

    /// The ledger of a sync; empty when it has none.
    package func ledger(of state: SyncState) throws(StateFileError) -> Ledger {
        guard let reference = state.ledger else { return .empty }
        return try Ledger.open(folder.ledgers + "/" + reference.file, expecting: FileDigest(hex: reference.digest))
    }

    /// What the destination has been told of a member, the run under way included.
    package func told(_ member: MemberID, state: SyncState, underWay run: RunRecord?) async throws -> Told {
        let told = try ledger(of: state).told(member)
        guard let run, run.phase == .sending, let (position, entry) = try plans(of: run)?.find(member).last else {
            return told
        }
        guard let batch = try await store.batches(of: run.id).first(where: { $0.range.contains(position) }) else {
            return told
        }
        switch batch.state {
        case .accepted: return entry.entered ? .yes : .no
        case .rejected: return told
        case .sending, .unknown:
            return .unknown(last: told.lastCertain, attempted: entry.entered, attempt: entry.attempt)
        }
    }
}

extension RunRecord {
    /// Whether what was not sent of it will never be: it was discarded or cancelled, and moved nobody else.
    var isWithdrawn: Bool { outcome == .discarded || outcome == .cancelled }
}
