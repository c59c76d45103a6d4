import Control

/// Adding a cohort: from a source that lists its own, or from a template.
extension DashboardModel {
    mutating func addCohort() {
        guard !data.configuration.catalogSources.isEmpty else { return outbox.append(.addCohort) }
        ask(.catalog)
        say("asking \(data.configuration.catalogSources.joined(separator: ", ")) for its cohorts...")
    }

    mutating func press(_ key: Key, on catalog: CatalogState) {
        var catalog = catalog
        switch key {
        case .down, .character("j"): catalog.selected = min(catalog.selected + 1, max(0, catalog.entries.count - 1))
        case .up, .character("k"): catalog.selected = max(0, catalog.selected - 1)
        case .pageDown, .control("d"): catalog.selected = min(catalog.selected + 10, max(0, catalog.entries.count - 1))
        case .pageUp, .control("u"): catalog.selected = max(0, catalog.selected - 10)
        case .home, .character("g"): catalog.selected = 0
        case .end, .character("G"): catalog.selected = max(0, catalog.entries.count - 1)
        case .character("A"): return askToAdd(catalog)
        case .character("E"):
            layers.removeLast()
            return outbox.append(.addCohort)
        case .enter: return
        default:
            layers.removeLast()
            return
        }
        replaceLayer(.catalog(catalog))
    }

    private mutating func askToAdd(_ catalog: CatalogState) {
        guard catalog.entries.indices.contains(catalog.selected) else { return }
        let entry = catalog.entries[catalog.selected]
        if let obstacle = entry.obstacle { return say("\(entry.name) cannot be added: \(obstacle)", .warning) }
        if let key = entry.configured_as.first { return say("\(entry.name) is configured already, as \(key)", .warning) }
        guard let destination = data.configuration.destinations.first else {
            return say("there is no destination yet: add one to rollcall.yaml with E", .warning)
        }
        let taken = Set(data.configuration.cohorts.map(\.key))
        let addition = CatalogAddition(
            key: CatalogAddition.key(for: entry.name, id: entry.id, taken: taken), source: entry.source, id: entry.id,
            name: entry.name, destination: destination)
        layers.removeLast()
        ask(
            "add \(entry.name) as \(addition.key), to \(destination), run by hand?   y writes rollcall.yaml",
            [.addFromCatalog(addition)])
    }
}
