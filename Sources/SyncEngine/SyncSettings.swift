import Scheduling

/// One sync's name, `cohort@destination`: who is told of whom.
package struct SyncID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The cohort's local key.
    package var cohort: String
    /// The destination's local key.
    package var destination: String

    package init(cohort: String, destination: String) {
        self.cohort = cohort
        self.destination = destination
    }

    /// Reads `cohort@destination`; nil when the text is not of that form.
    package init?(_ text: String) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        self.init(cohort: String(parts[0]), destination: String(parts[1]))
    }

    package var description: String { "\(cohort)@\(destination)" }

    package static func < (left: SyncID, right: SyncID) -> Bool {
        (left.cohort, left.destination) < (right.cohort, right.destination)
    }
}

/// What a member who left is told as (`on_leave`).
package enum LeavePolicy: String, Sendable, CaseIterable {
    case tellFalse = "false"
    case tellNull = "null"
    /// Nothing is sent; leaves are counted and the ledger keeps the members.
    case ignore
}

/// What the first run of a sync does (`first_sync`).
package enum FirstSync: String, Sendable, CaseIterable {
    /// Everyone is told.
    case backfill
    /// The members are recorded as told; nothing is sent.
    case baseline
}

/// What happens when an occurrence comes due while the previous run is under way (`overlap`).
package enum OverlapPolicy: String, Sendable, CaseIterable {
    case skip
    /// At most one occurrence waits.
    case queue
}

/// What becomes of occurrences that passed while no engine ran (`catch_up`).
package enum CatchUpPolicy: String, Sendable, CaseIterable {
    /// All of them together are one run.
    case latest
    case none
}

/// When a sync runs.
package struct SchedulePolicy: Sendable, Equatable {
    package var schedule: Schedule
    package var zone: Zone
    /// Each start is delayed by a fixed pseudo-random part of this many seconds.
    package var jitterSeconds: Int
    package var overlap: OverlapPolicy
    package var catchUp: CatchUpPolicy
    package var isPaused: Bool

    package init(
        schedule: Schedule, zone: Zone, jitterSeconds: Int = 0, overlap: OverlapPolicy = .skip,
        catchUp: CatchUpPolicy = .latest, isPaused: Bool = false
    ) {
        self.schedule = schedule
        self.zone = zone
        self.jitterSeconds = jitterSeconds
        self.overlap = overlap
        self.catchUp = catchUp
        self.isPaused = isPaused
    }
}

/// The four guards that `guards:` sets for a cohort (PRODUCT.md §5), with the documented defaults. Shares are in
/// parts per million, so that 20 % is 200,000 and no rounding decides whether a plan is held.
package struct GuardLimits: Sendable, Equatable {
    /// `guards: off`: these four do not hold; all others still do.
    package var areOff: Bool
    /// Largest share of the ledger that may leave in one run.
    package var maxLeave: Int
    /// Largest number of leaves in one run; nil for no such limit.
    package var maxLeaveCount: Int?
    /// Largest share of the ledger that may leave within 24 hours.
    package var maxLeaveDaily: Int
    /// Largest size of a snapshot as a multiple of the ledger, in parts per million (5x is 5,000,000).
    package var maxGrowth: Int
    /// Smallest share of the ledger that must still be in the snapshot.
    package var minOverlap: Int
    /// Whether an empty snapshot may pass.
    package var allowEmpty: Bool

    package init(
        areOff: Bool = false, maxLeave: Int = 200_000, maxLeaveCount: Int? = nil, maxLeaveDaily: Int = 300_000,
        maxGrowth: Int = 5_000_000, minOverlap: Int = 500_000, allowEmpty: Bool = false
    ) {
        self.areOff = areOff
        self.maxLeave = maxLeave
        self.maxLeaveCount = maxLeaveCount
        self.maxLeaveDaily = maxLeaveDaily
        self.maxGrowth = maxGrowth
        self.minOverlap = minOverlap
        self.allowEmpty = allowEmpty
    }
}
