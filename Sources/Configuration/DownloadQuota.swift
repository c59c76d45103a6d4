import Scheduling
import SyncEngine

/// Amplitude counts downloads by the month: schedules that cannot fit are refused with the arithmetic.
enum DownloadQuota {
    static func check(_ model: WorkspaceConfiguration, log: ProblemLog) {
        for source in model.sources {
            guard case .amplitude(let settings) = source.kind else { continue }
            let needs = needs(of: source.key, in: model)
            let sum = needs.reduce(0) { $0.addingReportingOverflow($1.downloads).partialValue }
            let budget = max(0, settings.quota - settings.reserve)
            guard sum > budget else { continue }
            let terms = needs.prefix(5).map { "\(quoted($0.cohort)) \($0.schedule) \(grouped($0.downloads))" }
            let rest = needs.dropFirst(5).reduce(0) { $0 + $1.downloads }
            let others = needs.count > 5 ? ", \(needs.count - 5) others \(grouped(rest))" : ""
            let kept = settings.reserve > 0 ? ", of which \(grouped(settings.reserve)) are kept for manual runs" : ""
            log.add(
                source.place,
                "the schedules of source \(quoted(source.key)) need \(grouped(sum)) downloads in a month of 31 days "
                    + "and its quota is \(grouped(settings.quota))\(kept): \(terms.joined(separator: ", "))\(others); "
                    + "\(remedy(needs.map(\.downloads), budget: budget)), pause some, or raise \"quota\" if Amplitude "
                    + "raised it")
        }
    }

    /// Cadences that people use, the most frequent first, in seconds.
    private static let cadences = [
        (900, "every 15m"), (1_800, "every 30m"), (3_600, "hourly"), (7_200, "every 2h"), (10_800, "every 3h"),
        (14_400, "every 4h"), (21_600, "every 6h"), (28_800, "every 8h"), (43_200, "every 12h"), (86_400, "every 1d"),
        (172_800, "every 2d"), (604_800, "every 7d"),
    ]

    /// The most frequent cadence that fits when no cohort runs more often.
    private static func remedy(_ downloads: [Int], budget: Int) -> String {
        for (seconds, words) in cadences {
            let most = (31 * 86_400 + seconds - 1) / seconds
            let sum = downloads.reduce(0) { $0 + min($1, most) }
            if sum <= budget { return "run none more often than \(words), which needs \(grouped(sum))" }
        }
        return "run them less often; not even weekly fits"
    }

    private struct Timing: Hashable {
        var schedule: Schedule
        var zone: Zone
    }

    /// What each cohort of a source downloads in 31 days, the most first. One download serves all destinations of a
    /// cohort; a cohort of which every sync is paused downloads nothing.
    private static func needs(
        of source: String, in model: WorkspaceConfiguration
    ) -> [(cohort: String, schedule: String, downloads: Int)] {
        // The arithmetic must not depend on the day it is done; any month of 31 days does.
        let month = Instant(seconds: 1_767_225_600)  // 2026-01-01T00:00:00Z
        var counted: [Timing: Int] = [:]
        var needs: [(cohort: String, schedule: String, downloads: Int)] = []
        for cohort in model.cohorts where cohort.source == source {
            guard cohort.pausedDestinations.count < cohort.destinations.count else { continue }
            let policy = cohort.schedule.policy
            let timing = Timing(schedule: policy.schedule, zone: policy.zone)
            let downloads = counted[timing] ?? policy.schedule.firesPerMonth(in: policy.zone, from: month)
            counted[timing] = downloads
            if downloads > 0 { needs.append((cohort.key, cohort.schedule.text, downloads)) }
        }
        return needs.enumerated().sorted { ($1.element.downloads, $0.offset) < ($0.element.downloads, $1.offset) }
            .map(\.element)
    }
}
