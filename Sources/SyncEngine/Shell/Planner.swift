import Membership
import Scheduling

/// A plan on disk, not yet part of any run.
struct PlanDraft {
    var plan: Plan
    var ledger: Ledger
    var facts: PlanFacts
    /// The identity the plan speaks under: the configured one, or with the pinned trait of a renamed cohort.
    var identity: SyncIdentity
    var holds: [Hold]
    var notes: [String]
    var snapshot: SnapshotReference?
    var memberHashes: [UInt64]?
}

/// Makes a sync's plan from a snapshot and its ledger, and passes it by the guards.
struct Planner {
    let record: RunRecord
    let state: SyncState
    let definition: SyncDefinition
    let destination: DestinationDefinition
    let context: EngineContext

    /// Plans with at most this many members are indexed member by member; larger ones are their own index.
    static let indexedPlanSize = 10_000

    mutating func make(from fetched: FetchResult, at path: String) async throws -> PlanDraft {
        var (identity, holds, notes) = reconcile()
        notes += fetched.notes
        let ledger = try openLedger(under: identity)
        let dismissed = try await dismissedMembers()
        let request = try planRequest(identity, dismissed: dismissed, unreadable: fetched.counts.unreadable)
        let plan = try Plan.make(
            snapshot: fetched.snapshot, ledger: ledger, request: request, at: path)
        var draft = PlanDraft(
            plan: plan, ledger: ledger, facts: facts(of: plan), identity: identity, holds: holds, notes: notes,
            snapshot: SnapshotReference(
                file: String(fetched.snapshot.path.split(separator: "/").last ?? ""),
                digest: fetched.snapshot.digest.description),
            memberHashes: nil)
        draft.holds += try await guardHolds(on: plan)
        if plan.summary.settling > 0 {
            draft.notes.append(
                "\(plan.summary.settling) opposite changes wait until attempts of unknown outcome have settled")
        }
        try estimate(&draft)
        if plan.count <= Self.indexedPlanSize { draft.memberHashes = try memberHashes(of: plan) }
        return draft
    }

    /// Compares the configured identity with the one the ledger was told under.
    private func reconcile() -> (SyncIdentity, [Hold], [String]) {
        var identity = record.identity
        guard let told = state.told else { return (identity, [], record.notes) }
        var holds = identity.holds(comparedWith: told)
        var notes = record.notes + identity.notes(comparedWith: told)
        if let old = state.inheritedFrom {
            notes.append("the key changed from \(old.cohort) to \(record.sync.cohort); the ledger goes on")
        }
        if identity.trait != told.trait, identity.template == told.template {
            // A renamed cohort keeps its pinned trait, once the operator has seen it.
            if state.declinedTrait == identity.trait { holds.removeFirst() }
            identity.trait = told.trait
        }
        return (identity, holds, notes)
    }

    private func openLedger(under identity: SyncIdentity) throws(StateFileError) -> Ledger {
        guard let reference = state.ledger, let told = state.told, told.sharesLedger(with: identity) else {
            return .empty
        }
        return try Ledger.open(
            context.folder.ledgers + "/" + reference.file, expecting: FileDigest(hex: reference.digest))
    }

    private func dismissedMembers() async throws -> [DismissedMember] {
        try await context.store.rejects(of: [record.sync], limit: .max).filter(\.isDismissed).compactMap { reject in
            guard let member = try? reject.member.withUnsafeBytes({ try MemberID(validating: $0) }) else { return nil }
            return DismissedMember(member: member, entered: reject.entered)
        }
    }

    private func planRequest(
        _ identity: SyncIdentity, dismissed: [DismissedMember], unreadable: Int
    ) throws(StateFileError) -> PlanRequest {
        guard let nonce = PlanNonce.random() else {
            throw .io(path: "getrandom", errno: 0, what: "the system gives no random bytes")
        }
        let now = context.clock.now()
        let timestamp = state.lastTimestamp.map { max(now, $0.advanced(milliseconds: 1)) } ?? now
        var request = PlanRequest(
            sync: record.sync.description, trait: identity.trait, mode: .changes,
            attempt: Attempt(nonce: nonce, timestamp: timestamp))
        switch record.mode {
        case .changes: request.mode = .changes
        case .full: request.mode = .full
        case .baseline: request.mode = .baseline
        case .leaves:
            request.mode = .changes
            request.leavesOnly = true
        }
        request.withholdsLeaves = unreadable > 0 && record.mode != .leaves
        request.ignoresLeaves = definition.leaves == .ignore
        request.dismissed = dismissed
        if destination.adapter?.deduplicates == false, let since = state.lastUnknownAt {
            request.holdsBackOpposites = now.milliseconds(since: since) < destination.settle
        }
        return request
    }

    private func facts(of plan: Plan) -> PlanFacts {
        let summary = plan.summary
        var facts = PlanFacts(
            file: String(plan.path.split(separator: "/").last ?? ""), digest: plan.digest.description,
            hash: summary.hash)
        facts.entered = summary.entered
        facts.left = summary.left
        facts.unchanged = summary.unchanged
        facts.reasserted = summary.reasserted
        facts.withheld = summary.withheld
        facts.ignored = summary.ignored
        facts.dismissed = summary.dismissed
        facts.snapshot = summary.snapshotMembers
        facts.ledger = summary.ledgerMembers
        facts.retained = summary.retained
        return facts
    }

    private func guardHolds(on plan: Plan) async throws -> [Hold] {
        guard record.mode != .baseline, record.mode != .leaves else { return [] }
        let since = context.clock.now().advanced(seconds: -86_400)
        let recent = try await context.store.unapprovedLeaves(of: record.sync, since: since)
        return definition.guards.holds(
            on: GuardedPlan(
                snapshot: plan.summary.snapshotMembers, ledger: plan.summary.ledgerMembers,
                leaves: plan.summary.left, retained: plan.summary.retained, recentLeaves: recent,
                ignoresLeaves: definition.leaves == .ignore))
    }

    /// Requests and bytes, from wording the first request.
    private func estimate(_ draft: inout PlanDraft) throws(StateFileError) {
        guard draft.plan.count > 0, let adapter = destination.adapter else { return }
        var audience = definition.audience
        audience.trait = draft.identity.trait
        var wording = PlanWording(
            plan: draft.plan, encoder: adapter.encoder(for: audience),
            identity: MessageIdentity(namespace: context.namespace, sync: record.sync, trait: draft.identity.trait))
        let first = try wording.word(0..<draft.plan.count, countLimit: destination.rate.map { max(1, $0) } ?? .max)
        guard first.count > 0 else { return }
        draft.facts.requests = (draft.plan.count + first.count - 1) / first.count
        draft.facts.bytes = Int(Double(first.batch.bytes.count) / Double(first.count) * Double(draft.plan.count))
    }

    private func memberHashes(of plan: Plan) throws(StateFileError) -> [UInt64] {
        var hashes: [UInt64] = []
        hashes.reserveCapacity(plan.count)
        var reader = try plan.reader(from: 0)
        while let record = try reader.next() {
            hashes.append(MemberHash.of(record.member))
        }
        return hashes
    }
}

/// The hash under which events of a member are found: FNV-1a over the id's bytes, spread by a finaliser. It only
/// narrows a search down; the plan file itself decides.
package enum MemberHash {
    package static func of(_ member: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in member { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Backoff.mix(hash)
    }
}
