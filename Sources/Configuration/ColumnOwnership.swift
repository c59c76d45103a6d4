import WarehouseNames

/// No two cohorts may write one column of a warehouse, and no column may lose its end unseen.
enum ColumnOwnership {
    static func check(_ model: WorkspaceConfiguration, log: ProblemLog) {
        for destination in model.destinations {
            guard case .warehouse(let url) = destination.kind else { continue }
            var owners: [String: CohortConfiguration] = [:]
            for cohort in model.cohorts where cohort.destinations.contains(destination.key) {
                guard let full = WarehouseColumn.name(of: cohort.trait) else {
                    log.add(
                        cohort.place,
                        "\(cohort.key)@\(destination.key): the trait \(quoted(cohort.trait)) has no ASCII letter or "
                            + "digit, so no column; give it another \"trait\"")
                    continue
                }
                let column = url.isPostgres ? WarehouseColumn.cut(full) : full
                // The same trait twice is reported by its own rule.
                if let owner = owners[column], owner.trait != cohort.trait {
                    let reason = column == full ? "" : ", since PostgreSQL keeps 63 bytes of a name"
                    log.add(
                        cohort.place,
                        "\(cohort.key)@\(destination.key) would write the column \(column), which "
                            + "\(owner.key)@\(destination.key) writes already\(reason); give one of them another "
                            + "\"name\", \"id\" or \"trait\"")
                } else {
                    owners[column] = cohort
                }
            }
        }
    }
}

extension WorkspaceConfiguration {
    /// What checks out and may still not be what was meant, with its place.
    package var warnings: [ConfigurationProblem] {
        var warnings: [ConfigurationProblem] = []
        for destination in destinations {
            guard case .warehouse(let url) = destination.kind, url.isPostgres else { continue }
            for cohort in cohorts where cohort.destinations.contains(destination.key) {
                guard let full = WarehouseColumn.name(of: cohort.trait), WarehouseColumn.cut(full) != full else { continue }
                warnings.append(ConfigurationProblem(
                    line: cohort.place.line, column: cohort.place.column,
                    message: "\(cohort.key)@\(destination.key): the column \(full) has \(full.utf8.count) bytes, of which "
                        + "PostgreSQL keeps \(WarehouseColumn.cut(full)); what is cut off is the end, where the cohort's "
                        + "id stands; a shorter \"trait\" keeps it"))
            }
        }
        return warnings
    }
}

extension Address {
    /// Whether a warehouse's address is PostgreSQL's: every reference is.
    var isPostgres: Bool {
        if case .literal(let text) = self { return !text.hasPrefix("sqlite:") }
        return true
    }
}
