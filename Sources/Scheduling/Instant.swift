/// A moment of civil time in UTC, in whole milliseconds since 1970-01-01T00:00:00Z.
///
/// Leap seconds do not exist here, as they do not in POSIX time. The range that is formatted and parsed is the years
/// 0001…9999, which is what RFC 3339 can say. Arithmetic stops at the ends of the range instead of trapping, since
/// instants come from files, servers and clocks.
package struct Instant: Hashable, Comparable, Sendable {
    /// Milliseconds since the epoch; negative before 1970.
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// An instant on a whole second.
    package init(seconds: Int64) {
        self.milliseconds = seconds.timesThousand
    }

    /// Whole seconds since the epoch, rounded towards the past.
    package var seconds: Int64 {
        let (quotient, remainder) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    package static func < (left: Instant, right: Instant) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// This instant moved by a number of milliseconds, into the past when negative.
    package func advanced(milliseconds delta: Int64) -> Instant {
        let (sum, overflow) = milliseconds.addingReportingOverflow(delta)
        return Instant(milliseconds: overflow ? (delta < 0 ? .min : .max) : sum)
    }

    /// This instant moved by a number of seconds, into the past when negative.
    package func advanced(seconds delta: Int64) -> Instant {
        advanced(milliseconds: delta.timesThousand)
    }

    /// Milliseconds from `other` to this instant; negative when this one is earlier.
    package func milliseconds(since other: Instant) -> Int64 {
        let (difference, overflow) = milliseconds.subtractingReportingOverflow(other.milliseconds)
        return overflow ? (milliseconds < 0 ? .min : .max) : difference
    }
}

extension Int64 {
    /// Seconds as milliseconds, held at the ends of the range.
    fileprivate var timesThousand: Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: 1000)
        return overflow ? (self < 0 ? .min : .max) : product
    }
}
