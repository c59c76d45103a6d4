import Foundation
import Glibc
import Synchronization

/// How a program ended, and what it had printed by then.
struct Ending: Sendable {
    /// The exit code; nil when a signal ended it.
    let code: Int32?
    let signal: Int32?
    let output: [UInt8]
    let errors: String
    /// The most memory that the program ever had resident, in bytes, looked at every few milliseconds.
    let peakMemory: Int

    var text: String { String(decoding: output, as: UTF8.self) }

    /// Standard output as JSON, one value a line.
    func lines() throws -> [JSON] {
        try output.split(separator: 0x0A).map { try JSON(parsing: Array($0)) }
    }
}

/// What did not happen within its time.
struct Overdue: Error, CustomStringConvertible {
    let description: String
}

/// Waits until a condition holds, looking often, for as long as its deadline allows.
func eventually(
    _ what: String, within seconds: Double = 60, _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
        if try await condition() { return }
        guard ContinuousClock.now < deadline else { throw Overdue(description: "\(what), within \(seconds) s") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// A running program. Its output goes into files, so that it can neither block nor be lost; it leads a process group of
/// its own, which ends with this object at the latest.
final class Program: Sendable {
    let pid: pid_t
    private let outputPath: String
    private let errorPath: String
    private let status = Mutex<(raw: Int32, peakMemory: Int)?>(nil)
    /// The most memory seen so far. What `wait4` says cannot be used: it counts the memory of this very process, which
    /// the child had until it became another program.
    private let peak = Mutex(0)

    struct CannotStart: Error {
        let path: String
        let reason: String
    }

    init(_ path: String, _ arguments: [String], environment: [String: String], folder: String) throws {
        let name = UUID().uuidString
        outputPath = "\(folder)/\(name).out"
        errorPath = "\(folder)/\(name).err"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_TRUNC
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, flags, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errorPath, flags, 0o600)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // As from a terminal: nothing blocked, nothing ignored.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var ordinary = sigset_t()
        sigfillset(&ordinary)
        posix_spawnattr_setsigdefault(&attributes, &ordinary)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var child: pid_t = 0
        let result = posix_spawnp(&child, path, &actions, &attributes, &argv, &envp)
        guard result == 0 else { throw CannotStart(path: path, reason: String(cString: strerror(result))) }
        pid = child
    }

    deinit {
        guard poll() == nil else { return }
        Glibc.kill(-pid, SIGKILL)
        var raw: Int32 = 0
        waitpid(pid, &raw, 0)
    }

    /// The raw status of the ended program and its peak memory; nil while it runs.
    @discardableResult
    func poll() -> (raw: Int32, peakMemory: Int)? {
        status.withLock { status in
            if status == nil {
                var raw: Int32 = 0
                notePeak()
                if waitpid(pid, &raw, WNOHANG) == pid { status = (raw, peak.withLock { $0 }) }
            }
            return status
        }
    }

    /// Looks at the high-water mark that the system keeps of the running program.
    private func notePeak() {
        let lines = String(decoding: bytes(at: "/proc/\(pid)/status"), as: UTF8.self).split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix("VmHWM:") }),
            let kibibytes = Int(line.filter(\.isNumber))
        else { return }
        peak.withLock { $0 = max($0, kibibytes * 1024) }
    }

    func send(_ signal: Int32) {
        if poll() == nil { Glibc.kill(pid, signal) }
    }

    var output: String { String(decoding: bytes(at: outputPath), as: UTF8.self) }
    var errors: String { String(decoding: bytes(at: errorPath), as: UTF8.self) }

    /// Waits for the end; a program that does not come to it is killed, and that is an error.
    func ending(within seconds: Double = 120) async throws -> Ending {
        do {
            try await eventually("the program ends", within: seconds) { poll() != nil }
        } catch {
            Glibc.kill(-pid, SIGKILL)
            throw Overdue(description: "\(error); it printed: \(output.suffix(500)) \(errors.suffix(500))")
        }
        let (raw, peakMemory) = poll() ?? (0, 0)
        let signal = raw & 0x7F
        return Ending(
            code: signal == 0 ? (raw >> 8) & 0xFF : nil, signal: signal == 0 ? nil : signal,
            output: bytes(at: outputPath), errors: errors, peakMemory: peakMemory)
    }
}

/// A file's bytes; empty when it cannot be read.
func bytes(at path: String) -> [UInt8] {
    FileManager.default.contents(atPath: path).map(Array.init) ?? []
}
