import Glibc

/// The terminal itself: its descriptor, its modes, its size.
final class TerminalDevice {
    let descriptor: Int32
    /// The modes from before, which are put back.
    let whole: termios
    private let raw: termios
    /// Whether a write can block, because no description of our own could be opened.
    private let sharesDescription: Bool

    enum Write {
        case wrote(Int)
        /// The terminal takes nothing now.
        case full
        case gone
    }

    /// - Throws: `noTerminal`, or `failed` when the modes cannot be read.
    init() throws(TerminalError) {
        guard isatty(STDOUT_FILENO) == 1 else { throw .noTerminal }
        // A description of our own can be non-blocking without making the shell's so. Standard input may be a pipe.
        var number = openTerminal(nameOfOutput())
        if number < 0 { number = openTerminal("/dev/tty") }
        sharesDescription = number < 0
        if number < 0 {
            guard isatty(STDIN_FILENO) == 1 else { throw .noTerminal }
            number = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
        }
        guard number >= 0 else { throw .failed(step: "opening the terminal", errno: errno) }
        descriptor = number
        var modes = termios()
        guard tcgetattr(number, &modes) == 0 else {
            let reason = errno
            close(number)
            throw .failed(step: "tcgetattr", errno: reason)
        }
        whole = modes
        // Every key arrives as it is, Ctrl-C, Ctrl-S and Ctrl-Z too, and no byte that is written is changed.
        cfmakeraw(&modes)
        withUnsafeMutableBytes(of: &modes.c_cc) { characters in
            characters[Int(VMIN)] = 1
            characters[Int(VTIME)] = 0
        }
        raw = modes
    }

    deinit {
        close(descriptor)
    }

    /// A size comes from outside, and ncurses counts in 16 bits: nobody looks at a larger screen than this.
    private static let largest = (width: 1000, height: 500)

    /// Columns and rows; 80 by 24 where the terminal does not know.
    var size: (width: Int, height: Int) {
        var window = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
            return (80, 24)
        }
        return (min(Int(window.ws_col), Self.largest.width), min(Int(window.ws_row), Self.largest.height))
    }

    /// False while another process group has the terminal.
    var isForeground: Bool {
        let owner = tcgetpgrp(descriptor)
        return owner == -1 || owner == getpgrp()
    }

    /// Sets raw modes. In the background this stops the process until it is brought to the foreground.
    func makeRaw() -> Bool {
        setModes(raw)
    }

    func makeWhole() {
        _ = setModes(whole)
    }

    /// What waits to be shown is thrown away, so that a terminal that stands still takes a few more bytes.
    func discardOutput() {
        tcflow(descriptor, TCOON)
        tcflush(descriptor, TCOFLUSH)
    }

    func write(_ bytes: ArraySlice<UInt8>) -> Write {
        // Where a write may block, poll() promises room for little.
        let piece = sharesDescription ? bytes.prefix(128) : bytes
        let count = piece.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count >= 0 { return .wrote(count) }
        return errno == EAGAIN || errno == EINTR ? .full : .gone
    }

    /// Bytes that have come in; nil when reading failed or found the end.
    func read() -> [UInt8]? {
        var failure = false
        let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, filled in
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            filled = max(0, count)
            failure = count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)
        }
        return failure ? nil : bytes
    }

    private func setModes(_ modes: termios) -> Bool {
        var modes = modes
        while tcsetattr(descriptor, TCSANOW, &modes) != 0 {
            if errno != EINTR { return false }
        }
        return true
    }
}

/// Opens a terminal that is the one behind standard output.
private func openTerminal(_ name: String?) -> Int32 {
    guard let name else { return -1 }
    let number = open(name, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    guard number >= 0, isatty(number) == 1 else {
        if number >= 0 { close(number) }
        return -1
    }
    return number
}

private func nameOfOutput() -> String? {
    var name = [CChar](repeating: 0, count: 256)
    guard ttyname_r(STDOUT_FILENO, &name, name.count) == 0 else { return nil }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
