import CNcurses
import Glibc

/// A descriptor that one thread waits for and any thread can make readable.
final class Doorbell: Sendable {
    let descriptor: Int32

    init() throws(TerminalError) {
        descriptor = cnc_event()
        guard descriptor >= 0 else { throw .failed(step: "eventfd", errno: errno) }
    }

    deinit {
        close(descriptor)
    }

    func ring() {
        var one: UInt64 = 1
        // A full counter is readable too, so a failed write loses nothing.
        _ = write(descriptor, &one, 8)
    }

    /// Makes it unreadable until the next ring.
    func silence() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }

    /// Waits until it was rung; false when that takes longer. It stays readable.
    @discardableResult
    func wait(milliseconds: Int64) -> Bool {
        let deadline = monotonicMilliseconds() + milliseconds
        while true {
            let left = max(0, deadline - monotonicMilliseconds())
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = poll(&entry, 1, Int32(clamping: left))
            if count > 0 { return true }
            if left == 0 { return false }
        }
    }
}

/// Time that never goes back, in milliseconds since some point in the past.
func monotonicMilliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
