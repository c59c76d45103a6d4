import Foundation
import Glibc
import Synchronization
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

    @Test("a mail through a server, with a password that stands nowhere else")
    func mailServer() async throws {
        let server = try MailSink()
        let (workspace, _) = try workspace({ try WireSink(in: $0) }, alerts: "recovery_after: 1s")
        try workspace.edit("    local: {kind: command,", """
                mail: {kind: email, to: [ops@example.com], from: r@example.com, server: "smtp://127.0.0.1:\(server.port)", user: u,
                  password: {env: MAIL_PASSWORD}}
                local: {kind: command,
            """)
        try workspace.write("source", "exit 3\n")
        let engine = try workspace.start(["serve"], environment: ["MAIL_PASSWORD": "mail-canary-271828"])
        workspace.keep(engine)
        try await eventually("the mail is there: \(engine.errors)") { server.heard.contains("\r\n.\r\n") }
        let login = Data("\0u\0mail-canary-271828".utf8).base64EncodedString()
        let heard = server.heard
        #expect(heard.contains(login) && heard.contains("RCPT TO:<ops@example.com>"), "\(heard)")
        #expect(heard.contains("Subject: ") && heard.contains("vip@file"))
        engine.send(SIGTERM)
        _ = try await engine.ending(within: 60)
        var texts = engine.errors + engine.output
        for name in try FileManager.default.subpathsOfDirectory(atPath: workspace.folder) {
            texts += String(decoding: bytes(at: workspace.folder + "/" + name), as: UTF8.self)
        }
        #expect(!texts.contains("mail-canary") && !texts.contains(login))
    }
}

/// A mail server that takes whatever one client after another says, and keeps it.
private final class MailSink: Sendable {
    let port: Int
    private let listener: Int32
    private let words = Mutex("")

    var heard: String { words.withLock { $0 } }

    init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        try #require(isBound)
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0, let self else { return }
                self.serve(connection)
                close(connection)
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func serve(_ connection: Int32) {
        func say(_ text: String) { _ = send(connection, text, text.utf8.count, Int32(MSG_NOSIGNAL)) }
        var isMail = false
        var piece = [UInt8](repeating: 0, count: 65_536)
        say("220 here\r\n")
        while true {
            let count = recv(connection, &piece, piece.count, 0)
            guard count > 0 else { return }
            let text = String(decoding: piece[..<count], as: UTF8.self)
            words.withLock { $0 += text }
            if isMail {
                guard heard.hasSuffix("\r\n.\r\n") else { continue }
                isMail = false
                say("250 taken\r\n")
                continue
            }
            isMail = text.hasPrefix("DATA")
            switch text.prefix(4) {
            case "EHLO": say("250-here\r\n250 AUTH PLAIN\r\n")
            case "AUTH": say("334 \r\n")
            case "DATA": say("354 go on\r\n")
            case "QUIT": say("221 bye\r\n")
            case "MAIL", "RCPT": say("250 well\r\n")
            default: say("235 welcome\r\n")
            }
        }
    }
}
