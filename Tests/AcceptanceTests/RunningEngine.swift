import Foundation
import Glibc
import Testing

/// `rollcall serve` of a workspace.
struct RunningEngine: Sendable {
    let program: Program
    let socket: String
    private unowned let workspace: Workspace

    init(in workspace: Workspace) async throws {
        self.workspace = workspace
        socket = workspace.folder + "/.rollcall/control.sock"
        let program = try workspace.start(["serve"])
        self.program = program
        workspace.keep(program)
        try await eventually("the engine serves: \(program.errors)") {
            try #require(program.poll() == nil, "serve ended: \(program.errors)")
            return program.errors.contains("serving")
        }
    }

    /// Asks over the socket, as `curl --unix-socket` does.
    func ask(_ path: String, body: String? = nil) async throws -> Ending {
        let data = body.map { ["--data-binary", $0] } ?? []
        return try await Program(
            "curl", ["-sS", "--max-time", "60", "--unix-socket", socket, "http://rollcall" + path] + data,
            environment: workspace.environment, folder: workspace.root).ending()
    }

    /// Ends it with a signal and returns how it ended.
    func stop(_ signal: Int32 = SIGTERM) async throws -> Ending {
        program.send(signal)
        return try await program.ending(within: 60)
    }

    func kill() async throws {
        program.send(SIGKILL)
        _ = try await program.ending()
    }
}
