import Foundation
import Testing

/// `init`, `check`, exit 78 and the workspace's place (PRODUCT.md §2, §3).
@Suite(.rationed)
struct ConfigurationTests {
    @Test("init writes a workspace that checks out and syncs, and overwrites nothing")
    func initialise() async throws {
        let workspace = try Workspace()
        try FileManager.default.removeItem(atPath: workspace.folder)
        #expect(try await workspace.rollcall("init").code == 0)
        let written = workspace.read("rollcall.yaml")
        #expect(written.contains("#"), "it is commented")
        #expect(try await workspace.rollcall("check").code == 0)
        let second = try await workspace.rollcall("init")
        #expect(second.code != 0)
        #expect(workspace.read("rollcall.yaml") == written)
        #expect(try await workspace.rollcall("sync", "--all").code == 0)
    }

    @Test(
        "without a rollcall.yaml every command exits 78 and names rollcall init",
        arguments: [
            ["status"], ["sync", "--all"], ["check"], ["serve"], ["runs"], ["plan", "x"], ["freeze"], ["events"], ["doctor"],
        ])
    func missing(_ command: [String]) async throws {
        let workspace = try Workspace()
        let ending = try await workspace.start(command).ending()
        #expect(ending.code == 78)
        #expect(ending.errors.contains("rollcall init"))
    }

    @Test("--workspace stands anywhere and goes before ROLLCALL_WORKSPACE, that before the user's folder")
    func places() async throws {
        let workspace = try Workspace()
        let other = workspace.root + "/other"
        let user = workspace.root + "/config/rollcall"
        for place in [other, user] {
            #expect(try await workspace.rollcall("init", "--workspace", place).code == 0)
        }
        try workspace.configure("http://127.0.0.1:9/v1")
        func cohorts(_ arguments: [String], _ environment: [String: String] = [:]) async throws -> [String] {
            let ending = try await workspace.start(arguments, environment: environment).ending()
            #expect(ending.code == 0, "\(arguments): \(ending.errors)")
            return try ending.lines().compactMap { $0.text("cohort") }
        }
        #expect(try await cohorts(["status", "--json"]) == ["vip"])
        #expect(try await cohorts(["--workspace", other, "status", "--json"]) == ["vips", "newsletter"])
        #expect(try await cohorts(["status", "--workspace", other, "--json"]) == ["vips", "newsletter"])
        #expect(try await cohorts(["--json", "status", "--workspace=\(other)"]) == ["vips", "newsletter"])
        let home = ["XDG_CONFIG_HOME": workspace.root + "/config", "XDG_STATE_HOME": workspace.root + "/state"]
        let own = home.merging(["ROLLCALL_WORKSPACE": ""]) { $1 }
        #expect(try await cohorts(["status", "--json"], own) == ["vips", "newsletter"])
        #expect(try await workspace.start(["sync", "vips"], environment: own).ending().code == 0)
        #expect(FileManager.default.fileExists(atPath: workspace.root + "/state/rollcall"))
        #expect(!FileManager.default.fileExists(atPath: user + "/.rollcall"))
    }

    @Test("state is for its owner alone: 0700 and 0600; a folder others can read is refused with the remedy")
    func modes() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        try workspace.configure(sink.endpoint)
        try workspace.list(1...3)
        try await workspace.sync()
        let state = workspace.folder + "/.rollcall"
        for name in [""] + (try FileManager.default.subpathsOfDirectory(atPath: state)) {
            let attributes = try FileManager.default.attributesOfItem(atPath: state + "/" + name)
            let mode = try #require(attributes[.posixPermissions] as? Int)
            let isFolder = attributes[.type] as? FileAttributeType == .typeDirectory
            #expect(mode == (isFolder ? 0o700 : 0o600), "\(name) has mode \(String(mode, radix: 8))")
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: state)
        let refused = try await workspace.rollcall("sync", "vip")
        #expect(refused.code == 1)
        #expect(refused.errors.contains("chmod 700"))
    }

    @Test("every mistake of a file is one line with file, line, column and the remedy; all at once; exit 78")
    func mistakes() async throws {
        let workspace = try Workspace()
        try workspace.write("rollcall.yaml", """
            version: 1
            timezone: Mars/Phobos
            sources:
              lists: {kind: csv, directory: cohorts}
              odd: {kind: oracle}
            destinations:
              seg: {kind: segment, endpoint: "http://example.com/v1", write_key: abcdef}
              two: {kind: segment, write_key: {env: WRITE_KEY}, rate: fast}
            cohorts:
              vip: {source: lists, file: vip.csv, to: [seg, nowhere], schedule: daily at 25:00, foo: 1}
              vip: {source: nope, to: []}
            """)
        let ending = try await workspace.rollcall("check")
        #expect(ending.code == 78)
        let path = workspace.folder + "/rollcall.yaml"
        for (place, words) in [
            ("2:11", "Mars/Phobos"), ("5:15", "oracle"), ("7:34", "https"), ("7:", "write_key: {env:"), ("8:", "500/s"),
            ("10:", "nowhere"), ("10:", "25:00"), ("10:", "foo"), ("11:3", "duplicate"),
        ] {
            let line = ending.errors.split(separator: "\n").first {
                $0.contains("\(path):\(place)") && $0.contains(words)
            }
            #expect(line != nil, "\(place) \(words) is not in:\n\(ending.errors)")
        }
        #expect(!ending.errors.contains("abcdef"), "a literal secret is not repeated")
    }

    @Test("a secret that cannot be had: check, sync and plan of it exit 78, others go on, serve shows it blocked")
    func missingSecret() async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.edit("WRITE_KEY", "NO_SUCH_KEY")
        try workspace.edit("  seg: {", "  file: {kind: ndjson, path: out.ndjson}\n  seg: {")
        try workspace.edit("to: [seg]", "to: [seg, file]")
        try workspace.list(1...3)
        let dry = try await workspace.rollcall("sync", "--all", "--dry-run", "--json")
        #expect(dry.code == 78)
        #expect(try dry.lines().map { $0.text("sync") } == ["vip@file"], "one that cannot be planned hides no other")
        for command in [["check"], ["sync", "vip@seg"], ["plan", "vip@seg"], ["sync", "vip"]] {
            let ending = try await workspace.start(command).ending()
            #expect(ending.code == 78, "\(command)")
            #expect(ending.errors.contains("NO_SUCH_KEY"), "\(command)")
        }
        #expect(try await workspace.rollcall("sync", "vip@file").code == 0)
        let engine = try await RunningEngine(in: workspace)
        #expect(try await workspace.status()["vip@seg"]?.text("state") == "blocked")
        #expect(try await workspace.status()["vip@file"]?.text("state") == "ok")
        #expect(try await engine.stop().code == 0)
    }

    @Test("an unknown name exits 64 and suggests the near one; wrong usage exits 64")
    func usage() async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        for (command, near) in [
            (["sync", "vipp"], "vip"), (["sync", "vip@sg"], "vip@seg"), (["plan", "vi"], "vip"),
            (["pause", "vup"], "vip"), (["members", "vpi"], "vip"), (["schedule", "vipp"], "vip"),
        ] {
            let ending = try await workspace.start(command).ending()
            #expect(ending.code == 64, "\(command)")
            #expect(ending.errors.contains("did you mean"), "\(command): \(ending.errors)")
            #expect(ending.errors.contains(near), "\(command): \(ending.errors)")
        }
        for command in [
            ["sync"], ["sync", "--all", "vip"], ["sync", "vip", "--bogus"], ["frobnicate"], ["approve"], ["run", "999"],
            ["approve", "999"], ["discard", "x"], ["cancel", "999"], ["sync", "vip", "--retry-for", "soon"],
            ["events", "--run", "999"], ["rejects", "--dismiss", "999"], ["plan", "vip", "--sample", "many"],
        ] {
            let ending = try await workspace.start(command).ending()
            #expect(ending.code == 64, "\(command): \(ending.text)")
            #expect(!ending.errors.isEmpty, "\(command)")
        }
        let typo = try await workspace.rollcall("snyc", "vip")
        #expect(typo.code == 64)
        #expect(typo.errors.contains("sync"), "a mistyped command is not taken for a cohort: \(typo.errors)")
    }

    @Test("check --connect reaches every source and destination, and says which it cannot")
    func connect() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...3)
        #expect(try await workspace.rollcall("check", "--connect").code == 0)
        #expect(try receiver.calls() == 0)
        receiver.program.send(9)
        try await eventually("the receiver is gone") { receiver.program.poll() != nil }
        let ending = try await workspace.rollcall("check", "--connect")
        #expect(ending.code == 1)
        #expect((ending.text + ending.errors).contains("seg"))
    }

    @Test("doctor and verify say what they looked at")
    func health() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        try workspace.configure(sink.endpoint)
        try workspace.list(1...30)
        try await workspace.sync()
        #expect(try await workspace.rollcall("doctor").code == 0)
        #expect(try await workspace.rollcall("verify").code == 0)
        let folder = workspace.folder + "/.rollcall/ledgers"
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
        var ledger = bytes(at: folder + "/" + name)
        ledger[ledger.count / 2] ^= 0x20
        try workspace.write(".rollcall/ledgers/" + name, ledger)
        let damaged = try await workspace.rollcall("verify")
        #expect(damaged.code == 1)
        #expect((damaged.text + damaged.errors).contains(name))
        try workspace.list(1...29)
        let run = try await workspace.rollcall("sync", "vip", "--json")
        #expect(run.code == 1, "no plan is made against a damaged ledger: \(run.text)")
        #expect(sink.requests.count == 1)
    }
}
