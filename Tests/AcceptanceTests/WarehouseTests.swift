import Foundation
import Glibc
import Synchronization
import Testing

/// The warehouse destination through the program: the same cohort into SQLite and a real PostgreSQL.
@Suite(.rationed)
struct WarehouseTests {
    private func configure(_ workspace: Workspace, _ url: String, cohort: String = "") throws {
        try workspace.write("rollcall.yaml", """
            version: 1
            sources:
              lists: {kind: csv, directory: cohorts}
            destinations:
              tables: {kind: warehouse, url: "sqlite:warehouse.db"}
              big: {kind: warehouse, url: {env: WAREHOUSE_URL}, retry_for: 1m}
            cohorts:
              vip: {name: VIP, id: v1, source: lists, file: vip.csv, to: [tables, big], schedule: manual, guards: off}
            \(cohort)
            """)
        try workspace.write("url", url)
    }

    private func sync(_ workspace: Workspace, _ names: String..., url: String, expecting code: Int32 = 0) async throws -> [JSON] {
        let ending = try await workspace.start(
            ["sync", "--json"] + names, environment: ["WAREHOUSE_URL": url]).ending()
        #expect(ending.code == code, "\(ending.errors)\(ending.text)")
        let runs = try ending.lines()
        for run in runs { expectBooks(of: run) }
        return runs
    }

    /// Runs a test with a PostgreSQL server, or says that it was not run.
    private func withServer(_ body: (Workspace, PostgresServer) async throws -> Void) async throws {
        let workspace = try Workspace()
        let server: PostgresServer
        do {
            server = try await PostgresServer(for: workspace)
        } catch let missing as PostgresServer.NotAvailable {
            print("NOT RUN: warehouse tables in PostgreSQL: \(missing.reason)")
            return
        }
        do {
            try await body(workspace, server)
        } catch {
            try await server.remove()
            throw error
        }
        try await server.remove()
    }

    private static let users = "SELECT id, amplitude_vip_v1 FROM users ORDER BY id"

    @Test("a cohort into SQLite and PostgreSQL: the same users and values, Segment's columns and types, by COPY")
    func bothDatabases() async throws {
        try await withServer { workspace, server in
            let url = server.url.replacingOccurrences(of: "postgres@", with: "postgres:canary-pw@")
            try configure(workspace, url)
            let hostile = ["'); DROP TABLE users; --", "a\tb", "back\\slash", "\\.", "é\u{301}", "\"q\""]
            // Quoted as CSV wants it.
            try workspace.list((1...12_000).map(Workspace.id) + hostile.map {
                "\"" + $0.replacingOccurrences(of: "\"", with: "\"\"") + "\""
            })
            let first = try await sync(workspace, "vip", url: url)
            #expect(first.map { $0.count("accepted") } == [12_006, 12_006] && first.map { $0.count("requests") } == [2, 2])
            try workspace.list(6_001...18_000)
            let second = try await sync(workspace, "vip", url: url)
            #expect(second.map { $0.count("entered") } == [6_000, 6_000] && second.map { $0.count("left") } == [6_006, 6_006])

            let file = SQLiteFile(path: workspace.folder + "/warehouse.db")
            let local = Set(try file.rows(Self.users).map { row in
                row.map { String(decoding: $0 ?? [], as: UTF8.self) }.joined(separator: "=")
            })
            let remote = Set(try await server.query("""
                SELECT id || '=' || (CASE WHEN amplitude_vip_v1 THEN 1 ELSE 0 END) FROM users
                """))
            #expect(local.count == 18_006 && remote == local)
            #expect(local.contains("'); DROP TABLE users; --=0") && local.contains(Workspace.id(18_000) + "=1"))
            #expect(try await server.query("SELECT count(*), count(DISTINCT id) FROM identifies") == ["24012|24012"])
            #expect(try file.number("SELECT count(*) FROM identifies") == 24_012)
            let columns = try await server.query("""
                SELECT column_name || ' ' || data_type FROM information_schema.columns
                WHERE table_name = 'identifies' ORDER BY ordinal_position
                """)
            #expect(columns == [
                "id text", "user_id text", "anonymous_id text", "received_at timestamp with time zone",
                "sent_at timestamp with time zone", "original_timestamp timestamp with time zone",
                "timestamp timestamp with time zone", "context_integration_name text",
                "context_integration_version text", "uuid text", "uuid_ts timestamp with time zone",
                "amplitude_vip_v1 boolean",
            ])
            let check = try await workspace.rollcall("check", "--connect", environment: ["WAREHOUSE_URL": url])
            #expect(check.code == 0 && check.text.contains("has identifies, users"), "\(check.text)\(check.errors)")
            let state = bytes(at: workspace.folder + "/.rollcall/state.db")
            for text in [check.text + check.errors, String(decoding: state, as: UTF8.self)] {
                #expect(!text.contains("canary-pw"))
            }
            try await workspace.expectSoundState()
        }
    }

    @Test("an answer lost after the commit is harmless: the rows stay as they are, the run succeeds")
    func lostAnswer() async throws {
        try await withServer { workspace, server in
            let proxy = try LossyProxy(to: server.folder + "/.s.PGSQL.5432")
            let url = "postgres://postgres@127.0.0.1:\(proxy.port)/postgres?sslmode=disable&gssencmode=disable"
            try configure(workspace, url)
            try workspace.list(1...500)
            let run = try #require(try await sync(workspace, "vip@big", url: url).last)
            #expect(run.count("accepted") == 500 && run.count("retries") == 1, "\(run)")
            #expect(proxy.lost == 1)
            #expect(try await server.query("SELECT count(*) FROM identifies") == ["500"])
            #expect(try await server.query("SELECT count(*) FROM users WHERE amplitude_vip_v1") == ["500"])
        }
    }

    @Test("a row that a rule of the table refuses is rejected alone; a missing right blocks")
    func refusals() async throws {
        try await withServer { workspace, server in
            try configure(workspace, server.url)
            try workspace.list(1...60)
            _ = try await sync(workspace, "vip@big", url: server.url)
            try await server.query("ALTER TABLE identifies ADD CHECK (user_id <> 'u-000070')")
            try workspace.list(1...90)
            let run = try #require(try await sync(workspace, "vip@big", url: server.url, expecting: 2).last)
            #expect(run.count("accepted") == 29 && run.count("rejected") == 1, "\(run)")
            try await server.query("CREATE ROLE reader LOGIN")
            let url = server.url.replacingOccurrences(of: "postgres@", with: "reader@")
            try workspace.list(1...91)
            let blocked = try #require(try await sync(workspace, "vip@big", url: url, expecting: 1).last)
            #expect(blocked.text("reason")?.contains("permission denied") == true, "\(blocked)")
        }
    }

    @Test("two cohorts of one column are refused, a cut column is warned of, both with their place")
    func columns() async throws {
        let workspace = try Workspace()
        let long = String(repeating: "long ", count: 14)
        try workspace.list(1...3)
        try configure(workspace, "", cohort: """
              cut: {name: "\(long)", id: x9, source: lists, file: vip.csv, to: [big], schedule: manual}
            """)
        let environment = ["WAREHOUSE_URL": "postgres://u@127.0.0.1:1/d"]
        let warned = try await workspace.rollcall("check", environment: environment)
        #expect(warned.code == 0 && warned.errors.contains("rollcall.yaml:9:3: warning: cut@big: the column"), "\(warned.errors)")
        try configure(workspace, "", cohort: """
              cut: {trait: "[Amplitude] VI.P (v1)", source: lists, file: vip.csv, to: [tables], schedule: manual}
            """)
        try workspace.edit("name: VIP,", "name: VI P,")
        let refused = try await workspace.rollcall("check", environment: environment)
        #expect(refused.code == 78, "\(refused.text)")
        #expect(refused.errors.contains("rollcall.yaml:9:3: cut@tables would write the column amplitude_vi_p_v1"),
            "\(refused.errors)")
    }
}

/// Hands bytes between a TCP port and a server's socket, and loses the answer to the first `COMMIT`.
private final class LossyProxy: Sendable {
    let port: Int
    private let listener: Int32
    private let state = Mutex(0)

    var lost: Int { state.withLock { $0 } }

    init(to path: String) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        try #require(bound, "no socket")
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [weak self] in
            while true {
                let client = accept(descriptor, nil, nil)
                guard client >= 0, let self else { return }
                Thread.detachNewThread { self.serve(client, path) }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func serve(_ client: Int32, _ path: String) {
        let server = Self.connect(path)
        var loses = false
        var piece = [UInt8](repeating: 0, count: 65_536)
        copying: while server >= 0 {
            var watched = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0), pollfd(fd: server, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&watched, 2, 60_000) > 0 else { break }
            for (index, from) in [client, server].enumerated() where watched[index].revents != 0 {
                let count = recv(from, &piece, piece.count, 0)
                guard count > 0 else { break copying }
                if index == 0, lost == 0, String(decoding: piece[..<count], as: UTF8.self).contains("COMMIT\0") { loses = true }
                if index == 1, loses {
                    state.withLock { $0 += 1 }
                    break copying
                }
                guard send([server, client][index], piece, count, Int32(MSG_NOSIGNAL)) == count else { break copying }
            }
        }
        close(client)
        if server >= 0 { close(server) }
    }

    private static func connect(_ path: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(100)) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, size) }
        }
        guard result == 0 else {
            close(descriptor)
            return -1
        }
        return descriptor
    }
}
