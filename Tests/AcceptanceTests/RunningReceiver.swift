import Foundation
import Glibc
import Testing

/// `rollcall receiver` on a free port, with its store in the test's folder.
struct RunningReceiver: Sendable {
    let program: Program
    let endpoint: String
    let port: Int
    let store: SQLiteFile

    /// - Parameters:
    ///   - faults: a `--fail` script.
    ///   - port: a port that it had before; nil for any.
    init(in workspace: Workspace, faults: String = "", port: Int? = nil, name: String = "receiver") async throws {
        store = SQLiteFile(path: "\(workspace.root)/\(name).db")
        let script = faults.isEmpty ? [] : ["--fail", faults]
        let program = try workspace.start(
            ["receiver", "--listen", "127.0.0.1:\(port ?? 0)", "--store", store.path] + script)
        try await eventually("the receiver listens: \(program.errors)") {
            try #require(program.poll() == nil, "the receiver ended: \(program.errors)")
            return program.errors.contains("listening on") && program.errors.hasSuffix("\n")
        }
        self.program = program
        workspace.keep(program)
        let address = try #require(program.errors.firstMatch(of: /listening on 127\.0\.0\.1:([0-9]+)/))
        self.port = try #require(Int(address.1))
        endpoint = "http://127.0.0.1:\(self.port)/v1"
    }

    /// The users whose trait is true now.
    func members(_ column: String = Workspace.column) throws -> Set<[UInt8]> {
        try users(column, told: 1)
    }

    /// The users whose trait is false now.
    func leavers(_ column: String = Workspace.column) throws -> Set<[UInt8]> {
        try users(column, told: 0)
    }

    /// How many identify calls came, duplicates left out.
    func calls() throws -> Int { try store.number("SELECT count(*) FROM identifies") }

    /// How many calls said `false`, ever.
    func leaves(_ column: String = Workspace.column) throws -> Int {
        guard try hasColumn(column) else { return 0 }
        return try store.number("SELECT count(*) FROM identifies WHERE \"\(column)\" = 0")
    }

    private func users(_ column: String, told value: Int) throws -> Set<[UInt8]> {
        guard try hasColumn(column) else { return [] }
        let rows = try store.rows("SELECT id FROM users WHERE \"\(column)\" = \(value)")
        return Set(rows.compactMap { $0.first ?? nil })
    }

    private func hasColumn(_ column: String) throws -> Bool {
        try store.number("SELECT count(*) FROM pragma_table_info('identifies') WHERE name = '\(column)'") > 0
    }

    /// What Segment would have dropped silently.
    func reports() throws -> [String] {
        try store.texts("SELECT code || ': ' || detail FROM reports WHERE code NOT LIKE '%empty%'")
    }
}
