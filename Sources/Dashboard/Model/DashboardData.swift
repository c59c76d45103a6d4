import Control
import Scheduling

/// All that is known of the engine. Holding the display still keeps a copy of it; the original goes on.
struct DashboardData: Sendable {
    static let eventCapacity = 20_000
    static let logCapacity = 5_000
    /// Of one run or one user; what is older is asked for by the command line.
    static let detailCapacity = 2_000
    static let fireCapacity = 500

    var engine: EngineView?
    var syncs: [SyncRow] = []
    var runs = RunBook()
    var events = Ring<EventRow>(capacity: eventCapacity)
    var logs = Ring<LogLine>(capacity: logCapacity)
    var destinations: [DestinationView] = []
    var rejects: [RejectRow] = []
    var reasons = RejectReasons([])
    var configuration = ConfigurationFacts.unknown
    /// Schedules of `configuration`, read once.
    var plans: [CohortPlan] = []
    var fires: [UpcomingFire] = []
    /// Fires in each half hour of the coming day.
    var load: [Int] = []
    /// The run and the user whose events are held.
    var runEventsOf: ByteText?
    var runEvents: [EventRow] = []
    var userOf: ByteText?
    var user: [UserView] = []
    var userEvents: [EventRow] = []
    var membersOf: ByteText?
    var members: [ByteText] = []
    var membersAreComplete = true

    var isFrozen: Bool { engine?.frozen ?? false }

    func sync(_ name: String) -> SyncRow? {
        let id = ByteText(name)
        return syncs.first { $0.id == id }
    }

    func cohort(_ key: String) -> CohortFacts? {
        let wanted = ByteText(key)
        return configuration.cohorts.first { ByteText($0.key) == wanted }
    }

    /// Syncs of one cohort, in the engine's order.
    func syncs(of cohort: String) -> [SyncRow] {
        let wanted = ByteText(cohort)
        return syncs.filter { ByteText($0.view.cohort) == wanted }
    }

    /// How many syncs are in each state.
    var stateCounts: [String: Int] {
        var counts: [String: Int] = [:]
        for row in syncs { counts[row.view.state, default: 0] += 1 }
        return counts
    }
}

/// A cohort's schedule, ready to be asked for its fires.
struct CohortPlan: Sendable {
    let cohort: String
    let syncs: [String]
    let schedule: Schedule
    let zone: Zone
    let isPaused: Bool
}

/// Finds a zone by its name. The zone database lies outside the dashboard's pure part, so the host hands it in.
package struct ZoneLookup: Sendable {
    package let find: @Sendable (String) -> Result<Zone, ZoneError>

    package init(_ find: @escaping @Sendable (String) -> Result<Zone, ZoneError>) {
        self.find = find
    }

    /// The system's zone database.
    package static let system = ZoneLookup { name in
        do throws(ZoneError) {
            return .success(try Zone.named(name))
        } catch {
            return .failure(error)
        }
    }
}

/// Why members were rejected, most common first; counted when they come and not at every frame.
struct RejectReasons: Sendable {
    let common: [(reason: String, count: Int)]
    /// How many further reasons there are.
    let others: Int

    init(_ rejects: [RejectRow]) {
        var counts: [ByteText: Int] = [:]
        for row in rejects { counts[ByteText(row.view.reason), default: 0] += 1 }
        let sorted = counts.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
        common = sorted.prefix(12).map { ($0.key.text, $0.value) }
        others = max(0, sorted.count - 12)
    }
}
