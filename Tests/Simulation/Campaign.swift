import Scheduling
import Synchronization

/// Many histories, counted.
package struct Campaign: Sendable {
    package private(set) var histories = 0
    package private(set) var runs = 0
    package private(set) var requests = 0
    package private(set) var checks = 0
    package private(set) var faults = FaultCounts()
    /// The first breaches met, at most ten, lowest seed first.
    package private(set) var breaches: [History] = []

    package init() {}

    /// Plays histories of consecutive seeds.
    /// - Parameter stopsAtBreach: a mutant is caught by its first breach.
    package mutating func play(
        _ seeds: Range<UInt64>, users: Int = 12, rounds: Int = 24, syncs: Int? = nil, mutation: Mutation? = nil,
        stopsAtBreach: Bool = false, trace: ((String) -> Void)? = nil
    ) throws(ScheduleError) {
        let schedule = try Schedule.parse("every 15m")
        for seed in seeds {
            let history = History(
                seed: seed, users: users, rounds: rounds, syncs: syncs, mutation: mutation, schedule: schedule,
                trace: trace)
            histories += 1
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
        runs += other.runs
        requests += other.requests
        checks += other.checks
        faults.add(other.faults)
        breaches = Array((breaches + other.breaches).sorted { $0.seed < $1.seed }.prefix(10))
    }

    package var summary: String {
        "\(histories) histories, \(runs) runs, \(requests) requests, \(checks) checks, \(faults.total) faults of "
            + "\(FaultKind.allCases.filter { faults[$0] > 0 }.count) kinds, \(breaches.count) breaches"
    }
}
