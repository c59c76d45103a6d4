import Foundation
import Glibc
import Testing

@testable import TerminalHarness

/// Terminals that misbehave or think for themselves, and what `dashboard.yaml` says of them, PRODUCT.md §6.
@Suite(.rationed)
struct DashboardTerminalWorldTests {
    private func quiet(_ members: [String] = ["u-1", "u-2", "u-3"]) throws -> Workspace {
        let workspace = try Workspace()
        try workspace.write("rollcall.yaml", """
            version: 1
            sources:
              lists: {kind: csv, directory: cohorts}
            destinations:
              file: {kind: ndjson, path: out.ndjson}
            cohorts:
              vip: {name: VIP, id: v1, source: lists, file: vip.csv, to: [file], schedule: manual}
              zzz: {name: ZZZ, id: z1, source: lists, file: vip.csv, to: [file], schedule: manual}

            """)
        try workspace.list(members)
        return workspace
    }

    private func opened(_ workspace: Workspace, width: Int = 80, height: Int = 24) throws -> RunningDashboard {
        let dashboard = try RunningDashboard(in: workspace, width: width, height: height)
        dashboard.see("vip@file")
        dashboard.see("live")
        return dashboard
    }

    /// Bytes that the terminal holds and nobody has read.
    private func unread(_ pty: Pty) -> Int {
        var count: Int32 = 0
        _ = ioctl(pty.master, UInt(FIONREAD), &count)
        return Int(count)
    }

    @Test("a terminal that nobody reads slows neither the engine nor itself for ever: read again, it is whole")
    func readerStops() async throws {
        let workspace = try quiet((1...5_000).map(Workspace.id))
        let engine = try await RunningEngine(in: workspace)
        let dashboard = try opened(workspace, width: 200, height: 60)
        // Each of these paints the whole screen, until the terminal's buffer of 4,095 bytes is full and stays so.
        try await eventually("the terminal is full") {
            dashboard.pty.send("\u{C}")
            return unread(dashboard.pty) >= 4_000
        }
        // Meanwhile the engine works: runs begin, end and are told of.
        for _ in 0..<3 {
            let began = ContinuousClock.now
            #expect(try await engine.ask("/v1/status").code == 0)
            #expect(ContinuousClock.now - began < .seconds(20))
            _ = try await workspace.rollcall("sync", "vip", "--full")
        }
        #expect(try await workspace.listing("runs").count == 3)
        #expect(unread(dashboard.pty) >= 4_000, "nobody has read meanwhile")
        dashboard.pty.drain(milliseconds: 100)
        dashboard.see("5,000")
        dashboard.press("9")
        dashboard.see("Engine")
        dashboard.press("1")
        dashboard.see("vip@file")
        try dashboard.quit()
        _ = try await engine.stop()
    }

    @Test("Ctrl-S and Ctrl-Q are keys like others: they do not stop the screen")
    func flowControl() throws {
        let dashboard = try opened(try quiet())
        #expect(dashboard.pty.modes.flags[0] & tcflag_t(IXON) == 0)
        dashboard.press("\u{13}")
        dashboard.press("9")
        dashboard.see("Engine")
        dashboard.press("\u{11}")
        dashboard.press("1")
        dashboard.see("vip@file")
        try dashboard.quit()
    }

    // MARK: - tmux

    private func withTmux(_ workspace: Workspace, _ command: [String], _ body: (Tmux) async throws -> Void) async throws {
        let tmux: Tmux
        do {
            tmux = try await Tmux(workspace, width: 100, height: 30, command)
        } catch let missing as Tmux.NotAvailable {
            print("NOT RUN: the dashboard in tmux: \(missing.reason)")
            return
        }
        do {
            try await body(tmux)
        } catch {
            try await tmux.end()
            throw error
        }
        try await tmux.end()
    }

    @Test("wide text stands in tmux, cell for cell, where the dashboard thinks it does")
    func wideText() async throws {
        let users = ["日本語ユーザー", "한국어사용자", "e\u{301}mile", "ａｂｃ", "plain-user", "😀smile"]
        let workspace = try quiet(users)
        try await workspace.sync()
        try await withTmux(workspace, [RollcallBinary.path, "dashboard"]) { tmux in
            try await tmux.see("vip@file")
            try await tmux.see("live")
            try await tmux.type("5")
            for user in users { try await tmux.see(user) }
            try await tmux.type("P")
            try await tmux.see("wrote ")
            let folder = workspace.folder + "/.rollcall/dumps"
            let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
            let dumped = String(decoding: bytes(at: folder + "/" + name), as: UTF8.self).split(separator: "\n").map(String.init)
            let shown = try await tmux.lines()
            for user in users {
                let line = try #require(dumped.first { $0.contains(user) }, "\(user) is not in \(dumped)")
                #expect(shown.contains(line), "\(line) is not in \(shown)")
            }
            try await tmux.type("q", "q")
        }
    }

    @Test("Ctrl-Z in a shell under tmux, and back")
    func suspensionUnderTmux() async throws {
        let workspace = try quiet()
        try await withTmux(workspace, ["bash", "--norc", "--noprofile", "-i"]) { tmux in
            try await tmux.see("$")
            try await tmux.type("\(RollcallBinary.path) dashboard", "Enter")
            try await tmux.see("vip@file")
            try await tmux.see("live")
            try await tmux.type("C-z")
            try await tmux.see("Stopped")
            try await tmux.type("echo on the sh''ell", "Enter")
            try await tmux.see("on the shell")
            #expect(try await !tmux.lines().contains { $0.contains("vip@file") }, "the shell has its own screen back")
            try await tmux.type("fg", "Enter")
            try await tmux.see("vip@file")
            try await tmux.type("9")
            try await tmux.see("Engine")
            try await tmux.type("1")
            try await tmux.see("vip@file")
            try await tmux.type("q")
            try await tmux.see("on the shell")
        }
    }

    // MARK: - dashboard.yaml

    @Test("mouse: off by default; on, a click selects a row and does nothing else")
    func mouse() async throws {
        let workspace = try quiet()
        let plain = try opened(workspace)
        #expect(plain.pty.screen.modes.isDisjoint(with: [1000, 1002, 1003, 1006]))
        try plain.quit()
        try workspace.write("dashboard.yaml", "mouse: true\n")
        let before = workspace.read("rollcall.yaml")
        let dashboard = try opened(workspace)
        #expect(dashboard.pty.screen.modes.isSuperset(of: [1000, 1006]))
        let row = try #require(dashboard.pty.screen.lines.firstIndex { $0.contains("zzz@file") })
        dashboard.pty.press("\u{1B}[<0;5;\(row + 1)M")
        dashboard.press("r")
        dashboard.see("sync zzz@file now?")
        // A click neither answers the question nor reaches what is behind it.
        dashboard.pty.press("\u{1B}[<0;5;\(row)M")
        dashboard.see("sync zzz@file now?")
        dashboard.press("n")
        dashboard.seeNoMore("now?")
        try dashboard.quit()
        #expect(try await workspace.listing("runs").isEmpty)
        #expect(workspace.read("rollcall.yaml") == before)
    }

    @Test("columns: shows those and no others; theme: mono has no colour")
    func columnsAndTheme() throws {
        let workspace = try quiet()
        try workspace.write("dashboard.yaml", "theme: mono\ncolumns: {overview: [sync, status, source]}\n")
        let dashboard = try opened(workspace)
        dashboard.see("SOURCE")
        #expect(!dashboard.pty.screen.lines.contains { $0.contains("SCHEDULE") || $0.contains("TOOK") })
        for row in 0..<24 {
            for column in 0..<80 {
                let look = dashboard.pty.screen[row, column].look
                #expect(look.foreground == nil && look.background == nil)
            }
        }
        try dashboard.quit()
        try workspace.write("dashboard.yaml", "columns: {overview: [sync, nosuch]}\n")
        let refused = try RunningDashboard(in: workspace)
        #expect(refused.pty.ending() == .exit(78))
        #expect(refused.pty.screen.lines.contains { $0.contains("nosuch") }, "\(refused.pty.screen.lines)")
    }

    @Test("--plain tells a run, its members and a freeze, a line each")
    func plainTellsChanges() async throws {
        let workspace = try quiet()
        let engine = try await RunningEngine(in: workspace)
        let program = try workspace.start(["dashboard", "--plain"])
        func tells(_ text: String) async throws {
            try await eventually("--plain says \(text): \(program.output)") { program.output.contains(text) }
        }
        try await tells("connected to the engine")
        try await tells("vip@file never, 0 members, schedule manual")
        try await workspace.sync()
        try await tells("u-2 entered vip@file, accepted")
        try await tells("vip@file run 1 succeeded, 3 entered, 0 left, 3 accepted")
        _ = try await workspace.rollcall("freeze")
        try await tells("everything is frozen")
        program.send(SIGTERM)
        let ending = try await program.ending()
        #expect(!ending.output.contains(0x1B))
        _ = try await engine.stop()
    }
}
