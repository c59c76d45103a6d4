import Control
import Dashboard
import Scheduling
import Testing

struct EditorTests {
    private func editing(_ cohort: String) -> DashboardModel {
        var model = Sample.full()
        _ = model.run(command: "schedule \(cohort)")
        return model
    }

    private func screen(_ model: DashboardModel) -> String { present(model, width: 120, height: 40).text }

    @Test func firstFocusIsTheText() {
        var model = editing("paying-users")
        _ = model.press("<end>")
        model.type(" at :15")
        #expect(screen(model).contains("hourly at :15"))
        #expect(screen(model).contains("at minute 15 past every hour"))
        #expect(screen(model).contains("unsaved"))
    }

    @Test(arguments: ["j", "q", "r", "y", "F", ":", "?", "1", " "])
    func fieldTakesEveryPrintableKey(key: String) {
        var model = editing("paying-users")
        model.type(key)
        #expect(model.screen == .editor)
        #expect(screen(model).contains("hourly\(key)"))
    }

    @Test func savingShowsTheLineAndAsks() throws {
        var model = editing("paying-users")
        _ = model.press("<ctrl-u>")
        model.type("daily at 06:30")
        let effect = try #require(model.press("<ctrl-s>").first)
        guard case .describeSchedule(let edition) = effect else {
            Issue.record("\(effect)")
            return
        }
        #expect(edition.before.when == "hourly" && edition.after.when == "daily at 06:30")
        #expect(edition.after.timezone == nil && edition.after.overlap == nil && edition.after.jitter == nil)
        let change = [LineEdit(line: 7, old: "  schedule: hourly", new: "  schedule: daily at 06:30")]
        _ = model.update(.effectDone(.scheduleChange(edition, .success(change))))
        #expect(screen(model).contains("7 +   schedule: daily at 06:30"))
        #expect(UpdateTests.acts(model.pressed("<esc>").pressed("").run("")).isEmpty)
        #expect(model.press("y") == [.saveSchedule(edition)])
        // Escape comes before the answer does; the question it asks is settled by it.
        _ = model.press("<esc>")
        #expect(screen(model).contains("leave without saving"))
        _ = model.update(.effectDone(.done(.saveSchedule(edition), "saved")))
        #expect(!screen(model).contains("leave without saving"))
        #expect(model.screen == .overview)
    }

    @Test func mistakesAreNotSaved() {
        var model = editing("paying-users")
        model.type("!!")
        #expect(screen(model).contains("✗ not valid"))
        #expect(UpdateTests.acts(model.press("<ctrl-s>")).isEmpty)
        #expect(model.messages.last?.text.hasPrefix("not saved: ") == true)
        _ = model.press("<ctrl-r>")
        #expect(screen(model).contains("✓ valid") && !screen(model).contains("unsaved"))
    }

    @Test func leavingAsksWhenUnsaved() {
        var model = editing("paying-users")
        _ = model.press("<esc>")
        #expect(model.screen == .overview)
        model = editing("paying-users")
        model.type("x")
        _ = model.press("<esc> n")
        #expect(model.screen == .editor)
        _ = model.press("<esc> y")
        #expect(model.screen == .overview)
    }

    @Test func choicesAndZones() throws {
        var model = editing("churn-risk")
        _ = model.press("<tab> <ctrl-u>")
        model.type("Europe/Berln")
        #expect(screen(model).contains("did you mean `Europe/Berlin`?"))
        _ = model.press("<ctrl-u>")
        model.type("Asia/Tokyo")
        _ = model.press("<tab> <tab> <space> <tab> <right> <tab> <space>")
        guard case .describeSchedule(let edition)? = model.press("<ctrl-s>").first else {
            Issue.record("nothing was asked")
            return
        }
        #expect(edition.after == ScheduleSettings(
            when: "every 10m", timezone: "Asia/Tokyo", jitter: "30s", overlap: "queue", catchUp: "none", isPaused: true))
    }

    @Test func badJitterIsNamed() {
        var model = editing("churn-risk")
        _ = model.press("<tab> <tab> <ctrl-u>")
        model.type("soon")
        #expect(screen(model).contains("write a time such as 30s"))
        #expect(UpdateTests.acts(model.press("<ctrl-s>")).isEmpty)
    }

    @Test(arguments: ["daily at 1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "DAILY AT 99999999999999999999:00", "weekly on mon at 0:00000000000000000000"])
    func longTimesDoNotTrap(text: String) {
        var model = editing("paying-users")
        _ = model.press("<ctrl-u>")
        model.type(text)
        #expect(screen(model).contains("not valid"))
    }

    @Test func farGapsSayWhatTheyDo() {
        var model = Sample.full()
        _ = model.run(command: "schedule paying-users daily at 02:30")
        #expect(present(model, width: 120, height: 40).text.contains("02:30 skipped: runs right after"))
        _ = model.press("<esc> y")
        _ = model.run(command: "schedule paying-users daily at 12:30")
        let text = present(model, width: 120, height: 40).text
        #expect(text.contains("no fires affected") && !text.contains("skipped"), "\(text)")
    }

    @Test func gapsAndRepeatsAreMarked() {
        var model = Sample.full()
        _ = model.update(.tick(now: Instant.parse(rfc3339: "2026-03-27T12:00:00Z") ?? Sample.now))
        _ = model.run(command: "schedule paying-users daily at 02:30")
        #expect(present(model, width: 200, height: 60).text.contains("is skipped by a clock change"))
        _ = model.update(.tick(now: Instant.parse(rfc3339: "2026-10-23T12:00:00Z") ?? Sample.now))
        _ = model.press("<esc> y")
        _ = model.run(command: "schedule paying-users daily at 02:30")
        #expect(present(model, width: 200, height: 60).text.contains("clocks show this time twice"))
    }

    @Test func editElsewhereIsNoticed() {
        var model = editing("paying-users")
        model.type("x")
        var facts = Sample.configuration
        facts.cohorts[0].schedule.when = "daily at 09:00"
        _ = model.update(.configuration(facts))
        #expect(screen(model).contains("rollcall.yaml says `daily at 09:00` by now"))
        _ = model.press("<backspace>")
        model.type(" at :05")
        #expect(UpdateTests.acts(model.press("<ctrl-s>")).isEmpty)
        _ = model.press("<ctrl-r>")
        #expect(screen(model).contains("every day at 09:00"))
    }

    @Test func quotaEffectIsShown() {
        var model = editing("paying-users")
        _ = model.press("<ctrl-u>")
        model.type("*/5 * * * *")
        #expect(screen(model).contains("15,664 planned a month, 10,000 allowed"))
        #expect(screen(model).contains("the month's downloads do not suffice"))
    }

    @Test func longestGapSpansNightsAndWeekends() {
        var model = editing("paying-users")
        _ = model.press("<ctrl-u>")
        model.type("*/10 8-18 * * mon-fri")
        #expect(screen(model).contains("longest time between two runs 2d13h"))
    }
}

extension DashboardModel {
    /// Effects of keys on a copy.
    func run(_ keys: String) -> [Effect] {
        var copy = self
        return copy.press(keys)
    }
}
