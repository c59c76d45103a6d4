import Glibc

extension SecretCommand {
    /// Starts the program with `output` as its stdout, in the workspace and in a process group of its own.
    static func spawn(
        _ arguments: [String], output: Int32, in workspace: String, reference: String
    ) throws(SecretError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        guard posix_spawn_file_actions_init(&actions) == 0 else { throw .unavailable("\(reference): out of memory") }
        defer { posix_spawn_file_actions_destroy(&actions) }
        guard posix_spawnattr_init(&attributes) == 0 else { throw .unavailable("\(reference): out of memory") }
        defer { posix_spawnattr_destroy(&attributes) }

        var results = [
            posix_spawn_file_actions_adddup2(&actions, output, 1),
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0),
            posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0),
            addCloseFrom(3, to: &actions),
            addWorkingFolder(workspace.isEmpty ? "." : workspace, to: &actions),
        ]
        // The engine ignores SIGPIPE and blocks others for its own loop; a program must not inherit that.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        results.append(posix_spawnattr_setsigmask(&attributes, &none))
        results.append(posix_spawnattr_setsigdefault(&attributes, &all))
        results.append(posix_spawnattr_setpgroup(&attributes, 0))
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        results.append(posix_spawnattr_setflags(&attributes, Int16(flags)))
        if let failed = results.first(where: { $0 != 0 }) { throw .unavailable("\(reference): \(reason(failed))") }

        var child: pid_t = 0
        let result = withCStrings(arguments) { argv in
            withCStrings(environment()) { environment in
                posix_spawnp(&child, arguments[0], &actions, &attributes, argv, environment)
            }
        }
        guard result == 0 else {
            let remedy = result == ENOENT ? "install it or give its whole path" : "check the program and its mode"
            throw .unavailable("\(reference): it could not be started (\(reason(result))); \(remedy)")
        }
        return child
    }

    private typealias Actions = UnsafeMutablePointer<posix_spawn_file_actions_t>

    /// Closes every descriptor from `first` on in the program, also those that another thread opens just now.
    ///
    /// glibc has this since 2.34 and shows it only to C that asks for GNU extensions, so it is looked up by name.
    private static func addCloseFrom(_ first: Int32, to actions: Actions) -> Int32 {
        guard let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else { return ENOSYS }
        typealias Function = @convention(c) (Actions, Int32) -> Int32
        return unsafeBitCast(symbol, to: Function.self)(actions, first)
    }

    /// Starts the program in a folder. glibc has this since 2.29, see ``addCloseFrom(_:to:)``.
    private static func addWorkingFolder(_ path: String, to actions: Actions) -> Int32 {
        guard let symbol = dlsym(nil, "posix_spawn_file_actions_addchdir_np") else { return ENOSYS }
        typealias Function = @convention(c) (Actions, UnsafePointer<CChar>) -> Int32
        return unsafeBitCast(symbol, to: Function.self)(actions, path)
    }

    /// The few variables that programs need to find themselves and their settings.
    private static func environment() -> [String] {
        ["PATH", "HOME", "LANG"].compactMap { name in
            EnvironmentSecret.variable(name).map { name + "=" + String(decoding: $0, as: UTF8.self) }
        }
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
