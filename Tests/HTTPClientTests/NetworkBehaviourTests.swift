import Glibc
import Testing

@testable import HTTPClient

@Suite struct NetworkBehaviourTests {
    @Test(.serialized, arguments: Behaviour.all)
    func everyBehaviourEndsAsItShould(_ behaviour: Behaviour) async throws {
        let server = HostileServer(behaviour.script)
        defer { server.stopListening() }
        let body = [UInt8](repeating: 0x61, count: behaviour.bodyBytes)
        let deadline = behaviour.deadline
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

    /// The floor of the project's reliability figures.
    @Test func theTableIsLongEnough() {
        #expect(Behaviour.all.count >= 60)
        #expect(Set(Behaviour.all.map(\.name)).count == Behaviour.all.count)
    }

    /// Every behaviour once more, one after the other in a process of its own: each ends in its class within its deadline and a
    /// second, and together they leave no more than 16 MB behind.
    @Test func allBehavioursTogetherStayWithinTimeAndMemory() async throws {
        let probe = try HTTPProbe()
        var resident: [Int] = []
        var slowest = 0
        for behaviour in Behaviour.all {
            let server = HostileServer(behaviour.script)
            defer { server.stopListening() }
            let result = try #require(
                probe.exchange(server.url, deadline: behaviour.deadline, bodyBytes: behaviour.bodyBytes), "\(behaviour.name)")
            #expect(result.milliseconds <= behaviour.deadline + 1_000, "\(behaviour.name) took \(result.milliseconds) ms")
            if behaviour.isStalling { slowest = max(slowest, result.milliseconds - behaviour.deadline) }
            let isRight = switch behaviour.expectation {
            case .answer(let status, _): result.outcome == "answer" && result.status == status
            case .truncated(let status): result.outcome == "truncated" && result.status == status
            case .notSent: result.outcome == "notSent"
            case .ambiguous: result.outcome == "ambiguous"
            case .ends: result.outcome != "notSent"
            }
            #expect(isRight, "\(behaviour.name): \(result)")
            resident.append(result.residentKibibytes)
        }
        let growth = (resident.max() ?? 0) - (resident.first ?? 0)
        #expect(growth <= 16 << 10, "\(growth) KiB")
        print("network: \(Behaviour.all.count) behaviours, each in its class, at most \(slowest) ms over its deadline, "
            + "memory grew by \(growth) KiB")
    }

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
