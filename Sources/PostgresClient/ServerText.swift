import Glibc
import TerminalText

/// What a server or the C library says, in one safe line.
enum ServerText {
    /// The first line that is not blank, safe to show.
    static func firstLine(of bytes: [UInt8], limit: Int = 300) -> String {
        let lines = bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        let first = lines.first { $0.contains { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") } }
        return first.map { shown(String(decoding: $0, as: UTF8.self), limit: limit) } ?? ""
    }

    static func shown(_ text: String, limit: Int = 1_024) -> String { PrintableText.of(text, limit: limit) }

    /// The C library's words for an error number.
    static func explain(_ code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        _ = strerror_r(code, &buffer, buffer.count)
        let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return text.isEmpty ? "error \(code)" : shown(String(decoding: text, as: UTF8.self))
    }
}

/// Time that never goes back, in milliseconds since some point in the past.
func monotonicMilliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
