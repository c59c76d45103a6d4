import Foundation
import Simulation

/// Plays simulated histories.
///
///     simulate [--histories N] [--floor N] [--seed S] [--users N] [--rounds N] [--syncs N] [--mutation NAME | --mutants]
///              [--threads N] [--trace]
///     simulate --years N [--seed S] [--threads N]
///
/// Histories are small (12 users, 24 intervals), every twentieth is medium (40 and 48), unless a size is given.
/// `--years` plays an install of twenty cohorts, each read every 15 minutes, in histories of four days. The state does
/// not go over from one history to the next.
///
/// Exits 1 when a history breaches a promise, when a mutant survives, when a fault kind came too seldom, or when fewer
/// histories were played than the floor says.
@main
enum Simulate {
    struct Options {
        var histories: UInt64 = 100_000
        var seed: UInt64 = 1
        var floor = 0
        var users: Int?
        var rounds: Int?
        var threads = 2
        var mutation: Mutation?
        var isMutants = false
        var isTraced = false
        var syncs: Int?
        var years = 0

        /// Nil for the usual mixture.
        var size: HistorySize? {
            guard users != nil || rounds != nil || syncs != nil else { return nil }
            return HistorySize(
                users: users ?? HistorySize.small.users, rounds: rounds ?? HistorySize.small.rounds, syncs: syncs)
        }
    }

    static func main() throws {
        guard let options = read(CommandLine.arguments.dropFirst()) else {
            print("usage: simulate [--histories N] [--floor N] [--seed S] [--users N] [--rounds N] [--syncs N]"
                + " [--mutation NAME | --mutants] [--threads N] [--trace] | simulate --years N")
            exit(64)
        }
        exit(options.isMutants ? try killMutants(options) : try play(options))
    }

    private static func read(_ arguments: ArraySlice<String>) -> Options? {
        var options = Options()
        var rest = arguments
        while let name = rest.popFirst() {
            if name == "--mutants" {
                options.isMutants = true
                continue
            }
            if name == "--trace" {
                options.isTraced = true
                continue
            }
            guard let value = rest.popFirst() else { return nil }
            switch name {
            case "--histories": options.histories = UInt64(value) ?? 0
            case "--seed": options.seed = UInt64(value) ?? 0
            case "--syncs": options.syncs = Int(value)
            case "--years": options.years = Int(value) ?? 0
            case "--floor": options.floor = Int(value) ?? .max
            case "--users": options.users = Int(value) ?? 0
            case "--rounds": options.rounds = Int(value) ?? 0
            case "--threads": options.threads = Int(value) ?? 0
            case "--mutation":
                guard let mutation = Mutation(rawValue: value) else { return nil }
                options.mutation = mutation
            default: return nil
            }
        }
        if options.years > 0 {
            options.histories = UInt64(options.years * 365 / 4)
            options.rounds = 4 * 96
            options.syncs = 20
        }
        let isSound = options.histories > 0 && options.users ?? 4 > 3 && options.rounds ?? 1 > 0
            && options.syncs ?? 1 > 0 && options.threads > 0
        return isSound ? options : nil
    }

    private static func play(_ options: Options) throws -> Int32 {
        let began = Date()
        var campaign = Campaign()
        if options.isTraced {
            try campaign.play(
                options.seed..<(options.seed + options.histories), size: options.size, mutation: options.mutation,
                trace: { print($0) })
        } else {
            campaign = try ParallelCampaign(
                seeds: options.seed..<(options.seed + options.histories), threads: options.threads,
                block: options.years > 0 ? 1 : 250
            ).play(size: options.size, mutation: options.mutation)
        }
        if options.years > 0 { print("\(options.years) years of twenty cohorts, in histories of four days") }
        print(campaign.summary + String(format: ", %.1f s", Date().timeIntervalSince(began)))
        for kind in FaultKind.allCases { print("  \(kind): \(campaign.faults[kind])") }
        for history in campaign.breaches {
            print("seed \(history.seed): \(history.breach ?? "")")
            print("  replay: \(replay(history, options))")
        }
        var isRare = false
        if options.histories >= 10_000 {
            for kind in FaultKind.allCases where campaign.faults[kind] < 100 {
                print("\(kind) came only \(campaign.faults[kind]) times")
                isRare = true
            }
        }
        let isTooFew = campaign.histories < options.floor
        if isTooFew { print("\(campaign.histories) histories are fewer than \(options.floor)") }
        return campaign.breaches.isEmpty && !isRare && !isTooFew ? 0 : 1
    }

    private static func replay(_ history: History, _ options: Options) -> String {
        "swift run -c release simulate --seed \(history.seed) --histories 1 --users \(history.size.users)"
            + " --rounds \(history.size.rounds)" + (options.syncs.map { " --syncs \($0)" } ?? "")
            + (options.mutation.map { " --mutation \($0.rawValue)" } ?? "")
    }

    private static func killMutants(_ options: Options) throws -> Int32 {
        var survivors = 0
        for mutation in Mutation.allCases {
            var campaign = Campaign()
            try campaign.play(
                options.seed..<(options.seed + options.histories), size: options.size, mutation: mutation,
                stopsAtBreach: true)
            if let caught = campaign.breaches.first {
                print("\(mutation.rawValue): caught by history \(campaign.histories), \(caught.breach ?? "")")
            } else {
                print("\(mutation.rawValue): SURVIVED \(campaign.histories) histories")
                survivors += 1
            }
        }
        print("\(Mutation.allCases.count - survivors) of \(Mutation.allCases.count) caught, the canary among them")
        return survivors == 0 ? 0 : 1
    }
}
