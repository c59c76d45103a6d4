import CNcurses
import Glibc

/// One deadline as a descriptor. It runs on while the machine sleeps, so that a laptop that wakes up repaints at once.
final class DeadlineTimer: Sendable {
    let descriptor: Int32

    init() throws(TerminalError) {
        descriptor = cnc_timer()
        guard descriptor >= 0 else { throw .failed(step: "timerfd", errno: errno) }
    }

    deinit {
        close(descriptor)
    }

    /// Any thread may call this. Nil takes the deadline back.
    func set(after delay: Duration?) {
        guard let delay else { return cnc_set_timer(descriptor, 0, 0) }
        let (seconds, attoseconds) = delay.components
        let nanoseconds = attoseconds / 1_000_000_000
        // A time of zero would disarm; one that has passed is due at once. Farther than a year is not meant.
        if seconds < 0 || (seconds == 0 && nanoseconds <= 0) {
            cnc_set_timer(descriptor, 0, 1)
        } else {
            cnc_set_timer(descriptor, min(seconds, 366 * 86_400), nanoseconds)
        }
    }

    /// Whether the deadline came since the last call.
    func take() -> Bool {
        var count: UInt64 = 0
        return read(descriptor, &count, 8) == 8 && count > 0
    }
}
