import Control
import Glibc
import Synchronization
import TerminalText

/// Everything the command line prints. Results go to stdout, progress and complaints to stderr.
enum Output {
    private static let buffer = Mutex<[UInt8]>([])

    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
    static var isErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// One line for people. Whoever put it together made its parts printable; what was forgotten, a path or a name, is made
    /// printable here.
    static func line(_ text: String) {
        write(Array(printable(text).utf8) + [0x0A])
    }

    private static func printable(_ text: String) -> String { PrintableText.of(text, keepsLayout: true) }

    static func json(_ view: some JSONLineWritable) {
        write(view.jsonLine() + [0x0A])
    }

    private static func write(_ bytes: [UInt8]) {
        let full: [UInt8]? = buffer.withLock { buffer in
            buffer += bytes
            guard buffer.count >= 32 << 10 || isTerminal else { return nil }
            defer { buffer = [] }
            return buffer
        }
        if let full { put(full, to: STDOUT_FILENO) }
    }

    static func flush() {
        let rest = buffer.withLock { buffer in
            defer { buffer = [] }
            return buffer
        }
        put(rest, to: STDOUT_FILENO)
    }

    static func complain(_ text: String, prefix: String = "rollcall: ") {
        put(Array((prefix + printable(text) + "\n").utf8), to: STDERR_FILENO)
    }

    /// Progress and remarks that are no result.
    static func note(_ text: String) {
        put(Array((printable(text) + "\n").utf8), to: STDERR_FILENO)
    }

    /// A progress line that the next one replaces; only for terminals, and never longer than their lines.
    static func status(_ text: String) {
        var size = winsize()
        let width = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1 ? Int(size.ws_col) - 1 : 79
        put(Array("\r\u{1B}[K\(PrintableText.of(text).prefix(width))".utf8), to: STDERR_FILENO)
    }

    /// Why standard output did not take everything, an errno; 0 while it did.
    private static let lost = Atomic<Int32>(0)

    /// The exit code of a command that succeeded: what could not be written was not said.
    static func success() -> Int32 {
        flush()
        let reason = lost.load(ordering: .relaxed)
        guard reason != 0 else { return 0 }
        complain("standard output did not take everything: \(String(cString: strerror(reason)))")
        return 1
    }

    /// Whole or not at all, as far as the other end reads; a closed pipe ends the process quietly.
    private static func put(_ bytes: [UInt8], to descriptor: Int32) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { glibcWrite(descriptor, $0.baseAddress! + offset, bytes.count - offset) }
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                if errno == EPIPE, descriptor == STDOUT_FILENO { exit(141) }
                if descriptor == STDOUT_FILENO { lost.store(errno, ordering: .relaxed) }
                return
            }
            offset += count
        }
    }

    private static func glibcWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
        Glibc.write(descriptor, bytes, count)
    }
}
