import Foundation
import Testing

@testable import Control

@Suite struct JSONLineTests {
    private func text(_ fill: (inout JSONLine) -> Void) -> String {
        var line = JSONLine()
        fill(&line)
        return String(decoding: line.finished(), as: UTF8.self)
    }

    private struct Point: JSONLineWritable {
        var x: Int
        func write(to line: inout JSONLine) { line.field("x", x) }
    }

    @Test("keys stand in the order they are written, absent values as null")
    func order() {
        let line = text {
            $0.field("b", 1)
            $0.field("a", String?.none)
            $0.field("n", Int?.none)
            $0.field("t", true)
            $0.field("d", Double?.none)
            $0.field("list", ["x", "y"])
            $0.field("none", [String]())
            $0.field("points", [Point(x: 1), Point(x: -2)])
            $0.field("point", Point?.none)
        }
        #expect(line == #"{"b":1,"a":null,"n":null,"t":true,"d":null,"list":["x","y"],"none":[],"#
            + #""points":[{"x":1},{"x":-2}],"point":null}"#)
        #expect(text { _ in } == "{}")
    }

    @Test("numbers have at most three decimals, and none that JSON cannot say", arguments: [
        (0.0, "0"), (1.5, "1.5"), (-1.5, "-1.5"), (0.001, "0.001"), (0.0004, "0"), (2.0406, "2.041"), (-0.25, "-0.25"),
        (12.34, "12.34"), (.infinity, "null"), (.nan, "null"), (1e15, "null"), (-1e300, "null"),
    ])
    func decimals(value: Double, expected: String) {
        #expect(text { $0.field("v", value) } == "{\"v\":\(expected)}")
    }

    @Test("what could act on a terminal is written as an escape")
    func escapes() {
        let hostile = "\u{1B}[2J\"\\\n\r\t\u{0}\u{7F}\u{9B}\u{202E}\u{200B}\u{2028}\u{2066}\u{FEFF}\u{61C}"
        let line = text { $0.field("v", hostile) }
        #expect(line == #"{"v":"\u001b[2J\"\\\n\r\t\u0000\u007f\u009b\u202e\u200b\u2028\u2066\ufeff\u061c"}"#)
    }

    @Test("every text is exact after parsing, and a line never holds a line end")
    func roundTrip() throws {
        var texts = ["", "é", "e\u{301}", "日本", "😀👩‍👩‍👧", "</script>", "{\"a\":1}", "\u{E0001}", "\u{10FFFF}", "\u{85}"]
        for value in UInt32(0)..<0x300 { texts.append(String(try #require(Unicode.Scalar(value)))) }
        for value in UInt32(0x2000)..<0x2070 { texts.append("a\(try #require(Unicode.Scalar(value)))b") }
        for text in texts {
            var line = JSONLine()
            line.field(text, text)
            let bytes = line.finished()
            #expect(!bytes.contains { $0 < 0x20 || $0 == 0x7F })
            let parsed = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: String]
            let (key, value) = try #require(parsed?.first)
            #expect(Array(key.utf8) == Array(text.utf8) && Array(value.utf8) == Array(text.utf8))
        }
    }
}
