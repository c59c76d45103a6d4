/// The numbers of a plan: what the guards judge, what people approve, what the books start from.
package struct PlanSummary: Hashable, Sendable {
    /// Members of the snapshot that the plan was made from.
    package var snapshotMembers = 0
    /// Members of the ledger before, an unknown counting as last told with certainty.
    package var ledgerMembers = 0
    /// Changes that make the ledger grow by one each.
    package var entered = 0
    /// Changes that make the ledger shrink by one each.
    package var left = 0
    /// Members whom the destination knows already.
    package var unchanged = 0
    /// Changes that move no count: repeats of a full plan, unknowns settled back.
    package var reasserted = 0
    /// Changes to `false` that are not in the plan because rows could not be read.
    package var withheld = 0
    /// Leaves that the sync does not tell (`on_leave: ignore`).
    package var ignored = 0
    /// Changes that are not in the plan because a person dismissed them.
    package var dismissed = 0
    /// Changes that wait until an attempt of unknown outcome can no longer arrive late.
    package var settling = 0
    /// Members of the ledger who are still in the snapshot.
    package var retained = 0
    /// Total length of the ids in the plan, in bytes: with the number of changes it tells how much will be sent.
    package var idBytes = 0
    /// SHA-256 over the sync, its trait and the exact changes in order, nothing else, in 64 hex digits: the same
    /// changes have the same hash. It is what an approval names.
    package var hash = ""

    package init() {}

    /// Number of changes in the plan.
    package var changes: Int { entered + left + reasserted }

    /// The summary of the plan that an unchanged source would have: everybody told `true` is still in the snapshot, and
    /// nobody else is. For use after `SnapshotBuilder.matches`.
    package static func unchanged(_ ledger: Ledger, sync: String, trait: String) -> PlanSummary {
        var summary = PlanSummary()
        summary.snapshotMembers = ledger.members
        summary.ledgerMembers = ledger.members
        summary.unchanged = ledger.members
        summary.retained = ledger.members
        summary.hash = PlanHash(sync: sync, trait: trait).finish()
        return summary
    }

    /// Every count, in the order of the file.
    static var countKeys: [WritableKeyPath<PlanSummary, Int>] {
        [
            \.snapshotMembers, \.ledgerMembers, \.entered, \.left, \.unchanged, \.reasserted, \.withheld, \.ignored,
            \.dismissed, \.settling, \.retained, \.idBytes,
        ]
    }
}
