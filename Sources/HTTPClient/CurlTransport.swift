import CCurl
import Synchronization

/// What is the same for all exchanges of one ``CurlTransport``.
package struct CurlSettings: Sendable {
    /// A file of PEM certificates that alone are trusted; nil for the system's roots.
    package var pinnedCertificates: String?
    package var userAgent: String
    /// Idle connections that are kept for reuse.
    package var keptConnections: Int
    /// A connection is not used again this many seconds after it was made, so that a changed name is looked up anew.
    package var connectionLifeSeconds = 3_600

    package init(
        pinnedCertificates: String? = nil, userAgent: String = "Rollcall/0.1", keptConnections: Int = 32
    ) {
        self.pinnedCertificates = pinnedCertificates
        self.userAgent = userAgent
        self.keptConnections = keptConnections
    }
}

/// HTTP/1.1 through the system's libcurl: one multi handle on a thread of its own, connections kept and used again.
///
/// Redirects, proxies of the environment, decompression, cookies, `.netrc` and TLS below 1.2 are off. Bodies, headers
/// and time are bounded by the request. When a kept connection turns out to be closed before any answer, libcurl sends
/// the same bytes again on a new one; if that fails too, the outcome is ambiguous as for the first. Credentials in
/// headers are zeroed after use; libcurl's own send buffer, freed with the handle, is out of reach.
package final class CurlTransport: HTTPTransport {
    /// The thread of libcurl, from the first exchange on: until then a process has no libcurl.
    private enum Engine {
        case none
        case running(CurlLoop)
        case unavailable
    }

    private let settings: CurlSettings
    private let engine = Mutex(Engine.none)

    /// libcurl's own words for its version and that of its TLS, such as `libcurl/7.88.1 OpenSSL/3.0.19`.
    package static var libraryVersion: String {
        String(cString: curl_version()).split(separator: " ").prefix(2).joined(separator: " ")
    }

    package init(_ settings: CurlSettings = CurlSettings()) {
        self.settings = settings
    }

    deinit {
        if case .running(let loop) = engine.withLock({ $0 }) { loop.close() }
    }

    /// Nil when libcurl, or its thread, cannot be had.
    private func startedLoop() -> CurlLoop? {
        engine.withLock { engine in
            if case .none = engine {
                let loop = CurlLoop(settings: settings)
                engine = loop.start() ? .running(loop) : .unavailable
            }
            if case .running(let loop) = engine { return loop }
            return nil
        }
    }

    package func exchange(_ request: HTTPRequest) async -> HTTPExchange {
        if let problem = RequestCheck.problem(of: request) {
            return .failure(HTTPFailure(stage: .notSent, reason: problem, isInvalidRequest: true))
        }
        guard let loop = startedLoop() else { return .failure(HTTPFailure(stage: .notSent, reason: "libcurl cannot be started")) }
        let cancellation = Cancellation()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let flight = CurlFlight(request: request, isLoopbackOnly: RequestCheck.isLoopbackOnly(request)) {
                    continuation.resume(returning: $0)
                }
                if request.isCancellable, cancellation.attach(flight) {
                    flight.end(.failure(HTTPFailure(stage: .notSent, reason: "cancelled", isCancelled: true)))
                    return
                }
                guard loop.submit(flight) else {
                    flight.end(.failure(HTTPFailure(stage: .notSent, reason: "the connection was given up")))
                    return
                }
                // Raised since: the loop may have been told before it had the flight.
                if request.isCancellable, cancellation.isRaised { loop.cancel(flight) }
            }
        } onCancel: {
            if request.isCancellable, let flight = cancellation.raise() { loop.cancel(flight) }
        }
    }
}

/// Brings a task's cancellation and its flight together, whichever comes first.
private final class Cancellation: Sendable {
    private struct State {
        var isRaised = false
        var flight: CurlFlight?
    }

    private let state = Mutex(State())

    /// Returns true when the task was cancelled before.
    func attach(_ flight: CurlFlight) -> Bool {
        state.withLock { state in
            state.flight = flight
            return state.isRaised
        }
    }

    var isRaised: Bool { state.withLock { $0.isRaised } }

    /// Returns the flight to be aborted, nil when there is none yet.
    func raise() -> CurlFlight? {
        state.withLock { state in
            state.isRaised = true
            return state.flight
        }
    }
}

extension HTTPTransport {
    /// Makes one exchange and blocks the calling thread until it ends.
    ///
    /// For threads that exist to block, such as a source's fetch; called on a thread of the concurrency pool it takes
    /// that thread from everybody.
    package func exchangeBlocking(_ request: HTTPRequest) -> HTTPExchange {
        let box = BlockingBox()
        let task = Task.detached { box.put(await self.exchange(request)) }
        return withExtendedLifetime(task) { box.take() }
    }
}
