import Testing

/// Members that could not be told: kept with their reason, retried, dismissed (PRODUCT.md §1, §3).
@Suite(.rationed)
struct RejectTests {
    @Test("one bad member never fails the rest; it is kept, retried and goes through once it can")
    func oneBad() async throws {
        let workspace = try Workspace()
        var receiver: RunningReceiver? = try await RunningReceiver(in: workspace, faults: "400 user=u-000042")
        let port = try #require(receiver?.port)
        try workspace.configure("http://127.0.0.1:\(port)/v1")
        try workspace.list(1...200)
        let run = try await workspace.sync(expecting: 2)
        #expect(run.text("outcome") == "partial")
        #expect(run.count("accepted") == 199)
        #expect(run.count("rejected") == 1)
        #expect(try #require(run.count("requests")) <= 2 * 8 + 1, "at most two more a halving")
        let reject = try #require(try await workspace.listing("rejects").first)
        for key in ["id", "sync", "run", "user", "event", "reason", "http_status", "attempts", "at"] {
            #expect(reject.keys.contains(key), "\(key) is missing")
        }
        #expect(reject.text("user") == "u-000042")
        #expect(reject.text("event") == "entered")
        #expect(reject.count("http_status") == 400)
        #expect(try await workspace.status()["vip@seg"]?.count("rejects") == 1)
        #expect(try await workspace.listing("events", "--user", "u-000042").first?.text("status") == "rejected")
        #expect(try await workspace.sync(expecting: 2).count("rejected") == 1, "not newly owed: partial, not failed")
        receiver?.program.send(9)
        try await eventually("the receiver is gone") { receiver?.program.poll() != nil }
        receiver = try await RunningReceiver(in: workspace, port: port)
        #expect(try await workspace.rollcall("rejects", "--retry").code == 0)
        #expect(try await workspace.listing("rejects") == [])
        #expect(try receiver?.members() == ids(1...200))
    }

    @Test("a dismissed member is not sent again until its membership changes")
    func dismissed() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace, faults: "400 user=u-000042")
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...60)
        try await workspace.sync(expecting: 2)
        let id = try #require(try await workspace.listing("rejects").first?.text("id"))
        #expect(try await workspace.rollcall("rejects", "--dismiss", id).code == 0)
        let quiet = try await workspace.sync()
        #expect(quiet.text("outcome") == "unchanged")
        #expect(quiet.count("requests") == 0)
        try workspace.list((1...60).filter { $0 != 42 }.map(Workspace.id))
        try await workspace.sync()
        try workspace.list(1...60)
        let again = try await workspace.sync(expecting: 1)
        #expect(again.count("rejected") == 1)
        #expect(again.text("outcome") == "failed", "new changes were owed and none was accepted")
        #expect(try await workspace.rollcall("rejects", "--dismiss", "no-such").code == 64)
    }

    @Test("everyone refused: failed, everyone kept, everyone retried by the next run")
    func allBad() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace, faults: "400 until=15")
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...8)
        let run = try await workspace.sync(expecting: 1)
        #expect(run.text("outcome") == "failed")
        #expect(run.count("rejected") == 8)
        #expect(try await workspace.listing("rejects").count == 8)
        try await workspace.sync("--retry-for", "5s")
        #expect(try receiver.members() == ids(1...8))
        #expect(try await workspace.listing("rejects") == [])
    }
}
