import Glibc

/// Secrets printed by a program, such as a password manager's command line.
///
/// The program gets its arguments as they are, without a shell; an environment of `PATH`, `HOME` and `LANG` only; no
/// open files but its own three; 30 seconds and 64 KiB. What it writes to stderr is thrown away, because nobody knows
/// what such a program says there.
enum SecretCommand {
    /// How long a program may take, in milliseconds.
    static let deadline: Int64 = 30_000

    static func run(
        _ arguments: [String], in workspace: String, reference: String, deadline: Int64 = deadline
    ) throws(SecretError) -> Secret {
        guard let program = arguments.first, !program.isEmpty else {
            throw .unavailable("command: the list is empty; name a program and its arguments")
        }
        guard !arguments.contains(where: { $0.utf8.contains(0) }) else {
            throw .unavailable("\(reference): an argument holds a NUL byte")
        }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .unavailable("\(reference): \(reason(errno))") }
        ends.forEach { _ = fcntl($0, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        let child: pid_t
        do {
            defer { close(ends[1]) }
            child = try spawn(arguments, output: ends[1], in: workspace, reference: reference)
        }
        return try collect(from: ends[0], child: child, reference: reference, until: now() + deadline)
    }

    private static func collect(
        from descriptor: Int32, child: pid_t, reference: String, until limit: Int64
    ) throws(SecretError) -> Secret {
        let output = readAll(descriptor, until: limit)
        var status: Int32?
        if case .complete = output { status = wait(for: child, until: limit) }
        guard let status, case .complete(let bytes) = output else {
            end(child)
            if case .tooLarge = output {
                throw .unsafe("\(reference): it printed more than 64 KiB; let it print the secret alone")
            }
            if case .failed(let number) = output { throw .unavailable("\(reference): \(reason(number))") }
            throw .unavailable("\(reference): it did not end in time and was stopped; run it by hand to see why")
        }
        // The exit status of a normal end is in the second byte, a signal in the lowest seven bits (wait(2)).
        guard status & 0x7F == 0 else {
            throw .unavailable("\(reference): it was ended by signal \(status & 0x7F); run it by hand to see why")
        }
        guard status >> 8 & 0xFF == 0 else {
            throw .unavailable("\(reference): it exited with \(status >> 8 & 0xFF); run it by hand to see why")
        }
        let secret = SecretText.withoutNewline(bytes)
        guard !secret.isEmpty else {
            throw .unavailable("\(reference): it printed nothing; it must print the secret to stdout")
        }
        return Secret(secret)
    }

    private enum Output {
        case complete([UInt8])
        case tooLarge
        case late
        case failed(Int32)
    }

    private static func readAll(_ descriptor: Int32, until limit: Int64) -> Output {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let left = limit - now()
            guard left > 0 else { return .late }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&waiting, 1, Int32(left))
            if ready == 0 { return .late }
            if ready < 0 {
                if errno == EINTR { continue }
                return .failed(errno)
            }
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return .complete(bytes) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failed(errno)
            }
            bytes.append(contentsOf: buffer[..<count])
            if bytes.count > SecretText.limit { return .tooLarge }
        }
    }

    /// Waits for a program that has closed its output; nil when it is still there at `limit`.
    private static func wait(for child: pid_t, until limit: Int64) -> Int32? {
        var status: Int32 = 0
        while true {
            let ended = waitpid(child, &status, WNOHANG)
            if ended == child { return status }
            // Somebody else has waited for it; its exit status is lost, which is no success.
            if ended < 0 && errno != EINTR { return 0xFF << 8 }
            guard now() < limit else { return nil }
            poll(nil, 0, 5)
        }
    }

    /// Ends the program with everything it started, which share its process group.
    private static func end(_ child: pid_t) {
        kill(-child, SIGKILL)
        kill(child, SIGKILL)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    }

    /// Milliseconds of a clock that nobody sets.
    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
