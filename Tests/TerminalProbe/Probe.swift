import Dashboard
import DashboardTerminal
import Glibc
import Synchronization

/// A program for the terminal's tests. It shows a counter and the last input, and does as its keys say:
///
/// `+` counts · `j` moves down · `q` quits · `t` and `T` trap, the second in another thread · `v` touches memory that
/// is not there · `a` aborts · `x` exits without closing · `e` writes to standard error · `o` and `O` run something
/// outside, the second until a line end comes · `m` and `M` mouse on and off · `y` copies · `b` rings · `d` sets a timer
/// of 5 ms · `f` and `F` start and stop a flood of frames · Ctrl-L repaints · Ctrl-Z suspends.
///
/// Arguments: `ignore-hup` leaves SIGHUP ignored, `wide` shows wide text, `styles` every style, `list` a list with a
/// current row, `full` cells that all change with the counter; `stream` takes events from the stream; `twice`
/// opens, closes and opens the terminal.
final class Probe: Sendable {
    private struct State {
        var count = 0
        var row = 0
        var inputs = 0
        var others = 0
        var last = "-"
        var log = "-"
        var size: (width: Int, height: Int) = (0, 0)
        var isFlooding = false
        var session: TerminalSession?
    }

    private let state = Mutex(State())
    private let arguments: Set<String>

    private init(arguments: [String]) {
        self.arguments = Set(arguments)
    }

    static func main() {
        let probe = Probe(arguments: Array(CommandLine.arguments.dropFirst()))
        probe.run()
        while true { pause() }
    }

    private func run(again: Bool = false) {
        var ends = sigset_t()
        sigemptyset(&ends)
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&ends, signal) }
        pthread_sigmask(SIG_BLOCK, &ends, nil)
        if arguments.contains("ignore-hup") { signal(SIGHUP, SIG_IGN) }
        var options = TerminalOptions()
        if !arguments.contains("stream") { options.receive = { self.handle($0) } }
        let session: TerminalSession
        do {
            session = try TerminalSession.open(options: options)
        } catch .noTerminal {
            say("status\n")
            exit(0)
        } catch {
            say("\(error)\n")
            exit(69)
        }
        if arguments.contains("twice") && !again {
            session.close()
            return run(again: true)
        }
        state.withLock {
            $0.session = session
            $0.size = session.size
        }
        present()
        if arguments.contains("stream") {
            Task.detached { for await event in session.inputs { self.handle(event) } }
        }
        let ignoresHangUp = arguments.contains("ignore-hup")
        Thread.start {
            var wanted = sigset_t()
            sigemptyset(&wanted)
            for signal in [SIGINT, SIGTERM] + (ignoresHangUp ? [] : [SIGHUP]) { sigaddset(&wanted, signal) }
            var number: Int32 = 0
            sigwait(&wanted, &number)
            self.end(128 + number)
        }
    }

    private func end(_ code: Int32) -> Never {
        let session = state.withLock { $0.session }
        let start = ContinuousClock.now
        session?.close()
        let took = ContinuousClock.now - start
        say("closed in \(took.components.attoseconds / 1_000_000_000_000) us\n")
        exit(code)
    }

    // MARK: - Events

    private func handle(_ event: TerminalEvent) {
        switch event {
        case .input(let input):
            note { state in
                state.inputs += 1
                state.last = Self.words(input)
                if case .resized(let width, let height) = input { state.size = (width, height) }
            }
            if case .key(let key) = input { act(on: key) }
        case .timer: note { $0.log = "timer" }
        case .resumed: note { $0.log = "resumed" }
        case .diagnostics(let line): note { $0.log = "stderr: \(line)" }
        case .hangup: end(129)
        }
        present()
    }

    private func note(_ change: (inout State) -> Void) {
        state.withLock {
            change(&$0)
            $0.others += 1
        }
    }

    private func act(on key: Key) {
        guard let session = state.withLock({ $0.session }) else { return }
        switch key {
        case .character("j"): note { $0.row = min($0.row + 1, 8) }
        case .character("+"): note { $0.count += 1 }
        case .character("q"): end(0)
        case .character("t"): fatalError("trapped by a key")
        case .character("T"): Thread.start { fatalError("trapped by another thread") }
        case .character("v"): Self.violate()
        case .character("a"): abort()
        case .character("x"): exit(3)
        case .character("e"): complain("oops \u{1B}[31mred\none more\n")
        case .character("o"): outside(session)
        case .character("O"): session.runOutside(Self.waitForLine) { _ in }
        case .character("m"): session.setMouse(true)
        case .character("M"): session.setMouse(false)
        case .character("y"): session.copyToClipboard("héllo")
        case .character("b"): session.ring()
        case .character("d"): session.setTimer(after: .milliseconds(5))
        case .character("f"): flood()
        case .character("F"): note { $0.isFlooding = false }
        case .control("l"): session.redraw()
        case .control("z"): session.suspendToShell()
        default: break
        }
    }

    private func outside(_ session: TerminalSession) {
        session.runOutside {
            var modes = termios()
            tcgetattr(STDIN_FILENO, &modes)
            say("outside, echo \(modes.c_lflag & tcflag_t(ECHO) != 0 ? "on" : "off")\n")
            complain("complaint from outside\n")
        } afterwards: { ran in
            self.note { $0.log = "outside \(ran)" }
            self.present()
        }
    }

    private static func waitForLine() {
        say("waiting\n")
        var byte: UInt8 = 0
        while read(STDIN_FILENO, &byte, 1) == 1 && byte != UInt8(ascii: "\n") {}
    }

    private static func violate() {
        UnsafeMutablePointer<Int>(bitPattern: 64)?.pointee = 1
    }

    /// As many frames as can be made: nothing may suffer from them.
    private func flood() {
        note { $0.isFlooding = true }
        Thread.start {
            var isOn = true
            while isOn {
                isOn = self.state.withLock {
                    $0.count += 1
                    return $0.isFlooding
                }
                self.present()
                usleep(100)
            }
        }
    }

    // MARK: - The frame

    private func present() {
        let now = state.withLock { $0 }
        now.session?.present(frame(of: now), inputs: now.inputs, mailbox: now.others)
    }

    private func frame(of state: State) -> Frame {
        var frame = Frame(width: state.size.width, height: state.size.height)
        let characters = state.session?.isUTF8 == true ? "utf8" : "ascii"
        frame.put("probe \(state.size.width)x\(state.size.height) \(characters)", 0)
        frame.put("count \(state.count)", 1)
        frame.put("last \(state.last)", 2)
        frame.put("log \(state.log)", 3)
        if arguments.contains("wide") { Sample.wide(&frame) }
        if arguments.contains("list") { Sample.list(&frame, current: state.row) }
        if arguments.contains("full") { Sample.full(&frame, state.count) }
        if arguments.contains("styles") { Sample.styles(&frame) }
        frame[frame.height - 1, frame.width - 1] = Cell("#")
        return frame
    }

    private static func words(_ input: TerminalInput) -> String {
        switch input {
        case .key(let key): "\(key)"
        case .paste(let text): "paste<\(text)>"
        case .resized(let width, let height): "resized \(width)x\(height)"
        case .focus(let isOn): "focus \(isOn)"
        case .mouse(let row, let column, let button): "mouse \(row),\(column),\(button)"
        }
    }
}

/// A thread of its own for something that runs as long as the process, or not.
enum Thread {
    private final class Box {
        let body: @Sendable () -> Void

        init(body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    static func start(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            }, Unmanaged.passRetained(Box(body: body)).toOpaque())
        pthread_detach(thread)
    }
}

func say(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
}

func complain(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
