import Control
import FlyingFox
import FlyingSocks
import Foundation
import Glibc
import Scheduling

/// Serves the control interface over HTTP on a Unix socket that only its owner can open. Every answer is NDJSON: one
/// object a line, the same that `--json` prints. `Resources/docs/control.md` describes the routes.
package final class ControlServer: Sendable {
    private let path: String
    private let server: HTTPServer
    private let service: any ControlService

    /// Clients that may be connected at a time; those beyond wait to be accepted.
    static let bodyLimit = 1 << 20

    /// - Parameter path: the socket's path in a folder that only its owner can enter. An old socket there is removed:
    ///   only the holder of the workspace's lock may call this.
    package init(path: String, service: any ControlService) throws(Refusal) {
        self.path = path
        self.service = service
        unlink(path)
        let address: sockaddr_un
        do {
            address = .unix(path: try SocketPath.short(path))
        } catch {
            throw Refusal(code: 1, message: "\(path): \(error)")
        }
        server = HTTPServer(config: .init(
            address: address, timeout: 30, logger: .disabled))
    }

    /// Serves until the task is cancelled.
    package func run() async throws {
        await server.appendRoute("*") { [service] request in
            guard !StrangerWatch.expelStrangers() else { return HTTPResponse(statusCode: .forbidden) }
            return await ControlRoutes(service: service).answer(request)
        }
        let old = umask(0o177)
        defer { umask(old) }
        try await server.run()
    }

    /// Returns once the socket can be connected to.
    package func waitUntilListening() async {
        try? await server.waitUntilListening(timeout: 5)
        chmod(path, 0o600)
    }

    package func stop() async {
        await server.stop(timeout: 1)
        unlink(path)
    }
}

/// A path that fits into a socket address (108 bytes): long ones are reached through the folder's descriptor.
package enum SocketPath {
    package static func short(_ path: String) throws(Refusal) -> String {
        guard path.utf8.count > 100, let slash = path.lastIndex(of: "/") else { return path }
        let folder = open(String(path[..<slash]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else {
            throw Refusal(code: 1, message: "\(path): \(String(cString: strerror(errno)))")
        }
        // The descriptor stays open for the life of the process: the path below leads through it.
        return "/proc/self/fd/\(folder)\(path[slash...])"
    }
}
