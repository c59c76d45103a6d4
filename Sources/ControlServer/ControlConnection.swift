import Control
import Dispatch
import Glibc
import Synchronization

/// One client, on a thread of its own: requests one after the other, each answered before the next is read.
///
/// A thread that blocks costs nobody anything but itself; a client that dawdles or floods is cut by time and size.
final class ControlConnection: Sendable {
    /// What a connection is doing.
    enum State {
        /// Between requests, or amid one that is not complete yet.
        case waiting
        case answering
        case over
    }

    private let descriptor: Int32
    private let routes: ControlRoutes
    private let state = Mutex(State.waiting)

    /// A connection that asks nothing is closed after this time, in milliseconds; a request that has begun must be complete
    /// in the shorter one.
    private static let idleLimit: Int64 = 30_000
    private static let requestLimit: Int64 = 5_000

    init(_ descriptor: Int32, routes: ControlRoutes) {
        self.descriptor = descriptor
        self.routes = routes
    }

    var isWaiting: Bool { state.withLock { $0 == .waiting } }
    var isAnswering: Bool { state.withLock { $0 == .answering } }

    /// Lets the thread that serves it come to its end.
    func cut() {
        state.withLock { state in
            if state != .over { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// Serves until either side is done.
    func serve() {
        var unread: [UInt8] = []
        while true {
            do throws(Refusal) {
                guard let request = try next(&unread) else { break }
                guard answer(request), request.keepsAlive else { break }
            } catch {
                _ = send(ControlResponse(error))
                break
            }
            state.withLock { $0 = .waiting }
        }
        state.withLock { state in
            state = .over
            close(descriptor)
        }
    }

    // MARK: - Reading

    /// The next request with its body; nil when there is none in time.
    private func next(_ unread: inout [UInt8]) throws(Refusal) -> ControlRequest? {
        var deadline = Self.now() + Self.idleLimit
        var isBegun = false
        var searched = 0
        while true {
            if !unread.isEmpty, !isBegun {
                isBegun = true
                deadline = Self.now() + Self.requestLimit
            }
            if let end = Self.emptyLine(in: unread, from: max(0, searched - 3)) {
                var request = try ControlRequest(head: unread[..<end])
                unread.removeFirst(end + 4)
                while unread.count < request.contentLength {
                    guard read(into: &unread, until: deadline) else { return nil }
                }
                request.body = Array(unread.prefix(request.contentLength))
                unread.removeFirst(request.contentLength)
                return request
            }
            searched = unread.count
            guard searched <= ControlRequest.headLimit else {
                throw Refusal(code: 64, message: "the request's head is larger than 256 KiB")
            }
            guard read(into: &unread, until: deadline) else { return nil }
        }
    }

    private static func emptyLine(in bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        while index + 3 < bytes.count {
            if bytes[index + 3] == 0x0A, bytes[index + 2] == 0x0D, bytes[index + 1] == 0x0A, bytes[index] == 0x0D { return index }
            index += 1
        }
        return nil
    }

    private func read(into bytes: inout [UInt8], until deadline: Int64) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let left = deadline - Self.now()
            guard left > 0 else { return false }
            let ready = poll(&entry, 1, Int32(left))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { return false }
            let piece = [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, filled in
                filled = max(0, recv(descriptor, buffer.baseAddress, buffer.count, 0))
            }
            bytes += piece
            return !piece.isEmpty
        }
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    // MARK: - Answering

    /// False when the client is gone.
    private func answer(_ request: ControlRequest) -> Bool {
        state.withLock { $0 = .answering }
        let routes = routes
        return send(waiting { await routes.answer(request) })
    }

    private func send(_ response: ControlResponse) -> Bool {
        switch response.body {
        case .whole(let bytes): return send(response.head + bytes)
        case .stream(let channel):
            defer { Task { await channel.close() } }
            guard send(response.head) else { return false }
            while let piece = waiting(orHangUp: { await channel.close() }, { await channel.next() }) {
                guard send(Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [0x0D, 0x0A]) else { return false }
            }
            return send(Array("0\r\n\r\n".utf8))
        }
    }

    private func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Blocks this thread until the work is done; tells when the client hangs up meanwhile.
    private func waiting<Value: Sendable>(
        orHangUp hungUp: @escaping @Sendable () async -> Void = {}, _ work: @escaping @Sendable () async -> Value
    ) -> Value {
        let result = Mutex<Value?>(nil)
        let box = Box(result)
        let done = DispatchSemaphore(value: 0)
        Task {
            let value = await work()
            box.value.withLock { $0 = value }
            done.signal()
        }
        while done.wait(timeout: .now() + .seconds(1)) == .timedOut {
            var entry = pollfd(fd: descriptor, events: Int16(0x2000 /* POLLRDHUP */), revents: 0)
            if poll(&entry, 1, 0) > 0 { Task { await hungUp() } }
        }
        guard let value = box.value.withLock({ $0 }) else { preconditionFailure("the work signals after it has a value") }
        return value
    }

    private final class Box<Value: Sendable>: Sendable {
        let value: Mutex<Value?>

        init(_ value: consuming Mutex<Value?>) { self.value = value }
    }
}
