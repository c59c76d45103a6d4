import Foundation
import Testing

/// What goes over the wire (PRODUCT.md §4), seen by a server that shares no code with the product.
@Suite(.rationed)
struct WireTests {
    @Test("the identify call equals the documented one, key for key, false included")
    func documentedCall() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        try workspace.configure(sink.endpoint)
        try workspace.edit("name: VIP", "name: Big Spenders")
        try workspace.edit("id: v1", "id: abc123")
        try workspace.list(["u-42"])
        try await workspace.sync()
        try workspace.write("cohorts/vip.csv", "u-43\n")
        try await workspace.sync()
        let messages = try sink.messages()
        try #require(messages.count == 3)
        for message in messages {
            #expect(message.text("type") == "identify")
            #expect(Set(message.keys) == ["type", "userId", "messageId", "timestamp", "traits", "context"])
            #expect(message["context"] == (try JSON(parsing: Array(
                #"{"integration":{"name":"Amplitude Cohort Sync","version":"1.0.0"}}"#.utf8))))
            let id = try #require(message.text("messageId"))
            #expect(UUID(uuidString: id) != nil, "\(id) is a UUID")
            let time = try #require(message.text("timestamp"))
            #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "\(time)")
        }
        func told(_ user: String) -> [JSON?] {
            messages.filter { $0.text("userId") == user }.map { $0["traits"] }
        }
        func trait(_ value: Bool) -> JSON {
            .object([JSON.Field(name: "[Amplitude] Big Spenders (abc123)", value: .flag(value))])
        }
        #expect(told("u-42") == [trait(true), trait(false)])
        #expect(told("u-43") == [trait(true)])
        #expect(Set(messages.compactMap { $0.text("messageId") }).count == 3)
        let request = try #require(sink.requests.first)
        #expect(request.line.hasPrefix("POST /v1/batch HTTP/1.1"))
        let key = Data((Workspace.key + ":").utf8).base64EncodedString()
        #expect(request.headers["authorization"] == "Basic \(key)")
        #expect(request.headers["content-type"]?.hasPrefix("application/json") == true)
        #expect(request.headers["x-retry-count"] == nil)
        #expect(try JSON(parsing: request.body).text("sentAt") != nil)
    }

    @Test("a retry repeats the messages byte for byte, with X-Retry-Count and a fresh sentAt")
    func retry() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace) { _, number in number < 2 ? .status(500, body: "no") : .status(200) }
        try workspace.configure(sink.endpoint)
        try workspace.list(1...20)
        let run = try await workspace.sync()
        #expect(run.count("retries") == 2)
        #expect(run.count("requests") == 3)
        let requests = sink.requests
        try #require(requests.count == 3)
        let bodies = try requests.map { try JSON(parsing: $0.body) }
        #expect(bodies[0].list("batch") == bodies[1].list("batch"))
        #expect(bodies[0].list("batch") == bodies[2].list("batch"))
        #expect(Set(bodies.compactMap { $0.text("sentAt") }).count == 3)
        #expect(requests.map { $0.headers["x-retry-count"] } == [nil, "1", "2"])
    }

    @Test("hostile ids arrive byte for byte and come back byte for byte from every listing")
    func hostileIds() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        let sink = try WireSink(in: workspace)
        try workspace.configure(receiver.endpoint, cohort: ["column: user_id"])
        try workspace.edit(
            "cohorts:\n", "cohorts:\n  copy: {source: lists, file: vip.csv, column: user_id, to: [raw]}\n")
        try workspace.edit(
            "  seg:",
            "  raw: {kind: segment, endpoint: \"\(sink.endpoint)\", write_key: {env: WRITE_KEY}}\n  seg:")
        try workspace.write("cohorts/vip.csv", "user_id,n\n" + Self.hostile.map {
            "\"" + $0.replacingOccurrences(of: "\"", with: "\"\"") + "\",1\n"
        }.joined())
        let expected = Set(Self.hostile.map { Array($0.utf8) })
        try #require(expected.count == Self.hostile.count)
        let run = try await workspace.sync()
        #expect(run.count("accepted") == expected.count)
        #expect(try receiver.members() == expected)
        #expect(try await workspace.members() == expected)
        #expect(try await workspace.rollcall("sync", "copy").code == 0)
        #expect(Set(try sink.messages().compactMap { $0["userId"]?.bytes }) == expected)
        let events = try await workspace.listing("events", "--sync", "vip")
        #expect(Set(events.compactMap { $0["user"]?.bytes }) == expected)
        for id in Self.hostile.filter({ !$0.hasPrefix("-") && !$0.isEmpty }) {
            let lines = try await workspace.listing("user", id)
            let line = try #require(lines.first { $0.text("sync") == "vip@seg" })
            #expect(line["user"]?.bytes == Array(id.utf8))
            #expect(line.text("told") == "true", "\(id.debugDescription)")
        }
    }

    @Test(
        "no listing prints a control or bidi character of an id",
        arguments: [["members", "vip"], ["events"], ["events", "--plain"], ["members", "vip", "--plain"]])
    func sanitised(_ listing: [String]) async throws {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1", cohort: ["column: user_id"])
        try workspace.edit("  seg: {", "  file: {kind: ndjson, path: out.ndjson}\n  seg: {")
        try workspace.edit("to: [seg]", "to: [file]")
        try workspace.write("cohorts/vip.csv", "user_id,n\n\u{1B}[31mred,1\n\u{202E}bidi,2\n\u{85}nel,3\nbell\u{7},4\n")
        try await workspace.sync()
        for command in [listing, ["user", "\u{1B}[31mred"]] {
            let ending = try await workspace.start(command).ending()
            #expect(ending.code == 0)
            #expect(ending.text.contains("red"))
            let hostile = ending.text.unicodeScalars.filter {
                ($0.value < 0x20 && $0 != "\n" && $0 != "\t") || (0x7F...0x9F).contains($0.value) || $0.value == 0x202E
            }
            #expect(hostile.isEmpty, "\(ending.text.debugDescription)")
        }
    }

    private static let hostile = [
        "plain", "qu\"ote", "it's", "back\\slash", "emoji😀👩‍👩‍👧", "caf\u{E9}", "cafe\u{301}", " lead", "trail ", "a b",
        "tab\tx", "\u{1}ctl", "\u{1B}[31mred", "del\u{7F}", "\u{202E}bidi", String(repeating: "x", count: 1024),
        String(repeating: "ü", count: 512), "A", "a", "line\nbreak", "cr\rx", "comma,x", "$(rm)", "%s%n", "<b>",
        "\u{85}nel", "-dash", "--json", "'; DROP", "null", "0", "00001",
    ]

    @Test("the write key stands nowhere but on the wire")
    func secret() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace) { _, number in
            number == 0 ? .status(500, body: "bad \(Workspace.key)") : .status(400, body: "your key \(Workspace.key)")
        }
        try workspace.configure(sink.endpoint)
        try workspace.list(1...3)
        let ending = try await workspace.rollcall("sync", "vip", "--json")
        #expect(ending.code == 1)
        var text = ending.text + ending.errors
        for command in [["rejects"], ["runs", "--json"], ["status"], ["events", "--json"], ["doctor"], ["check"]] {
            let listed = try await workspace.start(command).ending()
            text += listed.text + listed.errors
        }
        let state = workspace.folder + "/.rollcall"
        for name in try FileManager.default.subpathsOfDirectory(atPath: state) {
            text += String(decoding: bytes(at: state + "/" + name), as: UTF8.self)
        }
        for form in [Workspace.key, Data((Workspace.key + ":").utf8).base64EncodedString()] {
            #expect(!text.contains(form), "the key is printed or stored")
        }
    }
}
