import FlyingFox
import FlyingSocks
import Foundation
import Synchronization

/// Why the stand-in cannot listen.
package struct StandInError: Error, CustomStringConvertible {
    package var description: String

    package init(description: String) {
        self.description = description
    }
}

/// Stands for Amplitude's Behavioral Cohorts API in rehearsals and tests: list, usage, request, poll and file, with the
/// documented limits and month, redirects of large files to a second port that refuses credentials as S3 does, and faults
/// on command (https://amplitude.com/docs/apis/analytics/behavioral-cohorts).
package final class AmplitudeStandIn: Sendable {
    private let state: StandInState
    private let servers = Mutex<[(server: HTTPServer, task: Task<Void, Never>)]>([])
    private let ports = Mutex<(api: UInt16, files: UInt16)>((0, 0))

    package init(_ settings: StandInSettings, cohorts: [StandInCohort] = []) {
        state = StandInState(settings, cohorts: cohorts)
    }

    /// Listens on two free ports of loopback and returns the base address of the API.
    @discardableResult
    package func start() async throws -> String {
        let files = try await listen { [state] request in await state.link(request) }
        let api = try await listen { [state] request in
            await state.answer(request, filesAt: "http://127.0.0.1:\(files)")
        }
        ports.withLock { $0 = (api, files) }
        return "http://127.0.0.1:\(api)"
    }

    package func stop() async {
        let running = servers.withLock { servers in
            defer { servers = [] }
            return servers
        }
        for (server, task) in running {
            await server.stop()
            await task.value
        }
    }

    private func listen(_ handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse) async throws -> UInt16 {
        guard let address = try? sockaddr_in.inet(ip4: "127.0.0.1", port: 0) else {
            throw StandInError(description: "127.0.0.1 is no address")
        }
        let server = HTTPServer(config: .init(address: address, timeout: 120, logger: .disabled))
        await server.appendRoute("*") { request in await handler(request) }
        let task = Task { do { try await server.run() } catch {} }
        try await server.waitUntilListening(timeout: 30)
        guard case .ip4(_, let port) = await server.listeningAddress else {
            throw StandInError(description: "the stand-in for Amplitude cannot listen on loopback")
        }
        servers.withLock { $0.append((server, task)) }
        return port
    }

    /// The ports of the API and of large files.
    package var listening: (api: UInt16, files: UInt16) { ports.withLock { $0 } }

    // MARK: - What a rehearsal does to it

    /// Adds a cohort, or replaces the one with its id.
    package func put(_ cohort: StandInCohort) { state.put(cohort) }
    package func rename(_ id: String, to name: String) { state.change(id) { $0.name = name } }
    package func archive(_ id: String) { state.change(id) { $0.isArchived = true } }
    package func change(_ id: String, _ body: (inout StandInCohort) -> Void) { state.change(id, body) }
    package func delete(_ id: String) { state.delete(id) }
    /// The next calls of a kind go wrong, one fault each.
    package func script(_ call: StandInCall, _ faults: [StandInFault]) { state.script(call, faults) }

    // MARK: - What it saw

    package var requests: [StandInRequest] { state.requests }
    /// Requests for a download that were answered with a job.
    package var downloads: Int { state.downloads }
    /// Answers of 429 because a limit was exceeded.
    package var violations: [String] { state.violations }
}
