/// Reads the grammar of ``FaultScript``.
struct FaultScriptParser {
    /// Longest delay and silence, in milliseconds: a fault must not outlive the rehearsal.
    static let longestWait = 600_000
    private static let standardSilence = 60_000

    private let text: [UInt8]
    private var position = 0

    init(_ text: String) {
        self.text = Array(text.utf8)
    }

    mutating func parse() throws(FaultScriptError) -> [FaultRule] {
        var rules: [FaultRule] = []
        while true {
            skipBlanks()
            let start = position
            var rule = FaultRule(action: nil)
            var isEmpty = true
            while let word = try nextWord() {
                try apply(word, to: &rule)
                isEmpty = false
            }
            if !isEmpty {
                rule.text = String(decoding: text[start..<position], as: UTF8.self)
                while rule.text.last == " " { rule.text.removeLast() }
                try check(rule, at: start)
                rules.append(rule)
            }
            guard position < text.count else { return rules }
            position += 1
        }
    }

    // MARK: - Words

    private struct Word {
        var start: Int
        var name: String
        var value: [UInt8]?

        var text: String { value.map { "\(name)=\(String(decoding: $0, as: UTF8.self))" } ?? name }
    }

    private mutating func skipBlanks() {
        while position < text.count, text[position] == 0x20 || text[position] == 0x09 { position += 1 }
    }

    private static func endsRule(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";") || byte == 0x0A || byte == 0x0D
    }

    /// The next word of this rule, nil at its end.
    private mutating func nextWord() throws(FaultScriptError) -> Word? {
        skipBlanks()
        guard position < text.count, !Self.endsRule(text[position]) else { return nil }
        let start = position
        var name: [UInt8] = []
        while position < text.count, !Self.endsRule(text[position]), text[position] != 0x20, text[position] != 0x09,
            text[position] != UInt8(ascii: "=") {
            name.append(text[position])
            position += 1
        }
        var word = Word(start: start, name: String(decoding: name, as: UTF8.self), value: nil)
        if position < text.count, text[position] == UInt8(ascii: "=") {
            position += 1
            word.value = try nextValue()
        }
        return word
    }

    /// A value, in double quotes when it has blanks, commas or semicolons; a backslash keeps the next character.
    private mutating func nextValue() throws(FaultScriptError) -> [UInt8] {
        var value: [UInt8] = []
        let start = position
        let isQuoted = position < text.count && text[position] == UInt8(ascii: "\"")
        if isQuoted { position += 1 }
        while position < text.count {
            let byte = text[position]
            if isQuoted ? byte == UInt8(ascii: "\"") : Self.endsRule(byte) || byte == 0x20 || byte == 0x09 { break }
            if isQuoted, byte == UInt8(ascii: "\\"), position + 1 < text.count { position += 1 }
            value.append(text[position])
            position += 1
        }
        if isQuoted {
            guard position < text.count else {
                throw FaultScriptError(position: start + 1, problem: "this quote is never closed", expected: "add a \"")
            }
            position += 1
        }
        return value
    }

    // MARK: - Meaning

    private func apply(_ word: Word, to rule: inout FaultRule) throws(FaultScriptError) {
        switch word.name {
        case "status", "success-false", "html", "redirect", "reset", "close", "silence", "drop-after-accept":
            try setAction(try action(word), of: &rule, word)
            if word.name == "drop-after-accept" { rule.stores = true }
        case "delay": rule.delayMilliseconds = try duration(word)
        case "store":
            try requireNoValue(word)
            rule.stores = true
        case "retry-after": rule.retryAfter = try headerText(word, such: "retry-after=2")
        case "count": rule.count = try positive(word)
        case "every": rule.every = try positive(word)
        case "from": rule.from = try bound(word)
        case "until": rule.until = try bound(word)
        case "user":
            guard let user = word.value, !user.isEmpty else { throw wrong(word, "write an id, such as user=u-42") }
            rule.user = user
        default:
            guard word.value == nil, Int(word.name) != nil else {
                throw FaultScriptError(
                    position: word.start + 1, problem: "unknown word “\(word.text)”",
                    expected: """
                        known are a status such as 500, success-false, html, redirect=, reset, close, silence, \
                        drop-after-accept, delay=, store, retry-after=, count=, every=, from=, until=, user=
                        """)
            }
            try setAction(.status(try status(word.name, word)), of: &rule, word)
        }
    }

    private func action(_ word: Word) throws(FaultScriptError) -> FaultAction {
        switch word.name {
        case "status":
            return .status(try status(String(decoding: word.value ?? [], as: UTF8.self), word))
        case "redirect":
            return .redirect(try headerText(word, such: "redirect=http://127.0.0.1:9/"))
        case "silence":
            return .silence(word.value == nil ? Self.standardSilence : try duration(word))
        default:
            try requireNoValue(word)
        }
        switch word.name {
        case "success-false": return .successFalse
        case "html": return .html
        case "close": return .close
        default: return .reset
        }
    }

    private func setAction(_ action: FaultAction, of rule: inout FaultRule, _ word: Word) throws(FaultScriptError) {
        guard rule.action == nil else {
            throw FaultScriptError(
                position: word.start + 1, problem: "“\(word.text)” is a second action in one rule",
                expected: "separate rules with a comma")
        }
        rule.action = action
    }

    private func check(_ rule: FaultRule, at start: Int) throws(FaultScriptError) {
        guard rule.action != nil || rule.delayMilliseconds > 0 else {
            throw FaultScriptError(
                position: start + 1, problem: "“\(rule.text)” says when, but not what happens",
                expected: "add an action such as 500, reset or delay=200ms")
        }
        guard rule.action != nil || (!rule.stores && rule.retryAfter == nil) else {
            throw FaultScriptError(
                position: start + 1, problem: "“\(rule.text)” only delays, which changes no answer",
                expected: "add an action, or leave out store and retry-after")
        }
    }

    private func requireNoValue(_ word: Word) throws(FaultScriptError) {
        guard word.value == nil else { throw wrong(word, "“\(word.name)” takes no value") }
    }

    private func status(_ text: String, _ word: Word) throws(FaultScriptError) -> Int {
        guard let code = Int(text), (200...599).contains(code) else {
            throw wrong(word, "write a status from 200 to 599, such as status=503")
        }
        return code
    }

    private func positive(_ word: Word) throws(FaultScriptError) -> Int {
        guard let value = word.value, let number = Int(String(decoding: value, as: UTF8.self)), number > 0 else {
            throw wrong(word, "write a whole number above 0, such as \(word.name)=3")
        }
        return number
    }

    private func bound(_ word: Word) throws(FaultScriptError) -> FaultBound {
        if let value = word.value, let number = Int(String(decoding: value, as: UTF8.self)), number > 0 {
            return .request(number)
        }
        guard let milliseconds = milliseconds(word.value ?? []) else {
            throw wrong(word, "write a request number or a time, such as \(word.name)=10 or \(word.name)=30s")
        }
        return .milliseconds(milliseconds)
    }

    private func duration(_ word: Word) throws(FaultScriptError) -> Int {
        guard let milliseconds = milliseconds(word.value ?? []), milliseconds > 0, milliseconds <= Self.longestWait
        else {
            throw wrong(word, "write a time up to 10m with its unit, such as \(word.name)=200ms or \(word.name)=2s")
        }
        return milliseconds
    }

    /// A number with `ms`, `s` or `m`, in milliseconds; at most 24 hours.
    private func milliseconds(_ value: [UInt8]) -> Int? {
        let digits = value.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        guard (1...8).contains(digits.count), let number = Int(String(decoding: digits, as: UTF8.self)) else {
            return nil
        }
        let factor: Int? =
            switch String(decoding: value[digits.endIndex...], as: UTF8.self) {
            case "ms": 1
            case "s": 1000
            case "m": 60_000
            default: nil
            }
        guard let factor, number * factor <= 86_400_000 else { return nil }
        return number * factor
    }

    /// Text that is safe in a header.
    private func headerText(_ word: Word, such example: String) throws(FaultScriptError) -> String {
        guard let value = word.value, !value.isEmpty, value.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
            throw wrong(word, "write it in ASCII, such as \(example)")
        }
        return String(decoding: value, as: UTF8.self)
    }

    private func wrong(_ word: Word, _ expected: String) -> FaultScriptError {
        FaultScriptError(position: word.start + 1, problem: "“\(word.text)” cannot be read", expected: expected)
    }
}
