import HTTPClient
import Scheduling
import Secrets
import SyncEngine
import Testing

@testable import SourceConnectors

/// The vendor's error table, redirects, lenient answers, completeness: all that is decided without a network.
struct AmplitudeRulesTests {
    static let secret = "canary-secret-4711"

    static func project(_ endpoint: String = "https://amplitude.com") throws -> AmplitudeProject {
        AmplitudeProject(
            endpoint: try WebAddress(base: endpoint), apiKey: Secret(Array("canary-api-0815".utf8)),
            secretKey: Secret(Array(secret.utf8)))
    }

    private func word(_ status: Int, _ body: String = "") throws -> String {
        let exchange = HTTPExchange.answer(HTTPAnswer(status: status, body: Array(body.utf8)))
        let text = "\(AmplitudeRules.verdict(of: exchange, project: try Self.project()))"
        return String(text.prefix { $0 != "(" })
    }

    @Test func everyStatusHasItsMeaning() throws {
        let table: [(Int, String)] = [
            (200, "answered"), (202, "answered"), (302, "answered"), (400, "refused"), (401, "keysRefused"),
            (403, "keysRefused"), (404, "gone"), (408, "retry"), (410, "gone"), (422, "refused"), (429, "limited"),
            (500, "retry"), (502, "retry"), (503, "retry"), (504, "retry"), (599, "retry"),
        ]
        for (status, expected) in table { #expect(try word(status) == expected, "\(status)") }
        #expect(try word(429, "monthly quota exceeded") == "spent")
        let broken = HTTPExchange.failure(HTTPFailure(stage: .ambiguous, reason: "reset"))
        #expect(AmplitudeRules.verdict(of: broken, project: try Self.project()) == .retry("reset"))
        let certificate = HTTPExchange.failure(
            HTTPFailure(stage: .notSent, reason: "certificate", isCertificateProblem: true))
        #expect(AmplitudeRules.verdict(of: certificate, project: try Self.project()) == .refused("certificate"))
    }

    @Test func anAnswerThatRepeatsAKeyIsNotQuoted() throws {
        let project = try Self.project()
        for echo in [Self.secret, "canary-api-0815", String(project.authorization.dropFirst(6))] {
            let exchange = HTTPExchange.answer(HTTPAnswer(status: 400, body: Array("bad key \(echo)!".utf8)))
            let verdict = "\(AmplitudeRules.verdict(of: exchange, project: project))"
            #expect(!verdict.contains(echo))
        }
        #expect(!"\(project.request("api/3/cohorts"))".contains(String(project.authorization.dropFirst(6))))
        #expect(!project.digest.contains("canary") && project.digest.utf8.count == 16)
    }

    @Test func waitsGrowAndStayBounded() {
        for draw: UInt64 in [0, 1, .max / 2, .max] {
            for attempt in 0..<12 {
                #expect((2_000...48_000).contains(AmplitudeRules.pause(after: attempt, draw: draw)))
                #expect((60_000...900_000).contains(AmplitudeRules.retreat(after: attempt, draw: draw)))
            }
        }
        #expect((0..<40).map { AmplitudeRules.pollPause(after: $0) }.max() == 15_000)
        #expect(AmplitudeRules.pollPause(after: 0) == 2_000)
    }

    @Test func redirectsLeadToEncryptedHostsWithNames() throws {
        func leads(_ location: String?, from endpoint: String) throws -> Bool {
            let endpoint = try WebAddress(base: endpoint)
            if case .success = AmplitudeRules.target(ofLocation: location, from: endpoint) { return true }
            return false
        }
        let vendor = "https://amplitude.com"
        #expect(try leads("https://bucket.s3.amazonaws.com/x?X-Amz-Signature=1%2F", from: vendor))
        for location in [
            nil, "", "/relative", "http://bucket.s3.amazonaws.com/x", "https://10.0.0.1/x", "https://169.254.169.254/",
            "https://[::1]/x", "https://localhost/x", "http://127.0.0.1:9/x", "https://0x7f000001/", "https://2130706433/",
            "https://user@host/x", "ftp://host/x", "https://ho st/x", "https://127.1/x",
        ] {
            #expect(try !leads(location, from: vendor), "\(location ?? "none")")
        }
        let local = "http://127.0.0.1:8080"
        #expect(try leads("http://127.0.0.1:9/x", from: local))
        #expect(try leads("https://bucket.s3.amazonaws.com/x", from: local))
        #expect(try !leads("http://example.com/x", from: local))
        #expect(try !leads("https://10.0.0.1/x", from: local))
    }

    @Test func idsAreOneSegmentOfAPath() {
        #expect(PathSegment.escape("abc-1_2.~") == "abc-1_2.~")
        #expect(PathSegment.escape("a/../b?c#d e") == "a%2F..%2Fb%3Fc%23d%20e")
        #expect(PathSegment.escape("ü") == "%C3%BC")
        for text in ["", ".", "..", String(repeating: "x", count: 513)] { #expect(PathSegment.escape(text) == nil) }
    }

    @Test func theListIsReadLeniently() throws {
        let text = """
            {"more":1,"cohorts":[
              {"id":"a","name":"A","size":111,"lastComputed":1679440233,"archived":false,"appId":"12",
               "definition":{"countGroup":{"name":"User"}},"owners":null,"chart_id":null},
              {"id":"b","lastComputed":1679440233000,"size":-4,"definition":[],"archived":"no"},
              {"id":"c","name":"C","definition":{"countGroup":{"name":"Company"}}},
              {"id":"d","name":"D","archived":true},
              {"id":17},{},null,"x",
              {"id":"e","name":null,"size":1.5,"lastComputed":"soon"}
            ]}
            """
        let list = try #require(AmplitudeJSON.decode(CohortList.self, from: Array(text.utf8)))
        #expect(list.cohorts.map(\.id) == ["a", "b", "c", "d", "e"])
        #expect(list["a"]?.size == 111)
        #expect(list["a"]?.computedAt == Instant(seconds: 1_679_440_233))
        #expect(list["b"]?.computedAt == Instant(seconds: 1_679_440_233))
        #expect(list["b"]?.size == nil)
        #expect(list["a"]?.obstacle == nil && list["b"]?.obstacle == nil && list["e"]?.obstacle == nil)
        #expect(list["c"]?.obstacle?.contains("Company") == true)
        #expect(list["d"]?.obstacle?.contains("archived") == true)
        #expect(list["A"] == nil)
        for broken in ["", "[]", "{}", "<html>", #"{"cohorts":{}}"#, String(repeating: "[", count: 100_000)] {
            #expect(AmplitudeJSON.decode(CohortList.self, from: Array(broken.utf8)) == nil)
        }
    }

    @Test func theMonthIsReadOrNot() throws {
        let now = Instant(seconds: 1_772_366_400)
        let text = #"{"rest_download":{"limit":500,"usage":17,"resets_at":"2026-04-01T00:00:00Z"}}"#
        let reading = try #require(AmplitudeJSON.decode(UsageAnswer.self, from: Array(text.utf8))).reading(at: now)
        #expect(reading.limit == 500 && reading.used == 17)
        #expect(reading.resetsAt == Instant.parse(rfc3339: "2026-04-01T00:00:00Z")?.milliseconds)
        #expect(AmplitudeJSON.decode(UsageAnswer.self, from: Array("{}".utf8)) == nil)
    }

    @Test func fewerRowsThanCountedAreNotBelieved() throws {
        let early = Instant(seconds: 100)
        func listed(_ size: Int?, at seconds: Int64 = 100) -> ListedCohort {
            ListedCohort(id: "a", name: "A", size: size, computedAt: Instant(seconds: seconds))
        }
        func shortage(_ rows: Int, _ before: ListedCohort?, _ after: ListedCohort?) throws -> Int? {
            try AmplitudeCompleteness.shortage(rows: rows, before: before) { () throws(SourceError) in after }
        }
        #expect(early == listed(1).computedAt)
        #expect(try shortage(10, listed(10), nil) == nil)
        #expect(try shortage(11, listed(10), nil) == nil)
        #expect(try shortage(9, listed(10), listed(10)) == 10)
        #expect(try shortage(9, listed(10), nil) == 10, "no longer listed: not believed")
        #expect(try shortage(9, listed(10), listed(9, at: 200)) == nil, "computed anew meanwhile, and the number fits")
        #expect(try shortage(8, listed(10), listed(9, at: 200)) == 9)
        #expect(try shortage(9, listed(10), listed(8)) == 10, "another number without a new computation")
        #expect(try shortage(0, nil, nil) == nil)
        #expect(try shortage(0, listed(nil), nil) == nil)
    }
}
