import Dashboard

/// What the terminal's thread has to tell.
package enum TerminalEvent: Sendable, Hashable {
    case input(TerminalInput)
    /// The deadline of ``TerminalSession/setTimer(after:)`` has come.
    case timer
    /// One line that something in this process wrote to standard error while the screen was up; safe to show.
    case diagnostics(String)
    /// The screen is back after a suspension or a program outside it. What it shows may be old.
    case resumed
    /// The terminal is gone for good: end within a second, with exit 129 when nothing else says otherwise.
    case hangup
}
