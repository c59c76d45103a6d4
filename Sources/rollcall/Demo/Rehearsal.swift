import AmplitudeStandIn
import Configuration
import Control
import ControlServer
import Dashboard
import Glibc
import HTTPClient
import Receiver
import Scheduling
import SyncEngine
import Synchronization
import TerminalText

/// Both clocks of the engine, many times faster than life.
struct FastClock: EngineClock {
    private let real = SystemClock()
    private let start: Int64
    private let epoch: Instant
    private let speed: Int64

    init(speed: Int) {
        self.speed = Int64(speed)
        start = real.monotonic()
        epoch = real.now()
    }

    func now() -> Instant { epoch.advanced(milliseconds: (real.monotonic() - start) * speed) }
    func monotonic() -> Int64 { start + (real.monotonic() - start) * speed }

    func sleep(until deadline: Int64) async {
        let left = deadline - monotonic()
        if left > 0 { await real.sleep(until: real.monotonic() + max(1, left / speed)) }
    }
}

/// One demo from start to proof.
actor Rehearsal {
    private let folder: String
    private let seconds: Double
    private let speed: Int
    private let clock: FastClock
    private let world: DemoWorld
    private let segment: Receiver
    private let crm: Receiver
    private let amplitude: AmplitudeStandIn
    private var hosted: HostedEngine?
    private var interrupted: Int32?
    private var ran = 0
    private var story: Set<String> = []

    /// The SQL behind each cohort, what the proof compares with; those of `product` are asked for by the stand-in for
    /// Amplitude when somebody downloads them.
    static let cohorts: [(key: String, name: String, source: String, query: String, to: [String], schedule: String)] = [
        (
            "big-spenders", "Big Spenders", "product", "SELECT user_id FROM users WHERE spent >= 700",
            ["segment", "crm"], "every 2m"
        ),
        ("trial-users", "Trial users", "shop", "SELECT user_id FROM users WHERE plan = 'trial'", ["segment"], "every 3m"),
        ("lapsed", "Lapsed", "product", "SELECT user_id FROM users WHERE quiet_days > 30", ["segment", "crm"], "every 4m"),
        ("newsletter", "Newsletter", "shop", "SELECT user_id FROM users WHERE newsletter = 1", ["segment"], "every 5m"),
    ]
    /// A demo's minutes are days of life: the month's downloads are as many.
    private static let quota = 100_000

    init(folder: String, seconds: Double, speed: Int) async throws {
        self.folder = folder
        self.seconds = seconds
        self.speed = speed
        clock = FastClock(speed: speed)
        world = try DemoWorld(path: folder + "/shop.db", seed: 20_260_301)
        var settings = ReceiverSettings(address: ListenAddress(host: "127.0.0.1", port: 0))
        settings.clock = { [clock] in clock.now().milliseconds }
        segment = try Receiver(settings: settings)
        crm = try Receiver(settings: settings)
        amplitude = Self.standIn(for: world, clock: clock)
    }

    /// Amplitude with the cohorts of `product`; larger files are answered by a redirect, and a few users are anonymous.
    private static func standIn(for world: DemoWorld, clock: FastClock) -> AmplitudeStandIn {
        var settings = StandInSettings { clock.now().milliseconds }
        settings.apiKey = "demo-api-key"
        settings.secretKey = "demo-secret-key"
        settings.quota = quota
        settings.redirectAbove = 300
        return AmplitudeStandIn(settings, cohorts: cohorts.filter { $0.source == "product" }.map { cohort in
            StandInCohort(id: cohort.key, name: cohort.name) {
                try await world.members(cohort.query).map { String(decoding: $0, as: UTF8.self) } + ["", "", ""]
            }
        })
    }

    func interrupt(_ code: Int32) { interrupted = code }

    /// Prepares the shop, the receivers and an engine that does nothing yet.
    private func open() async throws -> HostedEngine {
        try await world.populate()
        let ports = (try await segment.start(), try await crm.start())
        try writeConfiguration(segment: ports.0, crm: ports.1, amplitude: try await amplitude.start())
        let location = WorkspaceLocation(folder: folder, state: StateFolder(path: folder + "/.rollcall"))
        let hosted = try await HostedEngine(
            location, loaded: try Session.configuration(location), purpose: .demo, transport: Session.transport,
            clock: clock)
        self.hosted = hosted
        return hosted
    }

    private func close() async {
        await hosted?.stop()
        await segment.stop()
        await crm.stop()
        await amplitude.stop()
    }

    /// Plays the story headless: a line a run, then the proof.
    func run() async throws -> Int32 {
        let hosted = try await open()
        Output.line("demo: \(Self.cohorts.count) cohorts of \(DemoWorld.startingUsers) customers, two receivers and "
            + "a stand-in for Amplitude on loopback; workspace \(folder)")
        let changes = hosted.engine.changes()
        let printer = Task { await self.printRuns(changes) }
        try await hosted.start(resuming: .everything)
        try await live(hosted)
        let code = try await prove(hosted)
        printer.cancel()
        await close()
        return interrupted ?? code
    }

    // MARK: - On the dashboard

    /// Plays the story behind a dashboard until that is left, then proves it.
    func show(isASCII: Bool) async throws -> Int32 {
        let hosted = try await open()
        var options = try DashboardSettings.options(hosted.location)
        options.workspace = "demo"
        let session = DashboardSession(
            location: hosted.location, mode: .screen, options: options, clock: clock, speed: speed, dumps: nil,
            isASCII: isASCII, isSlow: false)
        let playing = PlayingStory()
        let changes = hosted.engine.changes()
        let counting = Task { await self.countRuns(changes) }
        defer { counting.cancel() }
        let code = try await session.run { host in
            try await hosted.start(resuming: .everything)
            playing.begin { await self.act(before: host, hosted) }
            let link = EngineLink(host: host, control: hosted.control(actor: "demo"), find: nil)
            return EngineConnection(link: link, isHosting: true) { await playing.end() }
        }
        guard code == 0 else {
            await close()
            return code
        }
        Output.line("demo: calls the roll once more and compares what the receivers hold with the cohorts")
        let proof = try await prove(hosted)
        await close()
        return proof
    }

    /// The first scenes come quickly: everybody is told, a list is cleaned and its plan held, a receiver fails. Later the
    /// receiver recovers and fails again, so that whoever comes back finds something going on.
    private func act(before host: DashboardHost, _ hosted: HostedEngine) async {
        let control = hosted.control(actor: "demo")
        func say(_ text: String) {
            host.send(.logLines([LogLine(at: clock.now(), level: .notice, source: "demo", text: text)]))
        }
        func pause(_ seconds: Double) async {
            await SystemClock().sleep(until: SystemClock().monotonic() + Int64(seconds * 1000))
        }
        let syncs = ((try? await control.status(nil)) ?? []).map(\.sync)
        for run in (try? await control.sync(SyncRequest(syncs: syncs))) ?? [] { _ = try? await control.settled(run.run) }
        say("somebody cleans the newsletter list; 40 % of its members are gone")
        try? await world.cleanNewsletter()
        _ = try? await control.sync(SyncRequest(syncs: syncs.filter { $0.hasPrefix("newsletter@") }))
        var step = 0
        while !Task.isCancelled {
            if step % 60 == 2 {
                say("the receiver behind crm starts to answer 503")
                crm.setFaults(FaultScript(rules: [FaultRule(action: .status(503))]))
            }
            if step % 60 == 30 {
                say("the receiver behind crm is well again")
                crm.setFaults(.none)
            }
            try? await world.pass()
            await pause(0.5)
            step += 1
        }
    }

    private func writeConfiguration(segment: UInt16, crm: UInt16, amplitude: String) throws {
        var text = """
            version: 1
            sources:
              shop: {kind: sqlite, path: shop.db}
              product:
                kind: amplitude
                endpoint: "\(amplitude)"
                api_key: {file: api.key}
                secret_key: {file: secret.key}
                quota: \(Self.quota)
            destinations:
              segment: {kind: segment, endpoint: "http://127.0.0.1:\(segment)/v1", write_key: {file: write.key}, rate: 5000/s}
              crm: {kind: segment, endpoint: "http://127.0.0.1:\(crm)/v1", write_key: {file: write.key}, rate: 5000/s, retry_for: 3m}
            cohorts:

            """
        for cohort in Self.cohorts {
            text += """
                  \(cohort.key):
                    name: \(cohort.name)
                    id: \(cohort.key)
                    source: \(cohort.source)
                    to: [\(cohort.to.joined(separator: ", "))]
                    guards: \(cohort.key == "newsletter" ? "{max_leave: 20%}" : "off")
                    schedule: \(cohort.schedule)

                """ + (cohort.source == "shop" ? "    query: \(cohort.query)\n" : "")
        }
        try DemoFile.write(text, to: folder + "/rollcall.yaml")
        try DemoFile.write("demo-write-key\n", to: folder + "/write.key")
        try DemoFile.write("demo-api-key\n", to: folder + "/api.key")
        try DemoFile.write("demo-secret-key\n", to: folder + "/secret.key")
    }

    // MARK: - The story

    /// Customers churn; a receiver fails for a while and recovers; a list is cleaned and its sync is held until somebody
    /// approves.
    private func live(_ hosted: HostedEngine) async throws {
        let start = SystemClock().monotonic()
        let length = Int64(seconds * 1000)
        while interrupted == nil {
            let part = Double(SystemClock().monotonic() - start) / Double(length)
            guard part < 1 else { return }
            try await world.pass()
            if part > 0.25, part < 0.5 {
                once("crm fails") {
                    Output.line("demo: the receiver behind crm starts to answer 503")
                    crm.setFaults(FaultScript(rules: [FaultRule(action: .status(503))]))
                }
            }
            if part > 0.35, story.insert("cleaned").inserted {
                Output.line("demo: somebody cleans the newsletter list; 40 % of its members are gone")
                try await world.cleanNewsletter()
            }
            if part > 0.5 {
                once("crm recovers") {
                    Output.line("demo: the receiver behind crm is well again")
                    crm.setFaults(.none)
                }
            }
            if part > 0.75 { await approveHeld(hosted) }
            await SystemClock().sleep(until: SystemClock().monotonic() + min(500, length / 20))
        }
    }

    private func once(_ name: String, _ body: () -> Void) {
        guard story.insert(name).inserted else { return }
        body()
    }

    private func approveHeld(_ hosted: HostedEngine) async {
        let control = hosted.control(actor: "demo")
        for sync in (try? await control.status(nil)) ?? [] {
            guard let run = sync.held_run else { continue }
            Output.line("demo: an operator looks at the held run \(run) and approves it")
            _ = try? await control.approve(RunRequest(run: run, reason: "the list was cleaned on purpose"))
        }
    }

    private func countRuns(_ changes: AsyncStream<EngineChange>) async {
        var seen: Set<String> = []
        for await change in changes {
            guard case .run(let record) = change, record.phase == .finished, seen.insert("\(record.id)").inserted else {
                continue
            }
            ran += 1
        }
    }

    private func printRuns(_ changes: AsyncStream<EngineChange>) async {
        var seen: Set<String> = []
        for await change in changes {
            guard case .run(let record) = change, record.phase == .finished || record.phase == .held,
                seen.insert("\(record.id) \(record.phase)").inserted
            else { continue }
            ran += record.phase == .finished ? 1 : 0
            let view = RunView(record)
            Output.line("\(record.id)  \(record.sync)  \(view.outcome ?? view.phase)  \(Words.summary(of: view))"
                + (view.reason.map { "  (\(PrintableText.of($0, limit: 160)))" } ?? ""))
            Output.flush()
        }
    }

    // MARK: - The proof

    /// Calls the roll once more and compares what the receivers hold with the cohorts, member by member.
    private func prove(_ hosted: HostedEngine) async throws -> Int32 {
        crm.setFaults(.none)
        await hosted.scheduler?.stop()
        let control = hosted.control(actor: "demo")
        let syncs = (try await control.status(nil)).map(\.sync)
        for run in try await control.sync(SyncRequest(syncs: syncs)) {
            let settled = try await control.settled(run.run)
            if settled.phase == "held" {
                _ = try await control.approve(RunRequest(run: settled.run, reason: "end of the demo"))
                _ = try await control.settled(settled.run)
            }
        }
        var wrong = 0
        for cohort in Self.cohorts {
            let expected = try await world.members(cohort.query)
            for destination in cohort.to {
                let receiver = destination == "segment" ? segment : crm
                let told = try await receiver.members(
                    of: "[Amplitude] \(cohort.name) (\(cohort.key))", value: true)
                let isEqual = told == expected
                if !isEqual { wrong += 1 }
                Output.line("proof: \(cohort.key)@\(destination): \(told.count) told, \(expected.count) in the cohort, "
                    + (isEqual ? "equal" : "DIFFERENT in \(told.symmetricDifference(expected).count)"))
            }
        }
        let counts = (segment.counts, crm.counts)
        Output.line("amplitude: \(amplitude.downloads) downloads, \(amplitude.violations.count) over its limits")
        wrong += amplitude.violations.count
        Output.line("summary: \(ran) runs, \(counts.0.stored + counts.1.stored) messages stored, "
            + "\(counts.0.duplicates + counts.1.duplicates) repeated, \(counts.0.dropped + counts.1.dropped) dropped, "
            + (wrong == 0 ? "every receiver holds exactly its cohorts" : "\(wrong) faults"))
        return wrong == 0 ? 0 : 1
    }
}

/// The story while a dashboard shows it.
private final class PlayingStory: Sendable {
    private let task = Mutex<Task<Void, Never>?>(nil)

    func begin(_ body: @escaping @Sendable () async -> Void) {
        task.withLock { $0 = Task { await body() } }
    }

    /// Returns once the last scene is over.
    func end() async {
        let playing = task.withLock { $0 }
        playing?.cancel()
        await playing?.value
    }
}

private enum DemoFile {
    static func write(_ text: String, to path: String) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        let bytes = Array(text.utf8)
        guard descriptor >= 0, Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw Failure(1, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        close(descriptor)
    }
}
