import Testing

@testable import Receiver

@Suite struct JSONDocumentTests {
    private func parse(_ text: String) throws(JSONFault) -> JSONDocument {
        try JSONDocument(parsing: Array(text.utf8))
    }

    @Test(arguments: [
        "0", "-0", "-0.0e+10", "1e999", "123456789012345678901234567890", "true", "false", "null", "\"\"", "{}", "[]",
        " [ ] ", "[1,[2,[3]],{}]", "{\"a\":{\"b\":[]},\"a\":1}", "\"\\u0000\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\ud800\"", "\"😀é\u{7F}\"", "\r\n\t [\r\n1\t]", "[\"exactly 8\",\"seven..\",\"nine chars\"]",
    ])
    func accepts(_ text: String) {
        #expect(throws: Never.self) { try parse(text) }
    }

    @Test(arguments: [
        ("", 0, JSONFault.Problem.endsEarly), ("  ", 2, .endsEarly), ("[", 1, .endsEarly), ("[1", 2, .endsEarly),
        ("[1,", 3, .endsEarly), ("{\"a\"", 4, .endsEarly), ("{\"a\":", 5, .endsEarly), ("\"abc", 4, .endsEarly),
        ("tru", 0, .endsEarly), ("[1,]", 3, .unexpectedByte), ("[,1]", 1, .unexpectedByte),
        ("{,}", 1, .unexpectedByte), ("{\"a\":1,}", 7, .unexpectedByte), ("{a:1}", 1, .unexpectedByte),
        ("{\"a\" 1}", 5, .unexpectedByte), ("[1 2]", 3, .unexpectedByte), ("]", 0, .unexpectedByte),
        ("{]", 1, .unexpectedByte), ("[}", 1, .unexpectedByte), ("True", 0, .unexpectedByte),
        ("trux", 0, .unexpectedByte), ("'a'", 0, .unexpectedByte), ("NaN", 0, .unexpectedByte),
        ("\u{FEFF}1", 0, .unexpectedByte), ("01", 1, .trailingBytes), ("1 2", 2, .trailingBytes),
        ("{}x", 2, .trailingBytes), ("-", 1, .badNumber), ("1.", 2, .badNumber), ("1e", 2, .badNumber),
        ("1e+", 3, .badNumber), ("+1", 0, .unexpectedByte), (".5", 0, .unexpectedByte), ("-.5", 1, .badNumber),
        ("\"a\nb\"", 2, .badString), ("\"\\x\"", 1, .badString), ("\"\\u12g4\"", 1, .badString),
        ("\"\\u12", 1, .endsEarly), ("\"12345678\u{1}\"", 9, .badString), ("\"\\", 1, .endsEarly),
    ])
    func refuses(_ text: String, _ position: Int, _ problem: JSONFault.Problem) {
        #expect(throws: JSONFault(position: position, problem: problem)) { try parse(text) }
    }

    @Test(arguments: [
        [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE2, 0x82],
        [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
        [0xF0, 0x9F, 0x98],
    ] as [[UInt8]])
    func refusesInvalidUTF8(_ bytes: [UInt8]) {
        for prefix in ["", "1234567", "12345678"] {
            let text = Array("\"\(prefix)".utf8) + bytes + Array("\"".utf8)
            #expect(throws: JSONFault(position: 1 + prefix.utf8.count, problem: .badUTF8)) {
                try JSONDocument(parsing: text)
            }
        }
    }

    @Test func nestingIsBounded() throws {
        let depth = JSONScanner.depthLimit
        #expect(throws: Never.self) {
            try parse(String(repeating: "[", count: depth) + String(repeating: "]", count: depth))
        }
        #expect(throws: JSONFault(position: depth, problem: .tooDeep)) {
            try parse(String(repeating: "[", count: 100_000))
        }
        #expect(throws: JSONFault(position: depth * 5, problem: .tooDeep)) {
            try parse(String(repeating: "{\"a\":", count: 100_000))
        }
    }

    @Test func membersAreFoundByDecodedNameAndTheLastOneCounts() throws {
        let document = try parse(#"{"a":1,"x":{"a":9},"\u0061":"two","b":[{"a":3}]}"#)
        let value = try #require(document.member("a", of: 0))
        #expect(document.string(value) == Array("two".utf8))
        #expect(document.member("c", of: 0) == nil)
        let list = try #require(document.member("b", of: 0))
        var kinds: [JSONDocument.Kind] = []
        document.forEachElement(of: list) { kinds.append(document.kind($0)) }
        #expect(kinds == [.object])
        #expect(document.member("a", of: list) == nil)
    }

    @Test func stringsAreDecodedExactly() throws {
        let cases: [(String, [UInt8])] = [
            (#""plain""#, Array("plain".utf8)),
            (#""\u00e9""#, [0xC3, 0xA9]),
            (#""e\u0301""#, [0x65, 0xCC, 0x81]),
            (#""\u0000""#, [0]),
            (#""\ud83d\ude00""#, Array("😀".utf8)),
            (#""\ud83d""#, Array("\u{FFFD}".utf8)),
            (#""\ude00\ud83dx""#, Array("\u{FFFD}\u{FFFD}x".utf8)),
            (#""\ud83d\u0041""#, Array("\u{FFFD}A".utf8)),
            (#""a\/\\\"\b\f\n\r\t""#, Array("a/\\\"\u{8}\u{C}\n\r\t".utf8)),
        ]
        for (text, expected) in cases {
            let document = try parse(text)
            #expect(document.string(0) == expected, "\(text)")
            #expect(document.string(0, equals: expected))
            #expect(!document.string(0, equals: expected + [0x20]))
        }
        #expect(try parse(#""\ud83d""#).hasLoneSurrogate(0))
        #expect(try !parse(#""\ud83d\ude00\u00e9""#).hasLoneSurrogate(0))
    }

    /// Damaged texts neither trap nor give nodes outside the text.
    @Test func damagedTextsAreHarmless() {
        var generator = SeededGenerator(seed: 42)
        let model = Array(#"{"batch":[{"type":"track","userId":"ü-\ud83d\ude00","t":{"a":[true,-1.5e3,null]}}]}"#.utf8)
        var accepted = 0
        for round in 0..<20_000 {
            var text = model
            for _ in 0..<Int.random(in: 1...3, using: &generator) where !text.isEmpty {
                let place = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: text[place] = UInt8.random(in: .min ... .max, using: &generator)
                case 1: text.remove(at: place)
                case 2: text.insert(UInt8.random(in: .min ... .max, using: &generator), at: place)
                default: text.removeLast(min(text.count - 1, place))
                }
            }
            guard let document = try? JSONDocument(parsing: text) else { continue }
            accepted += 1
            for index in document.nodes.indices {
                #expect(document.end(index) <= document.nodes.count && document.end(index) > index)
                if document.kind(index) == .string {
                    let decoded = document.string(index)
                    #expect(String(validating: decoded, as: UTF8.self) != nil, "seed 42, round \(round)")
                }
            }
        }
        #expect(accepted > 100)
    }
}
