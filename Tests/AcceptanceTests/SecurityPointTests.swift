import Foundation
import Glibc
import Testing

/// Points of the threat model that one process can show.
@Suite(.rationed)
struct SecurityPointTests {
    @Test("doctor names what it looked at, line by line; what is wrong fails with its remedy; the secret stands nowhere")
    func doctor() async throws {
        let workspace = try Workspace()
        let path = workspace.folder + "/key"
        try workspace.write("key", Workspace.key)
        workspace.expectKey(in: "w/key")
        chmod(path, 0o600)
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.edit("{env: WRITE_KEY}", "{file: \(path)}")
        try workspace.list(1...3)
        // Nobody is at that port: the run stays open, but the state is there.
        _ = try await workspace.rollcall("sync", "vip", "--retry-for", "0s")
        func ask(_ code: Int32, _ lines: [String]) async throws {
            let ending = try await workspace.rollcall("doctor", environment: ["WRITE_KEY": ""])
            #expect(ending.code == code, "\(ending.text)")
            #expect(!(ending.text + ending.errors).contains(Workspace.key))
            let found = ending.text.split(separator: "\n").map(String.init)
            for line in lines {
                #expect(found.contains { $0.hasPrefix(line) }, "no line begins with \(line.debugDescription): \(ending.text)")
            }
            #expect(found.count { $0.hasPrefix("FAIL  ") } == lines.count { $0.hasPrefix("FAIL  ") }, "\(ending.text)")
        }
        let good = [
            "ok    rollcall 0.", "ok    memory: closed", "ok    zone data: New York", "ok    clock: 20", "ok    configuration: ",
            "ok    secrets: all", "ok    state: ", "ok    disk: ", "ok    store: whole", "ok    engine: none serves",
        ]
        try await ask(0, good)
        chmod(path, 0o644)
        chmod(workspace.folder + "/.rollcall", 0o750)
        try await ask(1, ["FAIL  secret: ", "FAIL  state: ", "ok    store: whole"])
        chmod(path, 0o600)
        chmod(workspace.folder + "/.rollcall", 0o700)
        let engine = try await RunningEngine(in: workspace)
        try await ask(0, ["ok    engine: serve, pid \(engine.program.pid)"])
        #expect(try await engine.stop().code == 0)
        let database = ".rollcall/state.db"
        try workspace.write(database, Array(repeating: 0x5A, count: bytes(at: workspace.folder + "/" + database).count))
        chmod(workspace.folder + "/" + database, 0o600)
        try await ask(1, ["FAIL  store: "])
    }

    @Test("an engine listens on no port; the receiver listens on the loopback alone")
    func listeners() async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.list(1...3)
        // A server of another test may be open in this process while the engine is started, which then holds it too.
        let servers = Set(sockets(getpid()) ?? [])
        let engine = try await RunningEngine(in: workspace)
        let inherited = servers.union(sockets(getpid()) ?? [])
        let receiver = try await RunningReceiver(in: workspace)
        guard let ofEngine = listening(engine.program.pid, besides: inherited),
            let ofReceiver = listening(receiver.program.pid, besides: inherited)
        else {
            return print("NOT RUN: which sockets a process has open is for root to see")
        }
        #expect(ofEngine.isEmpty, "\(ofEngine)")
        #expect(ofReceiver.count == 1 && ofReceiver.allSatisfy { $0.hasPrefix("0100007F:") }, "\(ofReceiver)")
        #expect(try await engine.stop().code == 0)
    }

    /// What the descriptors of a process that are sockets point at; nil when that is not shown.
    private func sockets(_ pid: pid_t) -> [String]? {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd") else { return nil }
        return names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\($0)") }
            .filter { $0.hasPrefix("socket:[") }
    }

    /// The local addresses, as `/proc/net/tcp` writes them, of the listening TCP sockets of a process; nil when they are not shown.
    private func listening(_ pid: pid_t, besides inherited: Set<String>) -> [String]? {
        guard let links = sockets(pid)?.filter({ !inherited.contains($0) }), !links.isEmpty else { return nil }
        return ["tcp", "tcp6"].flatMap { table in
            String(decoding: bytes(at: "/proc/\(pid)/net/\(table)"), as: UTF8.self).split(separator: "\n").dropFirst().compactMap {
                let words = $0.split(separator: " ")
                // The fourth word is the state, 0A for listening; the tenth the inode.
                guard words.count > 9, words[3] == "0A", links.contains("socket:[\(words[9])]") else { return nil }
                return String(words[1])
            }
        }
    }

    @Test("a second engine leaves the first one's socket alone; one that was left by a killed engine is replaced")
    func staleSocket() async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.list(1...3)
        let engine = try await RunningEngine(in: workspace)
        func inode() -> ino_t {
            var status = stat()
            return lstat(engine.socket, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK ? status.st_ino : 0
        }
        let first = inode()
        #expect(first != 0)
        let second = try await workspace.rollcall("serve")
        #expect(second.code == 75 && second.errors.contains("\(engine.program.pid)"), "\(second.errors)")
        #expect(inode() == first)
        #expect(try await engine.ask("/v1/engine").code == 0)
        try await engine.kill()
        #expect(inode() == first, "the killed engine's socket is still there")
        let next = try await RunningEngine(in: workspace)
        #expect(try await next.ask("/v1/engine").lines().first != nil)
        #expect(try await next.stop().code == 0)
    }
}
