/// One line of text being typed.
package struct TextField: Hashable, Sendable {
    /// What was typed, character by character.
    private(set) var characters: [Character]
    /// Before which character the caret stands.
    private(set) var caret: Int
    /// Nobody types more.
    static let limit = 1_024

    init(_ text: String = "") {
        characters = Array(text.prefix(Self.limit))
        caret = characters.count
    }

    var text: String { String(characters) }

    mutating func insert(_ character: Character) {
        guard characters.count < Self.limit else { return }
        characters.insert(character, at: caret)
        caret += 1
    }

    /// Pasted text goes in without controls; a line break becomes a blank and ends nothing.
    mutating func paste(_ text: String) {
        for scalar in text.unicodeScalars.prefix(Self.limit) {
            if scalar.value == 0x0A || scalar.value == 0x0D || scalar.value == 0x09 {
                if characters.last != " " { insert(" ") }
            } else if scalar.value >= 0x20, !(0x7F..<0xA0).contains(scalar.value) {
                insert(Character(scalar))
            }
        }
    }

    mutating func setText(_ text: String) {
        self = TextField(text)
    }

    /// Handles a key of editing. Every printable key is text here.
    /// - Returns: whether it was one.
    mutating func handle(_ key: Key) -> Bool {
        switch key {
        case .character(let character): insert(character)
        case .backspace:
            guard caret > 0 else { return true }
            caret -= 1
            characters.remove(at: caret)
        case .delete:
            if caret < characters.count { characters.remove(at: caret) }
        case .left: caret = max(0, caret - 1)
        case .right: caret = min(characters.count, caret + 1)
        case .home, .control("a"): caret = 0
        case .end, .control("e"): caret = characters.count
        case .control("u"):
            characters.removeFirst(caret)
            caret = 0
        case .control("k"): characters.removeLast(characters.count - caret)
        case .control("w"):
            while caret > 0, characters[caret - 1] == " " { remove() }
            while caret > 0, characters[caret - 1] != " " { remove() }
        default: return false
        }
        return true
    }

    private mutating func remove() {
        caret -= 1
        characters.remove(at: caret)
    }
}
