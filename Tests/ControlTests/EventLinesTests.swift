import Foundation
import Testing

@testable import Control

/// The quick reader of event lines against the general decoder: it reads the same, or leaves the line alone.
struct EventLinesTests {
    private static let texts = [
        "u-1", "", "日本-17", "a\"b", "c\\d", "e\u{1B}[2J", "x/y", String(repeating: "z", count: 1_024), "n\nl", "👍🏽",
    ]

    private static func notice(_ number: Int, _ user: String, _ other: String) -> ChangeNotice {
        var notice = ChangeNotice(sequence: number)
        notice.event = EventView(
            at: "2026-11-24T09:57:12.081Z", sync: "vip@seg", run: "12", user: user,
            event: number % 2 == 0 ? "entered" : "left", status: "accepted", request: number % 3 == 0 ? nil : other,
            http_status: number % 3 == 0 ? nil : 200 + number % 300, attempts: number % 5, reasserted: number % 4 == 0,
            reason: number % 7 == 0 ? other : nil)
        return notice
    }

    private static func read(_ line: ArraySlice<UInt8>) -> ChangeNotice? {
        var lines = EventLines()
        return lines.notice(in: line)
    }

    @Test("a line that is understood says what the decoder says; one with an escape is left to it")
    func agrees() throws {
        var understood = 0
        for (number, user) in (0..<10).flatMap({ round in Self.texts.map { (round, $0) } }) {
            for other in Self.texts {
                let notice = Self.notice(number, user, other)
                let line = notice.jsonLine()
                #expect(try JSONDecoder().decode(ChangeNotice.self, from: Data(line)) == notice)
                let read = Self.read(line[...])
                #expect(read == nil || read == notice)
                // Whatever was read before changes nothing.
                for before in [Self.notice(number + 1, other, user), Self.notice(number + 2_100, other, other), notice] {
                    var lines = EventLines()
                    _ = lines.notice(in: before.jsonLine()[...])
                    #expect(lines.notice(in: line[...]) == read)
                    #expect(lines.notice(in: line[...]) == read)
                }
                if line.contains(0x5C) { #expect(read == nil) } else { understood += read == nil ? 0 : 1 }
            }
        }
        #expect(understood > 200, "the quick way is taken \(understood) times")
    }

    @Test("what JSON does not allow is left to the decoder, which refuses it", arguments: [0x01, 0x0A, 0x80, 0xFF] as [UInt8])
    func invalidTexts(byte: UInt8) {
        let line = Self.notice(1, "u-1", "12.1").jsonLine()
        for position in line.indices.dropFirst() where line[position - 1] == UInt8(ascii: "u") {
            var changed = line
            changed[position] = byte
            #expect(Self.read(changed[...]) == nil)
        }
        var zeros = String(decoding: line, as: UTF8.self)
        zeros = zeros.replacingOccurrences(of: "\"sequence\":1", with: "\"sequence\":01")
        #expect(Self.read(Array(zeros.utf8)[...]) == nil)
    }

    @Test("a line that is cut off, or is something else, is left to the decoder")
    func otherLines() {
        let line = Self.notice(1, "u-1", "12.1").jsonLine()
        for count in 0..<line.count { #expect(Self.read(line.prefix(count)) == nil) }
        for index in line.indices {
            var changed = line
            changed[index] = changed[index] == 0x7B ? 0x7D : 0x7B
            let read = Self.read(changed[...])
            // Within a text any byte may stand; elsewhere nothing else is taken.
            #expect(read == nil || read?.event != nil)
        }
        var frozen = ChangeNotice(sequence: 3)
        frozen.frozen = true
        #expect(Self.read(frozen.jsonLine()[...]) == nil)
    }
}
