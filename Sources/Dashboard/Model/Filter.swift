import Glibc

/// What a row offers to a filter.
struct FilterFields: Sendable {
    /// Everything worth finding, in lower case.
    var haystack: String
    /// Lower-case values by key: `status`, `to`, `cohort`, …
    var values: [(key: String, value: String)]
}

/// A filter as it is typed: words that must all fit. `word` is contained, `!word` is not, `~word` has its letters in
/// order, `key:word` asks one field, `"two words"` keeps blanks; case does not count.
package struct Filter: Hashable, Sendable {
    package let text: String
    private let terms: [Term]

    private struct Term: Hashable, Sendable {
        var isNegated = false
        var isFuzzy = false
        var key: String?
        var word = ""
    }

    /// The keys that a filter knows, for help and completion.
    package static let keys = [
        "status", "to", "from", "cohort", "sync", "user", "event", "run", "outcome", "trigger", "reason", "schedule",
        "level", "kind",
    ]

    /// A word before a colon that is no key, and so is looked for as it stands; nil when there is none.
    var unknownKey: String? {
        for word in Self.words(of: text.lowercased()) {
            guard let colon = word.firstIndex(of: ":") else { continue }
            let key = word[..<colon].drop { $0 == "!" || $0 == "~" }
            if !key.isEmpty, key.allSatisfy({ $0.isASCII && $0.isLetter }), !Self.keys.contains(String(key)) { return String(key) }
        }
        return nil
    }

    package init(_ text: String) {
        self.text = text
        terms = Self.words(of: text.lowercased()).compactMap(Self.term)
    }

    package var isEmpty: Bool { terms.isEmpty }

    private static func words(of text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var isQuoted = false
        for character in text {
            if character == "\"" {
                isQuoted.toggle()
            } else if character == " ", !isQuoted {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    private static func term(_ text: String) -> Term? {
        var term = Term()
        var rest = Substring(text)
        if rest.hasPrefix("!") {
            term.isNegated = true
            rest = rest.dropFirst()
        }
        if let colon = rest.firstIndex(of: ":"), keys.contains(String(rest[..<colon])) {
            term.key = String(rest[..<colon])
            rest = rest[rest.index(after: colon)...]
        }
        if rest.hasPrefix("~") {
            term.isFuzzy = true
            rest = rest.dropFirst()
        }
        term.word = String(rest)
        // A word that is still being typed narrows nothing.
        return term.word.isEmpty ? nil : term
    }

    func matches(_ fields: FilterFields) -> Bool {
        terms.allSatisfy { term in
            let isFound: Bool
            if let key = term.key {
                isFound = fields.values.contains { $0.key == key && Self.find(term, in: $0.value) }
            } else if term.isFuzzy {
                // Letters scattered over several fields mean nothing.
                isFound = fields.values.contains { Self.isSubsequence(term.word, of: $0.value) }
            } else {
                isFound = Self.contains(fields.haystack, term.word)
            }
            return isFound != term.isNegated
        }
    }

    private static func find(_ term: Term, in text: String) -> Bool {
        term.isFuzzy ? isSubsequence(term.word, of: text) : contains(text, term.word)
    }

    /// Whether the letters of a word occur in a text in their order.
    package static func isSubsequence(_ word: String, of text: String) -> Bool {
        var rest = word.utf8.makeIterator()
        var wanted = rest.next()
        for byte in text.utf8 {
            guard let next = wanted else { return true }
            if byte == next { wanted = rest.next() }
        }
        return wanted == nil
    }

    private static func contains(_ text: String, _ word: String) -> Bool {
        var text = text
        var word = word
        return text.withUTF8 { hay in
            word.withUTF8 { needle in
                guard let start = hay.baseAddress, let pattern = needle.baseAddress, let first = needle.first else {
                    return needle.isEmpty
                }
                var offset = 0
                while hay.count - offset >= needle.count,
                    let hit = memchr(start + offset, Int32(first), hay.count - offset - needle.count + 1)
                {
                    if memcmp(hit, pattern, needle.count) == 0 { return true }
                    offset = UnsafeRawPointer(hit) - UnsafeRawPointer(start) + 1
                }
                return false
            }
        }
    }
}
