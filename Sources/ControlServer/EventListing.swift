import Control
import Membership
import Scheduling
import SyncEngine

/// Walks through kept events, oldest first.
struct EventListing {
    let history: History
    let store: any SyncStore
    let query: EventQuery
    private let since: Instant?
    private let member: MemberID?

    init(history: History, store: any SyncStore, query: EventQuery) throws(Refusal) {
        self.history = history
        self.store = store
        self.query = query
        member = query.user.flatMap { MemberID($0) }
        if query.user != nil, member == nil { throw Refusal(code: 64, message: "a user id has 1 to 1,024 bytes") }
        since = query.since.flatMap(Instant.parse(rfc3339:))
        if let text = query.since, since == nil {
            throw Refusal(code: 64, message: "since=\(text) is no time; write it as 2026-03-01T12:00:00Z")
        }
        if query.follow, query.limit != nil {
            throw Refusal(code: 64, message: "either limit or follow, not both")
        }
    }

    func walk(_ visit: @escaping @Sendable (EventView) async -> Bool) async throws {
        if let member {
            for event in try await history.events(of: member).reversed() where fits(event) {
                guard await visit(EventView(event)) else { return }
            }
            return
        }
        if let limit = query.limit { return try await walkNewest(limit, visit) }
        if let run = query.run {
            guard let id = RunID(text: run), let record = try await store.run(id) else {
                throw Refusal(code: 64, message: "there is no run \(run); `rollcall runs` lists them")
            }
            _ = try await walk(record, visit)
            return
        }
        try await walkAll(visit)
    }

    /// The newest events that fit, at most so many, oldest first. Of a held run they are the changes it would send.
    private func walkNewest(
        _ limit: Int, _ visit: @escaping @Sendable (EventView) async -> Bool
    ) async throws {
        var found: [EventView] = []
        if let run = query.run {
            guard let id = RunID(text: run), let record = try await store.run(id) else {
                throw Refusal(code: 64, message: "there is no run \(run); `rollcall runs` lists them")
            }
            found = try await newest(limit, of: record)
        } else {
            var filter = RunFilter(syncs: query.syncs?.compactMap { SyncID($0) }, limit: 50)
            while found.count < limit {
                let page = try await store.runs(filter)
                for record in page where (record.plan?.count ?? 0) > 0 && found.count < limit {
                    let events = try await newest(limit - found.count, of: record)
                    found = (record.phase == .held ? [] : events) + found
                }
                guard page.count == 50, let last = page.last else { break }
                filter.before = last.id
            }
        }
        for event in found {
            guard await visit(event) else { return }
        }
    }

    /// The last events of a run: around what was answered last while it sends, from its beginning while it is held.
    private func newest(_ limit: Int, of record: RunRecord) async throws -> [EventView] {
        let total = record.plan?.count ?? 0
        let end = switch record.phase {
        case .held: min(total, limit)
        case .sending: min(total, record.delivery.accepted + record.delivery.rejected + limit / 4)
        default: total
        }
        var found: [EventView] = []
        try await history.events(of: record, in: max(0, end - limit)..<end, includingHeld: true) { event in
            if fits(event) { found.append(EventView(event)) }
            return true
        }
        return found
    }

    private func walkAll(_ visit: @escaping @Sendable (EventView) async -> Bool) async throws {
        var filter = RunFilter(syncs: query.syncs?.compactMap { SyncID($0) }, limit: 500)
        filter.after = RunID(0)
        while true {
            let page = try await store.runs(filter)
            for record in page where (record.plan?.count ?? 0) > 0 && !isOver(record) {
                guard try await walk(record, visit) else { return }
            }
            guard page.count == 500, let last = page.last else { return }
            filter.after = last.id
        }
    }

    /// A run's events in pieces, so that a slow reader holds up neither memory nor a file.
    private func walk(
        _ record: RunRecord, _ visit: @escaping @Sendable (EventView) async -> Bool
    ) async throws -> Bool {
        let total = record.plan?.count ?? 0
        var first = 0
        while first < total {
            let range = first..<min(total, first + 2_000)
            var page: [EventView] = []
            try await history.events(of: record, in: range) { event in
                if fits(event) { page.append(EventView(event)) }
                return true
            }
            for event in page {
                guard await visit(event) else { return false }
            }
            first = range.upperBound
        }
        return true
    }

    /// Whether all of a run lies before the time that is asked for.
    private func isOver(_ record: RunRecord) -> Bool {
        guard let since, let finished = record.finishedAt else { return false }
        return finished < since
    }

    /// Repeats that moved nobody are no events, unless one user's whole history is asked for.
    func fits(_ event: MemberEvent) -> Bool {
        if event.isReasserted { return false }
        if let since, event.at < since { return false }
        if let member, event.member != member { return false }
        if let syncs = query.syncs, !syncs.contains(event.sync.description) { return false }
        if let run = query.run, run != event.run.description { return false }
        return true
    }
}
