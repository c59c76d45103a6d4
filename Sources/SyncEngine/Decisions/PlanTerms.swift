import Membership
import Scheduling

/// Under which identity a run plans, and what its plan is asked to contain. Pure: the clock and the random id are
/// passed in.
package struct PlanTerms: Sendable {
    /// The configured identity, or with the pinned trait of a renamed cohort.
    package private(set) var identity: SyncIdentity
    /// What of a changed configuration waits for a person.
    package private(set) var holds: [Hold] = []
    package private(set) var notes: [String]

    /// Compares the configured identity with the one the ledger was told under.
    package init(of record: RunRecord, state: SyncState) {
        identity = record.identity
        notes = record.notes
        guard let told = state.told else { return }
        holds = identity.holds(comparedWith: told)
        notes += identity.notes(comparedWith: told)
        if let old = state.inheritedFrom {
            notes.append("the key changed from \(old.cohort) to \(record.sync.cohort); the ledger goes on")
        }
        if identity.trait != told.trait, identity.template == told.template {
            // A renamed cohort keeps its pinned trait, once the operator has seen it.
            if state.declinedTrait == identity.trait { holds.removeFirst() }
            identity.trait = told.trait
        }
    }

    /// The plan's timestamp: now, but later than the last plan's whatever the clock does.
    package static func timestamp(now: Instant, after state: SyncState) -> Instant {
        state.lastTimestamp.map { max(now, $0.advanced(milliseconds: 1)) } ?? now
    }

    /// What the plan of a run is asked to contain.
    /// - Parameters:
    ///   - told: what the destination was told the sync is; nil when it never was.
    ///   - unreadable: rows that could not be read; any of them withholds every leave.
    ///   - inDoubt: members whose opposite changes wait, because an earlier attempt may still arrive.
    package static func request(
        for record: RunRecord, under identity: SyncIdentity, told: SyncIdentity?, attempt: Attempt, leaves: LeavePolicy,
        unreadable: Int, dismissed: [DismissedMember], inDoubt: DoubtfulMembers
    ) -> PlanRequest {
        var request = PlanRequest(
            sync: record.sync.description, trait: identity.trait, mode: .changes, attempt: attempt)
        switch record.mode {
        case .changes: request.mode = .changes
        case .full: request.mode = .full
        case .baseline: request.mode = .baseline
        case .leaves:
            request.mode = .changes
            request.leavesOnly = true
        case .undo: request.mode = .undo
        case .retire: request.mode = .retire
        case .migrate: request.mode = .changes
        }
        request.withholdsLeaves = unreadable > 0 && record.mode != .leaves
        request.ignoresLeaves = leaves == .ignore
        request.dismissed = dismissed
        request.inDoubt = inDoubt
        request.startsAnew = told.map { !$0.sharesLedger(with: identity) } ?? false
        return request
    }

    /// What a person reads of changes that a plan leaves out because an earlier attempt may still arrive.
    /// - Parameter settling: how many.
    /// - Returns: nil when there are none.
    package static func settlingNote(_ settling: Int, mode: RunMode) -> String? {
        guard settling > 0 else { return nil }
        let note = "\(settling) opposite changes wait until attempts of unknown outcome have settled"
        // The next run of a sync makes up for what waits; a plan that a person asked for comes only once.
        return mode == .undo || mode == .retire ? note + "; ask again then" : note
    }

    /// Why a migration cannot be planned yet: it ends the former trait as a whole, and what it left out would be
    /// forgotten with it; and on the new trait, if that was told before, it knows of no earlier attempt.
    /// - Parameter isAnybodyInDoubt: whether an attempt of the sync, on whichever trait, may still arrive.
    /// - Returns: nil when nothing stands against it.
    package static func migrationObstacle(isAnybodyInDoubt: Bool, former: String, trait: String) -> String? {
        guard isAnybodyInDoubt else { return nil }
        return "attempts of unknown outcome may still arrive on \(former) or \(trait); migrate later"
    }

    /// The holds that are left once an approval given beforehand was compared with the plan it names; nil when the
    /// plan is exactly the approved one.
    package static func holds(_ holds: [Hold], of hash: String, approved: String?) -> [Hold]? {
        guard let approved else { return holds }
        if hash == approved { return nil }
        return holds + [
            Hold(guardName: "approval", detail: "the plan is \(hash), not the approved \(approved)"),
        ]
    }
}

extension BatchRecord {
    /// Whether an attempt for these members may still arrive, so that their opposite must wait.
    ///
    /// Where repeats are not recognised a later success does not end that: the first attempt may be the slower one.
    /// Attempts that were certainly not accepted are not told apart from the others; that only delays. Where they are
    /// recognised only the attempts of a process that died are in doubt: nobody waited for their end.
    /// - Parameters:
    ///   - recognisesRepeats: whether the destination does.
    ///   - longest: how long an attempt is assumed to be on its way at most, in milliseconds. A record from the future,
    ///     further than that, was made under a clock that was wrong and says nothing.
    package func isInDoubt(now: Instant, recognisesRepeats: Bool, longest: Int64) -> Bool {
        let isCertain = recognisesRepeats
            ? state != .sending : attempts == 0 || attempts == 1 && (state == .accepted || state == .rejected)
        guard !isCertain else { return false }
        let age = now.milliseconds(since: at)
        return age < longest && age > -longest
    }
}

extension SyncState {
    /// What is durable of the sync once a run has ended.
    /// - Parameters:
    ///   - newLedger: nil when the run changed nothing in it.
    ///   - configured: the sync's configured trait and its template.
    ///   - endsFormer: a migration whose former trait is settled.
    package func following(
        _ record: RunRecord, newLedger: LedgerReference?, configured: (trait: String, template: String),
        endsFormer: Bool, now: Instant
    ) -> SyncState {
        var next = self
        if let newLedger {
            next.ledger = newLedger
            next.lastUnknownAt = newLedger.unknown > 0 ? now : nil
        }
        // Another identity is adopted only with a ledger of its own: as long as nobody was told anything under it, the
        // destination knows what it knew, and the next plan is held again.
        let sharesLedger = told?.sharesLedger(with: record.identity) ?? true
        let tellsNobody = record.plan?.count == 0
        if !sharesLedger, tellsNobody, newLedger == nil { next.ledger = nil }
        if endsFormer { next.told = record.identity }
        if !record.mode.keepsIdentity, record.mode != .migrate, sharesLedger || tellsNobody || newLedger != nil {
            next.told = record.identity
        }
        next.inheritedFrom = nil
        if record.identity.trait != configured.trait, record.identity.template == configured.template,
            !record.mode.keepsIdentity {
            next.declinedTrait = configured.trait
        }
        if endsFormer { next.declinedTrait = nil }
        return next
    }
}
