import Testing

@testable import TerminalText

@Suite struct PrintableTextTests {
    @Test("what could act on a terminal or deceive becomes a visible token", arguments: [
        ("\u{1B}[31mred", "^[[31mred"), ("a\nb\tc\0", "a^Jb^Ic^@"), ("\u{7F}", "^?"), ("\u{9B}31m", "\\x9B31m"),
        ("\u{85}", "\\x85"), ("user\u{202E}gpj", "user\\u{202E}gpj"), ("\u{200B}", "\\u{200B}"),
        ("\u{AD}", "\\u{00AD}"), ("\u{FEFF}", "\\u{FEFF}"), ("\u{2066}", "\\u{2066}"), ("\u{2028}", "\\u{2028}"),
        ("\u{E0041}", "\\u{E0041}"), ("\u{3164}", "\\u{3164}"), ("\u{FE0F}", "\\u{FE0F}"),
    ])
    func tokens(text: String, expected: String) {
        #expect(PrintableText.of(text) == expected)
    }

    @Test("ordinary text stays as it is", arguments: ["", "abc ~", "Grüße", "日本語", "😀", "e\u{301}", "العربية"])
    func ordinary(text: String) {
        #expect(Array(PrintableText.of(text).utf8) == Array(text.utf8))
    }

    @Test("no scalar of the first planes leaves a control or a direction override behind")
    func everyScalar() {
        for value in UInt32(0)..<0x30000 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            for result in PrintableText.of("a\(scalar)").unicodeScalars {
                let isUnsafe = switch result.properties.generalCategory {
                case .control, .lineSeparator, .paragraphSeparator: true
                default: result.properties.isBidiControl || result.properties.isDefaultIgnorableCodePoint
                }
                #expect(!isUnsafe, "U+\(String(value, radix: 16))")
            }
        }
    }

    @Test("a terminal of ASCII gets ASCII only")
    func ascii() {
        #expect(PrintableText.of("Grü😀", ascii: true) == "Gr\\u{00FC}\\u{1F600}")
        #expect(PrintableText.of("日本", limit: 1, ascii: true) == "\\u{65E5}~")
    }

    @Test("a cut text ends in a sign of it, and one that just fits does not")
    func limit() {
        #expect(PrintableText.of("abcd", limit: 3) == "abc…")
        #expect(PrintableText.of("abc", limit: 3) == "abc")
        #expect(PrintableText.of("abc", limit: 0) == "…")
    }

    @Test("hundreds of marks on one letter become four")
    func marks() {
        let piled = "a" + String(repeating: "\u{301}", count: 500) + "b"
        #expect(PrintableText.of(piled).unicodeScalars.count == 6)
        #expect(PrintableText.of(String(repeating: "\u{301}", count: 500)).unicodeScalars.count == 4)
    }
}
