import Scheduling
import SyncEngine
import Synchronization

/// What all cohorts of one Amplitude project share: its limits, what it refused, and the files that were downloaded. That
/// the keys were refused, and files that `skip_unchanged` may use again, outlive the process.
package final class AmplitudeAccount: Sendable {
    package let gate: DownloadGate
    let shelf: DownloadShelf
    let clock: any EngineClock
    private let name: String
    private let store: (any SyncStore)?
    private let refusal: Mutex<RefusedKeys?>
    /// When the month was asked about last, in monotonic milliseconds.
    private let askedAt = Mutex<Int64?>(nil)

    /// The month is asked about this often, in milliseconds.
    private static let usageInterval: Int64 = 3_600_000

    /// - Parameters:
    ///   - scratch: a folder of this process alone, emptied at its start.
    ///   - downloads: a folder whose files stay; nil keeps none.
    ///   - notes: what earlier processes left in the store.
    package init(
        account: String, limits: DownloadLimits, store: (any SyncStore)?, clock: any EngineClock, scratch: String,
        downloads: String? = nil, notes: [SourceNote] = []
    ) {
        self.clock = clock
        self.store = store
        name = account
        gate = DownloadGate(account: account, limits: limits, store: store, clock: clock)
        shelf = DownloadShelf(folder: scratch, kept: downloads, name: account)
        let own = notes.filter { $0.account == account }
        refusal = Mutex(own.first { $0.subject == RefusedKeys.subject }.flatMap {
            AmplitudeJSON.decode(RefusedKeys.self, from: Array($0.text.utf8))
        })
        guard let downloads else { return }
        for note in own {
            guard let (cohort, kept) = KeptDownload.read(note) else { continue }
            let age = max(0, clock.now().milliseconds(since: kept.requestedAt))
            shelf.put(kept.shelved(of: cohort, in: downloads, requested: clock.monotonic() - age), for: cohort)
        }
    }

    // MARK: - Refused keys

    /// Why these keys, as they are configured now, were refused; nil when they were not, or somebody asked to try again.
    func refusedReason(_ project: AmplitudeProject) -> String? {
        refusal.withLock { $0?.fingerprint == project.fingerprint ? $0?.reason : nil }
    }

    func refuse(_ reason: String, _ project: AmplitudeProject) {
        let refused = RefusedKeys(fingerprint: project.fingerprint, reason: reason)
        refusal.withLock { $0 = refused }
        save(AmplitudeJSON.encode(refused), subject: RefusedKeys.subject)
    }

    /// The keys were accepted, or get another chance because a person asks.
    func accepted() {
        let was = refusal.withLock { refusal in
            defer { refusal = nil }
            return refusal
        }
        if was != nil { save(nil, subject: RefusedKeys.subject) }
    }

    // MARK: - Files that stay

    /// Puts a download on record, so that the next process finds it.
    func keep(_ download: ShelvedDownload, of cohort: String) {
        guard let kept = KeptDownload(download) else { return }
        save(AmplitudeJSON.encode(kept), subject: KeptDownload.subject(of: cohort))
    }

    /// What cannot be put on record now is missed after a restart, and by then costs a request or a download.
    private func save(_ text: String?, subject: String) {
        guard let store else { return }
        BlockingThread.wait { [name] in try? await store.saveSourceNote(text, subject: subject, of: name) }
    }

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
    private let folder: StateFolder
    private let known = Mutex<[String: AmplitudeAccount]>([:])
    private let memory = Mutex<(salt: [UInt8], notes: [SourceNote])>(([], []))

    /// - Parameter store: nil for looking only; downloads then count in memory.
    package init(store: (any SyncStore)?, clock: any EngineClock, folder: StateFolder) {
        self.store = store
        self.clock = clock
        self.folder = folder
    }

    /// This install's random bytes, for fingerprints of keys.
    package var salt: [UInt8] { memory.withLock { $0.salt } }

    /// Reads what earlier processes left.
    /// - Parameter tidying: removes what belongs to nothing or is too old; only for the holder of the workspace.
    package func remember(from store: any SyncStore, tidying: Bool) async throws(StoreError) {
        let salt = try await store.namespace()
        let notes = try await store.sourceNotes()
        if tidying {
            let present = Set(StateFolder.names(in: folder.downloads))
            var wanted: Set<String> = []
            for note in notes where note.subject != RefusedKeys.subject {
                if let (_, kept) = KeptDownload.read(note), present.contains(kept.file),
                    clock.now().milliseconds(since: kept.requestedAt) <= KeptDownload.longestLife {
                    wanted.insert(kept.file)
                } else {
                    try await store.saveSourceNote(nil, subject: note.subject, of: note.account)
                }
            }
            for stray in present.subtracting(wanted) { SystemFile.remove(folder.downloads + "/" + stray) }
        }
        memory.withLock { $0 = (salt, notes) }
    }

    /// Removes what was downloaded and is not kept for the next process.
    package func removeFiles() {
        for account in known.withLock({ Array($0.values) }) { account.shelf.removeAll() }
    }

    /// The account with this digest of its address and API key.
    package func account(_ digest: String, limits: DownloadLimits) -> AmplitudeAccount {
        let account = known.withLock { known in
            if let account = known[digest] { return account }
            let account = AmplitudeAccount(
                account: digest, limits: limits, store: store, clock: clock, scratch: folder.scratch,
                downloads: store == nil ? nil : folder.downloads, notes: memory.withLock { $0.notes })
            known[digest] = account
            return account
        }
        Task { await account.gate.adopt(limits) }
        return account
    }
}
