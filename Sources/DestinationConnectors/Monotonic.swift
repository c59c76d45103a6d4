import Glibc
import Scheduling

/// Elapsed time, untouched by corrections of the clock.
enum Monotonic {
    static func milliseconds() -> Int64 { read(CLOCK_BOOTTIME) }

    /// The civil clock, for a probe, which no run's clock stands behind.
    static func wallClock() -> Instant { Instant(milliseconds: read(CLOCK_REALTIME)) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000
    }
}
