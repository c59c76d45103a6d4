import Glibc
import Testing

@testable import HTTPClient

/// Certificates made with the openssl command in a folder of their own; nil where there is no such command.
struct Certificates: Sendable {
    let folder: String

    init?() {
        var template = Array("/tmp/rollcall-tls-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { return nil }
        folder = String(cString: made)
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        let here = "-addext subjectAltName=DNS:localhost,IP:127.0.0.1"
        let commands = [
            "openssl req -x509 \(key) -days 2 -subj /CN=localhost \(here) -keyout good.key -out good.pem",
            "openssl req -x509 \(key) -days 2 -subj /CN=elsewhere.example -keyout other.key -out other.pem",
            "openssl req \(key) -new -subj /CN=localhost -keyout old.key -out old.csr",
            "openssl x509 -req -in old.csr -signkey old.key -days -1 -out old.pem",
        ]
        guard commands.allSatisfy({ system("cd \(folder) && \($0) >/dev/null 2>&1") == 0 }) else {
            print("openssl is not installed: TLS tests do not run")
            return nil
        }
    }

    func remove() { system("rm -rf \(folder)") }

    func path(_ name: String) -> String { "\(folder)/\(name)" }
}

/// `openssl s_server` with one certificate: shows what a client sent, and answers what it is told.
final class TLSServer: Sendable {
    let port: Int
    private let input: Int32
    private let output: Int32
    private let process: pid_t

    init?(_ certificates: Certificates, _ name: String, _ options: [String] = []) {
        var toChild: [Int32] = [0, 0]
        var fromChild: [Int32] = [0, 0]
        guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else { return nil }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
        posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
        posix_spawn_file_actions_adddup2(&actions, fromChild[1], 2)
        // An end kept open by somebody else's child would hide that this one has ended.
        for descriptor in toChild + fromChild { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        let words = [
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificates.path("\(name).pem"),
            "-key", certificates.path("\(name).key"), "-naccept", "1",
        ]
        let arguments = (words + options).map { strdup($0) } + [nil]
        var process = pid_t()
        let failed = posix_spawnp(&process, "openssl", &actions, nil, arguments, [nil])
        arguments.forEach { free($0) }
        posix_spawn_file_actions_destroy(&actions)
        close(toChild[0])
        close(fromChild[1])
        (input, output, self.process) = (toChild[1], fromChild[0], process)
        var text = ""
        var found: Int?
        while failed == 0, found == nil, let more = Self.read(fromChild[0]) {
            text += more
            found = text.split(separator: "\n").first { $0.hasPrefix("ACCEPT") }.flatMap {
                text.hasSuffix("\n") ? Int($0.split(separator: ":").last ?? "") : nil
            }
        }
        port = found ?? 0
        guard found != nil else { return nil }
    }

    deinit {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
        close(input)
        close(output)
    }

    /// What the client sent, up to and with `text`, or all of it when the server ended before.
    func seen(until text: String) -> String {
        var seen = ""
        while !seen.contains(text), let more = Self.read(output) { seen += more }
        return seen
    }

    func say(_ text: String) { _ = Array(text.utf8).withUnsafeBytes { write(input, $0.baseAddress, $0.count) } }

    private static func read(_ descriptor: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}

@Suite(.serialized) struct TLSTests {
    private static let canary = "canary-write-key-4711"

    private func attempt(_ transport: CurlTransport, _ host: String, _ port: Int) async -> HTTPExchange {
        var request = HTTPRequest.post("https://\(host):\(port)/v1/batch", Array(Self.canary.utf8))
        request.headers = [(name: "Authorization", value: Self.canary)]
        return await transport.exchange(request)
    }

    @Test func onlyATrustedServerSeesTheKey() async throws {
        guard let certificates = Certificates() else { return }
        defer { certificates.remove() }
        let pinned = CurlTransport(CurlSettings(pinnedCertificates: certificates.path("good.pem")))
        let cases: [(String, String, CurlTransport, String)] = [
            ("self-signed", "good", CurlTransport(), "localhost"),
            (
                "wrong host", "other", CurlTransport(CurlSettings(pinnedCertificates: certificates.path("other.pem"))),
                "localhost"
            ),
            (
                "expired", "old", CurlTransport(CurlSettings(pinnedCertificates: certificates.path("old.pem"))),
                "localhost"
            ),
            ("not the pinned one", "other", pinned, "localhost"),
            ("no such file", "good", CurlTransport(CurlSettings(pinnedCertificates: "/nowhere.pem")), "localhost"),
        ]
        for (what, name, transport, host) in cases {
            let server = try #require(TLSServer(certificates, name))
            let failure = try #require(await attempt(transport, host, server.port).failure, "\(what)")
            #expect(failure.isCertificateProblem && failure.stage == .notSent, "\(what): \(failure)")
            #expect(!failure.reason.contains(Self.canary) && !failure.reason.isEmpty)
            // Without a connection the server never ends.
            guard what != "no such file" else { continue }
            #expect(!server.seen(until: Self.canary).contains(Self.canary), "\(what)")
        }
    }

    @Test func aPinnedServerIsTrusted() async throws {
        guard let certificates = Certificates() else { return }
        defer { certificates.remove() }
        let server = try #require(TLSServer(certificates, "good"))
        let transport = CurlTransport(CurlSettings(pinnedCertificates: certificates.path("good.pem")))
        async let exchange = attempt(transport, "127.0.0.1", server.port)
        let seen = server.seen(until: Self.canary)
        server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(await exchange.answer?.status == 200)
        #expect(seen.contains("Authorization: \(Self.canary)"))
    }

    @Test func oldVersionsOfTLSAreRefusedForGood() async throws {
        guard let certificates = Certificates() else { return }
        defer { certificates.remove() }
        let server = try #require(TLSServer(certificates, "good", ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]))
        let transport = CurlTransport(CurlSettings(pinnedCertificates: certificates.path("good.pem")))
        let failure = try #require(await attempt(transport, "localhost", server.port).failure)
        #expect(failure.stage == .notSent && failure.isCertificateProblem, "\(failure)")
    }

    @Test(arguments: ["stall", "reset", "plain HTTP", "close"])
    func aHandshakeThatFailsIsNotSent(how: String) async throws {
        let server = HostileServer { peer, _ in
            switch how {
            case "stall": peer.waitForHangUp(milliseconds: 10_000)
            case "reset": peer.reset()
            case "plain HTTP": peer.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            default: break
            }
        }
        defer { server.stopListening() }
        var request = HTTPRequest.post("https://127.0.0.1:\(server.port)/")
        request.connectTimeoutMilliseconds = 200
        let failure = try #require(await CurlTransport().exchange(request).failure)
        #expect(failure.stage == .notSent && !failure.isCertificateProblem, "\(failure)")
    }
}
