import FlyingSocks
import Synchronization
import Testing

@testable import Receiver

/// Rehearsed faults, over real sockets.
@Suite struct FaultTests {
    private let body = batch(identify("u", id: "1"))

    @Test func statusesStoreNothingAndThenItIsWellAgain() async throws {
        try await Receiver.running(.test(faults: "503 count=2 retry-after=7")) { receiver, port in
            for _ in 0..<2 {
                let response = try await Receiver.post(body, to: port)
                #expect(response.status == 503)
                #expect(response.headers["retry-after"] == "7")
                #expect(response.body.contains(#""success":false"#))
            }
            #expect(receiver.counts.stored == 0 && receiver.counts.faulted == 2)
            #expect(try await Receiver.post(body, to: port).status == 200)
            #expect(receiver.counts.stored == 1)
            #expect(receiver.requests().map(\.fault) == ["503 count=2 retry-after=7", "503 count=2 retry-after=7", nil])
        }
    }

    @Test func resetsAreRealResets() async throws {
        try await Receiver.running(.test(faults: "reset count=1, close count=1")) { receiver, port in
            for ending in [RawClient.Ending.reset, .closed] {
                let client = try await RawClient(port: port)
                defer { client.close() }
                await #expect(throws: ending) { try await client.request("POST", "/v1/batch", body: bytes(body)) }
            }
            #expect(receiver.counts.stored == 0 && receiver.counts.unanswered == 2)
            #expect(try await Receiver.post(body, to: port).status == 200)
        }
    }

    @Test func dropAfterAcceptStoresAndResets() async throws {
        try await Receiver.running(.test(faults: "drop-after-accept count=1")) { receiver, port in
            let client = try await RawClient(port: port)
            defer { client.close() }
            await #expect(throws: RawClient.Ending.reset) {
                try await client.request("POST", "/v1/batch", body: bytes(body))
            }
            #expect(receiver.counts.stored == 1)
            #expect(try await receiver.members(of: "[Amplitude] Big Spenders (abc123)", value: true) == [bytes("u")])
            // The repeat is recognised.
            #expect(try await Receiver.post(body, to: port).status == 200)
            #expect(receiver.counts.stored == 1 && receiver.counts.duplicates == 1)
        }
    }

    @Test func storingStatusesAreAmbiguousToo() async throws {
        try await Receiver.running(.test(faults: "500 store count=1")) { (receiver, port) async throws in
            #expect(try await Receiver.post(body, to: port).status == 500)
            #expect(receiver.counts.stored == 1)
        }
    }

    @Test func silenceNeverAnswersAndEnds() async throws {
        try await Receiver.running(.test(faults: "silence=30ms count=1")) { receiver, port in
            let client = try await RawClient(port: port)
            defer { client.close() }
            await #expect(throws: RawClient.Ending.closed) {
                try await client.request("POST", "/v1/batch", body: bytes(body))
            }
            #expect(receiver.counts.unanswered == 1)
        }
    }

    @Test func stoppingDoesNotWaitForSilence() async throws {
        let start = ContinuousClock.now
        try await Receiver.running(.test(faults: "silence=10m")) { receiver, port in
            let client = try await RawClient(port: port)
            defer { client.close() }
            try await client.send(RawClient.head("POST", "/v1/batch", [:], 2) + bytes("{}"))
            while receiver.counts.unanswered == 0 { await Task.yield() }
        }
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test func otherAnswers() async throws {
        let faults = """
            html count=1, success-false count=1, redirect=http://127.0.0.1:9/ count=1, 204 count=1, 429 count=1
            """
        try await Receiver.running(.test(faults: faults)) { receiver, port in
            let client = try await RawClient(port: port)
            defer { client.close() }
            let html = try await client.request("POST", "/v1/batch", body: bytes(body))
            #expect(html.status == 200 && html.headers["content-type"] == "text/html; charset=utf-8")
            #expect(html.body.hasPrefix("<!DOCTYPE html>"))
            let denied = try await client.request("POST", "/v1/batch", body: bytes(body))
            #expect(denied.status == 200 && denied.body.hasPrefix(#"{"success":false"#))
            let redirect = try await client.request("POST", "/v1/batch", body: bytes(body))
            #expect(redirect.status == 307 && redirect.headers["location"] == "http://127.0.0.1:9/")
            #expect(try await client.request("POST", "/v1/batch", body: bytes(body)).status == 204)
            #expect(try await client.request("POST", "/v1/batch", body: bytes(body)).status == 429)
            #expect(receiver.counts.stored == 0)
            #expect(try await client.request("POST", "/v1/batch", body: bytes(body)).body == #"{"success":true}"#)
        }
    }

    @Test func oneUserIsRefusedByExactBytes() async throws {
        try await Receiver.running(.test(faults: "400 user=caf\u{E9}")) { (receiver, port) async throws in
            let named = batch(identify("caf\u{E9}", id: "1"), identify("b", id: "2"))
            #expect(try await Receiver.post(named, to: port).status == 400)
            #expect(try await Receiver.post(batch(identify("cafe\u{301}", id: "3")), to: port).status == 200)
            #expect(receiver.counts.stored == 1)
        }
    }

    @Test func delaysDelay() async throws {
        try await Receiver.running(.test(faults: "delay=50ms")) { (_, port) async throws in
            let start = ContinuousClock.now
            #expect(try await Receiver.post(body, to: port).status == 200)
            #expect(ContinuousClock.now - start >= .milliseconds(50))
        }
    }

    @Test func faultsCanBeSetWhileItRuns() async throws {
        try await Receiver.running { receiver, port in
            #expect(try await Receiver.post(body, to: port).status == 200)
            receiver.setFaults(try FaultScript(parsing: "500 until=1"))
            #expect(receiver.faults.rules.count == 1)
            #expect(try await Receiver.post(body, to: port).status == 500)
            #expect(try await Receiver.post(body, to: port).status == 200)
            receiver.setFaults(.none)
            #expect(try await Receiver.post(body, to: port).status == 200)
        }
    }

    @Test func eventsTellEverything() async throws {
        let events = Mutex<[String]>([])
        try await Receiver.running(.test(faults: "500 from=2"), onEvent: { event in
            let text =
                switch event {
                case .listening: "listening"
                case .answered(let record): "answered \(record.status ?? 0)"
                case .reported(let report): "reported \(report.code.rawValue) \(report.request)"
                case .storeFailed(let reason): reason
                case .stopped(let reason): "stopped \(reason ?? "")"
                }
            events.withLock { $0.append(text) }
        }) { _, port in
            _ = try await Receiver.post(batch(#"{"type":"identify"}"#), to: port)
            _ = try await Receiver.post(body, to: port)
        }
        #expect(events.withLock { $0 } == [
            "listening", "answered 200", "reported no_user_anon_id 1", "answered 500", "stopped ",
        ])
    }

    @Test func itStartsAndStopsAgain() async throws {
        let receiver = try Receiver(settings: .test())
        let first = try await receiver.start()
        await #expect(throws: ReceiverError.alreadyStarted) { try await receiver.start() }
        #expect(try await Receiver.post(body, to: first).status == 200)
        await receiver.stop()
        await receiver.stop()
        await #expect(throws: (any Error).self) { try await RawClient(port: first) }
        let second = try await receiver.start()
        #expect(try await Receiver.post(body, to: second).status == 200)
        #expect(receiver.counts.stored == 1 && receiver.counts.duplicates == 1)
        await receiver.stop()
        #expect(try await receiver.userCount() == 1)
    }

    @Test func aTakenAddressIsAnError() async throws {
        try await Receiver.running { _, port in
            var settings = ReceiverSettings.test()
            settings.address.port = port
            let second = try Receiver(settings: settings)
            let error = await #expect(throws: ReceiverError.self) { try await second.start() }
            #expect(error == .cannotListen(address: "127.0.0.1:\(port)", reason: "Address already in use"))
        }
    }

    @Test(arguments: [
        ("127.0.0.1:8844", "127.0.0.1", 8844), ("[::1]:80", "::1", 80), ("localhost:1", "127.0.0.1", 1),
        (":9", "127.0.0.1", 9), ("9000", "127.0.0.1", 9000), ("0.0.0.0:0", "0.0.0.0", 0), ("", "127.0.0.1", 8844),
        ("::1", "::1", 8844), ("[::]", "::", 8844), ("10.0.0.1", "10.0.0.1", 8844),
    ] as [(String, String, UInt16)])
    func addressesAreRead(_ text: String, _ host: String, _ port: UInt16) throws {
        #expect(try ListenAddress(parsing: text) == ListenAddress(host: host, port: port))
    }

    @Test(arguments: [
        "example.com:80", "127.0.0.1:65536", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:+5", "[::1", "1.2.3:4", "[::1]x",
    ])
    func otherAddressesAreRefused(_ text: String) {
        #expect(throws: ReceiverError.badAddress(text)) { try ListenAddress(parsing: text) }
    }
}
