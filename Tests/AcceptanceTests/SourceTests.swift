import Foundation
import Testing

/// Every kind of source that needs no server, through the program (PRODUCT.md §2).
@Suite(.rationed)
struct SourceTests {
    /// A workspace with one cohort `c` on an NDJSON file.
    private func workspace(_ source: String, _ cohort: String) throws -> Workspace {
        let workspace = try Workspace()
        try workspace.write("rollcall.yaml", """
            version: 1
            sources:
              s: {\(source)}
            destinations:
              file: {kind: ndjson, path: out.ndjson}
            cohorts:
              c: {source: s, \(cohort), to: [file], schedule: manual}

            """)
        return workspace
    }

    private func run(_ workspace: Workspace, expecting code: Int32 = 0) async throws -> JSON {
        let run = try #require(try await workspace.listing("sync", "c", expecting: code).last)
        expectBooks(of: run)
        return run
    }

    private func told(_ workspace: Workspace) throws -> Set<String> {
        Set(try bytes(at: workspace.folder + "/out.ndjson").split(separator: 0x0A).compactMap {
            let message = try JSON(parsing: Array($0))
            #expect(message.text("type") == "identify")
            return message.text("userId")
        })
    }

    @Test("a CSV list with a byte order mark, carriage returns and quotes")
    func csv() async throws {
        let workspace = try workspace("kind: csv, directory: cohorts", "file: l.csv, column: user id")
        try workspace.write("cohorts/l.csv", "\u{FEFF}n,user id\r\n1,a\r\n2,\"b, \"\"c\"\"\"\r\n3,\"d\r\ne\"\r\n")
        _ = try await run(workspace)
        #expect(try told(workspace) == ["a", "b, \"c\"", "d\r\ne"])
    }

    @Test("a compressed list, known by its first bytes; one that is cut off fails")
    func gzip() async throws {
        let workspace = try workspace("kind: csv, directory: cohorts", "file: l.csv")
        let list = (1...5000).map { Workspace.id($0) + "\n" }.joined()
        try workspace.write("cohorts/plain", list)
        let folder = workspace.folder + "/cohorts"
        let packed = try await Program(
            "sh", ["-c", "gzip -c \(folder)/plain > \(folder)/l.csv"], environment: workspace.environment,
            folder: workspace.root).ending()
        try #require(packed.code == 0)
        #expect(try await run(workspace).count("accepted") == 5000)
        try workspace.write("cohorts/l.csv", Array(bytes(at: folder + "/l.csv").prefix(4000)))
        let cut = try await run(workspace, expecting: 1)
        #expect(cut.text("outcome") == "failed")
        #expect(cut.count("sent") == 0)
    }

    @Test("SQLite by query: NULL and empty name nobody, a query that would write is refused")
    func sqlite() async throws {
        let workspace = try workspace("kind: sqlite, path: app.db", "query: SELECT id FROM u WHERE plan = 'trial'")
        let file = SQLiteFile(path: workspace.folder + "/app.db")
        try file.change("""
            CREATE TABLE u(id TEXT, plan TEXT);
            INSERT INTO u VALUES ('a', 'trial'), ('b', 'trial'), ('a', 'trial'), (NULL, 'trial'), ('', 'trial'),
              ('c', 'paid'), ('00042', 'trial');
            """)
        let first = try await run(workspace)
        #expect(first.count("read") == 6)
        #expect(first.count("duplicates") == 1)
        #expect(first.count("invalid") == 2)
        #expect(try told(workspace) == ["a", "b", "00042"])
        try workspace.edit("SELECT id FROM u WHERE plan = 'trial'", "DELETE FROM u RETURNING id")
        #expect(try await run(workspace, expecting: 1).text("outcome") == "failed")
        #expect(try file.number("SELECT count(*) FROM u") == 7)
    }

    @Test("a command: ids by line or by column; a bad exit, no end and no program fail")
    func command() async throws {
        let workspace = try workspace("kind: command, timeout: 2s", #"command: [printf, 'a\nb\nb\n']"#)
        #expect(try await run(workspace).count("members") == 2)
        #expect(try told(workspace) == ["a", "b"])
        try workspace.edit(#"[printf, 'a\nb\nb\n']"#, #"[printf, 'n,id\n1,a\n2,c\n'], column: id"#)
        let second = try await run(workspace)
        #expect(second.count("entered") == 1)
        #expect(second.count("left") == 1)
        for bad in ["[sh, -c, 'echo a; exit 3']", "[sh, -c, 'echo a; sleep 600']", "[no-such-program-anywhere]"] {
            try workspace.edit(#"[printf, 'n,id\n1,a\n2,c\n'], column: id"#, bad)
            let run = try await run(workspace, expecting: 1)
            #expect(run.text("outcome") == "failed", "\(bad)")
            #expect(run.count("sent") == 0)
            try workspace.edit(bad, #"[printf, 'n,id\n1,a\n2,c\n'], column: id"#)
        }
    }

    @Test("a pipe, a link out of the directory and a folder are refused, and nothing hangs")
    func strangeFiles() async throws {
        let workspace = try workspace("kind: csv, directory: cohorts", "file: l.csv")
        let path = workspace.folder + "/cohorts/l.csv"
        mkfifo(path, 0o600)
        #expect(try await run(workspace, expecting: 1).text("outcome") == "failed")
        unlink(path)
        symlink("/etc/passwd", path)
        #expect(try await run(workspace, expecting: 1).text("outcome") == "failed")
        unlink(path)
        mkdir(path, 0o700)
        #expect(try await run(workspace, expecting: 1).text("outcome") == "failed")
        #expect(try told(workspace) == [])
    }

    @Test("an NDJSON destination appends the message of §4, one a line, for its owner alone")
    func ndjson() async throws {
        let workspace = try workspace("kind: csv, directory: cohorts", "file: l.csv")
        try workspace.list(["a", "b"], in: "l")
        try workspace.write("out.ndjson", "{\"type\":\"kept\"}\n")
        _ = try await run(workspace)
        let lines = try workspace.read("out.ndjson").split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
        try #require(lines.count == 3)
        #expect(lines[0].text("type") == "kept")
        #expect(lines[1]["traits"]?.flag("[Amplitude] c (c)") == true)
        #expect(lines[1].text("messageId") != nil)
        let events = try await workspace.listing("events")
        #expect(events.allSatisfy { $0["http_status"] == .null }, "a file answers no HTTP status")
    }

    @Test("one million members from an unsorted list stay under the memory bound plus 100 MB")
    func million() async throws {
        let workspace = try workspace("kind: csv, directory: cohorts", "file: l.csv")
        var list: [UInt8] = []
        list.reserveCapacity(16_000_000)
        for index in 0..<1_000_000 {
            // 611,953 and a million have no common divisor: every number once, in no order.
            list += Array("user-\(1_000_000 + index * 611_953 % 1_000_000)\n".utf8)
        }
        try workspace.write("cohorts/l.csv", list)
        let ending = try await workspace.rollcall("sync", "c", "--json")
        #expect(ending.code == 0, "\(ending.errors)")
        #expect(try ending.lines().last?.count("accepted") == 1_000_000)
        #expect(ending.peakMemory < (256 + 100) << 20, "\(ending.peakMemory >> 20) MB")
        print("one million members: at most \(ending.peakMemory >> 20) MB")
    }
}
