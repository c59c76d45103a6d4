import Glibc
import SyncEngine

/// A program that was started without a shell, in a session of its own, with nothing of this process but its output.
///
/// The new session takes the terminal away from it and makes it the leader of a process group, so that it can be killed
/// with all its children; whoever lets go of this value kills them. A child that leaves the group on purpose is out of
/// reach.
struct ChildProcess: ~Copyable {
    /// How a program ended.
    enum End: Equatable {
        case exit(Int32)
        case signal(Int32)
        /// Somebody else collected the status; nothing is known.
        case unknown
    }

    /// What it prints, and what it complains about: the reading ends of pipes that do not block.
    let output: Int32
    let complaints: Int32
    private let process: pid_t
    private var isCollected = false

    /// Starts `arguments[0]`, looked up in `PATH` unless it has a slash, with stdin at `/dev/null`.
    ///
    /// - Parameters:
    ///   - environment: all variables the program gets, as `NAME=value`.
    ///   - directory: where it starts; a relative program is looked up from there.
    init(_ arguments: [String], environment: [String], directory: String) throws(SourceError) {
        let name = PrintableText.from(arguments.first ?? "")
        let output = try Pipe(name: name)
        let complaints = try Pipe(name: name)
        process = try Self.spawn(
            arguments, environment: environment, directory: directory, output: output.writing,
            complaints: complaints.writing, name: name)
        self.output = output.detachReading()
        self.complaints = complaints.detachReading()
    }

    deinit {
        if !isCollected {
            kill(-process, SIGKILL)
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        }
        close(output)
        close(complaints)
    }

    /// How the program ended; nil while it runs. Children that it left behind in its group are killed.
    mutating func endIfReached() -> End? {
        guard !isCollected else { return .unknown }
        var info = siginfo_t()
        // The status is left in place, so that the process number stays taken until its group is killed.
        guard waitid(P_PID, id_t(process), &info, WEXITED | WNOHANG | WNOWAIT) == 0 else {
            if errno == EINTR { return nil }
            isCollected = true
            return .unknown
        }
        guard info.si_signo != 0 else { return nil }
        kill(-process, SIGKILL)
        guard let status = collect() else { return .unknown }
        let signal = status & 0x7F
        return signal == 0 ? .exit((status >> 8) & 0xFF) : .signal(signal)
    }

    private mutating func collect() -> Int32? {
        isCollected = true
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { return nil }
        }
        return status
    }
}

extension ChildProcess {
    /// Both ends of a pipe that no other program inherits.
    private struct Pipe: ~Copyable {
        let reading: Int32
        let writing: Int32
        private var isReadingDetached = false

        init(name: String) throws(SourceError) {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else {
                throw .unavailable("the command \(name) could not be started: \(explain(errno))")
            }
            // Where stdin, stdout or stderr is closed, their numbers are given out; they are wanted for the program.
            for index in ends.indices where ends[index] < 3 {
                let low = ends[index]
                ends[index] = fcntl(low, F_DUPFD, 3)
                close(low)
            }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
            reading = ends[0]
            writing = ends[1]
        }

        deinit {
            if !isReadingDetached { close(reading) }
            close(writing)
        }

        /// Closes the writing end and gives the other one away.
        consuming func detachReading() -> Int32 {
            isReadingDetached = true
            return reading
        }
    }

    private static func spawn(
        _ arguments: [String], environment: [String], directory: String, output: Int32, complaints: Int32, name: String
    ) throws(SourceError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        guard posix_spawn_file_actions_init(&actions) == 0 else { throw .unavailable("\(name): out of memory") }
        defer { posix_spawn_file_actions_destroy(&actions) }
        guard posix_spawnattr_init(&attributes) == 0 else { throw .unavailable("\(name): out of memory") }
        defer { posix_spawnattr_destroy(&attributes) }

        var results = [
            posix_spawn_file_actions_adddup2(&actions, output, 1),
            posix_spawn_file_actions_adddup2(&actions, complaints, 2),
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0),
            addCloseFrom(3, to: &actions),
            addDirectory(directory, to: &actions),
        ]
        // The engine ignores SIGPIPE and may block others for its own loop; a program must not inherit that.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        results.append(posix_spawnattr_setsigmask(&attributes, &none))
        results.append(posix_spawnattr_setsigdefault(&attributes, &all))
        let flags = newSession | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
        results.append(posix_spawnattr_setflags(&attributes, Int16(flags)))
        if let failed = results.first(where: { $0 != 0 }) {
            throw .unavailable("the command \(name) could not be started: \(explain(failed))")
        }

        let program = arguments.first ?? ""
        var process: pid_t = 0
        let result = withCStrings(arguments) { arguments in
            withCStrings(environment) { environment in
                posix_spawnp(&process, program, &actions, &attributes, arguments, environment)
            }
        }
        guard result == 0 else { throw failure(result, name: name, directory: directory) }
        return process
    }

    private static func failure(_ code: Int32, name: String, directory: String) -> SourceError {
        var status = stat()
        if stat(directory, &status) != 0 || status.st_mode & S_IFMT != S_IFDIR {
            let place = PrintableText.from(directory)
            return .misconfigured("the directory \(place), where \(name) should run, is missing")
        }
        switch code {
        case ENOENT:
            return .misconfigured("the command \(name) was not found; install it or give its whole path")
        case _ where isShortage(code):
            return .unavailable("the command \(name) could not be started: \(explain(code))")
        default:
            return .misconfigured("the command \(name) could not be started: \(explain(code)); it must be executable")
        }
    }

    /// `POSIX_SPAWN_SETSID` of glibc 2.26, which it shows only to C that asks for GNU extensions.
    private static let newSession: Int32 = 0x80

    private typealias Actions = UnsafeMutablePointer<posix_spawn_file_actions_t>

    /// Closes every descriptor from `first` on in the program, also those that another thread opens just now.
    ///
    /// glibc has this since 2.34 and shows it only to C that asks for GNU extensions, so it is looked up by name.
    private static func addCloseFrom(_ first: Int32, to actions: Actions) -> Int32 {
        guard let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else { return ENOSYS }
        typealias Function = @convention(c) (Actions, Int32) -> Int32
        return unsafeBitCast(symbol, to: Function.self)(actions, first)
    }

    /// Starts the program in a directory. glibc has this since 2.29, see ``addCloseFrom(_:to:)``.
    private static func addDirectory(_ path: String, to actions: Actions) -> Int32 {
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
}
