import Configuration
import Control
import ControlServer
import Glibc
import HTTPClient
import Scheduling
import SQLiteStore
import SourceConnectors
import SyncEngine

/// How one command reaches the workspace: through the process that holds it, or by working on it itself.
struct Session {
    let location: WorkspaceLocation
    let control: any ControlService
    /// The engine in this process; nil when another process holds the workspace, and for looking only.
    let hosted: HostedEngine?
    /// What the process that does the work was started for, when it is another one.
    let holder: String?

    /// Whether another process does the work.
    var isAttached: Bool { holder != nil }

    static let transport: any HTTPTransport = CurlTransport()

    static func configuration(_ location: WorkspaceLocation) throws(Failure) -> LoadedConfiguration {
        do throws(ConfigurationError) {
            return try Configuration.load(workspace: location.folder)
        } catch {
            switch error {
            case .missing(let file):
                throw .configuration(
                    "\(file) does not exist; `rollcall init` writes a commented one to start from")
            default:
                throw .configuration(error.description)
            }
        }
    }

    /// The engine that serves this workspace, if one answers.
    static func serving(_ location: WorkspaceLocation) async -> SocketControl? {
        await attached(location)?.control
    }

    private static func attached(
        _ location: WorkspaceLocation
    ) async -> (control: SocketControl, purpose: String)? {
        guard access(location.state.socket, F_OK) == 0,
            let path = try? SocketPath.short(location.state.socket)
        else { return nil }
        let control = SocketControl(socket: path, transport: transport)
        guard let engine = try? await control.engine() else { return nil }
        return (control, engine.purpose)
    }

    /// For commands that only look: asks the serving engine, or reads the state beside nobody. A serving engine answers
    /// also while the file on disk does not check out.
    static func looking() async throws(Failure) -> Session {
        let location = WorkspaceLocation.current
        if let engine = await attached(location) {
            warnOfBrokenConfiguration(location)
            return Session(location: location, control: engine.control, hosted: nil, holder: engine.purpose)
        }
        let control = try await Observer.control(location, try configuration(location))
        return Session(location: location, control: control, hosted: nil, holder: nil)
    }

    private static func warnOfBrokenConfiguration(_ location: WorkspaceLocation) {
        do throws(Failure) {
            _ = try configuration(location)
        } catch {
            Output.complain("the engine goes on with the last good configuration:\n" + error.message)
        }
    }

    /// For commands that change something: asks the serving engine, or takes the workspace.
    /// - Parameters:
    ///   - resume: which interrupted runs are taken up when this process takes the workspace.
    ///   - retryFor: how long these are tried, in seconds; nil for each destination's own time.
    static func working(
        _ purpose: HostedEngine.Purpose = .command, retryFor: Double? = nil,
        resuming resume: (LoadedConfiguration) throws(Failure) -> ResumePolicy = { _ in .nothing }
    ) async throws(Failure) -> Session {
        let location = WorkspaceLocation.current
        var refusal: Failure?
        // Another process may be just taking or leaving the workspace.
        for _ in 0..<20 {
            if let engine = await attached(location) {
                warnOfBrokenConfiguration(location)
                return Session(location: location, control: engine.control, hosted: nil, holder: engine.purpose)
            }
            let loaded = try configuration(location)
            let policy = try resume(loaded)
            do throws(Failure) {
                let hosted = try await HostedEngine(location, loaded: loaded, purpose: purpose, transport: transport)
                try await hosted.start(resuming: policy, retryFor: retryFor.map { Int64($0 * 1000) })
                return Session(
                    location: location, control: hosted.control(actor: "uid:\(geteuid())"),
                    hosted: hosted, holder: nil)
            } catch {
                guard error.code == 75 else { throw error }
                refusal = error
            }
            try? await Task.sleep(nanoseconds: 100_000_000)
        }
        throw refusal ?? Failure(75)
    }

    /// Lets go of the workspace, once the runs that others asked of this process have ended.
    func end() async {
        await hosted?.engine.stopWhenIdle {
            Output.note("waiting for runs that others asked for")
        }
        await hosted?.stop()
    }

    /// The syncs behind names; see ``NameResolution``.
    /// - Parameters:
    ///   - names: nil for all that are configured.
    ///   - includingFormer: whether names that only history still knows are meant too.
    func syncs(named names: [String]?, includingFormer: Bool = false) async throws -> [String] {
        let known = try await control.syncs().filter { includingFormer || $0.configured }
        return try NameResolution(known.compactMap { SyncID($0.sync) }).syncs(names)
    }
}

/// The state of a workspace that no engine serves, for looking only: takes no lock and writes nothing.
enum Observer {
    static func control(
        _ location: WorkspaceLocation, _ loaded: LoadedConfiguration
    ) async throws(Failure) -> any ControlService {
        do throws(StoreError) {
            let store: any SyncStore = location.state.exists
                ? try SQLiteStore.looking(at: location.state.database) : try SQLiteStore.empty()
            let accounts = AmplitudeAccounts(store: nil, clock: SystemClock(), folder: location.state)
            try await accounts.remember(from: store, tidying: false)
            var wiring = Wiring(
                workspace: location.folder, transport: Session.transport, accounts: accounts, revision: loaded.digest)
            let configuration = wiring.engineConfiguration(of: loaded.model)
            let engine = Engine(context: EngineContext(
                store: store, clock: SystemClock(), folder: location.state, namespace: [], log: .none))
            try await engine.observe(configuration)
            return EngineControl(
                engine: engine, scheduler: nil, host: AbsentHost(location: location, loaded: loaded), actor: "nobody")
        } catch {
            throw Failure(1, error.message)
        }
    }
}

/// Stands for the host where there is no engine.
private struct AbsentHost: EngineHost {
    let location: WorkspaceLocation
    let loaded: LoadedConfiguration

    func describe() async -> EngineView {
        let now = SystemClock().now().rfc3339
        return EngineView(
            version: Version.text, pid: Int(getpid()), purpose: "none", workspace: location.folder, started_at: now,
            now: now, frozen: false, schedules: false, configuration_digest: loaded.digest,
            configuration_loaded_at: now)
    }

    func pause(_ request: PauseRequest, actor: String) async throws(Refusal) {
        throw Refusal(code: 1, message: "no engine serves this workspace")
    }

    func schedule(_ request: ScheduleRequest, actor: String) async throws(Refusal) {
        throw Refusal(code: 1, message: "no engine serves this workspace")
    }
}
