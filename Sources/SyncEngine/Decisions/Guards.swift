/// What the guards look at: one plan beside the ledger it was made against.
package struct GuardedPlan: Sendable, Equatable {
    /// Members of the snapshot.
    package var snapshot: Int
    /// Members that the destination has been told of and not told the end of, before this plan.
    package var ledger: Int
    /// Members the plan tells that they left (withheld and ignored ones are not among them).
    package var leaves: Int
    /// Members of the ledger that are still in the snapshot.
    package var retained: Int
    /// Accepted leaves of the last 24 hours that nobody approved.
    package var recentLeaves: Int
    /// With `on_leave: ignore` neither shrink nor drift applies.
    package var ignoresLeaves: Bool

    package init(
        snapshot: Int, ledger: Int, leaves: Int, retained: Int, recentLeaves: Int = 0, ignoresLeaves: Bool = false
    ) {
        self.snapshot = snapshot
        self.ledger = ledger
        self.leaves = leaves
        self.retained = retained
        self.recentLeaves = recentLeaves
        self.ignoresLeaves = ignoresLeaves
    }
}

extension GuardLimits {
    /// The four guards of PRODUCT.md §5 that a cohort can set. *Above* means greater than; shares are compared in
    /// integers, so that a plan exactly on a limit always passes.
    package func holds(on plan: GuardedPlan) -> [Hold] {
        guard !areOff else { return [] }
        var holds: [Hold] = []
        let isAllowedEmpty = plan.snapshot == 0 && allowEmpty
        if plan.snapshot == 0, plan.ledger > 0, !allowEmpty {
            holds.append(Hold(
                guardName: "empty",
                detail: "the source is empty and \(plan.ledger) members are in the ledger (allow_empty: false)"))
        }
        if !plan.ignoresLeaves, !isAllowedEmpty {
            holds += shrinkHolds(on: plan)
        }
        if plan.ledger > 0, exceeds(plan.snapshot, share: maxGrowth, of: plan.ledger),
            plan.snapshot - plan.ledger > 1000 {
            holds.append(Hold(
                guardName: "growth",
                detail: "\(plan.snapshot) members are more than \(multiple(maxGrowth)) of the "
                    + "\(plan.ledger) in the ledger (max_growth)"))
        }
        if !plan.ignoresLeaves, !isAllowedEmpty, plan.ledger >= 50,
            isBelow(plan.retained, share: minOverlap, of: plan.ledger) {
            holds.append(Hold(
                guardName: "drift",
                detail: "only \(plan.retained) of \(plan.ledger) members are still there, less than "
                    + "\(percentage(minOverlap)) (min_overlap)"))
        }
        return holds
    }

    private func shrinkHolds(on plan: GuardedPlan) -> [Hold] {
        var holds: [Hold] = []
        if plan.leaves > 50, exceeds(plan.leaves, share: maxLeave, of: plan.ledger) {
            holds.append(Hold(
                guardName: "shrink",
                detail: "\(plan.leaves) of \(plan.ledger) members would leave, above \(percentage(maxLeave)) "
                    + "(max_leave)"))
        }
        if let maxLeaveCount, plan.leaves > maxLeaveCount {
            holds.append(Hold(
                guardName: "shrink",
                detail: "\(plan.leaves) members would leave, above \(maxLeaveCount) (max_leave_count)"))
        }
        let day = plan.leaves + plan.recentLeaves
        let base = plan.ledger + plan.recentLeaves
        if plan.leaves > 0, day > 50, exceeds(day, share: maxLeaveDaily, of: base) {
            holds.append(Hold(
                guardName: "shrink",
                detail: "\(day) members would have left within 24 hours, \(plan.recentLeaves) of them before, above "
                    + "\(percentage(maxLeaveDaily)) of \(base) (max_leave_daily)"))
        }
        return holds
    }

    /// `part > share × whole` without rounding; the share is in parts per million.
    private func exceeds(_ part: Int, share: Int, of whole: Int) -> Bool {
        let left = part.multipliedFullWidth(by: 1_000_000)
        let right = share.multipliedFullWidth(by: whole)
        return (left.high, left.low) > (right.high, right.low)
    }

    private func isBelow(_ part: Int, share: Int, of whole: Int) -> Bool {
        let left = part.multipliedFullWidth(by: 1_000_000)
        let right = share.multipliedFullWidth(by: whole)
        return (left.high, left.low) < (right.high, right.low)
    }

    private func percentage(_ share: Int) -> String { "\(decimal(share, scale: 10_000)) %" }
    private func multiple(_ share: Int) -> String { "\(decimal(share, scale: 1_000_000))x" }

    /// `value / scale` with as many decimals as it needs, at most four.
    private func decimal(_ value: Int, scale: Int) -> String {
        let whole = value / scale
        var fraction = (value % scale) * 10_000 / scale
        guard fraction > 0 else { return "\(whole)" }
        var width = 4
        while fraction % 10 == 0 {
            fraction /= 10
            width -= 1
        }
        let digits = String(fraction)
        return "\(whole)." + String(repeating: "0", count: width - digits.count) + digits
    }
}

extension SyncIdentity {
    /// The *definition* guard of PRODUCT.md §5: what of a changed configuration waits for a person before the first
    /// byte. A changed query or key is only noted, because the diff against the ledger takes care of it.
    /// - Parameter told: the identity under which the ledger was told.
    package func holds(comparedWith told: SyncIdentity) -> [Hold] {
        var holds: [Hold] = []
        if trait != told.trait {
            let detail = template == told.template
                ? "the cohort was renamed: the trait would change from \(told.trait) to \(trait); approve to keep the "
                    + "old trait, or migrate"
                : "the trait changed from \(told.trait) to \(trait); approve to tell everyone the new one, or migrate "
                    + "to end the old one too"
            holds.append(Hold(guardName: "definition", detail: detail))
        }
        if sourceKind != told.sourceKind {
            holds.append(Hold(
                guardName: "definition", detail: "the source changed from \(told.sourceKind) to \(sourceKind)"))
        }
        if destinationKind != told.destinationKind || destinationAddress != told.destinationAddress {
            holds.append(Hold(
                guardName: "definition",
                detail: "the destination changed from \(told.destinationAddress) to \(destinationAddress), which has "
                    + "been told of nobody"))
        }
        return holds
    }

    /// What the plan should mention without being held.
    package func notes(comparedWith told: SyncIdentity) -> [String] {
        sourceKind == told.sourceKind && sourceDefinition != told.sourceDefinition
            ? ["the definition changed: \(told.sourceDefinition) became \(sourceDefinition)"] : []
    }
}
