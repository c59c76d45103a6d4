import Foundation
import Glibc
import Testing

/// The power goes at some moment of a run of the real program; what the disk may hold then is opened by the real engine,
/// which goes on and syncs again, in this process (reliability.md S5). Nothing that was sent is forgotten: a member that
/// was told hears of it again only with the same message id. Nothing counts as told that was not sent: nobody is lost.
@Suite(.rationed)
struct PowerLossTests {
    private static let images = ProcessInfo.processInfo.environment["ROLLCALL_POWER_IMAGES"].flatMap(Int.init) ?? 5_000
    private static let seed = ProcessInfo.processInfo.environment["ROLLCALL_FAULT_SEED"].flatMap(UInt64.init)
        ?? 20_261_128

    @Test("every image of a disk that lost its power is opened, and nothing is lost, wrong or told under two ids")
    func images() async throws {
        let began = ContinuousClock.now
        setenv("WRITE_KEY", Workspace.key, 1)
        var opened = 0
        var kinds: [Survival: Int] = [:]
        for scenario in FaultScenario.allCases {
            let (bench, loss) = try await Self.record(scenario)
            let wanted = Self.images / FaultScenario.allCases.count
            let results = try await withThrowingTaskGroup(of: [Survival: Int].self) { group in
                for worker in 0..<2 {
                    group.addTask { try await Self.play(loss, bench, images: wanted / 2 + 1, worker: worker) }
                }
                return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
            }
            opened += results.values.reduce(0, +)
            kinds.merge(results, uniquingKeysWith: +)
        }
        print("power loss: \(opened) images, \(kinds.map { "\($0.key) \($0.value)" }.sorted().joined(separator: ", ")), "
            + "seed \(Self.seed), \(ContinuousClock.now - began)")
        #expect(opened >= Self.images)
        #expect(kinds.count == Survival.allCases.count)
    }

    /// Runs the real program to its end and records what it does.
    private static func record(_ scenario: FaultScenario) async throws -> (FaultBench, PowerLoss) {
        let bench = try await FaultBench(scenario)
        try bench.begin()
        let folder = bench.workspace.folder
        let start = try DiskFolder(at: folder)
        let log = bench.workspace.root + "/disk.log"
        // It holds what went over the wire, too.
        bench.workspace.expectKey(in: "disk.log")
        let ending = try await bench.workspace.rollcall(
            "sync", "vip", environment: try WriteFaultLibrary.environment(
                "count", at: 0, of: folder, report: bench.workspace.root + "/disk.report", log: log))
        try #require(ending.code == 0, "\(ending.errors)")
        let loss = PowerLoss(from: start, try DiskLog(bytes(at: log), below: folder))
        try #require(loss.count > 100, "the library recorded \(loss.count) changes")
        try #require(!loss.sent(before: loss.count).isEmpty, "what was sent is not in the log")
        return (bench, loss)
    }

    private static func play(
        _ loss: PowerLoss, _ bench: FaultBench, images: Int, worker: Int
    ) async throws -> [Survival: Int] {
        var random = SeededDice(seed: seed &+ UInt64(worker) &* 7_919)
        var counts: [Survival: Int] = [:]
        // A disk in memory where there is one: images are many, and nothing of them is to last.
        let shared = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : bench.workspace.root
        let root = "\(shared)/rollcall-image-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let opener = try StateOpener(bench.workspace.folder)
        let before = try bench.messagesBefore()
        // What each change sent, read once.
        let sent = loss.sent(before: loss.count).map { (index: $0.index, messages: StateOpener.messages($0.bytes)) }
        for number in 0..<images {
            let survival = Survival.allCases[number % Survival.allCases.count]
            // The points spread evenly, every one of them when there are enough images.
            let step = number / Survival.allCases.count * Survival.allCases.count
            let end = (step * loss.count / images + random.draw(0...max(1, loss.count * 6 / images))) % (loss.count + 1)
            try loss.image(before: end, survival, &random).write(to: root)
            counts[survival, default: 0] += 1
            var told = ToldStory(bench.scenario)
            for message in before + sent.filter({ $0.index < end }).flatMap(\.messages) {
                if let complaint = told.take(message) { throw Overdue(description: "before the cut: \(complaint)") }
            }
            let opening = await opener.goOn(in: root + "/.rollcall", telling: &told)
            if opening != .right {
                Issue.record("\(bench.scenario) cut before \(end) of \(loss.count), \(survival): \(opening) (seed \(seed))")
            }
        }
        return counts
    }
}

extension FaultBench {
    /// What the receiver took before the scenario began.
    func messagesBefore() throws -> [JSON] {
        try sink.requests[..<before].filter(Self.takes).flatMap { try JSON(parsing: $0.body).list("batch") }
    }
}
