/// One of the terminal's own sixteen colours; how each looks is the user's choice.
package enum Color: UInt8, Sendable, CaseIterable {
    case black, red, green, yellow, blue, magenta, cyan, white
    case brightBlack, brightRed, brightGreen, brightYellow, brightBlue, brightMagenta, brightCyan, brightWhite
}

/// How a cell looks. No state is told by colour alone.
package struct Style: Hashable, Sendable {
    /// Nil is the terminal's default.
    package var foreground: Color?
    package var background: Color?
    package var isBold = false
    package var isDim = false
    package var isReverse = false
    package var isUnderlined = false

    package init(
        foreground: Color? = nil, background: Color? = nil, bold: Bool = false, dim: Bool = false,
        reverse: Bool = false, underlined: Bool = false
    ) {
        self.foreground = foreground
        self.background = background
        isBold = bold
        isDim = dim
        isReverse = reverse
        isUnderlined = underlined
    }

    package static let plain = Style()
}

/// One cell of a screen.
package struct Cell: Hashable, Sendable {
    /// One sanitised grapheme cluster; a blank is a space; empty in the right half of a wide character.
    package var text: String
    package var style: Style

    package init(_ text: String, _ style: Style = .plain) {
        self.text = text
        self.style = style
    }

    package static let blank = Cell(" ")
}
