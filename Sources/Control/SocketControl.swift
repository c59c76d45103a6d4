import Foundation
import Glibc
import HTTPClient

/// The control interface of an engine in another process, over its Unix socket.
package struct SocketControl: ControlService {
    private let socket: String
    private let transport: any HTTPTransport

    /// - Parameter socket: a path of at most 107 bytes.
    package init(socket: String, transport: any HTTPTransport) {
        self.socket = socket
        self.transport = transport
    }

    // MARK: - Looking

    package func engine() async throws(Refusal) -> EngineView {
        try await one(get("engine"))
    }

    package func status(_ syncs: [String]?) async throws(Refusal) -> [StatusView] {
        try await all(get("status", repeated("sync", syncs)))
    }

    package func syncs() async throws(Refusal) -> [SyncNameView] {
        try await all(get("syncs"))
    }

    package func destinations() async throws(Refusal) -> [DestinationView] {
        try await all(get("destinations"))
    }

    package func quotas() async throws(Refusal) -> [QuotaView] {
        try await all(get("quotas"))
    }

    package func catalog() async throws(Refusal) -> [CatalogView] {
        try await all(get("catalog"))
    }

    package func runs(_ query: RunQuery) async throws(Refusal) -> [RunView] {
        var parameters = repeated("sync", query.syncs) + [("limit", String(query.limit))]
        if let before = query.before { parameters.append(("before", before)) }
        return try await all(get("runs", parameters))
    }

    package func run(_ id: String) async throws(Refusal) -> RunView {
        try await one(get("runs/" + Self.escaped(id)))
    }

    package func events(
        _ query: EventQuery, visit: @escaping @Sendable (EventView) async -> Bool
    ) async throws(Refusal) {
        var parameters = repeated("sync", query.syncs)
        if let user = query.user { parameters.append(("user", user)) }
        if let run = query.run { parameters.append(("run", run)) }
        if let limit = query.limit { parameters.append(("limit", String(limit))) }
        if let since = query.since { parameters.append(("since", since)) }
        if query.follow { parameters.append(("follow", "true")) }
        try await stream(get("events", parameters), visit: visit)
    }

    package func user(_ id: String) async throws(Refusal) -> [UserView] {
        try await all(get("users", [("id", id)]))
    }

    package func members(
        _ sync: String, visit: @escaping @Sendable (MemberView) async -> Bool
    ) async throws(Refusal) {
        try await stream(get("members", [("sync", sync)]), visit: visit)
    }

    package func members(
        _ sync: String, at time: String, visit: @escaping @Sendable (MemberView) async -> Bool
    ) async throws(Refusal) {
        try await stream(get("members", [("sync", sync), ("at", time)]), visit: visit)
    }

    package func overlap(_ a: String, _ b: String) async throws(Refusal) -> OverlapView {
        try await one(get("overlap", [("a", a), ("b", b)]))
    }

    package func rejects(_ syncs: [String]?) async throws(Refusal) -> [RejectView] {
        try await all(get("rejects", repeated("sync", syncs)))
    }

    package func changes() async throws(Refusal) -> AsyncStream<[ChangeNotice]> {
        let (stream, continuation) = AsyncStream.makeStream(of: [ChangeNotice].self)
        let task = Task {
            try? await self.lines(get("changes")) { lines throws(Refusal) in
                var notices: [ChangeNotice] = []
                notices.reserveCapacity(lines.count)
                var events = EventLines()
                for line in lines {
                    if let notice = events.notice(in: line) {
                        notices.append(notice)
                    } else {
                        notices.append(try Self.decoded(line))
                    }
                }
                continuation.yield(notices)
                return true
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in task.cancel() }
        return stream
    }

    // MARK: - Acting

    package func plan(_ query: PlanQuery) async throws(Refusal) -> [PlanView] {
        let gathered = Gathered<PlanView>()
        try await stream(post("plan", query)) { await gathered.append($0) }
        return await gathered.values
    }

    package func sync(_ request: SyncRequest) async throws(Refusal) -> [RunView] {
        try await all(post("sync", request))
    }

    package func settled(_ run: String) async throws(Refusal) -> RunView {
        while true {
            let view: RunView = try await one(get("runs/\(Self.escaped(run))/settled"))
            if view.phase == "held" || view.phase == "finished" { return view }
            if Task.isCancelled { throw Refusal(code: 1, message: "waiting for run \(run) was given up") }
        }
    }

    package func approve(_ action: RunRequest) async throws(Refusal) -> RunView { try await act("approve", action) }
    package func discard(_ action: RunRequest) async throws(Refusal) -> RunView { try await act("discard", action) }
    package func cancel(_ action: RunRequest) async throws(Refusal) -> RunView { try await act("cancel", action) }

    package func undo(_ action: RunRequest) async throws(Refusal) -> RunView { try await act("undo", action) }

    package func retire(_ request: NamedPlanRequest) async throws(Refusal) -> [RunView] {
        try await all(post("retire", request))
    }

    package func migrate(_ request: NamedPlanRequest) async throws(Refusal) -> [RunView] {
        try await all(post("migrate", request))
    }

    package func purge(_ request: PurgeRequest) async throws(Refusal) -> PurgeView {
        try await one(post("purge", request))
    }

    private func act(_ verb: String, _ action: RunRequest) async throws(Refusal) -> RunView {
        try await one(post("runs/\(Self.escaped(action.run))/\(verb)", action))
    }

    package func dismiss(_ action: RejectAction) async throws(Refusal) {
        _ = try await answer(post("rejects/\(Self.escaped(action.id))/dismiss", action))
    }

    package func freeze(_ request: FreezeRequest) async throws(Refusal) {
        _ = try await answer(post("freeze", request))
    }

    package func pause(_ request: PauseRequest) async throws(Refusal) {
        _ = try await answer(post("pause", request))
    }

    package func schedule(_ request: ScheduleRequest) async throws(Refusal) {
        _ = try await answer(post("schedule", request))
    }

    // MARK: - Requests

    private func get(_ path: String, _ parameters: [(String, String)] = []) -> HTTPRequest {
        var url = "http://localhost/v1/" + path
        for (index, parameter) in parameters.enumerated() {
            url += (index == 0 ? "?" : "&") + parameter.0 + "=" + Self.escaped(parameter.1)
        }
        var request = HTTPRequest(url: url, unixSocketPath: socket)
        request.bodyLimit = 256 << 20
        request.isCancellable = true
        return request
    }

    private func post(_ path: String, _ body: some Encodable) throws(Refusal) -> HTTPRequest {
        guard let bytes = try? JSONEncoder().encode(body) else {
            throw Refusal(code: 64, message: "the request cannot be written as JSON")
        }
        var request = get(path)
        request.method = "POST"
        request.body = [UInt8](bytes)
        request.headers = [("Content-Type", "application/json")]
        return request
    }

    private func repeated(_ name: String, _ values: [String]?) -> [(String, String)] {
        (values ?? []).map { (name, $0) }
    }

    /// Percent-encodes every byte but RFC 3986's unreserved characters.
    private static func escaped(_ text: String) -> String {
        let hex = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: - Answers

    private func answer(_ request: HTTPRequest) async throws(Refusal) -> [UInt8] {
        switch await transport.exchange(request) {
        case .answer(let answer) where answer.status == 200:
            return answer.body
        case .answer(let answer):
            if let refusal = try? JSONDecoder().decode(Refusal.self, from: Data(answer.body)) { throw refusal }
            throw Refusal(code: 1, message: "the engine answered \(answer.status)")
        case .failure(let failure):
            throw Refusal(code: 75, message: "the engine that holds this workspace does not answer: \(failure.reason)")
        }
    }

    private func one<View: Decodable>(_ request: HTTPRequest) async throws(Refusal) -> View {
        let views: [View] = try await all(request)
        guard let view = views.first else { throw Refusal(code: 1, message: "the engine's answer is empty") }
        return view
    }

    private func all<View: Decodable>(_ request: HTTPRequest) async throws(Refusal) -> [View] {
        let body = try await answer(request)
        var views: [View] = []
        for line in body.split(separator: 0x0A) { views.append(try Self.decoded(line)) }
        return views
    }

    private static func decoded<View: Decodable>(_ line: some Collection<UInt8>) throws(Refusal) -> View {
        if let refusal = refusal(in: line) { throw refusal }
        do {
            return try JSONDecoder().decode(View.self, from: Data(line))
        } catch {
            throw Refusal(code: 1, message: "the engine's answer is not understood; is it of another version?")
        }
    }

    private static func refusal(in line: some Collection<UInt8>) -> Refusal? {
        guard line.starts(with: Array(#"{"code":"#.utf8)) else { return nil }
        return try? JSONDecoder().decode(Refusal.self, from: Data(line))
    }

    /// Reads views as they come.
    private func stream<View: Decodable & Sendable>(
        _ request: HTTPRequest, visit: @escaping @Sendable (View) async -> Bool
    ) async throws(Refusal) {
        try await lines(request) { lines throws(Refusal) in
            for line in lines {
                let view: View = try Self.decoded(line)
                guard await visit(view) else { return false }
            }
            return true
        }
    }

    private static func lineEnds(in bytes: [UInt8]) -> [Int] {
        bytes.withUnsafeBytes { buffer in
            var ends: [Int] = []
            var rest = buffer[...]
            while let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress, let end = memchr(start, 0x0A, rest.count) {
                ends.append(rest.startIndex + (UnsafeRawPointer(end) - start))
                rest = buffer[(ends[ends.count - 1] + 1)...]
            }
            return ends
        }
    }

    /// Reads lines as they come, as many at a time as have come.
    private func lines(
        _ request: HTTPRequest, visit: @escaping @Sendable ([ArraySlice<UInt8>]) async throws(Refusal) -> Bool
    ) async throws(Refusal) {
        let (chunks, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        var request = request
        request.deadlineMilliseconds = nil
        request.sink = { _, chunk in
            if case .terminated = continuation.yield(Array(chunk)) { return false }
            return true
        }
        let exchange = Task { [transport, request] in
            defer { continuation.finish() }
            return await transport.exchange(request)
        }
        defer { exchange.cancel() }
        var rest: [UInt8] = []
        for await chunk in chunks {
            rest += chunk
            let ends = Self.lineEnds(in: rest)
            guard let last = ends.last else { continue }
            let starts = [0] + ends.dropLast().map { $0 + 1 }
            guard try await visit(zip(starts, ends).map { rest[$0..<$1] }.filter { !$0.isEmpty }) else { return }
            rest.removeSubrange(...last)
        }
        if case .answer(let answer) = await exchange.value, answer.status != 200 {
            throw Self.refusal(in: answer.body) ?? Refusal(code: 1, message: "the engine answered \(answer.status)")
        }
        if case .failure(let failure) = await exchange.value, !failure.isCancelled {
            throw Refusal(code: 75, message: "the engine that held this workspace went away")
        }
    }
}

/// Values that arrive one by one.
private actor Gathered<Value: Sendable> {
    private(set) var values: [Value] = []

    func append(_ value: Value) -> Bool {
        values.append(value)
        return true
    }
}
