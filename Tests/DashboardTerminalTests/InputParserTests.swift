import Dashboard
import Testing

@testable import DashboardTerminal

struct InputParserTests {
    private func inputs(_ text: String, mouse: Bool = false) -> [TerminalInput] {
        inputs(Array(text.utf8), mouse: mouse)
    }

    private func inputs(_ bytes: [UInt8], mouse: Bool = false) -> [TerminalInput] {
        var parser = InputParser()
        parser.expectsMouse = mouse
        let taken = parser.take(bytes)
        return taken + (parser.wait == .nothing ? [] : parser.giveUp())
    }

    private func keys(_ text: String) -> [Key] {
        inputs(text).compactMap { if case .key(let key) = $0 { key } else { nil } }
    }

    @Test(arguments: [
        ("\u{1B}[A\u{1B}OA\u{1B}[1;5A", Key.up), ("\u{1B}[B\u{1B}OB", .down), ("\u{1B}[C\u{1B}OC", .right),
        ("\u{1B}[D\u{1B}OD", .left), ("\u{1B}[H\u{1B}OH\u{1B}[1~\u{1B}[7~", .home),
        ("\u{1B}[F\u{1B}OF\u{1B}[4~\u{1B}[8~", .end), ("\u{1B}[5~\u{1B}[5;2~", .pageUp), ("\u{1B}[6~", .pageDown),
        ("\u{1B}[2~", .insert), ("\u{1B}[3~", .delete), ("\u{1B}[Z", .backTab), ("\r\n\u{1B}OM", .enter), ("\t", .tab),
        ("\u{8}\u{7F}", .backspace), ("\u{1B}OP\u{1B}[11~\u{1B}[[A\u{1B}[1;2P", .function(1)),
        ("\u{1B}[24~", .function(12)), ("\u{1B}[[E\u{1B}[15~", .function(5)), ("\u{13}", .control("s")),
        ("\u{3}", .control("c")), ("\0", .control("@")), ("\u{1C}", .control("\\")), ("\u{1F}", .control("_")),
        ("a", .character("a")), ("é", .character("é")), ("e\u{301}", .character("e\u{301}")), ("中", .character("中")),
        ("\u{1B}Oq", .character("1")), ("\u{1B}Oj", .character("*")),
    ])
    func everyFormOfAKeyIsThatKey(_ text: String, _ key: Key) {
        let found = keys(text)
        #expect(!found.isEmpty && found.allSatisfy { $0 == key }, "\(found)")
    }

    @Test func formsOfAKeyAreCountedOnce() {
        #expect(keys("\u{1B}[A\u{1B}OA\u{1B}[1;5A") == [.up, .up, .up])
        #expect(keys("\r\n\u{1B}OM") == [.enter, .enter, .enter])
    }

    @Test(arguments: [
        "\u{1B}[99x", "\u{1B}[<0;10;5m", "\u{1B}[<0;10;5M", "\u{1B}[?62;22c", "\u{1B}[12;5R", "\u{1B}[1;2;3;4$y",
        "\u{1B}]11;rgb:0000/0000/0000\u{7}", "\u{1B}]52;c;aGk=\u{1B}\\", "\u{1B}P1$r0m\u{1B}\\", "\u{1B}O5z",
        "\u{1B}[200A~B",
    ])
    func unknownSequencesLeakNoKeys(_ text: String) {
        #expect(keys(text + "j").suffix(1) == [.character("j")])
        #expect(keys(text + "j").count == (text.hasSuffix("~B") ? 4 : 1))
    }

    @Test func escapeAloneIsAKeyOnlyAfterTheWait() {
        var parser = InputParser()
        #expect(parser.take([0x1B]).isEmpty)
        #expect(parser.wait == .escape)
        #expect(parser.giveUp() == [.key(.escape)])
        #expect(parser.wait == .nothing)
        #expect(parser.take([0x1B]).isEmpty)
        #expect(parser.take([UInt8(ascii: "[")]).isEmpty)
        #expect(parser.wait == .rest)
        #expect(parser.take([UInt8(ascii: "B")]) == [.key(.down)])
    }

    @Test func escapeBeforeOtherKeys() {
        #expect(keys("\u{1B}q") == [.escape, .character("q")])
        #expect(keys("\u{1B}\u{1B}[A") == [.escape, .up])
        #expect(keys("\u{1B}\r") == [.escape, .enter])
        #expect(keys("\u{1B}[") == [.escape, .character("[")])
        #expect(keys("\u{1B}]") == [.escape, .character("]")])
    }

    @Test func pasteNeverActs() {
        #expect(inputs("\u{1B}[200~r\ry\u{3}\u{1B}[A\r\nz\tq\u{1B}[201~j") == [
            .paste("r y[A z q"), .key(.character("j")),
        ])
        #expect(inputs("\u{1B}[200~\u{1B}[201~") == [.paste("")])
        // Without its end mark it is still a paste when the wait is over.
        #expect(inputs("\u{1B}[200~qqq") == [.paste("qqq")])
    }

    @Test func pastesAreBounded() {
        let long = String(repeating: "a", count: InputParser.pasteLimit + 5000)
        let found = inputs("\u{1B}[200~" + long + "\u{1B}[201~k")
        #expect(found.count == 2)
        #expect(found.first == .paste(String(repeating: "a", count: InputParser.pasteLimit)))
        #expect(found.last == .key(.character("k")))
    }

    @Test func focusAndMouse() {
        #expect(inputs("\u{1B}[I\u{1B}[O") == [.focus(true), .focus(false)])
        #expect(inputs("\u{1B}[<0;10;5M\u{1B}[<0;10;5m", mouse: true) == [.mouse(row: 4, column: 9, button: 0)])
        #expect(inputs("\u{1B}[<65;300;100M", mouse: true) == [.mouse(row: 99, column: 299, button: 65)])
        #expect(inputs("\u{1B}[<35;1;1M\u{1B}[<3;1;1M\u{1B}[<0;0;0M\u{1B}[<99999999;1;1M", mouse: true).isEmpty)
        #expect(inputs("\u{1B}[M !\"j", mouse: true) == [.mouse(row: 1, column: 0, button: 0), .key(.character("j"))])
    }

    @Test func bytesThatAreNoTextMeanNothing() {
        #expect(inputs([0xFF, 0xE9, UInt8(ascii: "q")]) == [.key(.character("q"))])
        #expect(inputs([0xC2, 0x9B, UInt8(ascii: "q")]) == [.key(.character("q"))])
        #expect(inputs([0xE4, 0xB8]).isEmpty)
    }

    @Test func terminfoKeysComeFirst() {
        var parser = InputParser(keys: KeySequences(particular: [Array("[x".utf8): .home, [UInt8(ascii: "A")]: .up]))
        #expect(parser.take(Array("\u{1B}[x\u{1B}A".utf8)) == [.key(.home), .key(.up)])
    }

    @Test func everyCutGivesTheSame() {
        let text = "a\u{1B}[A中\u{1B}[200~p\u{1B}[20中\r\n\u{1B}[201~é\u{1B}]0;x\u{1B}\\\u{1B}[[Bz\u{1B}OPq\u{1B}[<0;1;1M"
        let bytes = Array(text.utf8)
        let whole = inputs(text, mouse: true)
        #expect(whole.count == 10)
        for cut in 0...bytes.count {
            var parser = InputParser()
            parser.expectsMouse = true
            let pieces = parser.take(bytes[..<cut]) + parser.take(bytes[cut...])
            #expect(pieces == whole, "cut at \(cut)")
        }
        var single = InputParser()
        single.expectsMouse = true
        #expect(bytes.flatMap { single.take([$0]) } == whole)
    }

    @Test func anyBytesAreHarmless() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SplitMix(seed)
        let likely = Array("\u{1B}[O;<~M200~]P\\\u{7}".utf8)
        var parser = InputParser()
        for round in 0..<20_000 {
            let length = Int(random.next() % 12)
            let bytes = (0..<length).map { _ in
                random.next() % 2 == 0 ? likely[Int(random.next() % UInt64(likely.count))] : UInt8(random.next() & 255)
            }
            parser.expectsMouse = round % 3 == 0
            _ = parser.take(bytes)
            if random.next() % 16 == 0 {
                _ = parser.giveUp()
                #expect(parser.wait == .nothing, "seed \(seed)")
            }
        }
    }
}

/// A small generator whose seed can be printed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
