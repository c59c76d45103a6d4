import Control
import Dashboard
import Scheduling
import Testing

/// What the screens must show whole, truly, and in little room.
struct ReviewScreenTests {
    private func text(_ model: DashboardModel, _ width: Int = 80, _ height: Int = 24) -> String {
        present(model, width: width, height: height).text
    }

    private func after(_ line: String, _ model: DashboardModel = Sample.full()) -> DashboardModel {
        var model = model
        _ = model.run(command: line)
        return model
    }

    // MARK: - A refused file

    @Test func refusedFileClaimsNothing() {
        var model = Sample.full()
        let problem = "rollcall.yaml:3:1: unknown key"
        _ = model.update(.configuration(ConfigurationFacts(path: "/srv/sync/rollcall.yaml", problem: problem)))
        let sentence = "rollcall.yaml is refused; what the engine runs is not shown here"
        #expect(text(model.pressed("4")).contains(sentence))
        #expect(!text(model.pressed("4")).contains("nothing will fire"))
        #expect(text(model.pressed("9")).contains(sentence))
        #expect(!text(model.pressed("9")).contains("0 cohorts"))
        #expect(text(after("go churn-risk", model)).contains("guards    " + sentence))
        #expect(!text(after("go churn-risk", model)).contains("every 10m  UTC"))
    }

    @Test func wholeProblemShowsOnTheEngineScreenAndInMessages() {
        var model = Sample.full()
        var facts = Sample.configuration
        facts.problem = "rollcall.yaml:48:15: " + String(repeating: "what is wrong ", count: 9) + "and-what-would-be-right"
        _ = model.update(.configuration(facts))
        #expect(text(model.pressed("9")).contains("and-what-would-be-right"))
        #expect(text(after("messages", model)).contains("and-what-would-be-right"))
    }

    // MARK: - Little room

    @Test func smallApprovalShowsTheNumbers() {
        let shown = text(after("approve 4790"), 40, 10)
        #expect(shown.contains("+11 entered  -4,120 left") && shown.contains("33% leave"), "\(shown)")
    }

    @Test func smallScreensSayWhatTheyAreAbout() {
        let run = text(after("run 4790"), 40, 10)
        #expect(run.contains("4790 big-spenders@segment") && run.contains("held") && run.contains("+11 -4,120"), "\(run)")
        #expect(text(after("user u_902113"), 40, 10).contains("user u_902113"))
        #expect(text(after("go churn-risk"), 40, 10).contains("churn-risk@hook"))
        #expect(text(Sample.full().pressed("7"), 40, 10).contains("id is longer than the column"))
        #expect(text(Sample.full(), 40, 10).contains("quota 4788"))
    }

    @Test func smallListsScroll() {
        var model = Sample.full()
        _ = model.update(.input(.resized(width: 40, height: 10)))
        _ = model.press("7 G")
        #expect(text(model, 40, 10).contains("14/14"))
        #expect(text(model, 40, 10).contains("▸"))
    }

    // MARK: - What must not be cut

    @Test func changeIsShownWhole() throws {
        var model = after("schedule paying-users daily at 06:30")
        guard case .describeSchedule(let edition)? = model.press("<ctrl-s>").first else {
            Issue.record("nothing was asked")
            return
        }
        let rest = String(repeating: "x: 1, ", count: 20)
        let change = LineEdit(line: 7, old: "  schedule: {\(rest)before-here}", new: "  schedule: {\(rest)after-there}")
        _ = model.update(.effectDone(.scheduleChange(edition, .success([change]))))
        #expect(text(model).contains("before-here}") && text(model).contains("after-there}"))
    }

    @Test func pathsKeepTheirEnd() {
        var model = Sample.full()
        let path = "/srv/" + String(repeating: "folder/", count: 12) + "dumps/screen-1.txt"
        _ = model.update(.effectDone(.done(.dumpScreen(name: nil), "wrote \(path)")))
        #expect(text(model).contains("wrote …") && text(model).contains("dumps/screen-1.txt"))
        #expect(text(after("messages", model)).contains("dumps/screen-1.txt"))
    }

    @Test func guardsShowWhole() {
        var model = Sample.full()
        var facts = Sample.configuration
        for index in facts.cohorts.indices {
            facts.cohorts[index].guards = [
                ("max_leave", "20 %"), ("max_leave_count", "none"), ("max_leave_daily", "30 %"), ("max_growth", "5x"),
                ("min_overlap", "50 %"), ("allow_empty", "false"),
            ]
        }
        _ = model.update(.configuration(facts))
        let shown = text(after("go churn-risk", model))
        #expect(shown.contains("max_leave 20 %") && shown.contains("allow_empty false") && shown.contains("told "), "\(shown)")
    }

    @Test func noteOfAFireStaysWithIt() {
        var model = Sample.full()
        _ = model.update(.tick(now: Instant.parse(rfc3339: "2026-03-27T12:00:00Z") ?? Sample.now))
        _ = model.run(command: "schedule paying-users daily at 02:30")
        for height in 12...30 {
            let shown = text(model, 80, height)
            guard shown.contains("Sun 29 Mar") else { continue }
            #expect(shown.contains("skipped by a clock change"), "\(height) lines")
        }
    }

    // MARK: - The editor

    private func partlyPaused() -> DashboardModel {
        var model = Sample.full()
        var facts = Sample.configuration
        for index in facts.cohorts.indices where facts.cohorts[index].key == "big-spenders" {
            facts.cohorts[index].schedule.pausedDestinations = ["tables"]
        }
        _ = model.update(.configuration(facts))
        return after("schedule big-spenders", model)
    }

    @Test func someDestinationsPausedStaySo() {
        var model = partlyPaused()
        #expect(text(model, 120, 40).contains("(●) some: tables"))
        _ = model.press("<end>")
        model.type("0")
        _ = model.press("<backspace> <backspace>")
        model.type("1")
        guard case .describeSchedule(let edition)? = model.press("<ctrl-s>").first else {
            Issue.record("nothing was asked")
            return
        }
        #expect(edition.after.pausedDestinations == ["tables"] && !edition.after.isPaused)
    }

    @Test func someDestinationsPausedCanBeResumed() {
        var model = partlyPaused()
        _ = model.press("<tab> <tab> <tab> <tab> <tab> <space>")
        guard case .describeSchedule(let edition)? = model.press("<ctrl-s>").first else {
            Issue.record("nothing was asked")
            return
        }
        #expect(edition.after.pausedDestinations.isEmpty && !edition.after.isPaused)
    }

    @Test func zoneOfTheCommandReachesTheEditor() {
        var model = after("schedule paying-users daily at 06:30 --timezone Asia/Tokyo")
        guard case .describeSchedule(let edition)? = model.press("<ctrl-s>").first else {
            Issue.record("nothing was asked")
            return
        }
        #expect(edition.after.when == "daily at 06:30" && edition.after.timezone == "Asia/Tokyo")
    }

    // MARK: - Nobody serves

    @Test func lookingOnSaysThatNoEngineServes() {
        var model = Sample.full(Sample.options { $0.isReadOnly = true })
        #expect(!text(model).contains("no engine serves this workspace"))
        var engine = Sample.engine
        engine.purpose = "none"
        _ = model.update(.answer(.engine(engine)))
        #expect(text(model).contains("no engine serves this workspace"))
        #expect(text(model).contains("◌ no engine") && !text(model).contains("● live"))
    }

    @Test func anEmptyScreenSaysWhatIsMissing() {
        var model = Sample.empty(Sample.options { $0.isReadOnly = true })
        var facts = ConfigurationFacts(path: "/srv/sync/rollcall.yaml")
        #expect(!text(model).contains("does not exist"))
        facts.isMissing = true
        _ = model.update(.configuration(facts))
        var engine = Sample.engine
        engine.purpose = "none"
        _ = model.update(.answer(.engine(engine)))
        #expect(text(model).contains("/srv/sync/rollcall.yaml does not exist"))
        #expect(text(model).contains("engine   none") && !text(model).contains("pid"))
    }
}
