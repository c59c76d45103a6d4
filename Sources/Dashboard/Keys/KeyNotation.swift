extension Key {
    /// A key as people write it in `dashboard.yaml` and scripts: `r`, `R`, `<enter>`, `<ctrl-s>`, `<space>`, `<f1>`; the
    /// angle brackets may be left out around names.
    package init?(notation: String) {
        if notation.count == 1, let character = notation.first {
            guard character.unicodeScalars.allSatisfy({ $0.value > 0x1F && $0.value != 0x7F }) else { return nil }
            self = .character(character)
            return
        }
        var name = notation.lowercased()
        if name.hasPrefix("<"), name.hasSuffix(">") { name = String(name.dropFirst().dropLast()) }
        if let key = Self.named[name] {
            self = key
        } else if name.hasPrefix("ctrl-"), name.count == 6, let letter = name.last,
            letter.isASCII, letter.isLetter || "@[\\]^_".contains(letter)
        {
            self = .control(letter)
        } else if name.hasPrefix("f"), let number = Int(name.dropFirst()), (1...12).contains(number) {
            self = .function(number)
        } else {
            return nil
        }
    }

    private static let named: [String: Key] = [
        "up": .up, "down": .down, "left": .left, "right": .right, "home": .home, "end": .end, "pgup": .pageUp,
        "pgdn": .pageDown, "pageup": .pageUp, "pagedown": .pageDown, "enter": .enter, "return": .enter, "ret": .enter,
        "esc": .escape, "escape": .escape, "tab": .tab, "backtab": .backTab, "shift-tab": .backTab,
        "backspace": .backspace, "bs": .backspace, "delete": .delete, "del": .delete, "insert": .insert,
        "space": .character(" "), "lt": .character("<"), "gt": .character(">"),
    ]

    /// How footer and help show it.
    package func label(ascii: Bool = false) -> String {
        switch self {
        case .character(" "): "space"
        case .character(let character): String(character)
        case .control(let letter): "Ctrl-" + letter.uppercased()
        case .up: ascii ? "Up" : "↑"
        case .down: ascii ? "Down" : "↓"
        case .left: ascii ? "Left" : "←"
        case .right: ascii ? "Right" : "→"
        case .home: "Home"
        case .end: "End"
        case .pageUp: "PgUp"
        case .pageDown: "PgDn"
        case .enter: ascii ? "Enter" : "↵"
        case .escape: "Esc"
        case .tab: "Tab"
        case .backTab: "Shift-Tab"
        case .backspace: "Backspace"
        case .delete: "Del"
        case .insert: "Ins"
        case .function(let number): "F\(number)"
        }
    }
}
