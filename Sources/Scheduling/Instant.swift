/// A moment of civil time in UTC, in whole milliseconds since 1970-01-01T00:00:00Z.
///
/// Leap seconds do not exist here, as they do not in POSIX time. The range that is formatted and parsed is the years
/// 0001…9999, which is what RFC 3339 can say.
package struct Instant: Hashable, Comparable, Sendable {
    /// Milliseconds since the epoch; negative before 1970.
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// An instant on a whole second.
    package init(seconds: Int64) {
        self.milliseconds = seconds * 1000
    }

    /// Whole seconds since the epoch, rounded towards the past.
    package var seconds: Int64 {
        milliseconds >= 0 ? milliseconds / 1000 : -((999 - milliseconds) / 1000)
    }

    package static func < (left: Instant, right: Instant) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// This instant moved by a number of milliseconds, into the past when negative.
    package func advanced(milliseconds delta: Int64) -> Instant {
        Instant(milliseconds: milliseconds + delta)
    }

    /// This instant moved by a number of seconds, into the past when negative.
    package func advanced(seconds delta: Int64) -> Instant {
        Instant(milliseconds: milliseconds + delta * 1000)
    }

    /// Milliseconds from `other` to this instant; negative when this one is earlier.
    package func milliseconds(since other: Instant) -> Int64 {
        milliseconds - other.milliseconds
    }
}
