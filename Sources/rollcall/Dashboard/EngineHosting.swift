import Configuration
import Control
import Dashboard
import Glibc
import Scheduling
import SyncEngine
import Synchronization

/// The engine behind a dashboard, and how to let go of it.
struct EngineConnection {
    let link: EngineLink
    /// Whether the engine lives in this process, or will.
    let isHosting: Bool
    /// Stops what lives in this process; returns when the workspace is free.
    let close: @Sendable () async -> Void
}

/// Finds the engine that serves a workspace, or becomes it.
struct EngineHosting {
    let location: WorkspaceLocation
    let host: DashboardHost
    /// Only looks on, so it becomes no engine either: that would send.
    var isReadOnly = false

    /// How often a workspace without a configuration is looked at, in milliseconds.
    private static let lookInterval: UInt64 = 1_000

    /// - Throws: ``Failure`` 75 when another process holds the workspace and does not answer, 78 for a configuration that
    ///   does not check out.
    func open() async throws -> EngineConnection {
        let location = location
        if let served = await Session.serving(location) {
            let link = EngineLink(host: host, control: served) { await Session.serving(location) }
            return EngineConnection(link: link, isHosting: false) {}
        }
        let loaded: LoadedConfiguration
        do throws(ConfigurationError) {
            loaded = try Configuration.load(workspace: location.folder)
        } catch .missing(_) {
            if isReadOnly { return try await waitForEngine(nil) }
            return try await waitForConfiguration()
        } catch {
            throw Failure.configuration(error.description)
        }
        if isReadOnly { return try await waitForEngine(loaded) }
        let hosted = try await Self.start(location, loaded)
        let link = EngineLink(host: host, control: hosted.control(actor: Self.actor), find: nil)
        return EngineConnection(link: link, isHosting: true) { await hosted.stop() }
    }

    private static var actor: String { "uid:\(geteuid())" }

    private static func start(_ location: WorkspaceLocation, _ loaded: LoadedConfiguration) async throws -> HostedEngine {
        let hosted = try await HostedEngine(
            location, loaded: loaded, purpose: .dashboard, transport: Session.transport)
        try await hosted.start(resuming: .everything)
        return hosted
    }

    private var nothing: LoadedConfiguration {
        LoadedConfiguration(
            path: location.configuration, bytes: [], digest: "", model: WorkspaceConfiguration(zone: .utc))
    }

    /// Shows what the state of the workspace says, touches nothing, and attaches to an engine as soon as one serves.
    private func waitForEngine(_ loaded: LoadedConfiguration?) async throws -> EngineConnection {
        let location = location
        let observer = try await Observer.control(location, loaded ?? nothing)
        let link = EngineLink(host: host, control: observer, beginsLooking: true) { await Session.serving(location) }
        return EngineConnection(link: link, isHosting: false) {}
    }

    /// Nothing is configured yet: shows that, touches nothing, and hosts an engine as soon as there is a configuration
    /// that checks out.
    private func waitForConfiguration() async throws -> EngineConnection {
        let link = EngineLink(host: host, control: try await Observer.control(location, nothing), find: nil)
        let hosted = Mutex<HostedEngine?>(nil)
        let started = StartedEngine(hosted)
        let (host, location) = (host, location)
        let waiting = Task {
            while !Task.isCancelled {
                try? await Task.sleep(nanoseconds: Self.lookInterval * 1_000_000)
                guard !Task.isCancelled, let loaded = try? Configuration.load(workspace: location.folder) else { continue }
                do {
                    let engine = try await Self.start(location, loaded)
                    started.engine.withLock { $0 = engine }
                    link.replace(engine.control(actor: Self.actor))
                } catch let failure as Failure {
                    host.finish(.failed(failure.code, failure.message))
                } catch {
                    host.finish(.failed(1, "\(error)"))
                }
                return
            }
        }
        return EngineConnection(link: link, isHosting: true) {
            waiting.cancel()
            await waiting.value
            await started.engine.withLock { $0 }?.stop()
        }
    }
}

/// An engine that may be started while the dashboard is open.
private final class StartedEngine: Sendable {
    let engine: Mutex<HostedEngine?>

    init(_ engine: consuming Mutex<HostedEngine?>) { self.engine = engine }
}
