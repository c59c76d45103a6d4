import Foundation
import Testing

/// Alerts of a serving engine.
@Suite(.rationed)
struct AlertTests {
    /// A workspace whose cohort runs every second from a command that a file steers.
    private func workspace(
        _ sink: (Workspace) throws -> WireSink, alerts: String
    ) throws -> (Workspace, WireSink) {
        let workspace = try Workspace()
        let sink = try sink(workspace)
        try workspace.write("source", "echo a\necho b\n")
        try workspace.write("rollcall.yaml", """
            version: 1
            sources:
              run: {kind: command}
            destinations:
              file: {kind: ndjson, path: out.ndjson}
            cohorts:
              vip: {source: run, command: [sh, source], to: [file], schedule: every 1s}
            alerts:
              channels:
                hook: {kind: webhook, url: "http://127.0.0.1:\(sink.port)/a", secret: {env: WRITE_KEY}}
                local: {kind: command, command: [dd, of=alert.json, status=none]}
              \(alerts)

            """)
        return (workspace, sink)
    }

    private func events(_ sink: WireSink) throws -> [String] {
        try sink.requests.filter { $0.line.hasPrefix("POST /a ") }.flatMap { request in
            try JSON(parsing: request.body).list("alerts").map {
                "\($0.text("event") ?? "") \($0.text("sync") ?? "@" + ($0.text("destination") ?? ""))"
            }
        }
    }

    /// Waits for as many further runs of `vip@file` as said.
    private func runs(_ workspace: Workspace, more count: Int) async throws {
        let last = try await workspace.listing("runs", "vip").compactMap { $0.text("run").flatMap { Int($0) } }.max() ?? 0
        try await eventually("\(count) more runs") {
            try await workspace.listing("runs", "vip").contains {
                $0.text("phase") == "finished" && ($0.text("run").flatMap { Int($0) } ?? 0) >= last + count
            }
        }
    }

    @Test("a failure is told once and its recovery once, signed, by webhook and command, with no secret anywhere")
    func failureAndRecovery() async throws {
        let (workspace, sink) = try workspace({ try WireSink(in: $0) }, alerts: "recovery_after: 1s")
        let engine = try await RunningEngine(in: workspace)
        try await runs(workspace, more: 1)
        try workspace.write("source", "exit 3\n")
        try await eventually("the failure is told") { try events(sink) == ["failed vip@file"] }
        try await runs(workspace, more: 3)
        try workspace.write("source", "echo a\necho b\n")
        try await eventually("the recovery is told") { try events(sink) == ["failed vip@file", "recovered vip@file"] }
        try await eventually("the command got it") {
            workspace.read("alert.json").contains("\"event\":\"recovered\"")
        }
        for request in sink.requests {
            try Data(request.body).write(to: URL(fileURLWithPath: workspace.root + "/body"))
            let openssl = try await Program(
                "openssl", ["dgst", "-sha256", "-hmac", Workspace.key, "-r", workspace.root + "/body"],
                environment: workspace.environment, folder: workspace.root).ending()
            let digest = openssl.text.split(separator: " ").first.map(String.init) ?? "none"
            #expect(request.headers["x-rollcall-signature"] == "sha256=" + digest)
            #expect(!String(decoding: request.body, as: UTF8.self).contains(Workspace.key))
        }
        #expect(try await engine.stop().code == 0)
    }

    @Test("a flapping source causes at most two messages, a restart in the middle included")
    func flapping() async throws {
        let (workspace, sink) = try workspace({ try WireSink(in: $0) }, alerts: "recovery_after: 0s")
        // Fails every other time.
        try workspace.write("source", "test -e odd && rm odd && exit 3\ntouch odd\necho a\n")
        var engine = try await RunningEngine(in: workspace)
        try await runs(workspace, more: 8)
        _ = try await engine.stop()
        engine = try await RunningEngine(in: workspace)
        try await runs(workspace, more: 8)
        _ = try await engine.stop()
        let told = try events(sink)
        #expect(told.count <= 2 && told.first == "failed vip@file", "\(told)")
    }

    @Test("a held plan and a blocked destination are told; a muted cohort is not; a dead channel slows nothing")
    func heldAndMuted() async throws {
        let (workspace, sink) = try workspace(
            { try WireSink(in: $0) { request, _ in request.line.hasPrefix("POST /silent") ? .silence : .status(200) } },
            alerts: "mute: {}")
        try workspace.edit("    local:", "    dead: {kind: webhook, url: \"http://127.0.0.1:\(sink.port)/silent\"}\n    local:")
        let engine = try await RunningEngine(in: workspace)
        try await runs(workspace, more: 1)
        try workspace.write("source", "true\n")
        try await eventually("the held plan is told") { try events(sink) == ["held vip@file"] }
        let held = try #require(try await workspace.status()["vip@file"]?.text("held_run"))
        #expect(try await workspace.rollcall("discard", held).code == 0)
        try workspace.write("source", "echo a\necho b\n")
        let start = ContinuousClock.now
        try await runs(workspace, more: 3)
        #expect(ContinuousClock.now - start < .seconds(30), "the silent channel holds up no run")
        #expect(try await engine.stop().code == 0)
        try workspace.edit("mute: {}", "mute: {vip: always}")
        let muted = try await RunningEngine(in: workspace)
        try workspace.write("source", "exit 3\n")
        try await runs(workspace, more: 3)
        #expect(try await muted.stop().code == 0)
        #expect(try events(sink) == ["held vip@file"])
    }

    @Test("the dead man's switch: a run that waits behind an endless one for longer than the grace time is told")
    func notStarted() async throws {
        let (workspace, sink) = try workspace({ try WireSink(in: $0) }, alerts: "grace: 10s")
        try workspace.edit("cohorts:\n", """
            engine: {parallel_runs: 1}
            cohorts:
              endless: {source: run, command: [sleep, "600"], to: [file], schedule: manual}

            """)
        let engine = try await RunningEngine(in: workspace)
        let endless = try workspace.start(["sync", "endless"])
        workspace.keep(endless)
        try await eventually("the late start is told", within: 100) { try events(sink) == ["not_started vip@file"] }
        #expect(try await engine.stop().code == 0)
    }
}
