import Control

/// Something laid over the screen that takes the keys.
enum Layer: Sendable {
    case confirmation(Confirmation)
    case filter(TextField, before: Filter)
    case userPrompt(TextField)
    case palette(PaletteState)
    case help(HelpState)
    case menu(MenuState)
    case catalog(CatalogState)
    /// A held plan with its numbers and sample, waiting for `y`.
    case approval(run: ByteText)
    case plans([PlanView], scroll: Int)
    case output(title: String, lines: [String], scroll: Int)
}

/// A question on one line. `y` accepts, some take another letter, anything else cancels.
struct Confirmation: Sendable {
    var question: String
    /// What `y` does.
    var accepted: Acceptance
    /// What `d` does, for a sync.
    var alternative: Acceptance?
    /// A number that has to be typed before `y` counts.
    var wantedCount: Int?
    var typed = ""

    enum Acceptance: Sendable {
        case effects([Effect])
        case leaveEditor
        case quit
    }
}

/// The command palette.
struct PaletteState: Sendable {
    var field = TextField()
    var selected = 0
}

/// Help, narrowed by what is typed.
struct HelpState: Sendable {
    var field = TextField()
    var scroll = 0
    var selected = 0
}

/// A choice of columns: for sorting, or to show and hide.
struct MenuState: Sendable {
    enum Purpose: Sendable {
        case sort, columns
    }

    var purpose: Purpose
    var list: ListKind
    var selected = 0
}

/// One line above the keys.
package struct Toast: Hashable, Sendable {
    package enum Level: Sendable {
        case info, warning, error
    }

    package var text: String
    package var level: Level
    /// When it goes; errors stay until a key is pressed.
    var until: Int64?
    package var at: Int64
}
