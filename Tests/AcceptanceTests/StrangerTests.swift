import Foundation
import Glibc
import Testing

/// Another user of the machine, and clients that mean harm, beside a serving engine.
@Suite(.rationed)
struct StrangerTests {
    /// Runs a program as the user nobody; nil where this process may not become another user, which it says aloud.
    private func stranger(_ words: [String], in workspace: Workspace) async throws -> Ending? {
        guard geteuid() == 0, access("/usr/bin/setpriv", X_OK) == 0 else {
            print("NOT RUN: a second user needs root and setpriv")
            return nil
        }
        return try await Program(
            "/usr/bin/setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups"] + words, environment: ["PATH": "/usr/bin:/bin"],
            folder: workspace.root).ending(within: 110)
    }

    private func serving() async throws -> (Workspace, RunningEngine) {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.list(1...3)
        return (workspace, try await RunningEngine(in: workspace))
    }

    @Test("another user reads no file, does not reach the socket, and is not served even where the modes let them in")
    func secondUser() async throws {
        let (workspace, engine) = try await serving()
        let state = workspace.folder + "/.rollcall"
        let ask = ["curl", "-sS", "--max-time", "10", "--unix-socket", engine.socket, "http://rollcall/v1/status"]
        for words in [["ls", state], ["cat", state + "/state.db"], ["cat", workspace.folder + "/rollcall.yaml"], ask] {
            guard let ending = try await stranger(words, in: workspace) else { return }
            #expect(ending.code != 0 && ending.output.isEmpty, "\(words): \(ending.text)")
        }
        // Whatever became of the modes: the kernel says who is at the other end.
        for path in [workspace.root, workspace.folder, state] { chmod(path, 0o755) }
        chmod(engine.socket, 0o666)
        let ending = try #require(try await stranger(ask, in: workspace))
        #expect(!ending.text.contains("vip@seg"), "\(ending.text)")
        let freeze = ask.dropLast() + ["-d", "{\"frozen\":true}", "http://rollcall/v1/freeze"]
        _ = try await stranger(Array(freeze), in: workspace)
        #expect(try await engine.ask("/v1/engine").lines().first?.flag("frozen") == false)
        for path in [state, workspace.folder, workspace.root] { chmod(path, 0o700) }
        #expect(try await engine.stop().code == 0)
    }

    @Test("memory and environment of a running engine are closed to other processes of its own user, and no core is written")
    func sealed() async throws {
        let workspace = try Workspace()
        let doctor = try await workspace.rollcall("doctor")
        #expect(doctor.text.contains("memory: closed to other processes, no core is written"), "\(doctor.text)")
        let binary = try await copiedBinary(in: workspace)
        // The same user twice: an engine's process, and one that looks at it. A process that is not sealed can be looked at.
        let script = """
            cd /tmp
            told=$(mktemp)
            \(binary) receiver --listen 127.0.0.1:0 2>$told & pid=$!
            sleep 100 & other=$!
            until grep -q listening $told && grep -qs sleep /proc/$other/comm; do kill -0 $pid || break; done
            cat $told; rm $told
            cat /proc/$pid/environ >/dev/null 2>&1 && echo engine open || echo engine closed
            head -c 0 /proc/$pid/mem 2>/dev/null && echo memory open || echo memory closed
            cat /proc/$other/environ >/dev/null 2>&1 && echo other open || echo other closed
            grep 'core file' /proc/$pid/limits
            kill -0 $pid && echo engine alive
            kill $pid $other
            """
        guard let ending = try await stranger(["env"] + libraries + ["sh", "-c", script], in: workspace) else { return }
        guard ending.text.contains("other open") else { return print("NOT RUN: /proc is hidden here: \(ending.text) \(ending.errors)") }
        #expect(ending.text.contains("engine closed") && ending.text.contains("memory closed"), "\(ending.text) \(ending.errors)")
        let isAlive = ending.text.contains("engine alive")
        #expect(ending.text.contains(#/Max core file size +0 +0 /#) && isAlive, "\(ending.text) \(ending.errors)")
    }

    @Test("a crash reporter of the same user can read a process that crashes, and the process ends by its signal")
    func reported() async throws {
        let workspace = try Workspace()
        let binary = try await copiedBinary(in: workspace)
        let script = """
            cd /tmp
            told=$(mktemp)
            \(binary) receiver --listen 127.0.0.1:0 2>$told & pid=$!
            until grep -q listening $told; do kill -0 $pid || break; done
            kill -SEGV $pid
            wait $pid
            echo "ended with $?"
            cat $told; rm $told
            """
        let setting = ["SWIFT_BACKTRACE=enable=yes,interactive=no,color=no,registers=none,sanitize=yes"]
        guard let ending = try await stranger(["env"] + libraries + setting + ["sh", "-c", script], in: workspace) else { return }
        #expect(ending.text.contains("ended with \(128 + SIGSEGV)"), "\(ending.text) \(ending.errors)")
        guard ending.text.contains("Backtracing") else { return print("NOT RUN: there is no crash reporter: \(ending.text)") }
        #expect(ending.text.contains(#/ in lib[a-z]/#) && ending.text.contains("Program crashed"), "\(ending.text)")
    }

    private let libraries = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"].map { ["LD_LIBRARY_PATH=\($0)"] } ?? []

    /// The program where every user can run it.
    private func copiedBinary(in workspace: Workspace) async throws -> String {
        let binary = workspace.root + "/rollcall"
        // By another process: what this one has open for writing its children hold open too, and such a program cannot run.
        _ = try await Program("cp", [RollcallBinary.path, binary], environment: workspace.environment, folder: workspace.root).ending()
        for path in [workspace.root, binary] { chmod(path, 0o755) }
        return binary
    }

    @Test("a result that could not be written is no success", arguments: ["status --json", "--version", "check"])
    func fullDiskBehindTheOutput(_ command: String) async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.list(1...3)
        let ending = try await Program(
            "sh", ["-c", "\(RollcallBinary.path) \(command) >/dev/full; echo ended with $?"],
            environment: workspace.environment, folder: workspace.root
        ).ending()
        #expect(ending.text.contains("ended with 1"), "\(ending.text) \(ending.errors)")
        #expect(ending.errors.contains("standard output did not take everything"), "\(ending.errors)")
    }

    @Test("--version begins with the version and names SQLite and the library that speaks TLS")
    func version() async throws {
        let workspace = try Workspace()
        let ending = try await workspace.rollcall("--version")
        #expect(ending.code == 0)
        let lines = ending.text.split(separator: "\n").map(String.init)
        try #require(lines.count == 3)
        #expect(lines[0].wholeMatch(of: #/[0-9]+\.[0-9]+\.[0-9]+/#) != nil)
        #expect(lines[1].wholeMatch(of: #/SQLite 3\.[0-9.]+/#) != nil)
        #expect(lines[2].wholeMatch(of: #/libcurl/[0-9.]+ [A-Za-z]+/[0-9.a-z]+/#) != nil, "\(lines[2])")
    }

    // MARK: - Hostile clients of the socket

    private func connect(_ path: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        if connected { return descriptor }
        close(descriptor)
        return -1
    }

    /// Sends as much as the other end takes within a time, and returns how much that was.
    private func flood(_ descriptor: Int32, _ piece: [UInt8], upTo limit: Int, within seconds: Double = 5) -> Int {
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        let end = ContinuousClock.now + .seconds(seconds)
        var sent = 0
        while sent < limit, ContinuousClock.now < end {
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&entry, 1, 200) > 0 else { continue }
            let count = send(descriptor, piece, min(piece.count, limit - sent), Int32(MSG_NOSIGNAL))
            if count < 0, errno != EAGAIN { break }
            sent += max(0, count)
        }
        return sent
    }

    private func resident(_ program: Program) -> Int {
        let words = String(decoding: bytes(at: "/proc/\(program.pid)/statm"), as: UTF8.self).split(separator: " ")
        return (words.count > 1 ? Int(words[1]) ?? 0 : 0) * Int(getpagesize())
    }

    @Test("clients that flood, dawdle or never read: the engine's memory stays bounded, and others are answered meanwhile")
    func hostileClients() async throws {
        let (workspace, engine) = try await serving()
        _ = try await workspace.rollcall("status")
        let before = resident(engine.program)
        var open: [Int32] = []
        defer { open.forEach { close($0) } }
        // Two hundred that say nothing, and as many that stop amid a header.
        for number in 0..<400 {
            let descriptor = connect(engine.socket)
            guard descriptor >= 0 else { continue }
            open.append(descriptor)
            if number % 2 == 1 { _ = send(descriptor, "GET /v1/status HTTP/1.1\r\nX: ", 28, Int32(MSG_NOSIGNAL)) }
        }
        #expect(open.count >= 16)
        // Watchers that never read while much happens.
        for _ in 0..<8 {
            let descriptor = connect(engine.socket)
            guard descriptor >= 0 else { continue }
            open.append(descriptor)
            _ = send(descriptor, "GET /v1/changes HTTP/1.1\r\nHost: x\r\n\r\n", 39, Int32(MSG_NOSIGNAL))
        }
        // A header line without end, a request without end, a body that is larger than any, one that lies about its length.
        let line = connect(engine.socket)
        let lineBytes = flood(line, [UInt8](repeating: 0x61, count: 65_536), upTo: 256 << 20)
        let headers = connect(engine.socket)
        _ = send(headers, "GET /v1/status HTTP/1.1\r\n", 25, Int32(MSG_NOSIGNAL))
        let headerBytes = flood(headers, Array(String(repeating: "X-A: bbbbbbbbbbbbbbbbbbbbb\r\n", count: 2_000).utf8), upTo: 256 << 20)
        let body = connect(engine.socket)
        let claim = "POST /v1/plan HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
        _ = send(body, claim, claim.utf8.count, Int32(MSG_NOSIGNAL))
        let bodyBytes = flood(body, [UInt8](repeating: 0x20, count: 65_536), upTo: 256 << 20)
        open += [line, headers, body]
        // What is no HTTP at all, the same every time.
        var state: UInt64 = 1
        for _ in 0..<200 {
            let descriptor = connect(engine.socket)
            guard descriptor >= 0 else { continue }
            let noise = (0..<300).map { _ -> UInt8 in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(state >> 56)
            }
            _ = send(descriptor, noise + Array("\r\n\r\n".utf8), noise.count + 4, Int32(MSG_NOSIGNAL))
            close(descriptor)
        }
        let start = ContinuousClock.now
        for _ in 0..<5 { #expect(try await workspace.rollcall("status", within: 20).code == 0) }
        let took = (ContinuousClock.now - start) / .milliseconds(5)
        let growth = resident(engine.program) - before
        #expect(growth < 96 << 20, "\(growth >> 20) MiB: line \(lineBytes), headers \(headerBytes), body \(bodyBytes)")
        print("control: \(open.count) hostile clients, memory grew by \(growth >> 10) KiB (took \(lineBytes) B of a line, "
            + "\(headerBytes) B of headers, \(bodyBytes) B of a body), status took \(Int(took)) ms meanwhile")
        open.forEach { close($0) }
        open = []
        try workspace.list(2...5)
        _ = try await workspace.rollcall("sync", "vip", "--retry-for", "0s")
        #expect(try await engine.stop().code == 0)
    }
}
