import Scheduling
import SyncEngine

/// What one `rollcall.yaml` says, checked whole: every name resolves, every value has its type and range, no two syncs
/// own one trait. Lists keep the order of the file.
package struct WorkspaceConfiguration: Sendable, Equatable {
    /// The file format, 1.
    package var version: Int
    /// The zone of schedules that name none; UTC when the file names none.
    package var zone: Zone
    package var sources: [SourceConfiguration]
    package var destinations: [DestinationConfiguration]
    package var cohorts: [CohortConfiguration]
    package var engine: EngineConfiguration
    /// Who is told when something is wrong; nobody when the file has no `alerts:`.
    package var alerts = AlertsConfiguration()

    package init(
        version: Int = 1, zone: Zone, sources: [SourceConfiguration] = [],
        destinations: [DestinationConfiguration] = [], cohorts: [CohortConfiguration] = [],
        engine: EngineConfiguration = EngineConfiguration()
    ) {
        self.version = version
        self.zone = zone
        self.sources = sources
        self.destinations = destinations
        self.cohorts = cohorts
        self.engine = engine
    }

    /// The source with this key, or nil.
    package func source(_ key: String) -> SourceConfiguration? { sources.first { $0.key == key } }

    /// The destination with this key, or nil.
    package func destination(_ key: String) -> DestinationConfiguration? { destinations.first { $0.key == key } }

    /// The cohort with this key, or nil.
    package func cohort(_ key: String) -> CohortConfiguration? { cohorts.first { $0.key == key } }

    /// Every sync, in the order of the file: cohorts first, then each one's destinations.
    package var syncs: [SyncID] {
        cohorts.flatMap { cohort in
            cohort.destinations.map { SyncID(cohort: cohort.key, destination: $0) }
        }
    }
}

/// Where an entry stands in the file, for errors that are found later than at reading. Two places always compare equal:
/// a configuration that says the same on other lines is the same configuration.
package struct Place: Sendable, Equatable {
    /// Line and column, both from 1; the column counts Unicode scalars.
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static func == (left: Place, right: Place) -> Bool { true }
}

/// The `engine:` section: limits of the engine itself.
package struct EngineConfiguration: Sendable, Equatable {
    /// `memory`, in bytes: what sorting and merging of all runs together may take.
    package var memoryBytes: Int
    /// `parallel_runs`: how many runs may be under way at once, 1…64.
    package var parallelRuns: Int
    /// `retention`, in seconds: how long history (runs, events) is kept.
    package var retentionSeconds: Int

    package init(memoryBytes: Int = 256 << 20, parallelRuns: Int = 4, retentionSeconds: Int = 400 * 86_400) {
        self.memoryBytes = memoryBytes
        self.parallelRuns = parallelRuns
        self.retentionSeconds = retentionSeconds
    }
}
