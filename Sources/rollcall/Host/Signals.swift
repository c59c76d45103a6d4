import Glibc
import Synchronization

/// SIGINT, SIGTERM and SIGHUP, taken by one thread that does nothing else, so that what they start may do anything.
enum Signals {
    /// What a signal does; nil ends the process with 128 + its number.
    private static let handler = Mutex<(@Sendable (Int32) -> Void)?>(nil)

    /// Blocks the signals for every thread that is started later, and starts the one that waits for them.
    static func install() {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        var thread = pthread_t()
        pthread_create(&thread, nil, { _ in
            Signals.wait()
            return nil
        }, nil)
    }

    /// Sets what the next signal does. A second SIGINT always ends the process.
    static func handle(_ new: (@Sendable (Int32) -> Void)?) {
        handler.withLock { $0 = new }
    }

    private static func wait() {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
        var interrupts = 0
        while true {
            var number: Int32 = 0
            guard sigwait(&set, &number) == 0 else { continue }
            interrupts += 1
            let action = handler.withLock { $0 }
            guard let action, interrupts < 3 else {
                Output.flush()
                exit(128 + number)
            }
            action(number)
        }
    }
}
