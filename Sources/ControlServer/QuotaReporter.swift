import Control
import Scheduling
import SyncEngine

/// Works out what is left of the month of each source that counts downloads, and whether the schedules will fit.
struct QuotaReporter {
    let engine: Engine

    func views() async -> [QuotaView] {
        let now = engine.context.clock.now()
        let syncs = await engine.syncs
        var views: [QuotaView] = []
        for quota in await engine.configuredQuotas {
            // A state folder of an earlier version has no such record: nothing was downloaded then.
            let store = engine.context.store
            let since = now.advanced(seconds: -62 * 86_400)
            let past = (try? await store.downloads(of: quota.account, since: since)) ?? []
            let reading = (try? await store.quotaReading(of: quota.account)) ?? nil
            let month = DownloadMonth(past: past, reading: reading)
            let resets = month.resets(after: now)
            let used = month.used(at: now)
            let policies = Self.policies(of: quota.sourceKey, in: syncs)
            let planned = policies.reduce(0) { $0 + $1.schedule.firesPerMonth(in: $1.zone, from: now) }
            let ahead = policies.reduce(0) {
                $0 + $1.schedule.count(after: now, through: resets, in: $1.zone, limit: 10_000_000)
            }
            views.append(QuotaView(
                source: quota.sourceKey, limit: month.limit(quota.limits.monthly), reserve: quota.limits.reserve,
                used: used, planned: planned, forecast: used + ahead, resets_at: resets.rfc3339Seconds,
                told: reading != nil))
        }
        return views
    }

    /// One schedule a cohort: one download serves all its destinations. Paused syncs download nothing.
    private static func policies(of source: String, in syncs: [SyncDefinition]) -> [SchedulePolicy] {
        var seen: Set<String> = []
        return syncs.compactMap { sync in
            guard sync.sourceKey == source, !sync.schedule.isPaused, !sync.schedule.schedule.isManual,
                seen.insert(sync.id.cohort).inserted
            else { return nil }
            return sync.schedule
        }
    }
}
