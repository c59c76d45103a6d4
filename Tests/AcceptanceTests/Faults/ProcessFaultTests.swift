import Foundation
import Glibc
import Synchronization
import Testing

/// Processes that are killed, stopped, or started at once (reliability.md S1–S4, S15, S22).
@Suite(.rationed)
struct ProcessFaultTests {
    /// How many kills there are with the tests (reliability.md, figures).
    private static let floor = 300

    private static func number(_ name: String, _ standard: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? standard
    }

    @Test("kill -9 at random moments while the cohort changes: nothing lost, no wrong leave, no reordering, stable ids")
    func randomKills() async throws {
        let kills = Self.number("ROLLCALL_RANDOM_KILLS", Self.floor)
        let seed = UInt64(Self.number("ROLLCALL_FAULT_SEED", Int.random(in: 1...999_999)))
        var random = SeededDice(seed: seed)
        let began = ContinuousClock.now
        let workspace = try Workspace()
        let story = ChangingCohort()
        let sink = try WireSink(in: workspace) { request, number in
            story.arrived(request)
            // Some answers come late, so that kills find requests on the wire.
            if number % 3 == 0 { usleep(20_000) }
            return .status(200)
        }
        try workspace.configure(sink.endpoint, settings: "rate: 200/s, requests: 3", cohort: ["guards: off"])
        var landed = 0
        // How late a kill may come, in milliseconds: less where runs end before it, so that machines of any speed are in the middle.
        var latest = 900
        for kill in 0..<kills {
            let members = (1...150).filter { _ in random.draw(0...2) > 0 }
            story.become(Set(members.map(Workspace.id)))
            try workspace.list(members.map(Workspace.id))
            let program = try workspace.start(kill % 4 == 3 ? ["serve"] : ["sync", "vip"])
            // The moments are the point of this test; nothing is waited for.
            try await Task.sleep(for: .milliseconds(random.draw(20...latest)))
            let isUnderWay = program.poll() == nil
            if isUnderWay { landed += 1 }
            latest = isUnderWay ? min(1_500, latest + latest / 8) : max(100, latest * 2 / 3)
            program.send(SIGKILL)
            _ = try await program.ending()
        }
        let last = try await workspace.rollcall("sync", "vip", "--json")
        #expect(last.code == 0, "\(last.text)\(last.errors)")
        let (messages, problems) = story.verdict()
        print("kills: \(kills), \(landed) landed, \(messages) messages, \(problems.count) wrong, seed \(seed), "
            + "\(ContinuousClock.now - began)")
        for problem in problems.prefix(10) { Issue.record("\(problem) (seed \(seed))") }
        #expect(landed * 2 >= kills, "most runs ended before they could be killed")
        #expect(messages > kills)
        try await workspace.expectSoundState()
    }

    @Test("a holder that is stopped still holds; the second engine exits 75; killed, it holds no more")
    func stoppedHolder() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        try workspace.configure(sink.endpoint)
        try workspace.list(1...3)
        let engine = try await RunningEngine(in: workspace)
        engine.program.send(SIGSTOP)
        for _ in 0..<3 {
            let second = try await workspace.rollcall("serve", within: 60)
            #expect(second.code == 75, "\(second.text)\(second.errors)")
            #expect(second.errors.contains(String(engine.program.pid)), "it names the holder: \(second.errors)")
        }
        engine.program.send(SIGCONT)
        try await workspace.sync()
        #expect(try sink.messages().count == 3)
        engine.program.send(SIGSTOP)
        engine.program.send(SIGKILL)
        _ = try await engine.program.ending()
        let next = try await RunningEngine(in: workspace)
        #expect(try await next.stop().code == 0)
    }

    @Test("two to eight engines and syncs started at once: one holds, the others wait or exit 75, each change goes out once")
    func races() async throws {
        let races = Self.number("ROLLCALL_RACES", 30)
        let seed = UInt64(Self.number("ROLLCALL_FAULT_SEED", Int.random(in: 1...999_999)))
        var random = SeededDice(seed: seed)
        let began = ContinuousClock.now
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        try workspace.configure(sink.endpoint)
        var started = 0
        for race in 1...races {
            try workspace.list(1...race)
            let count = random.draw(2...8)
            started += count
            // At least one sync, so that there is something to send.
            let kinds = (0..<count).map { $0 == 0 || random.draw(0...1) == 0 }.shuffled(using: &random)
            let programs = try kinds.map { ($0, try workspace.start($0 ? ["sync", "vip"] : ["serve"])) }
            for (isSync, program) in programs where isSync {
                let ending = try await program.ending(within: 60)
                // A sync that meets only engines that come and go gives up the workspace, as any other command.
                #expect(ending.code == 0 || ending.code == 75, "race \(race): \(ending.text)\(ending.errors) (seed \(seed))")
            }
            let serves = programs.filter { !$0.0 }.map(\.1)
            try await eventually("all engines but one have given up (race \(race), seed \(seed))") {
                serves.filter { $0.poll() == nil }.count <= 1
            }
            for serve in serves {
                serve.send(SIGTERM)
                let code = try await serve.ending(within: 60).code
                #expect(code == 0 || code == 75, "race \(race): \(serve.errors) (seed \(seed))")
            }
            try await workspace.sync()
            let users = try sink.messages().compactMap { $0.text("userId") }
            #expect(users.count == race && Set(users).count == race, "race \(race): sent \(users.count) (seed \(seed))")
        }
        print("races: \(races) of \(started) starts, \(sink.requests.count) requests, seed \(seed), "
            + "\(ContinuousClock.now - began)")
    }
}

/// A cohort that changes, and what a receiver hears of it meanwhile.
private final class ChangingCohort: Sendable {
    private struct State {
        var versions: [Set<String>] = [[]]
        var messages = 0
        var wordings: [String: JSON] = [:]
        var heard: [String: [(id: String, value: Bool, version: Int)]] = [:]
        var problems: [String] = []
    }

    private let state = Mutex(State())

    func become(_ members: Set<String>) { state.withLock { $0.versions.append(members) } }

    func arrived(_ request: WireSink.Request) {
        state.withLock { state in
            guard let messages = try? JSON(parsing: request.body).list("batch") else {
                return state.problems.append("a request that cannot be read")
            }
            for message in messages { Self.note(message, in: &state) }
        }
    }

    private static func note(_ message: JSON, in state: inout State) {
        state.messages += 1
        guard let user = message.text("userId"), let id = message.text("messageId"),
            let value = message["traits"]?.flag(Workspace.trait)
        else { return state.problems.append("an unreadable message: \(message)") }
        let earlier = state.heard[user] ?? []
        if let wording = state.wordings[id] {
            if wording != message { state.problems.append("id \(id) has two wordings") }
            if earlier.last?.id != id { state.problems.append("an earlier message of \(user) after a later one") }
            return
        }
        state.wordings[id] = message
        let now = state.versions.count - 1
        // True of some version since what was heard before was true.
        let since = earlier.last?.version ?? 0
        if !(since...now).contains(where: { state.versions[$0].contains(user) == value }) {
            state.problems.append("\(user) is told \(value), which was not so in any version \(since)…\(now)")
        }
        state.heard[user] = earlier + [(id, value, now)]
    }

    /// The number of messages, and what was wrong with them or is wrong in the end.
    func verdict() -> (messages: Int, problems: [String]) {
        state.withLock { state in
            var problems = state.problems
            let present = Set(state.heard.filter { $0.value.last?.value == true }.keys)
            let wanted = state.versions.last ?? []
            if present != wanted {
                problems.append("lost \(wanted.subtracting(present).sorted()), "
                    + "too many \(present.subtracting(wanted).sorted())")
            }
            for (user, heard) in state.heard {
                let changes = zip(state.versions, state.versions.dropFirst())
                    .count { $0.contains(user) != $1.contains(user) }
                if heard.count > changes { problems.append("\(user) changed \(changes) times and has \(heard.count) ids") }
            }
            return (state.messages, problems)
        }
    }
}
