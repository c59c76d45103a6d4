import Foundation
import HTTPClient
import Scheduling
import Secrets
import SyncEngine
import Synchronization
import Testing

@testable import DestinationConnectors

/// Answers the n-th request, from 0, as told.
private final class Replies: HTTPTransport {
    private let made = Mutex<[HTTPRequest]>([])
    private let reply: @Sendable (Int) -> HTTPExchange

    init(_ reply: @escaping @Sendable (Int) -> HTTPExchange) { self.reply = reply }

    var requests: [HTTPRequest] { made.withLock { $0 } }

    func exchange(_ request: HTTPRequest) async -> HTTPExchange {
        reply(made.withLock {
            $0.append(request)
            return $0.count - 1
        })
    }
}

@Suite struct WebhookTests {
    private static let good = HTTPExchange.answer(HTTPAnswer(status: 200))

    private func destination(_ transport: any HTTPTransport, batch: Int = 100) -> WebhookDestination {
        WebhookDestination(
            settings: WebhookSettings(
                url: "https://hooks.example.com/c?token=t0ken", secret: Secret(Array("canary-secret".utf8)),
                headers: [.init(name: "X-Api-Key", value: Secret(Array("canary-header".utf8)))], batch: batch),
            transport: transport)
    }

    private func batch(
        _ users: [(id: String, entered: Bool)], _ destination: WebhookDestination, nonce: UInt64 = 0,
        at timestamp: Instant = .noon
    ) -> EncodedBatch {
        var audience = Audience.spenders
        audience.trait = audience.id
        let encoder = destination.encoder(for: audience)
        var batch = EncodedBatch()
        for (number, user) in users.enumerated() {
            let appended = encoder.append(
                Array(user.id.utf8), entered: user.entered, number: nonce + UInt64(number), at: timestamp, to: &batch)
            #expect(appended == .added)
        }
        return batch
    }

    private func json(_ request: HTTPRequest) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any])
    }

    private let mixed = [("a", true), ("b", false), ("c\"\u{1}é", true), ("d", false)]

    @Test("the documented payload; a message holds only enters or only leaves")
    func payload() async throws {
        let transport = Replies { _ in Self.good }
        let destination = destination(transport)
        let batch = batch(mixed, destination, at: Instant(milliseconds: 1_692_206_763_999))
        #expect(await destination.deliver(batch, attempt: 0, sentAt: .noon) == .accepted(status: 200, rejected: []))
        #expect(transport.requests.count == 2)
        for (request, entered) in zip(transport.requests, [true, false]) {
            let body = try json(request)
            #expect(Set(body.keys) == ["cohort_name", "cohort_id", "in_cohort", "computed_time", "message_id", "users"])
            #expect(body["cohort_name"] as? String == "Big Spenders" && body["cohort_id"] as? String == "abc123")
            #expect(body["in_cohort"] as? Bool == entered && body["computed_time"] as? String == "1692206763")
            let users = try #require(body["users"] as? [[String: String]])
            #expect(users == (entered ? [["user_id": "a"], ["user_id": "c\"\u{1}é"]] : [["user_id": "b"], ["user_id": "d"]]))
        }
        #expect(batch.bytes.count - batch.noteBytes <= transport.requests.reduce(0) { $0 + $1.bodyCount })
        #expect(batch.requests == 2 && self.batch(Array(mixed.prefix(1)), destination).requests == 1)
    }

    @Test("the same message id on every attempt, another for other users and later transitions")
    func messageIDs() async throws {
        let transport = Replies { _ in Self.good }
        let destination = destination(transport)
        let first = batch(mixed, destination)
        _ = await destination.deliver(first, attempt: 0, sentAt: .noon)
        _ = await destination.deliver(first, attempt: 3, sentAt: .noon.advanced(seconds: 60))
        _ = await destination.deliver(batch(mixed, destination, nonce: 9), attempt: 0, sentAt: .noon)
        _ = await destination.deliver(batch(Array(mixed.prefix(2)), destination), attempt: 0, sentAt: .noon)
        let bodies = transport.requests.map(\.body)
        #expect(bodies[0] == bodies[2] && bodies[1] == bodies[3], "a retry repeats the bytes")
        let ids = try transport.requests.map { try #require(try json($0)["message_id"] as? String) }
        #expect(ids.allSatisfy { $0.hasSuffix("::enter::0") || $0.hasSuffix("::leave::0") })
        #expect(Set(ids[0...1] + ids[4...7]).count == 6, "\(ids)")
        let retries = transport.requests.map { $0.headers.first { $0.name == "X-Retry-Count" }?.value }
        #expect(retries == [nil, nil, "3", "3", nil, nil, nil, nil])
    }

    @Test("an accepted first message and a failed second leave the whole batch possibly accepted")
    func partly() async throws {
        let answers: [(HTTPExchange, DeliveryOutcome)] = [
            (.answer(HTTPAnswer(status: 400)), .refused(status: 400, reason: "answered 400")),
            (.answer(HTTPAnswer(status: 413)), .tooLarge(status: 413, reason: "answered 413")),
            (.answer(HTTPAnswer(status: 403)), .blocked(status: 403, reason: "answered 403")),
            (
                .failure(HTTPFailure(stage: .notSent, reason: "refused")),
                .notAccepted(status: nil, reason: "refused", retryAfter: nil)
            ),
        ]
        for (exchange, outcome) in answers {
            let second = Replies { $0 == 0 ? Self.good : exchange }
            let one = destination(second)
            let batch = batch(mixed, one)
            #expect(await one.deliver(batch, attempt: 0, sentAt: .noon) == .partly(rest: outcome))
            let first = Replies { _ in exchange }
            #expect(await destination(first).deliver(batch, attempt: 0, sentAt: .noon) == outcome)
            #expect(first.requests.count == 1, "after a failure nothing more goes out")
        }
    }

    @Test("the batch size bounds the users of a batch; secrets stand in their headers alone")
    func batchesAndSecrets() async throws {
        let transport = Replies { _ in
            .answer(HTTPAnswer(status: 400, body: Array("no canary-secret, no canary-header".utf8)))
        }
        let destination = destination(transport, batch: 2)
        let encoder = destination.encoder(for: .spenders)
        var batch = EncodedBatch()
        #expect(encoder.append("a", to: &batch) == .added && encoder.append("b", entered: false, to: &batch) == .added)
        #expect(encoder.append("c", to: &batch) == .full && batch.count == 2)
        let outcome = await destination.deliver(batch, attempt: 0, sentAt: .noon)
        #expect(!"\(outcome)".contains("canary"), "\(outcome)")
        #expect(!destination.address.contains("t0ken") && destination.address.hasPrefix("https://hooks.example.com/c?"))
        let request = try #require(transport.requests.last)
        #expect(request.headers.first { $0.name == "X-Api-Key" }?.value == "canary-header")
        #expect(!String(decoding: request.body, as: UTF8.self).contains("canary"))
    }
}
