import Testing

/// `rollcall sync`: first, changes, nothing, `--full`, `--dry-run`, `--approve` (PRODUCT.md §3).
@Suite(.rationed)
struct SyncTests {
    @Test("the first sync tells everyone, the next only who entered and left, the third nothing")
    func tellsOnlyChanges() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...10)
        let first = try await workspace.sync()
        #expect(first.text("outcome") == "succeeded")
        #expect(first.count("entered") == 10)
        #expect(first.count("ledger_after") == 10)
        try workspace.list(3...12)
        let second = try await workspace.sync()
        #expect(second.count("entered") == 2)
        #expect(second.count("left") == 2)
        #expect(second.count("unchanged") == 8)
        #expect(second.count("accepted") == 4)
        #expect(try receiver.calls() == 14)
        let third = try await workspace.sync()
        #expect(third.text("outcome") == "unchanged")
        #expect(third.count("requests") == 0)
        #expect(try receiver.members() == ids(3...12))
        #expect(try receiver.leavers() == ids(1...2))
        #expect(try await workspace.members() == ids(3...12))
        #expect(try receiver.reports() == [])
        try await workspace.expectSoundState()
    }

    @Test("the run's line has every key that is promised, and duplicates are counted")
    func keysOfARun() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...5, and: [Workspace.id(1), Workspace.id(1)])
        let run = try await workspace.sync()
        #expect(run.count("read") == 7)
        #expect(run.count("duplicates") == 2)
        let promised = "run sync trigger outcome phase plan read members duplicates invalid unreadable entered left "
            + "unchanged reasserted withheld ignored sent accepted rejected pending requests retries bytes "
            + "started_at finished_at reason"
        for key in promised.split(separator: " ") { #expect(run.keys.contains(String(key)), "\(key) is missing") }
        #expect(run.text("trigger") == "manual")
        #expect(run.text("phase") == "finished")
        #expect(run.text("run") != nil, "a run id is a string")
        let time = try #require(run.text("finished_at"))
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/) != nil, "\(time)")
        #expect(run.text("plan")?.wholeMatch(of: /[0-9a-f]{32,}/) != nil)
        #expect(try await workspace.listing("run", run.text("run") ?? "").first == run)
        #expect(try await workspace.listing("runs", "vip") == [run])
    }

    @Test("--full says true to the snapshot and false to everyone else in the ledger, and moves no count")
    func full() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...10)
        try await workspace.sync()
        try workspace.list(3...10)
        try await workspace.sync()
        let before = try receiver.calls()
        let full = try await workspace.sync("--full")
        #expect(full.count("reasserted") == 10)
        #expect(full.count("entered") == 0)
        #expect(full.count("left") == 0)
        #expect(try receiver.calls() == before + 10)
        #expect(try receiver.store.number("""
            SELECT count(*) FROM (SELECT user_id FROM identifies GROUP BY user_id HAVING count(DISTINCT id) >= 2)
            """) == 10, "a repeat of the truth is a transition of its own, with a messageId of its own")
        try workspace.list(4...11)
        let mixed = try await workspace.sync("--full")
        #expect(mixed.count("entered") == 1)
        #expect(mixed.count("left") == 1)
        #expect(mixed.count("reasserted") == 9)
        #expect(try receiver.members() == ids(4...11))
        #expect(try receiver.leavers() == ids(1...3))
    }

    @Test("--dry-run and plan send nothing, change nothing, and agree; the hash is of the changes")
    func planning() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...5)
        let plan = try #require(try await workspace.listing("plan", "vip", "--sample", "2").first)
        for key in ["sync", "plan", "entered", "left", "unchanged", "requests", "bytes", "seconds", "held_by"] {
            #expect(plan.keys.contains(key), "\(key) is missing")
        }
        #expect(plan.count("entered") == 5)
        #expect(plan.list("sample").count == 2)
        #expect(plan.list("sample").first?.text("event") == "entered")
        #expect(plan.list("sample").first?.text("user") != nil)
        let dry = try #require(try await workspace.listing("sync", "vip", "--dry-run").first)
        #expect(dry.text("plan") == plan.text("plan"))
        #expect(try receiver.calls() == 0)
        #expect(try await workspace.listing("runs") == [])
        try workspace.list([5, 3, 1, 2, 4].map(Workspace.id))
        let sent = try await workspace.sync()
        #expect(sent.text("plan") == plan.text("plan"), "the same changes give the same hash, whatever their order")
        try workspace.list(1...6)
        let other = try #require(try await workspace.listing("plan", "vip").first)
        #expect(other.text("plan") != plan.text("plan"))
    }

    @Test("--approve sends exactly the named plan and holds any other")
    func approving() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...100)
        try await workspace.sync()
        try workspace.list(80...100)
        let hash = try #require(try await workspace.listing("plan", "vip").first?.text("plan"))
        let wrong = try await workspace.sync("--approve", String(hash.reversed()), expecting: 3)
        #expect(wrong.text("phase") == "held")
        #expect(wrong["outcome"] == .null)
        #expect(try receiver.leaves() == 0)
        let right = try await workspace.sync("--approve", hash)
        #expect(right.text("outcome") == "succeeded", "the guards would have held it; it was approved by its hash")
        #expect(right.count("left") == 79)
        let replaced = try #require(try await workspace.listing("run", wrong.text("run") ?? "").first)
        #expect(replaced.text("outcome") == "discarded")
        #expect(try #require(replaced.text("reason")).contains(right.text("run") ?? "?"), "it names the new run")
    }

    @Test("--approve takes one sync")
    func approvingSeveral() async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.edit("  seg: {", "  other: {kind: ndjson, path: out.ndjson}\n  seg: {")
        try workspace.edit("to: [seg]", "to: [seg, other]")
        let ending = try await workspace.rollcall("sync", "vip", "--approve", "00ff")
        #expect(ending.code == 64)
        #expect(!ending.errors.isEmpty)
    }

    @Test("of several runs the worst exit counts: failed before held before partial before succeeded")
    func exitOfSeveral() async throws {
        let workspace = try Workspace()
        try workspace.write("rollcall.yaml", """
            version: 1
            sources:
              lists: {kind: csv, directory: cohorts}
            destinations:
              file: {kind: ndjson, path: out.ndjson}
            cohorts:
              good: {source: lists, file: good.csv, to: [file], schedule: manual}
              bad: {source: lists, file: missing.csv, to: [file], schedule: manual}
              held: {source: lists, file: held.csv, to: [file], schedule: manual}
              part: {source: lists, file: part.csv, to: [file], schedule: manual}
            """)
        try workspace.list(["a"], in: "good")
        try workspace.list(["a", "b"], in: "held")
        try workspace.list(["a", String(repeating: "x", count: 1025)], in: "part")
        #expect(try await workspace.rollcall("sync", "good", "held").code == 0)
        try workspace.list([], in: "held")
        #expect(try await workspace.rollcall("sync", "good", "part").code == 2)
        #expect(try await workspace.rollcall("sync", "part", "held", "good").code == 3)
        #expect(try await workspace.rollcall("sync", "--all").code == 1)
    }

    @Test("on_leave: null says null, ignore says nothing and keeps the ledger")
    func onLeave() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        try workspace.configure(sink.endpoint, cohort: ["on_leave: ignore"])
        try workspace.list(1...5)
        try await workspace.sync()
        try workspace.list(1...3)
        let ignored = try await workspace.sync()
        #expect(ignored.text("outcome") == "unchanged")
        #expect(ignored.count("ignored") == 2)
        #expect(ignored.count("left") == 0)
        #expect(try await workspace.members() == ids(1...5))
        try workspace.edit("on_leave: ignore", "on_leave: null")
        let told = try await workspace.sync()
        #expect(told.count("left") == 2)
        let last = try #require(try sink.messages().last)
        #expect(last["traits"]?[Workspace.trait] == .null)
    }

    @Test("first_sync: baseline records everyone and tells nobody")
    func baseline() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, cohort: ["first_sync: baseline"])
        try workspace.list(1...20)
        let first = try await workspace.sync()
        #expect(first.text("outcome") == "succeeded")
        #expect(first.count("sent") == 0)
        #expect(first.count("ledger_after") == 20)
        #expect(try receiver.calls() == 0)
        try workspace.list(2...21)
        let second = try await workspace.sync()
        #expect(second.count("entered") == 1)
        #expect(second.count("left") == 1)
        #expect(try receiver.calls() == 2)
    }
}
