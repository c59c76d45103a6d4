import Testing

/// Changed definitions (PRODUCT.md §5, definition): what holds, what is only noted, what sends nothing.
@Suite(.rationed)
struct DefinitionTests {
    private func told(_ cohort: [String] = []) async throws -> (Workspace, RunningReceiver) {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, cohort: cohort)
        try workspace.list(1...60)
        try await workspace.sync()
        return (workspace, receiver)
    }

    @Test("a changed trait holds; approved, everyone is told the new one")
    func trait() async throws {
        let (workspace, receiver) = try await told()
        try workspace.edit("schedule: manual", "schedule: manual\n    trait: \"vip {key}\"")
        let held = try await workspace.sync(expecting: 3)
        #expect(try #require(held.text("reason")).contains("vip vip"))
        #expect(try await workspace.rollcall("approve", held.text("run") ?? "").code == 0)
        #expect(try receiver.members("vip_vip") == ids(1...60))
        #expect(try await workspace.sync().text("outcome") == "unchanged")
    }

    @Test("a renamed cohort holds and, approved, keeps the trait it had")
    func renamed() async throws {
        let (workspace, receiver) = try await told()
        try workspace.edit("name: VIP", "name: Very Important")
        try workspace.list(2...61)
        let held = try await workspace.sync(expecting: 3)
        #expect(held.count("sent") == 0)
        #expect(try await workspace.rollcall("approve", held.text("run") ?? "").code == 0)
        #expect(try receiver.members() == ids(2...61))
        #expect(try await workspace.sync().text("outcome") == "unchanged")
    }

    @Test("another endpoint holds: nobody there has been told")
    func endpoint() async throws {
        let (workspace, _) = try await told()
        let other = try await RunningReceiver(in: workspace, name: "other")
        let old = try #require(workspace.read("rollcall.yaml").firstMatch(of: /http:[^"]*/)).output
        try workspace.edit(String(old), other.endpoint)
        let held = try await workspace.sync(expecting: 3)
        #expect(try other.calls() == 0)
        #expect(try await workspace.rollcall("approve", held.text("run") ?? "").code == 0)
        #expect(try other.members() == ids(1...60))
    }

    @Test("another kind of source holds; another query is only noted")
    func source() async throws {
        let (workspace, receiver) = try await told()
        let file = SQLiteFile(path: workspace.folder + "/app.db")
        try file.change("CREATE TABLE u(id TEXT); INSERT INTO u VALUES " + (1...60).map {
            "('\(Workspace.id($0))')"
        }.joined(separator: ","))
        try workspace.edit("sources:\n", "sources:\n  app: {kind: sqlite, path: app.db}\n")
        try workspace.edit("source: lists", "source: app")
        try workspace.edit("file: vip.csv", "query: SELECT id FROM u")
        let held = try await workspace.sync(expecting: 3).text("run") ?? ""
        #expect(try await workspace.rollcall("approve", held).code == 0)
        try workspace.edit("SELECT id FROM u", "SELECT id FROM u WHERE id > 'u-000003'")
        let plan = try #require(try await workspace.listing("plan", "vip").first)
        #expect(plan.list("held_by") == [])
        #expect(!plan.list("notes").isEmpty, "the changed query is noted")
        #expect(try await workspace.sync().count("left") == 3)
        #expect(try receiver.members() == ids(4...60))
    }

    @Test("a changed key is noted, and the same trait at the same destination keeps its ledger")
    func key() async throws {
        let (workspace, receiver) = try await told()
        try workspace.edit("  vip:\n", "  very-important:\n")
        try workspace.list(2...61)
        let plan = try #require(try await workspace.listing("plan", "very-important").first)
        #expect(plan.count("entered") == 1)
        #expect(plan.count("left") == 1)
        #expect(!plan.list("notes").isEmpty, "the changed key is noted")
        #expect(try await workspace.rollcall("sync", "very-important").code == 0)
        #expect(try receiver.members() == ids(2...61))
        // The history goes on under the new key, and the old one is known no longer.
        let user = try #require(try await workspace.listing("user", Workspace.id(1)).first)
        #expect(user.text("sync") == "very-important@seg" && user.list("events").count == 2)
        #expect(try await workspace.listing("events", "--sync", "very-important", "--run", "1").count == 60)
        let former = try await workspace.rollcall("members", "vip")
        #expect(former.code == 64 && former.errors.contains("very-important"), "\(former.errors)")
    }

    @Test("a cohort taken out of the file sends nothing, and its history can still be looked at")
    func removed() async throws {
        let (workspace, receiver) = try await told()
        let calls = try receiver.calls()
        try workspace.edit("  vip:\n", "  other:\n")
        try workspace.edit("name: VIP\n    id: v1", "name: Other")
        try workspace.edit("file: vip.csv", "file: other.csv")
        try workspace.list(["z"], in: "other")
        #expect(try await workspace.rollcall("sync", "--all").code == 0)
        #expect(try receiver.calls() == calls + 1)
        #expect(try receiver.leaves() == 0)
        #expect(try await workspace.rollcall("sync", "vip").code == 64)
        let lines = try await workspace.listing("user", Workspace.id(1))
        #expect(lines.first { $0.text("sync") == "vip@seg" }?.text("told") == "true")
        #expect(try await workspace.listing("runs", "vip").count == 1)
        #expect(try await workspace.listing("events", "--sync", "vip").count == 60)
    }

    @Test("two syncs of one trait at one destination are a configuration error")
    func ownedTwice() async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.edit(
            "cohorts:\n", "cohorts:\n  too: {name: VIP, id: v1, source: lists, file: a.csv, to: [seg]}\n")
        let ending = try await workspace.rollcall("check")
        #expect(ending.code == 78)
        #expect(ending.errors.contains("rollcall.yaml:"))
        #expect(ending.errors.contains(Workspace.trait))
    }
}
