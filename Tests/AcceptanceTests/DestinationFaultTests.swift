import Testing

/// A destination answering 429, 500, 200 with `success:false`, redirect, reset, silence: as documented.
@Suite(.rationed)
struct DestinationFaultTests {
    /// A workspace whose 20 members are told to a server that answers so.
    private func destination(
        settings: String = "", _ answer: @escaping @Sendable (WireSink.Request, Int) -> WireSink.Reply
    ) throws -> (Workspace, WireSink) {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace, answer)
        try workspace.configure(sink.endpoint, settings: settings)
        try workspace.list(1...20)
        return (workspace, sink)
    }

    @Test(
        "what may pass is tried again, with the same messages",
        arguments: [
            "500", "502", "503 retry-after=1", "429 retry-after=1", "408", "success-false", "html", "reset", "close",
        ])
    func passing(_ fault: String) async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace, faults: fault + " count=1")
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...20)
        let run = try await workspace.sync()
        #expect(run.count("accepted") == 20)
        #expect(run.count("retries") == 1)
        #expect(try receiver.members() == ids(1...20))
        let requests = try receiver.store.texts("""
            SELECT coalesce(retry_count, 'none') || ' ' || items FROM requests ORDER BY number
            """)
        #expect(requests == ["none 20", "1 20"])
    }

    @Test("an answer lost after the fact is settled by the same messages: stored once, repeated once")
    func lostAnswer() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace, faults: "drop-after-accept count=1")
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...20)
        try await workspace.sync()
        #expect(try receiver.calls() == 20)
        #expect(try receiver.store.number("SELECT count(*) FROM arrivals WHERE arrivals = 2") == 20)
    }

    @Test("Retry-After is honoured")
    func retryAfter() async throws {
        let (workspace, sink) = try destination { _, number in
            number == 0 ? .status(429, headers: ["Retry-After: 2"], body: "slow") : .status(200)
        }
        let start = ContinuousClock.now
        try await workspace.sync()
        #expect(ContinuousClock.now - start >= .seconds(2))
        #expect(sink.requests.count == 2)
    }

    @Test(
        "a refused key, a missing path and a redirect fail at once and block the destination",
        arguments: [401, 403, 404, 301, 302, 307, 308])
    func blocked(_ status: Int) async throws {
        let elsewhere = try WireSink(in: try Workspace())
        let (workspace, sink) = try destination { _, number in
            number == 0 ? .status(status, headers: ["Location: \(elsewhere.endpoint)/batch"], body: "") : .status(200)
        }
        let run = try await workspace.sync(expecting: 1)
        #expect(run.text("outcome") == "failed")
        #expect(run.count("pending") == 20)
        #expect(sink.requests.count == 1, "no second try")
        #expect(elsewhere.requests.isEmpty, "no redirect is followed")
        let state = try #require(try await workspace.status()["vip@seg"])
        #expect(state.text("state") == "blocked")
        #expect(state.text("last_outcome") == "failed")
        try await workspace.sync()
        #expect(sink.requests.count == 2, "a person tries again, and it goes through")
        #expect(try await workspace.status()["vip@seg"]?.text("state") == "ok")
        #expect(try await workspace.members() == ids(1...20))
    }

    @Test("413 halves the batch and loses nobody")
    func tooLarge() async throws {
        let (workspace, _) = try destination { request, _ in
            (try? JSON(parsing: request.body).list("batch").count) ?? 0 > 5 ? .status(413, body: "") : .status(200)
        }
        let run = try await workspace.sync()
        #expect(run.count("accepted") == 20)
        #expect(try await workspace.members() == ids(1...20))
    }

    @Test(
        "any 2xx whose body does not say otherwise is an acceptance",
        arguments: [(200, "ok"), (200, ""), (204, ""), (202, "{\"ok\":true}")])
    func accepted(_ status: Int, _ body: String) async throws {
        let (workspace, _) = try destination { _, _ in .status(status, body: body) }
        #expect(try await workspace.sync().count("accepted") == 20)
    }

    @Test("a destination that cannot be reached fails after --retry-for; what was owed stays owed")
    func unreachable() async throws {
        let workspace = try Workspace()
        var receiver: RunningReceiver? = try await RunningReceiver(in: workspace)
        let port = try #require(receiver?.port)
        receiver?.program.send(9)
        try await eventually("the receiver is gone") { receiver?.program.poll() != nil }
        try workspace.configure("http://127.0.0.1:\(port)/v1")
        try workspace.list(1...20)
        let start = ContinuousClock.now
        let run = try await workspace.sync("--retry-for", "1s", expecting: 1)
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(run.text("outcome") == "failed")
        #expect(run.count("pending") == 20)
        #expect(try await workspace.listing("user", Workspace.id(1)).first?.text("told") == "never")
        receiver = try await RunningReceiver(in: workspace, port: port)
        #expect(try await workspace.sync().count("accepted") == 20)
        #expect(try receiver?.members() == ids(1...20))
    }

    @Test("silence is given up within the attempt's deadline, and no new attempt begins after --retry-for")
    func silence() async throws {
        let (workspace, sink) = try destination { _, _ in .silence }
        let start = ContinuousClock.now
        let run = try await workspace.sync("--retry-for", "2s", expecting: 1)
        #expect(ContinuousClock.now - start < .seconds(45))
        #expect(run.text("outcome") == "failed")
        #expect(sink.requests.count == 1)
        #expect(try await workspace.listing("user", Workspace.id(1)).first?.text("told") == "unknown")
    }

    @Test("an attempt of unknown outcome is settled: the opposite gets a new message, the old is never sent again")
    func unknownThenOpposite() async throws {
        let (workspace, sink) = try destination { _, number in number < 1 ? .hangUp : .status(200) }
        let failed = try await workspace.sync("--retry-for", "0s", expecting: 1)
        #expect(failed.count("pending") == 20)
        #expect(try await workspace.listing("user", Workspace.id(20)).first?.text("told") == "unknown")
        try workspace.list(1...19)
        let run = try await workspace.sync()
        #expect(run.text("outcome") == "succeeded")
        let messages = try sink.messages()
        let last = messages.filter { $0.text("userId") == Workspace.id(20) }
        #expect(last.compactMap { $0["traits"]?.flag(Workspace.trait) } == [true, false])
        #expect(Set(last.compactMap { $0.text("messageId") }).count == 2)
        for number in 1...19 {
            let same = messages.filter { $0.text("userId") == Workspace.id(number) }
            #expect(same.count == 2)
            #expect(same.first == same.last, "the same value keeps its id and timestamp")
        }
        #expect(try await workspace.members() == ids(1...19))
        try await workspace.expectSoundState()
    }

    @Test("where the destination does not de-duplicate, the opposite change waits out an unknown attempt")
    func settling() async throws {
        let (workspace, sink) = try destination(settings: "deduplicates: false, settle: 1h") { _, number in
            number < 1 ? .hangUp : .status(200)
        }
        try await workspace.sync("--retry-for", "0s", expecting: 1)
        try workspace.list(1...19)
        _ = try await workspace.rollcall("sync", "vip", "--retry-for", "1s", "--json", within: 60)
        let last = try sink.messages().filter { $0.text("userId") == Workspace.id(20) }
        #expect(last.count == 1, "nothing is said of this member before the hour is over")
    }

    @Test("the rate counts members a second")
    func rate() async throws {
        let (workspace, _) = try destination(settings: "rate: 100/s") { _, _ in .status(200) }
        try workspace.list(1...400)
        let start = ContinuousClock.now
        #expect(try await workspace.sync().count("accepted") == 400)
        #expect(ContinuousClock.now - start > .seconds(2), "400 members at 100 a second, with one second's burst")
    }

    @Test("no batch is over Segment's limits")
    func limits() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        try workspace.configure(sink.endpoint, settings: "rate: 100000/s")
        try workspace.list((1...6000).map { String(repeating: "x", count: 500) + String($0) })
        #expect(try await workspace.sync().count("accepted") == 6000)
        for request in sink.requests {
            #expect(request.body.count <= 500_000)
            #expect(try JSON(parsing: request.body).list("batch").count <= 2500)
        }
    }

    @Test("a changed configuration, whatever in it, gives a refused key another chance; so does one before a start")
    func anotherConfiguration() async throws {
        let (workspace, sink) = try destination(settings: "gzip: false") { _, number in .status(number == 0 ? 401 : 200) }
        try await workspace.sync(expecting: 1)
        #expect(try await workspace.status()["vip@seg"]?.text("state") == "blocked")
        let engine = try await RunningEngine(in: workspace)
        #expect(try await workspace.status()["vip@seg"]?.text("state") == "blocked", "a start alone changes nothing")
        try workspace.edit("gzip: false", "gzip: true")
        try await eventually("the engine takes the edit up") {
            try await workspace.status()["vip@seg"]?.text("state") != "blocked"
        }
        #expect(sink.requests.count == 1)
        _ = try await engine.stop()
    }

    @Test("a foreground sync gives up after the destination's own retry_for")
    func ownRetryFor() async throws {
        let (workspace, _) = try destination(settings: "retry_for: 2s") { _, _ in .status(503) }
        let start = ContinuousClock.now
        try await workspace.sync(expecting: 1)
        #expect(ContinuousClock.now - start < .seconds(40))
    }
}
