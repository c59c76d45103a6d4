import CNcurses
import Dashboard

/// How styles look on this terminal: its attributes and its colour pairs. Belongs to the terminal's thread.
struct StylePalette {
    struct Look {
        let attributes: UInt32
        let pair: Int32
    }

    /// 0 without colour, otherwise 8, 16, 256 …
    private let colors: Int32
    private var looks: [Style: Look] = [:]

    init(colors: Int32) {
        self.colors = colors
    }

    mutating func look(of style: Style) -> Look {
        if let look = looks[style] { return look }
        let look = make(style)
        looks[style] = look
        return look
    }

    private func make(_ style: Style) -> Look {
        var attributes = 0
        if style.isBold { attributes |= CNC_BOLD }
        if style.isDim { attributes |= CNC_DIM }
        if style.isReverse { attributes |= CNC_REVERSE }
        if style.isUnderlined { attributes |= CNC_UNDERLINE }
        guard colors >= 8 else {
            // Grey text stays fainter, and a coloured ground stays a ground.
            if style.foreground == .brightBlack { attributes |= CNC_DIM }
            if style.background != nil { attributes |= CNC_REVERSE }
            return Look(attributes: UInt32(attributes), pair: 0)
        }
        var foreground = style.foreground.map { Int32($0.rawValue) } ?? -1
        var background = style.background.map { Int32($0.rawValue) } ?? -1
        if colors < 16 {
            if style.foreground == .brightBlack {
                // Bold black, the usual way to write it with eight colours, is black on black on many terminals.
                foreground = -1
                attributes |= CNC_DIM
            } else if foreground >= 8 {
                foreground -= 8
                attributes |= CNC_BOLD
            }
            if background >= 8 { background = style.background == .brightBlack ? -1 : background - 8 }
        }
        return Look(attributes: UInt32(attributes), pair: cnc_pair(foreground, background))
    }
}
