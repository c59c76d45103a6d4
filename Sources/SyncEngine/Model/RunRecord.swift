import Scheduling

/// One run's number, counted up for ever in a workspace. People and wire formats see it as decimal text.
package struct RunID: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package var number: Int64

    package init(_ number: Int64) {
        self.number = number
    }

    /// Reads the decimal text; nil for anything else.
    package init?(text: String) {
        guard let number = Int64(text), number > 0, String(number) == text else { return nil }
        self.number = number
    }

    package init(from decoder: any Decoder) throws {
        number = try decoder.singleValueContainer().decode(Int64.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(number)
    }

    package var description: String { String(number) }

    package static func < (left: RunID, right: RunID) -> Bool { left.number < right.number }
}

/// What started a run.
package enum Trigger: String, Sendable, Codable, CaseIterable {
    case schedule
    /// Occurrences that passed while no engine ran, as one run.
    case catchUp = "catch-up"
    /// A person or a program asked.
    case manual
}

/// What a run sends.
package enum RunMode: String, Sendable, Codable, CaseIterable {
    /// The difference between the snapshot and the ledger.
    case changes
    /// The whole truth again: `true` to the snapshot, `false` to everyone else in the ledger.
    case full
    /// Nothing: the snapshot is recorded as told (`first_sync: baseline`).
    case baseline
    /// Only the leaves that an earlier run withheld because of unreadable rows (`approve --leaves`).
    case leaves
    /// The inverse of an earlier run, for members unchanged since (`undo RUN`). Always held.
    case undo
    /// `false` to everyone who was told (`retire NAME`). Always held.
    case retire
    /// `false` to everyone on the trait that was told, then `true` on the configured one (`migrate NAME`). Always held.
    case migrate

    /// Whether the run reads its source; the others work from the ledger and from what was read before.
    package var readsSource: Bool {
        switch self {
        case .changes, .full, .baseline, .migrate: true
        case .leaves, .undo, .retire: false
        }
    }

    /// Whether the run speaks of what was told and says nothing about what the configuration wants.
    package var keepsIdentity: Bool { self == .undo || self == .retire }
}

/// Where a run is. `held` is left only by approval, discard, or replacement.
package enum Phase: String, Sendable, Codable, CaseIterable {
    case queued, fetching, planning, held, sending, finished
}

/// How a run ended (PRODUCT.md §1).
package enum Outcome: String, Sendable, Codable, CaseIterable {
    case succeeded, unchanged, partial, failed, cancelled, discarded
}

/// Why a plan waits for a person, with the numbers that tripped the guard.
package struct Hold: Hashable, Sendable, Codable {
    /// The guard's name as in PRODUCT.md §5: `empty`, `shrink`, `growth`, `drift`, `definition`, `approval`.
    package var guardName: String
    /// One sentence with the numbers.
    package var detail: String

    package init(guardName: String, detail: String) {
        self.guardName = guardName
        self.detail = detail
    }
}

/// What a sync is at the destination. A run keeps the one it was planned with.
package struct SyncIdentity: Hashable, Sendable, Codable {
    /// The trait on the wire.
    package var trait: String
    /// The trait's template in the configuration, `{name}` unexpanded, to tell a renamed cohort from an edited trait.
    package var template: String
    /// The source's kind and what selects the members in it.
    package var sourceKind: String
    package var sourceDefinition: String
    /// The destination's kind and address.
    package var destinationKind: String
    package var destinationAddress: String
    /// The cohort's name and id, and whether a leave is told as `null`: how the destination words what `retire` tells
    /// it when the configuration no longer has the cohort. Nil in what older versions wrote.
    package var name: String?
    package var id: String?
    package var leavesAsNull: Bool?

    package init(
        trait: String, template: String, sourceKind: String, sourceDefinition: String, destinationKind: String,
        destinationAddress: String
    ) {
        self.trait = trait
        self.template = template
        self.sourceKind = sourceKind
        self.sourceDefinition = sourceDefinition
        self.destinationKind = destinationKind
        self.destinationAddress = destinationAddress
    }
}

/// What reading the source counted. `read = members + duplicates + invalid`; `unreadable` is part of `invalid`.
package struct FetchCounts: Hashable, Sendable, Codable {
    package var read = 0
    package var members = 0
    package var duplicates = 0
    package var invalid = 0
    package var unreadable = 0

    package init() {}

    package var balances: Bool { read == members + duplicates + invalid && unreadable <= invalid }
}

/// A snapshot file as a run refers to it.
package struct SnapshotReference: Hashable, Sendable, Codable {
    package var file: String
    package var digest: String

    package init(file: String, digest: String) {
        self.file = file
        self.digest = digest
    }
}

/// A row that is no member, kept for people: the first hundred of a run.
package struct BadRow: Hashable, Sendable, Codable {
    /// Line or row number in the source, from 1.
    package var position: Int
    package var reason: String
    package var isUnreadable: Bool

    package init(position: Int, reason: String, isUnreadable: Bool) {
        self.position = position
        self.reason = reason
        self.isUnreadable = isUnreadable
    }
}

/// The first part of a migration, a plan file of its own: `false` on the former trait to everyone who was told. Its
/// changes stand before those of the run's own plan: positions count on from one to the other.
package struct FormerPlan: Hashable, Sendable, Codable {
    /// File name below the state folder's `plans`, and the digest that the file must have.
    package var file: String
    package var digest: String
    package var trait: String

    package init(file: String, digest: String, trait: String) {
        self.file = file
        self.digest = digest
        self.trait = trait
    }
}

/// What a plan says, as kept with its run.
package struct PlanFacts: Hashable, Sendable, Codable {
    /// File name below the state folder's `plans`, and the digest that the file must have.
    package var file: String
    package var digest: String
    /// What an approval names: covers the sync, its trait and the exact changes.
    package var hash: String
    package var entered = 0
    package var left = 0
    package var unchanged = 0
    package var reasserted = 0
    package var withheld = 0
    package var ignored = 0
    package var dismissed = 0
    /// Members of the snapshot, and of the ledger before the run.
    package var snapshot = 0
    package var ledger = 0
    /// Members of the ledger that are still in the snapshot.
    package var retained = 0
    /// Requests and bytes that sending will take, estimated.
    package var requests = 0
    package var bytes = 0

    /// The plan that ends the former trait of a migration; nil for every other run.
    package var former: FormerPlan?

    package init(file: String, digest: String, hash: String) {
        self.file = file
        self.digest = digest
        self.hash = hash
    }

    /// Number of members the plan sends.
    package var count: Int { entered + left + reasserted }
}

/// What sending has counted so far, in members unless said otherwise.
package struct DeliveryCounts: Hashable, Sendable, Codable {
    /// Members in at least one attempt.
    package var sent = 0
    package var accepted = 0
    package var rejected = 0
    /// Accepted members who left, for the 24-hour guard.
    package var acceptedLeft = 0
    /// HTTP requests or appends made; those that repeated an earlier one; bytes of their bodies.
    package var requests = 0
    package var retries = 0
    package var bytes = 0

    package init() {}
}

/// Who let a held plan go, when and why.
package struct Approval: Hashable, Sendable, Codable {
    package var by: String
    package var at: Instant
    package var reason: String?

    package init(by: String, at: Instant, reason: String?) {
        self.by = by
        self.at = at
        self.reason = reason
    }
}

/// One execution of a sync: everything that is kept of it.
package struct RunRecord: Hashable, Sendable, Codable {
    package var id: RunID
    package var sync: SyncID
    package var trigger: Trigger
    package var mode: RunMode
    /// The instant the schedule named; nil for a manual run.
    package var nominal: Instant?
    package var phase: Phase
    package var outcome: Outcome?
    /// One sentence: why it failed, is held, was cancelled, is partial.
    package var reason: String?
    package var createdAt: Instant
    package var startedAt: Instant?
    package var finishedAt: Instant?
    package var identity: SyncIdentity
    package var fetched: FetchCounts?
    package var badRows: [BadRow] = []
    /// The snapshot it read, while that is kept: file name below `snapshots` and digest.
    package var snapshot: SnapshotReference?
    package var plan: PlanFacts?
    package var holds: [Hold] = []
    /// Sentences for the operator that hold nothing back, such as a changed query.
    package var notes: [String] = []
    package var delivery = DeliveryCounts()
    package var approval: Approval?
    package var replacedBy: RunID?
    /// The run that this one takes back.
    package var undoes: RunID?
    /// Members of the ledger after the run; nil until it is finished.
    package var ledgerAfter: Int?

    package init(
        id: RunID, sync: SyncID, trigger: Trigger, mode: RunMode, nominal: Instant?, createdAt: Instant,
        identity: SyncIdentity
    ) {
        self.id = id
        self.sync = sync
        self.trigger = trigger
        self.mode = mode
        self.nominal = nominal
        self.phase = .queued
        self.createdAt = createdAt
        self.identity = identity
    }

    /// Members still owed: planned, neither accepted nor rejected.
    package var pending: Int { (plan?.count ?? 0) - delivery.accepted - delivery.rejected }
}

extension Instant: Codable {
    package init(from decoder: any Decoder) throws {
        self.init(milliseconds: try decoder.singleValueContainer().decode(Int64.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }
}

extension SyncID: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let sync = SyncID(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not of the form cohort@destination")
        }
        self = sync
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
