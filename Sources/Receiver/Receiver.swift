import FlyingFox
import FlyingSocks
import Glibc
import Synchronization

/// A local receiver of Segment's HTTP tracking API, for rehearsals: it answers as Segment documents to answer, reports
/// what Segment would drop without a word, keeps what arrived in SQLite, and fails on command.
///
/// It can be started and stopped repeatedly; the store stays open and can be asked in between.
package final class Receiver: Sendable {
    private let settings: ReceiverSettings
    private let onEvent: (@Sendable (ReceiverEvent) -> Void)?
    private let journal: ReceiverJournal
    private let store: ReceiverStore
    private let run = Mutex<Run>(.stopped)

    private enum Run {
        case stopped
        case starting
        case listening(server: HTTPServer, task: Task<Void, Never>)
    }

    /// How long ``stop()`` waits for requests that are being answered.
    private static let grace: Duration = .seconds(2)
    /// Ends a request that takes longer, reading its body and rehearsed waits included.
    private static let longestRequest = Double(2 * FaultScriptParser.longestWait) / 1000

    /// Opens the store; nothing listens yet.
    ///
    /// - Parameter onEvent: told of everything that happens, from any thread.
    /// - Throws: ``ReceiverError/storeUnusable(path:reason:)``.
    package init(
        settings: ReceiverSettings, onEvent: (@Sendable (ReceiverEvent) -> Void)? = nil
    ) throws(ReceiverError) {
        self.settings = settings
        self.onEvent = onEvent
        store = try ReceiverStore(settings.store)
        journal = ReceiverJournal(
            keeps: settings.keepsRequests, faults: settings.faults, now: RequestHandler.steadyNow)
    }

    // MARK: - Running

    /// Listens.
    ///
    /// - Returns: the port, which is of interest when the settings say 0.
    /// - Throws: ``ReceiverError/cannotListen(address:reason:)``, ``ReceiverError/alreadyStarted``.
    @discardableResult
    package func start() async throws(ReceiverError) -> UInt16 {
        let isFree = run.withLock { run in
            guard case .stopped = run else { return false }
            run = .starting
            return true
        }
        guard isFree else { throw .alreadyStarted }
        do throws(ReceiverError) {
            return try await listen()
        } catch {
            run.withLock { $0 = .stopped }
            throw error
        }
    }

    private func listen() async throws(ReceiverError) -> UInt16 {
        let isKnown = settings.address.port != 0
        let server = HTTPServer(
            config: try configuration(), handler: isKnown ? handler(port: settings.address.port) : nil)
        // Whichever comes first: it listens, or it gave up.
        let (beginnings, beginning) = AsyncStream.makeStream(of: String?.self)
        let task = Task {
            var reason: String?
            do {
                try await server.run()
            } catch is CancellationError {
            } catch SocketError.disconnected {
            } catch {
                reason = Self.reason(error)
            }
            beginning.yield(reason ?? "stopped")
            ended(server, reason)
        }
        let waiter = Task {
            try await server.waitUntilListening(timeout: 60)
            beginning.yield(nil)
        }
        var first: String? = "stopped"
        for await one in beginnings {
            first = one
            break
        }
        waiter.cancel()
        guard first == nil, let port = await Self.port(of: server) else {
            await server.stop()
            throw .cannotListen(address: settings.address.description, reason: first ?? "it stopped at once")
        }
        ConnectionSocket.sendAtOnce(on: port)
        // Nobody can have asked for a port that nobody knew, so this is early enough.
        if !isKnown { await server.appendRoute("*", to: handler(port: port)) }
        run.withLock { $0 = .listening(server: server, task: task) }
        onEvent?(.listening(ListenAddress(host: settings.address.host, port: port)))
        return port
    }

    private func handler(port: UInt16) -> RequestHandler {
        RequestHandler(settings: settings, port: port, journal: journal, store: store, onEvent: onEvent)
    }

    private func ended(_ server: HTTPServer, _ reason: String?) {
        let hadListened = run.withLock { run in
            guard case .listening(let current, _) = run, current === server else { return reason == nil }
            run = .stopped
            return true
        }
        if hadListened { onEvent?(.stopped(reason)) }
    }

    /// Stops listening, lets requests under way end for two seconds, and cuts what is left.
    package func stop() async {
        let listening = run.withLock { run -> (HTTPServer, Task<Void, Never>)? in
            guard case .listening(let server, let task) = run else { return nil }
            run = .stopped
            return (server, task)
        }
        guard let (server, task) = listening else { return }
        let deadline = ContinuousClock.now + Self.grace
        while journal.inFlight > 0, ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(5))
        }
        await server.stop()
        await task.value
    }

    private func configuration() throws(ReceiverError) -> HTTPServer.Configuration {
        let address = settings.address
        let fault = ReceiverError.badAddress(address.description)
        func configuration(_ address: some SocketAddress) -> HTTPServer.Configuration {
            // Bodies are not kept for replay: they are read once, with a limit.
            HTTPServer.Configuration(
                address: address, timeout: Self.longestRequest, sharedRequestBufferSize: 4096,
                sharedRequestReplaySize: 0, logger: .disabled)
        }
        if ListenAddress.isIPv6(address.host) {
            guard let socket = try? sockaddr_in6.inet6(ip6: address.host, port: address.port) else { throw fault }
            return configuration(socket)
        }
        guard let socket = try? sockaddr_in.inet(ip4: address.host, port: address.port) else { throw fault }
        return configuration(socket)
    }

    private static func port(of server: HTTPServer) async -> UInt16? {
        switch await server.listeningAddress {
        case .ip4(_, let port), .ip6(_, let port): port
        default: nil
        }
    }

    private static func reason(_ error: any Error) -> String {
        if case SocketError.failed(_, let number, _) = error { return String(cString: strerror(number)) }
        return "\(error)"
    }

    // MARK: - Faults

    /// The faults being rehearsed.
    package var faults: FaultScript { journal.faults }

    /// Rehearses other faults from the next request on; request numbers and times of the script start anew.
    package func setFaults(_ faults: FaultScript) {
        journal.setFaults(faults, now: RequestHandler.steadyNow)
    }

    // MARK: - What arrived

    /// Numbers since the receiver was made.
    package var counts: ReceiverCounts { journal.counts }

    /// The latest requests, oldest first, as many as the settings keep.
    package func requests() -> [RequestRecord] { journal.records }

    /// The latest reports of any kind, oldest first, as many as the settings keep.
    package func reports() -> [Report] { journal.reports }

    /// The latest reports of messages that Segment would drop without a word, oldest first.
    package func drops() -> [Report] { journal.reports.filter { $0.code.effect == .dropped } }

    // MARK: - What the store says

    /// The users for whom `trait` is `value` now, as the `users` table has it. Empty when nobody ever said it.
    package func members(of trait: String, value: Bool) async throws(ReceiverError) -> Set<[UInt8]> {
        try await store.users(ofTrait: trait, value: value)
    }

    /// Calls `body` with every user of whom `trait` was said, and what is true now, in the order of the ids' bytes.
    /// The bytes are valid only during the call.
    package func forEachUser(
        of trait: String, _ body: @escaping @Sendable (UnsafeRawBufferPointer, Bool) -> Void
    ) async throws(ReceiverError) {
        try await store.forEachUser(ofTrait: trait, body)
    }

    /// Rows of `identifies`: identify calls with different ids.
    package func identifyCount() async throws(ReceiverError) -> Int { try await store.count("identifies") }

    /// Rows of `users`.
    package func userCount() async throws(ReceiverError) -> Int { try await store.count("users") }

    /// The `messageId`s that arrived more than once, each with how often in all.
    package func repeatedMessageIDs() async throws(ReceiverError) -> [[UInt8]: Int] {
        try await store.repeatedIDs()
    }
}
