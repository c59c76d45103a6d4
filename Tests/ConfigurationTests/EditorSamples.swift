@testable import Configuration

/// An edit of the cohort `vips`, whose keys are given, and what the keys must be afterwards, byte for byte.
struct EditSample: Sendable {
    typealias Edit = @Sendable (inout ConfigurationEditor) throws -> Void

    let name: String
    let before: String
    let after: String
    let edit: Edit

    init(_ name: String, _ before: String, _ after: String, _ edit: @escaping Edit) {
        self.name = name
        self.before = before
        self.after = after
        self.edit = edit
    }
}

extension EditSample {
    static let head = "source: lists   # from marketing\n'file': v.csv\nto: [segment, tables, hook]\n"

    static func schedule(_ edit: ScheduleEdit) -> Edit {
        { editor in try editor.setSchedule(cohort: "vips", to: edit) }
    }

    static func pause(_ destinations: String...) -> Edit {
        { editor in
            try editor.setPaused(
                cohort: "vips", destinations: destinations.isEmpty ? nil : destinations, paused: true)
        }
    }

    static func resume(_ destinations: String...) -> Edit {
        { editor in
            try editor.setPaused(
                cohort: "vips", destinations: destinations.isEmpty ? nil : destinations, paused: false)
        }
    }

    static func limit(_ name: String, _ value: String?) -> Edit {
        { editor in try editor.setGuard(cohort: "vips", name: name, value: value) }
    }

    static let all = schedules + fields + pauses + lists + limits

    static let schedules = [
        EditSample(
            "plain", head + "schedule: daily at 06:30\nid: x", head + "schedule: hourly\nid: x",
            schedule(ScheduleEdit(when: "hourly"))),
        EditSample(
            "comment behind", head + "schedule:   daily at 06:30   # early\n# last",
            head + "schedule:   manual   # early\n# last",
            schedule(ScheduleEdit(when: "manual"))),
        EditSample(
            "double quotes stay", head + "schedule: \"daily at 06:30\"", head + "schedule: \"hourly at :15\"",
            schedule(ScheduleEdit(when: "hourly at :15"))),
        EditSample(
            "single quotes stay", head + "schedule: 'hourly' # x", head + "schedule: 'daily at 07:00' # x",
            schedule(ScheduleEdit(when: "daily at 07:00"))),
        EditSample(
            "cron with a star gets quotes", head + "schedule: hourly", head + "schedule: \"*/15 * * * *\"",
            schedule(ScheduleEdit(when: "*/15 * * * *"))),
        EditSample(
            "nickname gets quotes", head + "schedule: hourly", head + "schedule: \"@daily\"",
            schedule(ScheduleEdit(when: " @daily "))),
        EditSample(
            "list in a plain cron", head + "schedule: hourly", head + "schedule: 0 6,18 * * *",
            schedule(ScheduleEdit(when: "0 6,18 * * *"))),
        EditSample(
            "quoted key", head + "\"schedule\": hourly", head + "\"schedule\": manual",
            schedule(ScheduleEdit(when: "manual"))),
        EditSample(
            "flow mapping", head + "schedule: { when: \"*/5 * * * *\" , jitter: 3s }  # c",
            head + "schedule: { when: \"0 6 * * *\" , jitter: 3s }  # c", schedule(ScheduleEdit(when: "0 6 * * *"))),
        EditSample(
            "plain list within braces gets quotes", head + "schedule: {when: hourly, jitter: 3s}",
            head + "schedule: {when: \"0 6,18 * * *\", jitter: 3s}", schedule(ScheduleEdit(when: "0 6,18 * * *"))),
        EditSample(
            "block mapping", head + "schedule:\n  # why\n  when: hourly # w\n\n  jitter: 3s\nid: 7",
            head + "schedule:\n  # why\n  when: daily at 06:30 # w\n\n  jitter: 3s\nid: 7",
            schedule(ScheduleEdit(when: "daily at 06:30"))),
        EditSample(
            "no schedule yet", head + "trait: \"{id}\"   # t\n\n# end",
            head + "trait: \"{id}\"   # t\nschedule: hourly\n\n# end",
            schedule(ScheduleEdit(when: "hourly"))),
        EditSample(
            "no schedule yet, mapping last", head + "guards:\n  max_leave: 5%  # g",
            head + "guards:\n  max_leave: 5%  # g\nschedule: hourly", schedule(ScheduleEdit(when: "hourly"))),
        EditSample(
            "the same again", head + "schedule: hourly", head + "schedule: hourly",
            schedule(ScheduleEdit(when: "hourly"))),
        EditSample("nothing", head + "schedule: hourly", head + "schedule: hourly", schedule(ScheduleEdit())),
    ]

    static let fields = [
        EditSample(
            "zone makes a mapping", head + "schedule: daily at 06:30  # c",
            head + "schedule: {when: daily at 06:30, timezone: Asia/Tokyo}  # c",
            schedule(ScheduleEdit(timezone: .set("Asia/Tokyo")))),
        EditSample(
            "all fields", head,
            head + "schedule: {when: hourly, timezone: UTC, jitter: 30s, overlap: queue, catch_up: none}\n",
            schedule(
                ScheduleEdit(
                    when: "hourly", timezone: .set("UTC"), jitter: .set("30s"), overlap: .set("queue"),
                    catchUp: .set("none")))),
        EditSample(
            "field added within braces", head + "schedule: {when: hourly }",
            head + "schedule: {when: hourly, jitter: 5s }",
            schedule(ScheduleEdit(jitter: .set("5s")))),
        EditSample(
            "field added to a block", head + "schedule:\n    when: hourly  # w\nid: 1",
            head + "schedule:\n    when: hourly  # w\n    jitter: 5s\nid: 1", schedule(ScheduleEdit(jitter: .set("5s")))
        ),
        EditSample(
            "field taken out of braces", head + "schedule: {when: hourly, jitter: 5s, overlap: queue}",
            head + "schedule: {when: hourly, overlap: queue}", schedule(ScheduleEdit(jitter: .remove))),
        EditSample(
            "field taken out of a block",
            head + "schedule:\n  when: hourly # w\n  # about\n  jitter: 5s\n\n  overlap: queue",
            head + "schedule:\n  when: hourly # w\n  # about\n\n  overlap: queue",
            schedule(ScheduleEdit(jitter: .remove))),
        EditSample(
            "absent field taken out", head + "schedule: hourly", head + "schedule: hourly",
            schedule(ScheduleEdit(timezone: .remove, jitter: .remove))),
        EditSample(
            "cohort within braces",
            "{source: lists, file: v.csv, to: [hook], schedule: hourly, id: 5}",
            "{source: lists, file: v.csv, to: [hook], schedule: daily at 06:30, id: 5}",
            schedule(ScheduleEdit(when: "daily at 06:30"))),
        EditSample(
            "cohort within braces without schedule", "{source: lists, file: v.csv, to: [hook] }  # all",
            "{source: lists, file: v.csv, to: [hook], schedule: \"0 1,2 * * *\" }  # all",
            schedule(ScheduleEdit(when: "0 1,2 * * *"))),
    ]

    static let pauses = [
        EditSample(
            "one line", head + "schedule: daily at 06:30", head + "schedule: {when: daily at 06:30, paused: true}",
            pause()),
        EditSample(
            "one line with a comment", head + "schedule: daily at 06:30  # c\nid: 1",
            head + "schedule: {when: daily at 06:30, paused: true}  # c\nid: 1", pause()),
        EditSample(
            "one line in quotes", head + "schedule: \"*/15 * * * *\"",
            head + "schedule: {when: \"*/15 * * * *\", paused: true}", pause()),
        EditSample(
            "plain text that braces would split", head + "schedule: 0 6,18 * * *",
            head + "schedule: {when: '0 6,18 * * *', paused: true}", pause()),
        EditSample(
            "one of several", head + "schedule: hourly", head + "schedule: {when: hourly, paused: [segment]}",
            pause("segment")),
        EditSample(
            "in the order of to", head + "schedule: hourly", head + "schedule: {when: hourly, paused: [segment, hook]}",
            pause("hook", "segment")),
        EditSample(
            "all by name", head + "schedule: hourly", head + "schedule: {when: hourly, paused: true}",
            pause("hook", "segment", "tables")),
        EditSample(
            "explicit false", head + "schedule: {when: hourly, jitter: 3s, paused: false} # c",
            head + "schedule: {when: hourly, jitter: 3s, paused: true} # c", pause()),
        EditSample(
            "explicit true", head + "schedule: {when: hourly, jitter: 3s, paused: true} # c",
            head + "schedule: {when: hourly, jitter: 3s, paused: false} # c", resume()),
        EditSample(
            "mapping without paused", head + "schedule: {when: hourly, jitter: 3s}",
            head + "schedule: {paused: true, when: hourly, jitter: 3s}", pause()),
        EditSample(
            "block mapping without paused", head + "schedule:\n  when: hourly # w\n  jitter: 3s",
            head + "schedule:\n  paused: true\n  when: hourly # w\n  jitter: 3s", pause()),
        EditSample(
            "no schedule", head + "id: 1 # i\n", head + "id: 1 # i\nschedule: {paused: true}\n", pause()),
        EditSample(
            "the one line again", head + "schedule: {when: daily at 06:30, paused: true}  # c",
            head + "schedule: daily at 06:30  # c", resume()),
        EditSample(
            "first key with a comment", head + "schedule:\n  paused: true # holidays\n  when: hourly",
            head + "schedule:\n  paused: false # holidays\n  when: hourly", resume()),
        EditSample(
            "only key with a comment", head + "schedule: {paused: true} # holidays\nid: 1",
            head + "schedule: {paused: false} # holidays\nid: 1", resume()),
        EditSample(
            "paused already", head + "schedule: {when: hourly, paused: true}",
            head + "schedule: {when: hourly, paused: true}", pause("hook")),
    ]

    static let lists = [
        EditSample(
            "one more", head + "schedule: {when: hourly, paused: [segment]}",
            head + "schedule: {when: hourly, paused: [segment, tables]}", pause("tables")),
        EditSample(
            "the last one more", head + "schedule: {when: hourly, paused: [segment, tables]}",
            head + "schedule: {when: hourly, paused: true}", pause("hook")),
        EditSample(
            "one less", head + "schedule: {when: hourly, paused: true}",
            head + "schedule: {when: hourly, paused: [segment, hook]}", resume("tables")),
        EditSample(
            "the last one less", head + "schedule: {when: hourly, paused: [hook]}", head + "schedule: hourly",
            resume("hook")),
        EditSample(
            "a list in its own spelling grows", head + "schedule: {when: hourly, paused: [ 'hook' ,segment ]}",
            head + "schedule: {when: hourly, paused: [ 'hook' ,segment, tables ]}", pause("tables")),
        EditSample(
            "a list in its own spelling shrinks", head + "schedule: {when: hourly, paused: [ 'hook' ,segment ]}",
            head + "schedule: {when: hourly, paused: [ segment ]}", resume("hook")),
        EditSample(
            "block list", head + "schedule:\n  when: hourly\n  paused:\n    - hook\n    - tables\n  jitter: 3s",
            head + "schedule:\n  when: hourly\n  paused: [hook]\n  jitter: 3s", resume("tables")),
    ]

    static let limits = [
        EditSample(
            "limit", head + "guards: {max_leave: 20% , allow_empty: false}  # g",
            head + "guards: {max_leave: 35.5% , allow_empty: false}  # g", limit("max_leave", "35.5%")),
        EditSample("first limit", head, head + "guards: {max_growth: 9x}\n", limit("max_growth", "9x")),
        EditSample(
            "one more limit", head + "guards: {max_leave: 20%}", head + "guards: {max_leave: 20%, max_leave_count: 7}",
            limit("max_leave_count", "7")),
        EditSample(
            "limit in a block", head + "guards:\n  # careful\n  max_leave: 20%   # m\nid: 1",
            head + "guards:\n  # careful\n  max_leave: 20%   # m\n  allow_empty: true\nid: 1",
            limit("allow_empty", "true")),
        EditSample(
            "limit taken out", head + "guards: {max_leave: 20%, min_overlap: 1%}", head + "guards: {min_overlap: 1%}",
            limit("max_leave", nil)),
    ]
}
