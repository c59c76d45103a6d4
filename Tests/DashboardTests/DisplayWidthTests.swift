import Testing
import TerminalText

struct DisplayWidthTests {
    @Test(arguments: [
        ("", 0), ("abc", 3), ("日本", 4), ("é", 1), ("e\u{301}", 1), ("👍", 2), ("👍🏽", 2), ("🇳🇴", 2), ("한", 2), ("ﾊ", 1),
        ("①", 1), ("▸●…─", 4), ("a\u{200B}b", 2), ("\u{301}", 0), ("\u{7}", 0), ("\u{E000}", 1),
    ])
    func widthOfText(text: String, width: Int) {
        #expect(DisplayWidth.of(text) == width)
        #expect(text.reduce(0) { $0 + DisplayWidth.of($1) } == width)
    }

    @Test func marksAreBounded() {
        let zalgo = "a" + String(repeating: "\u{301}", count: 300) + "b"
        let clusters = DisplayWidth.clusters(of: zalgo)
        #expect(clusters.count == 2)
        #expect(clusters[0].text.unicodeScalars.count == 5)
    }

    @Test func whatHasNoGlyphIsAQuestionMark() {
        #expect(DisplayWidth.clusters(of: "\u{E000}\u{378}").map(\.text) == ["?", "?"])
    }

    @Test func everyScalarHasAWidth() {
        for value in stride(from: UInt32(0), to: 0x110000, by: 7) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            #expect((0...2).contains(DisplayWidth.of(scalar)))
        }
    }
}
