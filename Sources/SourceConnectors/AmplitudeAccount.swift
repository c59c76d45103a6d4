import Scheduling
import SyncEngine
import Synchronization

/// What all cohorts of one Amplitude project share while this process lives: its limits, what it refused, and the files
/// that were downloaded.
package final class AmplitudeAccount: Sendable {
    package let gate: DownloadGate
    let shelf: DownloadShelf
    let clock: any EngineClock
    private let refusal = Mutex<String?>(nil)
    /// When the month was asked about last, in monotonic milliseconds.
    private let askedAt = Mutex<Int64?>(nil)

    /// The month is asked about this often, in milliseconds.
    private static let usageInterval: Int64 = 3_600_000

    /// - Parameter scratch: a folder of this process alone, emptied at its start.
    package init(
        account: String, limits: DownloadLimits, store: (any SyncStore)?, clock: any EngineClock, scratch: String
    ) {
        self.clock = clock
        gate = DownloadGate(account: account, limits: limits, store: store, clock: clock)
        shelf = DownloadShelf(folder: scratch, name: account)
    }

    /// Why the keys were refused; nil when they were not, or somebody asked to try again.
    var refusedReason: String? { refusal.withLock { $0 } }
    func refuse(_ reason: String) { refusal.withLock { $0 = reason } }
    /// The keys get another chance: the configuration changed, or a person asks.
    package func forgive() { refusal.withLock { $0 = nil } }

    /// Whether it is time to ask about the month again; asking once is enough for an hour.
    func isUsageDue() -> Bool {
        let now = clock.monotonic()
        return askedAt.withLock { asked in
            if let last = asked, now - last < Self.usageInterval { return false }
            asked = now
            return true
        }
    }

    /// Waits on the engine's clock; looks at the flag often.
    func wait(milliseconds: Int64, stop: StopFlag) throws(SourceError) {
        let deadline = clock.monotonic() + milliseconds
        while clock.monotonic() < deadline {
            if stop.isRaised { throw .stopped }
            let step = min(deadline, clock.monotonic() + 250)
            BlockingThread.wait { [clock] in await clock.sleep(until: step) }
        }
        if stop.isRaised { throw .stopped }
    }
}

/// The accounts of one process, so that a configuration that is loaded anew finds the limits where they were.
package final class AmplitudeAccounts: Sendable {
    private let store: (any SyncStore)?
    private let clock: any EngineClock
    private let scratch: String
    private let known = Mutex<[String: AmplitudeAccount]>([:])

    /// - Parameter store: nil for looking only; downloads then count in memory.
    package init(store: (any SyncStore)?, clock: any EngineClock, scratch: String) {
        self.store = store
        self.clock = clock
        self.scratch = scratch
    }

    /// Removes what was downloaded: members do not stay on the disk when the process goes.
    package func removeFiles() {
        for account in known.withLock({ Array($0.values) }) { account.shelf.removeAll() }
    }

    /// The account with this digest of its address and API key.
    package func account(_ digest: String, limits: DownloadLimits) -> AmplitudeAccount {
        let account = known.withLock { known in
            if let account = known[digest] { return account }
            let account = AmplitudeAccount(
                account: digest, limits: limits, store: store, clock: clock, scratch: scratch)
            known[digest] = account
            return account
        }
        account.forgive()
        Task { await account.gate.adopt(limits) }
        return account
    }
}
