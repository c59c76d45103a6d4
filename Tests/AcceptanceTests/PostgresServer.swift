import Foundation
import Glibc
import Testing

/// A private PostgreSQL server on a socket in a temporary folder. PostgreSQL refuses to run as root, so root starts it
/// as the user `postgres`.
final class PostgresServer: Sendable {
    let folder: String
    private let prefix: [String]
    private let workspace: Workspace

    /// Why there is none.
    struct NotAvailable: Error {
        let reason: String
    }

    init(for workspace: Workspace) async throws {
        self.workspace = workspace
        func run(_ words: [String]) async throws -> Ending {
            try await Program(
                words[0], Array(words.dropFirst()), environment: workspace.environment, folder: workspace.root).ending()
        }
        let listed = try await run(
            ["sh", "-c", "ls -d /usr/lib/postgresql/*/bin $(dirname $(command -v initdb)) 2>/dev/null"])
        let binaries = listed.text.split(separator: "\n").map(String.init)
        guard let folder = binaries.last(where: { access($0 + "/pg_ctl", X_OK) == 0 }) else {
            throw NotAvailable(reason: "there is no initdb and no pg_ctl")
        }
        prefix = geteuid() == 0 ? ["runuser", "-u", "postgres", "--"] : []
        if geteuid() == 0, getpwnam("postgres") == nil {
            throw NotAvailable(reason: "root cannot run PostgreSQL and there is no user postgres")
        }
        let made = try await run(prefix + ["mktemp", "-d", "/tmp/rollcall-pg-XXXXXX"])
        self.folder = made.text.trimmingCharacters(in: .whitespacesAndNewlines)
        let data = self.folder + "/data"
        let options = "-k \(self.folder) -c listen_addresses= -c fsync=off -c shared_buffers=16MB"
        for step in [
            ["\(folder)/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            ["\(folder)/pg_ctl", "-D", data, "-w", "-l", "\(self.folder)/log", "-o", options, "start"],
        ] {
            let ending = try await run(prefix + step)
            guard ending.code == 0 else { throw NotAvailable(reason: "\(step[0]): \(ending.errors)") }
        }
        stopping = prefix + ["\(folder)/pg_ctl", "-D", data, "-m", "immediate", "stop"]
    }

    private let stopping: [String]

    var url: String { "postgres://postgres@/postgres?host=\(folder)" }

    /// Runs statements and returns what they print, one row a line.
    @discardableResult
    func query(_ sql: String) async throws -> [String] {
        let ending = try await Program(
            "psql", ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url],
            environment: workspace.environment, folder: workspace.root).ending()
        try #require(ending.code == 0, "\(sql): \(ending.errors)")
        return ending.text.split(separator: "\n").map(String.init)
    }

    func remove() async throws {
        for words in [stopping, ["rm", "-rf", folder]] {
            _ = try await Program(
                words[0], Array(words.dropFirst()), environment: workspace.environment, folder: workspace.root).ending()
        }
    }
}
