import CCurl
import Glibc
import Synchronization

/// The thread that owns libcurl's multi handle: takes submitted flights, drives all of them, reports their ends.
final class CurlLoop: @unchecked Sendable {
    // What other threads touch is behind `inbox`; everything else belongs to the loop's own thread.

    private struct Inbox {
        var submitted: [CurlFlight] = []
        var cancelled: [CurlFlight] = []
        var isClosing = false
    }

    /// Handles kept for the next flight; more than this are freed.
    private static let spareLimit = 32
    /// With nothing to do the thread sleeps this long or until it is woken.
    private static let sleepMilliseconds: Int32 = 60_000

    private let settings: CurlSettings
    private let multi: UnsafeMutableRawPointer?
    private let inbox = Mutex(Inbox())
    private var flights: [UnsafeMutableRawPointer: CurlFlight] = [:]
    private var spares: [UnsafeMutableRawPointer] = []

    init(settings: CurlSettings) {
        self.settings = settings
        let isReady = ccurl_start() == 0
        multi = isReady ? curl_multi_init() : nil
        if let multi {
            ccurl_multi_set_long(multi, CURLMOPT_PIPELINING, 0)
            ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, settings.keptConnections)
        }
    }

    /// Starts the thread, which lives until ``close()``. False when it cannot be had.
    func start() -> Bool {
        guard multi != nil else { return false }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let failed = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<CurlLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard failed == 0 else {
            context.release()
            return false
        }
        pthread_detach(thread)
        return true
    }

    // MARK: - Called from any thread

    /// Starts the flight; false when the loop is closing.
    func submit(_ flight: CurlFlight) -> Bool {
        post { inbox in
            if inbox.isClosing { return false }
            inbox.submitted.append(flight)
            return true
        }
    }

    /// Aborts the flight if it is still under way.
    func cancel(_ flight: CurlFlight) {
        _ = post { inbox in
            if inbox.isClosing { return false }
            inbox.cancelled.append(flight)
            return true
        }
    }

    /// Ends what is under way and then the thread.
    func close() {
        _ = post { inbox in
            defer { inbox.isClosing = true }
            return !inbox.isClosing
        }
    }

    /// Changes the inbox and wakes the thread under one lock, so that no wake-up meets a handle that is gone.
    private func post(_ change: (inout sending Inbox) -> Bool) -> Bool {
        inbox.withLock { inbox in
            guard change(&inbox) else { return false }
            curl_multi_wakeup(multi)
            return true
        }
    }

    // MARK: - The thread

    private func run() {
        ccurl_enter_thread("rollcall-http")
        while takeMail() {
            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            landFinished()
            curl_multi_poll(multi, nil, 0, Self.sleepMilliseconds, nil)
        }
        for (easy, flight) in flights {
            curl_multi_remove_handle(multi, easy)
            curl_easy_cleanup(easy)
            flight.end(.failure(CurlVerdict.closed(flight)))
        }
        flights = [:]
        spares.forEach(curl_easy_cleanup)
        curl_multi_cleanup(multi)
    }

    /// Carries out what was posted; false when the loop is to end.
    private func takeMail() -> Bool {
        let mail = inbox.withLock { inbox in
            let taken = inbox
            inbox.submitted = []
            inbox.cancelled = []
            return taken
        }
        for flight in mail.submitted { launch(flight) }
        for flight in mail.cancelled { abort(flight) }
        return !mail.isClosing
    }

    private func launch(_ flight: CurlFlight) {
        guard let easy = spares.popLast() ?? curl_easy_init() else {
            flight.end(.failure(HTTPFailure(stage: .notSent, reason: "out of memory")))
            return
        }
        if let problem = CurlOptions(easy: easy, settings: settings).apply(flight) {
            retire(easy)
            flight.end(.failure(problem))
            return
        }
        flight.begin(on: easy)
        flights[easy] = flight
        let code = curl_multi_add_handle(multi, easy)
        guard code == CURLM_OK else {
            flights[easy] = nil
            retire(easy)
            flight.end(.failure(HTTPFailure(stage: .notSent, reason: String(cString: curl_multi_strerror(code)))))
            return
        }
    }

    private func abort(_ flight: CurlFlight) {
        guard let easy = flights.first(where: { $0.value === flight })?.key else { return }
        flight.cancel()
        land(easy, CURLE_ABORTED_BY_CALLBACK)
    }

    private func landFinished() {
        var easy: UnsafeMutableRawPointer?
        var code = CURLE_OK
        while ccurl_next_finished(multi, &easy, &code) == 1 {
            guard let easy else { continue }
            land(easy, code)
        }
    }

    private func land(_ easy: UnsafeMutableRawPointer, _ code: CURLcode) {
        curl_multi_remove_handle(multi, easy)
        guard let flight = flights.removeValue(forKey: easy) else { return }
        let exchange = CurlVerdict.exchange(of: flight, code)
        retire(easy)
        flight.end(exchange)
    }

    /// Forgets everything the handle was told, credentials first, and keeps it for the next flight.
    private func retire(_ easy: UnsafeMutableRawPointer) {
        guard spares.count < Self.spareLimit else { return curl_easy_cleanup(easy) }
        curl_easy_reset(easy)
        spares.append(easy)
    }
}
