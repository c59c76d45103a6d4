import Glibc
import Synchronization

/// A server on a loopback socket that does whatever its script says, one thread a connection.
final class HostileServer: @unchecked Sendable {
    // The mutexes guard what the threads share; the descriptor is only shut down, never reused, while threads run.

    /// One request as it came, byte for byte.
    struct Received: Sendable, Equatable {
        var head: String
        var body: [UInt8]

        func header(_ name: String) -> String? {
            for line in head.split(separator: "\r\n").dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2, parts[0].lowercased() == name.lowercased() {
                    return parts[1].trimmingPrefix(" ").description
                }
            }
            return nil
        }
    }

    let port: Int
    private let listener: Int32
    private let received = Mutex<[Received]>([])
    private let connectionCount = Atomic<Int>(0)
    private let sentCount = Atomic<Int>(0)
    private let durations = AsyncStream<Duration>.makeStream()
    private let script: @Sendable (Peer, Int) -> Void

    /// - Parameter script: is given each connection with its number, from 1; the connection is closed when it returns.
    init(unixSocketPath: String? = nil, _ script: @escaping @Sendable (Peer, Int) -> Void) {
        self.script = script
        if let unixSocketPath {
            listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: unixSocketPath.utf8) }
            Self.bind(listener, &address)
            port = 0
        } else {
            listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            Self.bind(listener, &address)
            port = Int(UInt16(bigEndian: address.sin_port))
        }
        listen(listener, 64)
        Self.thread { [self] in
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { return }
                let number = connectionCount.add(1, ordering: .relaxed).newValue
                Self.thread { [self] in
                    let began = ContinuousClock.now
                    self.script(Peer(descriptor: descriptor, server: self), number)
                    durations.continuation.yield(ContinuousClock.now - began)
                    close(descriptor)
                }
            }
        }
    }

    var url: String { "http://127.0.0.1:\(port)" }
    var connections: Int { connectionCount.load(ordering: .relaxed) }
    /// Bytes that clients and the kernel between us took.
    var sent: Int { sentCount.load(ordering: .relaxed) }
    var requests: [Received] { received.withLock { $0 } }

    /// How long the first connection's script ran, by the clock of its own thread.
    func firstDuration() async -> Duration {
        var durations = durations.stream.makeAsyncIterator()
        return await durations.next() ?? .zero
    }

    /// Refuses further connections, and lets the threads end.
    func stopListening() { shutdown(listener, Int32(SHUT_RDWR)) }

    fileprivate func note(sent count: Int) { sentCount.add(count, ordering: .relaxed) }
    fileprivate func note(_ request: Received) { received.withLock { $0.append(request) } }

    private static func bind<Address>(_ descriptor: Int32, _ address: inout Address) {
        var length = socklen_t(MemoryLayout<Address>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = Glibc.bind(descriptor, $0, length)
                _ = getsockname(descriptor, $0, &length)
            }
        }
    }

    /// Runs `work` on a thread of its own.
    static func thread(_ work: @escaping @Sendable () -> Void) {
        final class Box: Sendable {
            let work: @Sendable () -> Void
            init(_ work: @escaping @Sendable () -> Void) { self.work = work }
        }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            {
                Unmanaged<Box>.fromOpaque($0.unsafelyUnwrapped).takeRetainedValue().work()
                return nil
            },
            Unmanaged.passRetained(Box(work)).toOpaque())
        pthread_detach(thread)
    }
}

/// The server's end of one connection.
struct Peer: Sendable {
    let descriptor: Int32
    let server: HostileServer

    /// Reads a request with its body; nil when the client hung up before its end.
    @discardableResult
    func request() -> HostileServer.Received? {
        guard let head = head() else { return nil }
        var request = HostileServer.Received(head: head, body: [])
        let length = request.header("Content-Length").flatMap { Int($0) } ?? 0
        while request.body.count < length {
            var chunk = [UInt8](repeating: 0, count: min(65_536, length - request.body.count))
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            request.body += chunk[..<count]
        }
        server.note(request)
        return request
    }

    /// Reads up to the empty line and nothing behind it.
    func head() -> String? {
        var bytes: [UInt8] = []
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            var byte: UInt8 = 0
            guard recv(descriptor, &byte, 1, 0) == 1 else { return nil }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Sends all; false when the client is gone.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.unsafelyUnwrapped + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
            server.note(sent: count)
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    func answer(_ status: String = "200 OK", _ headers: String = "", _ body: String = "") {
        send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    /// Waits until the client hangs up or that time is over; true when it did.
    @discardableResult
    func waitForHangUp(milliseconds: Int32) -> Bool {
        var status = pollfd(descriptor: descriptor)
        return poll(&status, 1, milliseconds) > 0
    }

    /// Closes with a reset instead of an end.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    }
}

extension pollfd {
    /// Only the other side's hang-up counts, not bytes waiting to be read.
    fileprivate init(descriptor: Int32) {
        self.init(fd: descriptor, events: Int16(0x2000 /* POLLRDHUP */), revents: 0)
    }
}
