import Glibc
import Scheduling

/// The two clocks of the engine, never confused: civil time for schedules and messages, monotonic time for waiting.
package protocol EngineClock: Sendable {
    func now() -> Instant
    /// Milliseconds that never go back and go on while the machine sleeps.
    func monotonic() -> Int64
    /// Returns at `deadline` or when the task is cancelled, whichever is first.
    func sleep(until deadline: Int64) async
}

/// The machine's own clocks.
package struct SystemClock: EngineClock {
    package init() {}

    package func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    package func monotonic() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    package func sleep(until deadline: Int64) async {
        let left = deadline - monotonic()
        guard left > 0 else { return }
        try? await Task.sleep(nanoseconds: UInt64(min(left, 86_400_000)) * 1_000_000)
    }
}
