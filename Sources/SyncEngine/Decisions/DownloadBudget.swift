import Scheduling

/// What an account of a source may do (https://amplitude.com/docs/apis/analytics/behavioral-cohorts, "Limits").
package struct DownloadLimits: Sendable, Hashable {
    /// Downloads a month.
    package var monthly: Int
    /// Of them, kept for runs that a person asked for.
    package var reserve: Int
    /// Downloads requested in any ten minutes.
    package var perTenMinutes: Int
    /// Downloads requested in any minute, and under way at a time.
    package var parallel: Int
    /// Calls of any kind under way at a time.
    package var concurrent: Int

    package init(
        monthly: Int = 500, reserve: Int = 0, perTenMinutes: Int = 60, parallel: Int = 4, concurrent: Int = 5
    ) {
        self.monthly = monthly
        self.reserve = reserve
        self.perTenMinutes = perTenMinutes
        self.parallel = parallel
        self.concurrent = concurrent
    }
}

/// What a call costs.
package enum DownloadCall: Sendable, Hashable {
    /// Asks for a file: costs one download of the month.
    case download(isManual: Bool)
    /// Only looks: lists, asks about the month. Counts among the concurrent calls.
    case look
}

/// What a call that may not be made yet waits for.
package enum DownloadWait: Sendable, Hashable {
    case minute, tenMinutes
    /// The server asked to be left alone.
    case pushedBack
}

/// Whether a call may be made now.
package enum DownloadAdmission: Sendable, Hashable {
    case go
    /// Ask again at this monotonic time, or when a call ended.
    case wait(until: Int64, for: DownloadWait)
    /// Ask again when a call ended.
    case waitForSlot
    /// Not before this instant: the month's downloads, or the part that schedules may use, are gone.
    case spent(used: Int, limit: Int, reserve: Int, resetsAt: Instant)
}

/// Keeps an account within its limits, whatever its syncs want. Pure: both clocks are passed in, civil time for the month
/// and monotonic time (milliseconds) for everything shorter.
package struct DownloadBudget: Sendable {
    package var limits: DownloadLimits
    package private(set) var month: DownloadMonth
    /// Monotonic times of the downloads requested in the latest ten minutes.
    private var recent: [Int64] = []
    private var pushedBackUntil: Int64 = .min
    package private(set) var downloading = 0
    package private(set) var looking = 0

    /// Longer windows than the documented ones: the server's clock and ours do not tick alike.
    static let minute: Int64 = 61_000
    static let tenMinutes: Int64 = 605_000

    /// - Parameters:
    ///   - past: when downloads were requested, as far as is on record.
    ///   - reading: what the account itself last said.
    package init(
        limits: DownloadLimits, past: [Instant], reading: QuotaReading?, now: Instant, monotonic: Int64
    ) {
        self.limits = limits
        month = DownloadMonth(past: past, reading: reading)
        // A download from the future was recorded before the clock was set back: it may be as late as now.
        recent = past.map { monotonic - max(0, now.milliseconds(since: $0)) }.filter { $0 > monotonic - Self.tenMinutes }
        recent.sort()
    }

    /// Decides about one call; with `go` it is under way and, if it is a download, counted.
    package mutating func admit(_ call: DownloadCall, now: Instant, monotonic: Int64) -> DownloadAdmission {
        if case .download(let isManual) = call {
            let limit = month.limit(limits.monthly)
            let used = month.used(at: now)
            let reserve = isManual ? 0 : limits.reserve
            if used >= limit - reserve {
                return .spent(used: used, limit: limit, reserve: reserve, resetsAt: month.resets(after: now))
            }
        }
        if monotonic < pushedBackUntil { return .wait(until: pushedBackUntil, for: .pushedBack) }
        guard downloading + looking < limits.concurrent else { return .waitForSlot }
        guard case .download = call else {
            looking += 1
            return .go
        }
        guard downloading < limits.parallel else { return .waitForSlot }
        if let wait = wait(monotonic) { return wait }
        downloading += 1
        recent.append(monotonic)
        month.count(now)
        return .go
    }

    /// Until when the windows have no room; nil when they have.
    private mutating func wait(_ monotonic: Int64) -> DownloadAdmission? {
        recent.removeAll { $0 <= monotonic - Self.tenMinutes }
        if recent.count >= limits.perTenMinutes {
            return .wait(until: recent[recent.count - limits.perTenMinutes] + Self.tenMinutes, for: .tenMinutes)
        }
        let lastMinute = recent.filter { $0 > monotonic - Self.minute }
        guard lastMinute.count >= limits.parallel else { return nil }
        return .wait(until: lastMinute[lastMinute.count - limits.parallel] + Self.minute, for: .minute)
    }

    /// A call is over: its file was read, or it failed.
    package mutating func ended(_ call: DownloadCall) {
        if case .download = call { downloading = max(0, downloading - 1) } else { looking = max(0, looking - 1) }
    }

    /// The request certainly never left: it cost nothing.
    package mutating func takeBack(_ requested: Instant) {
        month.takeBack(requested)
    }

    /// The server said that a limit was hit: nobody calls before `monotonic`.
    package mutating func pushBack(until monotonic: Int64) {
        pushedBackUntil = max(pushedBackUntil, monotonic)
    }

    /// The account told what it counted.
    package mutating func learned(_ reading: QuotaReading) {
        month.learned(reading)
    }
}
