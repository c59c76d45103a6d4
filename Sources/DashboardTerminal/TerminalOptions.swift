import Glibc

/// How a terminal session is to behave. A new value says what the environment says.
package struct TerminalOptions: Sendable {
    /// Takes every event on the terminal's own thread, in order, and returns soon: keys wait meanwhile. A frame that it
    /// presents is painted at once. The first may come before `open` has returned. When nil, events go to
    /// ``TerminalSession/inputs``.
    package var receive: (@Sendable (TerminalEvent) -> Void)?
    /// The terminal type, from `TERM`.
    package var term: String
    /// False when `NO_COLOR` is set and not empty (no-color.org).
    package var usesColor: Bool
    /// Whether the mouse is reported from the start.
    package var mouse = false
    /// How long after an Escape byte the rest of a sequence may come, in milliseconds. Slow links may need more.
    package var escapeDelay: Int32 = 25
    /// The least time between two frames that no key asked for, in milliseconds: 40 is 25 frames a second.
    package var frameInterval: Int64 = 40
    /// Whether standard error is captured while the screen is up, delivered line by line, and its end printed after it.
    package var capturesErrors = true
    /// Where each moment of rest is told to a test, from `ROLLCALL_TUI_TEST_FD`; see ``IdleReport``.
    package var testDescriptor: Int32?
    /// The multiplexer around the terminal, which decides how a clipboard sequence gets through.
    package var multiplexer: Multiplexer

    package enum Multiplexer: Sendable {
        case none, tmux, screen
    }

    package init() {
        term = environment("TERM") ?? ""
        usesColor = environment("NO_COLOR") == nil
        testDescriptor = environment("ROLLCALL_TUI_TEST_FD").flatMap(Int32.init).flatMap { $0 > 2 ? $0 : nil }
        multiplexer = environment("TMUX") != nil ? .tmux : environment("STY") != nil ? .screen : .none
    }
}

/// A variable of the environment that is set and not empty.
private func environment(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
}
