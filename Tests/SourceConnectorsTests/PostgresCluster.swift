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

    /// The port on loopback where the server speaks TLS; nil when it has only its socket.
    let tlsPort: Int?

    /// The name in the server's certificate.
    static let tlsHost = "db.rollcall.test"

    /// Starts a server.
    /// - Parameter tls: whether it also listens on loopback with `ssl=on` and a certificate of a CA of its own,
    ///   `ca.crt` in its folder; `stranger.crt` there is a CA that did not sign it.
    /// - Throws: ``NotAvailable`` with the reason, such as that PostgreSQL is not installed.
    init(tls: Bool = false) throws {
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
        tlsPort = tls ? Self.freePort() : nil
        if tls {
            let asUser = isRoot ? "runuser -u postgres -- " : ""
            guard runShell("\(asUser)sh -ec '\(Self.certificates(folder))' >\(folder).out 2>&1").status == 0 else {
                let output = String(decoding: readFile("\(folder).out"), as: UTF8.self)
                remove()
                throw NotAvailable(reason: "openssl: \(output)")
            }
        }
        let steps = [
            "\(prefix)initdb -D \(data) -U postgres -A trust -E UTF8 --locale=C --no-sync",
            "sed -i '1i local all locked scram-sha-256' \(data)/pg_hba.conf",
            "\(prefix)pg_ctl -D \(data) -w -l \(folder)/log -o \"\(Self.options(folder, tlsPort))\" start",
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
        "postgres://\(user)@/\(database)?host=\(folder)\(tlsPort.map { "&port=\($0)" } ?? "")\(options)"
    }

    /// A URL of this server over TLS, verified in full.
    /// - Parameters:
    ///   - authority: the file in the server's folder that holds the trusted CA.
    ///   - host: the name that the certificate must have.
    func tlsURL(authority: String, host: String = PostgresCluster.tlsHost) -> String {
        "postgres://postgres@/postgres?host=\(host)&hostaddr=127.0.0.1&port=\(tlsPort ?? 0)"
            + "&sslmode=verify-full&sslrootcert=\(folder)/\(authority)"
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

    private static func options(_ folder: String, _ tlsPort: Int?) -> String {
        let common = "-k \(folder) -c fsync=off -c shared_buffers=16MB"
        guard let tlsPort else { return common + " -c listen_addresses=''" }
        return common + " -c listen_addresses=127.0.0.1 -p \(tlsPort) -c ssl=on"
            + " -c ssl_cert_file=\(folder)/server.crt -c ssl_key_file=\(folder)/server.key"
    }

    /// Makes two authorities and a server certificate of the first.
    private static func certificates(_ folder: String) -> String {
        """
        cd \(folder)
        for name in ca stranger; do
          openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$name of rollcall" -keyout $name.key -out $name.crt
        done
        openssl req -newkey rsa:2048 -nodes -subj /CN=\(tlsHost) -keyout server.key -out server.csr
        echo subjectAltName=DNS:\(tlsHost) > san
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.crt
        chmod 600 server.key
        chmod 644 ca.crt stranger.crt
        chmod 755 .
        """
    }

    /// A port that nobody listens on just now.
    private static func freePort() -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard bind(descriptor, generic, length) == 0, getsockname(descriptor, generic, &length) == 0 else {
                    return 5_432
                }
                return Int(UInt16(bigEndian: UnsafeRawPointer(generic).load(as: sockaddr_in.self).sin_port))
            }
        }
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
