import CNcurses
import Dashboard

/// Which key each escape sequence stands for. Both forms of the cursor keys are known whatever the terminal's mode.
struct KeySequences {
    /// Sequences that terminfo tells, as bytes after the Escape.
    private let particular: [[UInt8]: Key]

    init(particular: [[UInt8]: Key] = [:]) {
        self.particular = particular
    }

    /// Asks terminfo for the keys of the open terminal.
    static func ofTerminal() -> KeySequences {
        var names: [(String, Key)] = [
            ("kcuu1", .up), ("kcud1", .down), ("kcub1", .left), ("kcuf1", .right), ("khome", .home), ("kend", .end),
            ("kpp", .pageUp), ("knp", .pageDown), ("kich1", .insert), ("kdch1", .delete), ("kcbt", .backTab),
            ("kent", .enter),
        ]
        for number in 1...12 { names.append(("kf\(number)", .function(number))) }
        var found: [[UInt8]: Key] = [:]
        for (name, key) in names {
            guard let text = cnc_capability(name) else { continue }
            let bytes = Array(String(cString: text).utf8)
            if bytes.count > 1 && bytes[0] == 0x1B { found[Array(bytes.dropFirst())] = key }
        }
        return KeySequences(particular: found)
    }

    /// The key for a whole sequence, without its Escape.
    func key(_ sequence: ArraySlice<UInt8>) -> Key? {
        if let key = particular[Array(sequence)] { return key }
        guard let first = sequence.first, let last = sequence.last, sequence.count > 1 else { return nil }
        switch first {
        case UInt8(ascii: "["):
            if sequence.count == 3 && sequence[sequence.startIndex + 1] == UInt8(ascii: "[") {
                return Self.console(last)
            }
            let parameters = sequence.dropFirst().dropLast()
            return last == UInt8(ascii: "~") ? Self.numbered(parameters) : Self.lettered(last, parameters)
        case UInt8(ascii: "O"): return Self.shifted(last)
        default: return nil
        }
    }

    /// Whether an Escape and this byte alone are a key.
    func isKey(_ byte: UInt8) -> Bool {
        particular[[byte]] != nil
    }

    /// `CSI A` and `CSI 1 ; modifier A`. Modifiers are not told apart.
    private static func lettered(_ final: UInt8, _ parameters: ArraySlice<UInt8>) -> Key? {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard parameters.allSatisfy({ digits.contains($0) || $0 == UInt8(ascii: ";") }) else { return nil }
        switch final {
        case UInt8(ascii: "A"): return .up
        case UInt8(ascii: "B"): return .down
        case UInt8(ascii: "C"): return .right
        case UInt8(ascii: "D"): return .left
        case UInt8(ascii: "F"): return .end
        case UInt8(ascii: "H"): return .home
        case UInt8(ascii: "Z"): return .backTab
        case UInt8(ascii: "P"): return .function(1)
        case UInt8(ascii: "Q"): return .function(2)
        case UInt8(ascii: "S"): return .function(4)
        default: return nil
        }
    }

    /// `CSI number ~`, the VT220's editing and function keys.
    private static func numbered(_ parameters: ArraySlice<UInt8>) -> Key? {
        let digits = parameters.prefix { $0 != UInt8(ascii: ";") }
        guard digits.count <= 2, let number = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
        switch number {
        case 1, 7: return .home
        case 2: return .insert
        case 3: return .delete
        case 4, 8: return .end
        case 5: return .pageUp
        case 6: return .pageDown
        case 11...15: return .function(number - 10)
        case 17...21: return .function(number - 11)
        case 23, 24: return .function(number - 12)
        default: return nil
        }
    }

    /// `CSI [ A` to `CSI [ E`, F1 to F5 of the Linux console.
    private static func console(_ final: UInt8) -> Key? {
        (UInt8(ascii: "A")...UInt8(ascii: "E")).contains(final)
            ? .function(Int(final) - Int(UInt8(ascii: "A")) + 1) : nil
    }

    /// `SS3 A`: cursor keys in application mode, F1 to F4, and the numeric pad.
    private static func shifted(_ final: UInt8) -> Key? {
        switch final {
        case UInt8(ascii: "A")...UInt8(ascii: "D"), UInt8(ascii: "F"), UInt8(ascii: "H"): return lettered(final, [])
        case UInt8(ascii: "M"): return .enter
        case UInt8(ascii: "P")...UInt8(ascii: "S"): return .function(Int(final) - Int(UInt8(ascii: "P")) + 1)
        case UInt8(ascii: "X"): return .character("=")
        // The pad's keys are their characters moved up by 64.
        case UInt8(ascii: "j")...UInt8(ascii: "y"): return .character(Character(Unicode.Scalar(final - 64)))
        default: return nil
        }
    }
}
