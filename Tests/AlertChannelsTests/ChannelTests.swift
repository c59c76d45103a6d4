import Foundation
import HTTPClient
import Scheduling
import Secrets
import SyncEngine
import Synchronization
import Testing

@testable import AlertChannels

private final class NotingTransport: HTTPTransport {
    private let made = Mutex<[HTTPRequest]>([])
    let status: Int?

    init(_ status: Int?) { self.status = status }

    var requests: [HTTPRequest] { made.withLock { $0 } }

    func exchange(_ request: HTTPRequest) async -> HTTPExchange {
        made.withLock { $0.append(request) }
        return status.map { .answer(HTTPAnswer(status: $0)) }
            ?? .failure(HTTPFailure(stage: .ambiguous, reason: "\(request.url) timed out"))
    }
}

@Suite struct ChannelTests {
    private static let url = "https://hooks.example.com/services/canary-url"

    private func message(_ event: AlertEvent = .failed, _ detail: String = "the source <is> & was\r\ngone") -> AlertMessage {
        AlertMessage(
            event: event, previous: event == .recovered ? .held : nil, sync: "vip@seg", destination: "seg",
            detail: detail, run: "7", at: Instant(seconds: 1_767_225_600), since: Instant(seconds: 1_767_225_000))
    }

    private func channel(_ form: HTTPAlertChannel.Form, _ transport: any HTTPTransport) -> HTTPAlertChannel {
        HTTPAlertChannel(key: "c", url: Secret(Array(Self.url.utf8)), form: form, transport: transport)
    }

    @Test("Slack's text: a line an alert, its markup escaped, one post for all")
    func slack() async throws {
        let transport = NotingTransport(200)
        #expect(await channel(.text, transport).deliver([message(), message(.recovered)]) == .delivered)
        #expect(transport.requests.count == 1)
        let body = try #require(
            JSONSerialization.jsonObject(with: Data(transport.requests[0].body)) as? [String: String])
        #expect(body == ["text": "failed vip@seg: the source &lt;is&gt; &amp; was gone\n"
            + "recovered vip@seg (was held): the source &lt;is&gt; &amp; was gone"])
    }

    @Test("the facts have stable keys, and the address is in no failure")
    func facts() async throws {
        let transport = NotingTransport(204)
        let signed = channel(.facts(secret: Secret(Array("canary-key".utf8))), transport)
        #expect(await signed.deliver([message(.recovered)]) == .delivered)
        let body = String(decoding: transport.requests[0].body, as: UTF8.self)
        #expect(body == #"{"alerts":[{"at":"2026-01-01T00:00:00.000Z","cohort":"vip","destination":"seg","#
            + #""detail":"the source <is> & was gone","event":"recovered","previous":"held","run":"7","#
            + #""since":"2025-12-31T23:50:00.000Z","sync":"vip@seg"}],"version":1}"#)
        let signature = transport.requests[0].headers.first { $0.name == "X-Rollcall-Signature" }?.value ?? ""
        #expect(signature.hasPrefix("sha256=") && signature.utf8.count == 71)
        for status in [nil, 500, 404, 302] as [Int?] {
            guard case .failed(let reason) = await channel(.text, NotingTransport(status)).deliver([message()]) else {
                Issue.record("\(status ?? 0) was taken for success")
                continue
            }
            #expect(!reason.contains("canary"))
        }
    }

    @Test("a mail whose headers nothing from outside can break")
    func mail() throws {
        let text = String(
            decoding: AlertMail.bytes(of: [message()], to: ["a@x.org", "b@x.org"], from: "r@x.org"), as: UTF8.self)
        let halves = text.components(separatedBy: "\r\n\r\n")
        #expect(halves[0].components(separatedBy: "\r\n") == [
            "From: r@x.org", "To: a@x.org,", " b@x.org", "Subject: Rollcall: failed vip@seg",
            "Date: Thu, 1 Jan 2026 00:00:00 +0000", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64", "Auto-Submitted: auto-generated",
        ])
        let body = try #require(Data(base64Encoded: halves[1], options: .ignoreUnknownCharacters))
        #expect(String(decoding: body, as: UTF8.self)
            == "failed vip@seg: the source <is> & was gone\r\n  since 2025-12-31T23:50:00Z, run 7\r\n")
        #expect(AlertMail.encoded("Größe") == "=?utf-8?B?R3LDtsOfZQ==?=")
        let long = AlertMail.encoded(String(repeating: "é", count: 100))
        #expect(long.components(separatedBy: "\r\n ").allSatisfy { $0.utf8.count <= 75 })
        #expect(AlertMail.date(Instant(seconds: 1_795_867_200)) == "Sat, 28 Nov 2026 12:00:00 +0000")
    }
}
