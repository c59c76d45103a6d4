extension Frame {
    /// The looks of a screen as text: a letter a cell, and what each letter means below. Beside ``text`` it says all that a
    /// terminal would show.
    package var styleText: String {
        var letters: [Style: Character] = [.plain: "."]
        var legend: [String] = []
        let alphabet = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        var lines: [String] = []
        for row in 0..<height {
            var line = ""
            for column in 0..<width {
                let style = self[row, column].style
                if letters[style] == nil {
                    let letter = alphabet.indices.contains(legend.count) ? alphabet[legend.count] : "?"
                    letters[style] = letter
                    legend.append("\(letter) = \(style.words)")
                }
                line.append(letters[style] ?? "?")
            }
            while line.last == "." { line.removeLast() }
            lines.append(line)
        }
        return (lines + legend).joined(separator: "\n")
    }
}

extension Style {
    /// Such as `bold red`, or `plain`.
    package var words: String {
        var words: [String] = []
        if isBold { words.append("bold") }
        if isDim { words.append("dim") }
        if isReverse { words.append("reverse") }
        if isUnderlined { words.append("underlined") }
        if let foreground { words.append("\(foreground)") }
        if let background { words.append("on \(background)") }
        return words.isEmpty ? "plain" : words.joined(separator: " ")
    }
}
