import Configuration
import Dashboard
import Scheduling
import SyncEngine

extension ConfigurationFacts {
    /// What the dashboard shows of a configuration.
    init(_ loaded: LoadedConfiguration) {
        let model = loaded.model
        self.init(
            path: loaded.path, timezone: model.zone.identifier,
            cohorts: model.cohorts.map { CohortFacts($0, in: model) })
        catalogSources = model.sources.compactMap { source in
            if case .amplitude = source.kind { source.key } else { nil }
        }
        destinations = model.destinations.map(\.key)
    }
}

extension CohortFacts {
    fileprivate init(_ cohort: CohortConfiguration, in model: WorkspaceConfiguration) {
        self.init(
            key: cohort.key, name: cohort.name, source: cohort.source,
            sourceKind: model.source(cohort.source)?.kind.name ?? "", destinations: cohort.destinations,
            schedule: ScheduleSettings(cohort), guards: Self.guards(cohort.guards), details: Self.details(of: cohort))
    }

    private static func details(of cohort: CohortConfiguration) -> [(label: String, value: String)] {
        [
            ("id", cohort.id), ("selects", selection(cohort.selection)), ("on_leave", onLeave(cohort.onLeave)),
            ("first_sync", cohort.firstSync == .baseline ? "baseline" : "backfill"),
        ]
    }

    private static func selection(_ selection: Selection) -> String {
        switch selection {
        case .amplitude: "the cohort of this id"
        case .file(let path, let column, _, _): path + (column.map { ", column \($0)" } ?? "")
        case .query(let text): text
        case .table(let table, let column): "\(table).\(column)"
        case .command(let arguments, _): arguments.joined(separator: " ")
        }
    }

    private static func onLeave(_ policy: LeavePolicy) -> String {
        switch policy {
        case .tellFalse: "false"
        case .tellNull: "null"
        case .ignore: "ignore"
        }
    }

    private static func guards(_ limits: GuardLimits) -> [(label: String, value: String)] {
        guard !limits.areOff else { return [("guards", "off")] }
        return [
            ("max_leave", percent(limits.maxLeave)),
            ("max_leave_count", limits.maxLeaveCount.map(String.init) ?? "none"),
            ("max_leave_daily", percent(limits.maxLeaveDaily)),
            ("max_growth", number(limits.maxGrowth, per: 1_000_000) + "x"),
            ("min_overlap", percent(limits.minOverlap)),
            ("allow_empty", limits.allowEmpty ? "true" : "false"),
        ]
    }

    /// Shares are parts per million.
    private static func percent(_ parts: Int) -> String { number(parts, per: 10_000) + " %" }

    private static func number(_ value: Int, per unit: Int) -> String {
        let rest = value % unit
        guard rest != 0 else { return String(value / unit) }
        var digits = String(String(unit + rest).dropFirst())
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(value / unit).\(digits)"
    }
}

extension ScheduleSettings {
    /// A cohort's schedule as the file words it; nil where it says nothing.
    init(_ cohort: CohortConfiguration) {
        let policy = cohort.schedule.policy
        let isPaused = cohort.schedule.paused == .all
        self.init(
            when: cohort.schedule.text, timezone: cohort.schedule.timezone,
            jitter: policy.jitterSeconds == 0 ? nil : Self.duration(policy.jitterSeconds),
            overlap: policy.overlap == .skip ? nil : policy.overlap.rawValue,
            catchUp: policy.catchUp == .latest ? nil : policy.catchUp.rawValue, isPaused: isPaused,
            pausedDestinations: isPaused ? [] : cohort.pausedDestinations)
    }

    private static func duration(_ seconds: Int) -> String {
        if seconds % 3_600 == 0 { return "\(seconds / 3_600)h" }
        return seconds % 60 == 0 ? "\(seconds / 60)m" : "\(seconds)s"
    }
}
