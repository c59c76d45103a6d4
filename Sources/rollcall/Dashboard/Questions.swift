import Control
import Dashboard
import Synchronization

/// Asks the engine what the dashboard wants to know.
extension Question {
    /// - Returns: nil for what is no question to the engine.
    func answer(by service: any ControlService) async -> Answer? {
        do throws(Refusal) {
            switch self {
            case .engine: return .engine(try await service.engine())
            case .status: return .status(try await service.status(nil))
            case .destinations: return .destinations(try await service.destinations())
            case .runs(let limit): return .runs(try await service.runs(query(limit: limit)))
            case .runsOf(let sync, let before, let limit):
                return .runs(try await service.runs(query(limit: limit, of: sync, before: before)))
            case .run(let id): return .run(try await service.run(id))
            case .backlog(let limit): return .backlog(try await newest(EventQuery(), limit, service))
            case .runEvents(let run, let limit):
                var query = EventQuery()
                query.run = run
                return .runEvents(run: run, try await newest(query, limit, service))
            case .user(let id): return .user(id: id, try await service.user(id))
            case .members(let sync, let limit):
                let members = Gathering<String>()
                try await service.members(sync) { members.append($0.member) <= limit }
                let found = members.values
                return .members(sync: sync, Array(found.prefix(limit)), isComplete: found.count <= limit)
            case .rejects: return .rejects(try await service.rejects(nil))
            case .catalog: return .catalog(try await service.catalog())
            case .configuration: return nil
            }
        } catch {
            return .failed(self, error)
        }
    }

    private func query(limit: Int, of sync: String? = nil, before: String? = nil) -> RunQuery {
        var query = RunQuery()
        query.limit = limit
        query.syncs = sync.map { [$0] }
        query.before = before
        return query
    }

    /// The newest events that fit, oldest first.
    private func newest(
        _ query: EventQuery, _ limit: Int, _ service: any ControlService
    ) async throws(Refusal) -> [EventView] {
        var query = query
        query.limit = limit
        let events = Gathering<EventView>()
        try await service.events(query) { event in
            events.append(event)
            return true
        }
        return Array(events.values.suffix(limit))
    }
}

/// Values that arrive one by one.
final class Gathering<Value: Sendable>: Sendable {
    private let gathered = Mutex<[Value]>([])

    /// - Returns: how many there are now.
    @discardableResult
    func append(_ value: Value) -> Int {
        gathered.withLock { values in
            values.append(value)
            return values.count
        }
    }

    var values: [Value] { gathered.withLock { $0 } }
}
