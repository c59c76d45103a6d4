import Glibc
import Testing

/// A program in a terminal of its own, with a screen that follows what it writes. Nothing here sleeps: every wait is
/// for something that shows, and fails after thirty seconds.
final class Pty {
    private(set) var master: Int32
    let pid: pid_t
    /// The name of the terminal that the program has.
    let name: String
    var screen: VTScreen
    /// Everything that the program wrote to the terminal.
    private(set) var bytes: [UInt8] = []
    /// The last line of the idle handshake: paintings, inputs, and the presenter's own count.
    private(set) var idle: (frame: Int, inputs: Int, mailbox: Int) = (0, -1, 0)
    private var idleText: [UInt8] = []
    private let idlePipe: Int32
    private var status: Int32?

    static let patience: Int64 = 30_000

    /// The probe beside the running tests.
    static var probe: String {
        var path = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &path, path.count - 1)
        let runner = String(decoding: path.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return runner.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/terminal-probe"
    }

    /// What standard input and output are.
    enum Stream {
        case terminal
        case file(Int32)
    }

    /// Starts a program, the probe when none is named, as leader of a session on a new terminal.
    init(
        _ arguments: [String] = [], program: String = Pty.probe, term: String? = "xterm-256color",
        environment: [String: String] = [:], width: Int = 80, height: Int = 24, input: Stream = .terminal,
        output: Stream = .terminal
    ) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        // TIOCSPTLCK and TIOCGPTN of Linux, which unlock the other end and tell its number.
        var isLocked: Int32 = 0
        var number: UInt32 = 0
        let isReady = ioctl(master, 0x4004_5431, &isLocked) == 0 && ioctl(master, 0x8004_5430, &number) == 0
        name = "/dev/pts/\(number)"
        screen = VTScreen(width: width, height: height)
        var ends: [Int32] = [0, 0]
        try #require(isReady && pipe(&ends) == 0)
        idlePipe = ends[0]
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(idlePipe, F_SETFL, O_NONBLOCK)
        _ = fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK)
        setSize(master, width, height)
        var variables = ["LANG": "C.UTF-8", "ROLLCALL_TUI_TEST_FD": "3", "SWIFT_BACKTRACE": "enable=no", "PS1": "$ "]
        variables["TERM"] = term
        variables["PATH"] = "/usr/bin:/bin"
        if let libraries = getenv("LD_LIBRARY_PATH") { variables["LD_LIBRARY_PATH"] = String(cString: libraries) }
        variables.merge(environment) { $1 }
        pid = spawn(
            program, arguments, variables.map { "\($0)=\($1)" }, terminal: name, idle: ends[1], input: input,
            output: output)
        close(ends[1])
        try #require(pid > 0)
    }

    deinit {
        if status == nil {
            kill(pid, SIGKILL)
            var ignored: Int32 = 0
            waitpid(pid, &ignored, 0)
        }
        hangUp()
        close(idlePipe)
    }

    // MARK: - Doing

    func send(_ text: String) {
        send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(master, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else { drain(milliseconds: 10) }
        }
    }

    func resize(width: Int, height: Int) {
        setSize(master, width, height)
    }

    /// Takes the terminal away, as a closed window does.
    func hangUp() {
        if master >= 0 { close(master) }
        master = -1
    }

    // MARK: - Waiting

    /// Reads what the program writes until `isDone`, which looks at the screen or at the handshake.
    func wait(
        for what: Comment, milliseconds: Int64 = Pty.patience, _ isDone: (Pty) -> Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let deadline = steadyMilliseconds() + milliseconds
        while !isDone(self) {
            let left = deadline - steadyMilliseconds()
            guard left > 0 else {
                Issue.record("waited in vain for \(what): \(screen.lines)", sourceLocation: sourceLocation)
                return
            }
            drain(milliseconds: min(left, 50))
        }
    }

    /// Waits until the program has nothing to do and has handled at least so many inputs.
    func waitIdle(inputs: Int, sourceLocation: SourceLocation = #_sourceLocation) {
        wait(for: "\(inputs) inputs", { $0.idle.inputs >= inputs }, sourceLocation: sourceLocation)
        drain(milliseconds: 0)
    }

    /// Sends text that makes so many inputs and waits until they are handled and painted.
    func press(_ text: String, inputs: Int = 1, sourceLocation: SourceLocation = #_sourceLocation) {
        let wanted = idle.inputs + inputs
        send(text)
        waitIdle(inputs: wanted, sourceLocation: sourceLocation)
    }

    /// Reads what is there, or waits a little for something.
    func drain(milliseconds: Int64) {
        var entries = [
            pollfd(fd: master, events: Int16(POLLIN), revents: 0),
            pollfd(fd: idlePipe, events: Int16(POLLIN), revents: 0),
        ]
        var timeout = Int32(milliseconds)
        while poll(&entries, 2, timeout) > 0 {
            timeout = 0
            let text = readSome(idlePipe)
            let shown = entries[0].revents != 0 ? readSome(master) : []
            bytes += shown
            screen.take(shown)
            note(text)
            if text.isEmpty && shown.isEmpty {
                // Both ends are closed; give the program a moment to end.
                poll(nil, 0, 1)
                return
            }
        }
    }

    private func note(_ text: [UInt8]) {
        idleText += text
        while let end = idleText.firstIndex(of: UInt8(ascii: "\n")) {
            let words = String(decoding: idleText[..<end], as: UTF8.self).split(separator: " ")
            idleText.removeSubrange(...end)
            let numbers = words.dropFirst().compactMap { Int($0) }
            if words.first == "idle" && numbers.count == 3 { idle = (numbers[0], numbers[1], numbers[2]) }
        }
    }

    /// The state that `waitpid` tells once the program has ended.
    func ending(sourceLocation: SourceLocation = #_sourceLocation) -> Ending {
        wait(for: "the end", { $0.hasEnded() }, sourceLocation: sourceLocation)
        if master >= 0 { drain(milliseconds: 0) }
        guard let status else { return .none }
        return status & 0x7F == 0 ? .exit(status >> 8 & 0xFF) : .signal(status & 0x7F)
    }

    enum Ending: Equatable {
        case exit(Int32)
        case signal(Int32)
        case none
    }

    private func hasEnded() -> Bool {
        if status != nil { return true }
        var found: Int32 = 0
        guard waitpid(pid, &found, WNOHANG) == pid else { return false }
        status = found
        return true
    }

    // MARK: - Looking

    /// The terminal's modes.
    var modes: Modes {
        var modes = termios()
        tcgetattr(master, &modes)
        let characters = withUnsafeBytes(of: &modes.c_cc) { Array($0) }
        return Modes(
            flags: [modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag], characters: characters)
    }

    struct Modes: Equatable {
        let flags: [tcflag_t]
        let characters: [UInt8]

        var isRaw: Bool { flags[3] & tcflag_t(ICANON | ECHO | ISIG) == 0 }
    }

    /// The private modes that a program may leave set: line wrap and a visible cursor.
    static let wholeModes: Set<Int> = [7, 25]

    /// How often the program's threads went to sleep so far.
    var voluntarySwitches: Int {
        var count = 0
        for task in namesIn("/proc/\(pid)/task") {
            let status = contents("/proc/\(pid)/task/\(task)/status")
            for line in status.split(separator: "\n") where line.hasPrefix("voluntary_ctxt_switches") {
                count += line.split(separator: "\t").last.flatMap { Int($0) } ?? 0
            }
        }
        return count
    }
}

private func readSome(_ descriptor: Int32) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, filled in
        filled = max(0, read(descriptor, buffer.baseAddress, buffer.count))
    }
}

private func setSize(_ descriptor: Int32, _ width: Int, _ height: Int) {
    var size = winsize(ws_row: UInt16(height), ws_col: UInt16(width), ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(descriptor, UInt(TIOCSWINSZ), &size)
}

func namesIn(_ folder: String) -> [String] {
    guard let handle = opendir(folder) else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if !name.hasPrefix(".") { names.append(name) }
    }
    return names
}

func contents(_ path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var all: [UInt8] = []
    while true {
        let piece = readSome(file)
        if piece.isEmpty { return String(decoding: all, as: UTF8.self) }
        all += piece
    }
}

/// The monotonic clock, in milliseconds.
private func steadyMilliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
