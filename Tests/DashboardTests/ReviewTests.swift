import Control
import Dashboard
import Scheduling
import Testing

/// What a reader of the screen is told must hold, whatever came in which order.
struct ReviewTests {
    private static func count(_ word: String, in text: String) -> Int {
        text.split(separator: "\n").count { $0.contains(word) }
    }

    private static func event(_ user: String, run: String = "4813", _ status: String, at seconds: Int64 = 0) -> EventView {
        EventView(
            at: Sample.time(seconds), sync: "trial-day-7@segment", run: run, user: user, event: "entered", status: status,
            request: nil, http_status: nil, attempts: 1, reasserted: false, reason: nil)
    }

    private static func csv(_ effects: [Effect]) -> String? {
        for case .saveTable(_, let csv) in effects { return csv }
        return nil
    }

    // MARK: - A held display

    @Test(arguments: [
        ("7 z", "X y", [Effect.dismiss(["100"])]),
        ("7 z", "R y", [.retry(rejects: ["100"], syncs: ["big-spenders@tables"])]),
        ("7 <space> z", "X y", [.dismiss(["100"])]),
    ] as [(String, String, [Effect])])
    func heldDisplayActsOnWhatItShows(before: String, keys: String, expected: [Effect]) {
        var model = Sample.full().pressed(before)
        _ = model.update(.answer(.rejects(Array(Sample.rejects.dropFirst()))))
        #expect(UpdateTests.acts(model.press(keys)) == expected)
    }

    @Test func heldDisplayPausesWhatItShowsAsRunning() {
        var model = Sample.full().pressed("j z")
        var views = Sample.statuses
        for index in views.indices { views[index].paused = true }
        _ = model.update(.answer(.status(views)))
        #expect(UpdateTests.acts(model.press("p")) == [.pause(["big-spenders@segment"], paused: true)])
    }

    @Test func heldDisplayShowsTheUserWhoIsAskedFor() {
        var model = Sample.full().pressed("z")
        _ = model.run(command: "user u_77")
        #expect(present(model, width: 80, height: 24).text.contains("looking u_77 up"))
        let view = UserView(user: "u_77", sync: "churn-risk@hook", member: true, told: "true", since: nil, events: [])
        _ = model.update(.answer(.user(id: "u_77", [view])))
        let text = present(model, width: 80, height: 24).text
        #expect(!text.contains("looking") && text.contains("churn-risk@hook"))
    }

    // MARK: - Streams

    @Test func aRunWatchedLiveHasARowForEachUser() {
        var model = Sample.full()
        _ = model.run(command: "run 4813")
        _ = model.update(.answer(.runEvents(run: "4813", (0..<3).map { Self.event("watched-\($0)", "pending") })))
        _ = model.update(.notices([Sample.notice(3) { $0.event = Self.event("watched-1", "accepted") }]))
        var text = present(model, width: 120, height: 40).text
        #expect(Self.count("watched-1", in: text) == 1 && text.contains("3 events"))
        #expect(text.split(separator: "\n").contains { $0.contains("watched-1") && $0.contains("accepted") })
        // The answer to a question that was under way is older than what came live.
        _ = model.update(.answer(.runEvents(run: "4813", (0..<3).map { Self.event("watched-\($0)", "pending") })))
        text = present(model, width: 120, height: 40).text
        #expect(text.split(separator: "\n").contains { $0.contains("watched-1") && $0.contains("accepted") })
    }

    @Test func aLargeRunShowsItsNewestRows() {
        var model = Sample.full()
        _ = model.run(command: "run 4813")
        _ = model.update(.answer(.runEvents(run: "4813", (0..<2_000).map { Self.event("early-\($0)", "accepted") })))
        #expect(model.omission == nil)
        var run = Sample.sending
        run.entered = 50_000
        var notices = (0..<9).map { index in Sample.notice(3 + index) { $0.event = Self.event("late-\(index)", "accepted") } }
        notices.append(Sample.notice(12) { $0.run = run })
        _ = model.update(.notices(notices))
        let text = present(model, width: 120, height: 40).text
        #expect(text.contains("late-8") && text.contains("2,000"))
        #expect(model.omission?.contains("50,000") == true)
    }

    @Test func eventsFromBeforeComeBeforeLiveOnes() {
        var model = Sample.empty()
        let live = Self.event("first-live", "accepted")
        _ = model.update(.notices([Sample.notice(1) { $0.event = live }]))
        _ = model.update(.answer(.backlog(Sample.events + [live])))
        _ = model.press("5")
        let lines = present(model, width: 120, height: 90).text.split(separator: "\n")
        #expect(lines.contains { $0.contains("61 events") })
        #expect(lines.count { $0.contains("first-live") } == 1)
        let place = lines.firstIndex { $0.contains("first-live") } ?? 0
        #expect(lines[..<place].contains { $0.contains("u_550012") } && !lines[place...].contains { $0.contains("u_550012") })
        #expect(model.omission == nil)
        // What was missed meanwhile comes behind, and nothing comes twice.
        _ = model.update(.answer(.backlog(Sample.events + [live, Self.event("missed", "accepted")])))
        let after = present(model, width: 120, height: 90).text
        #expect(after.contains("62 events") && Self.count("missed", in: after) == 1)
    }

    @Test func eventsSayWhenTheyAreNotAll() {
        var model = Sample.empty()
        _ = model.update(.answer(.status(Sample.statuses)))
        _ = model.update(.answer(.backlog((0..<5_000).map { Self.event("u-\($0)", "accepted", at: Int64($0 - 5_000) / 100) })))
        _ = model.press("5")
        #expect(model.omission?.contains("rollcall events") == true)
        _ = model.press("w")
        let text = present(model, width: 200, height: 60).text
        #expect(text.contains("events a minute, the newest 5,000") && !text.contains("a minute, the last"))
    }

    @Test func rowsOfAnotherDaySayWhich() {
        var model = Sample.full().pressed("8")
        _ = model.update(.logLines([-86_400, -40 * 86_400].map { seconds in
            LogLine(at: Sample.now.advanced(seconds: seconds), level: .info, source: "run", text: "then \(seconds)")
        }))
        let text = present(model, width: 120, height: 40).text
        #expect(text.contains("Mon 10:57:12") && text.contains("10-15 11:57"))
    }

    // MARK: - Rejects

    @Test func dismissalAsksForCountsAndDropsMarks() {
        var model = Sample.full()
        let effects = model.update(.effectDone(.done(.dismiss(["100"]), nil)))
        #expect(effects.contains(.ask(.status)) && effects.contains(.ask(.rejects)))
        _ = model.press("7 <space>")
        #expect(present(model, width: 120, height: 40).text.contains("marked 1"))
        _ = model.update(.answer(.rejects(Array(Sample.rejects.dropFirst()))))
        #expect(!present(model, width: 120, height: 40).text.contains("marked"))
        _ = model.update(.answer(.rejects([])))
        #expect(present(model, width: 120, height: 40).text.contains("no rejects wait"))
    }

    @Test func dismissalElsewhereIsNoticed() {
        var model = Sample.full().pressed("7")
        let effects = model.update(.tick(now: Sample.now.advanced(seconds: 6)))
        #expect(effects.contains(.ask(.status)))
        model = Sample.full()
        var views = Sample.statuses
        for index in views.indices { views[index].rejects = 0 }
        #expect(model.update(.answer(.status(views))).contains(.ask(.rejects)))
    }

    // MARK: - The Overview

    @Test func aDiscardedRunMovedNobody() {
        func line(_ model: DashboardModel) -> Substring? {
            present(model, width: 200, height: 60).text.split(separator: "\n").first { $0.contains("paying-users@segment") }
        }
        var model = Sample.full()
        let before = line(model)
        var run = Sample.run(9_001, "paying-users@segment", phase: "finished", at: -20)
        (run.outcome, run.finished_at, run.plan, run.entered) = ("discarded", Sample.time(-1), "a1b2", 41_000)
        _ = model.update(.notices([Sample.notice(3) { $0.run = run }]))
        #expect(before != nil && line(model) == before)
    }

    @Test func resizingKeepsTheSelectedRow() {
        var model = Sample.full().pressed("j k")
        _ = model.update(.input(.resized(width: 40, height: 10)))
        _ = model.update(.input(.resized(width: 80, height: 24)))
        #expect(UpdateTests.acts(model.press("y")) == [.copy("beta-testers@file")])
    }

    @Test func filterGoesByTheStateThatIsShown() {
        var model = Sample.full()
        var views = Sample.statuses
        for index in views.indices where views[index].state != "held" {
            views[index].last_outcome = views[index].state == "partial" ? "partial" : views[index].last_outcome
            views[index].state = "frozen"
        }
        _ = model.update(.answer(.status(views)))
        _ = model.press("/")
        model.type("status:partial")
        _ = model.press("<enter>")
        #expect(present(model, width: 200, height: 60).text.contains("1/15"))
    }

    // MARK: - Schedules, saved tables, plain lines

    @Test(arguments: [(1, "96 fires", false), (30, "1,980 fires", true)])
    func schedulesShowADayOrSayThatTheyGoOn(cohorts: Int, count: String, isCut: Bool) {
        var model = Sample.empty()
        let facts = (0..<cohorts).map { number in
            CohortFacts(
                key: "c-\(number)", name: "c-\(number)", source: "product", sourceKind: "amplitude", destinations: ["hook"],
                schedule: ScheduleSettings(when: "*/15 * * * *"))
        }
        _ = model.update(.configuration(ConfigurationFacts(path: "/srv/sync/rollcall.yaml", timezone: "UTC", cohorts: facts)))
        _ = model.press("4 G")
        let text = present(model, width: 200, height: 60).text
        #expect(text.contains(count))
        #expect(text.contains("and so on") == isCut)
    }

    @Test func savedTablesHaveWholeTimesAndNames() throws {
        var model = Sample.full()
        let syncs = try #require(Self.csv(model.press("S")))
        #expect(syncs.contains(Sample.time(168)) && syncs.contains(Sample.time(-61)))
        #expect(syncs.contains(",segment,") && !syncs.contains("31ms"))
        let events = try #require(Self.csv(model.press("5 S")))
        #expect(events.contains(Sample.events[0].at))
        let logs = try #require(Self.csv(model.press("8 S")))
        #expect(logs.contains(Sample.time(-14)))
    }

    @Test func savedTablesHaveExactNumbersAndWholeHashes() throws {
        var model = Sample.empty()
        var run = Sample.run(14, "big@slow", phase: "finished", at: -60)
        run.outcome = "cancelled"
        run.entered = 20_000
        run.accepted = 6_800
        run.plan = String(repeating: "0123456789abcdef", count: 4)
        _ = model.update(.answer(.runs([run])))
        let saved = try #require(Self.csv(model.press("3 S")))
        let row = try #require(saved.split(separator: "\r\n").dropFirst().first)
        #expect(row.contains(",20000,") && row.contains(",6800,") && row.contains(run.plan ?? "?"), "\(row)")
    }

    @Test func aUserOfManySyncsIsShownWholeOrCounted() {
        var model = Sample.empty()
        _ = model.run(command: "user vip")
        let views = (0..<10).map { index in
            UserView(
                user: "vip", sync: "c-\(index)@seg", member: index == 9, told: index == 9 ? "true" : "never", since: nil, events: [])
        }
        _ = model.update(.answer(.user(id: "vip", views)))
        let tall = present(model, width: 80, height: 24).text
        for index in 0..<10 { #expect(tall.contains("c-\(index)@seg"), "\(tall)") }
        let low = present(model, width: 80, height: 16).text
        #expect(low.contains("c-9@seg") && low.contains("more, a member in none of them"), "\(low)")
    }

    @Test func aFilterKeyThatIsNoneIsSaid() {
        var model = Sample.full()
        _ = model.run(command: "filter bogus:xx")
        #expect(present(model, width: 120, height: 24).text.contains("there is no key bogus:, only status: to:"))
        _ = model.run(command: "filter status:nothing")
        #expect(!present(model, width: 120, height: 24).text.contains("there is no key"))
    }

    @Test func fromDestinationsTheCohortIsTheOneOfTheOverview() {
        var model = Sample.full()
        _ = model.press("j j")
        let chosen = present(model, width: 120, height: 40).text.split(separator: "\n").first { $0.contains("▸") }.map(String.init)
        _ = model.press("6 2")
        guard case .cohort(let sync) = model.screen else {
            Issue.record("no cohort")
            return
        }
        #expect(chosen?.contains(sync.text) == true, "\(sync.text) of \(chosen ?? "")")
    }

    @Test func plainGivesLogLinesTheirOwnTime() {
        var plain = PlainLines(zone: .utc, isASCII: false)
        let lines = plain.lines(for: .logLines([-86_400, -60].map { seconds in
            LogLine(at: Sample.now.advanced(seconds: seconds), level: .error, source: "send", text: "no")
        }), now: Sample.now)
        #expect(lines == ["2026-11-23 09:57:12 error: no", "09:56:12 error: no"])
    }
}
