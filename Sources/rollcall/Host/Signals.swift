import Glibc
import Synchronization

/// SIGINT, SIGTERM and SIGHUP. The handlers only write the number into a pipe; a thread reads it and may do anything.
/// Blocking the signals and waiting with sigwait would not do: libdispatch's main loop sleeps with an empty mask.
enum Signals {
    /// What a signal does; nil ends the process with 128 + its number.
    private static let handler = Mutex<(@Sendable (Int32) -> Void)?>(nil)
    /// Both ends of the pipe. Written once, before any handler is installed.
    nonisolated(unsafe) private static var ends: (read: Int32, write: Int32) = (-1, -1)

    static func install() {
        var pair: [Int32] = [-1, -1]
        guard pipe(&pair) == 0 else { return }
        for end in pair { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        ends = (pair[0], pair[1])
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in
            // Only async-signal-safe calls, and the interrupted code's errno is kept.
            let saved = errno
            var byte = UInt8(truncatingIfNeeded: number)
            _ = write(Signals.ends.write, &byte, 1)
            errno = saved
        }
        action.sa_flags = SA_RESTART
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaction(number, &action, nil) }
        var thread = pthread_t()
        pthread_create(&thread, nil, { _ in
            Signals.wait()
            return nil
        }, nil)
    }

    /// Sets what the next signal does. A third one always ends the process.
    static func handle(_ new: (@Sendable (Int32) -> Void)?) {
        handler.withLock { $0 = new }
    }

    private static func wait() {
        var received = 0
        while true {
            var byte: UInt8 = 0
            guard read(ends.read, &byte, 1) == 1 else {
                if errno == EINTR { continue }
                return
            }
            received += 1
            let number = Int32(byte)
            let action = handler.withLock { $0 }
            guard let action, received < 3 else {
                Output.flush()
                exit(128 + number)
            }
            action(number)
        }
    }
}
