import Control
import Glibc
import Membership
import Synchronization

/// Serves the control interface over HTTP on a Unix socket that only its owner can open. Every answer is NDJSON: one
/// object a line, the same that `--json` prints. `Resources/docs/control.md` describes the routes.
///
/// The modes of the folder and the socket keep others from connecting; whom the kernel names as another user is closed
/// again all the same.
package final class ControlServer: Sendable {
    /// Clients at a time. One more takes the place of the one that has been waiting longest without a complete request.
    static let clientLimit = 64

    private let path: String
    private let routes: ControlRoutes
    private let listener = Atomic<Int32>(-1)
    private let clients = Mutex<[ControlConnection]>([])

    /// - Parameter path: the socket's path in a folder that only its owner can enter. An old socket there is removed:
    ///   only the holder of the workspace's lock may call this.
    package init(path: String, service: any ControlService) throws(Refusal) {
        self.path = path
        routes = ControlRoutes(service: service)
        unlink(path)
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let short = try SocketPath.short(path)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: short.utf8) }
        let isListening = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        } && chmod(path, 0o600) == 0 && listen(descriptor, 128) == 0
        guard isListening else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw Refusal(code: 1, message: "\(path): \(reason)")
        }
        listener.store(descriptor, ordering: .releasing)
    }

    /// Serves from now on.
    package func start() {
        thread { [self] in
            let descriptor = listener.load(ordering: .acquiring)
            while true {
                let client = accept(descriptor, nil, nil)
                if client >= 0 {
                    _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                    take(client)
                } else if errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS {
                    // Until another is closed.
                    poll(nil, 0, 100)
                } else if errno != EINTR, errno != ECONNABORTED {
                    return
                }
            }
        }
    }

    /// Ends: answers under way have a second.
    package func stop() async {
        let descriptor = listener.exchange(-1, ordering: .acquiringAndReleasing)
        guard descriptor >= 0 else { return }
        shutdown(descriptor, Int32(SHUT_RDWR))
        unlink(path)
        for _ in 0..<50 where clients.withLock({ $0.contains { $0.isAnswering } }) { try? await Task.sleep(nanoseconds: 20_000_000) }
        clients.withLock { $0 }.forEach { $0.cut() }
    }

    private func take(_ client: Int32) {
        guard Self.isOurs(client) else {
            close(client)
            return
        }
        let connection = ControlConnection(client, routes: routes)
        let longest = clients.withLock { clients -> ControlConnection? in
            clients.append(connection)
            return clients.count > Self.clientLimit ? clients.first { $0.isWaiting } : nil
        }
        longest?.cut()
        thread { [self] in
            connection.serve()
            clients.withLock { $0.removeAll { $0 === connection } }
        }
    }

    /// `struct ucred` of unix(7), which glibc's module does not export.
    private struct PeerCredentials {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
    }

    /// Whether the kernel noted this user or root at the other end when the connection was made.
    private static func isOurs(_ descriptor: Int32) -> Bool {
        var peer = PeerCredentials()
        var size = socklen_t(MemoryLayout<PeerCredentials>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 else { return false }
        return peer.uid == geteuid() || peer.uid == 0
    }

    private func thread(_ work: @escaping @Sendable () -> Void) {
        final class Work: Sendable {
            let run: @Sendable () -> Void
            init(_ run: @escaping @Sendable () -> Void) { self.run = run }
        }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Work(work))
        let failed = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Work>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard failed == 0 else { return context.release() }
        pthread_detach(thread)
    }
}

/// A path that fits into a socket address (108 bytes): long ones are reached through the folder's descriptor.
package enum SocketPath {
    /// Open folders by their paths. They stay open for the life of the process: the short paths lead through them.
    private static let folders = Mutex<[String: Int32]>([:])

    package static func short(_ path: String) throws(Refusal) -> String {
        guard path.utf8.count > 100, let slash = path.lastIndex(of: "/") else { return path }
        let name = String(path[..<slash])
        let folder = folders.withLock { folders in
            if let known = folders[name], isStill(known, name) { return known }
            let opened = uninterrupted { open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
            if opened >= 0 { folders[name] = opened }
            return opened
        }
        guard folder >= 0 else { throw Refusal(code: 1, message: "\(path): \(String(cString: strerror(errno)))") }
        return "/proc/self/fd/\(folder)\(path[slash...])"
    }

    /// Whether the folder of that name is the open one, and not another in its place.
    private static func isStill(_ descriptor: Int32, _ name: String) -> Bool {
        var (open, named) = (stat(), stat())
        guard fstat(descriptor, &open) == 0, stat(name, &named) == 0 else { return false }
        return open.st_ino == named.st_ino && open.st_dev == named.st_dev
    }
}
