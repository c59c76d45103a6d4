import Foundation
import Glibc
import Synchronization
import Testing

/// Any file of the state folder is cut short, or one of its bits is flipped (reliability.md S10, S11): the program says so
/// and names the file, or the damage does no harm. It never starts empty, and never tells anybody wrongly.
@Suite(.rationed)
struct StateDamageTests {
    private static let wanted = ProcessInfo.processInfo.environment["ROLLCALL_DAMAGES"] ?? "600"
    private static let seed = ProcessInfo.processInfo.environment["ROLLCALL_FAULT_SEED"].flatMap(UInt64.init)
        ?? 640_037

    private enum Damage: CustomStringConvertible, Sendable {
        case cut(String, Int)
        case flip(String, Int, bit: Int)

        var file: String {
            switch self {
            case .cut(let file, _), .flip(let file, _, _): file
            }
        }

        /// The name that a complaint must carry. A journal is part of its database.
        var name: String {
            let last = file.split(separator: "/").last.map(String.init) ?? ""
            return last.hasSuffix("-journal") ? String(last.dropLast("-journal".count)) : last
        }

        var description: String {
            switch self {
            case .cut(let file, let count): "\(file) cut to \(count) bytes"
            case .flip(let file, let byte, let bit): "\(file) with bit \(bit) of byte \(byte) flipped"
            }
        }

        func apply(to folder: DiskFolder) -> DiskFolder {
            var folder = folder
            guard let number = folder.names[file] else { return folder }
            switch self {
            case .cut(_, let count): folder.files[number] = Array(folder.files[number]?.prefix(count) ?? [])
            case .flip(_, let byte, let bit): folder.files[number]?[byte] ^= 1 << UInt8(bit)
            }
            return folder
        }
    }

    private struct Tally: Sendable {
        var right = 0
        var refused = 0
        var problems: [String] = []
    }

    @Test("every truncation and every flipped bit is detected or harmless", arguments: [FaultScenario.second, .resumed])
    func damage(_ scenario: FaultScenario) async throws {
        let began = ContinuousClock.now
        setenv("WRITE_KEY", Workspace.key, 1)
        let bench = try await FaultBench(scenario)
        try bench.begin()
        let whole = try DiskFolder(at: bench.workspace.folder)
        var random = SeededDice(seed: Self.seed)
        let damages = Self.damages(of: whole, &random)
        let queue = WorkQueue(damages)
        let tally = try await withThrowingTaskGroup(of: Tally.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    try await Self.play(queue, on: whole, bench)
                }
            }
            return try await group.reduce(into: Tally()) { total, part in
                total.right += part.right
                total.refused += part.refused
                total.problems += part.problems
            }
        }
        print("damage, \(scenario): \(damages.count) cases, \(tally.refused) detected, \(tally.right) harmless, "
            + "\(tally.problems.count) wrong, seed \(Self.seed), \(ContinuousClock.now - began)")
        for problem in tally.problems.prefix(20) { Issue.record("\(scenario) \(problem) (seed \(Self.seed))") }
        #expect(tally.refused > damages.count / 20)
    }

    private static func damages(of whole: DiskFolder, _ random: inout SeededDice) -> [Damage] {
        let files = whole.names.keys.filter { $0.hasPrefix(".rollcall/") }.sorted()
        var damages: [Damage] = []
        for file in files {
            let count = whole.names[file].flatMap { whole.files[$0]?.count } ?? 0
            damages += (0..<count).map { .cut(file, $0) }
            damages += (0..<count).map { .flip(file, $0, bit: random.draw(0...7)) }
        }
        guard let wanted = Int(wanted), wanted / 2 < damages.count else { return damages }
        // Half of them within the small files, which are the smaller part of the bytes by far.
        let small = damages.filter { !$0.file.hasSuffix("state.db") }.shuffled(using: &random)
        let large = damages.filter { $0.file.hasSuffix("state.db") }.shuffled(using: &random)
        return Array(small.prefix(wanted / 4)) + large.prefix(wanted / 4)
    }

    private static func play(
        _ queue: WorkQueue<Damage>, on whole: DiskFolder, _ bench: FaultBench
    ) async throws -> Tally {
        let shared = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : bench.workspace.root
        let root = "\(shared)/rollcall-damage-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let opener = try StateOpener(bench.workspace.folder)
        let before = try bench.messagesBefore()
        var tally = Tally()
        while let (_, damage) = queue.next() {
            try damage.apply(to: whole).write(to: root)
            var told = ToldStory(bench.scenario)
            for message in before { _ = told.take(message) }
            switch try await Self.open(root + "/.rollcall", opener, told) {
            case .right: tally.right += 1
            case .wrong(let problem): tally.problems.append("\(damage): \(problem)")
            case .refused(let reason):
                tally.refused += 1
                // A guard that holds the plan is as good: a changed address, for one, is what it is there for.
                if !reason.contains(damage.name), !reason.hasPrefix("held") {
                    tally.problems.append("\(damage): refused without its name: \(reason)")
                }
            }
        }
        return tally
    }

    /// An opening that does not end is one that is wrong.
    private static func open(
        _ folder: String, _ opener: StateOpener, _ told: ToldStory
    ) async throws -> StateOpener.Opening {
        let result = OpeningResult()
        Task.detached {
            var told = told
            let opening = await opener.goOn(in: folder, telling: &told)
            result.opening.withLock { $0 = opening }
        }
        try? await eventually("an end") { result.opening.withLock { $0 != nil } }
        return result.opening.withLock { $0 } ?? .wrong("no end within a minute")
    }

    private final class OpeningResult: Sendable {
        let opening = Mutex<StateOpener.Opening?>(nil)
    }

    /// Found by damaging every file: the run was closed as failed, and who had been told in it was forgotten.
    @Test("a run whose plan is damaged while it is sending stays open and says so; with the plan back it goes on")
    func damagedPlan() async throws {
        let bench = try await FaultBench(.resumed)
        try bench.begin()
        let mark = bench.mark
        let plan = bench.state + "/plans/1.plan"
        let whole = bytes(at: plan)
        var damaged = whole
        damaged[whole.count / 2] ^= 1
        try Data(damaged).write(to: URL(fileURLWithPath: plan))
        for _ in 0..<2 {
            let ending = try await bench.workspace.rollcall("sync", "vip", within: 25)
            #expect(ending.code == 1, "\(ending.text)\(ending.errors)")
            #expect((ending.text + ending.errors).contains("1.plan"))
        }
        #expect(bench.mark == mark, "nothing is sent")
        #expect(try await bench.workspace.listing("run", "1").first?.text("phase") == "sending")
        try Data(whole).write(to: URL(fileURLWithPath: plan))
        #expect(try await bench.recover(since: mark, verifying: true) == nil)
    }

    @Test("cancel is the way out: with a damaged plan it ends the run and says what is lost, else it settles what is known")
    func cancelledOpenRun() async throws {
        let bench = try await FaultBench(.resumed)
        for isDamaged in [true, false] {
            try bench.begin()
            let plan = bench.state + "/plans/1.plan"
            if isDamaged { try Data(bytes(at: plan).dropLast(9)).write(to: URL(fileURLWithPath: plan)) }
            let mark = bench.mark
            let cancel = try await bench.workspace.rollcall("cancel", "1", within: 30)
            #expect(cancel.code == 0, "\(cancel.text)\(cancel.errors)")
            let run = try #require(try await bench.workspace.listing("run", "1").first)
            #expect(run.text("outcome") == "cancelled", "\(run)")
            #expect(bench.mark == mark, "a cancelled run sends nothing more")
            #expect(run.text("reason")?.contains("1.plan") == isDamaged, "\(run)")
            let sync = try await bench.workspace.rollcall("sync", "vip", within: 60)
            #expect(sync.code == 0, "\(sync.text)\(sync.errors)")
            guard !isDamaged else { continue }
            // What the killed process had on the wire may arrive for half a minute: until then nobody is told the opposite.
            try await eventually("all is well once nothing of it can arrive", within: 90) {
                _ = try await bench.workspace.rollcall("sync", "vip", within: 60)
                return try bench.wrong(since: mark) == nil
            }
        }
    }

    /// Found by damaging every file: the bit froze everything, and an interrupted run waited for ever for somebody to lift it.
    @Test("the one bit that says that everything is frozen is not believed when it flips")
    func frozenBit() async throws {
        let bench = try await FaultBench(.resumed)
        try bench.begin()
        let database = bench.state + "/state.db"
        let whole = bytes(at: database)
        // The row of `install`: its key, and behind that its value of one byte.
        let key = Array("frozen".utf8) + [0]
        let place = try #require((0..<whole.count - key.count).first { whole[$0..<$0 + key.count].elementsEqual(key) })
        var damaged = whole
        damaged[place + key.count - 1] ^= 1
        try Data(damaged).write(to: URL(fileURLWithPath: database))
        let mark = bench.mark
        let opener = try StateOpener(bench.workspace.folder)
        let told = ToldStory(bench.scenario)
        guard case .refused(let reason) = try await Self.open(bench.state, opener, told) else {
            Issue.record("it was not refused")
            return
        }
        #expect(reason.contains("state.db") && reason.contains("checksum"), "\(reason)")
        let sync = try await bench.workspace.rollcall("sync", "vip", within: 30)
        #expect(sync.code == 1 && sync.errors.contains("state.db"), "\(sync.text)\(sync.errors)")
        #expect(bench.mark == mark, "nothing is sent")
        try Data(whole).write(to: URL(fileURLWithPath: database))
        #expect(try await bench.recover(since: mark, verifying: true) == nil)
    }

    @Test("a state.db that was put back from an older copy, without the files beside it, is refused; with them it goes on")
    func olderStore() async throws {
        let bench = try await FaultBench(.second)
        try bench.begin()
        let mark = bench.mark
        let old = bytes(at: bench.state + "/state.db")
        try await bench.workspace.sync()
        let new = bytes(at: bench.state + "/state.db")
        let requests = bench.mark
        try Data(old).write(to: URL(fileURLWithPath: bench.state + "/state.db"))
        let sync = try await bench.workspace.rollcall("sync", "vip", within: 60)
        #expect(sync.code == 1, "\(sync.text)\(sync.errors)")
        #expect(sync.errors.contains("state.db is older than"), "\(sync.text)\(sync.errors)")
        #expect(bench.mark == requests, "nothing is sent")
        // An empty file is the oldest of all.
        try Data().write(to: URL(fileURLWithPath: bench.state + "/state.db"))
        let empty = try await bench.workspace.rollcall("sync", "vip", within: 60)
        #expect(empty.code == 1 && empty.errors.contains("state.db is older than"), "\(empty.text)\(empty.errors)")
        #expect(bench.mark == requests, "nothing is sent")
        try Data(new).write(to: URL(fileURLWithPath: bench.state + "/state.db"))
        #expect(try await bench.recover(since: mark, verifying: true) == nil)
    }

    @Test("the program itself ends with a code and a name, whatever is damaged")
    func program() async throws {
        let bench = try await FaultBench(.second)
        try bench.begin()
        let whole = try DiskFolder(at: bench.workspace.folder)
        var random = SeededDice(seed: Self.seed)
        let damages = Self.damages(of: whole, &random).shuffled(using: &random).prefix(24)
        for damage in damages {
            try damage.apply(to: whole).write(to: bench.workspace.folder)
            let mark = bench.mark
            let status = try await bench.workspace.rollcall("status", within: 30)
            #expect(status.code == 0 || status.code == 1, "\(damage): \(status.text)\(status.errors) (seed \(Self.seed))")
            let sync = try await bench.workspace.rollcall("sync", "vip", "--retry-for", "2s", within: 30)
            if sync.code == 0 {
                #expect(try bench.wrong(since: mark) == nil, "\(damage) (seed \(Self.seed))")
            } else {
                #expect(sync.code == 1, "\(damage): \(sync.text)\(sync.errors) (seed \(Self.seed))")
                #expect((sync.text + sync.errors).contains(damage.name), "\(damage): \(sync.text)\(sync.errors)")
            }
        }
    }
}
