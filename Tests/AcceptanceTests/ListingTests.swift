import Foundation
import Testing

/// Listings: their keys, `--plain`, times, following (PRODUCT.md §3).
@Suite(.rationed)
struct ListingTests {
    private func told() async throws -> (Workspace, RunningReceiver) {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...5)
        try await workspace.sync()
        try workspace.list(2...6)
        try await workspace.sync()
        return (workspace, receiver)
    }

    private func expectKeys(_ line: JSON?, _ keys: String, location: SourceLocation = #_sourceLocation) {
        for key in keys.split(separator: " ") {
            #expect(line?.keys.contains(String(key)) == true, "\(key) is missing", sourceLocation: location)
        }
    }

    @Test("what looks at the workspace alone loads neither libcurl nor libpq")
    func lateLibraries() async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        let ending = try await workspace.rollcall("status", environment: ["LD_DEBUG": "files"])
        #expect(ending.code == 0 && ending.errors.contains("file=libsqlite3.so.0"))
        let late = ending.errors.split(separator: "\n").filter { $0.contains("dynamically loaded by") }
        for library in ["libcurl.so.4", "libpq.so.5"] { #expect(!late.contains { $0.contains("file=\(library)") }, "\(library)") }
    }

    @Test("a library that is missing where it is needed is named, and others do without it")
    func missingLibrary() async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        let hidden = "mount --bind /dev/null \"$(readlink -f /usr/lib/*-linux-gnu/libpq.so.5)\" || exit 99; \"$0\" \"$@\""
        func rollcall(_ words: String...) async throws -> Ending {
            try await Program(
                "/usr/bin/unshare", ["-m", "sh", "-c", hidden, RollcallBinary.path] + words,
                environment: workspace.environment, folder: workspace.root).ending(within: 60)
        }
        guard geteuid() == 0, try await rollcall("check").code == 0 else {
            print("NOT RUN: to hide a library needs root and a mount namespace")
            return
        }
        try workspace.edit("sources:\n", "sources:\n  crm: {kind: postgres, url: \"postgres://u@127.0.0.1/d\"}\n")
        try workspace.edit("cohorts:\n", "cohorts:\n  there: {source: crm, query: SELECT id FROM u, to: [seg]}\n")
        let ending = try await rollcall("plan", "there")
        #expect(ending.code == 1 && ending.errors.contains("needs libpq: libpq.so.5 cannot be loaded"), "\(ending.errors)")
    }

    @Test("letters behind one dash are no option, and never ask for help", arguments: [
        ["purge", "-dash"], ["user", "-h4x"], ["discard", "-hh"],
    ])
    func dashes(_ words: [String]) async throws {
        let workspace = try Workspace()
        let ending = try await workspace.start(words).ending(within: 30)
        #expect(ending.code == 64 && ending.output.isEmpty && ending.errors.contains("stands after --"), "\(ending.errors)")
    }

    @Test("status")
    func status() async throws {
        let (workspace, _) = try await told()
        let line = try #require(try await workspace.status()["vip@seg"])
        expectKeys(
            line,
            "sync cohort destination state schedule paused next last_run last_outcome ledger rejects held_run")
        #expect(line.text("state") == "ok")
        #expect(line.text("cohort") == "vip")
        #expect(line.text("destination") == "seg")
        #expect(line.text("schedule") == "manual")
        #expect(line.flag("paused") == false)
        #expect(line["next"] == .null)
        #expect(line.text("last_run") == "2")
        #expect(line.text("last_outcome") == "succeeded")
        #expect(line.count("ledger") == 5)
        #expect(line.count("rejects") == 0)
        #expect(line["held_run"] == .null)
    }

    @Test("events: who, when, which run, which request, what was answered")
    func events() async throws {
        let (workspace, receiver) = try await told()
        let events = try await workspace.listing("events")
        #expect(events.count == 7)
        for event in events {
            expectKeys(event, "at sync run user event status request http_status attempts")
            #expect(event.text("status") == "accepted")
            #expect(event.count("http_status") == 200)
            #expect(event.count("attempts") == 1)
            #expect(event["request"]?.bytes != nil)
        }
        #expect(events.filter { $0.text("event") == "left" }.map { $0.text("user") } == [Workspace.id(1)])
        #expect(try await workspace.listing("events", "--run", "2").count == 2)
        let one = try await workspace.listing("events", "--user", Workspace.id(1))
        #expect(one.map { $0.text("event") } == ["entered", "left"])
        #expect(try await workspace.listing("events", "--sync", "vip@seg").count == 7)
        #expect(try receiver.calls() == 7)
    }

    @Test("events --follow shows what happens, as it happens, until it is interrupted")
    func following() async throws {
        let (workspace, _) = try await told()
        let engine = try await RunningEngine(in: workspace)
        let follower = try workspace.start(["events", "--follow", "--json"])
        try await eventually("the past is shown") { follower.output.split(separator: "\n").count >= 7 }
        try workspace.list(2...7)
        try await workspace.sync()
        try await eventually("the new event is shown") { follower.output.contains(Workspace.id(7)) }
        follower.send(2)
        #expect(try await follower.ending(within: 20).code == 130)
        _ = try await engine.stop()
    }

    @Test("events --follow tells every event of a large run once, filtered, and goes on with the next engine")
    func followingEverything() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        var engine = try await RunningEngine(in: workspace)
        let follower = try workspace.start(["events", "--follow", "--json"])
        let ofOne = try workspace.start(["events", "--follow", "--json", "--user", Workspace.id(4_321)])
        func told() -> Int { follower.output.components(separatedBy: #""status":"accepted""#).count - 1 }
        // A batch holds thousands; each of them is told.
        try workspace.list(1...6_000)
        try await workspace.sync()
        try await eventually("every enter is told") { told() >= 6_000 }
        #expect(try await engine.stop().code == 0)
        engine = try await RunningEngine(in: workspace)
        try workspace.list(2...6_001)
        try await workspace.sync()
        try await eventually("the next engine's are told") { told() >= 6_002 }
        follower.send(2)
        ofOne.send(2)
        let (all, one) = (try await follower.ending(within: 20), try await ofOne.ending(within: 20))
        #expect(all.code == 130 && one.code == 130)
        let events = try Self.accepted(all)
        #expect(events.count == 6_002)
        #expect(Set(events.map { "\($0.text("run") ?? "") \($0.text("user") ?? "")" }).count == 6_002)
        #expect(try Self.accepted(one).map { $0.text("user") } == [Workspace.id(4_321)])
        _ = try await engine.stop()
    }

    private static func accepted(_ ending: Ending) throws -> [JSON] {
        try ending.lines().filter { $0.text("status") == "accepted" }
    }

    @Test("user: one line a sync, what they were told, since when, every event")
    func user() async throws {
        let (workspace, _) = try await told()
        func line(_ number: Int) async throws -> JSON {
            try #require(try await workspace.listing("user", Workspace.id(number)).first)
        }
        let left = try await line(1)
        expectKeys(left, "user sync member told since events")
        #expect(left.flag("member") == false)
        #expect(left.text("told") == "false")
        #expect(left.list("events").map { $0.text("event") } == ["entered", "left"])
        let stayed = try await line(2)
        #expect(stayed.flag("member") == true)
        #expect(stayed.text("told") == "true")
        #expect(stayed.text("since") != nil)
        let stranger = try await line(99)
        #expect(stranger.text("told") == "never")
        #expect(stranger.list("events") == [])
    }

    @Test("runs: newest first, by name, one in full")
    func runs() async throws {
        let (workspace, _) = try await told()
        let runs = try await workspace.listing("runs")
        #expect(runs.map { $0.text("run") } == ["2", "1"])
        #expect(try await workspace.listing("runs", "vip@seg") == runs)
        let run = try await workspace.rollcall("run", "2")
        #expect(run.code == 0)
        for word in ["vip@seg", "succeeded", Workspace.trait] { #expect(run.text.contains(word), "\(word)") }
    }

    @Test(
        "--plain and the table say the same, without colours or cut cells in --plain",
        arguments: [
            ["status"], ["runs"], ["events"], ["members", "vip"], ["rejects"], ["schedule", "vip"], ["plan", "vip"],
        ])
    func plain(_ command: [String]) async throws {
        let (workspace, _) = try await told()
        for options in [[], ["--plain"]] {
            let ending = try await workspace.start(command + options).ending()
            #expect(ending.code == 0, "\(ending.errors)")
            #expect(!ending.text.contains("\u{1B}"))
        }
        let plain = try await workspace.start(command + ["--plain"]).ending()
        #expect(!plain.text.contains("…"))
    }

    @Test("--plain cuts nothing short, a long reason neither")
    func whole() async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.edit("file: vip.csv", "file: \(String(repeating: "long", count: 40)).csv")
        try await workspace.sync(expecting: 1)
        let status = try await workspace.rollcall("status", "--plain")
        #expect(status.text.contains(String(repeating: "long", count: 40) + ".csv"))
    }

    @Test("results go to stdout, progress and errors to stderr")
    func streams() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...5)
        let sync = try await workspace.rollcall("sync", "vip", "--json")
        #expect(try sync.lines().count == 1)
        let wrong = try await workspace.rollcall("sync", "nope", "--json")
        #expect(wrong.output.isEmpty)
        #expect(!wrong.errors.isEmpty)
    }

    @Test("with no terminal at all, rollcall prints the status once")
    func noTerminal() async throws {
        let (workspace, _) = try await told()
        let ending = try await workspace.rollcall()
        #expect(ending.code == 0)
        #expect(ending.text.contains("vip@seg"))
    }

    @Test("a cohort's key names all its syncs, in every listing")
    func severalDestinations() async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.edit("  seg: {", "  f: {kind: ndjson, path: f}\n  g: {kind: ndjson, path: g}\n  seg: {")
        try workspace.edit("to: [seg]", "to: [f, g]")
        try workspace.list(1...2)
        #expect(try await workspace.listing("sync", "vip").compactMap { $0.text("sync") } == ["vip@f", "vip@g"])
        #expect(Set(try await workspace.listing("runs", "vip").compactMap { $0.text("sync") }) == ["vip@f", "vip@g"])
        #expect(try await workspace.listing("plan", "vip").count == 2)
        #expect(try await workspace.listing("events", "--sync", "vip").count == 4)
        #expect(try await workspace.listing("members", "vip").count == 4)
        #expect(try await workspace.listing("members", "vip@g").count == 2)
        #expect(try await workspace.listing("sync", "vip", "vip@g").count == 2, "each sync runs once")
    }
}
