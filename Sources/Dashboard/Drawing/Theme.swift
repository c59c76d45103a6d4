/// What a piece of text is, from which a theme makes its looks.
enum Role: Hashable, Sendable {
    case normal, dim, strong, title, heading, selected, key, border, focusedBorder, banner
    case good, active, bad, warning, held, quiet
    case entered, left, odd, field, focusedField, note, error
}

/// Looks for each role. All use the terminal's own sixteen colours on its own background.
package enum Theme: String, Sendable, CaseIterable {
    /// For dark backgrounds.
    case terminal
    /// For light backgrounds: no yellow, no cyan, no bright colours.
    case light
    /// No colours at all (`NO_COLOR`).
    case mono

    func style(_ role: Role) -> Style {
        let shape = Self.shape(role)
        guard let color = color(role) else { return shape }
        var style = shape
        style.foreground = color
        return style
    }

    /// The shape alone tells roles apart where there is no colour.
    private static func shape(_ role: Role) -> Style {
        switch role {
        case .normal, .good, .note, .entered, .left: .plain
        case .dim, .border, .quiet: Style(dim: true)
        case .strong, .title, .key, .active, .warning, .focusedBorder, .odd: Style(bold: true)
        case .heading: Style(bold: true, underlined: true)
        case .bad, .error: Style(bold: true)
        case .held: Style(bold: true, underlined: true)
        case .selected, .banner: Style(reverse: true)
        case .field: Style(underlined: true)
        case .focusedField: Style(bold: true, underlined: true)
        }
    }

    private func color(_ role: Role) -> Color? {
        if self == .mono { return nil }
        switch role {
        case .good, .entered: return .green
        case .active: return self == .light ? .blue : .cyan
        case .bad, .error: return .red
        case .warning, .odd: return self == .light ? .magenta : .yellow
        case .left: return self == .light ? .magenta : .yellow
        case .held: return .magenta
        case .banner: return self == .light ? .blue : .cyan
        case .key: return self == .light ? .blue : .cyan
        default: return nil
        }
    }

    /// The role of a sync's state or a run's outcome.
    static func role(of state: String) -> Role {
        switch state {
        case "ok", "succeeded", "unchanged", "up", "accepted": .good
        case "running", "queued", "fetching", "planning", "sending", "pending": .active
        case "failed", "blocked", "failing", "rejected": .bad
        case "late", "partial", "limited": .warning
        case "held": .held
        default: .quiet
        }
    }
}
