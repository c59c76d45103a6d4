import Scheduling
import SyncEngine
import TerminalText

/// Shows the cohorts that a source has next to those that are configured (`rollcall check --connect`).
struct CatalogCheck {
    let source: String
    /// The syncs of this source.
    let syncs: [SyncDefinition]

    /// Prints what the source has, and returns how much of what is configured it has not.
    func failures(in catalog: any CohortCatalog) async -> Int {
        let result: Result<CatalogListing, SourceError> = await BlockingThread.run {
            do throws(SourceError) {
                return .success(try catalog.cohorts())
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .failure(let error):
            Output.line("FAIL  source \(source): \(PrintableText.of(error.message, limit: 500))")
            return max(1, configured.count)
        case .success(let listing):
            let account = listing.account.map { "; " + $0 } ?? ""
            Output.line("ok    source \(source): \(Words.count(listing.entries.count)) cohorts\(account)")
            for entry in listing.entries { show(entry) }
            return configured.reduce(0) { $0 + (complain(of: $1, in: listing) ? 1 : 0) }
        }
    }

    /// The configured cohorts of this source, each once.
    private var configured: [(key: String, id: String)] {
        var seen: Set<String> = []
        return syncs.compactMap { sync in
            seen.insert(sync.id.cohort).inserted ? (sync.id.cohort, sync.audience.id) : nil
        }
    }

    private func show(_ entry: CatalogEntry) {
        let size = entry.size.map { "\(Words.count($0)) members" } ?? "size unknown"
        let computed = entry.computedAt.map { ", computed \($0.rfc3339Seconds)" } ?? ""
        let keys = configured.filter { Array($0.id.utf8) == Array(entry.id.utf8) }.map(\.key)
        let use = entry.obstacle ?? (keys.isEmpty ? "not configured" : "configured as \(keys.joined(separator: ", "))")
        Output.line("      \(PrintableText.of(entry.id, limit: 80))  \"\(PrintableText.of(entry.name, limit: 120))\"  "
            + "\(size)\(computed)  \(PrintableText.of(use))")
    }

    /// Says what is wrong with a configured cohort; false when nothing is.
    private func complain(of cohort: (key: String, id: String), in listing: CatalogListing) -> Bool {
        let entry = listing.entries.first { Array($0.id.utf8) == Array(cohort.id.utf8) }
        if let entry, entry.obstacle == nil { return false }
        let reason = entry?.obstacle
            ?? "it is not listed: deleted, mistyped, or not discoverable (a run tries to download it all the same)"
        Output.line("FAIL  source \(source) for \(cohort.key): cohort \(PrintableText.of(cohort.id, limit: 200)): "
            + PrintableText.of(reason))
        return true
    }
}
