import CNcurses
import Glibc

/// Standard error while the screen is up: a pipe whose lines are shown inside, so that nothing scribbles on the screen.
/// Belongs to the terminal's thread.
final class ErrorCapture {
    /// The end to wait for.
    let descriptor: Int32
    /// Where standard error went before.
    let earlier: Int32
    private let entrance: Int32
    private var line: [UInt8] = []
    private var isActive = false

    /// A longer line is delivered in pieces.
    private static let lineLimit = 1024
    /// How much of the end is printed after the screen.
    private static let tailLines = 20

    /// Nil when there is no room for the descriptors; then standard error stays as it is.
    init?() {
        // Neither end blocks: whoever floods standard error loses lines rather than its time.
        var exit: Int32 = -1
        var entry: Int32 = -1
        guard cnc_pipe(&exit, &entry) == 0 else { return nil }
        let kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
        guard kept >= 0 else {
            close(exit)
            close(entry)
            return nil
        }
        descriptor = exit
        entrance = entry
        earlier = kept
    }

    deinit {
        release()
        close(descriptor)
        close(entrance)
        close(earlier)
    }

    func seize() {
        isActive = dup2(entrance, STDERR_FILENO) >= 0
    }

    /// Standard error is what it was, for programs outside the screen and for the time after it.
    func release() {
        if isActive { dup2(earlier, STDERR_FILENO) }
        isActive = false
    }

    /// Whole lines that came in.
    func lines() -> [String] {
        var lines: [String] = []
        // A writer that never rests must not keep the keys waiting.
        for _ in 0..<4 {
            let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, filled in
                filled = max(0, read(descriptor, buffer.baseAddress, buffer.count))
            }
            if bytes.isEmpty { break }
            cnc_keep_errors(bytes, bytes.count)
            for byte in bytes {
                if byte != UInt8(ascii: "\n") { line.append(byte) }
                if byte == UInt8(ascii: "\n") || line.count >= Self.lineLimit {
                    lines.append(Self.printable(line))
                    line = []
                }
            }
        }
        return lines
    }

    /// Prints the last lines that were captured, made harmless, to the standard error from before.
    func printTail() {
        _ = lines()
        var kept = [UInt8](repeating: 0, count: 8192)
        kept.removeLast(kept.count - cnc_take_errors(&kept, kept.count))
        let lines = kept.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
        for line in lines.suffix(Self.tailLines) {
            let text = Array((Self.printable(Array(line)) + "\n").utf8)
            // It is mostly the same terminal; where that stands still the lines are lost.
            var entry = pollfd(fd: earlier, events: Int16(POLLOUT), revents: 0)
            guard poll(&entry, 1, 10) == 1 else { return }
            _ = write(earlier, text, text.count)
        }
    }

    /// Control characters as visible tokens; nothing in the text acts on a terminal.
    static func printable(_ bytes: [UInt8]) -> String {
        var text = ""
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            switch scalar.value {
            case 0x09: text += "    "
            case 0..<0x20: text += "^" + String(Unicode.Scalar(UInt8(scalar.value + 0x40)))
            case 0x7F: text += "^?"
            case 0x80..<0xA0, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF: text += "?"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
