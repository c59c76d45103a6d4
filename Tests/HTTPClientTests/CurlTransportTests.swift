import Glibc
import Synchronization
import Testing

@testable import HTTPClient

@Suite struct CurlTransportTests {
    let transport = CurlTransport()

    @Test func sendsMethodPathHeadersAndBodyByteForByte() async throws {
        let server = HostileServer { peer, _ in
            peer.request()
            peer.answer("200 OK", "X-One: 1\r\nx-two:   two words \t\r\n", "hello")
        }
        defer { server.stopListening() }
        var request = HTTPRequest(method: "POST", url: server.url + "/v1/batch?x=1")
        request.headers = [(name: "Authorization", value: "Basic abc"), (name: "X-Empty", value: "")]
        request.bodyParts = [Array("a\0b".utf8), [], Array(repeating: 0xFF, count: 300_000), Array("end".utf8)]
        let answer = try #require(await transport.exchange(request).answer)
        #expect(answer.status == 200)
        #expect(answer.body == Array("hello".utf8))
        #expect(!answer.bodyTruncated)
        #expect(answer.headers["X-TWO"] == "two words")
        #expect(answer.headers["x-one"] == "1")
        #expect(answer.headers["x-three"] == nil)

        let received = try #require(server.requests.first)
        #expect(received.head.hasPrefix("POST /v1/batch?x=1 HTTP/1.1\r\n"))
        #expect(received.body == Array(request.bodyParts.joined()))
        #expect(received.header("Authorization") == "Basic abc")
        #expect(received.header("User-Agent") == "Rollcall/0.1")
        #expect(received.head.contains("\r\nX-Empty:\r\n"))
        for absent in ["Expect", "Accept-Encoding", "Cookie", "Content-Type", "Transfer-Encoding", "Proxy-Connection"] {
            #expect(received.header(absent) == nil, "\(absent)")
        }
    }

    @Test func aBodyThatStandsStillIsGivenUpBeforeTheDeadline() async throws {
        let server = HostileServer { peer, _ in
            peer.request()
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome of it")
            _ = peer.waitForHangUp(milliseconds: 90_000)
        }
        defer { server.stopListening() }
        var request = HTTPRequest(url: server.url)
        request.deadlineMilliseconds = 120_000
        request.stallSeconds = 1
        let failure = try #require(await transport.exchange(request).failure)
        #expect(failure.stage == .ambiguous)
        #expect(failure.reason.lowercased().contains("too slow"), "\(failure.reason)")
    }

    @Test(arguments: ["GET", "HEAD", "DELETE", "PUT", "PATCH", "POST"], [0, 5])
    func everyMethodIsSentAsItself(method: String, bodyCount: Int) async throws {
        if method == "HEAD" && bodyCount > 0 { return }
        let server = HostileServer { peer, _ in
            peer.request()
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        defer { server.stopListening() }
        let request = HTTPRequest(method: method, url: server.url, body: [UInt8](repeating: 0x61, count: bodyCount))
        #expect(await transport.exchange(request).answer?.status == 200)
        #expect(server.requests.map { $0.head.prefix(method.utf8.count + 1) } == ["\(method) "])
        #expect(server.requests.first?.body.count == bodyCount)
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func redirectsAreNotFollowed(status: Int) async {
        let second = HostileServer { peer, _ in
            peer.request()
            peer.answer()
        }
        let first = HostileServer { peer, _ in
            peer.request()
            peer.answer("\(status) Moved", "Location: \(second.url)/v1/batch\r\nRefresh: 0;url=\(second.url)\r\n")
        }
        defer {
            first.stopListening()
            second.stopListening()
        }
        var request = HTTPRequest.post(first.url)
        request.headers = [(name: "Authorization", value: "Basic key")]
        #expect(await transport.exchange(request).answer?.status == status)
        #expect(first.requests.count == 1)
        #expect(second.connections == 0)
    }

    @Test func theEnvironmentsProxyIsIgnored() async {
        let proxy = HostileServer { peer, _ in
            peer.request()
            peer.answer("407 Proxy")
        }
        let server = HostileServer { peer, _ in
            peer.request()
            peer.answer()
        }
        defer {
            proxy.stopListening()
            server.stopListening()
        }
        let names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"]
        for name in names { setenv(name, proxy.url, 1) }
        defer { for name in names { unsetenv(name) } }
        let fresh = CurlTransport()
        #expect(await fresh.exchange(.post(server.url)).answer?.status == 200)
        let encrypted = HTTPRequest.post("https://127.0.0.1:\(server.port)", deadline: 300)
        #expect(await fresh.exchange(encrypted).failure?.stage == .notSent)
        #expect(proxy.connections == 0)
        #expect(server.requests.count == 1)
    }

    @Test func connectionsAreKeptAndUsedAgain() async {
        let server = HostileServer { peer, _ in
            while peer.request() != nil { peer.answer("200 OK", "Set-Cookie: a=b\r\nAlt-Svc: h2=\":1\"\r\n", "x") }
        }
        defer { server.stopListening() }
        for _ in 0..<20 { #expect(await transport.exchange(.post(server.url)).answer?.status == 200) }
        #expect(server.connections == 1)
        #expect(server.requests.count == 20)
        #expect(server.requests.allSatisfy { $0.header("Cookie") == nil })
    }

    @Test func manyExchangesRunAtTheSameTime() async {
        let waiting = Atomic<Int>(0)
        let server = HostileServer { peer, _ in
            peer.request()
            // Nobody is answered before all sixteen are here.
            waiting.add(1, ordering: .relaxed)
            while waiting.load(ordering: .relaxed) < 16, !peer.waitForHangUp(milliseconds: 1) {}
            peer.answer()
        }
        defer { server.stopListening() }
        let url = server.url
        let accepted = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 { group.addTask { await transport.exchange(.post(url)).answer?.status == 200 } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(accepted == 16)
    }

    @Test func requestsGoOverAUnixSocket() async throws {
        let path = "/tmp/rollcall-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
        defer { unlink(path) }
        let server = HostileServer(unixSocketPath: path) { peer, _ in
            peer.request()
            peer.answer("200 OK", "", "over a socket")
        }
        defer { server.stopListening() }
        let request = HTTPRequest(url: "http://rollcall/v1/status", unixSocketPath: path)
        let answer = try #require(await transport.exchange(request).answer)
        #expect(answer.body == Array("over a socket".utf8))
        #expect(server.requests.first?.head.hasPrefix("GET /v1/status HTTP/1.1\r\n") == true)
        let gone = HTTPRequest(url: "http://rollcall/", unixSocketPath: path + ".gone")
        #expect(await transport.exchange(gone).failure?.stage == .notSent)
    }

    @Test func aSinkTakesTheBodyOfA2xxChunkByChunk() async throws {
        let server = HostileServer { peer, number in
            peer.request()
            let chunk = String(repeating: "x", count: 50_000)
            peer.send("HTTP/1.1 \(number == 1 ? 200 : 500) OK\r\nContent-Length: 200000\r\nConnection: close\r\n\r\n")
            for _ in 0..<4 { peer.send(chunk) }
        }
        defer { server.stopListening() }
        let seen = Atomic<Int>(0)
        var request = HTTPRequest(url: server.url)
        request.sink = { status, chunk in
            #expect(status == 200)
            seen.add(chunk.count, ordering: .relaxed)
            return true
        }
        let whole = try #require(await transport.exchange(request).answer)
        #expect(seen.load(ordering: .relaxed) == 200_000)
        #expect(whole.body.isEmpty && !whole.bodyTruncated)

        let refused = try #require(await transport.exchange(request).answer)
        #expect(seen.load(ordering: .relaxed) == 200_000)
        #expect(refused.status == 500 && refused.body.count == 64 << 10 && refused.bodyTruncated)
    }

    @Test func aSinkCanStop() async throws {
        let server = HostileServer { peer, _ in
            peer.request()
            peer.send("HTTP/1.1 200 OK\r\n\r\n")
            while peer.send("data: event\n\n") {}
        }
        defer { server.stopListening() }
        var request = HTTPRequest(url: server.url)
        request.deadlineMilliseconds = nil
        request.sink = { _, _ in false }
        let answer = try #require(await transport.exchange(request).answer)
        #expect(answer.bodyTruncated && answer.body.isEmpty)
    }

    @Test func cancellingAbortsOnlyWhatAllowsIt() async throws {
        let arrived = AsyncStream<Void>.makeStream()
        let release = Atomic<Bool>(false)
        let server = HostileServer { peer, _ in
            peer.request()
            arrived.continuation.yield()
            while !release.load(ordering: .acquiring), !peer.waitForHangUp(milliseconds: 1) {}
            peer.answer()
        }
        defer { server.stopListening() }
        var arrivals = arrived.stream.makeAsyncIterator()

        var request = HTTPRequest.post(server.url)
        request.isCancellable = true
        let cancellable = Task { [request] in await transport.exchange(request) }
        await arrivals.next()
        cancellable.cancel()
        let failure = try #require(await cancellable.value.failure)
        #expect(failure.isCancelled && failure.stage == .ambiguous)

        let steadfast = Task { await transport.exchange(.post(server.url)) }
        await arrivals.next()
        steadfast.cancel()
        release.store(true, ordering: .releasing)
        #expect(await steadfast.value.answer?.status == 200)

        let late = Task { [request] in
            withUnsafeCurrentTask { $0?.cancel() }
            return await transport.exchange(request)
        }
        let unsent = try #require(await late.value.failure)
        #expect(unsent.isCancelled && unsent.stage == .notSent)
        #expect(server.requests.count == 2)
    }

    @Test func aThreadCanWaitForAnExchange() async {
        let server = HostileServer { peer, _ in
            peer.request()
            peer.answer("204 No Content")
        }
        defer { server.stopListening() }
        let status = await withCheckedContinuation { continuation in
            HostileServer.thread { [transport, url = server.url] in
                continuation.resume(returning: transport.exchangeBlocking(.post(url)).answer?.status)
            }
        }
        #expect(status == 204)
    }

    @Test func aTransportThatGoesClosesItsConnections() async {
        let hungUp = AsyncStream<Void>.makeStream()
        let server = HostileServer { peer, _ in
            while peer.request() != nil { peer.answer() }
            hungUp.continuation.yield()
        }
        defer { server.stopListening() }
        var ends = hungUp.stream.makeAsyncIterator()
        for _ in 0..<20 {
            let status = await CurlTransport().exchange(.post(server.url)).answer?.status
            #expect(status == 200)
            // Comes only when the loop has ended and given up what it kept.
            await ends.next()
        }
        #expect(server.connections == 20)
    }

    @Test(arguments: [
        "ftp://127.0.0.1/", "file:///etc/passwd", "http://example.com/", "http://10.0.0.1/",
        "http://127.0.0.1.evil.example/",
        "https://user:pass@example.com/", "https://exa mple.com/", "https://example.com/#x", "", "https://",
        "https://h:0/",
        "https://h:65536/", "http://0x7f.1/", "http://127.0.0.1\r\nX: y/", "gopher://127.0.0.1:70/", "http://[::2]/",
    ])
    func unusableAddressesAreNotSent(url: String) async throws {
        let failure = try #require(await transport.exchange(.post(url)).failure)
        #expect(failure.stage == .notSent && failure.isInvalidRequest)
    }

    @Test func unusableHeadersAreNotSent() async throws {
        let server = HostileServer { peer, _ in peer.answer() }
        defer { server.stopListening() }
        for (name, value) in [("A b", "x"), ("", "x"), ("X", "a\r\nY: b"), ("X", "a\0"), ("X:", "y"), ("X\n", "y")] {
            var request = HTTPRequest.post(server.url)
            request.headers = [(name: name, value: value)]
            #expect(await transport.exchange(request).failure?.isInvalidRequest == true)
        }
        var request = HTTPRequest.post(server.url)
        request.method = "GET / HTTP/1.1\r\nX: y\r\n"
        #expect(await transport.exchange(request).failure?.isInvalidRequest == true)
        #expect(server.connections == 0)
    }

    @Test func printingARequestShowsNoCredential() {
        var request = HTTPRequest(method: "POST", url: "https://h/", body: Array("canary-key".utf8))
        request.headers = [(name: "Authorization", value: "canary-key")]
        var dumped = ""
        dump(request, to: &dumped)
        #expect(!("\(request)" + String(reflecting: request) + dumped).contains("canary-key"))
        #expect(dumped.contains("https://h/"))
    }
}
