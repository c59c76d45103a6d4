import Control
import Dashboard
import Scheduling
import Testing

struct CommandTests {
    @Test(arguments: [
        ("sync a b@c", PaletteCommand.sync(["a", "b@c"], all: false, full: false, dryRun: false)),
        ("sync --all --full", .sync([], all: true, full: true, dryRun: false)),
        ("  sync a --dry-run", .sync(["a"], all: false, full: false, dryRun: true)),
        ("plan a", .plan(["a"], all: false, full: false, sample: nil)), ("approve 12", .approve("12", reason: nil, leaves: false)),
        ("approve 12 --leaves", .approve("12", reason: nil, leaves: true)),
        ("freeze", .freeze(true)), ("unfreeze", .freeze(false)), ("user a b", .user("a b")), ("filter to:x !y", .filter("to:x !y")),
        ("filter", .filter("")), ("sort next desc", .sort("next", descending: true)), ("theme mono", .theme(.mono)),
        ("dump", .dump(nil)), ("dump x.txt", .dump("x.txt")), ("screen events", .screen("events")), ("quit", .action(.quit)),
        ("schedule a daily at 06:30", .schedule("a", when: "daily at 06:30", timezone: nil)), ("overlap a b", .host(["overlap", "a", "b"])),
        ("undo 4", .host(["undo", "4"])), ("verify", .host(["verify"])), ("times utc", .times(.utc)), ("mouse off", .mouse(false)),
        ("runs a", .screen("runs a")), ("status", .screen("overview")), ("members a", .members("a")), ("guard a max_leave 30%", .guardLimit(cohort: "a", name: "max_leave", value: "30%")),
    ])
    func commands(line: String, expected: PaletteCommand) throws {
        #expect(try PaletteCommand.parse(line) == expected)
    }

    @Test(arguments: [
        ("", "write a command, such as `sync NAME`; ? is help"), ("snyc a", "no command `snyc`; did you mean `sync`?"),
        ("approve", "write `approve RUN`"), ("overlap a", "write `overlap NAME NAME`"), ("demo", "`rollcall demo` runs in a shell, not in here"),
        ("theme pink", "themes are terminal, light, mono"), ("sync a --force", "`sync` takes --all, --full and --dry-run here, not --force"),
    ])
    func badCommands(line: String, sentence: String) {
        #expect {
            try PaletteCommand.parse(line)
        } throws: {
            ($0 as? CommandError)?.message == sentence
        }
    }

    /// Options of PRODUCT.md §3: each does what it says or is refused with what would be right.
    @Test(arguments: [
        ("discard 17 --reason because I say", PaletteCommand.discard("17", reason: "because I say")),
        ("approve 17 --reason \"well known\" --leaves", .approve("17", reason: "well known", leaves: true)),
        ("cancel 17 --reason=too late", .cancel("17", reason: "too late")),
        ("undo 4 --reason wrong list", .host(["undo", "4", "--reason=wrong list"])),
        ("plan vips --sample 5", .plan(["vips"], all: false, full: false, sample: 5)),
        ("plan --full vips", .plan(["vips"], all: false, full: true, sample: nil)),
        ("members vips --at 2026-11-24T09:00:00Z", .host(["members", "vips", "--at", "2026-11-24T09:00:00Z"])),
        ("events --user u-1", .user("u-1")), ("events --run 17", .run("17")), ("events --sync a@b", .screen("events a@b")),
        ("rejects --retry", .retryRejects(of: nil)), ("rejects a --retry", .retryRejects(of: "a")),
        ("rejects --dismiss 104", .dismissReject("104")), ("rejects a", .screen("rejects a")),
        ("schedule rej hourly --timezone UTC", .schedule("rej", when: "hourly", timezone: "UTC")),
        ("schedule rej hourly --preview", .host(["schedule", "rej", "hourly", "--preview"])),
        ("schedule rej --next 3", .host(["schedule", "rej", "--next", "3"])), ("purge a b", .host(["purge", "a b"])),
    ])
    func options(line: String, expected: PaletteCommand) {
        #expect((try? PaletteCommand.parse(line)) == expected, "\(line)")
    }

    @Test(arguments: [
        ("pause a --now", "`pause` takes no option here, not --now"), ("approve 1 --reason", "write a value behind --reason"),
        ("plan a --sample many", "--sample takes a number, not `many`"), ("approve 1 2", "write `approve RUN`"),
        ("events --follow", "the Events screen follows by itself; `follow` pauses it and lets it go on"),
        ("events a --user u", "`events` takes one of NAME, --sync, --user and --run here"),
        ("user u --json", "`user` takes an id and no options here; U looks up an id that holds --"),
        ("schedule a hourly --next 3", "--next shows fires and edits nothing: write it without WHEN, or with --preview"),
        ("rejects --all", "`rejects` takes --retry and --dismiss here, not --all"), ("mouse", "write `mouse on|off`"),
        ("status --json", "`status` takes no option here, not --json"), ("dismiss 104", "`dismiss` takes nothing behind it"),
    ])
    func wrongOptionsAreRefused(line: String, sentence: String) {
        #expect {
            try PaletteCommand.parse(line)
        } throws: {
            ($0 as? CommandError)?.message == sentence
        }
    }

    /// Enter carries the line out; nothing outside changes before the `y`.
    @Test(arguments: [
        "sync churn-risk", "approve 4790", "approve 4790 --reason known", "approve 4074 --leaves", "discard 4790",
        "discard 4790 --reason no", "cancel 4813", "cancel 4813 --reason late", "freeze", "undo 4071", "retire vip-no",
        "migrate vip-no", "purge u_1", "rejects --retry", "rejects --dismiss 104", "guard churn-risk max_leave 30%",
    ])
    func enterNeverConfirms(line: String) {
        var model = Sample.full()
        var partial = Sample.run(4_074, "churn-risk@hook", phase: "finished", at: -600)
        (partial.outcome, partial.withheld, partial.unreadable) = ("partial", 12, 1)
        partial.bad_rows = [BadRowView(position: 7, reason: "a quote is not closed", unreadable: true)]
        _ = model.update(.answer(.runs([partial])))
        _ = model.press(":")
        model.type(line)
        #expect(UpdateTests.acts(model.press("<enter>")).isEmpty, "\(line)")
        // The helper presses on a copy.
        for key in ["<enter>", "n", "<esc>"] { #expect(UpdateTests.acts(model.run(key)).isEmpty, "\(line) \(key)") }
        #expect(UpdateTests.acts(model.run("y")).count == 1, "\(line)")
        if line.contains("--leaves") {
            let shown = present(model, width: 80, height: 24).text
            #expect(shown.contains("row 7: a quote is not closed") && shown.contains("12 leaves"))
        }
    }

    @Test func reasonsReachTheAct() {
        var model = Sample.full()
        #expect(UpdateTests.acts(model.run(command: "approve 4790 --reason a known move")).isEmpty)
        #expect(present(model, width: 80, height: 24).text.contains("-4,120 left"))
        #expect(UpdateTests.acts(model.press("y")) == [.approve(run: "4790", reason: "a known move", leaves: false)])
        _ = model.run(command: "discard 4790 --reason because I say")
        #expect(UpdateTests.acts(model.press("y")) == [.command(["discard", "4790", "--reason=because I say"])])
    }

    @Test func guardsThatAreOffAreNamed() {
        var model = Sample.full()
        var facts = Sample.configuration
        for index in facts.cohorts.indices { facts.cohorts[index].guards = [("guards", "off")] }
        _ = model.update(.configuration(facts))
        _ = model.run(command: "guard churn-risk max_leave 30%")
        #expect(model.messages.last?.text.contains("says `guards: off`") == true)
    }

    @Test func lineOfTheLogOpensWhole() {
        var model = Sample.full()
        let text = "a long line that ends far beyond the edge of the screen, " + String(repeating: "word ", count: 20) + "here it ends"
        _ = model.update(.logLines([LogLine(at: Sample.now, level: .error, source: "send", text: text)]))
        _ = model.press("8 G")
        #expect(!present(model, width: 80, height: 24).text.contains("here it ends"))
        _ = model.run(command: "open")
        #expect(present(model, width: 80, height: 24).text.contains("here it ends"))
    }

    @Test func everyWordIsUnderstood() {
        let arguments = ["theme": "mono", "overlap": "a b", "times": "utc", "guard": "a max_leave default", "mouse": "on", "mark": "all", "copy": "row"]
        for (word, usage, _) in PaletteCommand.words {
            let line = usage.contains(" ") ? word + " " + (arguments[word] ?? "x") : word
            #expect(throws: Never.self, "\(line)") { try PaletteCommand.parse(line) }
        }
    }

    @Test func everyCommandOfTheTableIsUnderstood() throws {
        for binding in KeyTable.bindings {
            guard let command = binding.command else { continue }
            let word = String(command.prefix { $0 != " " })
            #expect(PaletteCommand.words.contains { $0.word == word }, "\(command)")
        }
    }

    @Test(arguments: [
        ("sync churn-risk", "y", [Effect.sync(["churn-risk@hook"], full: false)]),
        ("sync big-spenders", "y", [.sync(["big-spenders@segment", "big-spenders@tables"], full: false)]),
        ("sync churn-risk --full", "d", [.plan(["churn-risk@hook"], full: true)]),
        ("sync churn-risk", "<enter>", []), ("sync nobody", "<esc>", []), ("freeze", "y", [.freeze(true)]),
        ("cancel 4813", "y", [.cancel(runs: ["4813"])]), ("approve 4790", "y", [.approve(run: "4790", reason: nil, leaves: false)]),
        ("approve 4813", "<esc>", []), ("discard 4790", "y", [.discard(run: "4790")]), ("undo 4071", "y", [.command(["undo", "4071"])]),
        ("pause vip-no", "<esc>", [.pause(["vip-no@segment"], paused: true)]), ("mouse on", "<esc>", [.setMouse(true)]),
        ("dump a.txt", "<esc>", [.dumpScreen(name: "a.txt")]), ("quit", "<esc>", [.quit]),
    ])
    func effects(line: String, keys: String, expected: [Effect]) {
        var model = Sample.full()
        #expect(UpdateTests.acts(model.run(command: line) + model.press(keys)) == expected)
    }

    @Test func paletteRunsWhatIsTyped() {
        var model = Sample.full().pressed(":")
        model.type("screen rejects")
        _ = model.press("<enter>")
        #expect(model.screen == .rejects)
        _ = model.press(":")
        model.type("sch")
        _ = model.press("<tab>")
        model.type("churn")
        #expect(present(model, width: 120, height: 40).text.contains("schedule churn-risk"))
        _ = model.press("<tab> <enter>")
        #expect(model.screen == .editor)
    }

    @Test func scriptReadsAndPlays() throws {
        let script = try Script("""
            # a comment

            screen overview\r
            keys j r y
            type /hook
            wait 4/15
            dump one
            quit
            """)
        #expect(script.steps.count == 6)
        var player = ScriptPlayer(script)
        var model = Sample.full()
        var effects: [Effect] = []
        var dumps: [String] = []
        while !player.isFinished {
            switch player.step(&model, width: 80, height: 24) {
            case .advanced(let more): effects += more
            case .dump(let name): dumps.append(name)
            case .waiting(let text): Issue.record("waits for \(text)")
            case .finished: break
            }
            if effects.count > 100 { break }
        }
        #expect(dumps == ["one"])
        #expect(UpdateTests.acts(effects) == [.sync(["big-spenders@segment"], full: false), .quit])
    }

    @Test func scriptWaitsUntilTheTextShows() throws {
        var player = ScriptPlayer(try Script("wait new-cohort\nscreen logs"))
        var model = Sample.full()
        guard case .waiting("new-cohort") = player.step(&model, width: 80, height: 24) else {
            Issue.record("the text does not show yet")
            return
        }
        let view = StatusView(sync: "new-cohort@hook", cohort: "new-cohort", destination: "hook")
        _ = model.update(.answer(.status([view])))
        guard case .advanced = player.step(&model, width: 80, height: 24) else {
            Issue.record("the text shows")
            return
        }
        _ = player.step(&model, width: 80, height: 24)
        #expect(player.isFinished && model.screen == .logs)
    }

    @Test(arguments: [
        ("keys j <hyper>", 1), ("screen logs\nnonsense", 2), ("dump ../x", 1), ("dump", 1), ("\n\nwait", 3), ("type", 1), ("keys", 1),
    ])
    func badScript(text: String, line: Int) {
        #expect {
            try Script(text)
        } throws: {
            ($0 as? ScriptError)?.line == line
        }
    }

    @Test func plainSaysEachChangeOnce() {
        var plain = PlainLines(zone: .utc, isASCII: false)
        var lines = plain.lines(for: .connection(.live), now: Sample.now)
        lines += plain.lines(for: .connection(.live), now: Sample.now)
        lines += plain.lines(for: .answer(.status([Sample.statuses[3]])), now: Sample.now)
        lines += plain.lines(for: .answer(.status([Sample.statuses[3]])), now: Sample.now)
        lines += plain.lines(for: .notices([Sample.notice(1) { $0.run = Sample.held }]), now: Sample.now)
        lines += plain.lines(for: .notices([Sample.notice(2) { $0.run = Sample.held }]), now: Sample.now)
        var event = Sample.events[0]
        event.user = "evil\n\u{1B}[2J"
        lines += plain.lines(for: .notices([Sample.notice(3) { $0.event = event }]), now: Sample.now)
        #expect(lines == [
            "09:57:12 connected to the engine",
            "09:57:12 churn-risk@hook failed: HTTP 503 Service Unavailable, nine times in a row, 7,720 members, schedule every 10m",
            "09:57:12 big-spenders@segment run 4790 held, 11 entered, 4,120 left",
            "09:57:12 evil^J^[[2J entered trial-day-7@segment, accepted 200",
        ])
    }
}
