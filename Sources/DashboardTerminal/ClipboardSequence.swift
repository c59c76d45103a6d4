/// What happened to a text that was to be copied.
package enum ClipboardOutcome: Sendable, Equatable {
    /// It was sent. Whether the terminal, or tmux with its `set-clipboard` and `allow-passthrough`, lets it through
    /// cannot be known: say where else the text is.
    case sent
    /// The text is longer than ``ClipboardSequence/limit`` bytes.
    case tooLong
    /// This terminal knows no such sequence.
    case unavailable
}

/// OSC 52, by which a terminal takes text into the clipboard of the machine in front of the user.
package enum ClipboardSequence {
    /// The longest text in bytes: encoded it just stays below the 100,000 bytes at which xterm and tmux give up.
    package static let limit = 74_994

    /// The bytes to send for a text. tmux takes the sequence itself when it may, or passes the wrapped one on.
    static func bytes(for text: [UInt8], multiplexer: TerminalOptions.Multiplexer) -> [UInt8] {
        let plain = Array("\u{1B}]52;c;".utf8) + base64(text) + [0x07]
        guard multiplexer == .tmux else { return plain }
        var wrapped = Array("\u{1B}Ptmux;".utf8)
        for byte in plain {
            if byte == 0x1B { wrapped.append(0x1B) }
            wrapped.append(byte)
        }
        return plain + wrapped + Array("\u{1B}\\".utf8)
    }

    /// Whether a terminal of this type can be trusted to swallow the sequence even where it does not act on it.
    static func isUnderstood(term: String, hasCapability: Bool, multiplexer: TerminalOptions.Multiplexer) -> Bool {
        if multiplexer == .tmux || hasCapability { return true }
        let known = [
            "xterm", "tmux", "rxvt", "alacritty", "foot", "kitty", "wezterm", "ghostty", "st-", "konsole", "vte",
        ]
        return multiplexer == .none && known.contains { term.hasPrefix($0) }
    }

    static func base64(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var result: [UInt8] = []
        result.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let piece = bytes[start..<min(start + 3, bytes.count)]
            var value = 0
            for byte in piece { value = value << 8 | Int(byte) }
            value <<= 8 * (3 - piece.count)
            for place in 0..<4 {
                let digit = digits[value >> (18 - 6 * place) & 63]
                result.append(place <= piece.count ? digit : UInt8(ascii: "="))
            }
        }
        return result
    }
}
