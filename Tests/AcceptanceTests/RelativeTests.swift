import Foundation
import Testing

/// Each of Segment's relatives with its peculiarity, on a server that behaves as the reference says, through the program.
@Suite(.rationed)
struct RelativeTests {
    private func workspace(
        _ flavor: String, _ settings: String = "",
        _ answer: @escaping @Sendable (WireSink.Request, Int) -> WireSink.Reply
    ) throws -> (Workspace, WireSink) {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace, answer)
        try workspace.configure(
            "http://127.0.0.1:\(sink.port)", settings: "flavor: \(flavor)\(settings.isEmpty ? "" : ", " + settings)")
        try workspace.list(1...40)
        return (workspace, sink)
    }

    /// The positions of the messages about one user, and the ids of all.
    private static func items(_ request: WireSink.Request) -> [(user: String, id: String)] {
        ((try? JSON(parsing: request.body).list("batch")) ?? []).map {
            ($0.text("userId") ?? "", $0.text("messageId") ?? "")
        }
    }

    private static let bad = Workspace.id(17)

    @Test("RudderStack refuses the whole batch for one bad item: it is found by halving, the others are told")
    func rudderstack() async throws {
        let (workspace, sink) = try workspace("rudderstack") { request, _ in
            guard request.line.hasPrefix("POST /v1/batch "), request.headers["authorization"] != nil,
                request.headers["content-encoding"] == nil
            else { return .status(401, body: "no") }
            return Self.items(request).contains { $0.user == Self.bad } ? .status(400, body: "bad") : .status(200, body: "ok")
        }
        let run = try await workspace.sync(expecting: 2)
        #expect(run.count("accepted") == 39 && run.count("rejected") == 1)
        #expect(try await workspace.listing("rejects", "vip").map { $0.text("user") } == [Self.bad])
        #expect(sink.requests.count <= 14)
        #expect(sink.requests.allSatisfy { !String(decoding: $0.body, as: UTF8.self).contains(Workspace.key) })
    }

    @Test("Jitsu names the bad item inside its 200: it is rejected at once, the others are told")
    func jitsu() async throws {
        let (workspace, sink) = try workspace("jitsu") { request, _ in
            let items = Self.items(request)
            let bad = items.filter { $0.user == Self.bad }
            let errors = bad.map { "\"Message ID: \($0.id): cannot be used\"" }.joined()
            return .status(200, body: "{\"ok\":\(bad.isEmpty),\"receivedEvents\":\(items.count),"
                + "\"okEvents\":\(items.count - bad.count),\"errors\":[\(errors)]}")
        }
        let run = try await workspace.sync(expecting: 2)
        #expect(run.count("accepted") == 39 && run.count("rejected") == 1)
        let rejects = try await workspace.listing("rejects", "vip")
        #expect(rejects.map { $0.text("user") } == [Self.bad])
        #expect(rejects.first?.text("reason")?.contains("cannot be used") == true)
        #expect(sink.requests.count == 1 && sink.requests[0].line.hasPrefix("POST /v1/batch "))
        try await workspace.expectSoundState()
    }

    @Test("Customer.io says what is wrong only when asked to be strict, and reads context at the top")
    func customerio() async throws {
        let (workspace, sink) = try workspace("customerio") { request, _ in
            let isStrict = request.headers["x-strict-mode"] == "1"
            return isStrict && Self.items(request).contains { $0.user == Self.bad } ? .status(400) : .status(200, body: "{}")
        }
        let run = try await workspace.sync(expecting: 2)
        #expect(run.count("accepted") == 39 && run.count("rejected") == 1)
        let body = try JSON(parsing: try #require(sink.requests.first).body)
        #expect(body["context"]?["integration"]?.text("name") == "Amplitude Cohort Sync")
        #expect(body.list("batch").allSatisfy { $0["context"] == nil })
    }

    @Test("Dittofeed takes its key as it is, under its own path, and answers 204")
    func dittofeed() async throws {
        let (workspace, sink) = try workspace("dittofeed") { request, _ in
            request.headers["authorization"] == "Basic \(Workspace.key)"
                && request.line.hasPrefix("POST /api/public/apps/batch ") ? .status(204, body: "") : .status(401)
        }
        #expect(try await workspace.sync().count("accepted") == 40)
        #expect(Self.items(try #require(sink.requests.first)).allSatisfy { $0.id.utf8.count == 36 })
        let check = try await workspace.rollcall("check", "--connect")
        #expect(check.code == 0 && check.text.contains("/api/public/apps/batch answered 204"), "\(check.text)")
    }

    @Test("a flavor without an address of its own wants an endpoint, with the place")
    func configuration() async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1")
        try workspace.edit("endpoint: \"http://127.0.0.1:9/v1\"", "flavor: jitsu")
        let check = try await workspace.rollcall("check")
        #expect(check.code == 78 && check.errors.contains("rollcall.yaml:5:3: destination \"seg\" has no \"endpoint\""))
    }
}
