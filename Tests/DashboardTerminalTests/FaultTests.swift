import Dashboard
import Glibc
import Testing

@testable import DashboardTerminal
@testable import TerminalHarness

/// What goes wrong around a terminal, each with the same end: the terminal is whole.
@Suite(.serialized)
struct FaultTests {
    private let before: Pty.Modes

    init() throws {
        before = try Pty(program: "/bin/true").modes
    }

    private func started(_ arguments: [String] = []) throws -> Pty {
        let pty = try Pty(arguments)
        pty.waitIdle(inputs: 0)
        return pty
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
    func signalsToTheGroup(_ signal: Int32) throws {
        let pty = try started()
        let start = ContinuousClock.now
        kill(-pty.pid, signal)
        pty.wait(for: "whole modes") { $0.modes == before }
        print("MEASURE signal \(signal) to whole terminal: \(ContinuousClock.now - start)")
        #expect(pty.ending() == .exit(128 + signal))
        expectWhole(pty, before)
        #expect(closingTime(pty) ?? .max < 50_000)
    }

    /// Microseconds that the probe measured around `close`.
    private func closingTime(_ pty: Pty) -> Int? {
        let line = pty.screen.lines.first { $0.contains("closed in ") }
        return line?.split(separator: " ").dropLast().last.flatMap { Int($0) }
    }

    @Test func hangUp() throws {
        let pty = try started()
        pty.hangUp()
        #expect(pty.ending() == .exit(129))
    }

    @Test func hangUpWithoutTheSignal() throws {
        let pty = try started(["ignore-hup"])
        let start = ContinuousClock.now
        pty.hangUp()
        #expect(pty.ending() == .exit(129))
        #expect(ContinuousClock.now - start < .seconds(2))
    }

    @Test(arguments: [("t", [SIGILL, SIGTRAP]), ("T", [SIGILL, SIGTRAP]), ("v", [SIGSEGV]), ("a", [SIGABRT])])
    func crashes(_ key: String, _ signals: [Int32]) throws {
        let pty = try started()
        pty.press("m")
        pty.send("e")
        pty.wait(for: "the captured line") { $0.screen.lines[3] == "log stderr: one more" }
        pty.send(key)
        let ending = pty.ending()
        #expect(signals.contains { ending == .signal($0) }, "\(ending)")
        expectWhole(pty, before)
        let text = String(decoding: pty.bytes, as: UTF8.self)
        // What the screen had swallowed, and what the runtime says about a trap, comes out on the first screen.
        let afterwards = text.split(separator: "\u{1B}[?1049l").last ?? ""
        #expect(afterwards.contains("one more"))
        #expect(key.lowercased() != "t" || afterwards.contains("trapped by a"))
    }

    @Test func quitSignal() throws {
        let pty = try started()
        kill(-pty.pid, SIGQUIT)
        #expect(pty.ending() == .signal(SIGQUIT))
        expectWhole(pty, before)
    }

    @Test func exitWithoutClosing() throws {
        let pty = try started()
        pty.send("x")
        #expect(pty.ending() == .exit(3))
        expectWhole(pty, before)
    }

    @Test func suspensionThroughAShell() throws {
        let pty = try Pty(["--norc", "--noprofile", "--noediting", "-i"], program: "/bin/bash")
        pty.wait(for: "the prompt") { $0.screen.lines.contains("$") }
        let shellModes = pty.modes
        pty.send("\(Pty.probe)\n")
        pty.waitIdle(inputs: 0)
        pty.press("+")
        pty.send("\u{1A}")
        pty.wait(for: "the stop") { $0.screen.lines.contains { $0.contains("Stopped") } }
        pty.wait(for: "whole modes") { $0.modes == shellModes && $0.screen.modes == Pty.wholeModes }
        pty.send("echo he\"\"re\n")
        pty.wait(for: "the shell") { $0.screen.lines.contains { $0 == "here" || $0 == "$ here" } }
        // In the background it must not touch the terminal: it is stopped again until it comes to the foreground.
        pty.send("bg\n")
        pty.wait(for: "the second stop") { pty in
            pty.send("jobs -l\n")
            return pty.screen.lines.contains { $0.contains("Stopped (tty output)") }
        }
        #expect(pty.modes == shellModes)
        pty.send("fg\n")
        pty.wait(for: "the return") { $0.screen.lines[3] == "log resumed" && $0.screen.lines[1] == "count 1" }
        pty.wait(for: "raw modes") { $0.modes.isRaw }
        pty.send("+")
        pty.wait(for: "the count") { $0.screen.lines[1] == "count 2" }
        pty.send("q")
        pty.wait(for: "the end") { $0.screen.lines.contains { $0.contains("closed in") } }
        pty.wait(for: "whole modes") { $0.modes == shellModes && $0.screen.modes == Pty.wholeModes }
        pty.send("exit 7\n")
        #expect(pty.ending() == .exit(7))
    }

    @Test func endsWhileAProgramRunsOutside() throws {
        let pty = try started()
        pty.send("O")
        pty.wait(for: "the program") { $0.screen.lines.contains("waiting") }
        #expect(pty.modes == before)
        kill(pty.pid, SIGTERM)
        #expect(pty.ending() == .exit(143))
        expectWhole(pty, before)
    }

    @Test func aProgramOutsideReadsTheTerminal() throws {
        let pty = try started()
        pty.send("O")
        pty.wait(for: "the program") { $0.screen.lines.contains("waiting") }
        pty.send("qqq\n")
        pty.wait(for: "the return") { $0.screen.lines[3] == "log resumed" }
        pty.send("+")
        pty.wait(for: "the count") { $0.screen.lines[1] == "count 1" }
    }

    @Test func theTerminalCanBeOpenedAgain() throws {
        let pty = try started(["twice", "styles"])
        #expect(pty.screen.lines[0] == "probe 80x24 utf8")
        #expect(pty.screen[5, 2].look == VTScreen.Look(foreground: 1))
        pty.press("+")
        pty.send("q")
        #expect(pty.ending() == .exit(0))
        expectWhole(pty, before)
    }

    @Test func suspensionWithoutAShellComesStraightBack() throws {
        let pty = try started()
        pty.send("\u{1A}")
        pty.wait(for: "the return") { $0.screen.lines[3] == "log resumed" }
        #expect(pty.modes.isRaw)
        #expect(pty.screen.modes.contains(1049))
        // The suspending key is an input too, whose frame may be still to come: waiting for the next input would wait for that one.
        pty.send("+")
        pty.wait(for: "the count") { $0.screen.lines[1] == "count 1" }
    }

    @Test func stopsFromElsewhere() throws {
        let pty = try started()
        var status: Int32 = 0
        kill(pty.pid, SIGSTOP)
        #expect(waitpid(pty.pid, &status, WUNTRACED) == pty.pid)
        var whole = termios()
        tcgetattr(pty.master, &whole)
        whole.c_lflag |= tcflag_t(ECHO | ICANON)
        tcsetattr(pty.master, TCSANOW, &whole)
        pty.screen.take("\u{1B}[10;10Hscribble".utf8)
        kill(pty.pid, SIGCONT)
        pty.wait(for: "the return") { $0.screen.lines[3] == "log resumed" && $0.screen.lines[9] == "" }
        #expect(pty.modes.isRaw)
        pty.press("+")
        #expect(pty.screen.lines[1] == "count 1")
    }

    @Test func twoHundredResizes() throws {
        let pty = try started()
        let seed = UInt64.random(in: .min ... .max)
        var random = SplitMix(seed)
        let start = ContinuousClock.now
        for round in 0..<200 {
            let isTiny = round % 10 == 0
            pty.resize(
                width: isTiny ? 1 : Int(random.next() % 200) + 1, height: isTiny ? 1 : Int(random.next() % 60) + 1)
            if round % 3 == 0 { pty.send("+") }
            // The screen's model cannot follow sizes; what comes is only read.
            pty.drain(milliseconds: 5)
        }
        print("MEASURE 200 resizes: \(ContinuousClock.now - start), seed \(seed)")
        pty.screen.resize(width: 100, height: 30)
        pty.resize(width: 100, height: 30)
        pty.wait(for: "the last size") { $0.screen.lines[0] == "probe 100x30 utf8" && $0.screen[29, 99].text == "#" }
        #expect(pty.screen.lines[1] == "count 67")
        pty.send("q")
        #expect(pty.ending() == .exit(0))
        expectWhole(pty, before)
    }

    @Test(arguments: [(1, 1), (2, 1), (1, 5), (300, 80)])
    func anySize(_ width: Int, _ height: Int) throws {
        let pty = try Pty(["wide", "styles"], width: width, height: height)
        pty.waitIdle(inputs: 0)
        #expect(pty.screen[height - 1, width - 1].text == "#")
        pty.press("+")
        pty.send("q")
        #expect(pty.ending() == .exit(0))
        expectWhole(pty, before)
    }

    @Test func sizesThatNobodyHasAreCut() throws {
        let pty = try started()
        pty.resize(width: 60_000, height: 65_535)
        pty.wait(for: "the largest size") { $0.screen.lines[2] == "last resized 1000x500" }
        pty.resize(width: 80, height: 24)
        pty.wait(for: "the usual size") { $0.screen.lines[0] == "probe 80x24 utf8" }
        pty.send("q")
        #expect(pty.ending() == .exit(0))
    }

    /// Opens the program's own end of the terminal and waits until nothing more can be written to it.
    private func waitUntilStalled(_ pty: Pty) throws {
        let end = open(pty.name, O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(end >= 0)
        defer { close(end) }
        let deadline = monotonicMilliseconds() + Pty.patience
        var entry = pollfd(fd: end, events: Int16(POLLOUT), revents: 0)
        while poll(&entry, 1, 0) > 0 {
            guard monotonicMilliseconds() < deadline else {
                Issue.record("the terminal never filled up")
                return
            }
            poll(nil, 0, 1)
        }
    }

    @Test func aReaderThatStopsAndResumes() throws {
        let pty = try started(["full"])
        // A flood never rests, so there is no moment of rest to wait for.
        pty.send("f")
        try waitUntilStalled(pty)
        // Keys work while nothing can be shown.
        var keys = Array("+++F".utf8)[...]
        while !keys.isEmpty {
            let count = keys.withUnsafeBytes { write(pty.master, $0.baseAddress, $0.count) }
            keys = keys.dropFirst(max(0, count))
        }
        pty.waitIdle(inputs: 5)
        #expect(pty.screen.lines[2] == "last character(\"F\")")
        #expect(pty.screen.lines[0] == "probe 80x24 utf8")
        pty.press("\u{C}")
        let lines = pty.screen.lines
        pty.press("\u{C}")
        #expect(pty.screen.lines == lines)
        #expect(pty.screen.unknown.isEmpty)
    }

    @Test(arguments: [true, false])
    func endsWhileTheReaderStands(_ bySignal: Bool) throws {
        let pty = try started(["full"])
        // A flood never rests, so there is no moment of rest to wait for.
        pty.send("f")
        try waitUntilStalled(pty)
        let start = ContinuousClock.now
        if bySignal { kill(pty.pid, SIGTERM) } else { _ = write(pty.master, "q", 1) }
        let deadline = monotonicMilliseconds() + Pty.patience
        while pty.modes != before && monotonicMilliseconds() < deadline { poll(nil, 0, 1) }
        print("MEASURE stalled terminal to whole modes: \(ContinuousClock.now - start)")
        #expect(pty.modes == before)
        #expect(pty.ending() == .exit(bySignal ? 143 : 0))
        #expect(pty.screen.modes == Pty.wholeModes)
    }
}
