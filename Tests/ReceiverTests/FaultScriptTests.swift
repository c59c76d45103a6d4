import Testing

@testable import Receiver

@Suite struct FaultScriptTests {
    @Test func rulesAreRead() throws {
        let script = try FaultScript(parsing: """
            status=500 count=3, 429 retry-after=2 every=5; delay=200ms , reset every=10
            400 user="a, \\"b\\"" , drop-after-accept from=2 until=4,503 store from=5s until=1m,silence=1s
            redirect=http://127.0.0.1:9/,html,success-false,close,silence
            """)
        let rules = script.rules
        #expect(rules.map(\.action) == [
            .status(500), .status(429), nil, .reset, .status(400), .reset, .status(503), .silence(1000),
            .redirect("http://127.0.0.1:9/"), .html, .successFalse, .close, .silence(60_000),
        ])
        #expect(rules[0].count == 3)
        #expect(rules[1].retryAfter == "2" && rules[1].every == 5)
        #expect(rules[2].delayMilliseconds == 200)
        #expect(rules[4].user == Array("a, \"b\"".utf8))
        #expect(rules[5].stores && rules[5].from == .request(2) && rules[5].until == .request(4))
        #expect(rules[6].stores && rules[6].from == .milliseconds(5000) && rules[6].until == .milliseconds(60_000))
        #expect(rules[0].text == "status=500 count=3")
        #expect(rules[2].text == "delay=200ms")
        #expect(try FaultScript(parsing: " ,; \n") == .none)
    }

    @Test(arguments: [
        ("bogus", 1, "unknown word “bogus”"),
        ("500, resett", 6, "unknown word “resett”"),
        ("600", 1, "“600” cannot be read"),
        ("status=", 1, "“status=” cannot be read"),
        ("500 count=0", 5, "“count=0” cannot be read"),
        ("500 every=-1", 5, "“every=-1” cannot be read"),
        ("500 count=99999999999999999999", 5, "“count=99999999999999999999” cannot be read"),
        ("delay=200", 1, "“delay=200” cannot be read"),
        ("delay=11m", 1, "“delay=11m” cannot be read"),
        ("delay=0s", 1, "“delay=0s” cannot be read"),
        ("500 from=soon", 5, "“from=soon” cannot be read"),
        ("500 user=", 5, "“user=” cannot be read"),
        ("reset=1", 1, "“reset=1” cannot be read"),
        ("500 reset", 5, "“reset” is a second action in one rule"),
        ("count=3", 1, "“count=3” says when, but not what happens"),
        ("500,  every=2 user=x", 7, "“every=2 user=x” says when, but not what happens"),
        ("delay=1s store", 1, "“delay=1s store” only delays, which changes no answer"),
        ("500 user=\"a", 10, "this quote is never closed"),
        ("redirect=", 1, "“redirect=” cannot be read"),
        ("429 retry-after=\"1\n2\"", 5, "“retry-after=1\n2” cannot be read"),
    ])
    func badScriptsSayWhere(_ text: String, _ position: Int, _ problem: String) {
        let error = #expect(throws: FaultScriptError.self) { try FaultScript(parsing: text) }
        #expect(error?.position == position)
        #expect(error?.problem == problem)
        #expect(error?.expected.isEmpty == false)
    }

    /// What a script does to the requests 1, 2, 3, …, one second apart.
    private func actions(_ text: String, requests: Int, user: String = "u") throws -> [FaultAction?] {
        var clock = FaultClock(try FaultScript(parsing: text), start: 1000)
        return (1...requests).map { request in
            clock.decide(now: Int64(request) * 1000) { $0 == Array(user.utf8) }.action
        }
    }

    @Test func conditionsHold() throws {
        #expect(try actions("500 count=2", requests: 4) == [.status(500), .status(500), nil, nil])
        #expect(try actions("reset every=3", requests: 7) == [nil, nil, .reset, nil, nil, .reset, nil])
        #expect(try actions("reset every=2 count=1", requests: 5) == [nil, .reset, nil, nil, nil])
        #expect(try actions("500 from=2 until=3", requests: 5) == [nil, .status(500), .status(500), nil, nil])
        #expect(try actions("500 from=1s until=3s", requests: 5) == [nil, .status(500), .status(500), nil, nil])
        #expect(try actions("400 user=u", requests: 1) == [.status(400)])
        #expect(try actions("400 user=v", requests: 1) == [nil])
        #expect(try actions("500 every=2, html", requests: 3) == [.html, .status(500), .html])
        #expect(try actions("500 from=3 every=2", requests: 6) == [nil, nil, nil, .status(500), nil, .status(500)])
    }

    @Test func delaysAddUpAndLetLaterRulesAct() throws {
        var clock = FaultClock(
            try FaultScript(parsing: "delay=200ms, delay=1s every=2, 429 retry-after=3 delay=5ms every=2, 500"),
            start: 0)
        let first = clock.decide(now: 0) { _ in false }
        #expect(first == FaultDecision(delayMilliseconds: 200, action: .status(500), rules: "delay=200ms, 500"))
        #expect(!first.keepsMessages)
        let second = clock.decide(now: 0) { _ in false }
        #expect(second.delayMilliseconds == 1205 && second.action == .status(429) && second.retryAfter == "3")
    }

    @Test func storingRulesKeepMessages() throws {
        var clock = FaultClock(try FaultScript(parsing: "drop-after-accept count=1, 500 store"), start: 0)
        #expect(clock.decide(now: 0) { _ in false }.keepsMessages)
        let second = clock.decide(now: 0) { _ in false }
        #expect(second.keepsMessages && second.action == .status(500))
    }

    @Test func helpNamesEveryWord() {
        for word in [
            "status=", "success-false", "html", "redirect=", "reset", "close", "silence", "drop-after-accept", "delay=",
            "store", "retry-after=", "count=", "every=", "from=", "until=", "user=",
        ] {
            #expect(FaultScript.help.contains(word))
        }
    }
}
