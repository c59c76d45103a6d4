import Glibc
import SyncEngine

/// Runs a program that is given an alert on stdin: no shell, an environment of `PATH`, `HOME` and `LANG`, no other open
/// files, a process group of its own and a time limit.
enum AlertProgram {
    /// What fits into a pipe that nobody reads yet (pipe(7)); what is longer is refused.
    static let inputLimit = 60_000

    /// Blocks until the program has ended or was ended.
    /// - Parameter milliseconds: how long it may take.
    static func run(_ arguments: [String], input: [UInt8], in folder: String, milliseconds: Int64) -> AlertDelivery {
        guard let program = arguments.first, input.count <= inputLimit else { return .failed("the alert is too long") }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return .failed("\(program): no pipe (\(errno))") }
        ends.forEach { _ = fcntl($0, F_SETFD, FD_CLOEXEC) }
        let written = write(ends[1], input, input.count)
        close(ends[1])
        defer { close(ends[0]) }
        guard written == input.count else { return .failed("\(program): it could not be given the alert") }
        var child: pid_t = 0
        let result = spawn(&child, arguments, input: ends[0], in: folder)
        guard result == 0 else { return .failed("\(program) could not be started: \(explain(result))") }
        return wait(for: child, program, until: now() + milliseconds)
    }

    private static func wait(for child: pid_t, _ program: String, until deadline: Int64) -> AlertDelivery {
        var status: Int32 = 0
        while true {
            let ended = waitpid(child, &status, WNOHANG)
            if ended == child { break }
            if ended < 0, errno != EINTR { return .failed("\(program): nobody knows how it ended") }
            if now() > deadline {
                kill(-child, SIGKILL)
                waitpid(child, &status, 0)
                return .failed("\(program) did not end in time and was stopped")
            }
            usleep(5_000)
        }
        // What it may have left behind in its group goes with it.
        kill(-child, SIGKILL)
        guard status & 0x7F == 0 else { return .failed("\(program) was ended by signal \(status & 0x7F)") }
        let code = status >> 8 & 0xFF
        return code == 0 ? .delivered : .failed("\(program) exited with \(code)")
    }

    private static func spawn(
        _ child: inout pid_t, _ arguments: [String], input: Int32, in folder: String
    ) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        guard posix_spawn_file_actions_init(&actions) == 0 else { return ENOMEM }
        defer { posix_spawn_file_actions_destroy(&actions) }
        guard posix_spawnattr_init(&attributes) == 0 else { return ENOMEM }
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        let results = [
            posix_spawn_file_actions_adddup2(&actions, input, 0),
            posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0),
            posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0),
            addCloseFrom(3, to: &actions),
            addWorkingFolder(folder, to: &actions),
            // The engine ignores some signals and blocks others; a program must not inherit that.
            posix_spawnattr_setsigmask(&attributes, &none),
            posix_spawnattr_setsigdefault(&attributes, &all),
            posix_spawnattr_setpgroup(&attributes, 0),
            posix_spawnattr_setflags(&attributes, Int16(flags)),
        ]
        if let failed = results.first(where: { $0 != 0 }) { return failed }
        let environment = ["PATH", "HOME", "LANG"].compactMap { name in
            getenv(name).map { name + "=" + String(cString: $0) }
        }
        return withCStrings(arguments) { argv in
            withCStrings(environment) { posix_spawnp(&child, arguments[0], &actions, &attributes, argv, $0) }
        }
    }

    private typealias Actions = UnsafeMutablePointer<posix_spawn_file_actions_t>

    /// glibc has this since 2.34 and shows it only to C that asks for GNU extensions, so it is looked up by name.
    private static func addCloseFrom(_ first: Int32, to actions: Actions) -> Int32 {
        guard let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else { return ENOSYS }
        typealias Function = @convention(c) (Actions, Int32) -> Int32
        return unsafeBitCast(symbol, to: Function.self)(actions, first)
    }

    private static func addWorkingFolder(_ path: String, to actions: Actions) -> Int32 {
        guard let symbol = dlsym(nil, "posix_spawn_file_actions_addchdir_np") else { return ENOSYS }
        typealias Function = @convention(c) (Actions, UnsafePointer<CChar>) -> Int32
        return unsafeBitCast(symbol, to: Function.self)(actions, path)
    }

    /// Lends `texts` as a C array of C strings that ends with NULL.
    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = texts.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        return body(copies + [nil])
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    private static func explain(_ code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        _ = strerror_r(code, &buffer, buffer.count)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
