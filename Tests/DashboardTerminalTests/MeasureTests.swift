import Dashboard
import Glibc
import Testing

@testable import DashboardTerminal
@testable import TerminalHarness

/// Figures that the product promises. They are printed, and gated loosely where a busy machine moves them.
@Suite(.serialized)
struct MeasureTests {
    private func started(_ arguments: [String] = []) throws -> Pty {
        let pty = try Pty(arguments)
        pty.waitIdle(inputs: 0)
        return pty
    }

    private func bytes(of key: String, _ pty: Pty) -> Int {
        let start = pty.bytes.count
        pty.press(key)
        return pty.bytes.count - start
    }

    @Test func bytesOfAChange() throws {
        let pty = try started(["list"])
        pty.press("+")
        let cell = bytes(of: "+", pty)
        pty.press("j")
        let cursor = bytes(of: "j", pty)
        let nothing = bytes(of: "j", pty)
        print("MEASURE bytes: one cell \(cell), cursor down one row \(cursor), again \(nothing)")
        #expect(cell > 0 && cell <= 16)
        #expect(cursor > 0 && cursor <= 200)
        #expect(pty.screen[14, 0].look.isReverse && !pty.screen[13, 0].look.isReverse)
    }

    @Test func restIsRest() throws {
        let pty = try started()
        // The threads go to sleep a moment after the last line of the handshake.
        var switches = -1
        pty.wait(for: "sleep") { pty in
            defer { switches = pty.voluntarySwitches }
            return switches == pty.voluntarySwitches
        }
        let count = pty.bytes.count
        // The one place that must let time pass: nothing may happen in it.
        let deadline = monotonicMilliseconds() + 1500
        while monotonicMilliseconds() < deadline { pty.drain(milliseconds: 100) }
        let woken = pty.voluntarySwitches - switches
        print("MEASURE idle for 1.5 s: \(woken) wake-ups, \(pty.bytes.count - count) bytes")
        #expect(woken == 0)
        #expect(pty.bytes.count == count)
    }

    @Test func keysAtRest() throws {
        let pty = try started()
        var latencies: [Duration] = []
        for round in 0..<200 {
            let count = pty.bytes.count
            let start = ContinuousClock.now
            pty.send(round % 2 == 0 ? "\u{1B}[A" : "\u{1B}[B")
            pty.wait(for: "a byte") { $0.bytes.count > count }
            latencies.append(ContinuousClock.now - start)
            pty.waitIdle(inputs: round + 1)
        }
        latencies.sort()
        print("MEASURE at rest: key to first byte median \(latencies[100]), 99 % \(latencies[197])")
        #expect(latencies[100] < .milliseconds(50))
    }

    @Test func keysInAFlood() throws {
        let pty = try started()
        pty.press("f")
        var latencies: [Duration] = []
        for _ in 0..<40 {
            let start = ContinuousClock.now
            pty.send("\u{1B}[A")
            pty.wait(for: "up") { $0.screen.lines[2] == "last up" }
            pty.send("\u{1B}[B")
            pty.wait(for: "down") { $0.screen.lines[2] == "last down" }
            latencies.append((ContinuousClock.now - start) / 2)
        }
        let frames = pty.idle.frame
        let count = pty.bytes.count
        let deadline = monotonicMilliseconds() + 1000
        while monotonicMilliseconds() < deadline { pty.drain(milliseconds: 20) }
        latencies.sort()
        print(
            "MEASURE flood: key to visible median \(latencies[20]), worst \(latencies[39]); "
                + "\(pty.bytes.count - count) bytes/s, frame \(frames)")
        // 25 frames a second of a few changed digits.
        #expect(pty.bytes.count - count < 2000)
        #expect(latencies[20] < .milliseconds(100))
        pty.press("F")
    }

    @Test func wideTextAgreesWithTmux() throws {
        let tmux = "/usr/bin/tmux"
        guard access(tmux, X_OK) == 0 else {
            print("NOT RUN: wide text against tmux, which is not installed")
            return
        }
        let pty = try started(["wide"])
        let folder = "/tmp/rollcall-terminal-\(getpid())"
        #expect(mkdir(folder, 0o700) == 0)
        let fifo = folder + "/idle"
        #expect(mkfifo(fifo, 0o600) == 0)
        let idle = open(fifo, O_RDWR | O_CLOEXEC | O_NONBLOCK)
        var environment = ["LANG=C.UTF-8", "PATH=/usr/bin:/bin", "TMUX_TMPDIR=\(folder)", "TERM=xterm-256color"]
        if let libraries = getenv("LD_LIBRARY_PATH") {
            environment.append("LD_LIBRARY_PATH=\(String(cString: libraries))")
        }
        func run(_ arguments: String...) -> String? {
            output(of: tmux, ["-u", "-f", "/dev/null", "-S", folder + "/socket"] + arguments, environment: environment)
        }
        defer {
            _ = run("kill-server")
            close(idle)
            for name in namesIn(folder) { unlink(folder + "/" + name) }
            rmdir(folder)
        }
        let command = "exec 3>\(fifo); ROLLCALL_TUI_TEST_FD=3 exec \(Pty.probe) wide"
        try #require(run("new-session", "-d", "-x", "80", "-y", "24", command) != nil)
        var entry = pollfd(fd: idle, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, Int32(Pty.patience)) == 1)
        // The probe is at rest; tmux has yet to read what it wrote.
        let deadline = monotonicMilliseconds() + Pty.patience
        var shown: [String] = []
        while shown != pty.screen.lines && monotonicMilliseconds() < deadline {
            let text = run("capture-pane", "-p") ?? ""
            shown = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        }
        #expect(shown == pty.screen.lines)
    }
}
