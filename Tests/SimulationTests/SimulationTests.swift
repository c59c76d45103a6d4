import Simulation
import Testing

/// The engine's own decisions in a simulated world. `SIMULATED_HISTORIES` sets how many histories a run of the tests
/// plays; the floor of 100,000 is the `simulate` command's, built with optimisation.
@Suite struct SimulationTests {
    private static let histories = HistoryCount.wanted

    @Test("histories keep every promise in faults and converge in calm") func histories() throws {
        let campaign = try ParallelCampaign(seeds: 1..<(1 + Self.histories), threads: 2).play()
        print("simulation: \(campaign.summary)")
        #expect(campaign.histories == Int(Self.histories))
        #expect(campaign.breaches.map { "seed \($0.seed): \($0.breach ?? "")" } == [])
        let rare = FaultKind.allCases.filter { campaign.faults[$0] == 0 && $0 != .killWhilePlanning }
        #expect(rare == [], "faults that never came")
    }

    @Test("each listed bug is caught", arguments: Mutation.listed) func mutants(_ mutation: Mutation) throws {
        var campaign = Campaign()
        try campaign.play(1..<1_001, mutation: mutation, stopsAtBreach: true)
        #expect(campaign.breaches.count == 1, "\(mutation.rawValue) survived \(campaign.histories) histories")
        print("mutant \(mutation.rawValue): caught by history \(campaign.histories)")
    }

    @Test("there are thirty mutants, and the canary fails") func canary() throws {
        #expect(Mutation.listed.count == 30)
        let campaign = try ParallelCampaign(seeds: 1..<51, threads: 2).play(mutation: .canary)
        #expect(!campaign.breaches.isEmpty, "a build that never tells a leave passed: the harness is worthless")
    }

    @Test("the same seed gives the same history") func repeatable() throws {
        for seed: UInt64 in 1...20 {
            var traces: [[String]] = []
            for _ in 0..<2 {
                var lines: [String] = []
                var campaign = Campaign()
                try campaign.play(seed..<(seed + 1), trace: { lines.append($0) })
                traces.append(lines)
            }
            #expect(traces[0] == traces[1], "seed \(seed)")
            #expect(traces[0].count > 10, "seed \(seed) does next to nothing")
        }
    }
}
