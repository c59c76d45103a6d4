import Testing

@testable import Configuration

struct CohortInsertionTests {
    private static let head = """
        version: 1
        sources: {lists: {kind: csv}}
        destinations: {segment: {kind: segment, write_key: {env: W}}}

        """
    private static let block = "new:\n  source: lists\n  file: n.csv   # n\n\n  to: [segment]"

    /// What stands after the head before and after the cohort `new` was added.
    private static let rows: [(before: String, after: String)] = [
        (
            "cohorts:\n  a: {source: lists, file: a, to: [segment]}  # a\n\n# end\n",
            "cohorts:\n  a: {source: lists, file: a, to: [segment]}  # a\n  new:\n    source: lists\n"
                + "    file: n.csv   # n\n\n    to: [segment]\n\n# end\n"
        ),
        (
            "cohorts:\n    a:\n      source: lists\n      file: a\n      to:\n        - segment # s",
            "cohorts:\n    a:\n      source: lists\n      file: a\n      to:\n        - segment # s\n    new:\n"
                + "      source: lists\n      file: n.csv   # n\n\n      to: [segment]"
        ),
        (
            "cohorts:   # none yet\n# end",
            "cohorts:   # none yet\n  new:\n    source: lists\n    file: n.csv   # n\n\n    to: [segment]\n# end"
        ),
        (
            "cohorts: {}  # none yet\n",
            "cohorts:  # none yet\n  new:\n    source: lists\n    file: n.csv   # n\n\n    to: [segment]\n"
        ),
        ("cohorts: ~\n", "cohorts:\n  new:\n    source: lists\n    file: n.csv   # n\n\n    to: [segment]\n"),
        ("# nothing\n", "# nothing\n"),
    ]

    @Test(arguments: rows.indices, ["\n", "\r\n"])
    func standsBehindTheLastCohort(index: Int, newline: String) throws {
        let row = Self.rows[index]
        for indentation in ["", "  ", "        "] {
            let block =
                "\n"
                + Self.block.split(separator: "\n", omittingEmptySubsequences: false)
                .map { $0.isEmpty ? "" : indentation + $0 }.joined(separator: newline) + "\n\n"
            var editor = try ConfigurationEditor(bytes(Self.head + row.before, newline), file: "rollcall.yaml")
            let before = editor.model
            try editor.addCohort(block)
            if row.before.hasPrefix("#") {
                let section = "cohorts:\n  new:\n    source: lists\n    file: n.csv   # n\n\n    to: [segment]\n"
                #expect(editor.bytes == bytes(Self.head + section + row.before, newline))
            } else {
                #expect(
                    editor.bytes == bytes(Self.head + row.after, newline),
                    "\(String(decoding: editor.bytes, as: UTF8.self))")
            }
            #expect(editor.model.cohorts.map(\.key) == before.cohorts.map(\.key) + ["new"])
        }
    }

    @Test(arguments: [
        ("", "it must begin with its key"),
        ("# only a comment", "it must begin with its key"),
        ("  a: {}\n b: {}", "stands further left"),
        ("a: {source: lists, file: a, to: [segment]}", "duplicate key \"a\""),
        ("b: {source: list, file: a, to: [segment]}", "unknown source \"list\""),
        ("b: {source: lists, file: b, to: [segment]}\nc: {source: lists, file: c, to: [segment]}", "would not say"),
        ("b: {source: lists, file: b, to: [segment]}\n# x\n\ntimezone: UTC", "unknown"),
        ("just text", "a key without"),
        ("b: {source: lists", "without its"),
    ])
    func refusesWhatIsNoCohort(block: String, message: String) throws {
        let text = Self.head + "cohorts:\n  a: {source: lists, file: a, to: [segment]}\n"
        var editor = try ConfigurationEditor(Array(text.utf8), file: "rollcall.yaml")
        do {
            try editor.addCohort(block)
            Issue.record("\(block) was added: \(String(decoding: editor.bytes, as: UTF8.self))")
        } catch {
            if message != "unknown" { #expect("\(error)".contains(message), "\(error)") }
        }
        #expect(editor.bytes == Array(text.utf8))
    }

    @Test func refusesCohortsWithinBraces() throws {
        let text = Self.head + "cohorts: {a: {source: lists, file: a, to: [segment]}}\n"
        var editor = try ConfigurationEditor(Array(text.utf8), file: "rollcall.yaml")
        #expect(throws: ConfigurationEditError.self) { try editor.addCohort(Self.block) }
        #expect(editor.bytes == Array(text.utf8))
    }

    private func bytes(_ text: String, _ newline: String) -> [UInt8] {
        Array(text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: newline).utf8)
    }
}
