/// The keys of one mapping, read by name and type; every mistake goes to the log.
///
/// Readers return nil for a key that is absent and for one that is wrong, since a file with any mistake is refused
/// whole: what stands in for a wrong value is never used.
struct Fields {
    /// What the mapping describes, for messages: `cohort "vips"`.
    let owner: String
    /// Where to point when a key is missing.
    let place: Place
    let log: ProblemLog
    let pairs: [YAMLPair]

    /// Nil, with a complaint, when `node` is no mapping. Repeated keys and keys that are no text are reported here.
    init?(_ node: YAMLNode, owner: String, place: Place, log: ProblemLog) {
        self.owner = owner
        self.place = place
        self.log = log
        guard let pairs = node.pairs else {
            let found = node.isNull ? "has no value" : "is \(node.kindName)"
            log.add(node.isNull ? place : node.place, "\(owner) \(found); it must be a mapping of \"key: value\"")
            return nil
        }
        var lines: [[UInt8]: Int] = [:]
        self.pairs = pairs.filter { pair in
            guard let key = pair.key.text else {
                log.add(pair.key.place, "a key of \(owner) is \(pair.key.kindName); keys must be text")
                return false
            }
            if let line = lines[Array(key.utf8)] {
                log.add(
                    pair.key.place,
                    "duplicate key \(quoted(key)) in \(owner); it stands in line \(line) already, remove one of them")
                return false
            }
            lines[Array(key.utf8)] = pair.key.place.line
            return true
        }
    }

    /// The same fields that report to another log.
    init(_ fields: Fields, log: ProblemLog) {
        owner = fields.owner
        place = fields.place
        pairs = fields.pairs
        self.log = log
    }

    subscript(key: String) -> YAMLNode? { pairs.first { $0.key.text == key }?.value }

    /// Reports every key that is none of `allowed`.
    /// - Parameter hint: what to say of an unknown key instead of the usual; nil says the usual.
    func allowOnly(_ allowed: [String], hint: (String) -> String? = { _ in nil }) {
        for pair in pairs {
            guard let key = pair.key.text, !allowed.contains(key) else { continue }
            if let hint = hint(key) {
                log.add(pair.key.place, hint)
            } else if let near = nearName(key, among: allowed) {
                log.add(pair.key.place, "unknown key \(quoted(key)) in \(owner); did you mean \(quoted(near))?")
            } else {
                log.add(pair.key.place, "unknown key \(quoted(key)) in \(owner); it takes \(listed(allowed))")
            }
        }
    }

    /// Reports a key that must not be there, or not with this value.
    func refuse(_ key: String, _ complaint: String) {
        guard let node = self[key] else { return }
        log.add(node.place, "\(quoted(key)) of \(owner) \(complaint)")
    }

    /// Reports a key that is not there, with an example of how it would be written.
    func missing(_ key: String, example: String) {
        log.add(place, "\(owner) has no \(quoted(key)); add \"\(key): \(example)\"")
    }

    // MARK: Texts

    /// A text that is not empty. Numbers, times and words such as `yes` are taken as they are written.
    /// - Parameter multiline: whether newlines and tabs may stand in it.
    func text(_ key: String, multiline: Bool = false) -> String? {
        self[key].flatMap { text(of: $0, key, multiline: multiline) }
    }

    func requiredText(_ key: String, example: String, multiline: Bool = false) -> String? {
        if self[key] == nil { missing(key, example: example) }
        return text(key, multiline: multiline)
    }

    /// The text of any node, under the same rules.
    func text(of node: YAMLNode, _ key: String, multiline: Bool = false) -> String? {
        guard let text = node.text else {
            let advice = node.isFlow ? "a text that begins with a bracket or brace needs quotes" : "write one text"
            log.add(node.place, "\(quoted(key)) of \(owner) must be text, not \(node.kindName); \(advice)")
            return nil
        }
        guard !node.isNull else {
            let null = text.isEmpty ? "has no value" : "is null"
            log.add(node.place, "\(quoted(key)) of \(owner) \(null); write a value, or remove the key")
            return nil
        }
        guard !text.isEmpty else {
            log.add(node.place, "\(quoted(key)) of \(owner) is empty; write a value, or remove the key")
            return nil
        }
        let strange = text.unicodeScalars.first {
            $0.properties.generalCategory == .control && !(multiline && [0x09, 0x0A, 0x0D].contains($0.value))
        }
        if let strange {
            let name = strange.value == 0x0A ? "a newline" : "the control character \(codePoint(strange.value))"
            log.add(node.place, "\(quoted(key)) of \(owner) holds \(name); remove it")
            return nil
        }
        return text
    }

    /// One of a few words.
    func choice<Choice: RawRepresentable & CaseIterable>(_ key: String) -> Choice? where Choice.RawValue == String {
        guard let node = self[key], let text = text(key) else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        let words = Choice.allCases.map(\.rawValue)
        let near = nearName(text, among: words).map { "did you mean \($0)?" } ?? "write \(listed(words, "or"))"
        log.add(node.place, "\(quoted(key)) of \(owner) cannot be \(quoted(text)); \(near)")
        return nil
    }

    /// `true` or `false`, plain.
    func boolean(_ key: String) -> Bool? {
        guard let node = self[key] else { return nil }
        if node.plainText == "true" { return true }
        if node.plainText == "false" { return false }
        let meant: String =
            switch node.text?.lowercased() {
            case "true", "yes", "on", "y", "1": "write true"
            case "false", "no", "off", "n", "0": "write false"
            default: "write true or false"
            }
        log.add(node.place, "\(quoted(key)) of \(owner) must be true or false, without quotes; \(meant)")
        return nil
    }

    // MARK: Numbers

    func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let node = self[key], let text = text(key) else { return nil }
        if let number = Quantity.whole(text), range.contains(number) { return number }
        let right = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        log.add(node.place, "\(quoted(key)) of \(owner) must be \(right), not \(quoted(text))")
        return nil
    }

    /// A number with a unit.
    /// - Parameter limits: the allowed range and how to say it.
    func quantity(
        _ key: String, within limits: (range: ClosedRange<Int>, words: String)? = nil,
        _ parse: (String) throws(QuantityComplaint) -> Int
    ) -> Int? {
        guard let node = self[key], let text = text(key) else { return nil }
        do {
            let number = try parse(text)
            guard let limits, !limits.range.contains(number) else { return number }
            log.add(node.place, "\(quoted(key)) of \(owner) cannot be \(quoted(text)); it must be \(limits.words)")
        } catch {
            log.add(node.place, "\(quoted(key)) of \(owner) cannot be \(quoted(text)); \(error.message)")
        }
        return nil
    }

    // MARK: Lists

    /// A list of at least one text, each with its node.
    /// - Parameter example: how the list would be written.
    func texts(_ key: String, example: String) -> [(text: String, node: YAMLNode)]? {
        guard let node = self[key] else { return nil }
        guard let items = node.items else {
            let found = node.isNull ? "has no value" : "must be a list, not \(node.kindName)"
            log.add(node.place, "\(quoted(key)) of \(owner) \(found); write \"\(key): \(example)\"")
            return nil
        }
        guard !items.isEmpty else {
            log.add(node.place, "\(quoted(key)) of \(owner) is an empty list; write \"\(key): \(example)\"")
            return nil
        }
        let texts = items.map { item in text(of: item, key).map { ($0, item) } }
        let good = texts.compactMap { $0 }
        return good.count == texts.count ? good : nil
    }
}
