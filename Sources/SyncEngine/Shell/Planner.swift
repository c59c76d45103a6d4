import Membership
import Scheduling

/// A plan on disk, not yet part of any run.
struct PlanDraft {
    /// Nil when nothing at all has changed: such a plan has no file.
    var plans: RunPlans?
    /// The ledger the plan was made against; for a migration the one of the former trait.
    var ledger: Ledger
    var facts: PlanFacts
    /// The identity the plan speaks under: the configured one, or with the pinned trait of a renamed cohort.
    var identity: SyncIdentity
    var holds: [Hold]
    var notes: [String]
    var snapshot: SnapshotReference?
    /// For the index; nil leaves the plan file to be its own.
    var memberHashes: [UInt64]?

    /// Changes to `count` members at most, spread over the plan.
    func sample(_ count: Int) throws(StateFileError) -> [PlanEntry] {
        guard let plans else { return [] }
        return try plans.own.sample(count)
    }
}

/// Makes a sync's plan from a snapshot and its ledger, and passes it by the guards.
struct Planner {
    let record: RunRecord
    let state: SyncState
    let definition: SyncDefinition
    let destination: DestinationDefinition
    let context: EngineContext
    /// Members per request at most, for the estimate.
    let countLimit: Int

    /// Plans with at most this many members are indexed member by member; larger ones are their own index.
    static let indexedPlanSize = 10_000
    /// How many of a sync's runs are asked for attempts that may still arrive: more than can end in twenty minutes.
    static let runsInDoubt = 1_000
    /// The same where repeats are recognised: more than can end within the deadline of an attempt.
    static let runsInterrupted = 100

    mutating func make(from fetched: FetchResult, at path: String) async throws -> PlanDraft {
        let terms = PlanTerms(of: record, state: state)
        let (identity, holds, notes) = (terms.identity, terms.holds, terms.notes + fetched.notes)
        let ledger = try openLedger(under: identity)
        guard let snapshot = fetched.snapshot else {
            return unchangedDraft(identity, ledger, holds: holds, notes: notes)
        }
        let dismissed = try await dismissedMembers()
        let request = try planRequest(
            identity, dismissed: dismissed, unreadable: fetched.counts.unreadable,
            inDoubt: try await doubtfulMembers())
        let plan = try Plan.make(snapshot: snapshot, ledger: ledger, request: request, at: path)
        var draft = PlanDraft(
            plans: RunPlans(own: plan, former: nil), ledger: ledger, facts: facts(of: plan), identity: identity,
            holds: holds, notes: notes, snapshot: Self.reference(to: snapshot), memberHashes: nil)
        draft.holds += try await guardHolds(on: plan.summary)
        if let note = PlanTerms.settlingNote(plan.summary.settling, mode: record.mode) { draft.notes.append(note) }
        try finish(&draft)
        return draft
    }

    /// What follows from the plan files alone: the estimate and the index.
    func finish(_ draft: inout PlanDraft) throws(StateFileError) {
        guard let plans = draft.plans else { return }
        for part in plans.parts {
            let trait = part.plan.trait
            let (requests, bytes) = try estimate(part.plan, trait: trait)
            draft.facts.requests += requests
            draft.facts.bytes += bytes
        }
        if plans.count <= Self.indexedPlanSize { draft.memberHashes = try memberHashes(of: plans) }
    }

    static func reference(to snapshot: Snapshot) -> SnapshotReference {
        SnapshotReference(
            file: String(snapshot.path.split(separator: "/").last ?? ""), digest: snapshot.digest.description)
    }

    /// The source says exactly what the ledger says: no guard that compares the two can trip, and nothing is sent.
    private func unchangedDraft(
        _ identity: SyncIdentity, _ ledger: Ledger, holds: [Hold], notes: [String]
    ) -> PlanDraft {
        let summary = PlanSummary.unchanged(ledger, sync: record.sync.description, trait: identity.trait)
        return PlanDraft(
            plans: nil, ledger: ledger, facts: facts(of: summary, file: "", digest: ""), identity: identity,
            holds: holds, notes: notes, snapshot: nil, memberHashes: [])
    }

    func openLedger(under identity: SyncIdentity) throws(StateFileError) -> Ledger {
        guard let reference = state.ledger, let told = state.told, told.sharesLedger(with: identity) else {
            return .empty
        }
        return try Ledger.open(
            context.folder.ledgers + "/" + reference.file, expecting: FileDigest(hex: reference.digest))
    }

    func dismissedMembers() async throws -> [DismissedMember] {
        try await context.store.rejects(of: [record.sync], limit: .max).filter(\.isDismissed).compactMap { reject in
            guard let member = try? reject.member.withUnsafeBytes({ try MemberID(validating: $0) }) else { return nil }
            return DismissedMember(member: member, entered: reject.entered)
        }
    }

    /// Members for whom an attempt of this sync's latest runs may still arrive.
    func doubtfulMembers() async throws -> DoubtfulMembers {
        var doubtful = DoubtfulMembers()
        guard let adapter = destination.adapter else { return doubtful }
        let longest = adapter.deduplicates ? adapter.straggling : destination.settle
        guard longest > 0 else { return doubtful }
        let now = context.clock.now()
        let limit = adapter.deduplicates ? Self.runsInterrupted : Self.runsInDoubt
        for run in try await context.store.runs(RunFilter(syncs: [record.sync], limit: limit)) {
            guard let facts = run.plan, facts.count > 0, !(adapter.deduplicates && run.wasSentWhole) else { continue }
            let parts = try await context.store.batches(of: run.id).filter {
                $0.isInDoubt(now: now, recognisesRepeats: adapter.deduplicates, longest: longest)
            }
            guard !parts.isEmpty else { continue }
            do {
                let plans = try RunPlans.open(facts, in: context.folder)
                for part in parts {
                    try plans.walk(part.range) { _, record in
                        doubtful.insert(record.member)
                        return true
                    }
                }
            } catch let error as StateFileError {
                // Of a plan that is damaged for good, and whose run somebody ended all the same, nobody knows whom it named.
                guard !error.mayPass else { throw error }
                doubtful.insertEveryone()
            }
        }
        return doubtful
    }

    func planRequest(
        _ identity: SyncIdentity, dismissed: [DismissedMember] = [], unreadable: Int = 0, inDoubt: DoubtfulMembers
    ) throws(StateFileError) -> PlanRequest {
        guard let nonce = PlanNonce.random() else {
            throw .io(path: "getrandom", errno: 0, what: "the system gives no random bytes")
        }
        let now = context.clock.now()
        return PlanTerms.request(
            for: record, under: identity, told: state.told,
            attempt: Attempt(nonce: nonce, timestamp: PlanTerms.timestamp(now: now, after: state)),
            leaves: definition.leaves, unreadable: unreadable, dismissed: dismissed, inDoubt: inDoubt)
    }

    func facts(of plan: Plan) -> PlanFacts {
        facts(
            of: plan.summary, file: String(plan.path.split(separator: "/").last ?? ""),
            digest: plan.digest.description)
    }

    private func facts(of summary: PlanSummary, file: String, digest: String) -> PlanFacts {
        var facts = PlanFacts(file: file, digest: digest, hash: summary.hash)
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

    private func guardHolds(on summary: PlanSummary) async throws -> [Hold] {
        guard record.mode != .baseline, record.mode != .leaves else { return [] }
        let since = context.clock.now().advanced(seconds: -86_400)
        let recent = try await context.store.unapprovedLeaves(of: record.sync, since: since)
        return definition.guards.holds(
            on: GuardedPlan(
                snapshot: summary.snapshotMembers, ledger: summary.ledgerMembers,
                leaves: summary.left, retained: summary.retained, recentLeaves: recent,
                ignoresLeaves: definition.leaves == .ignore))
    }

    /// Requests and bytes, from wording the first request.
    private func estimate(_ plan: Plan, trait: String) throws(StateFileError) -> (requests: Int, bytes: Int) {
        guard plan.count > 0, let adapter = destination.adapter else { return (0, 0) }
        var audience = definition.audience
        audience.trait = trait
        let worded = WordedPlan(
            plan: plan, audience: audience,
            identity: MessageIdentity(namespace: context.namespace, sync: record.sync, trait: trait))
        var wording = PlanWording([worded], for: adapter)
        let first = try wording.word(0..<plan.count, countLimit: countLimit)
        guard first.count > 0 else { return (0, 0) }
        let bytes = Double(first.batch.bytes.count - first.batch.noteBytes) / Double(first.count) * Double(plan.count)
        return ((plan.count + first.count - 1) / first.count * first.batch.requests, Int(bytes))
    }

    private func memberHashes(of plans: RunPlans) throws(StateFileError) -> [UInt64] {
        var hashes: [UInt64] = []
        hashes.reserveCapacity(plans.count)
        for part in plans.parts {
            var reader = try part.plan.reader(from: 0)
            while let record = try reader.next() { hashes.append(MemberHash.of(record.member)) }
        }
        return hashes
    }
}

extension RunRecord {
    /// Whether the run ended with an answer to everything it sent.
    fileprivate var wasSentWhole: Bool { outcome == .succeeded || outcome == .unchanged }
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
