import Glibc
import Testing

/// A private PostgreSQL server on a socket in a temporary folder. Whoever starts one calls `remove`.
///
/// PostgreSQL refuses to run as root, so root starts it as the user `postgres`. Its superuser is `postgres` without a
/// password; the user `locked` must give the password `p@ss w/rd`.
final class PostgresCluster: Sendable {
    let folder: String
    private let prefix: String

    /// Percent-encoded as it stands in a URL, and as it is.
    static let lockedPassword = (encoded: "p%40ss%20w%2Frd", plain: "p@ss w/rd")

    /// Starts a server.
    /// - Throws: ``NotAvailable`` with the reason, such as that PostgreSQL is not installed.
    init() throws {
        guard let binaries = Self.binaries() else {
            throw NotAvailable(reason: "initdb and pg_ctl were not found")
        }
        let isRoot = geteuid() == 0
        if isRoot && getpwnam("postgres") == nil {
            throw NotAvailable(reason: "root cannot run PostgreSQL and there is no user postgres")
        }
        prefix = (isRoot ? "runuser -u postgres -- " : "") + binaries + "/"
        let made = runShell((isRoot ? "runuser -u postgres -- " : "") + "mktemp -d /tmp/rollcall-pg-XXXXXX")
        folder = made.output.split(separator: "\n").first.map(String.init) ?? ""
        guard made.status == 0, !folder.isEmpty else { throw NotAvailable(reason: "no temporary folder") }
        let data = "\(folder)/data"
        let steps = [
            "\(prefix)initdb -D \(data) -U postgres -A trust -E UTF8 --locale=C --no-sync",
            "sed -i '1i local all locked scram-sha-256' \(data)/pg_hba.conf",
            "\(prefix)pg_ctl -D \(data) -w -l \(folder)/log -o \"\(Self.options(folder))\" start",
        ]
        for step in steps {
            guard runShell("cd / && \(step) >\(folder).out 2>&1").status == 0 else {
                let output = String(decoding: readFile("\(folder).out") + readFile("\(folder)/log"), as: UTF8.self)
                remove()
                throw NotAvailable(reason: "\(step): \(output)")
            }
        }
        unlink("\(folder).out")
        sql("CREATE ROLE locked LOGIN PASSWORD '\(Self.lockedPassword.plain)'")
    }

    /// Why there is no server.
    struct NotAvailable: Error {
        var reason: String
    }

    /// A URL of this server.
    /// - Parameter user: with a password behind a colon, percent-encoded.
    func url(user: String = "postgres", database: String = "postgres", options: String = "") -> String {
        "postgres://\(user)@/\(database)?host=\(folder)\(options)"
    }

    /// Runs statements as superuser and returns what they print, one row a line.
    @discardableResult
    func sql(_ statements: String) -> String {
        let command = "psql -X -q -A -t -v ON_ERROR_STOP=1 '\(url())' 2>&1"
        let result = runShell("\(command) <<'END OF SQL'\n\(statements)\n;\nEND OF SQL")
        if result.status != 0 { Issue.record("\(statements): \(result.output)") }
        return result.output.split(separator: "\n").joined(separator: "\n")
    }

    /// Stops the server and deletes its folder.
    func remove() {
        runShell("cd / && \(prefix)pg_ctl -D \(folder)/data -m immediate stop >/dev/null 2>&1")
        runShell("rm -rf \(folder) \(folder).out")
    }

    private static func options(_ folder: String) -> String {
        "-k \(folder) -c listen_addresses='' -c fsync=off -c shared_buffers=16MB"
    }

    /// The folder of the newest PostgreSQL of Debian, or of the one in `PATH`.
    private static func binaries() -> String? {
        let line = "ls -d /usr/lib/postgresql/*/bin/initdb $(command -v initdb) 2>/dev/null | sort -V | tail -n 1"
        let path = runShell(line).output.split(separator: "\n").first.map(String.init) ?? ""
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return access("\(folder)/pg_ctl", X_OK) == 0 && !folder.isEmpty ? folder : nil
    }
}

/// Runs the tests of a suite with one server for all of them; where none can be had, says so once.
struct WithPostgres: SuiteTrait, TestScoping {
    /// The server of the running test, nil where there is none.
    @TaskLocal static var cluster: PostgresCluster?

    var isRecursive: Bool { false }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        do {
            let cluster = try PostgresCluster()
            defer { cluster.remove() }
            try await Self.$cluster.withValue(cluster, operation: function)
        } catch let missing as PostgresCluster.NotAvailable {
            print("NOT RUN: \(test.name) needs PostgreSQL: \(missing.reason)")
            try await function()
        }
    }
}

extension Trait where Self == WithPostgres {
    /// One private PostgreSQL server for the suite, in `WithPostgres.cluster`.
    static var withPostgres: WithPostgres { WithPostgres() }
}
