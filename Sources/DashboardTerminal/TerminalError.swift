/// Why there can be no dashboard on this terminal.
package enum TerminalError: Error, Equatable {
    /// Standard output is no terminal, or there is none to read keys from: print the status as text instead.
    case noTerminal
    /// The terminal type cannot carry a screen: say ``description``, exit 69. `term` is safe to show.
    case unusable(term: String, hint: String)
    /// The system refused something that every terminal needs.
    case failed(step: String, errno: Int32)
}

extension TerminalError: CustomStringConvertible {
    /// One sentence for a person.
    package var description: String {
        switch self {
        case .noTerminal: "there is no terminal to draw on"
        case .unusable(let term, let hint):
            "TERM\(term.isEmpty ? "" : "=" + term) \(hint); try TERM=xterm-256color or --plain"
        case .failed(let step, let code): "the terminal cannot be used: \(step) failed with error \(code)"
        }
    }
}
