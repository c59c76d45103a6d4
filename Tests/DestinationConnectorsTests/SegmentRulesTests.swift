import HTTPClient
import Scheduling
import Secrets
import SyncEngine
import Testing

@testable import DestinationConnectors

extension DeliveryOutcome {
    /// The decision without its words: `unknown 5` waits for five seconds.
    var decision: String {
        func wait(_ wait: RetryAfter?) -> String { wait.map { " \($0.milliseconds / 1000)" } ?? "" }
        return switch self {
        case .accepted(_, let rejected): "accepted" + (rejected.isEmpty ? "" : " but \(rejected.count)")
        case .refused: "refused"
        case .tooLarge: "tooLarge"
        case .blocked: "blocked"
        case .notAccepted(_, _, let after): "notAccepted" + wait(after)
        case .unknown(_, _, let after): "unknown" + wait(after)
        case .partly(let rest): "partly " + rest.decision
        }
    }

    var reason: String {
        switch self {
        case .accepted: ""
        case .refused(_, let reason), .tooLarge(_, let reason), .blocked(_, let reason), .notAccepted(_, let reason, _),
            .unknown(_, let reason, _):
            reason
        case .partly(let rest): rest.reason
        }
    }

    var status: Int? {
        switch self {
        case .accepted(let status, _), .refused(let status, _), .tooLarge(let status, _): status
        case .blocked(let status, _), .notAccepted(let status, _, _), .unknown(let status, _, _): status
        case .partly(let rest): rest.status
        }
    }
}

/// One answer and what it means.
struct Verdict: Sendable, CustomTestStringConvertible {
    var status: Int
    var headers: [(String, String)] = []
    var body = ""
    var truncated = false
    var decision: String

    init(
        _ status: Int, _ decision: String, _ headers: [(String, String)] = [], body: String = "",
        truncated: Bool = false
    ) {
        (self.status, self.headers, self.body, self.truncated, self.decision) = (
            status, headers, body, truncated, decision
        )
    }

    var testDescription: String { "\(status) \(headers) \(body.prefix(40)) is \(decision)" }

    var exchange: HTTPExchange {
        .answer(
            HTTPAnswer(status: status, headers: HTTPHeaders(headers), body: Array(body.utf8), bodyTruncated: truncated))
    }

    static let success: [Verdict] = [
        Verdict(200, "accepted"), Verdict(200, "accepted", body: #"{"success":true}"#),
        Verdict(200, "accepted", body: "ok"), Verdict(200, "accepted", body: "OK\n"), Verdict(201, "accepted"),
        Verdict(202, "accepted", body: "queued"), Verdict(204, "accepted"), Verdict(299, "accepted"),
        Verdict(200, "accepted", body: #"{"ok":true,"receivedEvents":3}"#), Verdict(200, "accepted", body: "{}"),
        Verdict(200, "accepted", body: #"{"data":{"success":false}}"#),
        Verdict(200, "accepted", body: #"[{"success":false}]"#),
        Verdict(200, "accepted", body: #"{"message":"success:false"}"#),
        Verdict(200, "accepted", body: #"{"a":"\"success\":false"}"#), Verdict(200, "accepted", body: "{broken"),
        Verdict(200, "accepted", [("Content-Type", "text/html; charset=utf-8")], body: "ok"),
        Verdict(200, "accepted", [("Content-Type", "text/html")]),
        Verdict(200, "accepted", [("Content-Encoding", "identity")], body: "ok"),
        Verdict(200, "accepted", [("Retry-After", "5")]),
        Verdict(200, "accepted", body: #"{"success":null,"ok":1}"#),
        Verdict(200, "accepted", body: "<?xml version='1.0'?><ok/>"),
    ]

    static let denied: [Verdict] = [
        Verdict(200, "unknown", body: #"{"success":false}"#), Verdict(200, "unknown", body: #"{"ok":false}"#),
        Verdict(200, "unknown", body: "\u{FEFF} \r\n{ \"a\" : [1,{\"b\":2}] , \"success\"\t:\n false }"),
        Verdict(202, "unknown", body: #"{"success":true,"ok":false}"#),
        Verdict(200, "unknown", body: #"{"success":false,"message":"#),
        Verdict(200, "unknown", body: #"{"success":"false"}"#),
        Verdict(200, "unknown 7", [("Retry-After", "7")], body: #"{"success":false}"#),
        Verdict(200, "unknown", body: "<!DOCTYPE html><title>Sign in</title>"),
        Verdict(200, "unknown", body: "\n <HTML>"),
        Verdict(200, "unknown", [("content-type", "TEXT/HTML")], body: "Welcome <b>guest</b>"),
        Verdict(200, "unknown", [("Content-Type", "application/xhtml+xml")], body: "<?xml version='1.0'?><html/>"),
        Verdict(200, "unknown", body: "<?xml version='1.0'?>\n<html xmlns='x'/>"),
        Verdict(200, "unknown", [("Content-Type", "application/json")], body: "<html>portal</html>"),
        Verdict(200, "unknown", body: "<!-- portal --><p>hi"), Verdict(200, "unknown", body: "xxx", truncated: true),
        Verdict(200, "unknown", [("Content-Encoding", "gzip")], body: "\u{1F}..."),
    ]

    static let refusals: [Verdict] = [
        Verdict(400, "refused", body: #"{"success":false,"message":"malformed JSON","code":"invalid_request"}"#),
        Verdict(400, "refused"), Verdict(422, "refused"), Verdict(402, "refused"), Verdict(406, "refused"),
        Verdict(409, "refused"), Verdict(415, "refused"), Verdict(418, "refused"), Verdict(431, "refused"),
        Verdict(451, "refused"), Verdict(499, "refused"), Verdict(400, "refused", body: "x", truncated: true),
        Verdict(400, "refused", [("Retry-After", "5")]),
        Verdict(400, "tooLarge", body: #"{"message":"Exceed payload limit"}"#), Verdict(413, "tooLarge"),
        Verdict(413, "tooLarge", body: "<html>nginx</html>"),
    ]

    static let blocks: [Verdict] = [
        Verdict(401, "blocked"), Verdict(403, "blocked"), Verdict(404, "blocked"), Verdict(405, "blocked"),
        Verdict(407, "blocked"), Verdict(501, "blocked"), Verdict(505, "blocked"), Verdict(511, "blocked"),
        Verdict(300, "blocked"), Verdict(301, "blocked", [("Location", "https://evil.example/x")]),
        Verdict(302, "blocked", [("Location", "/login")]), Verdict(304, "blocked"), Verdict(307, "blocked"),
        Verdict(308, "blocked"), Verdict(399, "blocked"),
    ]

    static let passing: [Verdict] = [
        Verdict(429, "notAccepted 60"), Verdict(429, "notAccepted 5", [("Retry-After", "5")]),
        Verdict(429, "notAccepted 5", [("retry-after", " 5 ")]), Verdict(429, "notAccepted 1", [("Retry-After", "0")]),
        Verdict(429, "notAccepted 1", [("Retry-After", "-8")]),
        Verdict(429, "notAccepted 300", [("Retry-After", "1000000000")]),
        Verdict(429, "notAccepted 60", [("Retry-After", "soon")]),
        Verdict(429, "notAccepted 60", [("Retry-After", "")]),
        Verdict(429, "notAccepted 9", [("X-RateLimit-Reset", "9")]),
        Verdict(429, "notAccepted 12", [("X-RateLimit-Reset", "1772366412")]),
        Verdict(429, "notAccepted 5", [("X-RateLimit-Reset", "9"), ("Retry-After", "5")]),
        Verdict(429, "notAccepted 9", [("X-RateLimit-Reset", "9"), ("Retry-After", "?")]),
        Verdict(429, "notAccepted 30", [("Retry-After", "Sun, 01 Mar 2026 12:00:30 GMT")]),
        Verdict(408, "unknown"), Verdict(410, "unknown"), Verdict(425, "unknown"), Verdict(460, "unknown"),
        Verdict(408, "unknown 4", [("Retry-After", "4")]), Verdict(500, "unknown"), Verdict(502, "unknown"),
        Verdict(503, "unknown"), Verdict(503, "unknown 120", [("Retry-After", "120")]), Verdict(504, "unknown"),
        Verdict(529, "unknown 300", [("Retry-After", "301")]), Verdict(507, "unknown"), Verdict(599, "unknown"),
        Verdict(503, "unknown", [("X-RateLimit-Reset", "9")]), Verdict(503, "unknown", body: "<html>", truncated: true),
        Verdict(600, "unknown"), Verdict(999, "unknown"), Verdict(0, "unknown"), Verdict(101, "unknown"),
        Verdict(-1, "unknown"),
    ]

    static let all = success + denied + refusals + blocks + passing
}

@Suite struct SegmentRulesTests {
    @Test(arguments: Verdict.all)
    func everyAnswerIsOneDecision(_ verdict: Verdict) {
        let outcome = SegmentRules.outcome(of: verdict.exchange, now: .noon)
        #expect(outcome.decision == verdict.decision)
        #expect(outcome.status == verdict.status)
        #expect(verdict.decision == "accepted" || !outcome.reason.isEmpty)
        #expect(outcome.reason.unicodeScalars.count <= 201)
    }

    @Test func theTableIsLongEnough() { #expect(Verdict.all.count >= 60) }

    @Test(arguments: [
        (HTTPFailure(stage: .notSent, reason: "refused"), "notAccepted"),
        (HTTPFailure(stage: .ambiguous, reason: "reset"), "unknown"),
        (HTTPFailure(stage: .notSent, reason: "self-signed", isCertificateProblem: true), "blocked"),
        (HTTPFailure(stage: .notSent, reason: "bad address", isInvalidRequest: true), "blocked"),
        (HTTPFailure(stage: .ambiguous, reason: "cancelled", isCancelled: true), "unknown"),
    ])
    func everyFailureIsOneDecision(failure: HTTPFailure, decision: String) {
        let outcome = SegmentRules.outcome(of: .failure(failure), now: .noon)
        #expect(outcome.decision == decision)
        #expect(outcome.reason == failure.reason && outcome.status == nil)
    }

    @Test func redirectsNameTheOtherHost() {
        let outcome = SegmentRules.outcome(
            of: Verdict(302, "", [("Location", "https://evil.example:8443/v1?x")]).exchange, now: .noon)
        #expect(outcome.reason == "endpoint answered redirect to evil.example:8443, not followed")
        let hostile = SegmentRules.outcome(
            of: Verdict(302, "", [("Location", "//a\u{1B}[2J\u{202E}b/")]).exchange, now: .noon)
        #expect(!hostile.reason.contains("\u{1B}") && !hostile.reason.contains("\u{202E}"))
    }

    @Test func reasonsQuoteTheServerSafely() {
        let body = "line one\r\n\u{1B}]0;title\u{7}\u{202E}" + String(repeating: "long ", count: 500)
        let reason = SegmentRules.outcome(of: Verdict(400, "", body: body).exchange, now: .noon).reason
        #expect(reason.hasPrefix("answered 400: line one ]0;title long long"))
        #expect(reason.unicodeScalars.count <= 200)
    }

    /// The server knows the key and says it back in every form and place it can.
    @Test func noReasonHoldsTheKey() async throws {
        let key = "cAnArY/Key+0123456789=\"x"
        let raw = Array(key.utf8)
        let base64 = (0..<3).map { Base64.encode([UInt8](repeating: 0x41, count: $0) + raw + [0x3A]) }
        let hex = raw.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let percent = raw.map { "%" + String($0, radix: 16, uppercase: true) }.joined()
        let escaped = String(decoding: JSONText.escape(key), as: UTF8.self)
        var forms = [key, escaped, hex, hex.uppercased()] + base64
        forms.append("cAnArY%2FKey%2B0123456789%3D%22x")
        let witnesses =
            ["cAnArY", "0123456789=", hex, hex.uppercased(), percent]
            + base64.map { String($0.dropFirst(8).prefix(12)) }
        var looked = 0
        for form in forms {
            for verdict in Verdict.all where !(200..<300).contains(verdict.status) {
                var echo = verdict
                echo.body = "before \(form) after \(form)"
                echo.headers += [("Location", "https://\(form)/\(form)"), ("Location", form)]
                let destination = SegmentDestination(
                    settings: try .local(key: key), transport: ScriptedTransport(echo.exchange))
                var batch = EncodedBatch()
                let encoder = destination.encoder(for: .spenders)
                _ = encoder.append("a", to: &batch)
                let outcome = await destination.deliver(batch, attempt: 0, sentAt: .noon)
                let texts = [outcome.reason, await destination.probe().detail, destination.address]
                for text in texts {
                    for witness in witnesses { #expect(!text.contains(witness), "\(form): \(text)") }
                }
                looked += outcome.reason.contains("<redacted>") ? 1 : 0
            }
        }
        #expect(looked > 100)
        var dumped = ""
        dump(try SegmentSettings.local(key: key), to: &dumped)
        #expect(!dumped.contains("cAnArY"))
    }

    @Test(arguments: [
        (200, true), (400, true), (429, true), (401, false), (404, false), (302, false), (500, false), (413, false),
    ])
    func aProbeSendsNobodyAndSaysWhatItFound(status: Int, isReachable: Bool) async throws {
        let transport = ScriptedTransport(.answer(HTTPAnswer(status: status)))
        let result = await SegmentDestination(settings: try .local(), transport: transport).probe()
        #expect(result.isReachable == isReachable)
        #expect(result.detail.contains("https://api.segment.io/v1/batch"))
        let body = String(decoding: try #require(transport.requests.first).body, as: UTF8.self)
        #expect(body.hasPrefix(#"{"batch":[],"context""#))
    }

    @Test func destinationsSayWhatTheyAre() throws {
        var settings = try SegmentSettings.local()
        settings.deduplicates = false
        let destination = SegmentDestination(settings: settings, transport: ScriptedTransport())
        #expect(destination.kind == "segment" && !destination.deduplicates)
        #expect(destination.address == "https://api.segment.io/v1")
        for region in SegmentRegion.allCases { #expect(try WebAddress(base: region.endpoint).isEncrypted) }
    }
}

@Suite struct AnswerBodyTests {
    @Test func hostileBodiesAreReadInOnePass() {
        let deep = [UInt8](repeating: 0x7B, count: 65_536)
        #expect(!AnswerBody.deniesSuccess(deep))
        #expect(!AnswerBody.deniesSuccess([0x7B] + [UInt8](repeating: 0x22, count: 65_535)))
        #expect(!AnswerBody.deniesSuccess(Array((#"{"a":"# + String(repeating: "[", count: 65_000)).utf8)))
        let nested = #"{"a":"# + String(repeating: "[", count: 30_000) + String(repeating: "]", count: 30_000)
        #expect(AnswerBody.deniesSuccess(Array((nested + #","ok":false}"#).utf8)))
        #expect(!AnswerBody.deniesSuccess(Array((nested + #"}"ok":false}"#).utf8)))
    }

    @Test func randomBodiesNeverTrap() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = Seeded(state: seed)
        let alphabet = Array("{}[]\":,\\ successokfalsetrue<html!-?".utf8) + [0, 0xFF, 0xEF, 0xBB, 0xBF]
        var denied = 0
        for _ in 0..<20_000 {
            var body = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            if Bool.random(using: &generator) { body = Array(#"{"success":false"#.utf8) + body }
            denied += AnswerBody.deniesSuccess(body) ? 1 : 0
            _ = AnswerBody.isHTML(body, contentType: Bool.random(using: &generator) ? nil : "text/html")
        }
        #expect(denied > 5_000, "seed \(seed)")
    }
}
