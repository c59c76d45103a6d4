import HTTPClient
import Secrets
import SyncEngine
import Synchronization
import Testing

@testable import SourceConnectors

/// Answers that no well-behaved server gives, put in the transport's place.
struct AmplitudeTransportTests {
    /// Answers by path; the file's answer is the test's.
    private final class Scripted: HTTPTransport {
        private let file: @Sendable (Int, HTTPRequest) -> HTTPExchange
        private let files = Mutex(0)
        let made = Mutex<[HTTPRequest]>([])
        private let usage: String

        init(usage: String = "{}", _ file: @escaping @Sendable (Int, HTTPRequest) -> HTTPExchange) {
            self.usage = usage
            self.file = file
        }

        func exchange(_ request: HTTPRequest) async -> HTTPExchange {
            made.withLock { $0.append(request) }
            let body: String? =
                if request.url.hasSuffix("/api/3/cohorts") {
                    #"{"cohorts":[{"id":"c1","name":"Big","size":2,"lastComputed":1}]}"#
                } else if request.url.hasSuffix("/usage") {
                    usage
                } else if request.url.contains("/request-status/") {
                    #"{"async_status":"JOB COMPLETED"}"#
                } else if request.url.hasSuffix("/request/c1") {
                    #"{"request_id":"r/1","cohort_id":"c1"}"#
                } else {
                    nil
                }
            if let body {
                let status = request.url.hasSuffix("/request/c1") ? 202 : 200
                return .answer(HTTPAnswer(status: status, body: Array(body.utf8)))
            }
            let number = files.withLock { files in
                files += 1
                return files
            }
            return file(number, request)
        }
    }

    private static let text = Array("\"amplitude_id\",\"user_id\"\n\"1\",\"u-1\"\n\"2\",\"u-2\"\n".utf8)

    private static func whole(_ headers: [(String, String)], to request: HTTPRequest, bytes: [UInt8] = text)
        -> HTTPExchange {
        bytes.withUnsafeBytes { piece in
            guard let sink = request.sink, sink(200, piece) else {
                return .answer(HTTPAnswer(status: 200, bodyTruncated: true))
            }
            return .answer(HTTPAnswer(status: 200, headers: HTTPHeaders(headers)))
        }
    }

    private func fetch(_ transport: Scripted, endpoint: String = "https://amplitude.com") async throws -> (
        Fetched, [HTTPRequest], [String]
    ) {
        let world = try await AmplitudeWorld()
        let project = try AmplitudeRulesTests.project(endpoint)
        let source = AmplitudeSource(
            cohort: "c1", name: "Big", reading: AmplitudeReading(shareSeconds: 0), project: project,
            account: world.account, transport: transport)
        let fetched = await world.fetch(source)
        return (fetched, transport.made.withLock { $0 }, world.files)
    }

    @Test("a file is believed by its length, its chunks or its gzip end; without any of them it proves nothing")
    func framing() async throws {
        for headers in [[("Content-Length", "53")], [("transfer-encoding", "Chunked")]] {
            let (fetched, _, _) = try await fetch(Scripted { _, request in Self.whole(headers, to: request) })
            #expect(fetched.ids == ["u-1", "u-2"] && fetched.failure == nil)
        }
        let (fetched, made, files) = try await fetch(Scripted { _, request in Self.whole([], to: request) })
        #expect(fetched.failure?.isUnavailable("neither a length nor an end") == true)
        #expect(fetched.ids.isEmpty && files.isEmpty)
        #expect(made.count { $0.url.hasSuffix("/request/c1") } == 1, "asked again without another download")
    }

    @Test func aFileThatBreaksOffIsFetchedAgain() async throws {
        let transport = Scripted { number, request in
            guard number > 2 else {
                _ = Self.whole([], to: request, bytes: Array(Self.text.prefix(40)))
                return .failure(HTTPFailure(stage: .ambiguous, reason: "the answer 200 broke off"))
            }
            return Self.whole([("Content-Length", "53")], to: request)
        }
        let (fetched, made, _) = try await fetch(transport)
        #expect(fetched.ids == ["u-1", "u-2"] && fetched.failure == nil, "what came before is thrown away")
        #expect(made.count { $0.url.hasSuffix("/request/c1") } == 1)
        #expect(made.filter { $0.url.hasSuffix("/file") }.allSatisfy { $0.url.contains("/request/r%2F1/file") })
    }

    @Test func regionsHaveHostsOfTheirOwnAndKeysGoThereAlone() async throws {
        for endpoint in ["https://amplitude.com", "https://analytics.eu.amplitude.com", "https://proxy.example/amp"] {
            let transport = Scripted { number, request in
                if number == 1 {
                    return .answer(HTTPAnswer(
                        status: 302, headers: HTTPHeaders([("Location", "https://s3.example/f?X-Amz-Signature=1")])))
                }
                return Self.whole([("Content-Length", "53")], to: request)
            }
            let (fetched, made, _) = try await fetch(transport, endpoint: endpoint)
            #expect(fetched.ids == ["u-1", "u-2"])
            for request in made {
                let isHome = request.url.hasPrefix(endpoint + "/api/")
                let hasKeys = request.headers.contains { $0.name.lowercased() == "authorization" }
                #expect(isHome == hasKeys, "\(request)")
                #expect(isHome || request.url == "https://s3.example/f?X-Amz-Signature=1")
            }
            #expect(made.contains { $0.url.hasPrefix("https://s3.example/") })
        }
    }

    @Test func aFileOverTheLimitIsGivenUp() async throws {
        let stop = StopFlag()
        let path = "/tmp/rollcall-received-\(UInt64.random(in: .min ... .max))"
        let file = try ReceivedFile(path: path, limit: 10, stop: stop)
        defer { SystemFile.remove(path) }
        func append(_ count: Int) -> Bool { [UInt8](repeating: 65, count: count).withUnsafeBytes { file.append($0) } }
        #expect(append(8) && !append(3))
        #expect(file.complaint?.isUnavailable("larger than 10") == true)
        try file.startAgain()
        #expect(append(10) && file.complaint == nil)
        stop.raise()
        #expect(!append(0) && file.complaint == .stopped)
        #expect(throws: SourceError.self) { _ = try ReceivedFile(path: path, limit: 10, stop: stop) }
    }

    @Test func textThatInflatesWithoutEndIsGivenUp() throws {
        let folder = TemporaryFolder()
        var source = CSVSource(
            path: folder.write("bomb.gz", gzip([UInt8](repeating: 65, count: 4 << 20))), root: nil, column: nil)
        source.textLimit = 1 << 20
        source.shownAs = "the file"
        #expect(source.failure()?.isUnavailable("the file inflates to more than 1,048,576 bytes") == true)
    }
}
