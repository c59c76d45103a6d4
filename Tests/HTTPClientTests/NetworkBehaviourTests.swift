import Glibc
import Testing

@testable import HTTPClient

/// One thing a server can do to us, and what we must then say.
struct Behaviour: Sendable, CustomTestStringConvertible {
    enum Expectation: Sendable {
        case answer(Int, body: String)
        case truncated(Int)
        case notSent
        case ambiguous
        /// Either is right, as long as it ends in time.
        case ends
    }

    let name: String
    let expectation: Expectation
    var isStalling = false
    let script: @Sendable (Peer, Int) -> Void

    var testDescription: String { name }

    init(_ name: String, _ expectation: Expectation, _ script: @escaping @Sendable (Peer, Int) -> Void) {
        self.name = name
        self.expectation = expectation
        self.script = script
    }

    /// Reads the request, sends the text as it stands, closes.
    static func says(_ name: String, _ text: String, _ expectation: Expectation) -> Behaviour {
        Behaviour(name, expectation) { peer, _ in
            peer.request()
            peer.send(text)
        }
    }

    static let all: [Behaviour] = framing + broken + endless + stalling + interrupted

    private static let framing: [Behaviour] = [
        .says("length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .answer(200, body: "ok")),
        .says("204", "HTTP/1.1 204 No Content\r\n\r\n", .answer(204, body: "")),
        .says("204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", .answer(204, body: "")),
        .says("304", "HTTP/1.1 304 Not Modified\r\n\r\n", .answer(304, body: "")),
        .says("no reason phrase", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", .answer(200, body: "")),
        .says(
            "chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            .answer(200, body: "ok")),
        .says(
            "chunked with extension and trailers",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nRetry-After: 5\r\n\r\n",
            .answer(200, body: "ok")),
        .says("HTTP/1.0 until close", "HTTP/1.0 200 OK\r\n\r\nto the end", .answer(200, body: "to the end")),
        .says("HTTP/1.1 until close", "HTTP/1.1 200 OK\r\n\r\nto the end", .answer(200, body: "to the end")),
        .says("bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", .answer(200, body: "ok")),
        .says(
            "100-continue first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            .answer(200, body: "ok")),
        .says(
            "early hints first",
            "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            .answer(200, body: "")),
        .says(
            "folded header", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok", .answer(200, body: "ok")),
        .says(
            "challenge",
            "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n"
                + "Content-Length: 0\r\n\r\n", .answer(401, body: "")),
        .says(
            "gzip is not inflated", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\u{1F}zzz",
            .answer(200, body: "\u{1F}zzz")),
        .says(
            "garbage behind the answer", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\n\r\n",
            .answer(200, body: "ok")),
        .says("status 999", "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", .answer(999, body: "")),
        .says("interim status last", "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", .ends),
        Behaviour("413 without reading the body", .answer(413, body: "big")) { peer, _ in
            _ = peer.head()
            peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
            shutdown(peer.descriptor, Int32(SHUT_WR))
            var sink = [UInt8](repeating: 0, count: 65_536)
            while recv(peer.descriptor, &sink, sink.count, 0) > 0 {}
        },
    ]

    private static let broken: [Behaviour] = [
        .says("nothing", "", .ambiguous),
        .says("half a status line", "HTTP/1.1 20", .ambiguous),
        .says("headers without end", "HTTP/1.1 200 OK\r\nContent-Le", .ambiguous),
        .says("short body", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nshort", .ambiguous),
        .says("short body of a refusal", "HTTP/1.1 400 No\r\nContent-Length: 20\r\n\r\nshort", .ambiguous),
        .says("chunked without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", .ambiguous),
        .says("chunk cut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nok", .ambiguous),
        .says(
            "chunk size is no number", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n", .ambiguous),
        .says(
            "chunk size overflows",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\nok\r\n",
            .ambiguous),
        .says("no HTTP at all", "220 mail.example ESMTP\r\n", .ambiguous),
        .says("HTTP/0.9", "<html>old</html>", .ambiguous),
        .says("HTTP/7.3", "HTTP/7.3 200 OK\r\nContent-Length: 0\r\n\r\n", .ambiguous),
        .says("length is no number", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nok", .ends),
        .says("negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok", .ends),
        .says(
            "length beyond all integers", "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999999\r\n\r\nok", .ends),
        .says("zero byte in a header", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n", .ends),
        .says("unknown transfer coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\nbx", .ends),
    ]

    private static let endless: [Behaviour] = [
        .says(
            "64 KiB", "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + String(repeating: "x", count: 65_536),
            .answer(200, body: String(repeating: "x", count: 65_536))),
        .says(
            "one byte more", "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n" + String(repeating: "x", count: 65_537),
            .truncated(200)),
        Behaviour("endless body", .truncated(200)) { peer, _ in
            peer.request()
            peer.send("HTTP/1.1 200 OK\r\n\r\n")
            let block = String(repeating: "x", count: 1 << 20)
            while peer.send(block) {}
        },
        Behaviour("endless chunks", .truncated(503)) { peer, _ in
            peer.request()
            peer.send("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n")
            let block = "100000\r\n" + String(repeating: "x", count: 1 << 20) + "\r\n"
            while peer.send(block) {}
        },
        Behaviour("endless headers", .ambiguous) { peer, _ in
            peer.request()
            peer.send("HTTP/1.1 200 OK\r\n")
            while peer.send("X-Header: value\r\n") {}
        },
        Behaviour("one header of 2 MB", .ambiguous) { peer, _ in
            peer.request()
            peer.send("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 2 << 20) + "\r\n\r\n")
        },
        Behaviour("endless interim answers", .ambiguous) { peer, _ in
            peer.request()
            while peer.send("HTTP/1.1 102 Processing\r\n\r\n") {}
        },
        Behaviour("endless trailers", .ambiguous) { peer, _ in
            peer.request()
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
            while peer.send("X-Trailer: value\r\n") {}
        },
    ]

    /// Nothing but the deadline ends these.
    private static let stalling: [Behaviour] = [
        Behaviour("dripping body", .ambiguous) { peer, _ in
            peer.request()
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
            while !peer.waitForHangUp(milliseconds: 10), peer.send("x") {}
        },
        Behaviour("dripping headers", .ambiguous) { peer, _ in
            peer.request()
            peer.send("HTTP/1.1 200 OK\r\n")
            while !peer.waitForHangUp(milliseconds: 10), peer.send("X") {}
        },
        Behaviour("silence", .ambiguous) { peer, _ in
            peer.request()
            peer.waitForHangUp(milliseconds: 10_000)
        },
        Behaviour("never reads", .ambiguous) { peer, _ in peer.waitForHangUp(milliseconds: 10_000) },
    ].map { behaviour in
        var behaviour = behaviour
        behaviour.isStalling = true
        return behaviour
    }

    private static let interrupted: [Behaviour] = [
        Behaviour("reset after the request", .ambiguous) { peer, _ in
            peer.request()
            peer.reset()
        },
        Behaviour("reset amid the request", .ambiguous) { peer, _ in
            _ = peer.head()
            peer.reset()
        },
        Behaviour("closed amid the request", .ambiguous) { peer, _ in _ = peer.head() },
        Behaviour("reset amid the answer", .ambiguous) { peer, _ in
            peer.request()
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
            peer.reset()
        },
        Behaviour("answer before the request", .ends) { peer, _ in
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            peer.request()
        },
    ]
}

@Suite struct NetworkBehaviourTests {
    @Test(.serialized, arguments: Behaviour.all)
    func everyBehaviourEndsAsItShould(_ behaviour: Behaviour) async throws {
        let server = HostileServer(behaviour.script)
        defer { server.stopListening() }
        // Large enough that a server which does not read stalls us.
        let isLarge = ["read", "amid"].contains { behaviour.name.contains($0) }
        let body = [UInt8](repeating: 0x61, count: isLarge ? 8 << 20 : 10)
        let deadline = behaviour.isStalling ? 400 : 20_000
        let exchange = await CurlTransport().exchange(.post(server.url, body, deadline: deadline))
        if behaviour.isStalling {
            #expect(exchange.failure?.reason == "no complete answer within 400 ms")
        }
        // The server's thread sees us hang up; tasks of other tests cannot delay what it measures. Who does not read
        // sees nothing of it, since our end waits in the queue behind what was not read.
        if behaviour.isStalling, behaviour.name != "never reads" {
            let duration = await server.firstDuration()
            #expect(duration > .milliseconds(deadline / 2) && duration < .milliseconds(deadline + 1_000))
        }
        // What was not taken from the server cannot fill our memory; most of this is the kernel's socket buffers.
        #expect(server.sent < 16 << 20)

        switch behaviour.expectation {
        case .answer(let status, let text):
            let answer = try #require(exchange.answer, "\(exchange)")
            #expect(answer.status == status && answer.body == Array(text.utf8) && !answer.bodyTruncated)
            #expect(answer.headers["Retry-After"] == nil)
        case .truncated(let status):
            let answer = try #require(exchange.answer, "\(exchange)")
            #expect(answer.status == status && answer.bodyTruncated && answer.body.count == 64 << 10)
        case .notSent: #expect(exchange.failure?.stage == .notSent)
        case .ambiguous:
            let failure = try #require(exchange.failure, "\(exchange)")
            #expect(failure.stage == .ambiguous && !failure.reason.isEmpty && !failure.isCertificateProblem)
        case .ends: #expect(exchange.failure?.stage != .notSent)
        }
    }

    @Test func theTableIsLongEnough() { #expect(Behaviour.all.count >= 50) }

    @Test func aRefusedConnectionIsNotSent() async throws {
        let server = HostileServer { _, _ in }
        server.stopListening()
        let failure = try #require(await CurlTransport().exchange(.post(server.url)).failure)
        #expect(failure.stage == .notSent && !failure.isCertificateProblem && !failure.isInvalidRequest)
    }

    @Test func anUnknownNameIsNotSent() async throws {
        let request = HTTPRequest.post("https://nowhere.invalid/", deadline: 1_000)
        #expect(await CurlTransport().exchange(request).failure?.stage == .notSent)
    }

    @Test func aConnectionClosedWhileIdleIsReplaced() async {
        let server = HostileServer { peer, _ in
            peer.request()
            peer.answer()
        }
        defer { server.stopListening() }
        let transport = CurlTransport()
        for _ in 0..<5 { #expect(await transport.exchange(.post(server.url)).answer?.status == 200) }
        #expect(server.connections == 5)
    }

    /// A kept connection dies just as the next request is on it: libcurl repeats it once, with the same bytes.
    @Test func theReuseRaceRepeatsTheSameBytes() async throws {
        let server = HostileServer { peer, number in
            peer.request()
            if number == 1 {
                peer.answer()
                peer.request()
            } else {
                peer.answer()
            }
        }
        defer { server.stopListening() }
        let transport = CurlTransport()
        var request = HTTPRequest.post(server.url)
        request.bodyParts = [Array("first".utf8), Array(repeating: 0x62, count: 600_000), Array("last".utf8)]
        #expect(await transport.exchange(request).answer?.status == 200)
        #expect(await transport.exchange(request).answer?.status == 200)
        let requests = server.requests
        try #require(requests.count == 3)
        #expect(requests[1] == requests[2])
        #expect(requests[2].body == request.body)
    }

    /// The same race, and then nobody listens any more: the first attempt may have been carried out.
    @Test func theReuseRaceStaysAmbiguousWhenTheRepeatCannotConnect() async {
        let server = HostileServer { peer, _ in
            peer.request()
            peer.answer()
            peer.request()
            peer.server.stopListening()
        }
        let transport = CurlTransport()
        #expect(await transport.exchange(.post(server.url)).answer?.status == 200)
        #expect(await transport.exchange(.post(server.url)).failure?.stage == .ambiguous)
        #expect(server.requests.count == 2)
    }

    @Test func aLargerBodyLimitHolds() async throws {
        let server = HostileServer { peer, _ in
            peer.request()
            peer.answer("200 OK", "", String(repeating: "x", count: 1_000_000))
        }
        defer { server.stopListening() }
        var request = HTTPRequest.post(server.url)
        request.bodyLimit = 1_000_000
        let whole = try #require(await CurlTransport().exchange(request).answer)
        #expect(whole.body.count == 1_000_000 && !whole.bodyTruncated)
        request.bodyLimit = 0
        let none = try #require(await CurlTransport().exchange(request).answer)
        #expect(none.body.isEmpty && none.bodyTruncated)
    }

    /// A transfer coding is inflated without having been asked for; the cap must hold behind it.
    @Test func aBombInTheTransferCodingIsCut() async throws {
        guard let pipe = popen("head -c 67108864 /dev/zero | gzip -1", "r") else { return }
        var bomb: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&block, 1, block.count, pipe), count > 0 { bomb += block[..<count] }
        pclose(pipe)
        try #require(bomb.count > 50_000 && bomb.count < 1 << 20)
        let server = HostileServer { [bomb] peer, _ in
            peer.request()
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n")
            peer.send(bomb)
        }
        defer { server.stopListening() }
        switch await CurlTransport().exchange(.post(server.url)) {
        case .answer(let answer): #expect(answer.bodyTruncated && answer.body.count <= 64 << 10)
        case .failure(let failure): #expect(failure.stage == .ambiguous)
        }
    }
}
