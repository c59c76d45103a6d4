/// Everything a key can do. The raw value is the name under `keys:` of `dashboard.yaml`.
package enum Action: String, Sendable, CaseIterable {
    case down, up, first, last, pageDown = "page_down", pageUp = "page_up", halfDown = "half_down", halfUp = "half_up"
    case left, right, nextPane = "next_pane", previousPane = "previous_pane"
    case overview, cohort, runs, schedules, events, destinations, rejects, logs, engine, wallboard
    case open, back, quit
    case sync, dryRun = "dry_run", cancel, approve, discard, freeze, pause, undo
    case editSchedule = "edit_schedule", editFile = "edit_file", addCohort = "add_cohort"
    case retry, dismiss
    case mark, markRange = "mark_range", markAll = "mark_all"
    case filter, nextMatch = "next_match", previousMatch = "previous_match", user
    case sort, sortLeft = "sort_left", sortRight = "sort_right", invert, columns, times, follow, hold
    case copyCell = "copy_cell", copyRow = "copy_row", saveTable = "save_table", dumpScreen = "dump_screen"
    case palette, help, suspend, redraw, reread, messages
    case save, revert, leave, nextField = "next_field", previousField = "previous_field"
}

/// How much an action asks before it acts.
package enum ConfirmLevel: Int, Sendable {
    /// Nothing changes outside the dashboard, or it can be undone at once.
    case none
    /// One line; `y` accepts, anything else cancels.
    case ask
    /// For several: their number has to be typed.
    case count
}

/// Where a key works.
package enum KeyContext: String, Sendable, CaseIterable {
    /// Every screen but the editor.
    case everywhere
    /// Screens whose rows belong to a sync or a run.
    case syncs
    case rejects
    case editor

    func overlaps(_ other: KeyContext) -> Bool {
        switch (self, other) {
        case (.editor, .editor): true
        case (.editor, _), (_, .editor): false
        case (.syncs, .rejects), (.rejects, .syncs): false
        default: true
        }
    }
}

/// One line of the key table.
package struct Binding: Sendable {
    package let action: Action
    package let keys: [Key]
    /// For the footer, one or two words.
    package let hint: String
    /// For help, palette and man page.
    package let title: String
    package let group: KeyGroup
    package let context: KeyContext
    package let level: ConfirmLevel
    /// Whether it changes something outside the dashboard; read-only mode has none of these.
    package let changes: Bool
    /// The palette's word for it; nil when there is none.
    package let command: String?
    /// The larger, the longer it stays in a narrow footer; 0 never shows there.
    package let weight: Int
}

/// The sections of help.
package enum KeyGroup: String, Sendable, CaseIterable {
    case move = "Move", screens = "Screens", act = "Act", select = "Select", find = "Find", view = "View"
    case save = "Copy", app = "App", editor = "Editor"
}
