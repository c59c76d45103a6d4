import Foundation
import Testing

@testable import TerminalHarness

/// What keys do to the world, PRODUCT.md §6, with the real program on a real terminal.
@Suite(.rationed)
struct DashboardActionTests {
    private func world(
        _ members: ClosedRange<Int> = 1...20, settings: String = ""
    ) async throws -> (Workspace, RunningReceiver) {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, settings: settings)
        try workspace.list(members)
        return (workspace, receiver)
    }

    private func opened(
        _ workspace: Workspace, _ arguments: [String] = [], _ connection: String = "● live"
    ) throws -> RunningDashboard {
        let dashboard = try RunningDashboard(in: workspace, arguments)
        dashboard.see("vip@seg")
        dashboard.see(connection)
        return dashboard
    }

    @Test func syncNow() async throws {
        let (workspace, receiver) = try await world()
        let dashboard = try opened(workspace)
        dashboard.press("r")
        dashboard.see("sync vip@seg now?")
        dashboard.press("y")
        dashboard.see("u-000020")
        dashboard.see("+20")
        // While it runs, leaving asks first.
        dashboard.see(" ok ")
        dashboard.see("run 0")
        #expect(try receiver.members() == ids(1...20))
        try dashboard.quit()
        try await workspace.expectSoundState()
    }

    @Test func whateverElseCancels() async throws {
        let (workspace, receiver) = try await world()
        let before = workspace.read("rollcall.yaml")
        let dashboard = try opened(workspace)
        // Everything that a keyboard has: what is printed, control characters, and keys that send sequences.
        let printed = (0x20..<0x7F).map { String(UnicodeScalar($0)) }.filter { $0 != "y" && $0 != "d" }
        let controls = (1..<27).filter { ![3, 9].contains($0) }.map { String(UnicodeScalar(UInt8($0))) }
        let sequences = ["A", "B", "C", "D", "H", "F", "Z", "2~", "3~", "5~", "6~", "15~", "24~"].map { "\u{1B}[" + $0 }
        for key in printed + controls + sequences + ["\t", "\u{3}", "\u{7F}", "é", "日", "\u{1B}y", "\u{1B}OP"] {
            dashboard.press("r")
            dashboard.see("sync vip@seg now?")
            dashboard.pty.press(key)
            dashboard.seeNoMore("sync vip@seg now?")
        }
        // Escape stands alone: a terminal may be about to say more.
        dashboard.press("r")
        dashboard.pty.press("\u{1B}")
        dashboard.seeNoMore("sync vip@seg now?")
        // A paste is one input, and text is all it can be.
        dashboard.pty.press("\u{1B}[200~ry\rpD\u{1B}[201~")
        dashboard.press("\r")
        dashboard.press("q")
        try dashboard.quit()
        #expect(try receiver.calls() == 0)
        #expect(workspace.read("rollcall.yaml") == before)
        #expect(try await workspace.listing("runs").isEmpty)
    }

    @Test func dryRunsSendNothing() async throws {
        let (workspace, receiver) = try await world()
        let dashboard = try opened(workspace)
        dashboard.press("D")
        dashboard.see("dry")
        dashboard.pty.press("\u{1B}")
        try dashboard.quit()
        #expect(try receiver.calls() == 0)
    }

    @Test func pauseAndUndo() async throws {
        let (workspace, _) = try await world()
        let before = workspace.read("rollcall.yaml")
        let dashboard = try opened(workspace)
        dashboard.press("p")
        dashboard.see("paused vip@seg; u undoes it")
        let paused = before.replacingOccurrences(of: "schedule: manual", with: "schedule: {when: manual, paused: true}")
        try await eventually("the pause is in the file") { workspace.read("rollcall.yaml") == paused }
        dashboard.press("u")
        try await eventually("the pause is undone") { workspace.read("rollcall.yaml") == before }
        try dashboard.quit()
    }

    @Test func editOneLine() async throws {
        let (workspace, _) = try await world()
        try workspace.write("rollcall.yaml", "# first\n" + workspace.read("rollcall.yaml") + "# last, as it was  \n")
        let before = workspace.read("rollcall.yaml")
        let dashboard = try opened(workspace)
        dashboard.press("e")
        dashboard.see("valid")
        dashboard.press(String(repeating: "\u{7F}", count: 6))
        dashboard.press("every 15m")
        dashboard.see("next fires")
        dashboard.press("\u{13}")
        dashboard.see("every 15m")
        dashboard.press("y")
        let after = before.replacingOccurrences(of: "schedule: manual", with: "schedule: every 15m")
        try await eventually("the new schedule is in the file") { workspace.read("rollcall.yaml") != before }
        #expect(workspace.read("rollcall.yaml") == after)
        // The editor leaves by itself once it is saved.
        dashboard.seeNoMore("next fires")
        try dashboard.quit()
    }

    @Test func editsElsewhereAreNotOverwritten() async throws {
        let (workspace, _) = try await world()
        let dashboard = try opened(workspace)
        dashboard.press("e")
        dashboard.see("valid")
        dashboard.press(String(repeating: "\u{7F}", count: 6))
        dashboard.press("every 15m")
        try workspace.edit("schedule: manual", "schedule: every 2h")
        let elsewhere = workspace.read("rollcall.yaml")
        dashboard.see("rollcall.yaml says `every 2h` by now")
        dashboard.press("\u{13}")
        dashboard.see("by now")
        #expect(workspace.read("rollcall.yaml") == elsewhere)
    }

    @Test("an edit made elsewhere between the question and its y stays, and the dashboard says that it wrote nothing")
    func editsBeforeTheAnswer() async throws {
        let (workspace, _) = try await world()
        let dashboard = try opened(workspace)
        dashboard.press("e")
        dashboard.see("valid")
        dashboard.press(String(repeating: "\u{7F}", count: 6))
        dashboard.press("every 15m")
        dashboard.press("\u{13}")
        dashboard.see("y saves")
        try workspace.edit("name: VIP", "name: VIP  # mine")
        let elsewhere = workspace.read("rollcall.yaml")
        dashboard.press("y")
        dashboard.see("nothing was written")
        #expect(workspace.read("rollcall.yaml") == elsewhere)
        // Saving again is saving on top of it.
        dashboard.press("\u{13}")
        dashboard.see("y saves")
        dashboard.press("y")
        let both = elsewhere.replacingOccurrences(of: "schedule: manual", with: "schedule: every 15m")
        try await eventually("both edits are in the file") { workspace.read("rollcall.yaml") == both }
        dashboard.seeNoMore("next fires")
        try dashboard.quit()
    }

    @Test("a held plan shows its numbers and sample; anything but y leaves it held, y sends it")
    func approve() async throws {
        let (workspace, receiver) = try await world(1...100)
        try await workspace.sync()
        try workspace.list(1...20)
        try await workspace.sync(expecting: 3)
        let dashboard = try opened(workspace)
        dashboard.see("held")
        dashboard.press("a")
        dashboard.see("-80 left")
        dashboard.see("held by")
        dashboard.press("\r")
        dashboard.seeNoMore("held by")
        #expect(try receiver.leavers().isEmpty)
        dashboard.press("a")
        dashboard.see("-80 left")
        dashboard.press("y")
        try await eventually("the leaves arrive") { try receiver.leavers() == ids(21...100) }
        dashboard.seeNoMore("held 1")
        // While the run is under way, leaving its own engine asks first.
        dashboard.see("run 0")
        try dashboard.quit()
        try await workspace.expectSoundState()
    }

    @Test func discard() async throws {
        let (workspace, receiver) = try await world(1...100)
        try await workspace.sync()
        try workspace.list(1...20)
        try await workspace.sync(expecting: 3)
        let dashboard = try opened(workspace)
        dashboard.see("held")
        dashboard.press("X")
        dashboard.see("discard the held plan of vip@seg, +0 -80?")
        dashboard.press("\r")
        dashboard.seeNoMore("discard the held plan")
        #expect(try await workspace.status()["vip@seg"]?.text("held_run") == "2", "Enter discards nothing")
        dashboard.press("X")
        dashboard.see("discard the held plan")
        dashboard.press("y")
        try await eventually("the plan is discarded") {
            try await workspace.listing("run", "2").first?.text("outcome") == "discarded"
        }
        dashboard.seeNoMore("held 1")
        try dashboard.quit()
        #expect(try receiver.leavers().isEmpty)
        let status = try await workspace.status()["vip@seg"]
        #expect(status?["held_run"] == JSON.null && status?.text("state") != "held", "\(String(describing: status))")
        #expect(status?.count("last_left") == 0, "a discarded plan moved nobody")
    }

    @Test func readOnly() async throws {
        let (workspace, receiver) = try await world()
        let before = workspace.read("rollcall.yaml")
        let dashboard = try opened(workspace, ["--read-only"], "◌ no engine")
        dashboard.see("[RO]")
        for line in dashboard.pty.screen.lines.suffix(1) { #expect(!line.contains("sync") && !line.contains("pause")) }
        dashboard.press("ryyDpXyFyaye")
        dashboard.see("[RO]")
        #expect(try receiver.calls() == 0)
        #expect(workspace.read("rollcall.yaml") == before)
    }

    @Test func dumps() async throws {
        let (workspace, _) = try await world()
        let dashboard = try opened(workspace)
        dashboard.press("P")
        dashboard.see("dumps")
        dashboard.press("S")
        let folder = workspace.folder + "/.rollcall/dumps"
        try await eventually("a screen and a table are saved") {
            try FileManager.default.contentsOfDirectory(atPath: folder).count >= 2
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let file = folder + "/" + name
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(name)")
            try await eventually("\(name) tells of vip") { String(decoding: bytes(at: file), as: UTF8.self).contains("vip@seg") }
        }
        try dashboard.quit()
    }

    @Test func paletteAndFilter() async throws {
        let (workspace, _) = try await world()
        let dashboard = try opened(workspace)
        dashboard.press(":screen engine\r")
        dashboard.see("Engine")
        dashboard.press("1")
        dashboard.see("vip@seg")
        dashboard.press("/!vip")
        dashboard.seeNoMore("vip@seg")
        dashboard.pty.press("\u{1B}")
        dashboard.see("vip@seg")
        try dashboard.quit()
    }
}
