import Control
import Glibc
import Membership
import Scheduling
import SyncEngine
import Synchronization
import TerminalText

/// The engine's log: one JSON object a line, at most two files of 8 MiB. Never holds bodies or secrets.
final class LogFile: Sendable {
    private let path: String
    private let size = Mutex(0)

    static let limit = 8 << 20

    init(path: String) {
        self.path = path
        var status = stat()
        if stat(path, &status) == 0 { size.withLock { $0 = Int(status.st_size) } }
    }

    /// A line that cannot be written is dropped: logging never stops a sync.
    func write(_ text: String, _ level: EngineLog.Level, at now: Instant) {
        var line = JSONLine()
        line.field("at", now.rfc3339)
        line.field("level", level.rawValue)
        line.field("text", PrintableText.of(text, limit: 2_000))
        let bytes = line.finished() + [0x0A]
        size.withLock { size in
            if size > Self.limit {
                rename(path, path + ".1")
                size = 0
            }
            let descriptor = uninterrupted { open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600) }
            guard descriptor >= 0 else { return }
            defer { close(descriptor) }
            size += max(0, Glibc.write(descriptor, bytes, bytes.count))
        }
    }
}
