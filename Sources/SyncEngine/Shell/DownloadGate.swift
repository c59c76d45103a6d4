import Scheduling

/// Why no download is made.
package enum DownloadRefusal: Error, Sendable, Equatable {
    /// The month's downloads are used up, or all that schedules may use; the sentence has the numbers.
    case spent(String)
    /// It cannot be put on record, so it is not made.
    case storage(String)
    case stopped
}

/// Lets the calls of one account through within its limits; downloads in the order they were asked for. What
/// ``DownloadBudget`` decides, with the clocks and the store.
package actor DownloadGate {
    /// Names the account in the store: no secret.
    package nonisolated let account: String
    private nonisolated let clock: any EngineClock
    private let store: (any SyncStore)?
    private var limits: DownloadLimits
    private var budget: DownloadBudget?
    private var waiting: [Int] = []
    private var nextNumber = 0

    /// A call that waits looks up this often, in milliseconds: for a raised stop flag, and for a slot.
    private static let watchInterval: Int64 = 200

    /// - Parameter store: where downloads are on record; nil for looking only.
    package init(account: String, limits: DownloadLimits, store: (any SyncStore)?, clock: any EngineClock) {
        self.account = account
        self.limits = limits
        self.store = store
        self.clock = clock
    }

    /// Other limits, from a configuration that was edited.
    package func adopt(_ new: DownloadLimits) {
        limits = new
        budget?.limits = new
    }

    /// Waits until the call may be made and, for a download, puts it on record before the request leaves.
    /// - Parameter progress: told, once, what a call that has to wait waits for, and until when.
    /// - Returns: when it was let through; needed for ``takeBack(_:)``.
    package func enter(
        _ call: DownloadCall, cohort: String, stop: StopFlag, progress: @Sendable (String) -> Void = { _ in }
    ) async throws(DownloadRefusal) -> Instant {
        try await load()
        let number = nextNumber
        nextNumber += 1
        if call != .look { waiting.append(number) }
        defer { waiting.removeAll { $0 == number } }
        var told: Int64?
        while !stop.isRaised {
            var deadline = clock.monotonic() + Self.watchInterval
            if call == .look || waiting.first == number {
                let now = clock.now()
                switch budget?.admit(call, now: now, monotonic: clock.monotonic()) {
                case .go, nil:
                    waiting.removeAll { $0 == number }
                    try await record(call, cohort: cohort, at: now)
                    return now
                case .wait(let until, let reason):
                    if told != until {
                        let end = now.advanced(milliseconds: until - clock.monotonic())
                        progress(Self.sentence(reason, limits, until: end))
                        told = until
                    }
                    deadline = min(deadline, max(until, clock.monotonic() + 1))
                case .waitForSlot:
                    if told == nil { progress("waiting for another call of the account to end") }
                    told = .min
                case .spent(let used, let limit, let reserve, let resetsAt):
                    throw .spent(Self.sentence(used: used, limit: limit, reserve: reserve, resetsAt: resetsAt))
                }
            }
            await clock.sleep(until: deadline)
        }
        throw .stopped
    }

    private static func sentence(_ reason: DownloadWait, _ limits: DownloadLimits, until end: Instant) -> String {
        let what = switch reason {
        case .minute: "the account's \(limits.parallel) downloads a minute"
        case .tenMinutes: "the account's \(limits.perTenMinutes) downloads in ten minutes"
        case .pushedBack: "the pause that the server asked for"
        }
        return "waiting for \(what), until \(end.rfc3339Seconds)"
    }

    private func load() async throws(DownloadRefusal) {
        guard budget == nil else { return }
        var past: [Instant] = []
        var reading: QuotaReading?
        if let store {
            do throws(StoreError) {
                past = try await store.downloads(of: account, since: clock.now().advanced(seconds: -62 * 86_400))
                reading = try await store.quotaReading(of: account)
            } catch {
                throw .storage(error.message)
            }
        }
        // Another call may have loaded it meanwhile.
        guard budget == nil else { return }
        budget = DownloadBudget(
            limits: limits, past: past, reading: reading, now: clock.now(), monotonic: clock.monotonic())
    }

    private func record(_ call: DownloadCall, cohort: String, at now: Instant) async throws(DownloadRefusal) {
        guard call != .look, let store else { return }
        do throws(StoreError) {
            try await store.recordDownload(account: account, cohort: cohort, at: now)
        } catch {
            budget?.takeBack(now)
            budget?.ended(call)
            throw .storage(error.message)
        }
    }

    /// The call is over.
    package func leave(_ call: DownloadCall) { budget?.ended(call) }

    /// The request certainly never left.
    package func takeBack(_ requested: Instant) async {
        budget?.takeBack(requested)
        try? await store?.withdrawDownload(account: account, at: requested)
    }

    /// The server said that a limit was hit: nobody calls for so many milliseconds.
    package func pushBack(milliseconds: Int64) {
        budget?.pushBack(until: clock.monotonic() + milliseconds)
    }

    /// The account told what it counted.
    package func learned(_ reading: QuotaReading) async {
        budget?.learned(reading)
        try? await store?.saveQuotaReading(reading, of: account)
    }

    private static func sentence(used: Int, limit: Int, reserve: Int, resetsAt: Instant) -> String {
        let kept = reserve > 0 ? " (\(reserve) are kept for manual runs)" : ""
        return "the month's downloads are used up: \(used) of \(limit)\(kept); they count anew from "
            + resetsAt.rfc3339Seconds
    }
}
