import Testing

/// *Source down, empty, truncated, or with one bad row: no `false` leaves the machine* (PRODUCT.md §5, incomplete).
@Suite(.rationed)
struct IncompleteSourceTests {
    /// A workspace that has told of `u-000001`…`u-000100`, in a CSV file with two columns.
    private func told() async throws -> (Workspace, RunningReceiver) {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, cohort: ["column: user_id"])
        try workspace.write("cohorts/vip.csv", Self.rows(1...100))
        try await workspace.sync()
        return (workspace, receiver)
    }

    private static func rows(_ numbers: ClosedRange<Int>) -> String {
        "user_id,n\n" + numbers.map { "\(Workspace.id($0)),\($0)\n" }.joined()
    }

    @Test(
        "a row that cannot be read withholds all leaves; joins still go",
        arguments: ["wrong number of fields", "invalid UTF-8", "an id over 1,024 bytes", "a quote never closed"])
    func unreadable(_ kind: String) async throws {
        let (workspace, receiver) = try await told()
        try workspace.write("cohorts/vip.csv", Array(Self.rows(11...103).utf8) + Self.badRow(kind))
        let run = try await workspace.sync(expecting: 2)
        #expect(run.text("outcome") == "partial", "\(kind)")
        #expect(run.count("unreadable") == 1)
        #expect(run.count("invalid") == 1)
        #expect(run.count("withheld") == 10)
        #expect(run.count("left") == 0)
        #expect(run.count("entered") == 3)
        #expect(try receiver.leaves() == 0)
        #expect(try receiver.members() == ids(1...103))
        let shown = try await workspace.rollcall("run", run.text("run") ?? "")
        #expect(shown.text.contains("95"), "the row's line is shown: \(shown.text)")
    }

    private static func badRow(_ kind: String) -> [UInt8] {
        switch kind {
        case "wrong number of fields": Array("x,1,2\n".utf8)
        case "invalid UTF-8": [0x78, 0xFF] + Array(",1\n".utf8)
        case "an id over 1,024 bytes": [UInt8](repeating: 0x78, count: 1025) + Array(",1\n".utf8)
        default: Array("\"x,1\n".utf8)
        }
    }

    @Test("approve --leaves sends the leaves that bad rows withheld, the bad rows shown first")
    func approveLeaves() async throws {
        let (workspace, receiver) = try await told()
        try workspace.write("cohorts/vip.csv", Self.rows(11...100) + "x,1,2\n")
        let run = try await workspace.sync(expecting: 2).text("run") ?? ""
        #expect(try await workspace.rollcall("approve", run).code == 64, "it is not held")
        let ending = try await workspace.rollcall("approve", run, "--leaves", "--reason", "known bad row")
        #expect(ending.code == 0, "\(ending.errors)")
        let row = try #require(ending.text.firstRange(of: "92"))
        let end = try #require(ending.text.firstRange(of: "succeeded"))
        #expect(row.lowerBound < end.lowerBound)
        #expect(try receiver.members() == ids(11...100))
        #expect(try await workspace.rollcall("approve", run, "--leaves").code == 64, "only once, only the latest")
        try await workspace.expectSoundState()
    }

    @Test("approve --leaves of a held run says that it is held, and shows nothing yet")
    func approveLeavesOfAHeldRun() async throws {
        let (workspace, receiver) = try await told()
        try workspace.write("cohorts/vip.csv", Self.rows(200...240) + "x,1,2\n")
        let run = try await workspace.sync(expecting: 3).text("run") ?? ""
        let ending = try await workspace.rollcall("approve", run, "--leaves")
        #expect(ending.code == 64)
        #expect(ending.errors.contains("is held") && ending.text.isEmpty, "\(ending.text)\(ending.errors)")
        #expect(try await workspace.rollcall("approve", run).code == 2, "its leaves are withheld")
        #expect(try await workspace.rollcall("approve", run, "--leaves").code == 0)
        #expect(try receiver.members() == ids(200...240))
    }

    @Test("a row that reads well and names nobody is invalid and withholds nothing")
    func namesNobody() async throws {
        let (workspace, receiver) = try await told()
        try workspace.write("cohorts/vip.csv", Self.rows(2...100) + ",1\n\"\",2\n")
        let run = try await workspace.sync()
        #expect(run.text("outcome") == "succeeded")
        #expect(run.count("invalid") == 2)
        #expect(run.count("unreadable") == 0)
        #expect(run.count("left") == 1)
        #expect(try receiver.members() == ids(2...100))
    }

    @Test("an empty line of a one-column list names nobody")
    func emptyLine() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint)
        try workspace.write("cohorts/vip.csv", "u-1\n\nu-2\n")
        let run = try await workspace.sync()
        #expect(run.count("members") == 2)
        #expect(run.count("invalid") == 1)
        #expect(run.count("read") == 3)
    }

    @Test("a source that is down, of another shape or truncated fails the run and sends nothing")
    func sourceFails() async throws {
        let (workspace, receiver) = try await told()
        let calls = try receiver.calls()
        func expectFailure(_ what: String) async throws {
            let run = try await workspace.sync(expecting: 1)
            #expect(run.text("outcome") == "failed", "\(what)")
            #expect(run.text("reason")?.isEmpty == false, "\(what)")
        }
        try workspace.write("cohorts/vip.csv", "id,n\na,1\n")
        try await expectFailure("the column is gone")
        let wide = Self.rows(1...5).utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        try workspace.write("cohorts/vip.csv", wide)
        try await expectFailure("UTF-16")
        try workspace.edit("file: vip.csv", "file: gone.csv")
        try await expectFailure("no file")
        try workspace.edit("file: gone.csv", "file: ../../w.csv")
        let outside = try await workspace.rollcall("sync", "vip", "--json")
        #expect(outside.code == 78, "a file outside the directory is a mistake of the configuration")
        try workspace.edit("file: ../../w.csv", "file: vip.csv")
        #expect(try receiver.calls() == calls)
        #expect(try await workspace.members() == ids(1...100))
    }

    @Test("a header alone and an empty file hold the run")
    func headerOnly() async throws {
        let (workspace, receiver) = try await told()
        for text in ["user_id,n\n", ""] {
            try workspace.write("cohorts/vip.csv", text)
            let ending = try await workspace.rollcall("sync", "vip", "--json")
            #expect(ending.code == 3 || ending.code == 1, "\(text.debugDescription): \(ending.text)")
        }
        #expect(try receiver.leaves() == 0)
    }
}
