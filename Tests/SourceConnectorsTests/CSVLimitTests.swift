import SourceConnectors
import SyncEngine
import Testing

@Suite struct CSVLimitTests {
    private let limit = CSVRowParser.recordLimit

    private func bytes(_ count: Int) -> [UInt8] { [UInt8](repeating: UInt8(ascii: "x"), count: count) }

    @Test(arguments: [1, 7_777, 65_536, 10_000_000])
    func aRecordMayBeExactlyOneMebibyte(piece: Int) {
        let start = Array("user_id\r\n".utf8) + bytes(limit) + Array("\r\n".utf8)
        let text = start + bytes(limit + 1) + Array("\nu3\n".utf8)
        let size = max(piece, 64)
        let pieces = stride(from: 0, to: text.count, by: size).map { Array(text[$0..<min($0 + size, text.count)]) }
        let parsed = parse(pieces, column: "user_id")
        #expect(parsed.rows == [.row(bytes(limit), 2), .unreadable(.lineTooLong, 3), .row(Array("u3".utf8), 4)])
    }

    @Test func aLongQuotedFieldIsNeverTakenForRows() {
        let lines = String(repeating: "looks like an id\n", count: limit / 16 + 10)
        let parsed = parse("user_id\n\"\(lines)\"\nu2\n", column: "user_id")
        let line = 2 + lines.utf8.count / 17 + 1
        #expect(parsed.rows == [.unreadable(.lineTooLong, 2), .row(Array("u2".utf8), line)])
    }

    @Test func memoryStaysBelowOneRecord() throws {
        var parser = CSVRowParser(column: "user_id", subject: "list.csv")
        let rows = CountedRows()
        let header = Array("user_id\n\"".utf8)
        let block = [UInt8](repeating: UInt8(ascii: ","), count: 1 << 20)
        try header.withUnsafeBytes { try parser.consume($0, into: rows) }
        for _ in 0..<8 {
            try block.withUnsafeBytes { try parser.consume($0, into: rows) }
            #expect(parser.heldBytes <= limit + 8_192)
        }
        try parser.finish(into: rows)
        #expect(rows.unreadable == 1)
        #expect(rows.rows == 0)
    }

    @Test func columnsAreLimited() throws {
        let names = (0..<CSVRowParser.columnLimit - 1).map { "c\($0)" }.joined(separator: ",")
        let commas = String(repeating: ",", count: CSVRowParser.columnLimit - 1)
        let records = ["user_id,\(names)", "u1\(commas)", "u2\(commas),", "\"u3\"\(commas),\"a\nb\"", "u4\(commas)"]
        let parsed = parse(records.joined(separator: "\n"), column: "user_id")
        #expect(
            parsed.rows == [
                .row(Array("u1".utf8), 2), .unreadable(.fieldCount, 3), .unreadable(.fieldCount, 4),
                .row(Array("u4".utf8), 6),
            ])
        let wide = try #require(parse("user_id,\(names),more\nu1\n", column: "user_id").error)
        #expect(wide.isMisconfigured("4,096"))
    }

    @Test func aMillionColumnsAreOneUnreadableRow() {
        let parsed = parse("u1\n" + String(repeating: ",", count: 1_000_000) + "\nu2\n")
        #expect(
            parsed.rows == [.row(Array("u1".utf8), 1), .unreadable(.fieldCount, 2), .row(Array("u2".utf8), 3)])
    }
}
