import Glibc
import Testing

@testable import TerminalHarness

/// How a dashboard opens, and what it says when it cannot, PRODUCT.md §6.
@Suite(.rationed)
struct DashboardStartTests {
    private func quiet() throws -> Workspace {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.list(1...3)
        return workspace
    }

    @Test(arguments: ["nosuch", "dumb", ""])
    func terminalsThatCannot(_ term: String) throws {
        let dashboard = try RunningDashboard(in: try quiet(), term: term)
        #expect(dashboard.pty.ending() == .exit(69))
        #expect(dashboard.pty.screen.lines.contains { $0.hasPrefix("rollcall: TERM") }, "\(dashboard.pty.screen.lines)")
        try dashboard.expectWhole()
    }

    @Test func noTerminal() async throws {
        let ending = try await quiet().rollcall("dashboard")
        #expect(ending.code == 0)
        #expect(ending.text.contains("vip@seg"))
        #expect(!ending.output.contains(0x1B))
    }

    @Test func noConfiguration() throws {
        let dashboard = try RunningDashboard(in: try Workspace())
        dashboard.see("rollcall.yaml")
        try dashboard.quit()
    }

    @Test(arguments: [(40, 10), (80, 24), (120, 40), (200, 60)])
    func scripts(_ width: Int, _ height: Int) async throws {
        let workspace = try quiet()
        let names = ["cohort", "runs", "schedules", "events", "destinations", "rejects", "logs", "engine"]
        let steps = names.map { "screen \($0)\ndump \($0)\n" }.joined()
        try workspace.write("steps.txt", "wait vip\ndump overview\n" + steps)
        let ending = try await workspace.rollcall(
            "dashboard", "--script", workspace.folder + "/steps.txt", "--dump-dir", workspace.root + "/out", "--size",
            "\(width)x\(height)")
        #expect(ending.code == 0, "\(ending.errors)")
        for name in ["overview"] + names {
            let text = String(decoding: bytes(at: workspace.root + "/out/\(name).txt"), as: UTF8.self)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(text.contains("rollcall"), "\(name): \(text)")
            #expect(lines.count <= height + 1, "\(name)")
            for line in lines { #expect(line.count <= width, "\(name): \(line)") }
        }
    }

    @Test func keysAreRemapped() throws {
        let workspace = try quiet()
        try workspace.write("dashboard.yaml", "keys: {sync: R}\n")
        let dashboard = try RunningDashboard(in: workspace)
        dashboard.see("vip@seg")
        dashboard.see("live")
        dashboard.press("R")
        dashboard.see("sync vip@seg now?")
        dashboard.press("n")
        try dashboard.quit()
    }

    @Test(arguments: ["keys: {sync: p}\n", "keys: {nosuch: p}\n", "theme: nosuch\n"])
    func mistakesInItsFile(_ text: String) throws {
        let workspace = try quiet()
        try workspace.write("dashboard.yaml", text)
        let dashboard = try RunningDashboard(in: workspace)
        #expect(dashboard.pty.ending() == .exit(78))
        #expect(dashboard.pty.screen.lines.contains { $0.contains("dashboard.yaml") }, "\(dashboard.pty.screen.lines)")
        try dashboard.expectWhole()
    }

    @Test("plain lines for a screen reader: no escape sequence")
    func plain() async throws {
        let workspace = try quiet()
        let engine = try await RunningEngine(in: workspace)
        let program = try workspace.start(["dashboard", "--plain"])
        try await eventually("the sync is named") { program.output.contains("vip@seg") }
        program.send(SIGTERM)
        let ending = try await program.ending()
        #expect(!ending.output.contains(0x1B))
        _ = try await engine.stop()
    }
}
