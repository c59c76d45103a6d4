import Foundation
import Glibc
import Testing

/// What commands say and do after a process was killed in the middle of a run, before anybody took it up.
@Suite(.rationed)
struct AfterKillTests {
    /// A workspace whose first sync, of 8,000, was killed once somebody had been told.
    private func killed() async throws -> (Workspace, RunningReceiver) {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace, faults: "delay=50ms")
        try workspace.configure(receiver.endpoint, settings: "rate: 2000/s")
        try workspace.list(1...8000)
        let sync = try workspace.start(["sync", "vip"])
        try await eventually("somebody is told, and that is on record") {
            try await workspace.listing("runs", "vip").first?.count("accepted") ?? 0 > 0
        }
        sync.send(SIGKILL)
        _ = try await sync.ending(within: 30)
        return (workspace, receiver)
    }

    @Test("cancel ends an interrupted run: what was told stays told, the next sync tells the rest")
    func cancel() async throws {
        let (workspace, receiver) = try await killed()
        let ending = try await workspace.rollcall("cancel", "1", "--json")
        #expect(ending.code == 0, "\(ending.errors)\(ending.text)")
        #expect(try ending.lines().first?.text("outcome") == "cancelled")
        let told = try receiver.calls()
        #expect(told < 8000)
        let ledger = try await workspace.members()
        #expect(ledger.isSubset(of: try receiver.members()) && !ledger.isEmpty)
        let why = try await workspace.status()["vip@seg"]?.text("reason") ?? ""
        #expect(why.contains("run 1 was cancelled with \(8000 - ledger.count) changes still owed"), "\(why)")
        try await workspace.sync()
        #expect(try receiver.members() == ids(1...8000))
        try await workspace.expectSoundState()
    }

    @Test("user and status tell of a run that nobody has taken up yet")
    func listings() async throws {
        let (workspace, _) = try await killed()
        let event = try #require(try await workspace.listing("events", "--run", "1").first { $0.text("status") == "accepted" })
        let user = try #require(try await workspace.listing("user", event.text("user") ?? "").first)
        #expect(user.text("told") == "true")
        #expect(try await workspace.rollcall("status").text.contains("interrupted"))
    }

    @Test("retire after a kill tells everyone false who was told, and nobody is forgotten")
    func retire() async throws {
        let (workspace, receiver) = try await killed()
        let retired = try await workspace.rollcall("retire", "vip", "--json")
        #expect(retired.code == 3, "\(retired.errors)")
        let run = try #require(try retired.lines().last?.text("run"))
        #expect(try await workspace.rollcall("approve", run).code == 0)
        #expect(try receiver.members().isEmpty)
        #expect(try await workspace.members().isEmpty)
        try await workspace.expectSoundState()
    }

    @Test("frozen, a sync of an interrupted run exits 1 instead of waiting for ever")
    func frozen() async throws {
        let (workspace, receiver) = try await killed()
        #expect(try await workspace.rollcall("freeze").code == 0)
        let before = try receiver.calls()
        #expect(try await workspace.rollcall("sync", "vip", within: 60).code == 1)
        #expect(try receiver.calls() == before)
        #expect(try await workspace.rollcall("unfreeze").code == 0)
        try await workspace.sync()
        #expect(try receiver.members() == ids(1...8000))
    }
}
