import Testing

/// The guards of PRODUCT.md §5: what holds, and what on the very limit does not.
@Suite(.rationed)
struct GuardTests {
    /// Tells `before`, then plans `after` with these guards, and returns what would hold it, guard names only.
    private func holds(
        _ before: ClosedRange<Int>, _ after: [ClosedRange<Int>], guards: String = "{}", cohort: [String] = []
    ) async throws -> [String] {
        let workspace = try Workspace()
        try workspace.configure("http://127.0.0.1:9/v1", cohort: cohort)
        try workspace.edit("  seg: {", "  file: {kind: ndjson, path: out.ndjson}\n  seg: {")
        try workspace.edit("to: [seg]", "to: [file]")
        try workspace.list(before)
        try await workspace.sync()
        if guards != "{}" { try workspace.edit("schedule: manual", "schedule: manual\n    guards: \(guards)") }
        try workspace.list(after.flatMap { $0.map(Workspace.id) })
        let plan = try #require(try await workspace.listing("plan", "vip").first)
        let names = plan.list("held_by").compactMap { $0.bytes }.map {
            String(decoding: $0.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
        }
        let run = try await workspace.sync(expecting: names.isEmpty ? 0 : 3)
        #expect(run.text("phase") == (names.isEmpty ? "finished" : "held"))
        if !names.isEmpty { #expect(run.count("sent") == 0) }
        return names
    }

    @Test("shrink: exactly 20 % and exactly 50 leaves pass, one more of either is held when both are above")
    func shrink() async throws {
        #expect(try await holds(1...250, [51...250]) == [], "50 of 250 is exactly 20 % and not above 50")
        #expect(try await holds(1...300, [61...300]) == [], "60 of 300 is exactly 20 %")
        #expect(try await holds(1...300, [62...300]) == ["shrink"], "61 of 300 is above 20 % and above 50")
        #expect(try await holds(1...100, [51...100]) == [], "50 leaves are not above 50, whatever their share")
        #expect(try await holds(1...100, [52...100], guards: "{min_overlap: 0%}") == ["shrink", "shrink"])
    }

    @Test("shrink: max_leave_count holds by number alone, on the limit it passes")
    func leaveCount() async throws {
        #expect(try await holds(1...100, [4...100], guards: "{max_leave_count: 3}") == [])
        #expect(try await holds(1...100, [5...100], guards: "{max_leave_count: 3}") == ["shrink"])
    }

    @Test("shrink: leaves of a day add up, those that somebody approved do not count")
    func daily() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...1000)
        try await workspace.sync()
        try workspace.list(201...1000)
        try await workspace.sync()
        try workspace.list(301...1000)
        #expect(try await workspace.sync().count("left") == 100, "300 of 1,000 within a day is exactly 30 %")
        try workspace.list(302...1000)
        let held = try await workspace.sync(expecting: 3)
        #expect(try #require(held.text("reason")).contains("24 h"))
        #expect(try await workspace.rollcall("approve", held.text("run") ?? "", "--reason", "known").code == 0)
        let approved = try #require(try await workspace.listing("run", held.text("run") ?? "").first)
        #expect(approved.text("outcome") == "succeeded")
        #expect(try receiver.members() == ids(302...1000))
    }

    @Test("empty: an empty snapshot is held, unless allow_empty, which lets it past shrink and drift too")
    func empty() async throws {
        #expect(try await holds(1...3, []) == ["empty"])
        #expect(try await holds(1...100, []).contains("empty"))
        #expect(try await holds(1...100, [], guards: "{allow_empty: true}") == [])
        #expect(try await holds(1...100, [], guards: "off") == [])
        #expect(try await holds(1...100, [], cohort: ["on_leave: ignore"]) == ["empty"])
    }

    @Test("growth: above five times and more than 1,000 above a ledger that is not empty")
    func growth() async throws {
        #expect(try await holds(1...300, [1...1500]) == [], "exactly five times")
        #expect(try await holds(1...300, [1...1501]) == ["growth"])
        #expect(try await holds(1...100, [1...1100]) == [], "exactly 1,000 above")
        #expect(try await holds(1...100, [1...1101]) == ["growth"])
        #expect(try await holds(1...300, [1...1501], guards: "off") == [])
        #expect(try await holds(1...300, [1...601], guards: "{max_growth: 2x}") == [], "not 1,000 above")
    }

    @Test("drift: less than half of a ledger of 50 or more is still there")
    func drift() async throws {
        let lenient = "{max_leave: 100%, max_leave_daily: 100%}"
        #expect(try await holds(1...50, [26...50, 101...130], guards: lenient) == [], "exactly half is there")
        #expect(try await holds(1...50, [27...50, 101...130], guards: lenient) == ["drift"])
        #expect(try await holds(1...49, [30...49, 101...130], guards: lenient) == [], "a ledger under 50")
        #expect(try await holds(1...60, [1...2], guards: lenient, cohort: ["on_leave: ignore"]) == [])
    }

    @Test("a held run waits: approve sends what was approved, discard drops it, both only once")
    func heldRun() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...100)
        try await workspace.sync()
        try workspace.list(91...100)
        let first = try await workspace.sync(expecting: 3).text("run") ?? ""
        #expect(try await workspace.status()["vip@seg"]?.text("state") == "held")
        #expect(try await workspace.status()["vip@seg"]?.text("held_run") == first)
        #expect(try await workspace.rollcall("discard", first, "--reason", "a mistake").code == 0)
        #expect(try await workspace.rollcall("discard", first).code == 64)
        #expect(try await workspace.listing("events", "--run", first).isEmpty, "nobody left by a plan that was discarded")
        let unknown = try await workspace.rollcall("approve", "999")
        #expect(unknown.code == 64 && unknown.errors.contains("the latest are \(first)"))
        #expect(try await workspace.rollcall("approve", first).code == 64)
        #expect(try await workspace.listing("run", first).first?.text("outcome") == "discarded")
        #expect(try receiver.leaves() == 0)
        let second = try await workspace.sync(expecting: 3).text("run") ?? ""
        let keyless = try await workspace.rollcall("approve", second, environment: ["WRITE_KEY": ""])
        #expect(keyless.code == 78, "a secret that cannot be had uses no plan up: \(keyless.errors)")
        // What is approved is what is sent, whatever the source says by now.
        try workspace.list(1...100)
        let ending = try await workspace.rollcall("approve", second, "--reason", "moved house", "--json")
        #expect(ending.code == 0)
        #expect(try ending.lines().last?.count("accepted") == 90)
        #expect(try receiver.members() == ids(91...100))
        #expect(try await workspace.rollcall("run", second).text.contains("moved house"), "who approved, when and why")
        #expect(try await workspace.sync().count("entered") == 90)
        try await workspace.expectSoundState()
    }

    @Test("a held plan is discarded, not sent, when its trait, its endpoint or its sync has changed, also where nobody serves", arguments: [
        ("] {name}", "] New {name}"), ("/v1\"", "/v2\""), ("  vip:", "  other:"),
    ])
    func heldOfAnotherDefinition(_ old: String, _ new: String) async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, cohort: ["trait: \"[Amplitude] {name} ({id})\""])
        try workspace.list(1...200)
        try await workspace.sync()
        try workspace.list(1...100)
        let held = try await workspace.sync(expecting: 3).text("run") ?? ""
        let calls = try receiver.calls()
        try workspace.edit(old, new)
        #expect(try await workspace.rollcall("approve", held).code == 64)
        #expect(try receiver.calls() == calls)
        #expect(try await workspace.listing("run", held).first?.text("outcome") == "discarded")
    }

    @Test("a manual sync replaces a held run, which is discarded and names the new one")
    func replaced() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.list(1...100)
        try await workspace.sync()
        try workspace.list([])
        let held = try await workspace.sync(expecting: 3).text("run") ?? ""
        try workspace.list(1...101)
        let run = try await workspace.sync()
        #expect(run.count("entered") == 1)
        let old = try #require(try await workspace.listing("run", held).first)
        #expect(old.text("outcome") == "discarded")
        #expect(try #require(old.text("reason")).contains(run.text("run") ?? "?"))
        #expect(try receiver.leaves() == 0)
    }
}
