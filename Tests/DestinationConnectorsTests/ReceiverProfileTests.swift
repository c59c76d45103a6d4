import CZlib
import Foundation
import HTTPClient
import Scheduling
import Secrets
import SyncEngine
import Testing

@testable import DestinationConnectors

/// What each relative asks for, against the table of the reference.
@Suite struct ReceiverProfileTests {
    private static let key = "canary-key-77"

    private func destination(
        _ profile: ReceiverProfile, endpoint: String = "https://data.example.com", gzip: Bool = false,
        _ exchange: HTTPExchange = .answer(HTTPAnswer(status: 200))
    ) throws -> (SegmentDestination, ScriptedTransport) {
        let transport = ScriptedTransport(exchange)
        let settings = SegmentSettings(
            endpoint: try WebAddress(base: endpoint), writeKey: Secret(Array(Self.key.utf8)), compresses: gzip,
            deduplicates: false, profile: profile)
        return (SegmentDestination(settings: settings, transport: transport), transport)
    }

    /// Sends these ids and returns the outcome and the request.
    private func send(
        _ ids: [String], to profile: ReceiverProfile, gzip: Bool = false, _ exchange: HTTPExchange
    ) async throws -> (outcome: DeliveryOutcome, request: HTTPRequest) {
        let (destination, transport) = try destination(profile, gzip: gzip, exchange)
        let batch = Self.batch(ids, destination)
        let outcome = await destination.deliver(batch, attempt: 0, sentAt: .noon)
        return (outcome, try #require(transport.requests.last))
    }

    private static func batch(_ ids: [String], _ destination: SegmentDestination) -> EncodedBatch {
        let encoder = destination.encoder(for: .spenders)
        var batch = EncodedBatch()
        for (number, id) in ids.enumerated() {
            #expect(encoder.append(Array(id.utf8), number: UInt64(number + 1), to: &batch) == .added)
        }
        return batch
    }

    private func body(_ request: HTTPRequest) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any])
    }

    private func header(_ name: String, _ request: HTTPRequest) -> String? {
        request.headers.first { $0.name == name }?.value
    }

    private static let basic = "Basic " + Data((key + ":").utf8).base64EncodedString()

    @Test("path, authorisation, key, context and headers are each receiver's own", arguments: [
        (ReceiverProfile.segment, "/batch", basic, true, true, true, nil as String?),
        (.rudderstack, "/v1/batch", basic, false, true, false, nil),
        (.jitsu, "/v1/batch", basic, true, true, true, nil),
        (.customerio, "/v1/batch", basic, false, false, true, "1"),
        (.dittofeed, "/api/public/apps/batch", "Basic " + key, false, true, true, nil),
    ])
    func wire(
        profile: ReceiverProfile, path: String, authorization: String, keyInBody: Bool, itemContext: Bool,
        topContext: Bool, strict: String?
    ) async throws {
        let (_, request) = try await send(["u-1"], to: profile, .answer(HTTPAnswer(status: 200)))
        #expect(request.url == "https://data.example.com" + path)
        #expect(header("Authorization", request) == authorization)
        #expect(header("X-Strict-Mode", request) == strict)
        #expect(header("Content-Encoding", request) == nil)
        let body = try body(request)
        #expect((body["writeKey"] as? String == Self.key) == keyInBody)
        #expect((body["context"] != nil) == topContext)
        let item = try #require((body["batch"] as? [[String: Any]])?.first)
        #expect((item["context"] != nil) == itemContext)
        let id = try #require(item["messageId"] as? String)
        #expect(id.utf8.count <= 64 && id.utf8.allSatisfy { "0123456789abcdef-".utf8.contains($0) })
        #expect(ReceiverProfile.named(profile.name) == profile)
    }

    @Test("an endpoint that ends in the path's first part keeps it")
    func versionedEndpoint() async throws {
        let (destination, transport) = try destination(.rudderstack, endpoint: "https://data.example.com/v1")
        _ = await destination.deliver(Self.batch(["u"], destination), attempt: 0, sentAt: .noon)
        #expect(transport.requests.last?.url == "https://data.example.com/v1/batch")
    }

    @Test("bodies are compressed where that is read, whatever was asked for")
    func gzip() async throws {
        for profile in ReceiverProfile.all {
            let (_, request) = try await send(["u-1"], to: profile, gzip: true, .answer(HTTPAnswer(status: 200)))
            #expect((header("Content-Encoding", request) == "gzip") == (profile.name != "rudderstack"), "\(profile.name)")
            #expect(request.body.starts(with: [0x1F, 0x8B]) == (profile.name != "rudderstack"), "\(profile.name)")
        }
    }

    @Test("no body and no message is larger than the receiver takes")
    func sizes() async throws {
        for (profile, largest) in [
            (ReceiverProfile.rudderstack, 4_000_000), (.jitsu, 1_000_000), (.customerio, 500_000), (.dittofeed, 500_000),
        ] {
            let (destination, transport) = try destination(profile)
            let encoder = destination.encoder(for: .spenders)
            var batch = EncodedBatch()
            var appended = Appended.added
            while appended == .added { appended = encoder.append(Array("user".utf8), to: &batch) }
            #expect(appended == .full)
            _ = await destination.deliver(batch, attempt: 0, sentAt: .noon)
            let count = try #require(transport.requests.last?.bodyCount)
            #expect(count <= largest, "\(profile.name)")
            #expect(batch.count == profile.batchMessages || count > profile.bodyBytes * 9 / 10, "\(profile.name)")
        }
    }

    @Test("success and refusal as each receiver says them")
    func answers() async throws {
        func outcome(_ profile: ReceiverProfile, _ status: Int, _ text: String) async throws -> DeliveryOutcome {
            try await send(["u-1", "u-2"], to: profile, .answer(HTTPAnswer(status: status, body: Array(text.utf8)))).outcome
        }
        #expect(try await outcome(.rudderstack, 200, "ok") == .accepted(status: 200, rejected: []))
        #expect(try await outcome(.dittofeed, 204, "") == .accepted(status: 204, rejected: []))
        #expect(try await outcome(.customerio, 200, "{}") == .accepted(status: 200, rejected: []))
        for profile in ReceiverProfile.all {
            guard case .refused(400, _) = try await outcome(profile, 400, "bad item") else {
                Issue.record("\(profile.name): a 400 was not a refusal")
                continue
            }
            guard case .blocked(401, _) = try await outcome(profile, 401, "bad key") else {
                Issue.record("\(profile.name): a bad key did not block")
                continue
            }
        }
        guard case .blocked(404, _) = try await outcome(.rudderstack, 404, "source is disabled"),
            case .tooLarge(413, _) = try await outcome(.rudderstack, 413, "request size too large")
        else {
            Issue.record("RudderStack's disabled source or size limit was misread")
            return
        }
    }

    // MARK: - Errors inside an answer of success

    private func id(_ number: Int) -> String { "0f8fad5b-d9cb-469f-0000-00000000000\(number)" }

    private func jitsu(_ body: String, ids: [String] = ["a", "b\",\"messageId\":\"x", "c"]) async throws -> DeliveryOutcome {
        try await send(ids, to: .jitsu, .answer(HTTPAnswer(status: 200, body: Array(body.utf8)))).outcome
    }

    @Test("Jitsu's named items are refused, all others accepted")
    func namedItems() async throws {
        #expect(
            try await jitsu(#"{"ok":true,"receivedEvents":3,"okEvents":3,"errors":[]}"#)
                == .accepted(status: 200, rejected: []))
        let two = #"{"ok":false,"receivedEvents":3,"okEvents":1,"errors":["Message ID: \#(id(3)): bad","# + #"{"messageId":"\#(id(1))","error":"worse"}]}"#
        guard case .accepted(200, let refused) = try await jitsu(two) else {
            Issue.record("named errors were not read")
            return
        }
        #expect(refused.map(\.index) == [0, 2])
        #expect(refused[0].reason.contains("worse") && refused[1].reason.contains("bad"))
    }

    @Test("errors that name nobody, or not all, leave the outcome unknown", arguments: [
        #"{"ok":false,"receivedEvents":3,"okEvents":2,"errors":["something"]}"#,
        #"{"ok":false,"receivedEvents":3,"okEvents":1,"errors":["0f8fad5b-d9cb-469f-0000-000000000001 bad"]}"#,
        #"{"ok":true,"receivedEvents":2,"okEvents":2,"errors":["0f8fad5b-d9cb-469f-0000-000000000001 bad"]}"#,
        #"{"ok":true,"receivedEvents":3,"okEvents":2,"errors":[]}"#,
        #"{"ok":false,"error":"no destination"}"#,
    ])
    func unclear(body: String) async throws {
        guard case .unknown(200, let reason, _) = try await jitsu(body) else {
            Issue.record("\(body) was taken for certain")
            return
        }
        #expect(!reason.contains(Self.key))
    }

    @Test("the write key that an error quotes is not repeated")
    func redacted() async throws {
        let body = #"{"ok":false,"receivedEvents":1,"okEvents":0,"errors":["\#(id(1)) bad for \#(Self.key)"]}"#
        guard case .accepted(200, let refused) = try await jitsu(body, ids: ["a"]) else {
            Issue.record("the error was not read")
            return
        }
        #expect(refused.count == 1 && !refused[0].reason.contains(Self.key))
    }
}
