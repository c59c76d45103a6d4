import GRDBSQLite
import Glibc
import SourceConnectors
import SyncEngine
import Testing

@Suite struct SQLiteSourceTests {
    private let folder = TemporaryFolder()

    /// A database made by `sql`, and its path.
    @discardableResult
    private func database(_ sql: String, name: String = "app.db") -> String {
        var connection: OpaquePointer?
        sqlite3_open(folder.at(name), &connection)
        defer { sqlite3_close(connection) }
        let result = sqlite3_exec(connection, sql, nil, nil, nil)
        #expect(result == SQLITE_OK, "\(String(cString: sqlite3_errmsg(connection)))")
        return folder.at(name)
    }

    private func query(_ sql: String, path: String? = nil) -> SQLiteSource {
        SQLiteSource(path: path ?? folder.at("app.db"), selection: .query(sql))
    }

    private func users() {
        database(
            """
            CREATE TABLE users (user_id, name TEXT, plan TEXT);
            INSERT INTO users VALUES ('u1', 'Ann', 'trial'), (7, 'Bob', 'trial'), ('u3', 'Cyd', 'paid');
            """)
    }

    @Test func everyTypeIsReadOrCounted() throws {
        database(
            """
            CREATE TABLE t (id, n INTEGER PRIMARY KEY);
            INSERT INTO t (id) VALUES ('text'), (42), (-9223372036854775808), (9223372036854775807), (0), (NULL), (''),
                (1.5), (x'7531'), ('a' || char(0) || 'b'), (' é '), (CAST(x'ff' AS TEXT)), (TRUE);
            """)
        let rows = try query("SELECT id FROM t ORDER BY n").read()
        let expected: [ReportedRow] = [
            .row(Array("text".utf8), 1), .row(Array("42".utf8), 2), .row(Array("-9223372036854775808".utf8), 3),
            .row(Array("9223372036854775807".utf8), 4), .row(Array("0".utf8), 5), .nobody(6), .nobody(7),
            .unreadable(.wrongType, 8), .unreadable(.wrongType, 9), .row([0x61, 0, 0x62], 10),
            .row(Array(" é ".utf8), 11), .row([0xFF], 12), .row(Array("1".utf8), 13),
        ]
        #expect(rows.rows == expected)
        #expect(rows.details.map { $0.prefix(4) } == ["REAL", "BLOB"])
    }

    @Test func utf16DatabasesComeAsUTF8() throws {
        database("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (id); INSERT INTO t VALUES ('é\u{1F600}')")
        #expect(try query("SELECT id FROM t").read().ids == ["é\u{1F600}"])
    }

    @Test func theColumnWithTheIdsIsFound() throws {
        users()
        #expect(try query("SELECT user_id FROM users WHERE plan = 'trial'; -- done\n").read().ids == ["u1", "7"])
        #expect(try query("SELECT name, user_id FROM users").read().ids == ["u1", "7", "u3"])
        #expect(try query("WITH t AS (SELECT name FROM users) SELECT * FROM t").read().ids == ["Ann", "Bob", "Cyd"])
        let none = try #require(query("SELECT name, plan FROM users").failure())
        #expect(none.isMisconfigured("2 columns", "\"name\", \"plan\"", "user_id"))
        let two = try #require(query("SELECT user_id, user_id FROM users").failure())
        #expect(two.isMisconfigured("more than one"))
    }

    @Test func tablesAreQuoted() throws {
        database(
            """
            CREATE TABLE 'my "own" table' ("the 'id'");
            INSERT INTO 'my "own" table' VALUES ('u1');
            """)
        let source = SQLiteSource(path: folder.at("app.db"), selection: .table("my \"own\" table", column: "the 'id'"))
        #expect(try source.read().ids == ["u1"])
        #expect(source.definition == "table my \"own\" table, column the 'id'")
    }

    @Test func aMistypedColumnIsNeverATextInEveryRow() throws {
        users()
        let table = SQLiteSource(path: folder.at("app.db"), selection: .table("users", column: "user_idd"))
        #expect(try #require(table.failure()).isMisconfigured("app.db", "no such column", "user_idd"))
        #expect(try #require(query("SELECT \"user_idd\" FROM users").failure()).isMisconfigured("no such column"))
        let noTable = SQLiteSource(path: folder.at("app.db"), selection: .table("people", column: "user_id"))
        #expect(try #require(noTable.failure()).isMisconfigured("no such table", "people"))
    }

    @Test func onlyOneReadingStatementRuns() throws {
        users()
        #expect(try #require(query("SELECT 1; SELECT 2").failure()).isMisconfigured("more than one statement"))
        #expect(try #require(query("SELECT 1; DELETE FROM users").failure()).isMisconfigured("more than one statement"))
        #expect(try #require(query("DELETE FROM users").failure()).isMisconfigured("would change"))
        #expect(try #require(query("DELETE FROM users RETURNING user_id").failure()).isMisconfigured("would change"))
        #expect(try #require(query("ATTACH 'x.db' AS x").failure()).isMisconfigured("no columns"))
        #expect(try #require(query(" -- nothing\n;").failure()).isMisconfigured("empty"))
        #expect(try #require(query("SELEC user_id").failure()).isMisconfigured("syntax error"))
        #expect(try #require(query("SELECT 1\0; DROP TABLE users").failure()).isMisconfigured("NUL"))
        let parameter = try #require(query("SELECT user_id FROM users WHERE plan = :plan").failure())
        #expect(parameter.isMisconfigured(":plan"))
        #expect(try query("SELECT count(*) FROM users").read().ids == ["3"])
    }

    @Test func aMissingDatabaseIsNotMade() throws {
        let error = try #require(query("SELECT 1", path: folder.at("none.db")).failure())
        #expect(error.isMisconfigured("none.db", "does not exist"))
        #expect(access(folder.at("none.db"), F_OK) != 0)
        let text = folder.write("text.db", String(repeating: "this is not a database ", count: 100))
        #expect(try #require(query("SELECT 1", path: text).failure()).isMisconfigured("not a SQLite database"))
        #expect(try #require(query("SELECT 1", path: folder.path).failure()).isMisconfigured("a directory"))
        #expect(try #require(query("SELECT 1", path: ":memory:").failure()).isMisconfigured("does not exist"))
    }

    @Test func anErrorOnTheWayGivesNothing() throws {
        users()
        let overflow = try #require(
            query("SELECT abs(CASE user_id WHEN 'u3' THEN -9223372036854775808 ELSE 1 END) FROM users").failure())
        #expect(overflow.isUnavailable("row 3", "integer overflow"))
        let path = database(
            """
            CREATE TABLE t (id);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
            INSERT INTO t SELECT 'user-' || i FROM n;
            """, name: "damaged.db")
        var bytes = readFile(path)
        for index in 30_000..<34_096 { bytes[index] = 0xA5 }
        writeFile(path, bytes, mode: "w")
        #expect(try #require(query("SELECT id FROM t", path: path).failure()).isUnavailable("at row", "malformed"))
    }

    @Test func aLockIsWaitedForAndThenSaid() throws {
        users()
        var writer: OpaquePointer?
        sqlite3_open(folder.at("app.db"), &writer)
        defer { sqlite3_close(writer) }
        #expect(sqlite3_exec(writer, "BEGIN EXCLUSIVE", nil, nil, nil) == SQLITE_OK)
        let source = SQLiteSource(
            path: folder.at("app.db"), selection: .query("SELECT user_id FROM users"), busyTimeout: 30)
        #expect(try #require(source.failure()).isUnavailable("locked", "30 ms"))
        // Looking at the file must not have dropped the writer's lock, which POSIX does when a descriptor is closed.
        let other = runShell("sqlite3 '\(folder.at("app.db"))' 'SELECT user_id FROM users' 2>&1")
        #expect(other.output.contains("locked"))
        let stop = StopFlag()
        stop.raise()
        #expect(query("SELECT user_id FROM users").failure(stop: stop) == .stopped)
    }

    @Test func oneTransactionIsOneSnapshot() throws {
        database("PRAGMA journal_mode = WAL; CREATE TABLE t (id); INSERT INTO t VALUES (1), (2), (3)")
        let rows = RecordedRows()
        rows.onRow = { database("INSERT INTO t VALUES (4); DELETE FROM t WHERE id = 3") }
        try query("SELECT id FROM t").fetch(into: rows, stop: StopFlag())
        #expect(rows.ids == ["1", "2", "3"])
        #expect(try query("SELECT count(*) FROM t WHERE id = 4").read().ids == ["3"])
    }

    @Test func aRaisedFlagInterrupts() {
        users()
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
        let stop = StopFlag()
        let rows = RecordedRows()
        rows.onRow = { stop.raise() }
        #expect(throws: SourceError.stopped) { try query(endless).fetch(into: rows, stop: stop) }
        let silent = StopFlag()
        runOnThread { silent.raise() }
        #expect(query(endless + " WHERE i < 0").failure(stop: silent) == .stopped)
    }

    @Test func probeCompilesAndDoesNotRead() throws {
        users()
        let line = try query("SELECT name, user_id FROM users").probe()
        #expect(line.contains("8,192 bytes, modified") && line.hasSuffix("ids from column user_id"))
        #expect(throws: SourceError.self) { try query("SELECT nothing FROM users").probe() }
        #expect(query("SELECT 1").definition == "SELECT 1")
        #expect(query("SELECT 1").kind == "sqlite")
    }
}
