import Control
import Dashboard
import Scheduling
import Testing

/// Keys in, effects out.
struct UpdateTests {
    /// What an effect asks for, without the reading that goes with it.
    static func acts(_ effects: [Effect]) -> [Effect] {
        effects.filter { if case .ask = $0 { false } else { true } }
    }

    @Test(arguments: [
        ("j r y", [Effect.sync(["big-spenders@segment"], full: false)]),
        ("j r d", [.plan(["big-spenders@segment"], full: false)]),
        ("j r <enter>", []), ("j r n", []), ("j r <esc>", []), ("j r q", []),
        ("j D", [.plan(["big-spenders@segment"], full: false)]),
        ("j j <space> <space> r y", [.sync(["big-spenders@tables", "cart-abandon@hook"], full: false)]),
        ("j V j j r y", [.sync(["big-spenders@segment", "big-spenders@tables", "cart-abandon@hook"], full: false)]),
        ("j <space> <esc> j r y", [.sync(["cart-abandon@hook"], full: false)]),
        ("p", [.pause(["beta-testers@file"], paused: false)]),
        ("j p", [.pause(["big-spenders@segment"], paused: true)]),
        ("j p u", [.pause(["big-spenders@segment"], paused: true), .pause(["big-spenders@segment"], paused: false)]),
        ("u", []), ("F y", [.freeze(true)]), ("F <enter>", []),
        ("j a y", [.approve(run: "4790", reason: nil, leaves: false)]), ("j a <enter>", []), ("j a n", []),
        ("j X y", [.discard(run: "4790")]), ("j X x", []), ("a y", []), ("X y", []),
        ("G k k x y", [.cancel(runs: ["4813"])]), ("x y", []),
        ("E", [.openEditor(cohort: "beta-testers")]), ("A", [.addCohort]),
        ("<enter> q q", [.quit]), ("q", [.quit]), ("<ctrl-c> <ctrl-c>", [.quit]), ("<ctrl-z>", [.suspend]),
        ("<ctrl-l>", [.redraw]), ("P", [.dumpScreen(name: nil)]),
        ("y", [.copy("beta-testers@file")]), ("<right> y", [.copy("paused")]),
        ("7 R y", [.retry(rejects: ["100"], syncs: ["big-spenders@tables"])]),
        ("7 X y", [.dismiss(["100"])]), ("7 X <enter>", []),
        ("7 <space> <space> X y", []), ("7 <space> <space> X 2 y", [.dismiss(["100", "101"])]),
        ("7 <space> <space> X 3 y", []), ("7 <space> <space> X 2 <enter>", []),
        ("5 r y", [.sync(["cart-abandon@hook"], full: false)]), ("6 r y", []), ("8 r y", []), ("9 r y", []),
        ("<enter> r y", [.sync(["beta-testers@file"], full: false)]),
        ("w r y", [.sync(["churn-risk@hook"], full: false)]),
        ("? r y <esc>", []), (": r y <esc>", []), ("/ r y <esc>", []), ("U r y <esc>", []), ("s r y", []), ("c r y", []),
    ] as [(String, [Effect])])
    func keysGiveEffects(keys: String, expected: [Effect]) {
        var model = Sample.full()
        // Where an action is refused nothing asks, so that `y` copies.
        let copies = expected.contains { if case .copy = $0 { true } else { false } }
        let effects = Self.acts(model.press(keys)).filter { if case .copy = $0 { copies } else { true } }
        #expect(effects == expected)
    }

    @Test func enterNeverChangesAnything() {
        for screen in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "w"] {
            for lead in ["", "r", "j r", "F", "x", "a", "X", "R", "<space> <space> X 2", "<space> <space> r"] {
                var model = Sample.full()
                _ = model.press(screen)
                _ = model.press(lead)
                #expect(Self.acts(model.press("<enter> <enter> <enter>")).isEmpty, "\(screen) \(lead)")
            }
        }
    }

    @Test func pasteNeverActs() {
        for keys in ["", "r", "F", "7", "7 X", "/", ":", "U", "?", "5", "e", "j a", "s"] {
            var model = Sample.full()
            _ = model.press(keys)
            let effects = model.update(.input(.paste("y\ny\rsync --all\u{1B}[2~\ny")))
            #expect(Self.acts(effects).isEmpty, "\(keys)")
            #expect(!model.isQuitting)
        }
        var model = Sample.full()
        _ = model.update(.input(.paste("y")))
        #expect(model.messages.last?.text == "the paste was ignored: no field is open")
    }

    @Test func undoEndsAfterTenSeconds() {
        var model = Sample.full()
        _ = model.press("j p")
        _ = model.update(.tick(now: Sample.now.advanced(milliseconds: 10_000)))
        #expect(Self.acts(model.press("u")).isEmpty)
        #expect(model.messages.last?.text == "nothing to undo")
    }

    @Test func escapePeelsOneLayerAtATime() {
        var model = Sample.full()
        _ = model.press("<enter> <esc>")
        #expect(model.screen == .overview)
        _ = model.press("/")
        model.type("hook")
        _ = model.press("<enter> <space>")
        #expect(present(model, width: 80, height: 24).text.contains("marked 1"))
        _ = model.press("<esc>")
        #expect(!present(model, width: 80, height: 24).text.contains("marked 1"))
        #expect(present(model, width: 80, height: 24).text.contains("filter hook"))
        _ = model.press("<esc>")
        #expect(!present(model, width: 80, height: 24).text.contains("filter hook"))
    }

    @Test func hostedQuitAsksWhileARunIsUnderWay() {
        var model = Sample.full()
        _ = model.update(.hosting)
        #expect(Self.acts(model.press("q n")).isEmpty)
        #expect(!model.isQuitting)
        #expect(Self.acts(model.press("q y")) == [.quit])
        #expect(model.isQuitting)
    }

    @Test(arguments: ["r", "p", "F", "e", "E", "A", "j a", "j X", "7 R", "7 X", "G k k x"])
    func readOnlyRefusesWithASentence(keys: String) {
        var model = Sample.full(Sample.options { $0.isReadOnly = true })
        #expect(Self.acts(model.press(keys + " y")).allSatisfy { if case .copy = $0 { true } else { false } })
        #expect(model.messages.contains { $0.text.hasPrefix("read-only: ") }, "\(keys)")
        let screen = present(model, width: 200, height: 60).text
        #expect(screen.contains("[RO]"))
        let footer = screen.split(separator: "\n").last ?? ""
        #expect(!footer.contains("r sync") && !footer.contains("F freeze"))
    }

    @Test(arguments: ["sync --all", "pause vip-no", "freeze", "approve 4790", "undo 4071", "retire vip-no", "schedule vip-no"])
    func readOnlyRefusesCommandsToo(line: String) {
        var model = Sample.full(Sample.options { $0.isReadOnly = true })
        #expect(Self.acts(model.run(command: line) + model.press("y")).allSatisfy { $0 == .copy("beta-testers@file") })
        #expect(model.messages.contains { $0.text.hasPrefix("read-only: ") })
    }

    @Test func nothingIsAskedOfAnAbsentEngine() {
        var model = Sample.full()
        _ = model.update(.connection(.reconnecting(attempt: 1, retryAt: Sample.now, since: Sample.now)))
        #expect(Self.acts(model.press("r y D F y")).filter { if case .copy = $0 { false } else { true } }.isEmpty)
        #expect(model.messages.contains { $0.text.contains("the engine is away") })
        let effects = model.update(.connection(.live))
        #expect(effects.contains(.ask(.status)) && effects.contains(.ask(.engine)))
    }

    @Test func selectionFollowsItsRow() {
        var model = Sample.full()
        _ = model.press("j j j j")
        #expect(present(model, width: 80, height: 24).text.contains("▸✗ churn-risk@hook"))
        var views = Sample.statuses
        views.insert(StatusView(sync: "aaa@segment", cohort: "aaa", destination: "segment"), at: 3)
        _ = model.update(.answer(.status(views)))
        #expect(present(model, width: 80, height: 24).text.contains("▸✗ churn-risk@hook"))
        _ = model.press("I")
        #expect(present(model, width: 80, height: 24).text.contains("▸✗ churn-risk@hook"))
        views.removeAll { $0.cohort == "churn-risk" }
        _ = model.update(.answer(.status(views)))
        #expect(present(model, width: 80, height: 24).text.contains("▸"))
    }

    @Test func pausedStreamStaysWhereItIs() {
        var model = Sample.full().pressed("5 k k k")
        let before = present(model, width: 80, height: 24).text.split(separator: "\n").dropFirst(2).prefix(15)
        let notices = (0..<500).map { index in
            Sample.notice(3 + index) { notice in
                var event = Sample.events[index % 60]
                event.user = "new-\(index)"
                notice.event = event
            }
        }
        _ = model.update(.notices(notices))
        let frame = present(model, width: 80, height: 24).text
        #expect(frame.split(separator: "\n").dropFirst(2).prefix(15).elementsEqual(before))
        #expect(frame.contains("500 new"))
        _ = model.press("G")
        #expect(present(model, width: 80, height: 24).text.contains("new-499"))
    }

    @Test func streamsAreBounded() {
        var model = Sample.full().pressed("5 g")
        let event = Sample.events[0]
        var sequence = 3
        for _ in 0..<25 {
            let notices = (0..<1_000).map { _ -> ChangeNotice in
                sequence += 1
                return Sample.notice(sequence) { $0.event = event }
            }
            _ = model.update(.notices(notices))
        }
        #expect(present(model, width: 120, height: 40).text.contains("10,000 events"))
        for _ in 0..<300 { _ = model.press("<ctrl-r>") }
        #expect(model.messages.count == DashboardModel.messageCapacity)
    }

    @Test func gapInNoticesAsksAnew() {
        var model = Sample.full()
        _ = model.update(.answer(.engine(Sample.engine)))
        let effects = model.update(.notices([Sample.notice(99) { $0.frozen = false }]))
        #expect(effects.contains(.ask(.engine)))
        #expect(effects.contains { if case .ask(.runs) = $0 { true } else { false } })
    }

    @Test func heldDisplayStandsStill() {
        var model = Sample.full().pressed("z")
        let before = present(model, width: 80, height: 24).text
        _ = model.update(.tick(now: Sample.now.advanced(seconds: 500)))
        _ = model.update(.notices([Sample.notice(3) { $0.event = Sample.events[0] }]))
        _ = model.update(.answer(.status([])))
        let lines = present(model, width: 80, height: 24).text.split(separator: "\n", omittingEmptySubsequences: false)
        let old = before.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.dropFirst(1).dropLast(2).elementsEqual(old.dropFirst(1).dropLast(2)))
        _ = model.press("z")
        #expect(present(model, width: 80, height: 24).text.contains("No cohorts are configured yet."))
    }

    @Test func countdownTurnsIntoLate() {
        var model = Sample.full()
        func line(_ model: DashboardModel) -> String {
            present(model, width: 80, height: 24).text.split(separator: "\n").first { $0.contains("cart-abandon@hook") }
                .map(String.init) ?? ""
        }
        #expect(line(model).contains("in 48s"))
        #expect(nextTick(model, now: Sample.now) == Sample.now.advanced(milliseconds: 1))
        _ = model.update(.tick(now: Sample.now.advanced(seconds: 60)))
        #expect(line(model).contains("due"))
        _ = model.update(.tick(now: Sample.now.advanced(seconds: 48 + 12 * 60)))
        #expect(line(model).contains("late 12m") && line(model).contains("overdue"))
    }

    @Test func nothingTicksWhereNothingCounts() {
        var model = Sample.empty()
        _ = model.update(.tick(now: Sample.now))
        #expect(nextTick(model, now: Sample.now) == nil)
        model = Sample.full()
        _ = model.run(command: "times utc")
        _ = model.press("8")
        _ = model.update(.tick(now: Sample.now.advanced(seconds: 60)))
        #expect(nextTick(model, now: Sample.now.advanced(seconds: 60)) == nil)
    }

    @Test func nextTickIsWhenTheScreenChanges() throws {
        var model = Sample.full()
        var now = Sample.now.advanced(milliseconds: 137)
        for _ in 0..<40 {
            _ = model.update(.tick(now: now))
            let next = try #require(nextTick(model, now: now))
            #expect(next > now)
            let frame = present(model, width: 80, height: 24)
            if next.milliseconds(since: now) > 2 {
                var before = model
                _ = before.update(.tick(now: next.advanced(milliseconds: -1)))
                #expect(present(before, width: 80, height: 24) == frame, "changed before \(next)")
            }
            now = next
        }
    }

    @Test func answersForOthersAreNotTaken() {
        var model = Sample.full()
        _ = model.run(command: "user u_1")
        _ = model.update(.answer(.failed(.user("u_1"), Refusal(code: 64, message: "no such user \u{1B}[2J"))))
        #expect(present(model, width: 80, height: 24).text.contains("no such user ^[[2J"))
    }
}
