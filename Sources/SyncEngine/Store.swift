import Scheduling

/// Why the store could not do what it was asked. The text names the file and the reason.
package enum StoreError: Error, Sendable, Equatable {
    /// The disk is full, read-only or failing: nothing was changed; it may work later.
    case unavailable(String)
    /// The file is damaged, or of a version this build does not know. Nothing is guessed from it.
    case corrupt(String)
    /// Whoever asked went away meanwhile.
    case cancelled

    package var message: String {
        switch self {
        case .cancelled: "the request was given up"
        case .unavailable(let text), .corrupt(let text): text
        }
    }
}

/// A ledger file as the store refers to it.
package struct LedgerReference: Hashable, Sendable, Codable {
    /// File name below the state folder's `ledgers`.
    package var file: String
    package var digest: String
    /// Members told `true` (an unknown counts as last told with certainty), told `false`, and unknown.
    package var members: Int
    package var toldFalse: Int
    package var unknown: Int

    package init(file: String, digest: String, members: Int, toldFalse: Int, unknown: Int) {
        self.file = file
        self.digest = digest
        self.members = members
        self.toldFalse = toldFalse
        self.unknown = unknown
    }
}

/// What is durable of a sync between its runs.
package struct SyncState: Hashable, Sendable, Codable {
    package var sync: SyncID
    /// The identity under which the ledger was told; nil before the first run that planned.
    package var told: SyncIdentity?
    /// The former name of this sync, whose cohort's key changed; nil once a run noted it.
    package var inheritedFrom: SyncID?
    /// The configured trait that the operator chose *not* to adopt when a rename was held.
    package var declinedTrait: String?
    package var ledger: LedgerReference?
    /// When a run last ended with attempts of unknown outcome; nil when there are none.
    package var lastUnknownAt: Instant?
    /// The timestamp of the last plan, so that the next one's is later whatever the clock does.
    package var lastTimestamp: Instant?
    /// The run that planned last, on disk with its plan: of a sync no other plan may begin to be sent.
    package var lastPlanned: RunID?
    /// The schedule that is followed, and since when.
    package var scheduleSignature: String?
    package var scheduleLoadedAt: Instant?
    package var lastOccurrence: Instant?

    package init(sync: SyncID) {
        self.sync = sync
    }
}

/// What is durable of a destination between runs.
package struct DestinationState: Hashable, Sendable, Codable {
    package var destination: String
    /// Why it refuses everything, and the address it had then.
    package var blockedReason: String?
    package var blockedAt: Instant?
    package var blockedAddress: String?
    /// Members per request after a 413, and the address that answered it; nil when nothing limits them.
    package var countLimit: Int?
    package var countLimitAddress: String?

    package init(destination: String) {
        self.destination = destination
    }
}

/// A member that could not be told.
package struct Reject: Hashable, Sendable {
    package var id: Int64
    package var sync: SyncID
    package var run: RunID
    package var member: [UInt8]
    package var entered: Bool
    package var reason: String
    package var httpStatus: Int?
    package var attempts: Int
    package var at: Instant
    /// A person said not to try again until membership or definition changes.
    package var isDismissed: Bool

    package init(
        id: Int64, sync: SyncID, run: RunID, member: [UInt8], entered: Bool, reason: String, httpStatus: Int?,
        attempts: Int, at: Instant, isDismissed: Bool = false
    ) {
        self.id = id
        self.sync = sync
        self.run = run
        self.member = member
        self.entered = entered
        self.reason = reason
        self.httpStatus = httpStatus
        self.attempts = attempts
        self.at = at
        self.isDismissed = isDismissed
    }
}

/// Something a person or a program did, kept for ever.
package struct AuditEntry: Hashable, Sendable {
    package var at: Instant
    /// `uid:1000`, `engine`.
    package var actor: String
    /// `approve`, `discard`, `cancel`, `freeze`, `pause`, `dismiss`, …
    package var action: String
    /// What it was done to: a run, a sync, a reject.
    package var subject: String
    package var reason: String?

    package init(at: Instant, actor: String, action: String, subject: String, reason: String? = nil) {
        self.at = at
        self.actor = actor
        self.action = action
        self.subject = subject
        self.reason = reason
    }
}

/// Something that a source keeps of one of its accounts; what the text means is the source's own business.
package struct SourceNote: Hashable, Sendable {
    /// A digest, no key.
    package var account: String
    package var subject: String
    package var text: String

    package init(account: String, subject: String, text: String) {
        self.account = account
        self.subject = subject
        self.text = text
    }
}

/// An occurrence that started no run.
package struct SkippedOccurrence: Hashable, Sendable {
    package var sync: SyncID
    package var nominal: Instant
    package var missed: Int
    package var reason: String

    package init(sync: SyncID, nominal: Instant, missed: Int, reason: String) {
        self.sync = sync
        self.nominal = nominal
        self.missed = missed
        self.reason = reason
    }
}

/// Which runs a listing wants.
package struct RunFilter: Sendable, Equatable {
    package var syncs: [SyncID]?
    /// Only runs older than this one.
    package var before: RunID?
    /// Only runs newer than this one, oldest first.
    package var after: RunID?
    /// Only runs that are not finished.
    package var unfinishedOnly = false
    package var limit: Int

    package init(syncs: [SyncID]? = nil, before: RunID? = nil, unfinishedOnly: Bool = false, limit: Int = 100) {
        self.syncs = syncs
        self.before = before
        self.unfinishedOnly = unfinishedOnly
        self.limit = limit
    }
}

/// The rejects of one run, settled against what the sync had before.
package struct RejectChanges: Sendable, Equatable {
    /// Rejected in this run; replaces an earlier reject of the same sync and member. `id` is ignored.
    package var rejected: [Reject] = []
    /// Ids that are no longer owed, or went through.
    package var settled: [Int64] = []

    package init() {}
}

/// One run's plan files without one user.
package struct PlanPurge: Sendable, Equatable {
    package var run: RunID
    /// The run's facts with the new files; its counts stay, they name nobody.
    package var facts: PlanFacts
    /// The positions that the user had, highest first.
    package var positions: [Int]
    /// The user's hash in the index; nil when another member of the run has the same.
    package var memberHash: UInt64?

    package init(run: RunID, facts: PlanFacts, positions: [Int], memberHash: UInt64?) {
        self.run = run
        self.facts = facts
        self.positions = positions
        self.memberHash = memberHash
    }
}

/// Everything small and relational. Each verb is one transaction: when it returns, it is on the disk; when it throws,
/// nothing changed.
package protocol SyncStore: Sendable {
    /// 16 random bytes drawn when the store was created.
    func namespace() async throws(StoreError) -> [UInt8]

    func syncStates() async throws(StoreError) -> [SyncState]
    func saveSyncState(_ state: SyncState) async throws(StoreError)
    /// Saves many at once; nothing is done for none.
    func saveSyncStates(_ states: [SyncState]) async throws(StoreError)
    /// A sync goes on under another key: its runs, rejects and occurrences are the new sync's, whose state is this one.
    func takeOver(from old: SyncID, by heir: SyncState) async throws(StoreError)
    func destinationStates() async throws(StoreError) -> [DestinationState]
    func saveDestinationState(_ state: DestinationState) async throws(StoreError)

    func isFrozen() async throws(StoreError) -> Bool
    func setFrozen(_ isFrozen: Bool, audit: AuditEntry) async throws(StoreError)
    func appendAudit(_ entry: AuditEntry) async throws(StoreError)
    func audit(limit: Int) async throws(StoreError) -> [AuditEntry]

    /// Creates a run and gives it its number; for a scheduled one also takes its occurrence.
    /// - Returns: nil when that occurrence was decided before: an occurrence starts at most one run, ever.
    func createRun(_ draft: RunRecord) async throws(StoreError) -> RunRecord?
    func recordSkip(_ skip: SkippedOccurrence) async throws(StoreError)
    func skips(of sync: SyncID, limit: Int) async throws(StoreError) -> [SkippedOccurrence]
    func saveRun(_ run: RunRecord) async throws(StoreError)

    /// Stores a run together with its plan: from here on it is resumed, not repeated.
    /// - Parameter memberHashes: order hashes of the planned members when there are few enough to be indexed one by
    ///   one; nil leaves finding a member to the plan file itself.
    func commitPlan(_ run: RunRecord, state: SyncState, memberHashes: [UInt64]?) async throws(StoreError)

    /// Stores facts about parts of a plan, in their order, with the counts they lead to.
    func saveBatches(_ facts: [BatchFact], of run: RunID, counts: DeliveryCounts) async throws(StoreError)
    func batches(of run: RunID) async throws(StoreError) -> [BatchRecord]

    /// Stores the end of a run, the sync's new ledger and its rejects.
    func finishRun(_ run: RunRecord, state: SyncState?, rejects: RejectChanges) async throws(StoreError)

    func run(_ id: RunID) async throws(StoreError) -> RunRecord?
    /// Newest first, unless the filter has `after`.
    func runs(_ filter: RunFilter) async throws(StoreError) -> [RunRecord]
    /// Runs whose plan may contain a member with this order hash, newest first: those indexed under it, and all whose
    /// plan was too large to be indexed.
    func runsNaming(memberHash: UInt64) async throws(StoreError) -> [RunRecord]

    func rejects(of syncs: [SyncID]?, limit: Int) async throws(StoreError) -> [Reject]
    func dismissReject(_ id: Int64, audit: AuditEntry) async throws(StoreError) -> Bool
    /// Accepted leaves of a sync since an instant, of runs that nobody approved.
    func unapprovedLeaves(of sync: SyncID, since: Instant) async throws(StoreError) -> Int

    /// Removes runs that finished before `instant`, except the last of each sync; returns them, so that their files
    /// can be removed too.
    func removeRuns(finishedBefore instant: Instant, limit: Int) async throws(StoreError) -> [RunRecord]

    /// File names of every plan that a run refers to.
    func planFiles() async throws(StoreError) -> Set<String>

    /// Removes one user's change from the history of a finished run: its plan files are replaced, what is known of the
    /// later positions moves up, and its index no longer names the user.
    func purgePlan(_ purge: PlanPurge) async throws(StoreError)

    /// Removes one user's rejects. Dismissed ones are decisions that still hold; they stay, without their history.
    /// - Returns: how many were removed and how many stay.
    func purgeRejects(of member: [UInt8], audit: AuditEntry) async throws(StoreError) -> (removed: Int, kept: Int)
    /// When downloads of an account were requested since an instant, oldest first.
    func downloads(of account: String, since: Instant) async throws(StoreError) -> [Instant]
    /// Puts a download on record before its request leaves.
    func recordDownload(account: String, cohort: String, at instant: Instant) async throws(StoreError)
    /// Removes one download of that instant: its request certainly never left.
    func withdrawDownload(account: String, at instant: Instant) async throws(StoreError)
    /// What the account last said of its month; nil when it never did.
    func quotaReading(of account: String) async throws(StoreError) -> QuotaReading?
    func saveQuotaReading(_ reading: QuotaReading, of account: String) async throws(StoreError)
    /// What sources keep of their accounts over restarts.
    func sourceNotes() async throws(StoreError) -> [SourceNote]
    /// Keeps a note in place of the former one of its account and subject; a nil text forgets it.
    func saveSourceNote(_ text: String?, subject: String, of account: String) async throws(StoreError)

    /// Checks the store's own structure; returns the faults found.
    func integrityFaults() async throws(StoreError) -> [String]
}
