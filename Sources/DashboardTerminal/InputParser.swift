import Dashboard

/// Makes keys, pastes and reports out of the bytes that a terminal sends, however they are cut into pieces. A sequence
/// that nobody knows is swallowed whole: its letters must not act as keys.
struct InputParser {
    /// What an unfinished input waits for.
    enum Wait: Equatable {
        case nothing
        /// An Escape that may be a key by itself or begin a sequence.
        case escape
        /// The rest of a sequence or of a character.
        case rest
        /// The end of a paste.
        case paste
    }

    /// A paste keeps this many bytes; the rest is dropped.
    static let pasteLimit = 1 << 20
    private static let escape: UInt8 = 0x1B
    private static let pasteEnd = Array("\u{1B}[201~".utf8)
    /// No sequence that a terminal sends is longer; what is, is swallowed as far as it goes.
    private static let sequenceLimit = 256

    /// Whether the three bytes after `CSI M` are an old mouse report, which only a terminal with its mouse on sends.
    var expectsMouse = false
    private let keys: KeySequences
    private var bytes: [UInt8] = []
    private var next = 0
    private var paste: [UInt8]?
    private var isInString = false

    init(keys: KeySequences = KeySequences()) {
        self.keys = keys
    }

    var wait: Wait {
        if paste != nil { return .paste }
        if isInString { return .rest }
        guard !bytes.isEmpty else { return .nothing }
        return bytes == [Self.escape] ? .escape : .rest
    }

    /// Takes more bytes and returns what they complete.
    mutating func take(_ more: some Sequence<UInt8>) -> [TerminalInput] {
        bytes.append(contentsOf: more)
        var inputs: [TerminalInput] = []
        next = 0
        while next < bytes.count, step(&inputs) {}
        bytes.removeFirst(next)
        next = 0
        return inputs
    }

    /// The wait was in vain: what is there is all there will be.
    mutating func giveUp() -> [TerminalInput] {
        defer {
            bytes = []
            paste = nil
            isInString = false
        }
        if let paste { return [.paste(PasteText.of(paste + bytes))] }
        if isInString { return [] }
        if bytes == [Self.escape] { return [.key(.escape)] }
        // A person who pressed Escape and then such a key; anything longer was a terminal.
        if bytes.count == 2, bytes[0] == Self.escape, bytes[1] >= 0x20, bytes[1] < 0x7F {
            return [.key(.escape), .key(.character(Character(Unicode.Scalar(bytes[1]))))]
        }
        return []
    }

    /// Takes one input; false when it is not complete.
    private mutating func step(_ inputs: inout [TerminalInput]) -> Bool {
        if paste != nil { return takePaste(&inputs) }
        if isInString { return skipString() }
        let byte = bytes[next]
        switch byte {
        case Self.escape: return takeEscape(&inputs)
        case 0x20..<0x7F, 0x80...: return takeText(&inputs)
        default:
            next += 1
            if let key = Self.control(byte) { inputs.append(.key(key)) }
            return true
        }
    }

    private static func control(_ byte: UInt8) -> Key? {
        switch byte {
        case 0x09: .tab
        case 0x0A, 0x0D: .enter
        case 0x08, 0x7F: .backspace
        case 0x00: .control("@")
        case 0x01...0x1A: .control(Character(Unicode.Scalar(byte + 0x60)))
        case 0x1C...0x1F: .control(Character(Unicode.Scalar(byte + 0x40)))
        default: nil
        }
    }

    // MARK: - Text

    /// Takes a run of characters, so that marks join the character that they stand on.
    private mutating func takeText(_ inputs: inout [TerminalInput]) -> Bool {
        var end = next
        while end < bytes.count, bytes[end] >= 0x20, bytes[end] != 0x7F { end += 1 }
        let cut = end == bytes.count ? UTF8Tail.start(bytes[next..<end]) : end
        guard cut > next else { return false }
        var text = String.UnicodeScalarView()
        for scalar in String(decoding: bytes[next..<cut], as: UTF8.self).unicodeScalars {
            // Bytes that are no UTF-8 mean nothing here, and neither do controls beyond ASCII.
            if scalar != "\u{FFFD}" && !(0x80..<0xA0).contains(scalar.value) { text.append(scalar) }
        }
        for character in String(text) { inputs.append(.key(.character(character))) }
        next = cut
        return true
    }

    // MARK: - Sequences

    private mutating func takeEscape(_ inputs: inout [TerminalInput]) -> Bool {
        guard next + 1 < bytes.count else { return false }
        let second = bytes[next + 1]
        switch second {
        case UInt8(ascii: "["), UInt8(ascii: "O"):
            guard let end = sequenceEnd(isShifted: second == UInt8(ascii: "O")) else { return false }
            let sequence = bytes[(next + 1)..<end]
            next = end
            interpret(sequence, &inputs)
        case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "_"), UInt8(ascii: "^"), UInt8(ascii: "X"):
            // Alone it may be two keys of a person; followed at once by more it is a terminal's answer.
            guard next + 2 < bytes.count else { return false }
            next += 2
            isInString = true
        case _ where keys.isKey(second):
            if let key = keys.key(bytes[(next + 1)...(next + 1)]) { inputs.append(.key(key)) }
            next += 2
        default:
            inputs.append(.key(.escape))
            next += 1
        }
        return true
    }

    /// Where the sequence that begins at `next` ends; nil when more bytes are needed.
    private func sequenceEnd(isShifted: Bool) -> Int? {
        var index = next + 2
        if !isShifted && index < bytes.count && bytes[index] == UInt8(ascii: "[") {
            // The Linux console's F1 to F5.
            return index + 1 < bytes.count ? index + 2 : nil
        }
        while index < bytes.count {
            switch bytes[index] {
            case 0x40..<0x7F:
                let isMouse = expectsMouse && bytes[index] == UInt8(ascii: "M") && index == next + 2 && !isShifted
                let end = index + (isMouse ? 4 : 1)
                return end <= bytes.count ? end : nil
            case 0x20..<0x40 where index - next < Self.sequenceLimit: index += 1
            default: return index
            }
        }
        return nil
    }

    private mutating func interpret(_ sequence: ArraySlice<UInt8>, _ inputs: inout [TerminalInput]) {
        if let key = keys.key(sequence) {
            inputs.append(.key(key))
        } else if sequence.elementsEqual("[200~".utf8) {
            paste = []
        } else if sequence.elementsEqual("[I".utf8) {
            inputs.append(.focus(true))
        } else if sequence.elementsEqual("[O".utf8) {
            inputs.append(.focus(false))
        } else if expectsMouse, let input = MouseReport.input(sequence) {
            inputs.append(input)
        }
    }

    /// Skips an answer such as a colour's value, which ends in BEL or in Escape and `\`.
    private mutating func skipString() -> Bool {
        while next < bytes.count {
            if bytes[next] == 0x07 {
                next += 1
                isInString = false
                return true
            }
            if bytes[next] == Self.escape {
                guard next + 1 < bytes.count else { return false }
                isInString = false
                if bytes[next + 1] == UInt8(ascii: "\\") { next += 2 }
                return true
            }
            next += 1
        }
        return false
    }

    // MARK: - Pastes

    private mutating func takePaste(_ inputs: inout [TerminalInput]) -> Bool {
        let rest = bytes[next...]
        var end = rest.startIndex
        while end < rest.endIndex {
            if rest[end] == Self.escape {
                let candidate = rest[end...].prefix(Self.pasteEnd.count)
                if candidate.elementsEqual(Self.pasteEnd) {
                    keep(rest[..<end])
                    next = end + Self.pasteEnd.count
                    inputs.append(.paste(PasteText.of(paste ?? [])))
                    paste = nil
                    return true
                }
                if Self.pasteEnd.starts(with: candidate) { break }
            }
            end += 1
        }
        keep(rest[..<end])
        next = end
        return false
    }

    private mutating func keep(_ piece: ArraySlice<UInt8>) {
        let room = max(0, Self.pasteLimit - (paste?.count ?? 0))
        paste?.append(contentsOf: piece.prefix(room))
    }
}

/// Where an unfinished character at the end of some bytes begins.
enum UTF8Tail {
    static func start(_ bytes: ArraySlice<UInt8>) -> Int {
        var index = bytes.endIndex
        var following = 0
        while index > bytes.startIndex && following < 4 {
            index -= 1
            let byte = bytes[index]
            if byte < 0x80 { return bytes.endIndex }
            if byte >= 0xC2 {
                let wanted = byte >= 0xF5 ? 0 : byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1
                return following < wanted ? index : bytes.endIndex
            }
            if byte >= 0xC0 { return bytes.endIndex }
            following += 1
        }
        return bytes.endIndex
    }
}
