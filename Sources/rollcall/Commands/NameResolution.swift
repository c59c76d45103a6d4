import Scheduling
import SyncEngine

/// The syncs behind a NAME: a cohort's key (all its syncs) or `cohort@destination`.
struct NameResolution {
    private let known: [SyncID]

    init(_ known: [SyncID]) {
        self.known = known
    }

    /// - Parameter names: nil for all.
    func syncs(_ names: [String]?) throws(Failure) -> [String] {
        guard let names else {
            guard !known.isEmpty else { throw .configuration("no cohort is configured; add one to rollcall.yaml") }
            return known.map(\.description)
        }
        var syncs: [String] = []
        for name in names {
            let found = known.filter { $0.description == name || $0.cohort == name }
            guard !found.isEmpty else { throw unknown(name) }
            for sync in found where !syncs.contains(sync.description) { syncs.append(sync.description) }
        }
        return syncs
    }

    private func unknown(_ name: String) -> Failure {
        var names: [String] = []
        for name in known.map(\.cohort) + known.map(\.description) where !names.contains(name) { names.append(name) }
        let near = NearNames.nearest(to: name, among: names)
        let hint = if !near.isEmpty {
            "did you mean \(near.joined(separator: " or "))?"
        } else if names.isEmpty {
            "no cohort is configured"
        } else {
            "known are \(names.prefix(10).joined(separator: ", "))"
        }
        return .usage("there is no cohort or sync \"\(name)\"; \(hint)")
    }
}
