import Foundation
import Glibc
import Synchronization
import Testing

/// The program under test, loaded once and stopped before its main function; each run is a fork of it (see
/// `Tests/WriteFaults`). Loading takes a third of a short run, and there are thousands.
final class ForkServer: Sendable {
    private let server: pid_t
    private let orders: Int32
    private let answers: Int32
    private let root: String
    /// Runs come one after another.
    private let queue = DispatchQueue(label: "fork server")

    /// - Parameters:
    ///   - arguments: of every run.
    ///   - folder: where outputs are kept while they are read.
    init(_ path: String, _ arguments: [String], environment: [String: String], folder: String) throws {
        root = folder
        let (ordersEnd, answersEnd): (Int32, Int32)
        (ordersEnd, orders) = try Self.pipe()
        (answers, answersEnd) = try Self.pipe()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, folder + "/server.out", O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        posix_spawn_file_actions_adddup2(&actions, ordersEnd, 3)
        posix_spawn_file_actions_adddup2(&actions, answersEnd, 4)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var ordinary = sigset_t()
        sigfillset(&ordinary)
        posix_spawnattr_setsigdefault(&attributes, &ordinary)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let more = ["WRITE_FAULTS_SERVER": "yes", "LD_BIND_NOW": "1"]
        var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.merging(more) { $1 }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var child: pid_t = 0
        let result = posix_spawnp(&child, path, &actions, &attributes, &argv, &envp)
        close(ordersEnd)
        close(answersEnd)
        server = child
        guard result == 0 else { throw Overdue(description: "\(path) does not start: \(String(cString: strerror(result)))") }
    }

    deinit {
        close(orders)
        close(answers)
        kill(server, SIGKILL)
        var raw: Int32 = 0
        waitpid(server, &raw, 0)
    }

    /// Both ends well above 4, onto which the child's are put.
    private static func pipe() throws -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        try #require(Glibc.pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        return (fcntl(ends[0], F_DUPFD_CLOEXEC, 10), fcntl(ends[1], F_DUPFD_CLOEXEC, 10))
    }

    /// One run to its end; one that does not come to it is killed, and that is an error.
    /// - Parameters:
    ///   - fault: a ``WriteFault``'s name, `count`, or nil for none.
    ///   - point: the number of the call, from 1.
    func run(
        _ fault: String?, at point: Int = 0, report: String? = nil, until healed: String? = nil, within seconds: Int = 60
    ) async throws -> Ending {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                continuation.resume(with: Result { try runNow(fault, point, report, healed, seconds) })
            }
        }
    }

    private func runNow(_ fault: String?, _ point: Int, _ report: String?, _ healed: String?, _ seconds: Int) throws -> Ending {
        let (output, errors) = (root + "/fork.out", root + "/fork.err")
        let order = [fault ?? "-", String(point), report ?? "-", healed ?? "-", output, errors].joined(separator: "\t") + "\n"
        guard write(orders, order, order.utf8.count) == order.utf8.count, let child = number(within: 10_000), child > 0 else {
            throw Overdue(description: "the fork server does not fork: \(String(decoding: bytes(at: root + "/server.out"), as: UTF8.self))")
        }
        guard let raw = number(within: Int32(seconds * 1_000)) else {
            kill(-child, SIGKILL)
            _ = number(within: 10_000)
            let said = String(decoding: bytes(at: output) + bytes(at: errors), as: UTF8.self)
            throw Overdue(description: "the program ends, within \(seconds) s; it printed: \(said.suffix(800))")
        }
        let signal = raw & 0x7F
        return Ending(
            code: signal == 0 ? (raw >> 8) & 0xFF : nil, signal: signal == 0 ? nil : signal, output: bytes(at: output),
            errors: String(decoding: bytes(at: errors), as: UTF8.self), peakMemory: 0)
    }

    /// The next line of the answers; nil when it does not come in time.
    private func number(within milliseconds: Int32) -> Int32? {
        var text = ""
        while true {
            var ready = pollfd(fd: answers, events: Int16(POLLIN), revents: 0)
            var byte: UInt8 = 0
            guard poll(&ready, 1, milliseconds) == 1, read(answers, &byte, 1) == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { return Int32(text) }
            text.append(Character(UnicodeScalar(byte)))
        }
    }
}

/// Where the folders of faults lie: in memory where there is room for that. They are many, and nothing of them is to last.
enum FaultDisk {
    static let root = access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : NSTemporaryDirectory()
}
