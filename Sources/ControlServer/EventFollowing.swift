import Control
import Scheduling
import SyncEngine

/// Walks through kept events and then goes on with each as it is answered, missing none and telling none twice.
struct EventFollowing {
    let history: History
    let listing: EventListing

    /// Ends when nobody visits any more, when the engine goes away, and when the visitor falls too far behind the engine to
    /// be told everything: it may ask again, with ``EventQuery/since``.
    func walk(_ engine: Engine, _ visit: @escaping @Sendable (EventView) async -> Bool) async throws {
        // Watching begins before the past is read, so that nothing falls between.
        let changes = engine.changes(.ends)
        let start = engine.context.clock.now()
        let told = ToldEvents()
        try await listing.walk { view in
            if view.status != "pending", let at = Instant.parse(rfc3339: view.at), at >= start { await told.insert(view) }
            return await visit(view)
        }
        for await change in changes {
            guard case .batches(let record, let facts) = change else { continue }
            for case .put(let batch) in facts where batch.isAnswered {
                var page: [EventView] = []
                try history.events(of: record, batch: batch) { event in
                    if listing.fits(event) { page.append(EventView(event)) }
                    return true
                }
                for view in page where await !told.contains(view) {
                    guard await visit(view) else { return }
                }
            }
        }
    }
}

/// The events that were answered while the past was being read: they come again as changes.
private actor ToldEvents {
    private var keys: Set<[String]> = []

    func insert(_ event: EventView) { keys.insert(Self.key(event)) }
    func contains(_ event: EventView) -> Bool { !keys.isEmpty && keys.contains(Self.key(event)) }

    private static func key(_ event: EventView) -> [String] { [event.run, event.user, event.event] }
}
