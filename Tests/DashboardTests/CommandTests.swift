import Control
import Dashboard
import Scheduling
import Testing

struct CommandTests {
    @Test(arguments: [
        ("sync a b@c", PaletteCommand.sync(["a", "b@c"], all: false, full: false, dryRun: false)),
        ("sync --all --full", .sync([], all: true, full: true, dryRun: false)),
        ("  sync a --dry-run", .sync(["a"], all: false, full: false, dryRun: true)),
        ("plan a", .plan(["a"], all: false)), ("approve 12", .approve("12")), ("approve 12 --leaves", .host(["approve", "12", "--leaves"])),
        ("freeze", .freeze(true)), ("unfreeze", .freeze(false)), ("user a b", .user("a b")), ("filter to:x !y", .filter("to:x !y")),
        ("filter", .filter("")), ("sort next desc", .sort("next", descending: true)), ("theme mono", .theme(.mono)),
        ("dump", .dump(nil)), ("dump x.txt", .dump("x.txt")), ("screen events", .screen("events")), ("quit", .action(.quit)),
        ("schedule a daily at 06:30", .schedule("a", when: "daily at 06:30")), ("overlap a b", .host(["overlap", "a", "b"])),
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

    @Test func everyWordIsUnderstood() {
        let arguments = ["theme": "mono", "overlap": "a b", "times": "utc", "guard": "a max_leave default"]
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
        ("approve 4813", "<esc>", []), ("discard 4790", "y", [.discard(run: "4790")]), ("undo 4071", "<esc>", [.command(["undo", "4071"])]),
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
