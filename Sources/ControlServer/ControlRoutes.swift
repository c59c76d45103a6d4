import Control

/// Which request leads to which question of ``ControlService``.
struct ControlRoutes {
    let service: any ControlService

    func answer(_ request: ControlRequest) async -> ControlResponse {
        do {
            return try await route(request)
        } catch let refusal as Refusal {
            return ControlResponse(refusal)
        } catch {
            return ControlResponse(Refusal(code: 64, message: "the request is not understood: \(error)"))
        }
    }

    private func route(_ request: ControlRequest) async throws -> ControlResponse {
        guard request.path.first == "v1" else {
            throw Refusal(code: 64, message: "unknown path \(request.pathText); this server speaks /v1")
        }
        let path = Array(request.path.dropFirst())
        switch (request.method, path.first ?? "") {
        case ("GET", "engine"): return lines([try await service.engine()])
        case ("GET", "status"): return lines(try await service.status(request.list("sync")))
        case ("GET", "syncs"): return lines(try await service.syncs())
        case ("GET", "catalog"): return lines(try await service.catalog())
        case ("GET", "destinations"): return lines(try await service.destinations())
        case ("GET", "quotas"): return lines(try await service.quotas())
        case ("GET", "runs"): return try await runs(path, request)
        case ("GET", "events"): return events(request)
        case ("GET", "users"): return lines(try await service.user(try request.required("id")))
        case ("GET", "members"): return members(try request.required("sync"), at: request.value("at"))
        case ("GET", "overlap"):
            return lines([try await service.overlap(try request.required("a"), try request.required("b"))])
        case ("GET", "rejects"): return lines(try await service.rejects(request.list("sync")))
        case ("GET", "changes"): return try await changes()
        case ("POST", "plan"): return plan(try request.decoded(PlanQuery.self))
        case ("POST", "sync"): return lines(try await service.sync(try request.decoded(SyncRequest.self)))
        case ("POST", "runs"): return try await act(path, request)
        case ("POST", "rejects") where path.count == 3 && path[2] == "dismiss":
            try await service.dismiss(RejectAction(id: path[1]))
            return lines([RunView]())
        case ("POST", "retire"):
            return lines(try await service.retire(try request.decoded(NamedPlanRequest.self)))
        case ("POST", "migrate"):
            return lines(try await service.migrate(try request.decoded(NamedPlanRequest.self)))
        case ("POST", "purge"): return lines([try await service.purge(try request.decoded(PurgeRequest.self))])
        case ("POST", "freeze"):
            try await service.freeze(try request.decoded(FreezeRequest.self))
            return lines([RunView]())
        case ("POST", "pause"):
            try await service.pause(try request.decoded(PauseRequest.self))
            return lines([RunView]())
        case ("POST", "schedule"):
            try await service.schedule(try request.decoded(ScheduleRequest.self))
            return lines([RunView]())
        default:
            throw Refusal(code: 64, message: "unknown request \(request.method) \(request.pathText)")
        }
    }

    private func runs(_ path: [String], _ request: ControlRequest) async throws -> ControlResponse {
        switch path.count {
        case 1:
            var query = RunQuery()
            query.syncs = request.list("sync")
            query.before = request.value("before")
            if let limit = request.value("limit").flatMap(Int.init) { query.limit = max(1, limit) }
            return lines(try await service.runs(query))
        case 2:
            return lines([try await service.run(path[1])])
        default:
            guard path[2] == "settled" else { throw Refusal(code: 64, message: "unknown path \(request.pathText)") }
            return lines([try await settledSoon(path[1])])
        }
    }

    /// The run once it is held or finished, or as it is after ten seconds: the client asks again.
    private func settledSoon(_ id: String) async throws(Refusal) -> RunView {
        for _ in 0..<100 {
            let view = try await service.run(id)
            if view.phase == "held" || view.phase == "finished" { return view }
            try? await Task.sleep(nanoseconds: 100_000_000)
        }
        return try await service.run(id)
    }

    private func act(_ path: [String], _ request: ControlRequest) async throws -> ControlResponse {
        guard path.count == 3 else { throw Refusal(code: 64, message: "unknown path \(request.pathText)") }
        var action = (try? request.decoded(RunRequest.self)) ?? RunRequest(run: path[1])
        action.run = path[1]
        switch path[2] {
        case "approve": return lines([try await service.approve(action)])
        case "discard": return lines([try await service.discard(action)])
        case "cancel": return lines([try await service.cancel(action)])
        case "undo": return lines([try await service.undo(action)])
        default:
            throw Refusal(code: 64, message: "unknown action \(path[2]); there are approve, discard, cancel and undo")
        }
    }

    // MARK: - Streams

    private func events(_ request: ControlRequest) -> ControlResponse {
        var query = EventQuery()
        query.syncs = request.list("sync")
        query.user = request.value("user")
        query.run = request.value("run")
        query.limit = request.value("limit").flatMap(Int.init).map { max(1, $0) }
        query.since = request.value("since")
        query.follow = request.value("follow") == "true"
        return stream { [service, query] channel in
            let writer = LineWriter(channel, isPrompt: query.follow)
            try await service.events(query) { await writer.write($0.jsonLine()) }
            await writer.flush()
        }
    }

    private func members(_ sync: String, at time: String?) -> ControlResponse {
        stream { [service] channel in
            let writer = LineWriter(channel)
            if let time {
                try await service.members(sync, at: time) { await writer.write($0.jsonLine()) }
            } else {
                try await service.members(sync) { await writer.write($0.jsonLine()) }
            }
            await writer.flush()
        }
    }

    private func plan(_ query: PlanQuery) -> ControlResponse {
        stream { [service] channel in
            let writer = LineWriter(channel)
            for view in try await service.plan(query) { _ = await writer.write(view.jsonLine()) }
            await writer.flush()
        }
    }

    private func changes() async throws -> ControlResponse {
        let notices = try await service.changes()
        return stream { channel in
            for await batch in notices {
                guard await channel.send(batch.flatMap { $0.jsonLine() + [0x0A] }) else { return }
            }
        }
    }

    /// An answer that is written while it is read. What goes wrong after the status was sent is its last line.
    private func stream(_ body: @escaping @Sendable (ByteChannel) async throws -> Void) -> ControlResponse {
        let channel = ByteChannel()
        Task {
            do {
                try await body(channel)
            } catch {
                let refusal = error as? Refusal ?? Refusal(code: 1, message: "\(error)")
                _ = await channel.send(refusal.jsonLine() + [0x0A])
            }
            await channel.finish()
        }
        return ControlResponse(.stream(channel))
    }

    private func lines(_ views: [some JSONLineWritable]) -> ControlResponse {
        var body: [UInt8] = []
        for view in views {
            body += view.jsonLine()
            body.append(0x0A)
        }
        return ControlResponse(.whole(body))
    }
}

/// Gathers lines into pieces of some size before they go into the channel.
private actor LineWriter {
    private let channel: ByteChannel
    /// Whether lines go out soon even when few come, for a reader who watches.
    private let isPrompt: Bool
    private var piece: [UInt8] = []
    private var isFlushDue = false
    private var isClosed = false

    init(_ channel: ByteChannel, isPrompt: Bool = false) {
        self.channel = channel
        self.isPrompt = isPrompt
    }

    /// - Returns: false when nobody reads any more.
    func write(_ line: [UInt8]) async -> Bool {
        piece += line
        piece.append(0x0A)
        if piece.count >= 32 << 10 {
            await flush()
        } else if isPrompt, !isFlushDue {
            isFlushDue = true
            Task {
                try? await Task.sleep(nanoseconds: 20_000_000)
                await self.flush()
            }
        }
        return !isClosed
    }

    func flush() async {
        isFlushDue = false
        guard !piece.isEmpty else { return }
        let full = piece
        piece = []
        if !(await channel.send(full)) { isClosed = true }
    }
}
