import Foundation
import Synchronization
import Testing

/// Every call by which the real program changes its state folder fails once, in each way a disk can fail, in the middle of
/// three scenarios; then the program runs again undisturbed. Nobody is lost, nobody is told wrongly, no transition has two
/// ids, and no failed run says that it succeeded (reliability.md S1–S9).
///
/// Here every point of a kill, a full disk, a broken disk and half a write is tried, and of the other faults a sample, drawn
/// with a seed that is printed; `Resources/scripts/faults` tries all of all.
@Suite(.rationed)
struct WriteFaultTests {
    /// Points per scenario and fault: `all`, a number, or without either all of some faults and ten of the others.
    private static let wanted = ProcessInfo.processInfo.environment["ROLLCALL_FAULT_POINTS"]
    private static let standard = 10
    private static let seed = ProcessInfo.processInfo.environment["ROLLCALL_FAULT_SEED"].flatMap(UInt64.init)
        ?? 20_261_128
    private static let only = ProcessInfo.processInfo.environment["ROLLCALL_FAULT_ONLY"]

    private struct Point: Sendable {
        let fault: WriteFault
        let number: Int
        /// The call of the run after it at which that is killed, too.
        var again: Int?
    }

    private struct Tally: Sendable {
        var tried = 0
        var fired = 0
        /// Points behind the last call of a run that came to its end without meeting the fault.
        var beyond = 0
        var problems: [String] = []
    }

    @Test("a disk that fails at any write loses nothing and tells nobody wrongly", arguments: FaultScenario.allCases)
    func everyWrite(_ scenario: FaultScenario) async throws {
        let began = ContinuousClock.now
        var random = SeededDice(seed: Self.seed)
        let scout = try await FaultBench(scenario)
        var points: [Point] = []
        var reachable = 0
        // How many points there must have been, every one of the faults that are played whole.
        var floor = 0
        for fault in WriteFault.allCases where Self.only == nil || Self.only == fault.rawValue {
            let count = try await scout.count(fault)
            reachable += count
            let isWhole = Self.wanted == nil && WriteFault.whole.contains(fault)
            if isWhole { floor += count }
            points += (isWhole ? Array(1...count) : Self.sample(1...count, &random)).map { Point(fault: fault, number: $0) }
        }
        // Kills during the run that recovers from a kill.
        if Self.only == nil {
            let count = try await scout.count(.killBefore)
            let firsts = Self.wanted == "all" ? Array(stride(from: 7, through: count, by: 23)) : Self.sample(1...count, &random)
            for first in firsts {
                let seconds = Self.wanted == "all" ? Array(stride(from: 3, through: count, by: 41)) : [random.draw(1...count)]
                points += seconds.map { Point(fault: .killAfter, number: first, again: $0) }
            }
        }
        points.shuffle(using: &random)
        let tally = try await play(points, scenario)
        let lost = tally.problems.count { $0.contains("lost [") }
        if Self.wanted == nil {
            print("\(scenario): every call for \(WriteFault.whole.map(\.rawValue).sorted().joined(separator: ", ")): \(floor); of the "
                + "other faults \(Self.standard) each, all of them with Resources/scripts/faults --points all")
        }
        print("\(scenario): points \(tally.fired) of \(tally.tried), \(lost) lost, \(tally.problems.count - lost) wrong; "
            + "\(reachable) reachable, \(tally.beyond) beyond the end, seed \(Self.seed), \(ContinuousClock.now - began)")
        for problem in tally.problems.prefix(20) { Issue.record("\(scenario) \(problem) (seed \(Self.seed))") }
        // How far a killed process had come is not always the same, and so is not how much is left to do.
        #expect(tally.fired == tally.tried, "faults that never fired prove nothing")
        #expect(tally.beyond * 4 <= points.count, "most of the run is not reached")
        #expect(tally.fired + tally.beyond >= floor, "fewer than every call")
    }

    private static func sample(_ range: ClosedRange<Int>, _ random: inout SeededDice) -> [Int] {
        guard let count = wanted.map(Int.init) ?? standard, count < range.count else { return Array(range) }
        // One of each equal stretch, so that no part of the run is left out.
        return (0..<count).map { part in
            let start = range.lowerBound + part * range.count / count
            let end = range.lowerBound + (part + 1) * range.count / count - 1
            return random.draw(start...max(start, end))
        }
    }

    private func play(_ points: [Point], _ scenario: FaultScenario) async throws -> Tally {
        let queue = WorkQueue(points)
        let workers = 2
        return try await withThrowingTaskGroup(of: Tally.self) { group in
            for _ in 0..<workers {
                group.addTask {
                    let bench = try await FaultBench(scenario)
                    var tally = Tally()
                    while let (index, point) = queue.next() {
                        try await Self.play(point, on: bench, verifying: index % 32 == 0, &tally)
                    }
                    return tally
                }
            }
            var total = Tally()
            for try await tally in group {
                total.tried += tally.tried
                total.fired += tally.fired
                total.beyond += tally.beyond
                total.problems += tally.problems
            }
            return total
        }
    }

    private static func play(_ point: Point, on bench: FaultBench, verifying: Bool, _ tally: inout Tally) async throws {
        tally.tried += 1
        try bench.begin()
        let mark = bench.mark
        let (ending, fired, calls) = try await bench.sync(point.fault.rawValue, at: point.number)
        guard let fired else {
            if let calls, calls < point.number {
                tally.tried -= 1
                tally.beyond += 1
            }
            return
        }
        tally.fired += 1
        var problem = try bench.complaint(point.fault, ending, since: mark)
        if let again = point.again {
            _ = try await bench.sync(WriteFault.killBefore.rawValue, at: again)
        }
        if problem == nil { problem = try await bench.recover(since: mark, verifying: verifying) }
        if let problem {
            let second = point.again.map { ", then kill-before \($0)" } ?? ""
            tally.problems.append("\(point.fault.rawValue) \(fired)\(second): \(problem)")
        }
    }
}

extension FaultBench {
    /// How many calls of a run can meet with this fault.
    func count(_ fault: WriteFault) async throws -> Int {
        try begin()
        let run = try await sync(fault.rawValue, at: .max)
        return try #require(run.calls, "the library did not load: \(run.ending.errors)")
    }
}

/// Work that several tasks take from, each piece once.
final class WorkQueue<Piece: Sendable>: Sendable {
    private let pieces: [Piece]
    private let taken = Mutex(0)

    init(_ pieces: [Piece]) { self.pieces = pieces }

    func next() -> (index: Int, piece: Piece)? {
        let index = taken.withLock { taken in
            defer { taken += 1 }
            return taken
        }
        return index < pieces.count ? (index, pieces[index]) : nil
    }
}

/// SplitMix64 (https://prng.di.unimi.it/splitmix64.c, public domain): the same draws for the same seed.
struct SeededDice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    mutating func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
}
