import Glibc
import Membership
import Scheduling

/// Removes files and rows that nothing refers to any more, never one that something does.
package enum RetentionSweep {
    static func remove(_ file: String, in folder: String) {
        guard !file.isEmpty, !file.contains("/") else { return }
        unlink(folder + "/" + file)
    }

    /// Removes files that a killed process never finished. Only the holder of the lock may call it.
    static func removeLeftovers(in folder: StateFolder) {
        for place in [folder.ledgers, folder.plans, folder.snapshots] {
            for name in StateFolder.names(in: place) where StateFileName.isLeftover(name) { remove(name, in: place) }
        }
    }

    static func removeFile(_ path: String) { unlink(path) }

    /// Removes the plan files of one run.
    static func removePlans(_ facts: PlanFacts, in folder: StateFolder) {
        remove(facts.file, in: folder.plans)
        if let former = facts.former { remove(former.file, in: folder.plans) }
    }

    /// Removes plan files that no run names any more: what a killed process planned and never stored, and what a purge
    /// replaced. Only the holder of the lock may call it, while no run plans.
    static func removeStrayPlans(_ context: EngineContext) async throws(StoreError) {
        let named = try await context.store.planFiles()
        for name in StateFolder.names(in: context.folder.plans) where name.hasSuffix(".plan") && !named.contains(name) {
            remove(name, in: context.folder.plans)
        }
    }

    /// Keeps a snapshot only while the latest run of a sync refers to it.
    static func sweepSnapshots(_ context: EngineContext, keeping latest: RunRecord) async {
        do throws(StoreError) {
            let earlier = try await context.store.runs(RunFilter(syncs: [latest.sync], before: latest.id, limit: 5))
            for run in earlier {
                guard let file = run.snapshot?.file, file != latest.snapshot?.file else { continue }
                let sharers = try await context.store.runs(RunFilter(unfinishedOnly: true, limit: 10_000))
                guard !sharers.contains(where: { $0.snapshot?.file == file }) else { continue }
                remove(file, in: context.folder.snapshots)
            }
        } catch {
            context.log("sweeping snapshots: \(error.message)", .error)
        }
    }

    /// Removes runs that are older than the retention, with their plans, and plan files that no run knows.
    /// - Parameter retention: milliseconds.
    package static func sweep(_ context: EngineContext, retention: Int64) async throws(StoreError) {
        let limit = context.clock.now().advanced(milliseconds: -retention)
        while true {
            let removed = try await context.store.removeRuns(finishedBefore: limit, limit: 1_000)
            for run in removed {
                if let plan = run.plan { removePlans(plan, in: context.folder) }
                if let snapshot = run.snapshot?.file { remove(snapshot, in: context.folder.snapshots) }
            }
            if removed.count < 1_000 { return }
        }
    }
}
