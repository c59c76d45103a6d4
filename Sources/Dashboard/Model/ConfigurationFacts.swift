import Scheduling

/// What the dashboard knows of `rollcall.yaml`: schedules for the editor and its collisions, quotas, the rest to read.
package struct ConfigurationFacts: Sendable {
    package var path: String
    /// Why the file on disk is refused; nil when it is the active configuration.
    package var problem: String?
    /// There is no file at `path`.
    package var isMissing = false
    /// The zone of schedules that name none.
    package var timezone: String
    package var cohorts: [CohortFacts]
    package var quotas: [QuotaFacts]
    /// Keys of the sources that can list their own cohorts, and of all destinations.
    package var catalogSources: [String] = []
    package var destinations: [String] = []

    package init(
        path: String, problem: String? = nil, timezone: String = "UTC", cohorts: [CohortFacts] = [],
        quotas: [QuotaFacts] = []
    ) {
        self.path = path
        self.problem = problem
        self.timezone = timezone
        self.cohorts = cohorts
        self.quotas = quotas
    }

    package static let unknown = ConfigurationFacts(path: "rollcall.yaml")
}

/// One cohort of `rollcall.yaml`.
package struct CohortFacts: Sendable {
    package var key: String
    package var name: String
    package var source: String
    package var sourceKind: String
    package var destinations: [String]
    package var schedule: ScheduleSettings
    /// The guards in force, such as ("max_leave", "20 %").
    package var guards: [(label: String, value: String)]
    /// Whatever else there is to read, such as ("on_leave", "false").
    package var details: [(label: String, value: String)]

    package init(
        key: String, name: String, source: String, sourceKind: String, destinations: [String],
        schedule: ScheduleSettings, guards: [(label: String, value: String)] = [],
        details: [(label: String, value: String)] = []
    ) {
        self.key = key
        self.name = name
        self.source = source
        self.sourceKind = sourceKind
        self.destinations = destinations
        self.schedule = schedule
        self.guards = guards
        self.details = details
    }
}

/// A cohort's `schedule:` as written; nil where the file says nothing and the default holds.
package struct ScheduleSettings: Hashable, Sendable {
    package var when: String
    package var timezone: String?
    /// Such as `30s`.
    package var jitter: String?
    /// `skip` or `queue`.
    package var overlap: String?
    /// `latest` or `none`.
    package var catchUp: String?
    package var isPaused: Bool
    /// Destinations paused one by one.
    package var pausedDestinations: [String]

    package init(
        when: String, timezone: String? = nil, jitter: String? = nil, overlap: String? = nil, catchUp: String? = nil,
        isPaused: Bool = false, pausedDestinations: [String] = []
    ) {
        self.when = when
        self.timezone = timezone
        self.jitter = jitter
        self.overlap = overlap
        self.catchUp = catchUp
        self.isPaused = isPaused
        self.pausedDestinations = pausedDestinations
    }
}

/// An edit of one cohort's schedule: what it was when the editor opened and what it shall be.
package struct ScheduleEdition: Hashable, Sendable {
    package var cohort: String
    package var before: ScheduleSettings
    package var after: ScheduleSettings

    package init(cohort: String, before: ScheduleSettings, after: ScheduleSettings) {
        self.cohort = cohort
        self.before = before
        self.after = after
    }
}

/// Downloads of a source that counts them.
package struct QuotaFacts: Hashable, Sendable {
    package var source: String
    /// Downloads allowed a month, made in this month, and needed by the schedules in 31 days.
    package var limit: Int
    package var used: Int
    package var planned: Int
    /// Downloads that will have been made when counting starts anew, if only the schedules run from now on.
    package var forecast: Int
    var left: Int { limit - used }

    package init(source: String, limit: Int, used: Int, planned: Int, forecast: Int = 0) {
        self.source = source
        self.limit = limit
        self.used = used
        self.planned = planned
        self.forecast = forecast
    }
}
