import Control
import Scheduling

/// All that is known of the engine. Holding the display still keeps a copy of it; the original goes on.
struct DashboardData: Sendable {
    static let eventCapacity = 10_000
    static let logCapacity = 5_000
    /// Of one run or one user; what is older is asked for by the command line.
    static let detailCapacity = 2_000
    static let fireCapacity = 2_000
    /// How many events are asked for at first, and when some were missed.
    static let backlogLimit = 1_000
    static let gapLimit = 500

    var engine: EngineView?
    var syncs: [SyncRow] = []
    var runs = RunBook()
    var events = Ring<EventRow>(capacity: eventCapacity)
    /// Whether the events from before the dashboard was opened have come, and whether with them these are all there are.
    var hasBacklog = false
    var backlogIsWhole = true
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
    private(set) var runEventsOf: ByteText?
    /// The newest of a run, a row for each change: an answer takes the place of the pending change.
    private(set) var runStream = Ring<EventRow>(capacity: detailCapacity)
    private var runPlaces: [RunChange: Int] = [:]
    var userOf: ByteText?
    var user: [UserView] = []
    var userEvents: [EventRow] = []
    var membersOf: ByteText?
    var members: [ByteText] = []
    var membersAreComplete = true

    /// The events of one run that are held, oldest first.
    var runEvents: [EventRow] { runStream.newest(Self.detailCapacity) }

    var isFrozen: Bool { engine?.frozen ?? false }

    // MARK: - Of one run, one user, one sync

    mutating func holdRunEvents(of run: ByteText, _ views: [EventView]) {
        let known = runEventsOf == run ? runEvents : []
        runEventsOf = run
        runStream = Ring(capacity: Self.detailCapacity)
        runPlaces = [:]
        for view in views { put(EventRow(view)) }
        // What came live while the question was under way is newer than its answer.
        for event in known where event.view.status != "pending" && runPlaces[RunChange(event.view)] != nil { put(event) }
    }

    /// - Returns: whether the event is one of the run whose events are held.
    mutating func takeRunEvent(_ event: EventRow) -> Bool {
        guard let run = runEventsOf, ByteText(event.view.run) == run else { return false }
        put(event)
        return true
    }

    private mutating func put(_ event: EventRow) {
        let change = RunChange(event.view)
        if let place = runPlaces[change] { return runStream.replace(place, with: event) }
        if runStream.count == runStream.capacity, let oldest = runStream[runStream.first] {
            runPlaces[RunChange(oldest.view)] = nil
        }
        runPlaces[change] = runStream.append(event)
    }

    mutating func hold(user id: ByteText, _ views: [UserView]) {
        userOf = id
        user = views
        let events = views.flatMap(\.events).map(EventRow.init)
            .sorted { ($0.at ?? .earliestWritable) > ($1.at ?? .earliestWritable) }
        userEvents = Array(events.prefix(Self.detailCapacity))
    }

    mutating func holdMembers(of sync: ByteText, _ found: [String], isComplete: Bool) {
        membersOf = sync
        members = found.prefix(Self.detailCapacity).map(ByteText.init)
        membersAreComplete = isComplete && found.count <= Self.detailCapacity
    }

    // MARK: - Events of all

    /// Takes in events from before: at first those from before the live ones, later those that were missed.
    mutating func take(backlog views: [EventView], limit: Int) {
        let known = Set(events.newest(Self.eventCapacity).map { EventIdentity($0.view) })
        let missed = views.filter { !known.contains(EventIdentity($0)) }
        if hasBacklog {
            // A pending change comes by itself once it is answered.
            for view in missed where view.status != "pending" { events.append(EventRow(view)) }
            if !views.isEmpty, missed.count == views.count, views.count >= limit { backlogIsWhole = false }
        } else {
            // They come run by run; a run that waited for an approval was answered after later ones.
            events.prepend(missed.sorted { $0.at < $1.at }.map(EventRow.init))
            hasBacklog = true
            backlogIsWhole = views.count < limit
        }
    }

    /// Whether every event that the engine keeps is here.
    var eventsAreWhole: Bool { backlogIsWhole && !events.hasDropped }

    // MARK: - Finding

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

/// What one row of a run is about.
private struct RunChange: Hashable, Sendable {
    let user: ByteText
    let event: ByteText

    init(_ view: EventView) {
        user = ByteText(view.user)
        event = ByteText(view.event)
    }
}

/// What makes an event of the backlog the same as one that came live.
private struct EventIdentity: Hashable, Sendable {
    let run: ByteText
    let change: RunChange
    let status: ByteText

    init(_ view: EventView) {
        run = ByteText(view.run)
        change = RunChange(view)
        status = ByteText(view.status)
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
