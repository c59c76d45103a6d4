import Scheduling

/// What is told, and how patiently (`alerts:`).
package struct AlertPolicy: Sendable, Equatable {
    package var events: Set<AlertEvent> = Set(AlertEvent.allCases)
    /// How late an occurrence may start before it counts as not started.
    package var graceSeconds = 300
    /// The age of the last good run from which a scheduled sync is stale; nil for none.
    package var staleAfterSeconds: Int?
    /// How long a good state, or a change from one problem to another, must have lasted before it is told.
    package var recoveryAfterSeconds = 600
    /// How long a state must have lasted to be told however often it changed before.
    package var coolDownSeconds = 6 * 3600
    /// Cohorts about which nothing is told.
    package var mutes: [String: AlertMute] = [:]

    package init() {}

    /// Whether alerts about a cohort are held back.
    package func isMuted(_ cohort: String, at now: Instant) -> Bool {
        switch mutes[cohort] {
        case nil: false
        case .always: true
        case .until(let end): now < end
        }
    }
}

/// How long nothing is told about a cohort. Its state is followed meanwhile; what still holds at the end is told then.
package enum AlertMute: Sendable, Equatable {
    case always
    case until(Instant)
}
