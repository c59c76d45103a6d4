import Foundation
import Testing

@testable import Receiver

/// What the receiver answers, over real sockets.
@Suite struct AnswerTests {
    private let success = #"{"success":true}"#
    private let tooLarge = #"{"success":false,"message":"Exceed payload limit","code":"invalid_request"}"#
    private let malformed = #"{"success":false,"message":"malformed JSON","code":"invalid_request"}"#

    @Test(arguments: [
        ("/v1/identify", #"{"userId":"u"}"#), ("/v1/i", #"{"userId":"u"}"#),
        ("/v1/track", #"{"userId":"u","event":"E"}"#), ("/v1/t", #"{"userId":"u","event":"E"}"#),
        ("/v1/page", #"{"userId":"u"}"#), ("/v1/p", #"{"userId":"u"}"#),
        ("/v1/screen", #"{"userId":"u"}"#), ("/v1/s", #"{"userId":"u"}"#),
        ("/v1/group", #"{"userId":"u","groupId":"g"}"#), ("/v1/g", #"{"userId":"u","groupId":"g"}"#),
        ("/v1/alias", #"{"userId":"u","previousId":"p"}"#), ("/v1/a", #"{"userId":"u","previousId":"p"}"#),
        ("/v1/batch", #"{"batch":[{"type":"identify","userId":"u"}]}"#),
        ("/v1/b", #"{"batch":[{"type":"identify","userId":"u"}]}"#),
        ("/v1/import", #"{"batch":[{"type":"identify","userId":"u"}]}"#),
        ("/v1/batch/", #"{"batch":[{"type":"identify","userId":"u"}]}"#),
    ])
    func everyPathTakesMessages(_ path: String, _ body: String) async throws {
        try await Receiver.running { receiver, port in
            let response = try await Receiver.post(body, to: port, path: path)
            #expect(response.status == 200)
            #expect(response.body == success)
            #expect(response.headers["content-type"] == "application/json")
            #expect(receiver.counts.stored == 1)
            #expect(receiver.reports().isEmpty)
        }
    }

    @Test func otherPathsAndMethods() async throws {
        try await Receiver.running { receiver, port in
            let client = try await RawClient(port: port)
            defer { client.close() }
            let missing = try await client.request("POST", "/v1/nothing", body: bytes("{}"))
            #expect(missing.status == 404)
            #expect(missing.body == #"{"success":false,"message":"no such path","code":"not_found"}"#)
            let wrong = try await client.request("GET", "/v1/batch")
            #expect(wrong.status == 405 && wrong.headers["allow"] == "POST, OPTIONS")
            let health = try await client.request("GET", "/health")
            #expect(health.status == 200 && health.body == #"{"status":"ok"}"#)
            let head = try await client.request("HEAD", "/health")
            #expect(head.status == 200 && head.headers["content-length"] == "15")
            let options = try await client.request("OPTIONS", "/v1/i")
            #expect(options.status == 204 && options.headers["access-control-allow-origin"] == "*")
            // All on one connection; and none of them counts as a request with messages.
            #expect(receiver.counts.requests == 0)
        }
    }

    @Test(arguments: [
        "", "{", "[]", "nope", #"{"batch":1}"#, "{\"batch\":[{\"userId\":\"\u{1}\"}]}",
        String(repeating: "[", count: 100_000),
    ])
    func malformedBodiesAreAnswered400(_ body: String) async throws {
        try await Receiver.running { receiver, port in
            let response = try await Receiver.post(body, to: port)
            #expect(response.status == 400)
            #expect(response.body == malformed)
            #expect(receiver.counts.reports[.malformedJSON] == 1)
            #expect(receiver.counts.failed == 1)
        }
    }

    @Test func hostileValuesDoNoHarm() async throws {
        try await Receiver.running { receiver, port in
            let body = """
                {"batch":[
                  {"type":"identify","userId":"u","messageId":"1","traits":{"n":1e999,
                    "m":-123456789012345678901234567890,
                    "deep":{"a":{"b":{"c":{"d":{"e":[1,2]}}}}},"":true,"日本":true,"n":2,"id":9}},
                  {"type":"identify","userId":"\\ud800\\u0000","messageId":"2","traits":{"n":"text","n":false}},
                  {"type":"identify","userId":"u","messageId":"3","traits":{"\\u0000":{"x":null}},
                    "timestamp":"9999-12-31",
                    "sentAt":"0001-01-01"}]}
                """
            let response = try await Receiver.post(body, to: port)
            #expect(response.status == 200)
            #expect(receiver.counts.stored == 3)
            let codes = receiver.counts.reports
            #expect(codes[.columnUnnamed] != nil && codes[.columnReserved] != nil && codes[.columnMismatch] != nil)
            #expect(codes[.loneSurrogate] == 1)
        }
    }

    @Test func requestsHold500KB() async throws {
        try await Receiver.running { receiver, port in
            func body(_ bytes: Int) -> String {
                let frame = #"{"batch":[{"type":"identify","userId":"u"}]}"#
                return frame + String(repeating: " ", count: bytes - frame.utf8.count)
            }
            let client = try await RawClient(port: port)
            defer { client.close() }
            let fits = try await client.request("POST", "/v1/batch", body: bytes(body(512_000)))
            #expect(fits.status == 200)
            let large = try await client.request("POST", "/v1/batch", body: bytes(body(512_001)))
            #expect(large.status == 400)
            #expect(large.body == tooLarge)
            // The rest of the large body was read: the connection still works.
            #expect(try await client.request("POST", "/v1/batch", body: bytes(body(100))).status == 200)
            #expect(receiver.counts.reports[.requestTooLarge] == 1)
            #expect(receiver.counts.stored == 2)
        }
    }

    @Test func enormousBodiesAreNotRead() async throws {
        try await Receiver.running { receiver, port in
            let client = try await RawClient(port: port)
            defer { client.close() }
            try await client.send(RawClient.head("POST", "/v1/batch", [:], 1_000_000_000_000))
            let response = try await client.response()
            #expect(response.status == 400)
            #expect(response.body == tooLarge)
            #expect(response.headers["connection"] == "close")
            #expect(await client.ending() != nil)
        }
    }

    @Test func oneLargeMessageRefusesTheBatch() async throws {
        try await Receiver.running { receiver, port in
            let large = identify(String(repeating: "u", count: 40_000), id: "2")
            let response = try await Receiver.post(batch(identify("a", id: "1"), large), to: port)
            #expect(response.status == 400)
            #expect(response.body == tooLarge)
            #expect(receiver.counts.stored == 0)
            #expect(receiver.reports().first?.position == 1)
        }
    }

    @Test func tooManyMessagesAreAnswered200AndDropped() async throws {
        try await Receiver.running { receiver, port in
            let item = #"{"type":"identify","userId":"u"}"#
            let body = #"{"batch":[\#(Array(repeating: item, count: 2501).joined(separator: ","))]}"#
            let response = try await Receiver.post(body, to: port)
            #expect(response.status == 200)
            #expect(response.body == success)
            #expect(receiver.counts.stored == 0 && receiver.counts.dropped == 2501)
            #expect(receiver.drops().map(\.code) == [.batchTooLong])
        }
    }

    @Test func gzipBodiesAreInflatedWithinTheLimit() async throws {
        try await Receiver.running { receiver, port in
            let client = try await RawClient(port: port)
            defer { client.close() }
            let headers = ["Content-Encoding": "gzip", "Authorization": "Basic a2V5Og=="]
            let good = gzip(bytes(batch(identify("u", id: "1"))))
            #expect(try await client.request("POST", "/v1/batch", headers: headers, body: good).status == 200)
            #expect(receiver.requests().last?.wireBytes == good.count)
            let bomb = gzip([UInt8](repeating: 0x20, count: 50_000_000))
            #expect(bomb.count < 100_000)
            let large = try await client.request("POST", "/v1/batch", headers: headers, body: bomb)
            #expect(large.status == 400 && large.body == tooLarge)
            for damaged in [good.dropLast(9), good.dropFirst(3), [] as ArraySlice<UInt8>, bytes("{}")[...]] {
                let response = try await client.request("POST", "/v1/batch", headers: headers, body: Array(damaged))
                #expect(response.status == 400 && response.body == malformed)
            }
            let other = try await client.request("POST", "/v1/batch", headers: ["Content-Encoding": "br"], body: good)
            #expect(other.status == 400)
            #expect(receiver.counts.reports[.unknownEncoding] == 1)
            #expect(receiver.counts.stored == 1)
        }
    }

    @Test func gzipMembersMayFollowEachOther() throws {
        let two = gzip(bytes("{\"a\":")) + gzip(bytes("1}"))
        #expect(try Gunzip.inflate(two, limit: 100) == bytes("{\"a\":1}"))
        #expect(throws: Gunzip.Failure.damaged) { try Gunzip.inflate(two + [0], limit: 100) }
        #expect(throws: Gunzip.Failure.tooLarge) { try Gunzip.inflate(two, limit: 6) }
    }

    @Test func chunkedBodiesAreRead() async throws {
        try await Receiver.running { receiver, port in
            let client = try await RawClient(port: port)
            defer { client.close() }
            let text = batch(identify("u", id: "1"))
            let half = text.utf8.count / 2
            try await client.send("POST /v1/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            try await client.send("\(String(half, radix: 16))\r\n\(text.prefix(half))\r\n")
            let rest = text.dropFirst(half)
            try await client.send("\(String(rest.utf8.count, radix: 16));x=y\r\n\(rest)\r\n0\r\n\r\n")
            #expect(try await client.response().status == 200)
            #expect(receiver.counts.stored == 1)

            try await client.send("POST /v1/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            #expect(try await client.response().status == 400)
            #expect(await client.ending() != nil)
        }
    }

    @Test func expectContinueIsAnswered() async throws {
        try await Receiver.running { receiver, port in
            let client = try await RawClient(port: port)
            defer { client.close() }
            let text = batch(identify("u", id: "1")) + String(repeating: " ", count: 10_000)
            try await client.send(RawClient.head("POST", "/v1/batch", ["Expect": "100-continue"], text.utf8.count))
            // Nothing of the body was sent: this would wait for ever without the answer.
            #expect(try await client.response().status == 100)
            try await client.send(text)
            #expect(try await client.response().status == 200)
            #expect(receiver.counts.stored == 1)
        }
    }

    @Test func writeKeysAreReportedAndNeverKept() async throws {
        try await Receiver.running { receiver, port in
            let body = batch(identify("u", id: "1"))
            #expect(try await Receiver.post(body, to: port, headers: [:]).status == 200)
            #expect(receiver.counts.reports[.noWriteKey] == 1)
            #expect(receiver.requests().last?.hasAuthorization == false)
            let inBody = #"{"writeKey":"secret-key","batch":[\#(identify("u", id: "2"))]}"#
            #expect(try await Receiver.post(inBody, to: port, headers: [:]).status == 200)
            #expect(receiver.counts.reports[.noWriteKey] == 1)
            for header in ["Basic a2V5", "Basic ???", "Basic Og==", "Digest x", "Basic"] {
                _ = try await Receiver.post(body, to: port, headers: ["Authorization": header])
            }
            #expect(receiver.counts.reports[.badAuthorization] == 5)
            #expect(!"\(receiver.requests()) \(receiver.reports())".contains("secret-key"))
        }
    }

    @Test func unknownWriteKeysAreAnswered401WhenListed() async throws {
        try await Receiver.running(.test(writeKeys: ["key", "other"])) { (receiver, port) async throws in
            let body = batch(identify("u", id: "1"))
            #expect(try await Receiver.post(body, to: port).status == 200)
            #expect(try await Receiver.post(body, to: port, headers: [:]).status == 401)
            #expect(try await Receiver.post(body, to: port, headers: ["Authorization": "Basic d3Jvbmc6"]).status == 401)
            let inBody = #"{"writeKey":"other","batch":[]}"#
            #expect(try await Receiver.post(inBody, to: port, headers: [:]).status == 200)
            #expect(receiver.counts.reports[.unknownWriteKey] == 2)
            #expect(receiver.counts.stored == 1)
        }
    }

    @Test func rubbishOnTheWireHarmsNobody() async throws {
        try await Receiver.running { receiver, port in
            for text in [
                "\r\n\r\n", "GET\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n",
                "POST /v1/batch HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                "POST /v1/batch HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                "POST %zz HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
                "POST /v1/../../batch HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
                "POST /v1/batch HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            ] {
                let client = try await RawClient(port: port)
                try await client.send(text)
                client.close()
            }
            #expect(try await Receiver.post(batch(identify("u", id: "1")), to: port).status == 200)
        }
    }

    @Test func requestsAreRecorded() async throws {
        try await Receiver.running { receiver, port in
            let before = RequestHandler.now
            let headers = ["Authorization": "Basic a2V5Og==", "X-Retry-Count": "2"]
            let body = batch(identify("u", id: "first"), identify("v", id: "last"))
            _ = try await Receiver.post(body, to: port, headers: headers)
            let record = try #require(receiver.requests().first)
            #expect(record.number == 1 && record.path == "/v1/batch" && record.items == 2 && record.stored == 2)
            #expect(record.status == 200 && record.retryCount == 2 && record.hasAuthorization)
            #expect(record.firstMessageID == bytes("first") && record.lastMessageID == bytes("last"))
            #expect(record.bytes == body.utf8.count && record.receivedAt >= before)
        }
    }
}
