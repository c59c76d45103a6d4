import Configuration
import Control
import ControlServer
import Glibc
import HTTPClient
import Scheduling
import SQLiteStore
import SourceConnectors
import SyncEngine

/// An engine in this process: holds the workspace's lock, serves its control socket, follows its configuration.
actor HostedEngine {
    enum Purpose: String, Sendable {
        case serve, dashboard, sync, command, demo

        /// Seconds that an unreachable destination is tried where `retry_for` is not written: somebody waits for a foreground
        /// command.
        var patience: Int {
            switch self {
            case .serve, .dashboard, .demo: 12 * 3600
            case .sync, .command: 60
            }
        }
    }

    nonisolated let location: WorkspaceLocation
    nonisolated let engine: Engine
    nonisolated let scheduler: Scheduler?
    nonisolated let store: SQLiteStore
    nonisolated let transport: any HTTPTransport
    nonisolated let purpose: Purpose
    private nonisolated let accounts: AmplitudeAccounts
    private let lock: WorkspaceLock
    private let startedAt: Instant
    private var loaded: LoadedConfiguration
    private var loadedAt: Instant
    private var configurationError: String?
    private var refusedDigest: String?
    private var tasks: [Task<Void, Never>] = []
    private var server: ControlServer?
    /// Judges and tells; only beside a scheduler, for a passing process has nothing to watch.
    private var alerts: AlertWatch?

    /// Takes the workspace. Exit codes as in PRODUCT.md §3: 75 when another process holds it, 78 for its configuration.
    init(
        _ location: WorkspaceLocation, loaded: LoadedConfiguration, purpose: Purpose, transport: any HTTPTransport,
        clock: any EngineClock = SystemClock()
    ) async throws(Failure) {
        self.location = location
        self.loaded = loaded
        self.purpose = purpose
        self.transport = transport
        do throws(StateFolderError) {
            try location.state.prepare()
        } catch {
            throw Failure(1, error.message)
        }
        lock = try Self.lock(location, purpose)
        do throws(StoreError) {
            store = try SQLiteStore(path: location.state.database)
            let log = LogFile(path: location.state.log)
            engine = Engine(context: EngineContext(
                store: store, clock: clock, folder: location.state, namespace: try await store.namespace(),
                log: EngineLog { log.write($1, $0, at: clock.now()) }))
        } catch {
            throw Failure(1, error.message)
        }
        accounts = AmplitudeAccounts(store: store, clock: clock, folder: location.state)
        startedAt = clock.now()
        loadedAt = startedAt
        scheduler = purpose == .serve || purpose == .dashboard || purpose == .demo ? Scheduler(engine: engine) : nil
    }

    private static func lock(_ location: WorkspaceLocation, _ purpose: Purpose) throws(Failure) -> WorkspaceLock {
        do throws(WorkspaceLockError) {
            return try WorkspaceLock(path: location.state.lock, purpose: "rollcall \(purpose.rawValue)")
        } catch {
            switch error {
            case .held(let holder):
                throw Failure(75, "\(location.folder) is held by \(holder); only one engine may work on a workspace")
            case .failed(let reason):
                throw Failure(1, reason)
            }
        }
    }

    /// Freezes or unfreezes a workspace that nobody serves.
    static func setFrozen(_ frozen: Bool, reason: String?, in location: WorkspaceLocation) async throws(Failure) {
        do throws(StateFolderError) {
            try location.state.prepare()
        } catch {
            throw Failure(1, error.message)
        }
        let held = try lock(location, .command)
        do throws(StoreError) {
            let store = try SQLiteStore(path: location.state.database)
            try await store.setFrozen(frozen, audit: AuditEntry(
                at: SystemClock().now(), actor: "uid:\(geteuid())", action: frozen ? "freeze" : "unfreeze",
                subject: "everything", reason: reason))
        } catch {
            throw Failure(1, error.message)
        }
        withExtendedLifetime(held) {}
    }

    /// Starts working.
    /// - Parameters:
    ///   - resume: which interrupted runs are taken up.
    ///   - retryFor: how long these are tried, in milliseconds; nil for each destination's own time.
    func start(resuming resume: ResumePolicy, retryFor: Int64? = nil) async throws(Failure) {
        do throws(StoreError) {
            try await accounts.remember(from: store, tidying: true)
        } catch {
            throw Failure(1, error.message)
        }
        var wiring = Wiring(
            workspace: location.folder, transport: transport, accounts: accounts, revision: loaded.digest, patience: purpose.patience)
        let configuration = wiring.engineConfiguration(of: loaded.model)
        let channels = wiring.alertChannels(of: loaded.model.alerts)
        do throws(StoreError) {
            try await engine.start(configuration, resuming: resume, retryFor: retryFor)
        } catch {
            throw Failure(1, error.message)
        }
        do throws(Refusal) {
            let server = try ControlServer(path: location.state.socket, service: control(actor: "uid:\(geteuid())"))
            self.server = server
            server.start()
        } catch {
            throw Failure(1, error.message)
        }
        if let scheduler {
            let changes = engine.changes()
            tasks.append(Task { await self.logRuns(changes) })
            tasks.append(Task { await scheduler.run() })
            tasks.append(Task { await self.followConfiguration() })
            tasks.append(Task { await self.sweepNowAndThen() })
            let alerts = AlertWatch(
                engine: engine, store: store, policy: loaded.model.alerts.policy, channels: channels)
            self.alerts = alerts
            let lost = loaded.model.alerts.channels.count - channels.count
            if lost > 0 {
                engine.context.log("alerts: \(lost) channels lack a secret: \(wiring.problems.joined(separator: "; "))", .warning)
            }
            tasks.append(Task { await alerts.run() })
        }
    }

    nonisolated func control(actor: String) -> EngineControl {
        EngineControl(engine: engine, scheduler: scheduler, host: self, actor: actor)
    }

    /// Stops taking work, waits a while for what is on the wire, and lets go of the workspace.
    func stop() async {
        await scheduler?.stop()
        await alerts?.stop()
        await engine.suspendAll(within: 10_000)
        for task in tasks { task.cancel() }
        accounts.removeFiles()
        await server?.stop()
    }

    /// One line when a run starts, is held, and ends.
    private func logRuns(_ changes: AsyncStream<EngineChange>) async {
        var started: Set<RunID> = []
        for await change in changes {
            guard case .run(let record) = change else { continue }
            let name = "run \(record.id) \(record.sync)"
            switch record.phase {
            case .held:
                // The reason of a held run says itself that it is held.
                engine.context.log("\(name) \(record.reason ?? "held")", .warning)
            case .finished:
                started.remove(record.id)
                let words = record.describedState + (record.reason.map { ": \($0)" } ?? "")
                engine.context.log("\(name) \(words)", record.outcome?.logLevel ?? .info)
            case .fetching where started.insert(record.id).inserted:
                engine.context.log("\(name) started by \(record.trigger.rawValue)")
            default: break
            }
        }
    }

    private func sweepNowAndThen() async {
        while !Task.isCancelled {
            do throws(StoreError) {
                try await RetentionSweep.sweep(
                    engine.context, retention: Int64(loaded.model.engine.retentionSeconds) * 1000)
            } catch {
                engine.context.log("sweeping history: \(error.message)", .error)
            }
            try? await Task.sleep(nanoseconds: 3_600_000_000_000)
        }
    }

    // MARK: - Configuration

    /// Looks at the file twice a second; an edit by any editor is applied, one that does not check out is refused whole.
    private func followConfiguration() async {
        var seen = FileMark(location.configuration)
        while !Task.isCancelled {
            try? await Task.sleep(nanoseconds: 500_000_000)
            let mark = FileMark(location.configuration)
            guard mark != seen else { continue }
            seen = mark
            await reload()
        }
    }

    private func reload() async {
        do throws(ConfigurationError) {
            let new = try Configuration.load(workspace: location.folder)
            configurationError = nil
            guard new.digest != loaded.digest else { return }
            loaded = new
            loadedAt = engine.context.clock.now()
            var wiring = Wiring(
                workspace: location.folder, transport: transport, accounts: accounts, revision: new.digest, patience: purpose.patience)
            await engine.configure(wiring.engineConfiguration(of: new.model))
            await alerts?.configure(new.model.alerts.policy, channels: wiring.alertChannels(of: new.model.alerts))
            engine.context.log("configuration \(new.digest.prefix(12)) is active")
        } catch {
            configurationError = error.description
            engine.context.log("configuration refused, the last good one stays active: \(error.description)", .error)
        }
    }

    private func edit(
        _ change: (inout ConfigurationEditor) throws(ConfigurationEditError) -> Void
    ) async throws(Refusal) {
        try ConfigurationEditing.edit(location, change)
        await reload()
    }
}

extension HostedEngine: EngineHost {
    func describe() async -> EngineView {
        var view = EngineView(
            version: Version.text, pid: Int(getpid()), purpose: purpose.rawValue, workspace: location.folder,
            started_at: startedAt.rfc3339, now: engine.context.clock.now().rfc3339, frozen: false, schedules: false,
            configuration_digest: loaded.digest, configuration_loaded_at: loadedAt.rfc3339)
        view.configuration_error = configurationError
        var status = stat()
        if stat(location.state.database, &status) == 0 { view.store_bytes = Int64(status.st_size) }
        return view
    }

    func pause(_ request: PauseRequest, actor: String) async throws(Refusal) {
        try await edit { editor throws(ConfigurationEditError) in
            try ConfigurationEditing.pause(request, in: &editor)
        }
        await audit(request.paused ? "pause" : "resume", request.names.joined(separator: " "), actor)
    }

    func schedule(_ request: ScheduleRequest, actor: String) async throws(Refusal) {
        try await edit { editor throws(ConfigurationEditError) in
            try ConfigurationEditing.schedule(request, in: &editor)
        }
        await audit("schedule", "\(request.name) \(request.when)", actor)
    }

    private func audit(_ action: String, _ subject: String, _ actor: String) async {
        do throws(StoreError) {
            try await store.appendAudit(AuditEntry(
                at: engine.context.clock.now(), actor: actor, action: action, subject: subject))
            engine.context.log("\(action) \(subject) by \(actor)")
        } catch {
            engine.context.log(error.message, .error)
        }
    }
}

/// What tells an edited file from the same one.
private struct FileMark: Equatable {
    var inode: UInt = 0
    var size: Int = 0
    var seconds: Int = 0
    var nanoseconds: Int = 0

    init(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        inode = status.st_ino
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}

extension Outcome {
    var logLevel: EngineLog.Level {
        switch self {
        case .failed: .error
        case .partial, .cancelled: .warning
        default: .info
        }
    }
}
