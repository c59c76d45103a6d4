import AmplitudeStandIn
import Foundation
import Glibc
import Testing

@testable import TerminalHarness

/// Secrets of every kind, used by everything the program does, and then looked for in everything it left behind.
@Suite(.rationed)
struct SecretCanaryTests {
    private static let segment = "wk-Zq7CANARYsegment4Kx"
    private static let other = "wk-Jm2CANARYother9Rv"
    private static let hook = "Bt5CANARYhookWn8"
    private static let alert = "Hc3CANARYalertPd6"
    private static let api = "Lg9CANARYapiFy1"
    private static let amplitude = "Vs4CANARYamplitudeQk7"
    private static let password = "Xr8CANARYpostgresTb2"
    private static let search = SecretSearch([
        "the write key": segment, "the other write key": other, "the webhook's secret": hook, "the alerts' secret": alert,
        "the API key": api, "the secret key": amplitude, "the password": password,
    ])

    /// A workspace whose every secret is read from a file beside it.
    private func world(_ endpoint: String, other: String, port: Int, amplitude: String) throws -> Workspace {
        let workspace = try Workspace()
        try FileManager.default.createDirectory(
            atPath: workspace.root + "/keys", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let secrets = [
            "segment": Self.segment, "other": Self.other, "hook": Self.hook, "alert": Self.alert, "api": Self.api,
            "amplitude": Self.amplitude, "postgres": "postgres://rollcall:\(Self.password)@127.0.0.1:9/crm",
        ]
        for (name, text) in secrets {
            let path = workspace.root + "/keys/" + name
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            chmod(path, 0o600)
        }
        // The command tells everything that a child can see of its parent, into a file that is searched with the rest.
        try workspace.write("look", """
            env > child-$1.env
            cat /proc/$PPID/cmdline /proc/$PPID/environ > parent-$1.proc 2>/dev/null
            ls -l /proc/self/fd > child-$1.fd
            cat > child-$1.in
            echo u-000001; echo u-000002

            """)
        let keys = workspace.root + "/keys/"
        try workspace.write("rollcall.yaml", """
            version: 1
            sources:
              lists: {kind: csv, directory: cohorts}
              run: {kind: command}
              crm: {kind: postgres, url: {file: \(keys)postgres}}
              product: {kind: amplitude, endpoint: "\(amplitude)", api_key: {file: \(keys)api}, secret_key: {file: \(keys)amplitude}}
            destinations:
              seg: {kind: segment, endpoint: "\(endpoint)", write_key: {file: \(keys)segment}}
              two: {kind: segment, endpoint: "\(other)", write_key: {file: \(keys)other}}
              hook: {kind: webhook, url: "http://127.0.0.1:\(port)/hook", secret: {file: \(keys)hook}}
            cohorts:
              vip: {source: lists, file: vip.csv, to: [seg, two, hook], schedule: manual}
              own: {source: run, command: [sh, look, source], to: [two], schedule: manual}
              crm: {source: crm, query: SELECT 1, to: [two], schedule: manual}
              amp: {source: product, id: a1, to: [two], schedule: manual}
            alerts:
              channels:
                web: {kind: webhook, url: "http://127.0.0.1:\(port)/alert", secret: {file: \(keys)alert}}
                local: {kind: command, command: [sh, look, alert]}

            """)
        try workspace.list(1...6)
        // The environment of this test's own programs has the key of all tests.
        for file in ["w/parent-source.proc", "w/parent-alert.proc"] { workspace.expectKey(in: file) }
        return workspace
    }

    /// Says the key back in every way a server has.
    private static func echo(_ request: WireSink.Request, _ number: Int) -> WireSink.Reply {
        let key = request.headers["authorization"] ?? "none"
        let body = "{\"error\":\"no \(key) nor \(segment)\"}"
        switch number % 6 {
        case 0: return .status(500, headers: ["X-Echo: \(key)", "Retry-After: 0"], body: body)
        case 1: return .status(400, headers: ["Set-Cookie: key=\(segment)"], body: "<html>\(segment)</html>")
        case 2: return .status(200, headers: ["X-Echo: \(segment)"], body: "{\"success\":false,\"key\":\"\(segment)\"}")
        case 3: return .status(302, headers: ["Location: https://\(segment).example/?key=\(segment)"], body: segment)
        case 4: return .status(401, headers: ["WWW-Authenticate: Basic realm=\"\(segment)\""], body: body)
        default: return .status(429, headers: ["Retry-After: \(segment)"], body: body)
        }
    }

    @Test("no secret, in no form, in anything that a day of work leaves behind")
    func day() async throws {
        let outside = try Workspace()
        let good = try WireSink(in: outside)
        let echoing = try WireSink(in: outside) { Self.echo($0, $1) }
        var settings = StandInSettings { Int64(Date().timeIntervalSince1970 * 1000) }
        (settings.apiKey, settings.secretKey) = (Self.api, Self.amplitude)
        let amplitude = AmplitudeStandIn(settings)
        amplitude.put(StandInCohort(id: "a1", name: "A") { (1...20).map(Workspace.id) })
        let workspace = try world(
            echoing.endpoint, other: good.endpoint, port: good.port, amplitude: try await amplitude.start())
        var texts: [(String, [UInt8])] = []
        func run(_ arguments: [String], within seconds: Double = 60) async throws {
            let ending = try await workspace.start(arguments).ending(within: seconds)
            texts.append((arguments.joined(separator: " "), ending.output + Array(ending.errors.utf8)))
        }
        // Everything that a person types.
        for command in [["check"], ["check", "--connect"], ["plan", "vip"], ["plan", "vip", "--json"], ["doctor"]] {
            try await run(command)
        }
        for round in 0..<6 {
            try workspace.list(1...(6 + round))
            try await run(["sync", "vip", "--retry-for", "1s"] + (round % 2 == 0 ? ["--json"] : []))
        }
        amplitude.script(.list, [.status(403, body: "no \(Self.amplitude) nor \(Self.api):\(Self.amplitude)")])
        for name in ["own", "crm", "amp"] { try await run(["sync", name, "--retry-for", "1s"]) }
        for command in ["status", "runs", "events", "rejects", "members vip@two", "user u-000001", "run 1", "run 4", "verify", "doctor"] {
            let words = command.split(separator: " ").map(String.init)
            try await run(words)
            if !["verify", "doctor"].contains(words[0]) { try await run(words + ["--json"]) }
        }
        // A service, everything its socket says, and what the system says of it.
        let engine = try await RunningEngine(in: workspace)
        try await run(["sync", "vip@seg", "--retry-for", "1s"])
        for path in ["engine", "syncs", "status", "destinations", "quotas", "runs", "runs/1", "events", "rejects", "members?sync=vip@two"] {
            texts.append(("/v1/" + path, try await engine.ask("/v1/" + path).output))
        }
        for file in ["cmdline", "environ"] { texts.append(("the engine's \(file)", bytes(at: "/proc/\(engine.program.pid)/\(file)"))) }
        let dashboard = try await screens(workspace, &texts)
        texts.append(("the attached dashboard", dashboard))
        try await eventually("the alert's command ran") { access(workspace.folder + "/child-alert.env", F_OK) == 0 }
        #expect(try await engine.stop().code == 0)
        texts.append(("serve", Array((engine.program.output + engine.program.errors).utf8)))
        texts.append(("a dashboard that crashed", try crashed(workspace)))

        // What was sent carries the secret of its own receiver and no other.
        var hits: [SecretSearch.Hit] = []
        let own: (WireSink.Request) -> String? = { request in
            request.line.contains("/v1/batch") ? "the other write key" : nil
        }
        for request in good.requests {
            let text = request.line + request.headers.map { "\($0.key): \($0.value)\n" }.joined()
            hits += Self.search.hits(in: Array(text.utf8) + request.body, "a request to another server")
                .filter { $0.secret != own(request) }
        }
        #expect(echoing.requests.count >= 6 && good.requests.contains { $0.line.contains("/hook") })
        #expect(good.requests.contains { $0.line.contains("/alert") }, "an alert was told")
        for (name, text) in texts { hits += Self.search.hits(in: text, name) }
        hits += Self.search.hits(below: workspace.root, except: ["keys"])
        await amplitude.stop()
        #expect(hits.isEmpty, "\(Set(hits).map(\.description).sorted())")
        let files = FileManager.default.subpaths(atPath: workspace.root)?.count ?? 0
        #expect(files > 40 && texts.count > 40)
        print("secret canary: 7 secrets x \(SecretSearch.forms(of: [1, 2, 3]).count) forms, \(texts.count) outputs, "
            + "\(good.requests.count) requests, \(files) files, \(hits.count) hits")
    }

    /// The terminal's bytes of a dashboard that was shown everything, and saved and copied it.
    private func screens(_ workspace: Workspace, _ texts: inout [(String, [UInt8])]) async throws -> [UInt8] {
        let dashboard = try RunningDashboard(in: workspace, width: 200, height: 50)
        dashboard.see("vip@seg")
        dashboard.see("live")
        for key in "123456789" {
            dashboard.press(String(key))
            dashboard.press("P")
            dashboard.press("S")
            dashboard.press("Y")
        }
        texts.append(("the dashboard's environment", bytes(at: "/proc/\(dashboard.pty.pid)/environ")))
        dashboard.press("1")
        try dashboard.quit()
        return dashboard.pty.bytes
    }

    /// The terminal's bytes of a dashboard that hosts an engine with the keys in memory and dies of a fault.
    private func crashed(_ workspace: Workspace) throws -> [UInt8] {
        let setting = ["SWIFT_BACKTRACE": "enable=yes,interactive=no,color=no,registers=none,sanitize=yes"]
        let dashboard = try RunningDashboard(in: workspace, environment: setting)
        dashboard.see("vip@seg")
        dashboard.see("live")
        kill(dashboard.pty.pid, SIGSEGV)
        let ending = dashboard.pty.ending()
        #expect(ending == .signal(SIGSEGV) || ending == .exit(128 + SIGSEGV), "\(ending)")
        return dashboard.pty.bytes
    }

    @Test("the receiver keeps no key that it is sent")
    func receiver() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace, faults: "401 count=1")
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...3)
        try await workspace.sync(expecting: 1)
        try await workspace.sync()
        receiver.program.send(SIGTERM)
        let ending = try await receiver.program.ending()
        let search = SecretSearch(["the write key": Workspace.key])
        #expect(search.hits(in: ending.text + ending.errors, "its output").isEmpty)
        #expect(search.hits(below: workspace.root).isEmpty)
    }

    @Test("a key that is planted is found, in every form and at every place", arguments: 0..<14)
    func planted(_ kind: Int) throws {
        let workspace = try Workspace()
        let search = SecretSearch(["key": Self.segment])
        let key = Data(Self.segment.utf8)
        let forms: [String] = [
            Self.segment, "x" + Self.segment + ":", key.base64EncodedString(), Data((Self.segment + ":").utf8).base64EncodedString(),
            Data(("a" + Self.segment).utf8).base64EncodedString(), Data(("ab:" + Self.segment + "z").utf8).base64EncodedString(),
            Data(("user:" + Self.segment).utf8).base64EncodedString(), key.map { String($0, radix: 16) }.joined(),
            key.map { String($0, radix: 16).uppercased() }.joined(), key.map { "%" + String($0, radix: 16).uppercased() }.joined(),
            key.map { "%" + String($0, radix: 16) }.joined(), key.map { "\\u00" + String($0, radix: 16) }.joined(),
            "\u{0}\u{1}" + Self.segment + "\u{0}", String(Self.segment.reversed()),
        ]
        let text = "before " + forms[kind] + " after"
        #expect(!search.hits(in: text, "a text").isEmpty, "\(text)")
        try workspace.write("cohorts/planted", text)
        #expect(!search.hits(below: workspace.root).isEmpty)
        try workspace.write("cohorts/planted", "nothing")
        #expect(search.hits(below: workspace.root).isEmpty)
        try workspace.write(Self.segment, "")
        #expect(!search.hits(below: workspace.root).isEmpty, "a file's name counts")
    }

    @Test("what a test leaves behind is searched when it is over: a planted key is an issue")
    func everyTestIsSearched() throws {
        withKnownIssue {
            let workspace = try Workspace()
            try workspace.write("left", "key \(Workspace.key)")
        }
    }
}
