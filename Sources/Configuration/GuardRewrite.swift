import SyncEngine

/// Rewrites `guards:` of one cohort.
struct GuardRewrite {
    let cohort: EditedCohort

    func edits(_ name: String, to value: String?) throws(ConfigurationEditError) -> [TextEdit] {
        let written: String?
        if let value {
            written = ScalarText.encode(value, inFlow: true)
            guard written != nil else {
                throw cohort.refusal(cohort.model.place, "\(quoted(value)) cannot be written on one line")
            }
        } else {
            written = nil
        }
        guard let guards = cohort.node["guards"] else {
            guard let written else { return [] }
            return try MappingRewrite(cohort: cohort, node: cohort.node).append([("guards", "{\(name): \(written)}")])
        }
        guard guards.value.pairs != nil else {
            throw cohort.refusal(
                guards.value.place, "the guards are off, and no limit holds; take out \"off\" by hand first")
        }
        let mapping = MappingRewrite(cohort: cohort, node: guards.value)
        switch (guards.value[name], written) {
        case (nil, nil): return []
        case (nil, let written?): return try mapping.append([(name, written)])
        case (let pair?, let written?): return [try mapping.replace(pair, with: written)]
        case (let pair?, nil):
            guard let edit = mapping.remove(pair) else {
                throw cohort.refusal(
                    pair.key.place,
                    "\(quoted(name)) shares its line with a comment or stands alone; edit the file by hand")
            }
            return [edit]
        }
    }

    /// Sets one limit as reading the file would. A value that makes no sense is left out; reading reports it.
    static func set(_ name: String, to value: String?, in limits: inout GuardLimits) {
        let defaults = GuardLimits()
        func number(
            _ parse: (String) throws(QuantityComplaint) -> Int, _ standard: Int
        ) -> Int { value.map { (try? parse($0)) ?? -1 } ?? standard }
        switch name {
        case "max_leave": limits.maxLeave = number(Quantity.share, defaults.maxLeave)
        case "max_leave_count": limits.maxLeaveCount = value.map { Quantity.whole($0) ?? -1 }
        case "max_leave_daily": limits.maxLeaveDaily = number(Quantity.share, defaults.maxLeaveDaily)
        case "max_growth": limits.maxGrowth = number(Quantity.multiple, defaults.maxGrowth)
        case "min_overlap": limits.minOverlap = number(Quantity.share, defaults.minOverlap)
        default: limits.allowEmpty = value == "true"
        }
    }
}
