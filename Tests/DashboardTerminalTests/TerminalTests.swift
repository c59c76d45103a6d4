import Dashboard
import Glibc
import Testing

@testable import DashboardTerminal
@testable import TerminalHarness

/// The probe on a real terminal, in its ordinary life.
struct TerminalTests {
    private func started(
        _ arguments: [String] = [], term: String? = "xterm-256color", environment: [String: String] = [:]
    ) throws -> Pty {
        let pty = try Pty(arguments, term: term, environment: environment)
        pty.waitIdle(inputs: 0)
        return pty
    }

    @Test func firstFrameAndKeys() throws {
        let pty = try started()
        #expect(pty.screen.lines[0] == "probe 80x24 utf8")
        #expect(pty.screen[23, 79].text == "#")
        #expect(pty.screen.modes.isSuperset(of: [1049, 2004, 1004]))
        #expect(!pty.screen.modes.contains(25))
        #expect(pty.modes.isRaw)
        pty.press("+")
        #expect(pty.screen.lines[1] == "count 1")
        pty.press("\u{1B}[A")
        #expect(pty.screen.lines[2] == "last up")
        pty.press("\u{1B}OB")
        #expect(pty.screen.lines[2] == "last down")
        pty.press("\u{1B}")
        #expect(pty.screen.lines[2] == "last escape")
        pty.press("\u{13}")
        #expect(pty.screen.lines[2] == "last control(\"s\")")
        pty.press("\u{1B}[99;1x\u{1B}[<0;1;1Mé")
        #expect(pty.screen.lines[2] == "last character(\"é\")")
        pty.press("\u{1B}[I")
        #expect(pty.screen.lines[2] == "last focus true")
        #expect(pty.screen.unknown.isEmpty)
    }

    @Test func quitMakesTheTerminalWhole() throws {
        let pty = try started()
        let before = try Pty(program: "/bin/true").modes
        pty.send("mq")
        #expect(pty.ending() == .exit(0))
        expectWhole(pty, before)
    }

    @Test func pasteReachesTheReceiverAsText() throws {
        let pty = try started()
        pty.press("\u{1B}[200~q\u{3}\r\n\u{1B}[31mx\u{1B}[201~")
        #expect(pty.screen.lines[2] == "last paste<q [31mx>")
    }

    @Test func mouseIsOffUntilAsked() throws {
        let pty = try started()
        #expect(!pty.screen.modes.contains(1000))
        pty.press("m")
        #expect(pty.screen.modes.isSuperset(of: [1000, 1006]))
        pty.press("\u{1B}[<0;300;7M")
        #expect(pty.screen.lines[2] == "last mouse 6,299,0")
        pty.press("M")
        #expect(pty.screen.modes.isDisjoint(with: [1000, 1006]))
    }

    @Test func bellClipboardAndTimer() throws {
        let pty = try started()
        pty.press("b")
        #expect(pty.screen.bells == 1)
        pty.press("y")
        #expect(pty.screen.strings == ["52;c;aMOpbGxv"])
        pty.press("d")
        pty.wait(for: "the timer") { $0.screen.lines[3] == "log timer" }
    }

    @Test func standardErrorIsShownInsideAndItsEndAfterwards() throws {
        let pty = try started()
        pty.send("e")
        pty.wait(for: "the last line") { $0.screen.lines[3] == "log stderr: one more" }
        pty.waitIdle(inputs: 1)
        pty.send("q")
        #expect(pty.ending() == .exit(0))
        #expect(pty.screen.lines.contains("oops ^[[31mred"))
        #expect(pty.screen.lines.contains("one more"))
    }

    @Test func programsOutsideHaveTheTerminalToThemselves() throws {
        let pty = try started()
        pty.send("o")
        pty.wait(for: "the return") { $0.screen.lines[3] == "log outside true" }
        pty.press("+")
        #expect(pty.screen.lines[1] == "count 1")
        #expect(pty.modes.isRaw)
        pty.send("q")
        #expect(pty.ending() == .exit(0))
        #expect(pty.screen.lines.contains("outside, echo on"))
        #expect(pty.screen.lines.contains("complaint from outside"))
    }

    @Test func eventsComeThroughTheStreamToo() throws {
        let pty = try started(["stream"])
        pty.press("+++", inputs: 3)
        #expect(pty.screen.lines[1] == "count 3")
        pty.send("q")
        #expect(pty.ending() == .exit(0))
    }

    @Test func redrawPaintsEveryCell() throws {
        let pty = try started()
        pty.screen.take("\u{1B}[10;10Hscribble".utf8)
        pty.press("\u{C}")
        #expect(pty.screen.lines[9] == "")
        #expect(pty.screen.lines[0] == "probe 80x24 utf8")
    }

    @Test(arguments: ["xterm-256color", "tmux-256color", "screen", "linux", "vt100"])
    func terminalTypes(_ term: String) throws {
        let pty = try started(["styles"], term: term)
        let before = try Pty(program: "/bin/true").modes
        pty.press("\u{1B}[A")
        pty.press("+")
        #expect(pty.screen.lines[0] == "probe 80x24 utf8")
        #expect(pty.screen.lines[1] == "count 1")
        #expect(pty.screen[23, 79].text == "#")
        #expect(pty.screen[8, 2].look.isReverse)
        #expect(pty.screen.unknown.isEmpty, "\(pty.screen.unknown)")
        pty.send("q")
        #expect(pty.ending() == .exit(0))
        expectWhole(pty, before)
    }

    @Test(arguments: ["dumb", "nosuch", "", nil])
    func unusableTypesAreToldInASentence(_ term: String?) throws {
        let pty = try Pty(term: term)
        #expect(pty.ending() == .exit(69))
        let text = String(decoding: pty.bytes, as: UTF8.self)
        #expect(text.hasSuffix("; try TERM=xterm-256color or --plain\r\n"))
        #expect(text.hasPrefix(term.map { $0.isEmpty ? "TERM is not set" : "TERM=\($0) " } ?? "TERM is not set"))
        #expect(!pty.bytes.contains(0x1B))
    }

    @Test func stylesAreWhatTheyAre() throws {
        let pty = try started(["styles"])
        for color in Color.allCases {
            let column = Int(color.rawValue) * 2
            #expect(pty.screen[5, column].look == VTScreen.Look(foreground: Int(color.rawValue)))
            #expect(pty.screen[6, column].look == VTScreen.Look(background: Int(color.rawValue)))
            #expect(
                pty.screen[7, column].look
                    == VTScreen.Look(isBold: true, foreground: Int(color.rawValue), background: 4))
        }
        #expect(pty.screen[8, 0].look == VTScreen.Look(isBold: true))
        #expect(pty.screen[8, 1].look == VTScreen.Look(isDim: true))
        #expect(pty.screen[8, 2].look == VTScreen.Look(isReverse: true))
        #expect(pty.screen[8, 3].look == VTScreen.Look(isUnderlined: true))
        #expect(pty.screen[8, 4].look == VTScreen.Look())
    }

    @Test func eightColorsKeepGreyTextVisible() throws {
        let pty = try started(["styles"], term: "tmux")
        #expect(pty.screen[5, 16].look == VTScreen.Look(isDim: true))
        #expect(pty.screen[5, 18].look == VTScreen.Look(isBold: true, foreground: 1))
    }

    @Test func noColorMeansNone() throws {
        let pty = try started(["styles"], environment: ["NO_COLOR": "1"])
        for row in 0..<24 {
            for column in 0..<80 {
                let look = pty.screen[row, column].look
                #expect(look.foreground == nil && look.background == nil)
            }
        }
        #expect(pty.screen[6, 2].look.isReverse)
        #expect(pty.screen[5, 16].look.isDim)
        // Even sequences that set the default colours stay away.
        #expect(!String(decoding: pty.bytes, as: UTF8.self).contains("39;49m"))
        let empty = try started(["styles"], environment: ["NO_COLOR": ""])
        #expect(empty.screen[5, 2].look.foreground == 1)
    }

    @Test func withoutUTF8EverythingIsASCII() throws {
        let pty = try started(["wide"], environment: ["LANG": "C"])
        #expect(pty.screen.lines[0] == "probe 80x24 ascii")
        #expect(pty.bytes.allSatisfy { $0 < 0x80 })
        #expect(pty.screen.lines[5] == "|? ? ? |? ? |")
    }

    @Test func aLocaleThatIsNotInstalledStillMeansUTF8() throws {
        let pty = try started(["wide"], environment: ["LANG": "xx_YY.UTF-8"])
        #expect(pty.screen.lines[0] == "probe 80x24 utf8")
        #expect(pty.screen.lines[5] == "|中文字|한글|")
    }

    @Test func sizesInTheEnvironmentAreLies() throws {
        let pty = try started(environment: ["LINES": "7", "COLUMNS": "30000"])
        #expect(pty.screen.lines[0] == "probe 80x24 utf8")
        #expect(pty.screen[23, 79].text == "#")
    }

    @Test func wideTextStaysInItsCells() throws {
        let pty = try started(["wide"])
        let rows = Array(pty.screen.lines[5...9])
        let halves = "?|" + String(repeating: " ", count: 77) + "?"
        #expect(rows == ["|中文字|한글|", "|😀🚀|e\u{301}n\u{303}|", "|👨👍|▁█●|", "|?????|", halves])
        pty.press("\u{C}")
        #expect(Array(pty.screen.lines[5...9]) == rows)
    }

    @Test func pipedInputLeavesTheTerminalsKeys() throws {
        let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(null) }
        let pty = try Pty(input: .file(null))
        pty.waitIdle(inputs: 0)
        pty.press("+")
        #expect(pty.screen.lines[1] == "count 1")
        pty.send("q")
        #expect(pty.ending() == .exit(0))
    }

    @Test func redirectedOutputIsNoTerminal() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        let pty = try Pty(output: .file(ends[1]))
        #expect(pty.ending() == .exit(0))
        #expect(pty.bytes.isEmpty)
        var text = [UInt8](repeating: 0, count: 64)
        let count = read(ends[0], &text, text.count)
        #expect(String(decoding: text.prefix(max(0, count)), as: UTF8.self) == "status\n")
    }
}

/// The modes are those of a terminal that nobody touched, the first screen is back, and nothing is left switched on.
func expectWhole(_ pty: Pty, _ before: Pty.Modes, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(pty.modes == before, sourceLocation: sourceLocation)
    #expect(pty.screen.modes == Pty.wholeModes, sourceLocation: sourceLocation)
    #expect(pty.screen.look == VTScreen.Look(), sourceLocation: sourceLocation)
}
