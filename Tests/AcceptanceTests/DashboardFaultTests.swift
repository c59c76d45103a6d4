import Glibc
import Testing

@testable import TerminalHarness

/// The real program's terminal is whole after every ending, PRODUCT.md §6.
@Suite(.rationed)
struct DashboardFaultTests {
    private func opened(
        term: String = "xterm-256color", environment: [String: String] = [:]
    ) throws -> (RunningDashboard, Workspace) {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.list(1...3)
        let dashboard = try RunningDashboard(in: workspace, term: term, environment: environment)
        dashboard.see("vip@seg")
        return (dashboard, workspace)
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
    func signals(_ signal: Int32) throws {
        let (dashboard, _) = try opened()
        kill(-dashboard.pty.pid, signal)
        #expect(dashboard.pty.ending() == .exit(128 + signal))
        try dashboard.expectWhole()
    }

    @Test(arguments: [SIGQUIT, SIGSEGV, SIGABRT])
    func crashes(_ signal: Int32) throws {
        let (dashboard, _) = try opened()
        kill(dashboard.pty.pid, signal)
        let ending = dashboard.pty.ending()
        #expect(ending == .signal(signal) || ending == .exit(128 + signal), "\(ending)")
        try dashboard.expectWhole()
    }

    @Test("a crash says on a whole terminal by what and where, and ends by its signal", arguments: [SIGSEGV, SIGABRT])
    func crashReport(_ signal: Int32) throws {
        let (dashboard, _) = try opened(environment: ["SWIFT_BACKTRACE": ""])
        kill(dashboard.pty.pid, signal)
        #expect(dashboard.pty.ending() == .signal(signal))
        try dashboard.expectWhole()
        let said = String(decoding: dashboard.pty.bytes.suffix(8_192), as: UTF8.self)
        #expect(said.contains("rollcall: crashed by \(signal == SIGSEGV ? "SIGSEGV" : "SIGABRT");"), "\(said)")
        #expect(said.contains(#/\/rollcall\([^)]*\+0x[0-9a-f]+\)/#), "\(said)")
    }

    @Test func hangUp() throws {
        let (dashboard, _) = try opened()
        dashboard.pty.hangUp()
        #expect(dashboard.pty.ending() == .exit(129))
    }

    @Test func suspensionThroughAShell() throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.list(1...3)
        let pty = try Pty(
            ["--norc", "--noprofile", "--noediting", "-i"], program: "/bin/bash", environment: workspace.environment)
        func sees(_ text: String) { pty.wait(for: "\(text)") { $0.screen.lines.contains { $0.contains(text) } } }
        pty.wait(for: "the prompt") { $0.screen.lines.contains("$") }
        let shell = pty.modes
        pty.send("\(RollcallBinary.path) dashboard\n")
        sees("vip@seg")
        pty.send("\u{1A}")
        sees("Stopped")
        pty.wait(for: "whole modes") { $0.modes == shell && $0.screen.modes == Pty.wholeModes }
        pty.send("fg\n")
        sees("vip@seg")
        pty.wait(for: "raw modes") { $0.modes.isRaw && $0.screen.modes.contains(1049) }
        pty.send("q")
        pty.wait(for: "whole modes") { $0.modes == shell && $0.screen.modes == Pty.wholeModes }
        pty.send("exit 7\n")
        #expect(pty.ending() == .exit(7))
    }

    @Test func twoHundredResizes() throws {
        let (dashboard, _) = try opened()
        let seed = UInt64.random(in: .min ... .max)
        var state = seed
        for round in 0..<200 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let isTiny = round % 10 == 0
            dashboard.pty.resize(
                width: isTiny ? 1 : Int((state >> 33) % 200) + 1, height: isTiny ? 1 : Int((state >> 40) % 60) + 1)
            dashboard.pty.drain(milliseconds: 5)
        }
        dashboard.pty.screen.resize(width: 100, height: 30)
        dashboard.pty.resize(width: 100, height: 30)
        dashboard.see("vip@seg")
        dashboard.pty.press("\u{C}")
        dashboard.see("vip@seg")
        dashboard.pty.send("q")
        #expect(dashboard.pty.ending() == .exit(0), "seed \(seed)")
    }

    @Test(arguments: ["xterm-256color", "tmux-256color", "screen", "linux", "vt100"])
    func terminalTypes(_ term: String) throws {
        let (dashboard, _) = try opened(term: term)
        dashboard.press("j")
        try dashboard.quit()
    }

    @Test func plainLocale() throws {
        let (dashboard, _) = try opened(environment: ["LANG": "C", "LC_ALL": "C"])
        dashboard.press("j")
        try dashboard.quit()
        #expect(!dashboard.pty.bytes.contains { $0 > 127 })
    }

    @Test func noColor() throws {
        let (dashboard, _) = try opened(environment: ["NO_COLOR": "1"])
        for row in 0..<24 {
            for column in 0..<80 {
                let look = dashboard.pty.screen[row, column].look
                #expect(look.foreground == nil && look.background == nil)
            }
        }
        try dashboard.quit()
    }
}
