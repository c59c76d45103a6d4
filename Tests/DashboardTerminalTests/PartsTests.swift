import CNcurses
import Dashboard
import Testing

@testable import DashboardTerminal
@testable import TerminalHarness

struct PartsTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64OfRFC4648(_ text: String, _ encoded: String) {
        #expect(String(decoding: ClipboardSequence.base64(Array(text.utf8)), as: UTF8.self) == encoded)
    }

    @Test func clipboardSequences() {
        let plain = ClipboardSequence.bytes(for: Array("hi".utf8), multiplexer: .none)
        #expect(String(decoding: plain, as: UTF8.self) == "\u{1B}]52;c;aGk=\u{7}")
        let tmux = ClipboardSequence.bytes(for: Array("hi".utf8), multiplexer: .tmux)
        #expect(
            String(decoding: tmux, as: UTF8.self)
                == "\u{1B}]52;c;aGk=\u{7}\u{1B}Ptmux;\u{1B}\u{1B}]52;c;aGk=\u{7}\u{1B}\\")
        let longest = ClipboardSequence.bytes(
            for: Array(repeating: 0x61, count: ClipboardSequence.limit), multiplexer: .none)
        #expect(longest.count <= 100_000)
    }

    @Test func clipboardIsOnlyForTerminalsThatSwallowIt() {
        #expect(ClipboardSequence.isUnderstood(term: "xterm-kitty", hasCapability: false, multiplexer: .none))
        #expect(ClipboardSequence.isUnderstood(term: "anything", hasCapability: true, multiplexer: .none))
        #expect(ClipboardSequence.isUnderstood(term: "screen", hasCapability: false, multiplexer: .tmux))
        #expect(!ClipboardSequence.isUnderstood(term: "linux", hasCapability: false, multiplexer: .none))
        #expect(!ClipboardSequence.isUnderstood(term: "vt100", hasCapability: false, multiplexer: .none))
        #expect(!ClipboardSequence.isUnderstood(term: "screen", hasCapability: false, multiplexer: .screen))
    }

    @Test func errorLinesAreHarmless() {
        let line = Array("a\u{1B}[31m\u{7}\tb\u{9B}\u{202E}c\u{7F}".utf8) + [0xFF]
        #expect(ErrorCapture.printable(line) == "a^[[31m^G    b??c^?\u{FFFD}")
    }

    @Test func errorsSpeakInSentences() {
        #expect(
            TerminalError.unusable(term: "xyz", hint: "is unknown").description
                == "TERM=xyz is unknown; try TERM=xterm-256color or --plain")
        #expect(
            TerminalError.unusable(term: "", hint: "is not set").description
                == "TERM is not set; try TERM=xterm-256color or --plain")
    }

    @Test func unfinishedCharactersAreKept() {
        func start(_ bytes: [UInt8]) -> Int { UTF8Tail.start(bytes[...]) }
        #expect(start([0x61]) == 1)
        #expect(start([0x61, 0xE4]) == 1)
        #expect(start([0x61, 0xE4, 0xB8]) == 1)
        #expect(start([0x61, 0xE4, 0xB8, 0xAD]) == 4)
        #expect(start([0xF0, 0x9F, 0x98]) == 0)
        #expect(start([0x80, 0x80, 0x80, 0x80, 0x80]) == 5)
        #expect(start([0xFF]) == 1)
    }

    @Test func glyphsAreABaseAndItsMarks() {
        #expect(cnc_adopt_locale() == 1)
        #expect(Glyph("a").scalars == [0x61])
        #expect(Glyph("").scalars == [0x20])
        #expect(Glyph("e\u{301}").scalars == [0x65, 0x301])
        #expect(Glyph("e" + String(repeating: "\u{301}", count: 50)).scalars.count == 5)
        #expect(Glyph("👨\u{200D}👩\u{200D}👧").scalars == [0x1F468])
        #expect(Glyph("👍🏽").scalars == [0x1F44D])
        #expect(Glyph("❤\u{FE0F}").scalars == [0x2764])
        #expect(Glyph("中").width == 2)
        for hostile in ["\u{1B}", "\n", "\u{7F}", "\u{9B}", "\u{202E}", "\u{200B}", "\u{301}", "\r\n"] {
            #expect(Glyph(hostile).scalars == [0x3F], "\(hostile.unicodeScalars.map(\.value))")
        }
    }

    @Test func theModelOfAScreenKnowsItsSequences() {
        var screen = VTScreen(width: 10, height: 3)
        screen.take("abc\r\ndef\u{1B}[2;2Hx\u{1B}[K\u{1B}[1;31m!\u{1B}[m".utf8)
        #expect(screen.lines == ["abc", "dx!", ""])
        #expect(screen[1, 2].look == VTScreen.Look(isBold: true, foreground: 1))
        screen.take("\u{1B}[?1049h\u{1B}[Hother\u{1B}[?25l".utf8)
        #expect(screen.lines[0] == "other")
        #expect(screen.modes == [7, 1049])
        screen.take("\u{1B}[?1049l\u{1B}[?25h".utf8)
        #expect(screen.lines == ["abc", "dx!", ""])
        screen.take("\u{1B}[3;9H中x".utf8)
        #expect(screen.lines == ["dx!", "        中", "x"])
        screen.take("\u{1B}[1;2H\u{1B}[P\u{1B}[2@".utf8)
        #expect(screen.lines[0] == "d  !")
        #expect(screen.unknown.isEmpty)
        screen.take("\u{1B}[5y".utf8)
        #expect(screen.unknown.count == 1)
    }
}
