import ArgumentParser
import Configuration
import Control
import Glibc
import SyncEngine

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "The engine without a dashboard, for a service manager.",
        discussion: "Stops cleanly on SIGTERM and SIGINT and exits 0.")

    func run() async throws {
        let location = WorkspaceLocation.current
        let loaded = try Session.configuration(location)
        let hosted = try await HostedEngine(
            location, loaded: loaded, purpose: .serve, transport: Session.transport)
        try await hosted.start(resuming: .everything)
        Output.note("serving \(location.folder), \(loaded.model.syncs.count) syncs; control socket "
            + location.state.socket)
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self)
        Signals.handle { continuation.yield($0) }
        for await _ in signals { break }
        Output.note("stopping; requests on the wire finish")
        await hosted.stop()
    }
}
