import Scheduling
import SyncEngine

/// One entry of `cohorts:`.
package struct CohortConfiguration: Sendable, Equatable {
    /// The local key, `[a-z0-9][a-z0-9._-]*`, at most 64 bytes.
    package var key: String
    /// The name shown and sent; the key when the file gives none.
    package var name: String
    /// The id in the source; the key when the file gives none.
    package var id: String
    /// Key of the source.
    package var source: String
    package var selection: Selection
    /// Keys of the destinations (`to`), in the order of the file, without repeats.
    package var destinations: [String]
    package var schedule: CohortSchedule
    package var guards: GuardLimits
    /// The trait's template as written, with `{name}`, `{id}` and `{key}`.
    package var traitTemplate: String
    package var onLeave: LeavePolicy
    package var firstSync: FirstSync
    package var place: Place

    package init(
        key: String, name: String, id: String, source: String, selection: Selection, destinations: [String],
        schedule: CohortSchedule, guards: GuardLimits = GuardLimits(), traitTemplate: String = Self.defaultTrait,
        onLeave: LeavePolicy = .tellFalse, firstSync: FirstSync = .backfill, place: Place
    ) {
        self.key = key
        self.name = name
        self.id = id
        self.source = source
        self.selection = selection
        self.destinations = destinations
        self.schedule = schedule
        self.guards = guards
        self.traitTemplate = traitTemplate
        self.onLeave = onLeave
        self.firstSync = firstSync
        self.place = place
    }

    /// The form that Segment documents for the Amplitude Cohort Sync.
    package static let defaultTrait = "[Amplitude] {name} ({id})"

    /// The trait set on every member: the template with its fields filled in.
    package var trait: String { TraitTemplate.expand(traitTemplate, name: name, id: id, key: key) }

    /// What a destination is told about members, and its template: the trait; at a webhook, whose payload has none, the
    /// cohort's id, so that an edited trait changes nothing there and an edited id everything.
    package func subject(at destination: DestinationKind?) -> (text: String, template: String) {
        if case .webhook = destination { return (id, "{id}") }
        return (trait, traitTemplate)
    }

    /// The schedule as the engine runs it for one of the destinations.
    package func policy(for destination: String) -> SchedulePolicy {
        var policy = schedule.policy
        policy.isPaused = schedule.paused.contains(destination)
        return policy
    }

    /// The destinations whose syncs are paused.
    package var pausedDestinations: [String] { destinations.filter { schedule.paused.contains($0) } }
}

/// Which rows of its source a cohort's members are. Names are as written.
package enum Selection: Sendable, Equatable {
    /// The Amplitude cohort with the cohort's id.
    case amplitude
    /// - `column`: nil leaves the choice to the reader of the file (`user_id` or the only one).
    /// - `delimiter`: one ASCII byte; nil means a comma.
    /// - `hasHeader`: nil leaves it to the reader.
    case file(path: String, column: String?, delimiter: UInt8?, hasHeader: Bool?)
    case query(String)
    case table(String, column: String)
    /// Without `column` the command prints one id a line, with it CSV.
    case command([String], column: String?)
}

/// A cohort's `schedule:`.
package struct CohortSchedule: Sendable, Equatable {
    /// The schedule as written, such as `daily at 06:30`.
    package var text: String
    /// The name of its own zone, or nil when the workspace's is used.
    package var timezone: String?
    /// What the engine runs; `isPaused` is set when *all* syncs are paused. See ``CohortConfiguration/policy(for:)``.
    package var policy: SchedulePolicy
    package var paused: PausedSyncs

    package init(text: String, timezone: String? = nil, policy: SchedulePolicy, paused: PausedSyncs = .none) {
        self.text = text
        self.timezone = timezone
        self.policy = policy
        self.paused = paused
    }
}

/// Which of a cohort's syncs are paused.
package enum PausedSyncs: Sendable, Equatable {
    case none
    case all
    /// These destinations, in the order of the file.
    case only([String])

    package func contains(_ destination: String) -> Bool {
        switch self {
        case .none: false
        case .all: true
        case .only(let destinations): destinations.contains(destination)
        }
    }
}
