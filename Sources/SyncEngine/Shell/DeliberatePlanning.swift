import Membership
import Scheduling

// The plans that a person asks for by name: `undo`, `retire`, `migrate`. All of them are held, whatever the guards say.

extension Planner {
    /// How many later plans an undo looks through at most.
    static let laterPlanLimit = 2_000

    /// Makes the plan of a run whose mode does not follow from the source alone.
    /// - Parameter fetched: what was read; only a migration looks at it.
    mutating func makeDeliberately(from fetched: FetchResult?, at path: String) async throws -> PlanDraft {
        switch record.mode {
        case .undo: try await makeUndo(at: path)
        case .retire: try await makeRetirement(at: path)
        default: try await makeMigration(from: fetched, at: path)
        }
    }

    // MARK: - Undo

    private func makeUndo(at path: String) async throws -> PlanDraft {
        guard let id = record.undoes, let target = try await context.store.run(id), let facts = target.plan,
            facts.former == nil, facts.count > 0
        else { throw StoreError.unavailable("the run to be taken back is no longer kept") }
        let ledger = try openLedger(under: record.identity)
        let undone = try RunPlans.open(facts, in: context.folder).own
        let later = try await plansThatMovedMembers(after: id)
        let outcomes = try await context.store.batches(of: id).map { OutcomeRange($0.range, $0.state) }
        let request = try planRequest(record.identity, inDoubt: try await doubtfulMembers())
        let plan = try Plan.undoing(
            undone, outcomes: outcomes, later: later, ledger: ledger, request: request, at: path)
        let changes = Self.members(plan.summary.changes)
        return try draft(plan, ledger, hold: Hold(
            guardName: "undo",
            detail: "takes run \(id) back for \(changes) unchanged since; approving it pauses \(record.sync), "
                + "since its next run would follow the source again"),
            idle: "nobody whom run \(id) told is unchanged since")
    }

    /// The plans of the sync's later runs that told anybody anything.
    private func plansThatMovedMembers(after id: RunID) async throws -> [Plan] {
        var plans: [Plan] = []
        var filter = RunFilter(syncs: [record.sync], limit: 500)
        filter.after = id
        while true {
            let page = try await context.store.runs(filter)
            for run in page where run.id != record.id && run.delivery.sent > 0 {
                guard let facts = run.plan, facts.count > 0 else { continue }
                plans.append(try RunPlans.open(facts, in: context.folder).own)
            }
            guard plans.count <= Self.laterPlanLimit else {
                throw StoreError.unavailable(
                    "more than \(Self.laterPlanLimit) runs told somebody something since run \(id); it is too late to undo it")
            }
            guard page.count == 500, let last = page.last else { return plans }
            filter.after = last.id
        }
    }

    // MARK: - Retire

    private func makeRetirement(at path: String) async throws -> PlanDraft {
        let ledger = try openLedger(under: record.identity)
        let request = try planRequest(record.identity, inDoubt: try await doubtfulMembers())
        let plan = try Plan.make(snapshot: nil, ledger: ledger, request: request, at: path)
        return try draft(plan, ledger, hold: Hold(
            guardName: "retire",
            detail: "tells \(Self.members(plan.summary.changes)) false on \(record.identity.trait)"),
            idle: "nobody is told true")
    }

    // MARK: - Migrate

    /// Two plans in one run: the former trait ends first, then the members of now are told the configured one.
    private func makeMigration(from fetched: FetchResult?, at path: String) async throws -> PlanDraft {
        guard let told = state.told, let snapshot = fetched?.snapshot else {
            throw StoreError.unavailable("there is nothing to migrate")
        }
        guard fetched?.counts.unreadable == 0 else {
            throw StoreError.unavailable("\(fetched?.counts.unreadable ?? 0) rows cannot be read, so nobody knows whom to move")
        }
        // Another migration may have moved everybody while this one waited for its turn.
        guard told.trait != record.identity.trait else {
            throw StoreError.unavailable("\(record.sync) is told as \(told.trait) already; nothing is to be moved")
        }
        let ledger = try openLedger(under: told)
        let inDoubt = try await doubtfulMembers()
        if let obstacle = PlanTerms.migrationObstacle(
            isAnybodyInDoubt: !inDoubt.isEmpty, former: told.trait, trait: record.identity.trait) {
            throw StoreError.unavailable(obstacle)
        }
        var ending = try planRequest(told, inDoubt: inDoubt)
        ending.mode = .retire
        let formerPath = path.hasSuffix(".plan") ? String(path.dropLast(5)) + ".former.plan" : path + ".former"
        let former = try Plan.make(snapshot: nil, ledger: ledger, request: ending, at: formerPath)
        let own = try Plan.make(
            snapshot: snapshot, ledger: .empty, request: try planRequest(record.identity, inDoubt: inDoubt), at: path)
        var facts = facts(of: own)
        facts.hash = Plan.combinedHash(of: [former, own])
        facts.entered += former.summary.entered
        facts.left += former.summary.left
        facts.reasserted += former.summary.reasserted
        facts.ledger = ledger.members
        facts.former = FormerPlan(
            file: String(formerPath.split(separator: "/").last ?? ""), digest: former.digest.description,
            trait: told.trait)
        let detail = "tells \(Self.members(former.count)) false on \(told.trait), then \(Self.members(own.count)) true on "
            + record.identity.trait
        var draft = PlanDraft(
            plans: RunPlans(own: own, former: former), ledger: ledger, facts: facts, identity: record.identity,
            holds: [Hold(guardName: "migrate", detail: detail)], notes: record.notes,
            snapshot: Self.reference(to: snapshot), memberHashes: nil)
        try finish(&draft)
        return draft
    }

    // MARK: - Common

    /// - Parameters:
    ///   - hold: why the plan waits, when it changes anything.
    ///   - idle: the note of one that has nothing to change.
    private func draft(_ plan: Plan, _ ledger: Ledger, hold: Hold, idle: String) throws(StateFileError) -> PlanDraft {
        let settling = PlanTerms.settlingNote(plan.summary.settling, mode: record.mode)
        let note = settling ?? (plan.count > 0 ? nil : idle)
        var draft = PlanDraft(
            plans: RunPlans(own: plan, former: nil), ledger: ledger, facts: facts(of: plan),
            identity: record.identity, holds: plan.count > 0 ? [hold] : [],
            notes: record.notes + (note.map { [$0] } ?? []), snapshot: nil, memberHashes: nil)
        try finish(&draft)
        return draft
    }

    private static func members(_ count: Int) -> String { count == 1 ? "1 member" : "\(count) members" }
}
