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

    static let all: [Behaviour] = framing + broken + endless + stalling + interrupted + odd + proxied

    /// Large enough that a server which does not read stalls us.
    var bodyBytes: Int { ["read", "amid"].contains { name.contains($0) } ? 8 << 20 : 10 }

    /// What an attempt may take, in milliseconds.
    var deadline: Int { isStalling ? 400 : 20_000 }

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

    /// Answers of which two readers could make two things.
    private static let odd: [Behaviour] = [
        .says("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\nok", .ends),
        .says(
            "length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            .answer(200, body: "ok")),
        .says("redirect without a place", "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", .answer(302, body: "")),
        .says("407", "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n", .answer(407, body: "")),
        .says("HTTP/2 without having been asked", "\0\0\u{12}\u{4}\0\0\0\0\0\0\u{3}\0\0\0d", .ambiguous),
        .says("a TLS alert", "\u{15}\u{3}\u{1}\0\u{2}\u{2}(", .ambiguous),
        .says(
            "an extension of a chunk of 1 MB",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + String(repeating: "x", count: 1 << 20) + "\r\nok\r\n0\r\n\r\n",
            .ends),
        .says("a status line of 1 MB", "HTTP/1.1 200 " + String(repeating: "x", count: 1 << 20) + "\r\n\r\n", .ambiguous),
        .says("a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", .ends),
    ]

    private static let good = HostileServer { peer, _ in
        while peer.request() != nil {
            peer.answer("200 OK", "Connection: close\r\n", String(repeating: "y", count: 2_000))
            return
        }
    }

    /// A good server behind a proxy that is none.
    private static let proxied: [Behaviour] = [
        through("latency", .latency(100), .answer(200, body: String(repeating: "y", count: 2_000))),
        through("bandwidth", .bandwidth(200), .answer(200, body: String(repeating: "y", count: 2_000))),
        through("slices of one byte", .slicer(1), .answer(200, body: String(repeating: "y", count: 2_000))),
        through("slow close", .slowClose(300), .answer(200, body: String(repeating: "y", count: 2_000))),
        through("data limited within the headers", .limitData(20), .ambiguous),
        through("data limited within the body", .limitData(500), .ambiguous),
        through("reset within the body", .resetPeer(500), .ambiguous),
        through("black hole", .timeout, .ambiguous, isStalling: true),
        through("answer swallowed", .swallow, .ambiguous, isStalling: true),
        through("request repeated later", .duplicate, .answer(200, body: String(repeating: "y", count: 2_000))),
    ]

    private static func through(_ name: String, _ toxic: Toxic, _ expectation: Expectation, isStalling: Bool = false) -> Behaviour {
        var behaviour = Behaviour("proxy: " + name, expectation) { peer, _ in FaultProxy(toxic: toxic, upstream: good).serve(peer) }
        behaviour.isStalling = isStalling
        return behaviour
    }
}
