import Control
import Dashboard
import DashboardTerminal
import Glibc
import SyncEngine
import Synchronization
import TerminalText

/// Programs that the dashboard runs: the operator's editor on the screen, other commands of rollcall behind it.
final class OutsidePrograms: Sendable {
    private let host: DashboardHost
    private let files: WorkspaceFiles

    /// How long a command may take, in milliseconds, and how much of its output is shown.
    private static let patience: Int64 = 120_000
    private static let outputLimit = 1 << 20

    init(host: DashboardHost, files: WorkspaceFiles) {
        self.host = host
        self.files = files
    }

    // MARK: - The editor

    func editConfiguration(at cohort: String?, _ effect: Effect) {
        let path = files.location.configuration
        do throws(Refusal) {
            if host.terminal != nil { try files.makeConfiguration() }
        } catch {
            return refuse(effect, error.message)
        }
        edit(path, line: cohort.flatMap { files.line(of: $0) }, effect) { [host, files] in
            let facts = files.facts()
            host.send(.configuration(facts))
            // What is refused says so by itself.
            host.send(.effectDone(.done(effect, facts.problem == nil ? "rollcall.yaml checks out" : nil)))
        }
    }

    func addCohort(_ effect: Effect) {
        do throws(Refusal) {
            try files.prepareDraft()
        } catch {
            return refuse(effect, error.message)
        }
        edit(files.draft, line: nil, effect) { [host, files] in
            do {
                let key = try files.addDraft()
                host.send(.configuration(files.facts()))
                host.send(.effectDone(.done(
                    effect, key.map { "cohort \($0) is added" } ?? "nothing was added: the template was left as it is")))
            } catch {
                // The file is the one that everybody means; its whole path would leave no room for what is wrong.
                let why = ((error as? Refusal)?.message ?? "\(error)")
                    .replacing(files.location.configuration, with: "rollcall.yaml")
                host.send(.effectDone(.refused(effect, "not added: \(why); A opens the draft again")))
            }
        }
    }

    private func edit(
        _ path: String, line: Int?, _ effect: Effect, afterwards: @escaping @Sendable () -> Void
    ) {
        guard let terminal = host.terminal else { return refuse(effect, "there is no terminal for an editor") }
        let editor = WorkspaceLocation.variable("VISUAL") ?? WorkspaceLocation.variable("EDITOR") ?? "vi"
        let status = Mutex<Int32>(-1)
        let result = Shared(status)
        terminal.runOutside {
            // The variable may hold arguments, as everywhere; the file is one of its own.
            let place = line.flatMap { Self.takesLine(editor) ? "+\($0)" : nil }
            let code = ChildProgram.run(
                "/bin/sh", ["-c", editor + " \"$@\"", editor] + (place.map { [$0] } ?? []) + [path])
            result.value.withLock { $0 = code }
        } afterwards: { [host] didRun in
            let code = result.value.withLock { $0 }
            guard didRun, code == 0 else {
                return host.send(.effectDone(.refused(
                    effect, didRun ? "the editor `\(editor)` ended with \(code)" : "the editor was not started")))
            }
            afterwards()
        }
    }

    /// Editors that open a file at `+LINE`.
    private static func takesLine(_ editor: String) -> Bool {
        let program = editor.split(separator: " ").first.map(String.init) ?? ""
        let name = program.split(separator: "/").last.map(String.init) ?? ""
        return ["vi", "vim", "nvim", "nano", "emacs", "emacsclient", "micro", "joe", "ne", "mg", "kak", "jed"].contains(name)
    }

    // MARK: - Commands

    /// Runs a command of rollcall on this workspace and shows what it prints.
    func run(_ words: [String], _ effect: Effect, afterwards: @escaping @Sendable () -> Void) {
        var arguments = words
        // A workspace that was named keeps its state beside it; the user's own does not.
        if files.location.state.path == files.location.folder + "/.rollcall" {
            arguments += ["--workspace", files.location.folder]
        }
        let title = words.joined(separator: " ")
        let line = arguments
        BackgroundThread.start { [host] in
            let (output, status) = ChildProgram.output(
                of: "/proc/self/exe", line, limit: Self.outputLimit, milliseconds: Self.patience)
            var lines = output.split(separator: 0x0A, omittingEmptySubsequences: false).map {
                PrintableText.of(String(decoding: $0, as: UTF8.self))
            }
            while lines.last?.isEmpty == true { lines.removeLast() }
            if status != 0 { lines.append("(ended with \(status))") }
            host.send(.effectDone(.output(title: title, lines: lines.isEmpty ? ["(no output)"] : lines)))
            afterwards()
        }
    }

    private func refuse(_ effect: Effect, _ why: String) {
        host.send(.effectDone(.refused(effect, why)))
    }
}

/// A reference to something that cannot be copied.
private final class Shared<Value: Sendable & ~Copyable>: Sendable {
    let value: Value

    init(_ value: consuming Value) { self.value = value }
}

/// A thread for work that blocks.
enum BackgroundThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    static func start(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(body))
        let failed = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        if failed == 0 { pthread_detach(thread) } else { work.release() }
    }
}

/// Child processes with default signals and the given streams.
enum ChildProgram {
    /// Runs a program on this process's own streams, to its end.
    /// - Returns: its exit code, 128 + a signal's number, or 127 when it cannot be started.
    static func run(_ program: String, _ arguments: [String]) -> Int32 {
        guard let pid = spawn(program, arguments, output: nil) else { return 127 }
        return wait(for: pid)
    }

    /// Runs a program with nothing to read and gathers what it prints, errors too.
    /// - Parameter milliseconds: after that it is interrupted, and a little later killed.
    static func output(
        of program: String, _ arguments: [String], limit: Int, milliseconds: Int64
    ) -> (output: [UInt8], status: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return ([], 127) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        let started = spawn(program, arguments, output: ends[1])
        close(ends[1])
        guard let pid = started else { return ([], 127) }
        let clock = SystemClock()
        var deadline = clock.monotonic() + milliseconds
        var isInterrupted = false
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            var entry = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
            let ready = poll(&entry, 1, Int32(clamping: max(0, deadline - clock.monotonic())))
            if ready < 0, errno == EINTR { continue }
            if ready == 0 {
                kill(pid, isInterrupted ? SIGKILL : SIGINT)
                if isInterrupted { break }
                isInterrupted = true
                deadline = clock.monotonic() + 5_000
                continue
            }
            let count = read(ends[0], &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += buffer.prefix(min(count, limit - bytes.count))
        }
        return (bytes, wait(for: pid))
    }

    private static func wait(for pid: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { return 127 }
        }
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }

    private static func spawn(_ program: String, _ arguments: [String], output: Int32?) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let output {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_adddup2(&actions, output, 1)
            posix_spawn_file_actions_adddup2(&actions, output, 2)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var texts = ([program] + arguments).map { strdup($0) } + [nil]
        defer { texts.forEach { free($0) } }
        var pid: pid_t = -1
        return posix_spawn(&pid, program, &actions, &attributes, &texts, environ) == 0 ? pid : nil
    }
}
