/// The one table of keys. Footer, help, palette, man page, remapping and the collision check follow it.
package enum KeyTable {
    package static let bindings: [Binding] = moving + screens + acting + selecting + viewing + saving + app + editor

    private static func row(
        _ action: Action, _ keys: [Key], _ hint: String, _ title: String, _ group: KeyGroup,
        in context: KeyContext = .everywhere, level: ConfirmLevel = .none, changes: Bool = false,
        command: String? = nil, weight: Int = 0
    ) -> Binding {
        Binding(
            action: action, keys: keys, hint: hint, title: title, group: group, context: context, level: level,
            changes: changes, command: command, weight: weight)
    }

    private static let moving: [Binding] = [
        row(.down, [.character("j"), .down], "down", "next row", .move),
        row(.up, [.character("k"), .up], "up", "previous row", .move),
        row(.first, [.character("g"), .home], "first", "first row", .move),
        row(.last, [.character("G"), .end], "last", "last row; follows a stream again", .move),
        row(.pageDown, [.pageDown], "page down", "a page down", .move),
        row(.pageUp, [.pageUp], "page up", "a page up", .move),
        row(.halfDown, [.control("d")], "half down", "half a page down", .move),
        row(.halfUp, [.control("u")], "half up", "half a page up", .move),
        row(.left, [.left], "left", "column to the left", .move),
        row(.right, [.right], "right", "column to the right", .move),
        row(.nextPane, [.tab], "pane", "next pane", .move),
        row(.previousPane, [.backTab], "pane back", "previous pane", .move),
        row(.open, [.enter], "open", "open; never changes anything", .move, weight: 60),
        row(.back, [.escape], "back", "peel one layer: prompt, marks, filter, view", .move),
        row(.quit, [.character("q")], "back/quit", "back, then quit", .app, command: "quit", weight: 20),
    ]

    private static let screens: [Binding] = [
        row(.overview, [.character("1")], "overview", "Overview", .screens, command: "screen overview"),
        row(.cohort, [.character("2")], "cohort", "Cohort", .screens, command: "screen cohort"),
        row(.runs, [.character("3")], "runs", "Runs", .screens, command: "screen runs"),
        row(.schedules, [.character("4")], "schedules", "Schedules", .screens, command: "screen schedules"),
        row(.events, [.character("5")], "events", "Events", .screens, command: "screen events"),
        row(.destinations, [.character("6")], "destinations", "Destinations", .screens, command: "screen destinations"),
        row(.rejects, [.character("7")], "rejects", "Rejects", .screens, command: "screen rejects"),
        row(.logs, [.character("8")], "logs", "Logs", .screens, command: "screen logs"),
        row(.engine, [.character("9")], "engine", "Engine", .screens, command: "screen engine"),
        row(.wallboard, [.character("w")], "wallboard", "Wallboard", .screens, command: "screen wallboard"),
    ]

    private static let acting: [Binding] = [
        row(.sync, [.character("r")], "sync", "sync now; y runs, d dry-runs", .act, in: .syncs, level: .ask,
            changes: true, command: "sync", weight: 90),
        row(.dryRun, [.character("D")], "dry run", "dry run: plans and sends nothing", .act, in: .syncs,
            command: "plan", weight: 40),
        row(.cancel, [.character("x")], "cancel", "cancel the run under way", .act, in: .syncs, level: .ask,
            changes: true, command: "cancel", weight: 42),
        row(.approve, [.character("a")], "approve", "approve a held plan: numbers and sample first", .act, in: .syncs,
            level: .ask, changes: true, command: "approve", weight: 70),
        row(.discard, [.character("X")], "discard", "discard a held plan", .act, in: .syncs, level: .ask,
            changes: true, command: "discard", weight: 41),
        row(.freeze, [.character("F")], "freeze", "freeze or unfreeze all sending", .act, level: .ask, changes: true,
            command: "freeze", weight: 30),
        row(.pause, [.character("p")], "pause", "pause or resume the schedule; u undoes", .act, in: .syncs,
            changes: true, command: "pause", weight: 80),
        row(.undo, [.character("u")], "undo", "undo a pause or resume, for ten seconds", .act, changes: true),
        row(.editSchedule, [.character("e")], "edit", "edit the schedule", .act, in: .syncs, changes: true,
            command: "schedule", weight: 75),
        row(.editFile, [.character("E")], "file", "edit rollcall.yaml in $EDITOR", .act, changes: true,
            command: "edit", weight: 25),
        row(.addCohort, [.character("A")], "add", "add a cohort from a template in $EDITOR", .act, changes: true,
            command: "add", weight: 24),
        row(.retry, [.character("R")], "retry", "retry rejects by running their syncs", .act, in: .rejects,
            level: .ask, changes: true, command: "retry", weight: 90),
        row(.dismiss, [.character("X")], "dismiss", "dismiss rejects; several ask for their number", .act,
            in: .rejects, level: .count, changes: true, command: "dismiss", weight: 85),
    ]

    private static let selecting: [Binding] = [
        row(.mark, [.character(" ")], "mark", "mark the row", .select, weight: 50),
        row(.markRange, [.character("V")], "range", "mark from here to where you move", .select),
        row(.markAll, [.character("*")], "all", "mark all filtered rows", .select, command: "mark all"),
        row(.filter, [.character("/")], "filter", "filter as you type: !not ~fuzzy status:failed to:segment", .find,
            command: "filter", weight: 65),
        row(.nextMatch, [.character("n")], "next", "next match", .find),
        row(.previousMatch, [.character("N")], "previous", "previous match", .find),
        row(.user, [.character("U")], "user", "look a user up in all cohorts", .find, command: "user", weight: 35),
    ]

    private static let viewing: [Binding] = [
        row(.sort, [.character("s")], "sort", "sort by a column", .view, command: "sort", weight: 45),
        row(.sortLeft, [.character("<")], "sort left", "sort by the column to the left", .view),
        row(.sortRight, [.character(">")], "sort right", "sort by the column to the right", .view),
        row(.invert, [.character("I")], "invert", "invert the order", .view, command: "invert"),
        row(.columns, [.character("c")], "columns", "choose columns", .view, command: "columns"),
        row(.times, [.character("T")], "times", "times: relative, local, UTC", .view, command: "times"),
        row(.follow, [.character("f")], "follow", "follow or pause a stream", .view, command: "follow", weight: 15),
        row(.hold, [.character("z")], "hold", "hold the display still", .view, command: "hold", weight: 10),
    ]

    private static let saving: [Binding] = [
        row(.copyCell, [.character("y")], "copy", "copy the cell", .save, command: "copy cell", weight: 12),
        row(.copyRow, [.character("Y")], "copy row", "copy the row", .save, command: "copy row"),
        row(.saveTable, [.character("S")], "save", "save the table as CSV", .save, command: "save"),
        row(.dumpScreen, [.character("P")], "dump", "save the screen as text", .save, command: "dump"),
    ]

    private static let app: [Binding] = [
        row(.palette, [.character(":")], "commands", "every command and its key", .app, weight: 55),
        row(.help, [.character("?")], "help", "keys of this screen; type to search", .app, command: "help", weight: 100),
        row(.messages, [], "messages", "what was said on the line above the keys", .app, command: "messages"),
        row(.redraw, [.control("l")], "repaint", "paint the screen anew", .app, command: "redraw"),
        row(.reread, [.control("r")], "reread", "ask the engine for everything anew", .app, command: "reread"),
        row(.suspend, [.control("z")], "suspend", "suspend to the shell", .app, command: "suspend"),
    ]

    private static let editor: [Binding] = [
        row(.save, [.control("s")], "save", "save: shows the changed line, y writes it", .editor, in: .editor,
            level: .ask, changes: true, weight: 90),
        row(.revert, [.control("r")], "revert", "take back all changes", .editor, in: .editor, weight: 60),
        row(.nextField, [.tab, .down], "next field", "next field", .editor, in: .editor, weight: 80),
        row(.previousField, [.backTab, .up], "previous field", "previous field", .editor, in: .editor, weight: 20),
        row(.leave, [.escape], "leave", "leave; asks when something is unsaved", .editor, in: .editor, weight: 70),
    ]
}
