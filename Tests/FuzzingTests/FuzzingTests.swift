import Foundation
import Fuzzing
import Testing

/// Everything that reads bytes of others takes them or refuses them, and never traps (reliability.md §3). The mutations know
/// nothing of the readers; `Resources/scripts/fuzz` plays the full number with libFuzzer.
@Suite struct FuzzingTests {
    private static let executions = ProcessInfo.processInfo.environment["ROLLCALL_FUZZ_EXECUTIONS"].flatMap(Int.init)
    private static let seed = ProcessInfo.processInfo.environment["ROLLCALL_FUZZ_SEED"].flatMap(UInt64.init)
        ?? 20_261_128

    /// What an unoptimised build does in about eight seconds.
    private static func executions(of target: FuzzTarget) -> Int {
        executions ?? [.csv: 20_000, .configuration: 3_000, .schedule: 20_000, .answer: 20_000, .stateFile: 20_000, .control: 20_000][
            target, default: 10_000]
    }

    @Test("no bytes trap a reader, and some are taken", arguments: FuzzTarget.allCases)
    func mutations(_ target: FuzzTarget) {
        let began = ContinuousClock.now
        var mutator = Mutator(target, seed: Self.seed)
        let count = Self.executions(of: target)
        var taken = 0
        for _ in 0..<count where target.read(mutator.next()) { taken += 1 }
        print("\(target.rawValue): \(count) executions, \(taken) taken, seed \(Self.seed), \(ContinuousClock.now - began)")
        #expect(taken > count / 400, "hardly anything is taken: the mutations prove little")
        #expect(taken < count, "nothing is refused: the mutations prove little")
    }

    @Test("the seeds are read as they are meant", arguments: FuzzTarget.allCases)
    func seeds(_ target: FuzzTarget) {
        #expect(target.seeds.count { target.read($0) } * 4 >= target.seeds.count)
    }
}
