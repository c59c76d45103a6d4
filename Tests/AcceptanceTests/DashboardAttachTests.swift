import Glibc
import Testing

@testable import TerminalHarness

/// A dashboard beside an engine that somebody else runs, PRODUCT.md §6.
@Suite(.rationed)
struct DashboardAttachTests {
    @Test func killedDashboardsLeaveTheRunGoing() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, settings: "rate: 100/s")
        try workspace.list(1...300)
        let engine = try await RunningEngine(in: workspace)
        let dashboard = try RunningDashboard(in: workspace)
        dashboard.see("vip@seg")
        dashboard.see("live")
        dashboard.press("r")
        dashboard.see("sync vip@seg now?")
        dashboard.press("y")
        try await eventually("the run sends") { try receiver.calls() > 0 }
        kill(dashboard.pty.pid, SIGKILL)
        #expect(dashboard.pty.ending() == .signal(SIGKILL))
        #expect(try receiver.calls() < 300, "the run was over before the dashboard was killed")
        try await eventually("the run ends whole") { try receiver.members() == ids(1...300) }
        _ = try await engine.stop()
    }

    @Test("an engine that goes away: the dashboard says so, never takes over, and comes back with it")
    func engineKilled() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...3)
        let first = try await RunningEngine(in: workspace)
        let dashboard = try RunningDashboard(in: workspace)
        dashboard.see("vip@seg")
        dashboard.see("live")
        try await first.kill()
        dashboard.see("reconnecting")
        dashboard.see("vip@seg")
        // Keys that would change something are refused with the reason, and the file stays as it is.
        let before = workspace.read("rollcall.yaml")
        for key in ["r", "p", "D", "F"] {
            dashboard.press(key)
            dashboard.see("the engine is away")
        }
        #expect(workspace.read("rollcall.yaml") == before)
        // It has had its attempts and did not take the workspace: nobody holds it, and an engine can start.
        let lock = try await workspace.rollcall("status")
        #expect(lock.code == 0 && !lock.errors.contains("held by"), "\(lock.errors)")
        #expect(try await workspace.listing("runs").isEmpty)
        let second = try await RunningEngine(in: workspace)
        dashboard.see("live")
        dashboard.seeNoMore("reconnecting")
        // It follows the new engine: what happens there shows.
        dashboard.press("r")
        dashboard.see("sync vip@seg now?")
        dashboard.press("y")
        try await eventually("the new engine sends") { try receiver.members() == ids(1...3) }
        dashboard.see("+3")
        try dashboard.quit()
        _ = try await second.stop()
    }

    @Test func secondDashboard() async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.list(1...3)
        let first = try RunningDashboard(in: workspace)
        first.see("vip@seg")
        first.see("live")
        let second = try RunningDashboard(in: workspace)
        second.see("vip@seg")
        second.see("live")
        try second.quit()
        first.press("j")
        try first.quit()
    }
}
