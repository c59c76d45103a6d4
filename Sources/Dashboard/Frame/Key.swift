/// One key as a person pressed it, or something else that the terminal reports.
package enum Key: Hashable, Sendable {
    /// A printable character.
    case character(Character)
    /// Control with a letter, `a`…`z`, or one of `@ [ \ ] ^ _` (Ctrl-Space is `@`); Tab, Enter, Escape and Backspace
    /// have cases of their own.
    case control(Character)
    case up, down, left, right, home, end, pageUp, pageDown
    case enter, escape, tab, backTab, backspace, delete, insert
    /// F1…F12.
    case function(Int)
}

/// Everything the terminal tells the dashboard.
package enum TerminalInput: Hashable, Sendable {
    case key(Key)
    /// Text pasted between bracketed-paste marks. It never acts; it goes to the focused field or nowhere.
    case paste(String)
    case resized(width: Int, height: Int)
    case focus(Bool)
    /// A click or wheel step at a cell, when the mouse is on.
    case mouse(row: Int, column: Int, button: Int)
}
