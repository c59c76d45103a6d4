import Glibc
import Testing

/// `undo`, `retire`, `migrate`: plans that a person asks for by name, always held (PRODUCT.md §3, §5).
@Suite(.rationed)
struct NamedPlanTests {
    /// A workspace whose `vip@seg` told 1…60, then 11…70.
    private func told() async throws -> (Workspace, RunningReceiver, second: String) {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, schedule: "\"0 4 1 1 *\"    # once a year")
        try workspace.list(1...60)
        try await workspace.sync()
        try workspace.list(11...70)
        let second = try #require(try await workspace.sync().text("run"))
        return (workspace, receiver, second)
    }

    private func held(_ workspace: Workspace, _ arguments: String...) async throws -> JSON {
        let ending = try await workspace.start(arguments + ["--json"]).ending()
        #expect(ending.code == 3, "\(arguments): \(ending.errors)\(ending.text)")
        let run = try #require(try ending.lines().last)
        expectBooks(of: run)
        #expect(run.text("phase") == "held" && run["outcome"] == .null)
        #expect(run.count("sent") == 0)
        return run
    }

    @Test("undo takes a run back for those unchanged since, and approving it pauses the sync in the file")
    func undo() async throws {
        let (workspace, receiver, second) = try await told()
        // 11 left again since and 1 came back: both are left as they are.
        try workspace.list([1] + Array(12...70), separately: ())
        try await workspace.sync()
        let plan = try await held(workspace, "undo", second)
        #expect(plan.text("mode") == "undo" && plan.text("undoes") == second)
        #expect(plan.count("entered") == 9 && plan.count("left") == 10, "\(plan)")
        #expect(try receiver.members() == ids(12...70).union(ids(1...1)), "nothing is sent before approval")
        let before = workspace.read("rollcall.yaml")
        let id = try #require(plan.text("run"))
        let ending = try await workspace.rollcall("approve", id, "--reason", "a bad import", "--json")
        #expect(ending.code == 0, "\(ending.errors)")
        let run = try #require(try ending.lines().last)
        expectBooks(of: run)
        #expect(run.count("ledger_after") == (run.count("ledger_before") ?? 0) + 9 - 10)
        #expect(try receiver.members() == ids(1...10).union(ids(12...60)))
        #expect(try await workspace.members() == ids(1...10).union(ids(12...60)))
        let paused = "{when: \"0 4 1 1 *\", paused: true}    # once a year"
        #expect(workspace.read("rollcall.yaml") == before.replacing("\"0 4 1 1 *\"    # once a year", with: paused))
        #expect(try await workspace.status()["vip@seg"]?.text("state") == "paused")
        #expect(try await workspace.rollcall("resume", "vip").code == 0)
        #expect(workspace.read("rollcall.yaml") == before)
        try await workspace.expectSoundState()
    }

    @Test("undo while an engine serves goes through it, and a discarded one leaves everything as it was")
    func undoThroughAnEngine() async throws {
        let (workspace, receiver, second) = try await told()
        let engine = try await RunningEngine(in: workspace)
        let replaced = try await held(workspace, "undo", second)
        let first = try await held(workspace, "undo", second)
        #expect(try await workspace.listing("run", replaced.text("run") ?? "").first?.text("replaced_by") == first.text("run"))
        #expect(try await workspace.rollcall("discard", first.text("run") ?? "").code == 0)
        #expect(!workspace.read("rollcall.yaml").contains("paused"))
        let plan = try await held(workspace, "undo", second)
        #expect(try await workspace.rollcall("freeze").code == 0)
        #expect(try await workspace.rollcall("approve", plan.text("run") ?? "").code == 1)
        #expect(!workspace.read("rollcall.yaml").contains("paused"), "what is not sent pauses nothing")
        #expect(try await workspace.rollcall("unfreeze").code == 0)
        #expect(try await workspace.rollcall("approve", plan.text("run") ?? "").code == 0)
        #expect(workspace.read("rollcall.yaml").contains("paused: true"))
        try await eventually("the engine has taken the pause up") {
            try await workspace.status()["vip@seg"]?.text("state") == "paused"
        }
        #expect(try receiver.members() == ids(1...60))
        #expect(try await engine.stop().code == 0)
        try await workspace.expectSoundState()
    }

    @Test("what cannot be undone is refused with the reason")
    func undoRefused() async throws {
        let (workspace, _, second) = try await told()
        for (run, words) in [("99", "no run"), ("x", "no run"), ("3", "")] {
            let ending = try await workspace.rollcall("undo", run)
            #expect(ending.code == 64 && ending.errors.contains(words), "\(run): \(ending.errors)")
        }
        let idle = try #require(try await workspace.sync().text("run"))
        #expect(try await workspace.rollcall("undo", idle).code == 64)
        let plan = try await held(workspace, "undo", second)
        #expect(try await workspace.rollcall("approve", plan.text("run") ?? "").code == 0)
        let again = try await workspace.rollcall("undo", second, "--json")
        #expect(again.code == 0, "nobody is as that run left them: nothing is held and nothing sent")
        #expect(try again.lines().last?.text("outcome") == "unchanged")
    }

    @Test("retire tells everyone false, also for a cohort that the file has no longer")
    func retire() async throws {
        let (workspace, receiver, _) = try await told()
        try workspace.edit("  vip:\n    name: VIP\n    id: v1\n", "  other:\n")
        try workspace.edit("file: vip.csv", "file: other.csv")
        try workspace.list(1...1, and: [])
        #expect(try await workspace.rollcall("sync", "vip").code == 64, "a cohort taken out sends nothing")
        let plan = try await held(workspace, "retire", "vip")
        #expect(plan.text("mode") == "retire" && plan.count("left") == 60 && plan.count("entered") == 0)
        #expect(try receiver.members() == ids(11...70))
        #expect(try await workspace.status()["vip@seg"]?.text("held_run") == plan.text("run"), "it is not out of sight")
        let ending = try await workspace.rollcall("approve", plan.text("run") ?? "", "--json")
        #expect(ending.code == 0, "\(ending.errors)")
        #expect(try ending.lines().last?.count("ledger_after") == 0)
        #expect(try receiver.members() == [])
        #expect(try receiver.leavers() == ids(1...70))
        #expect(try await workspace.members() == [])
        let near = try await workspace.rollcall("retire", "vipp")
        #expect(near.code == 64 && near.errors.contains("did you mean"), "\(near.errors)")
        try await workspace.expectSoundState()
    }

    @Test("a held retirement outlives the edit that takes its cohort out of the file")
    func retireThenRemove() async throws {
        let (workspace, receiver, _) = try await told()
        let engine = try await RunningEngine(in: workspace)
        let plan = try await held(workspace, "retire", "vip@seg")
        #expect(plan.list("notes").count == 1, "the file still has it, which is worth a word")
        try workspace.edit("  vip:\n    name: VIP\n    id: v1\n", "  other:\n")
        try await eventually("the edit is active") {
            try await workspace.listing("status").first?.text("cohort") == "other"
        }
        #expect(try await workspace.rollcall("approve", plan.text("run") ?? "").code == 0)
        #expect(try receiver.members() == [])
        #expect(try await engine.stop().code == 0)
    }

    @Test("migrate ends the old trait for everyone, then starts the new one, in one held plan whose books balance")
    func migrate() async throws {
        let (workspace, receiver, _) = try await told()
        #expect(try await workspace.rollcall("migrate", "vip").code == 64, "nothing is to be moved")
        try workspace.edit("name: VIP", "name: Very")
        try workspace.list(21...80)
        // The rename holds the next sync; whoever migrates instead replaces that run.
        let renamed = try await workspace.sync(expecting: 3)
        let plan = try await held(workspace, "migrate", "vip")
        #expect(try await workspace.listing("run", renamed.text("run") ?? "").first?.text("outcome") == "discarded")
        #expect(plan.count("left") == 60 && plan.count("entered") == 60)
        #expect(try receiver.leaves() == 10)
        let id = try #require(plan.text("run"))
        let ending = try await workspace.rollcall("approve", id, "--json")
        #expect(ending.code == 0, "\(ending.errors)")
        let run = try #require(try ending.lines().last)
        expectBooks(of: run)
        #expect(run.count("accepted") == 120 && run.count("ledger_before") == 60 && run.count("ledger_after") == 60)
        #expect(try receiver.members() == [])
        #expect(try receiver.leavers() == ids(1...70))
        #expect(try receiver.members("amplitude_very_v1") == ids(21...80))
        #expect(try await workspace.sync().text("outcome") == "unchanged")
        let events = try await workspace.listing("events", "--run", id)
        #expect(events.count == 120 && events.prefix(60).allSatisfy { $0.text("event") == "left" })
        #expect(try await workspace.listing("user", Workspace.id(30)).first?.list("events").count == 3)
        try await workspace.expectSoundState()
    }

    @Test("a migration that stops before the old trait is ended leaves the sync what it was; the next one finishes")
    func interruptedMigration() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, settings: "rate: 20/s")
        try workspace.list(1...20)
        try await workspace.sync()
        try workspace.edit("name: VIP", "name: Very")
        try workspace.edit("rate: 20/s", "rate: 2/s")
        let plan = try await held(workspace, "migrate", "vip")
        let id = plan.text("run") ?? ""
        let approving = try workspace.start(["approve", id])
        try await eventually("some were told") { try receiver.leaves() > 0 }
        approving.send(SIGKILL)
        _ = try await approving.ending()
        let told = try receiver.leaves()
        #expect(told < 20)
        #expect(try receiver.members("amplitude_very_v1") == [], "nobody enters before the old trait is ended")
        try workspace.edit("rate: 2/s", "rate: unlimited")
        let ending = try await workspace.rollcall("sync", "vip", "--json")
        #expect(ending.code == 0, "the interrupted run goes on, then the sync runs: \(ending.errors)\(ending.text)")
        #expect(try receiver.leavers() == ids(1...20))
        #expect(try receiver.members("amplitude_very_v1") == ids(1...20))
        #expect(try receiver.leaves() == 20, "each id once")
        try await workspace.expectSoundState()
    }

    @Test("a changed trait that was approved and told nobody is held again, and nobody is forgotten")
    func traitThatToldNobody() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...60)
        try await workspace.sync()
        try workspace.edit("schedule: manual", "schedule: manual\n    trait: \"vip {key}\"")
        let first = try await workspace.sync(expecting: 3)
        receiver.program.send(SIGKILL)
        try await eventually("the receiver is gone") { receiver.program.poll() != nil }
        #expect(try await workspace.rollcall("approve", first.text("run") ?? "", "--retry-for", "0s").code == 1)
        let back = try await RunningReceiver(in: workspace, port: receiver.port)
        let second = try await workspace.sync(expecting: 3)
        #expect(second.count("entered") == 60, "nobody was told the new trait yet: \(second)")
        #expect(try await workspace.rollcall("approve", second.text("run") ?? "").code == 0)
        #expect(try back.members("vip_vip") == ids(1...60))
    }
}

extension Workspace {
    /// Writes the members of these numbers.
    fileprivate func list(_ numbers: [Int], separately: Void) throws { try list(numbers.map(Self.id)) }
}
