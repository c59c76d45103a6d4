import Foundation
import Glibc
import MailClient
import Scheduling
import Secrets
import SyncEngine
import Synchronization
import Testing

@testable import AlertChannels

/// A mail server of a few lines on loopback, that keeps what it is told and answers as it should, or not.
private final class ScriptedMailServer: Sendable {
    struct Habits: Sendable {
        /// Whom it takes, as `\0user\0password`; nil asks nobody.
        var login: String?
        var unknown: Set<String> = []
        var isSilent = false
    }

    struct Heard: Sendable {
        var lines: [String] = []
        var mail: [UInt8] = []
    }

    let port: Int
    private let habits: Habits
    private let heardSoFar = Mutex(Heard())
    private let listener: Int32
    private let tls: pid_t

    var heard: Heard { heardSoFar.withLock { $0 } }

    init(_ habits: Habits = Habits()) throws {
        self.habits = habits
        tls = 0
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        try #require(isBound)
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0, let self else { return }
                self.serve(reading: connection, writing: connection)
                close(connection)
            }
        }
    }

    /// The same behind `openssl s_server`, with a certificate of its own in `folder`.
    init(tlsIn folder: String, _ habits: Habits = Habits()) throws {
        self.habits = habits
        listener = -1
        var (toChild, fromChild): ([Int32], [Int32]) = ([0, 0], [0, 0])
        try #require(pipe(&toChild) == 0 && pipe(&fromChild) == 0)
        for end in toChild + fromChild { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
        posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
        let words = [
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", folder + "/good.pem", "-key", folder + "/good.key",
            "-naccept", "1",
        ]
        let arguments = words.map { strdup($0) } + [nil]
        var child = pid_t()
        let failure = posix_spawnp(&child, "openssl", &actions, nil, arguments, [nil])
        arguments.forEach { free($0) }
        posix_spawn_file_actions_destroy(&actions)
        close(toChild[0])
        close(fromChild[1])
        tls = failure == 0 ? child : 0
        var reader = LineReader(fromChild[0])
        var found: Int?
        while found == nil, let line = reader.next() {
            if line.hasPrefix("ACCEPT") { found = line.split(separator: ":").last.flatMap { Int($0) } }
        }
        port = try #require(found)
        let (rest, input, output) = (reader, fromChild[0], toChild[1])
        Thread.detachNewThread { [weak self] in
            self?.serve(rest, writing: output)
            close(input)
            close(output)
        }
    }

    deinit {
        if listener >= 0 {
            shutdown(listener, Int32(SHUT_RDWR))
            close(listener)
        }
        if tls > 0 {
            kill(tls, SIGKILL)
            waitpid(tls, nil, 0)
        }
    }

    private func serve(reading input: Int32, writing output: Int32) { serve(LineReader(input), writing: output) }

    private func serve(_ lines: LineReader, writing output: Int32) {
        var lines = lines
        func say(_ text: String) { _ = Array((text + "\r\n").utf8).withUnsafeBytes { write(output, $0.baseAddress, $0.count) } }
        if !habits.isSilent { say("220 here") }
        var isMail = false
        var isLogin = false
        while let line = lines.next() {
            if isLogin {
                isLogin = false
                let isKnown = Data(base64Encoded: line) == habits.login.map { Data($0.utf8) }
                say(isKnown ? "235 welcome" : "535 no: \(line)")
                continue
            }
            if isMail {
                guard line != "." else {
                    isMail = false
                    say("250 taken")
                    continue
                }
                heardSoFar.withLock { $0.mail += Array((line + "\r\n").utf8) }
                continue
            }
            guard !habits.isSilent, let answer = answer(to: line) else { continue }
            heardSoFar.withLock { $0.lines.append(line) }
            isMail = answer.hasPrefix("354")
            isLogin = answer.hasPrefix("334")
            say(answer)
        }
    }

    /// Nil for what is no command, such as what `openssl` says itself.
    private func answer(to line: String) -> String? {
        switch line.prefix(4) {
        case "EHLO": return habits.login == nil ? "250 here" : "250-here\r\n250 AUTH PLAIN"
        case "AUTH": return "334 "
        case "MAIL", "RSET": return "250 well"
        case "RCPT": return habits.unknown.contains { line.contains($0) } ? "550 nobody here" : "250 well"
        case "DATA": return "354 go on"
        case "QUIT": return "221 bye"
        default: return nil
        }
    }
}

/// Lines of a descriptor, without their ends.
private struct LineReader: Sendable {
    private let descriptor: Int32
    private var bytes: [UInt8] = []

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    mutating func next() -> String? {
        while true {
            if let end = bytes.firstIndex(of: 0x0A) {
                defer { bytes.removeSubrange(...end) }
                return String(decoding: bytes[..<end].filter { $0 != 0x0D }, as: UTF8.self)
            }
            var piece = [UInt8](repeating: 0, count: 4096)
            let count = read(descriptor, &piece, piece.count)
            guard count > 0 else { return nil }
            bytes += piece[..<count]
        }
    }
}

/// Mail through a server: RFC 5321 as a scripted server sees it.
@Suite struct MailServerTests {
    private static let to = ["ops@example.com", "night@example.com"]
    private static let from = "rollcall@example.com"

    private func message() -> AlertMessage {
        AlertMessage(
            event: .failed, previous: nil, sync: "vip@seg", destination: "seg", detail: "the source\r\n.\r\nwas gone",
            run: "7", at: Instant(seconds: 1_767_225_600), since: Instant(seconds: 1_767_225_000))
    }

    private func deliver(
        _ server: MailServer, seconds: Int = 20
    ) async -> AlertDelivery {
        await MailAlertChannel(key: "m", server: server, to: Self.to, from: Self.from, timeoutSeconds: seconds)
            .deliver([message()])
    }

    private func plain(
        _ scripted: ScriptedMailServer, isLoopback: Bool = true, user: String? = nil, password: String? = nil
    ) -> MailServer {
        MailServer(
            url: "smtp://127.0.0.1:\(scripted.port)", isLoopback: isLoopback, user: user,
            password: password.map { Secret(Array($0.utf8)) })
    }

    @Test("a mail with its sender, recipients and text, after the right password")
    func delivered() async throws {
        let scripted = try ScriptedMailServer(.init(login: "\0rollcall\0canary pass word"))
        #expect(await deliver(plain(scripted, user: "rollcall", password: "canary pass word")) == .delivered)
        let heard = scripted.heard
        #expect(heard.mail == AlertMail.bytes(of: [message()], to: Self.to, from: Self.from))
        #expect(heard.lines.filter { $0.hasPrefix("RCPT") } == ["RCPT TO:<ops@example.com>", "RCPT TO:<night@example.com>"])
        #expect(heard.lines.contains { $0.hasPrefix("MAIL FROM:<rollcall@example.com>") })
    }

    @Test("a refused password is told without a word of it, and nothing is sent")
    func refusedPassword() async throws {
        let scripted = try ScriptedMailServer(.init(login: "\0rollcall\0another"))
        let delivery = await deliver(plain(scripted, user: "rollcall", password: "canary-password"))
        guard case .failed(let reason) = delivery else { throw Unexpected(delivery) }
        #expect(reason.contains("refuses the user or the password"))
        #expect(!reason.contains("canary") && !reason.contains(Data("\0rollcall\0canary-password".utf8).base64EncodedString()))
        #expect(!scripted.heard.lines.contains { $0.hasPrefix("MAIL") })
    }

    @Test("an address that the server does not know keeps the mail from no other; none known fails")
    func unknownAddress() async throws {
        let one = try ScriptedMailServer(.init(unknown: ["ops@"]))
        #expect(await deliver(plain(one)) == .delivered)
        #expect(!one.heard.mail.isEmpty)
        let none = try ScriptedMailServer(.init(unknown: ["ops@", "night@"]))
        let delivery = await deliver(plain(none))
        guard case .failed(let reason) = delivery else { throw Unexpected(delivery) }
        #expect(reason.contains("550"))
        #expect(none.heard.mail.isEmpty)
    }

    @Test("to any other machine smtp:// changes to TLS or says nothing")
    func tlsIsRequired() async throws {
        let scripted = try ScriptedMailServer(.init(login: "\0u\0p"))
        let delivery = await deliver(plain(scripted, isLoopback: false, user: "u", password: "p"))
        guard case .failed(let reason) = delivery else { throw Unexpected(delivery) }
        #expect(reason.contains("offers no TLS"))
        #expect(scripted.heard.lines.allSatisfy { $0.hasPrefix("EHLO") || $0.hasPrefix("QUIT") }, "\(scripted.heard.lines)")
    }

    @Test("silence is given up in time; where nobody listens it fails at once")
    func silence() async throws {
        let scripted = try ScriptedMailServer(.init(isSilent: true))
        #expect(await deliver(plain(scripted), seconds: 1) == .failed("the mail server did not answer in time"))
        let gone = MailServer(url: "smtp://127.0.0.1:1", isLoopback: true, user: nil, password: nil)
        guard case .failed = await deliver(gone) else { throw Unexpected(.delivered) }
    }

    @Test("smtps:// verifies the certificate, and delivers under one that is trusted")
    func encrypted() async throws {
        var template = Array("/tmp/rollcall-mail-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let made = system(
            "cd \(folder) && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
                + "-addext subjectAltName=IP:127.0.0.1 -keyout good.key -out good.pem >/dev/null 2>&1")
        guard made == 0 else { return print("NOT RUN: mail over TLS: openssl makes no certificate") }
        for certificates in [nil, folder + "/good.pem"] {
            let scripted = try ScriptedMailServer(tlsIn: folder, .init(login: "\0u\0p"))
            let server = MailServer(
                url: "smtps://127.0.0.1:\(scripted.port)", isLoopback: true, user: "u", password: Secret(Array("p".utf8)),
                certificates: certificates)
            let delivery = await deliver(server)
            if certificates == nil {
                guard case .failed = delivery else { throw Unexpected(delivery) }
                #expect(scripted.heard.lines.isEmpty)
            } else {
                #expect(delivery == .delivered)
                #expect(scripted.heard.mail == AlertMail.bytes(of: [message()], to: Self.to, from: Self.from))
            }
        }
    }

    private struct Unexpected: Error {
        let delivery: AlertDelivery
        init(_ delivery: AlertDelivery) { self.delivery = delivery }
    }
}
