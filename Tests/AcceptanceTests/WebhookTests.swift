import Foundation
import Testing

/// The webhook destination through the program, its signature judged by openssl.
@Suite(.rationed)
struct WebhookTests {
    private func workspace(
        _ settings: String = "batch: 30",
        _ answer: @escaping @Sendable (WireSink.Request, Int) -> WireSink.Reply = { _, _ in .status(200, body: "") }
    ) throws -> (Workspace, WireSink) {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace, answer)
        try workspace.write("rollcall.yaml", """
            version: 1
            sources:
              lists: {kind: csv, directory: cohorts}
            destinations:
              hook: {kind: webhook, url: "http://127.0.0.1:\(sink.port)/c?list=1", secret: {env: WRITE_KEY}, \(settings)}
            cohorts:
              vip: {name: "V \\"I\\" P", id: v1, source: lists, file: vip.csv, to: [hook], schedule: manual, guards: off}

            """)
        try workspace.list(1...100)
        return (workspace, sink)
    }

    /// What each user was told, in the order of arrival.
    private func told(_ sink: WireSink) throws -> [String: [Bool]] {
        var told: [String: [Bool]] = [:]
        for request in sink.requests {
            let body = try JSON(parsing: request.body)
            for user in body.list("users") {
                told[user.text("user_id") ?? "", default: []].append(body.flag("in_cohort") ?? false)
            }
        }
        return told
    }

    @Test("every body is signed as openssl signs it; a message holds only enters or only leaves")
    func signed() async throws {
        let (workspace, sink) = try workspace("batch: 30, headers: {X-Env: prod}")
        #expect(try await workspace.sync().count("accepted") == 100)
        try workspace.list(51...150)
        let second = try await workspace.sync()
        #expect(second.count("entered") == 50 && second.count("left") == 50)
        #expect(second.count("requests") == sink.requests.count - 4, "each half of a mixed batch is a request of its own")
        for (number, request) in sink.requests.enumerated() {
            #expect(request.line == "POST /c?list=1 HTTP/1.1")
            #expect(request.headers["content-type"] == "application/json" && request.headers["x-env"] == "prod")
            #expect(request.headers["user-agent"]?.hasPrefix("Rollcall/") == true)
            try Data(request.body).write(to: URL(fileURLWithPath: workspace.root + "/body"))
            let openssl = try await Program(
                "openssl", ["dgst", "-sha256", "-hmac", Workspace.key, "-r", workspace.root + "/body"],
                environment: workspace.environment, folder: workspace.root).ending()
            let digest = openssl.text.split(separator: " ").first.map(String.init) ?? "none"
            #expect(request.headers["x-rollcall-signature"] == "sha256=" + digest, "request \(number)")
            let body = try JSON(parsing: request.body)
            #expect(body.text("cohort_name") == "V \"I\" P" && body.text("cohort_id") == "v1")
            #expect(body.text("computed_time").flatMap { Int($0) }.map { $0 > 1_700_000_000 } == true)
            #expect(body.list("users").count <= 30)
        }
        let expected = (1...150).reduce(into: [String: [Bool]]()) {
            $0[Workspace.id($1)] = $1 > 100 ? [true] : $1 > 50 ? [true] : [true, false]
        }
        #expect(try told(sink) == expected)
        let ids = try sink.requests.map { try #require(try JSON(parsing: $0.body).text("message_id")) }
        #expect(Set(ids).count == ids.count)
        try await workspace.expectSoundState()
    }

    @Test("a retry repeats the bytes, its message id and signature with them")
    func retry() async throws {
        let (workspace, sink) = try workspace("batch: 200") { _, number in
            number == 0 ? .status(503) : .status(200, body: "thanks")
        }
        let run = try await workspace.sync()
        #expect(run.count("accepted") == 100 && run.count("retries") == 1)
        #expect(sink.requests.count == 2 && sink.requests[0].body == sink.requests[1].body)
        #expect(sink.requests.map { $0.headers["x-rollcall-signature"] }.allSatisfy { $0 != nil })
        #expect(sink.requests.map { $0.headers["x-retry-count"] } == [nil, "1"])
    }

    @Test("a refused user is found by halving, also when the enters beside it were accepted before")
    func refused() async throws {
        let bad = Workspace.id(3)
        let (workspace, sink) = try workspace("batch: 200") { request, _ in
            let text = String(decoding: request.body, as: UTF8.self)
            return text.contains("\"in_cohort\":false") && text.contains(bad) ? .status(400) : .status(200, body: "")
        }
        try await workspace.sync()
        try workspace.list(11...110)
        let run = try await workspace.sync(expecting: 2)
        #expect(run.count("accepted") == 19 && run.count("rejected") == 1)
        let told = try told(sink)
        for number in 1...10 where number != 3 { #expect(told[Workspace.id(number)]?.last == false) }
        for number in 101...110 { #expect(told[Workspace.id(number)]?.allSatisfy { $0 } == true) }
        #expect(try await workspace.listing("rejects", "vip").map { $0.text("user") } == [bad])
        try await workspace.expectSoundState()
    }

    @Test("an edited trait changes nothing at a webhook; another id ends the old one for everyone and begins the new")
    func migrate() async throws {
        let (workspace, sink) = try workspace("batch: 200")
        try workspace.list(1...5)
        try await workspace.sync()
        try workspace.edit("id: v1,", "id: v1, trait: other,")
        #expect(try await workspace.sync().text("outcome") == "unchanged")
        try workspace.edit("id: v1,", "id: v2,")
        let held = try #require(try await workspace.listing("migrate", "vip", expecting: 3).last?.text("run"))
        let approved = try await workspace.rollcall("approve", held)
        #expect(approved.code == 0, "\(approved.errors)")
        let told = try sink.requests.map { request in
            let body = try JSON(parsing: request.body)
            return "\(body.text("cohort_id") ?? "") \(body.flag("in_cohort") ?? false) \(body.list("users").count)"
        }
        #expect(told == ["v1 true 5", "v1 false 5", "v2 true 5"])
        try await workspace.expectSoundState()
    }

    @Test("a redirect and a refused key block at once; check --connect reaches it; a header of ours is a mistake")
    func blockedAndChecked() async throws {
        let (workspace, sink) = try workspace("batch: 200") { request, _ in
            request.line.hasPrefix("HEAD") ? .status(405, body: "") : .status(302, headers: ["Location: http://127.0.0.1:1/"])
        }
        let check = try await workspace.rollcall("check", "--connect")
        #expect(check.code == 0 && check.text.contains("answered 405 to HEAD"), "\(check.text)\(check.errors)")
        #expect(try await workspace.sync(expecting: 1).text("outcome") == "failed")
        #expect(sink.requests.count == 2)
        try workspace.edit("batch: 200", "headers: {x-rollcall-signature: x}")
        let refused = try await workspace.rollcall("check")
        #expect(refused.code == 78 && refused.errors.contains("rollcall.yaml:5:"), "\(refused.errors)")
    }
}
