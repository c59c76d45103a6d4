import Foundation
import Testing

/// What is asked of the past: `members --at`, `overlap`, `purge` (PRODUCT.md §3).
@Suite(.rationed)
struct HistoryTests {
    private func members(_ workspace: Workspace, at time: String, expecting code: Int32 = 0) async throws -> Set<[UInt8]> {
        Set(try await workspace.listing("members", "vip", "--at", time, expecting: code).compactMap { $0["member"]?.bytes })
    }

    @Test("members --at says who had been told at any moment, across rejects, undo and a migration")
    func membersAt() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, cohort: ["guards: off"])
        var known: [(time: String, members: Set<[UInt8]>)] = []
        func note() async throws {
            let end = try #require(try await workspace.listing("runs").first?.text("finished_at"))
            known.append((end, try await workspace.members()))
        }
        for numbers in [1...100, 51...150, 1...120, 200...220, 1...150] {
            try workspace.list(numbers)
            try await workspace.sync()
            try await note()
        }
        let last = try #require(try await workspace.listing("runs").first?.text("run"))
        let undo = try await workspace.listing("undo", last, expecting: 3)
        #expect(try await workspace.rollcall("approve", undo.last?.text("run") ?? "").code == 0)
        try await note()
        #expect(try await workspace.members() == ids(200...220))
        try workspace.edit("name: VIP", "name: Very")
        let migration = try await workspace.listing("migrate", "vip", expecting: 3)
        #expect(try await workspace.rollcall("approve", migration.last?.text("run") ?? "").code == 0)
        try await note()
        try workspace.list(5...9)
        try await workspace.sync()
        try await note()
        for (time, expected) in known {
            #expect(try await members(workspace, at: time) == expected, "at \(time)")
        }
        #expect(try await members(workspace, at: "2020-01-01T00:00:00Z") == [])
        #expect(try await members(workspace, at: "2020-01-01") == [])
        #expect(try await members(workspace, at: "0s") == ids(5...9))
        #expect(try await workspace.rollcall("members", "vip", "--at", "yesterday").code == 64)
        let engine = try await RunningEngine(in: workspace)
        #expect(try await members(workspace, at: known[1].time) == known[1].members)
        #expect(try await engine.stop().code == 0)
    }

    @Test("before a baseline nobody had been told, after it everyone it recorded")
    func baseline() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, cohort: ["first_sync: baseline", "guards: off"])
        try workspace.list(1...10)
        try await workspace.sync()
        let end = try #require(try await workspace.listing("runs").first?.text("finished_at"))
        try workspace.list(6...15)
        try await workspace.sync()
        #expect(try await members(workspace, at: end) == ids(1...10))
        #expect(try await members(workspace, at: "2020-01-01") == [])
    }

    @Test("overlap counts both, each alone, and what they share")
    func overlap() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.edit("    schedule: manual\n", "    schedule: manual\n  other:\n    source: lists\n    file: other.csv\n    to: [seg]\n")
        try workspace.list(1...60)
        try workspace.list((41...120).map(Workspace.id), in: "other")
        #expect(try await workspace.rollcall("sync", "--all").code == 0)
        let sizes = try #require(try await workspace.listing("overlap", "vip", "other@seg").first)
        for (key, count) in [("a", 60), ("b", 80), ("both", 20), ("only_a", 40), ("only_b", 60)] {
            #expect(sizes.count(key) == count, "\(key): \(sizes)")
        }
        #expect(try await workspace.rollcall("overlap", "vip", "nobody").code == 64)
        #expect(try await workspace.rollcall("overlap", "vip").code == 64)
        let engine = try await RunningEngine(in: workspace)
        #expect(try await workspace.listing("overlap", "vip", "other").first?.count("both") == 20)
        #expect(try await engine.stop().code == 0)
    }

    @Test("purge removes a user from plans, events, index and rejects, and what was told stays right")
    func purge() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, cohort: ["guards: off"])
        for numbers in [1...300, 101...400, 1...300] {
            try workspace.list(numbers)
            try await workspace.sync()
        }
        let user = Workspace.id(42)
        let other = try await workspace.listing("user", Workspace.id(43)).first
        #expect(try await workspace.listing("events", "--user", user).count == 3)
        let before = try await workspace.listing("events").count
        let engine = try await RunningEngine(in: workspace)
        let purged = try #require(try await workspace.listing("purge", user).first)
        #expect(purged.count("events") == 3 && purged.count("runs") == 3, "\(purged)")
        #expect(purged.list("told").count == 1)
        #expect(try await engine.stop().code == 0)
        #expect(try await workspace.listing("events", "--user", user) == [])
        #expect(try await workspace.listing("events").count == before - 3)
        #expect(try await workspace.listing("user", user).first?.list("events").count == 0)
        #expect(try await workspace.listing("user", user).first?.text("told") == "true")
        #expect(try await workspace.listing("user", Workspace.id(43)).first == other, "nobody else's history moved")
        for name in try FileManager.default.contentsOfDirectory(atPath: workspace.folder + "/.rollcall/plans") {
            let file = Data(bytes(at: workspace.folder + "/.rollcall/plans/" + name))
            #expect(file.range(of: Data(user.utf8)) == nil, "\(name) still holds the user")
        }
        #expect(Data(bytes(at: workspace.folder + "/.rollcall/state.db")).range(of: Data(user.utf8)) == nil)
        try await workspace.expectSoundState()
        #expect(try await workspace.sync().text("outcome") == "unchanged", "nothing is told again")
        try workspace.list((1...300).filter { $0 != 42 }.map(Workspace.id))
        #expect(try await workspace.sync().count("left") == 1, "and the leave is told")
        #expect(try !receiver.members().contains(Array(user.utf8)))
        let again = try #require(try await workspace.listing("purge", user).first)
        #expect(again.count("events") == 1)
        #expect(try await workspace.listing("purge", "nobody-here").first?.count("events") == 0)
    }

    @Test("purge keeps a dismissal, drops other rejects, and waits for a held run that names the user")
    func purgeAndRejects() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace, faults: "400 user=u-000007; 400 user=u-000008")
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...100)
        try await workspace.sync(expecting: 2)
        let rejects = try await workspace.listing("rejects")
        let dismissed = try #require(rejects.first { $0.text("user") == "u-000007" }?.text("id"))
        #expect(try await workspace.rollcall("rejects", "--dismiss", dismissed).code == 0)
        #expect(try await workspace.listing("purge", "u-000007").first?.count("dismissals_kept") == 1)
        #expect(try await workspace.listing("purge", "u-000008").first?.count("rejects") == 1)
        let again = try await workspace.sync(expecting: 1)
        #expect(again.count("rejected") == 1, "the dismissed one is not sent, the other is owed: \(again)")
        try workspace.list(1...10)
        try await workspace.sync(expecting: 3)
        let waiting = try await workspace.rollcall("purge", "u-000050")
        #expect(waiting.code == 1 && waiting.errors.contains("held"), "\(waiting.errors)")
    }
}
