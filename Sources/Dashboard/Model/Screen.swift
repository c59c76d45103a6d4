/// What fills the screen.
package enum Screen: Hashable, Sendable {
    case overview
    /// A sync, and with it its cohort.
    case cohort(ByteText)
    case runs
    case run(ByteText)
    case schedules
    case events
    case user(ByteText)
    case destinations
    case rejects
    case logs
    case engine
    case wallboard
    case editor

    /// The name on the screen and in `screen NAME`.
    var title: String {
        switch self {
        case .overview: "Overview"
        case .cohort(let sync): sync.text
        case .runs: "Runs"
        case .run(let run): "run \(run.text)"
        case .schedules: "Schedules"
        case .events: "Events"
        case .user(let user): "user \(user.text)"
        case .destinations: "Destinations"
        case .rejects: "Rejects"
        case .logs: "Logs"
        case .engine: "Engine"
        case .wallboard: "Wallboard"
        case .editor: "edit schedule"
        }
    }

    /// The list that keys move in; nil when there is none.
    func list(tab: CohortTab) -> ListKind? {
        switch self {
        case .overview: .syncs
        case .wallboard: .wall
        case .cohort:
            switch tab {
            case .summary, .runs: .cohortRuns
            case .members: .members
            case .configuration: nil
            }
        case .runs: .runs
        case .run: .runEvents
        case .schedules: .fires
        case .events: .events
        case .user: .userEvents
        case .destinations: .destinations
        case .rejects: .rejects
        case .logs: .logs
        case .engine, .editor: nil
        }
    }

    var context: KeyContext {
        switch self {
        case .editor: .editor
        case .rejects: .rejects
        case .destinations, .logs, .engine: .everywhere
        default: .syncs
        }
    }
}

/// The parts of the Cohort screen that Tab goes through.
package enum CohortTab: Int, Sendable, CaseIterable {
    case summary, runs, members, configuration

    var title: String {
        switch self {
        case .summary: "Summary"
        case .runs: "Runs"
        case .members: "Members"
        case .configuration: "Config"
        }
    }
}

/// The parts of the Overview that Tab goes through.
enum OverviewPane: Int, Sendable, CaseIterable {
    case table, running, events
}
