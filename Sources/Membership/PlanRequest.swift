/// What a plan is made for.
package struct PlanRequest: Sendable {
    /// `cohort@destination`; part of the plan's hash.
    package var sync: String
    /// The trait that is set; part of the plan's hash.
    package var trait: String
    package var mode: PlanMode
    /// Identifies the changes that do not repeat an earlier attempt.
    package var attempt: Attempt
    /// Rows could not be read, so nobody may be told `false`: such changes are counted as withheld.
    package var withholdsLeaves: Bool
    /// `on_leave: ignore`: members who left are counted as ignored and stay in the ledger.
    package var ignoresLeaves: Bool
    /// Changes that a person dismissed: left out while still owed with that value.
    package var dismissed: [DismissedMember]
    /// Only changes to `false`: the leaves that an earlier run withheld and a person now approved.
    package var leavesOnly = false
    /// Members an earlier attempt for whom may still arrive at a destination that does not recognise repeats: changes
    /// that are the opposite of what they were last told wait and are counted as settling.
    package var inDoubt = DoubtfulMembers()
    /// The ledger is empty because the sync became another one at its destination: what those in doubt were last told is
    /// not known, so every change of theirs waits.
    package var startsAnew = false
    /// The wanted values of ``PlanMode/explicit``. Of several for one member the last counts.
    package var explicitChanges: [MemberChange]

    package init(
        sync: String, trait: String, mode: PlanMode = .changes, attempt: Attempt, withholdsLeaves: Bool = false,
        ignoresLeaves: Bool = false, dismissed: [DismissedMember] = [], explicitChanges: [MemberChange] = []
    ) {
        self.sync = sync
        self.trait = trait
        self.mode = mode
        self.attempt = attempt
        self.withholdsLeaves = withholdsLeaves
        self.ignoresLeaves = ignoresLeaves
        self.dismissed = dismissed
        self.explicitChanges = explicitChanges
    }
}

/// How a plan is made of snapshot and ledger.
package enum PlanMode: UInt8, Sendable, CaseIterable {
    /// What differs.
    case changes = 1
    /// The whole truth: `true` to the snapshot, `false` to every other member of the ledger, repeats included.
    case full = 2
    /// Nothing: the snapshot is recorded as told (`Ledger.baseline`).
    case baseline = 3
    /// `false` to everybody told `true` or unknown, whatever the snapshot, `ignoresLeaves` and `withholdsLeaves` say.
    case retire = 4
    /// The request's `explicitChanges` as far as the ledger does not agree already; the snapshot, `ignoresLeaves` and
    /// `withholdsLeaves` are ignored.
    case explicit = 5
    /// The inverse of an earlier plan; see `Plan.undoing`.
    case undo = 6
}

/// One member and a value for them.
package struct MemberChange: Hashable, Sendable {
    package var member: MemberID
    /// `true` for entered, `false` for left.
    package var entered: Bool

    package init(member: MemberID, entered: Bool) {
        self.member = member
        self.entered = entered
    }
}

/// A change that a person dismissed.
package typealias DismissedMember = MemberChange

/// What a change is to the books.
package enum ChangeKind: String, Sendable, CaseIterable {
    /// The ledger grows by one.
    case entered
    /// The ledger shrinks by one.
    case left
    /// No count moves: a repeat of `--full`, or an unknown settled back to what was last certain.
    case reasserted
}
