import Dashboard
import Foundation
import Glibc
import Scheduling
import SyncEngine
import TerminalText

/// Tells the dashboard when `rollcall.yaml` is edited and when the engine's log grows. Sleeps in between.
final class WorkspaceWatch: Sendable {
    private let host: DashboardHost
    private let files: WorkspaceFiles
    private let performer: EffectPerformer

    /// How much of an old log is shown.
    private static let backlog: Int64 = 512 << 10

    init(host: DashboardHost, files: WorkspaceFiles, performer: EffectPerformer) {
        self.host = host
        self.files = files
        self.performer = performer
    }

    func start() {
        BackgroundThread.start { self.run() }
    }

    private func run() {
        let queue = inotify_init1(Int32(IN_CLOEXEC))
        guard queue >= 0 else { return }
        let folder = inotify_add_watch(
            queue, files.location.folder, UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM))
        let path = files.location.state.log
        var position: Int64 = -1
        var log = watchLog(queue, path)
        position = tell(path, from: position)
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(queue, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            let events = Self.events(in: buffer.prefix(count))
            if events.contains(where: { $0.watch == folder && $0.name == "rollcall.yaml" }) {
                Task { await performer.tellConfiguration() }
            }
            if log < 0 || events.contains(where: { $0.watch == log && $0.mask & UInt32(IN_MOVE_SELF | IN_IGNORED) != 0 }) {
                // A log that was put aside for a new one is read to its end first.
                position = tell(path + ".1", from: position)
                usleep(50_000)
                if log >= 0 { inotify_rm_watch(queue, log) }
                log = watchLog(queue, path)
                position = tell(path, from: 0)
            } else if events.contains(where: { $0.watch == log }) {
                position = tell(path, from: position)
            }
        }
    }

    private func watchLog(_ queue: Int32, _ path: String) -> Int32 {
        if files.location.state.exists {
            let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            if descriptor >= 0 { close(descriptor) }
        }
        return inotify_add_watch(queue, path, UInt32(IN_MODIFY | IN_MOVE_SELF))
    }

    private struct WatchEvent {
        var watch: Int32
        var mask: UInt32
        var name: String
    }

    /// The kernel's records: watch, mask, cookie, length, and a name padded with zeros.
    private static func events(in bytes: ArraySlice<UInt8>) -> [WatchEvent] {
        var events: [WatchEvent] = []
        var offset = bytes.startIndex
        func number(_ at: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << (8 * UInt32($1)) }
        }
        while offset + 16 <= bytes.endIndex {
            let length = Int(number(offset + 12))
            guard offset + 16 + length <= bytes.endIndex else { break }
            let name = bytes[(offset + 16)..<(offset + 16 + length)].prefix { $0 != 0 }
            events.append(WatchEvent(
                watch: Int32(bitPattern: number(offset)), mask: number(offset + 4),
                name: String(decoding: name, as: UTF8.self)))
            offset += 16 + length
        }
        return events
    }

    // MARK: - The log

    /// Hands on the whole lines from a position; -1 begins near the end.
    /// - Returns: where to go on.
    private func tell(_ path: String, from position: Int64) -> Int64 {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return max(0, position) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return max(0, position) }
        let size = Int64(status.st_size)
        var start = position >= 0 ? position : max(0, size - Self.backlog)
        if start > size { start = 0 }
        var bytes = [UInt8](repeating: 0, count: Int(min(size - start, 4 << 20)))
        let count = pread(descriptor, &bytes, bytes.count, off_t(start))
        guard count > 0, let end = bytes[..<count].lastIndex(of: 0x0A) else { return start }
        var lines = bytes[..<end].split(separator: 0x0A)
        if position < 0, start > 0, !lines.isEmpty { lines.removeFirst() }
        let told = lines.compactMap { Self.line(Array($0)) }
        if !told.isEmpty { host.send(.logLines(told)) }
        return start + Int64(end) + 1
    }

    private struct Written: Decodable {
        var at: String
        var level: String?
        var text: String
    }

    private static func line(_ bytes: [UInt8]) -> LogLine? {
        guard let line = try? JSONDecoder().decode(Written.self, from: Data(bytes)) else { return nil }
        let level = LogLine.Level.allCases.first { "\($0)" == line.level } ?? .info
        return LogLine(
            at: Instant.parse(rfc3339: line.at) ?? Instant(milliseconds: 0), level: level, source: "engine", text: line.text)
    }
}
