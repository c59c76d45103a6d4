import SyncEngine

/// Reads `guards:` of a cohort.
enum GuardReader {
    static let keys = ["max_leave", "max_leave_count", "max_leave_daily", "max_growth", "min_overlap", "allow_empty"]

    static func read(_ cohort: Fields) -> GuardLimits {
        var limits = GuardLimits()
        guard let node = cohort["guards"] else { return limits }
        if node.text == "off" {
            limits.areOff = true
            return limits
        }
        guard node.pairs != nil else {
            cohort.log.add(
                node.place,
                "\"guards\" of \(cohort.owner) must be off, or limits such as {max_leave: 20%, max_growth: 5x}")
            return limits
        }
        guard let fields = Fields(node, owner: "the guards of \(cohort.owner)", place: node.place, log: cohort.log)
        else {
            return limits
        }
        fields.allowOnly(keys)
        limits.maxLeave = fields.quantity("max_leave", Quantity.share) ?? limits.maxLeave
        limits.maxLeaveCount = fields.integer("max_leave_count", in: 0...1_000_000_000)
        limits.maxLeaveDaily = fields.quantity("max_leave_daily", Quantity.share) ?? limits.maxLeaveDaily
        limits.maxGrowth = fields.quantity("max_growth", Quantity.multiple) ?? limits.maxGrowth
        limits.minOverlap = fields.quantity("min_overlap", Quantity.share) ?? limits.minOverlap
        limits.allowEmpty = fields.boolean("allow_empty") ?? limits.allowEmpty
        return limits
    }
}
