import CNcurses
import Glibc
import Synchronization

/// What is known of a terminal once it is open.
struct TerminalFacts: Sendable {
    let isUTF8: Bool
    let colors: Int
    let hasClipboard: Bool
}

/// The beginning of the terminal's thread: ncurses must be opened by the thread that uses it.
final class TerminalStart: Sendable {
    private let shared: SharedState
    private let timer: DeadlineTimer
    private let options: TerminalOptions
    private let started: Doorbell
    private let result = Mutex<Result<TerminalFacts, TerminalError>?>(nil)

    init(shared: SharedState, timer: DeadlineTimer, options: TerminalOptions) throws(TerminalError) {
        started = try Doorbell()
        self.shared = shared
        self.timer = timer
        self.options = options
    }

    /// Starts the thread; false when it cannot be had.
    func launch() -> Bool {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let failed = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<TerminalStart>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard failed == 0 else {
            context.release()
            return false
        }
        pthread_detach(thread)
        return true
    }

    /// Waits until the terminal is open or cannot be. A start in the background waits for the foreground.
    func outcome() -> Result<TerminalFacts, TerminalError> {
        while true {
            started.wait(milliseconds: 60_000)
            if let known = result.withLock({ $0 }) { return known }
        }
    }

    private func run() {
        cnc_name_thread("terminal")
        do throws(TerminalError) {
            let loop = try TerminalLoop(shared: shared, timer: timer, options: options)
            result.withLock { $0 = .success(loop.facts) }
            shared.adopt(loop)
            started.ring()
            loop.run()
            shared.adopt(nil)
        } catch {
            result.withLock { $0 = .failure(error) }
            started.ring()
        }
    }
}
