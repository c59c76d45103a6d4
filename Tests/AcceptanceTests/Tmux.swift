import Foundation
import Glibc
import Testing

/// A terminal of tmux, which shares no code with the product or with the tests' own screen.
struct Tmux {
    private let socket: String
    private let workspace: Workspace

    /// Why there is none.
    struct NotAvailable: Error {
        let reason: String
    }

    /// Starts a session that runs a command.
    init(_ workspace: Workspace, width: Int, height: Int, _ command: [String]) async throws {
        self.workspace = workspace
        socket = workspace.root + "/tmux"
        guard try await Self.run(workspace, ["sh", "-c", "command -v tmux"]).code == 0 else {
            throw NotAvailable(reason: "there is no tmux")
        }
        let started = try await ask(
            ["-u", "-f", "/dev/null", "new-session", "-d", "-x", "\(width)", "-y", "\(height)", "--"] + command)
        guard started.code == 0 else { throw NotAvailable(reason: "tmux does not start: \(started.errors)") }
    }

    private static func run(_ workspace: Workspace, _ words: [String]) async throws -> Ending {
        try await Program(
            words[0], Array(words.dropFirst()),
            environment: workspace.environment.merging(["TERM": "xterm-256color", "PS1": "$ "]) { $1 },
            folder: workspace.root).ending()
    }

    @discardableResult
    private func ask(_ words: [String]) async throws -> Ending {
        try await Self.run(workspace, ["tmux", "-S", socket] + words)
    }

    /// Types keys by tmux's names: `j`, `Enter`, `C-z`.
    func type(_ keys: String...) async throws { try await ask(["send-keys"] + keys) }

    /// What the terminal shows, one text a line, without trailing blanks.
    func lines() async throws -> [String] {
        try await ask(["capture-pane", "-p"]).text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            var line = String(line)
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    /// Waits until it shows a text.
    func see(_ text: String) async throws {
        try await eventually("tmux shows \(text)") { try await lines().contains { $0.contains(text) } }
    }

    func end() async throws { try await ask(["kill-server"]) }
}
