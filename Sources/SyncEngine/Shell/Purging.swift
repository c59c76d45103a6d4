import Membership
import Scheduling

/// What a purge came to.
package struct PurgeSummary: Sendable, Equatable {
    /// Runs whose history named the user, and enters and leaves removed from them.
    package var runs = 0
    package var events = 0
    /// Rejects removed; dismissed ones that stay, because they decide what is sent.
    package var rejects = 0
    package var dismissals = 0
    /// Syncs whose ledger still says what the user was told, so that a later leave is told too.
    package var told: [SyncID] = []

    package init() {}
}

extension Engine {
    /// Removes one user from history: from the plans of finished runs, their index, and the rejects. What the
    /// destinations were told of the user stays in the ledgers: without it a leave would never be told.
    ///
    /// Plans are immutable, so each that names the user is written anew without them and takes the old one's place in
    /// one transaction; the hash that was approved stays with the run. A purge that is interrupted has done whole runs
    /// and can be repeated.
    package func purge(_ member: MemberID, actor: String, reason: String?) async throws(EngineRefusal) -> PurgeSummary {
        let history = History(store: context.store, folder: context.folder)
        do {
            var summary = PurgeSummary()
            let hash = member.bytes.withUnsafeBytes { MemberHash.of($0) }
            var named: [(run: RunRecord, plans: RunPlans, positions: [Int])] = []
            for run in try await context.store.runsNaming(memberHash: hash) {
                guard let facts = run.plan, facts.count > 0 else { continue }
                let plans = try RunPlans.open(facts, in: context.folder)
                let positions = try plans.find(member).map(\.position)
                guard !positions.isEmpty else { continue }
                guard run.phase == .finished else {
                    throw EngineRefusal.failed(
                        "run \(run.id) is \(run.describedState) and names this user: let it end, or discard it, and purge again")
                }
                named.append((run, plans, positions))
            }
            // A download that may serve again may name them; the next run makes a new one.
            for name in StateFolder.names(in: context.folder.downloads) {
                RetentionSweep.remove(name, in: context.folder.downloads)
            }
            for (run, plans, positions) in named {
                try await purge(member, hash, from: run, plans, positions)
                summary.runs += 1
                summary.events += positions.count
            }
            let entry = AuditEntry(
                at: context.clock.now(), actor: actor, action: "purge",
                subject: "one user: \(summary.events) events in \(summary.runs) runs", reason: reason)
            (summary.rejects, summary.dismissals) = try await context.store.purgeRejects(of: member.bytes, audit: entry)
            for state in allStates.sorted(by: { $0.sync < $1.sync }) {
                if try history.ledger(of: state).told(member) != .never { summary.told.append(state.sync) }
            }
            return summary
        } catch let error as EngineRefusal {
            throw error
        } catch let error as StoreError {
            throw .storage(error.message)
        } catch let error as StateFileError {
            throw .storage(error.message)
        } catch {
            throw .storage("\(error)")
        }
    }

    private func purge(
        _ member: MemberID, _ hash: UInt64, from run: RunRecord, _ plans: RunPlans, _ positions: [Int]
    ) async throws {
        guard var facts = run.plan else { return }
        let old = facts
        let suffix = String(UInt64.random(in: .min ... .max), radix: 16)
        if try plans.own.find(member) != nil {
            let file = "\(run.id).\(suffix).plan"
            let own = try plans.own.without(member, at: context.folder.plans + "/" + file)
            (facts.file, facts.digest) = (file, own.digest.description)
        }
        if let former = plans.former, try former.find(member) != nil {
            let file = "\(run.id).\(suffix).former.plan"
            let rewritten = try former.without(member, at: context.folder.plans + "/" + file)
            facts.former = FormerPlan(file: file, digest: rewritten.digest.description, trait: former.trait)
        }
        var isShared = false
        try plans.walk(0..<plans.count) { position, record in
            if !positions.contains(position), MemberHash.of(record.member) == hash { isShared = true }
            return !isShared
        }
        try await context.store.purgePlan(PlanPurge(
            run: run.id, facts: facts, positions: positions.sorted(by: >), memberHash: isShared ? nil : hash))
        if old.file != facts.file { RetentionSweep.remove(old.file, in: context.folder.plans) }
        if let former = old.former, former.file != facts.former?.file {
            RetentionSweep.remove(former.file, in: context.folder.plans)
        }
    }
}
