import SourceConnectors
import SyncEngine
import Testing

/// How a parser was fed, for messages: everything it said, and how it ended.
struct Parsed: Equatable {
    var rows: [ReportedRow] = []
    var error: SourceError?
    var endsInsideQuotes = false
}

/// Parses `pieces`, each pushed in on its own.
func parse(
    _ pieces: [[UInt8]], column: String? = nil, header: HeaderRule = .automatic, delimiter: UInt8 = UInt8(ascii: ",")
) -> Parsed {
    var parser = CSVRowParser(column: column, delimiter: delimiter, header: header, subject: "list.csv")
    let rows = RecordedRows()
    var result = Parsed()
    do throws(SourceError) {
        for piece in pieces {
            try piece.withUnsafeBufferPointer { (piece) throws(SourceError) in
                try parser.consume(UnsafeRawBufferPointer(piece), into: rows)
            }
        }
        try parser.finish(into: rows)
    } catch {
        result.error = error
    }
    result.rows = rows.rows
    result.endsInsideQuotes = parser.endsInsideQuotes
    return result
}

func parse(_ text: String, column: String? = nil, header: HeaderRule = .automatic) -> Parsed {
    parse([Array(text.utf8)], column: column, header: header)
}

private func row(_ text: String, _ line: Int) -> ReportedRow { .row(Array(text.utf8), line) }

@Suite struct CSVRowParserTests {
    @Test(arguments: [
        ("user_id\nu1\nu2\n", [row("u1", 2), row("u2", 3)]),
        ("user_id\r\nu1\r\nu2\r\n", [row("u1", 2), row("u2", 3)]),
        ("user_id\nu1\nu2", [row("u1", 2), row("u2", 3)]),
        ("user_id\nu1\r", [row("u1", 2)]),
        ("user_id\nu1\n\r", [row("u1", 2)]),
        ("\u{FEFF}user_id\nu1\n", [row("u1", 2)]),
        ("\u{FEFF}\"user_id\"\nu1\n", [row("u1", 2)]),
        ("user_id\n\u{FEFF}u1\n", [row("\u{FEFF}u1", 2)]),
        ("\n\nuser_id\n\n\r\nu1\n\n", [.nobody(4), .nobody(5), row("u1", 6), .nobody(7)]),
        ("user_id\n\"u1\"\n\"u,2\"\n\"u\"\"3\"\n\"u\n4\"\nu5\n",
            [row("u1", 2), row("u,2", 3), row("u\"3", 4), row("u\n4", 5), row("u5", 7)]),
        ("user_id\n\"u\r\n1\"\r\nu2\r\n", [row("u\r\n1", 2), row("u2", 4)]),
        ("user_id\n\"\"\nu2\n", [.nobody(2), row("u2", 3)]),
        ("user_id\n u1 \n\t\n", [row(" u1 ", 2), row("\t", 3)]),
        ("user_id\ne\u{301}\n\u{E9}\n", [row("e\u{301}", 2), row("\u{E9}", 3)]),
        ("user_id,name\nu1,A\n,B\n\"\",C\n\"u4\",\"D\"\n",
            [row("u1", 2), .nobody(3), .nobody(4), row("u4", 5)]),
        ("name,user_id\nA,u1\nB,u2\n\nC,\n", [row("u1", 2), row("u2", 3), .nobody(5)]),
        ("a,user_id,b\r\n1,u1,2\r\n3,u2,4", [row("u1", 2), row("u2", 3)]),
        ("\"user_id\",\"full, name\"\n\"u1\",\"x\"\n", [row("u1", 2)]),
        ("user_id\n", []),
        ("user_id", []),
        ("", []),
        ("\n\n", []),
    ])
    func readsWhatIsWellFormed(text: String, rows: [ReportedRow]) {
        #expect(parse(text, column: "user_id") == Parsed(rows: rows))
    }

    @Test(arguments: [
        // A quote that opens in the middle, or closes too early, costs its line and no other.
        ("user_id\nu\"1\nu2\n", [.unreadable(.quoting, 2), row("u2", 3)]),
        ("user_id\n\"u1\"x\nu2\n", [.unreadable(.quoting, 2), row("u2", 3)]),
        ("user_id\n\"u1\" \nu2\n", [.unreadable(.quoting, 2), row("u2", 3)]),
        ("user_id\n \"u1\"\nu2\n", [.unreadable(.quoting, 2), row("u2", 3)]),
        ("user_id,name\nu1,\"A\"B\nu2,B\n", [.unreadable(.quoting, 2), row("u2", 3)]),
        // One that closes in a later line costs those lines.
        ("user_id\n\"u1\nu2\n\"u3\"\nu4\n", [.unreadable(.quoting, 2), row("u4", 5)]),
        ("user_id\nu1\ru2\nu3\n", [.unreadable(.quoting, 2), row("u3", 3)]),
        ("user_id\nu1\r\r\nu3\n", [.unreadable(.quoting, 2), row("u3", 3)]),
        ("user_id\n\ru1\nu3\n", [.unreadable(.quoting, 2), row("u3", 3)]),
        ("user_id\n\"u1\"\rx\nu3\n", [.unreadable(.quoting, 2), row("u3", 3)]),
        ("user_id\nu1,\nu2\n", [.unreadable(.fieldCount, 2), row("u2", 3)]),
        ("user_id,name\nu1\nu2,B\nu3,C,D\n",
            [.unreadable(.fieldCount, 2), row("u2", 3), .unreadable(.fieldCount, 4)]),
        ("user_id,name\n\"u1\"\n\"u2\",B\n\"u3\",C,D\n",
            [.unreadable(.fieldCount, 2), row("u2", 3), .unreadable(.fieldCount, 4)]),
    ])
    func countsWhatIsBroken(text: String, rows: [ReportedRow]) {
        #expect(parse(text, column: "user_id") == Parsed(rows: rows))
    }

    @Test func anUnclosedQuoteTakesTheRestAndIsSaid() {
        let parsed = parse("user_id\nu1\n\"u2\nu3\n", column: "user_id")
        #expect(parsed == Parsed(rows: [row("u1", 2), .unreadable(.quoting, 3)], endsInsideQuotes: true))
    }

    @Test(arguments: ["user_id", "USERID", "User Id", "id", "Member", "member_id", "\"Email\""])
    func aListMayHaveAHeader(header: String) {
        #expect(parse("\(header)\nu1\n") == Parsed(rows: [row("u1", 2)]))
        #expect(parse("\(header)\nu1\n", header: .absent).rows.count == 2)
    }

    @Test func aListNeedsNoHeader() {
        #expect(parse("u1\nu2\n") == Parsed(rows: [row("u1", 1), row("u2", 2)]))
        #expect(parse("\"u,1\"\r\nid\r\n") == Parsed(rows: [row("u,1", 1), row("id", 2)]))
        #expect(parse("whatever\nu1\n", header: .present) == Parsed(rows: [row("u1", 2)]))
        #expect(parse("\"\"\nu1") == Parsed(rows: [.nobody(1), row("u1", 2)]))
        #expect(parse("") == Parsed())
        #expect(parse("u1") == Parsed(rows: [row("u1", 1)]))
    }

    @Test func aListWhoseFirstLineIsBrokenGoesOn() {
        #expect(parse("\"a\"b\nu1\n") == Parsed(rows: [.unreadable(.quoting, 1), row("u1", 2)]))
        #expect(parse("u1\nu2,x\nu3\n") == Parsed(rows: [row("u1", 1), .unreadable(.fieldCount, 2), row("u3", 3)]))
    }

    @Test func severalColumnsWithoutAChoiceAreNamed() throws {
        let error = try #require(parse("user_id,full name\nu1,A\n").error)
        #expect(error.isMisconfigured("list.csv", "2 columns", "\"user_id\", \"full name\"", "`column`"))
    }

    @Test func aMissingColumnIsSaidWithThoseThereAre() throws {
        let missing = try #require(parse("User_Id,name\nu1,A\n", column: "user_id").error)
        #expect(missing.isMisconfigured("list.csv", "no column \"user_id\"", "\"User_Id\", \"name\""))
        let semicolons = try #require(parse("user_id;name\nu1;A\n", column: "user_id").error)
        #expect(semicolons.isMisconfigured("separated by semicolons"))
        let twice = try #require(parse("user_id,user_id\nu1,A\n", column: "user_id").error)
        #expect(twice.isMisconfigured("more than one column \"user_id\""))
        let broken = try #require(parse("user_id,\"a\"b\nu1,A\n", column: "user_id").error)
        #expect(broken.isMisconfigured("line 1", "broken quoting"))
        let carriages = try #require(parse("user_id\ru1\ru2\r", column: "user_id").error)
        #expect(carriages.isMisconfigured("line 1", "carriage return"))
        let hostile = try #require(parse("\u{1B}[2J\u{202E},b\n", column: "user_id").error)
        #expect(hostile.isMisconfigured("\\u{1b}[2J\\u{202e}"))
    }

    @Test func otherDelimitersWork() {
        let parsed = parse([Array("name;user_id\nA,B;u1\n".utf8)], column: "user_id", delimiter: UInt8(ascii: ";"))
        #expect(parsed == Parsed(rows: [row("u1", 2)]))
    }

    @Test(arguments: [
        ([0xFF, 0xFE, 0x75, 0x00, 0x31, 0x00] as [UInt8], "UTF-16"),
        ([0xFE, 0xFF, 0x00, 0x75], "UTF-16"),
        ([0x75, 0, 0x31, 0, 0x0A, 0], "UTF-16"),
        ([0x75, 0x31, 0x0A, 0, 0, 0x7F], "not text"),
        ([0x1F, 0x8B, 0x08, 0], "gzip"),
        ([0x50, 0x4B, 0x03, 0x04], "ZIP"),
    ])
    func whatIsNotTextIsRefused(bytes: [UInt8], reason: String) throws {
        let parsed = parse(bytes.map { [$0] })
        #expect(parsed.rows.isEmpty)
        #expect(try #require(parsed.error).isMisconfigured("list.csv", reason))
    }

    @Test func nothingIsReadAfterAFailure() {
        var parser = CSVRowParser(column: "x", subject: "list.csv")
        let rows = RecordedRows()
        let text = Array(("user_id\n" + String(repeating: "u1\n", count: 2_000)).utf8)
        for _ in 0..<2 {
            text.withUnsafeBytes { bytes in
                do throws(SourceError) { try parser.consume(bytes, into: rows) } catch {}
            }
        }
        #expect(throws: Never.self) { try parser.finish(into: rows) }
        #expect(rows.rows.isEmpty)
    }
}
