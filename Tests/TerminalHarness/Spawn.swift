import Glibc

/// Starts a program as leader of a new session, with the terminal as its standard streams and `idle`, if any, as
/// descriptor 3. Returns its process id, or -1.
func spawn(
    _ program: String, _ arguments: [String], _ environment: [String], terminal: String, idle: Int32?,
    input: Pty.Stream, output: Pty.Stream
) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // The first terminal that the leader opens becomes the session's own.
    posix_spawn_file_actions_addopen(&actions, 2, terminal, O_RDWR, 0)
    for (number, stream) in [(Int32(0), input), (1, output)] {
        switch stream {
        case .terminal: posix_spawn_file_actions_adddup2(&actions, 2, number)
        case .file(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, number)
        }
    }
    if let idle { posix_spawn_file_actions_adddup2(&actions, idle, 3) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    let setSession: Int32 = 0x80
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | setSession))
    var texts = ([program] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup($0) } + [nil]
    defer { (texts + variables).forEach { free($0) } }
    var pid: pid_t = -1
    return posix_spawn(&pid, program, &actions, &attributes, &texts, &variables) == 0 ? pid : -1
}

/// Runs a program to its end and returns what it wrote to standard output; nil when it could not run or failed.
func output(of program: String, _ arguments: [String], environment: [String]) -> String? {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return nil }
    defer { close(ends[0]) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let pid = spawn(
        program, arguments, environment, terminal: "/dev/null", idle: nil, input: .terminal, output: .file(ends[1]))
    close(ends[1])
    guard pid > 0 else { return nil }
    var all: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(ends[0], &piece, piece.count)
        if count > 0 { all += piece.prefix(count) } else if count == 0 || errno != EINTR { break }
    }
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    return status == 0 ? String(decoding: all, as: UTF8.self) : nil
}
