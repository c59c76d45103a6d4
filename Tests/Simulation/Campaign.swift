import Scheduling
import Synchronization

/// How much there is of everything in a history.
package struct HistorySize: Sendable, Equatable {
    package var users: Int
    /// Intervals of the safety phase.
    package var rounds: Int
    /// Nil for one or two, as the dice fall.
    package var syncs: Int?

    package init(users: Int, rounds: Int, syncs: Int? = nil) {
        self.users = users
        self.rounds = rounds
        self.syncs = syncs
    }

    package static let small = HistorySize(users: 12, rounds: 24)
    package static let medium = HistorySize(users: 40, rounds: 48)
}

/// Many histories, counted.
package struct Campaign: Sendable {
    package private(set) var histories = 0
    /// How many of them were medium ones among small ones.
    package private(set) var mediumHistories = 0
    package private(set) var runs = 0
    package private(set) var requests = 0
    package private(set) var checks = 0
    package private(set) var faults = FaultCounts()
    /// The first breaches met, at most ten, lowest seed first.
    package private(set) var breaches: [History] = []

    package init() {}

    /// Plays histories of consecutive seeds.
    /// - Parameters:
    ///   - size: of all of them; nil for small ones, and every twentieth medium.
    ///   - stopsAtBreach: a mutant is caught by its first breach.
    package mutating func play(
        _ seeds: Range<UInt64>, size: HistorySize? = nil, mutation: Mutation? = nil, stopsAtBreach: Bool = false,
        trace: ((String) -> Void)? = nil
    ) throws(ScheduleError) {
        let schedule = try Schedule.parse("every 15m")
        for seed in seeds {
            let history = History(
                seed: seed, size: size ?? (seed % 20 == 0 ? .medium : .small), mutation: mutation, schedule: schedule,
                trace: trace)
            histories += 1
            if size == nil, history.size == .medium { mediumHistories += 1 }
            runs += history.runs
            requests += history.requests
            checks += history.checks
            faults.add(history.faults)
            if history.breach != nil {
                if breaches.count < 10 { breaches.append(history) }
                if stopsAtBreach { return }
            }
        }
    }

    package mutating func add(_ other: Campaign) {
        histories += other.histories
        mediumHistories += other.mediumHistories
        runs += other.runs
        requests += other.requests
        checks += other.checks
        faults.add(other.faults)
        breaches = Array((breaches + other.breaches).sorted { $0.seed < $1.seed }.prefix(10))
    }

    package var summary: String {
        "\(histories) histories (\(mediumHistories) of them medium), \(runs) runs, \(requests) requests, "
            + "\(checks) checks, \(faults.total) faults of "
            + "\(FaultKind.allCases.filter { faults[$0] > 0 }.count) kinds, \(breaches.count) breaches"
    }
}
