import Testing

@testable import Configuration

struct EditorTests {
    @Test(arguments: EditSample.all.indices, ["\n", "\r\n"])
    func changesExactlyItsBytes(index: Int, newline: String) throws {
        let sample = EditSample.all[index]
        let before = file(sample.before, newline: newline)
        var editor = try ConfigurationEditor(Array(before.utf8), file: "rollcall.yaml")
        try sample.edit(&editor)
        let found = String(decoding: editor.bytes, as: UTF8.self)
        #expect(Array(found.utf8) == Array(file(sample.after, newline: newline).utf8), "\(sample.name):\n\(found)")
        #expect(try model(found) == editor.model)
    }

    @Test func thereAreManySamples() {
        #expect(EditSample.all.count >= 30)
    }

    /// What can stand as `schedule:` before a pause.
    private static let schedules = [
        "", "schedule: hourly", "schedule: hourly  # c", "schedule: 0 6,18 * * *", "schedule: '0 6,18 * * *'",
        "schedule: \"0 6,18 * * *\"", "schedule: 'hourly'", "schedule: \"*/5 * * * *\" # s", "'schedule': hourly",
        "schedule: {when: hourly}", "schedule: {when: hourly, paused: false}",
        "schedule: {paused: false, when: hourly}",
        "schedule: {when: hourly, paused:   false}", "schedule: {paused:  false, when: hourly}",
        "schedule: { when: hourly, paused: false }", "schedule: {when: hourly, jitter: 3s, paused: false}",
        "schedule: {when: '0 6,18 * * *' , paused: false}", "schedule: {paused: false}",
        "schedule:\n  when: hourly", "schedule:\n  when: hourly # w\n\n  # j\n  jitter: 3s",
        "schedule:\n  paused: false\n  when: hourly", "schedule:\n  paused: false   # not now\n  when: hourly",
        "schedule:\n  when: hourly\n  paused: false   # not now", "schedule:\n    when: hourly\n    paused:  false",
        "schedule: {jitter: 3s}", "schedule: {\n    when: hourly,  # w\n    jitter: 3s\n  }",
        "schedule: {when: hourly, jitter: 3s, paused: [hook]}", "schedule: {when: hourly, paused: [ tables , hook]}",
    ]

    @Test(arguments: Self.schedules, ["\n", "\r\n"])
    func resumingGivesBackWhatPausingFound(schedule: String, newline: String) throws {
        let all = ["segment", "tables", "hook"]
        for cohort in [EditSample.head + schedule + "\nid: 9", EditSample.head + "id: 9\n" + schedule] {
            let before = Array(file(cohort, newline: newline).utf8)
            let start = try ConfigurationEditor(before, file: "rollcall.yaml")
            let paused = start.model.cohorts[0].pausedDestinations
            for mask in 1..<8 {
                let names = all.indices.filter { mask >> $0 & 1 == 1 }.map { all[$0] }.filter { !paused.contains($0) }
                guard !names.isEmpty, paused.isEmpty || names.count + paused.count < 3 else { continue }
                var editor = start
                try editor.setPaused(cohort: "vips", destinations: names, paused: true)
                #expect(editor.bytes != before)
                #expect(Set(editor.model.cohorts[0].pausedDestinations) == Set(names + paused))
                try editor.setPaused(cohort: "vips", destinations: names, paused: false)
                #expect(
                    editor.bytes == before, "\(schedule) \(names): \(String(decoding: editor.bytes, as: UTF8.self))")
                for name in names { try editor.setPaused(cohort: "vips", destinations: [name], paused: true) }
                for name in names.reversed() {
                    try editor.setPaused(cohort: "vips", destinations: [name], paused: false)
                }
                #expect(editor.bytes == before, "one by one: \(schedule) \(names)")
            }
        }
    }

    @Test func pausingTheContractsExampleAndBack() throws {
        let before = Array(productExample.utf8)
        var editor = try ConfigurationEditor(before, file: "rollcall.yaml")
        for cohort in ["big-spenders", "trial-users", "vips"] {
            try editor.setPaused(cohort: cohort, paused: true)
            #expect(editor.describeChange().count == 1)
            try editor.setPaused(cohort: cohort, paused: false)
            #expect(editor.bytes == before)
        }
        try editor.setPaused(cohort: "big-spenders", destinations: ["segment"], paused: true)
        #expect(
            editor.describeChange() == [
                LineChange(
                    line: 24, old: "    schedule: daily at 06:30",
                    new: "    schedule: {when: daily at 06:30, paused: [segment]}")
            ])
    }

    @Test func changesAreDescribedLineByLine() throws {
        var editor = try ConfigurationEditor(Array(productExample.utf8), file: "rollcall.yaml")
        #expect(editor.describeChange().isEmpty)
        try editor.setSchedule(cohort: "vips", to: ScheduleEdit(when: "hourly"))
        try editor.setGuard(cohort: "big-spenders", name: "max_leave", value: "1%")
        let changes = editor.describeChange()
        #expect(changes.first == LineChange(line: 25, old: nil, new: "    guards: {max_leave: 1%}"))
        #expect(changes.contains(LineChange(line: 40, old: "    schedule: manual", new: "    schedule: hourly")))
    }

    @Test func refusalsLeaveEverythingAsItWas() throws {
        let rows: [(String, EditSample.Edit, String)] = [
            ("schedule: >-\n  hourly", EditSample.pause(), "16:15: \"schedule\" is written as a block text"),
            ("schedule: daily\n  at 06:30", EditSample.pause(), "16:15: \"schedule\" goes over several lines"),
            ("schedule: \"daily\n  at 06:30\"", EditSample.schedule(ScheduleEdit(when: "hourly")), "several lines"),
            ("schedule: hourly", EditSample.schedule(ScheduleEdit(when: "sometimes")), "16:15: schedule \"sometimes\""),
            ("schedule: hourly", EditSample.schedule(ScheduleEdit(when: "")), "\"schedule\" of cohort \"vips\""),
            ("schedule: hourly", EditSample.schedule(ScheduleEdit(when: "a\nb")), "one line"),
            ("schedule: hourly", EditSample.schedule(ScheduleEdit(jitter: .set("5"))), "the unit is missing"),
            ("schedule: hourly", EditSample.schedule(ScheduleEdit(timezone: .set("Nowhere"))), "Nowhere"),
            ("schedule: hourly", EditSample.schedule(ScheduleEdit(when: "hourly, jitter: 3s}")), "schedule"),
            ("guards: off", EditSample.limit("max_leave", "1%"), "16:13: the guards are off"),
            ("guards: {max_leave: 1%}", EditSample.limit("max_leave", "1"), "such as 20%"),
            ("guards: {max_leave: 1%}", EditSample.limit("max_lave", "1%"), "there is no guard \"max_lave\""),
            (
                "guards:\n  max_leave: 1%\n  max_growth: 2x # c", EditSample.limit("max_growth", nil),
                "18:7: \"max_growth\""
            ),
            (
                "schedule:\n  paused:\n    - hook # c\n    - tables", EditSample.resume("hook"),
                "a comment stands within"
            ),
            (
                "schedule:\n  jitter: 3s # j\n  when: hourly", EditSample.schedule(ScheduleEdit(jitter: .remove)),
                "17:7: \"jitter\" shares its line with a comment"
            ),
            (
                "schedule: {when: hourly, # w\n  jitter: 3s}", EditSample.schedule(ScheduleEdit(jitter: .remove)),
                "17:7: \"jitter\" shares its line with a comment"
            ),
            ("id: 1", EditSample.pause("nobody"), "has no destination \"nobody\""),
            ("id: 1", { try $0.setPaused(cohort: "vip", paused: true) }, "did you mean \"vips\"?"),
        ]
        for (keys, edit, message) in rows {
            let before = Array(workspace(cohort: EditSample.head + keys).utf8)
            var editor = try ConfigurationEditor(before, file: "rollcall.yaml")
            do {
                try edit(&editor)
                Issue.record("\(keys) was edited to \(String(decoding: editor.bytes, as: UTF8.self))")
            } catch let error as ConfigurationEditError {
                #expect("\(error)".contains(message), "\(keys): \(error)")
            }
            #expect(editor.bytes == before)
            #expect(editor.describeChange().isEmpty)
        }
    }

    /// A block text that keeps its blank lines would lose them to a line that is put behind its last word.
    @Test func editThatWouldSayMoreIsRefused() throws {
        let text = workspace(cohort: "source: app\nto: [segment]\nquery: |+\n  SELECT 1\n\n")
        var editor = try ConfigurationEditor(Array(text.utf8), file: "rollcall.yaml")
        do {
            try editor.setPaused(cohort: "vips", paused: true)
            Issue.record("it was edited to \(String(decoding: editor.bytes, as: UTF8.self))")
        } catch {
            #expect("\(error)".hasPrefix("rollcall.yaml:12:3: the edited file would not say what was meant"))
        }
        #expect(editor.bytes == Array(text.utf8))
    }

    @Test func byteOrderMarkStays() throws {
        let before = [0xEF, 0xBB, 0xBF] + Array(workspace(cohort: EditSample.head + "schedule: hourly").utf8)
        var editor = try ConfigurationEditor(before, file: "rollcall.yaml")
        try editor.setSchedule(cohort: "vips", to: ScheduleEdit(when: "manual"))
        #expect(editor.bytes.starts(with: [0xEF, 0xBB, 0xBF, 0x76]))
        #expect(try Configuration.parse(editor.bytes, file: "x").cohorts[0].schedule.text == "manual")
    }

    @Test func textBeyondASCIIBeforeTheValue() throws {
        let keys = EditSample.head + "name: Größe 😀\nschedule: hourly  # ¿qué?"
        var editor = try ConfigurationEditor(Array(workspace(cohort: keys).utf8), file: "rollcall.yaml")
        try editor.setPaused(cohort: "vips", paused: true)
        #expect(
            String(decoding: editor.bytes, as: UTF8.self)
                == workspace(
                    cohort: EditSample.head + "name: Größe 😀\nschedule: {when: hourly, paused: true}  # ¿qué?"))
    }

    private func file(_ cohort: String, newline: String) -> String {
        let text =
            cohort.hasPrefix("{")
            ? workspace(cohort: "").replacing("  vips:", with: "  vips: \(cohort)") : workspace(cohort: cohort)
        return text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: newline)
    }
}
