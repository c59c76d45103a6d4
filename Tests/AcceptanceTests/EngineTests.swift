import Foundation
import Glibc
import Testing

/// `serve`, the control socket, two engines, freeze, signals, reloading (PRODUCT.md §2, §3).
@Suite(.rationed)
struct EngineTests {
    @Test("an id with percent signs is looked up as it is, through a serving engine too")
    func percentSigns() async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.edit("  seg: {", "  file: {kind: ndjson, path: out.ndjson}\n  seg: {")
        try workspace.edit("to: [seg]", "to: [file]")
        let users = ["100%", "50%41", "%", "a+b&c=d", "%25"]
        try workspace.list(users)
        let engine = try await RunningEngine(in: workspace)
        try await workspace.sync()
        for user in users {
            let line = try #require(try await workspace.listing("user", user).first)
            #expect(line.text("user") == user && line.text("told") == "true", "\(line)")
            #expect(try await workspace.listing("events", "--user", user).count == 1)
        }
        #expect(try await engine.stop().code == 0)
    }

    @Test("serve ends cleanly with 0 on SIGTERM and SIGINT and takes its socket away", arguments: [SIGTERM, SIGINT])
    func signals(_ signal: Int32) async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        let engine = try await RunningEngine(in: workspace)
        let ending = try await engine.stop(signal)
        #expect(ending.code == 0, "signal \(String(describing: ending.signal)) \(ending.errors)")
        #expect(access(engine.socket, F_OK) != 0)
    }

    @Test("SIGTERM in the middle of sending ends with 0; the next engine goes on with the same run")
    func termination() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace, faults: "delay=100ms")
        try workspace.configure(receiver.endpoint, settings: "rate: 2000/s")
        try workspace.list(1...6000)
        let engine = try await RunningEngine(in: workspace)
        let client = try workspace.start(["sync", "vip"])
        try await eventually("something is accepted") { try receiver.store.number("SELECT count(*) FROM requests") > 0 }
        #expect(try await engine.stop().code == 0)
        let left = try await client.ending()
        #expect(left.code != 0, "the client's engine is gone, and it says so")
        let next = try await RunningEngine(in: workspace)
        try await eventually("the run finishes") { try receiver.members() == ids(1...6000) }
        try await eventually("it is recorded") {
            try await workspace.listing("runs", "vip").first?.text("outcome") == "succeeded"
        }
        #expect(try await workspace.listing("runs", "vip").count == 1)
        #expect(try receiver.calls() == 6000, "the same ids, so nothing is stored twice")
        #expect(try await next.stop().code == 0)
    }

    @Test("a second engine exits 75 and names the holder; commands go through the first")
    func twoEngines() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...3)
        let engine = try await RunningEngine(in: workspace)
        let second = try await workspace.rollcall("serve")
        #expect(second.code == 75)
        #expect(second.errors.contains(String(engine.program.pid)))
        let run = try await workspace.sync()
        #expect(run.text("outcome") == "succeeded")
        #expect(try receiver.members() == ids(1...3))
        try await engine.kill()
        #expect(try await workspace.sync().text("outcome") == "unchanged", "a killed engine leaves no lock behind")
    }

    @Test("a sync that an engine runs for longer than any time-out of the socket is followed to its end")
    func longRun() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, settings: "rate: 100/s")
        try workspace.list(1...3600)
        let engine = try await RunningEngine(in: workspace)
        #expect(try await workspace.sync().count("accepted") == 3600)
        _ = try await engine.stop()
    }

    @Test("the control socket is for its owner alone and answers curl, one JSON object a line")
    func socket() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...3)
        let engine = try await RunningEngine(in: workspace)
        var status = stat()
        #expect(stat(engine.socket, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        let ask = try await engine.ask("/v1/sync", body: "{\"syncs\":[\"vip@seg\"]}")
        let run = try #require(try ask.lines().first?.text("run"))
        try await eventually("the run finishes") {
            try await engine.ask("/v1/runs/\(run)").lines().first?.text("outcome") == "succeeded"
        }
        for path in [
            "/v1/engine", "/v1/status", "/v1/runs", "/v1/events", "/v1/members?sync=vip@seg", "/v1/destinations",
            "/v1/users?id=u-000001",
        ] {
            let lines = try await engine.ask(path).lines()
            #expect(!lines.isEmpty, "\(path)")
            #expect(lines.allSatisfy { !$0.keys.isEmpty }, "\(path)")
        }
        #expect(try await engine.ask("/v1/status").lines() == (try await workspace.listing("status")))
        for (path, body) in [
            ("/v1/nothing", nil), ("/v1/freeze", "{\"frozen\""), ("/v1/sync", "[]"), ("/v1/runs/999", nil),
            ("/v2/status", nil), ("/v1/members", nil), ("/v1/runs/x/approve", "{}"),
        ] {
            let answer = try await engine.ask(path, body: body)
            #expect(try #require(answer.lines().first).text("message") != nil, "\(path)")
        }
        #expect(try await engine.stop().code == 0)
    }

    @Test("freeze stops all sending: sync and approve exit 1, a run under way stays in sending and goes on")
    func freeze() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace, faults: "delay=100ms")
        try workspace.configure(receiver.endpoint, settings: "rate: 1000/s")
        try workspace.list(1...6000)
        let sync = try workspace.start(["sync", "vip", "--json"])
        try await eventually("something is accepted") { try receiver.store.number("SELECT count(*) FROM requests") > 0 }
        #expect(try await workspace.rollcall("freeze").code == 0)
        #expect(try await workspace.rollcall("sync", "vip", within: 30).code == 1)
        let frozen = try #require(try await workspace.status()["vip@seg"])
        #expect(frozen.text("state") == "frozen")
        let before = try await settledCalls(receiver)
        #expect(before < 6000)
        #expect(try await workspace.listing("run", "1").first?.text("phase") == "sending")
        #expect(try receiver.calls() == before)
        #expect(sync.poll() == nil, "the foreground sync waits")
        #expect(try await workspace.rollcall("unfreeze").code == 0)
        let ending = try await sync.ending()
        #expect(ending.code == 0)
        #expect(try receiver.members() == ids(1...6000))
    }

    /// The number of calls once it stays the same over ten answers of the receiver's usual delay.
    private func settledCalls(_ receiver: RunningReceiver) async throws -> Int {
        var last = -1
        var since = ContinuousClock.now
        try await eventually("requests on the wire finish") {
            let calls = try receiver.calls()
            if calls != last { (last, since) = (calls, ContinuousClock.now) }
            return ContinuousClock.now - since > .seconds(1)
        }
        return last
    }

    @Test("frozen without an engine: plan works, sync and approve exit 1, status says so, unfreeze lifts it")
    func frozenAlone() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...100)
        try await workspace.sync()
        try workspace.list([])
        let held = try await workspace.sync(expecting: 3).text("run") ?? ""
        #expect(try await workspace.rollcall("freeze").code == 0)
        #expect(try await workspace.rollcall("approve", held).code == 1)
        #expect(try await workspace.rollcall("sync", "--all").code == 1)
        #expect(try await workspace.rollcall("plan", "vip").code == 0)
        #expect(try await workspace.status()["vip@seg"]?.text("state") == "frozen")
        #expect(try receiver.leaves() == 0)
        #expect(try await workspace.rollcall("unfreeze").code == 0)
        #expect(try await workspace.rollcall("approve", held).code == 0)
        #expect(try receiver.leavers() == ids(1...100))
    }

    @Test("a file that does not check out is refused whole: the engine goes on, and can be asked, frozen and cancelled")
    func refusedConfiguration() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...3)
        let engine = try await RunningEngine(in: workspace)
        let good = workspace.read("rollcall.yaml")
        try workspace.write("rollcall.yaml", good + "bad: 1\n")
        try await eventually("the engine has seen it") {
            try await engine.ask("/v1/engine").lines().first?.text("configuration_error") != nil
        }
        let error = try #require(try await engine.ask("/v1/engine").lines().first?.text("configuration_error"))
        #expect(error.contains("rollcall.yaml:14:"), "\(error)")
        for command in [["status"], ["freeze"], ["unfreeze"], ["sync", "vip"], ["runs"]] {
            let ending = try await workspace.start(command).ending()
            #expect(ending.code == 0, "\(command) while an engine serves: \(ending.errors)")
        }
        #expect(try receiver.members() == ids(1...3))
        #expect(try await workspace.rollcall("check").code == 78)
        try workspace.write("rollcall.yaml", good)
        try await eventually("the engine has seen the repair") {
            try await engine.ask("/v1/engine").lines().first?["configuration_error"] == .null
        }
        #expect(try await engine.stop().code == 0)
    }

    @Test("while a run is held, its sync's occurrences fetch nothing for it")
    func heldWhileScheduled() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...100)
        try await workspace.sync()
        try workspace.list([])
        let held = try await workspace.sync(expecting: 3).text("run") ?? ""
        try workspace.list(1...50)
        try workspace.edit("schedule: manual", "schedule: every 1s")
        let engine = try await RunningEngine(in: workspace)
        let start = ContinuousClock.now
        try await eventually("three occurrences pass") { ContinuousClock.now - start > .seconds(3) }
        #expect(try await workspace.status()["vip@seg"]?.text("held_run") == held)
        #expect(try await workspace.listing("runs").filter { $0.count("read") ?? 0 > 0 }.count == 1)
        #expect(try receiver.leaves() == 0)
        #expect(try await workspace.rollcall("discard", held).code == 0)
        try await eventually("the next occurrence fetches again and tells the fifty that left") {
            try receiver.leaves() == 50
        }
        #expect(try await engine.stop().code == 0)
    }

    @Test("a blocked destination stays blocked for schedules, and one slow destination delays no other")
    func isolation() async throws {
        let workspace = try Workspace()
        let slow = try WireSink(in: workspace) { _, _ in .silence }
        let fast = try await RunningReceiver(in: workspace)
        try workspace.configure(slow.endpoint, schedule: "every 1s")
        try workspace.edit(
            "  seg: {",
            "  fast: {kind: segment, endpoint: \"\(fast.endpoint)\", write_key: {env: WRITE_KEY}}\n  seg: {")
        try workspace.edit("to: [seg]", "to: [seg, fast]")
        try workspace.list(1...3)
        let engine = try await RunningEngine(in: workspace)
        try await eventually("the fast one is told") { (try? fast.members()) == ids(1...3) }
        try workspace.list(1...4)
        try await eventually("and told again") { try fast.members() == ids(1...4) }
        #expect(try await workspace.status()["vip@seg"]?.text("state") == "running")
        #expect(try await engine.stop().code == 0)
    }
}
