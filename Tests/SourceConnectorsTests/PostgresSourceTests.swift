import Glibc
import Secrets
import SourceConnectors
import SyncEngine
import Testing

@Suite(.withPostgres, .serialized) struct PostgresSourceTests {
    private func secret(_ url: String) -> Secret { Secret(Array(url.utf8)) }

    private func query(_ sql: String, _ cluster: PostgresCluster, options: String = "") -> PostgresSource {
        PostgresSource(url: secret(cluster.url(options: options)), selection: .query(sql))
    }

    @Test func textIntegersAndUUIDsAreIds() throws {
        guard let cluster = WithPostgres.cluster else { return }
        let values = [
            ("'u1'::text", "u1"), ("'é '::varchar", "é "), ("'ab'::char(4)", "ab  "), ("42", "42"),
            ("(-9223372036854775808)::int8", "-9223372036854775808"), ("7::int2", "7"),
            ("12345678901234567890", "12345678901234567890"),
            ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ]
        for (value, id) in values {
            #expect(try query("SELECT \(value)", cluster).read().rows == [.row(Array(id.utf8), 1)], "\(value)")
        }
        let mixed = try query("SELECT * FROM (VALUES ('a'), (NULL), (''), ('b')) AS v(id)", cluster).read()
        #expect(mixed.rows == [.row([0x61], 1), .nobody(2), .nobody(3), .row([0x62], 4)])
        let numeric = try query("SELECT * FROM (VALUES (1.0), (2), ('NaN'::numeric), (-3)) AS v(id)", cluster).read()
        let expected: [ReportedRow] = [
            .unreadable(.wrongType, 1), .row(Array("2".utf8), 2), .unreadable(.wrongType, 3),
            .row(Array("-3".utf8), 4),
        ]
        #expect(numeric.rows == expected)
    }

    @Test func enumsAndDomainsAreText() throws {
        guard let cluster = WithPostgres.cluster else { return }
        cluster.sql(
            """
            CREATE TYPE mood AS ENUM ('happy', 'sad');
            CREATE DOMAIN mail AS text CHECK (VALUE LIKE '%@%');
            CREATE TABLE typed (m mood, d mail);
            INSERT INTO typed VALUES ('sad', 'a@b');
            """)
        #expect(try query("SELECT m FROM typed", cluster).read().ids == ["sad"])
        #expect(try query("SELECT d FROM typed", cluster).read().ids == ["a@b"])
    }

    @Test(arguments: [
        "1.5::float8", "'x'::bytea", "now()", "true", "'{}'::json", "'1.2.3.4'::inet", "ARRAY['a']", "ROW(1)",
    ])
    func otherTypesAreRefused(value: String) throws {
        guard let cluster = WithPostgres.cluster else { return }
        let error = try #require(query("SELECT \(value) AS x", cluster).failure())
        #expect(error.isMisconfigured("column x is of type", "x::text"), "\(error)")
    }

    @Test func manyRowsComeInOrder() throws {
        guard let cluster = WithPostgres.cluster else { return }
        let rows = CountedRows()
        try query("SELECT 'user-' || i FROM generate_series(100000, 199999) AS i", cluster)
            .fetch(into: rows, stop: StopFlag())
        #expect(rows.rows == 100_000)
        #expect(rows.bytes == 1_100_000)
        let few = try query("SELECT i FROM generate_series(1, 12345) AS i", cluster).read()
        #expect(few.ids == (1...12_345).map { "\($0)" })
        #expect(few.rows.last == .row(Array("12345".utf8), 12_345))
        let long = CountedRows()
        try query("SELECT repeat('x', 200000) FROM generate_series(1, 1500)", cluster)
            .fetch(into: long, stop: StopFlag())
        #expect(long.rows == 1_500)
    }

    @Test func theColumnWithTheIdsIsFound() throws {
        guard let cluster = WithPostgres.cluster else { return }
        #expect(try query("SELECT 'A' AS name, 'u1' AS user_id; -- done", cluster).read().ids == ["u1"])
        let none = try #require(query("SELECT 1 AS a, 2 AS b", cluster).failure())
        #expect(none.isMisconfigured("2 columns", "\"a\", \"b\"", "user_id"))
    }

    @Test func tablesAreQuoted() throws {
        guard let cluster = WithPostgres.cluster else { return }
        cluster.sql(
            #"""
            CREATE SCHEMA "My crm"; CREATE TABLE "My crm"."Users ""x""" ("User Id" text, name text);
            INSERT INTO "My crm"."Users ""x""" VALUES ('u1', 'A');
            """#)
        func table(_ name: String, _ column: String) -> PostgresSource {
            PostgresSource(url: secret(cluster.url()), selection: .table(name, column: column))
        }
        #expect(try table("My crm.Users \"x\"", "User Id").read().ids == ["u1"])
        let column = try #require(table("My crm.Users \"x\"", "text").failure())
        #expect(column.isMisconfigured("column \"text\"", "does not exist", "42703"))
        let missing = try #require(table("people", "user_id").failure())
        #expect(missing.isMisconfigured("table \"people\"", "does not exist", "42P01"))
        #expect(try #require(table("", "user_id").failure()).isMisconfigured("empty"))
    }

    @Test func onlyOneReadingStatementRuns() throws {
        guard let cluster = WithPostgres.cluster else { return }
        cluster.sql("CREATE TABLE kept (id text); INSERT INTO kept VALUES ('u1'); CREATE SEQUENCE counter")
        let statements = [
            "SELECT id FROM kept; DROP TABLE kept", "DELETE FROM kept", "SELECT nextval('counter')::text",
            "WITH gone AS (DELETE FROM kept RETURNING id) SELECT id FROM gone", "SELECT id INTO stolen FROM kept",
            "SELECT id FROM kept FOR UPDATE", "SELEC id", "SELECT id FROM kept WHERE id = $1",
        ]
        for statement in statements {
            let error = try #require(query(statement, cluster).failure(), "\(statement)")
            #expect(error.isMisconfigured("the query"), "\(statement): \(error)")
        }
        #expect(try query("SELECT id FROM kept", cluster).read().ids == ["u1"])
    }

    @Test func anErrorOnTheWayGivesNothing() throws {
        guard let cluster = WithPostgres.cluster else { return }
        let rows = CountedRows()
        let error = #expect(throws: SourceError.self) {
            try query("SELECT 10 / (i - 4000) FROM generate_series(1, 9000) AS i", cluster)
                .fetch(into: rows, stop: StopFlag())
        }
        #expect(try #require(error).isUnavailable("division by zero", "22012"))
        #expect(rows.rows == 1_000)
    }

    @Test func oneTransactionIsOneSnapshot() throws {
        guard let cluster = WithPostgres.cluster else { return }
        cluster.sql("CREATE TABLE moving AS SELECT i::text AS id FROM generate_series(1, 3000) AS i")
        let rows = RecordedRows()
        rows.onRow = {
            guard rows.rows.count == 1 else { return }
            cluster.sql("DELETE FROM moving; INSERT INTO moving SELECT 'late-' || i FROM generate_series(1, 9000) AS i")
        }
        try query("SELECT id FROM moving", cluster).fetch(into: rows, stop: StopFlag())
        #expect(rows.ids == (1...3_000).map { "\($0)" })
    }

    @Test func aServerThatGoesAwayIsNotTheEnd() throws {
        guard let cluster = WithPostgres.cluster else { return }
        let rows = RecordedRows()
        rows.onRow = {
            guard rows.rows.count == 1 else { return }
            cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'FETCH%'")
        }
        let error = #expect(throws: SourceError.self) {
            try query("SELECT i FROM generate_series(1, 100000) AS i", cluster).fetch(into: rows, stop: StopFlag())
        }
        #expect(try #require(error).isUnavailable("PostgreSQL") || error?.isUnavailable("the query") == true)
        #expect(rows.rows.count == 1_000)
    }

    @Test func aRaisedFlagCancelsTheStatement() throws {
        guard let cluster = WithPostgres.cluster else { return }
        let stop = StopFlag()
        let rows = RecordedRows()
        rows.onRow = { stop.raise() }
        #expect(throws: SourceError.stopped) {
            try query("SELECT generate_series(1, 100000000)", cluster).fetch(into: rows, stop: stop)
        }
        #expect(rows.rows.count == 1_000)
        let sleeping = StopFlag()
        let active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'FETCH%'"
        runOnThread {
            for _ in 0..<200 {
                if cluster.sql(active) == "1" { break }
            }
            sleeping.raise()
        }
        #expect(query("SELECT pg_sleep(600)::text", cluster).failure(stop: sleeping) == .stopped)
        var left = "1"
        for _ in 0..<200 {
            left = cluster.sql(active)
            if left == "0" { break }
        }
        #expect(left == "0")
    }

    @Test func passwordsAreUsedAndNeverShown() throws {
        guard let cluster = WithPostgres.cluster else { return }
        func locked(_ password: String, _ sql: String) -> PostgresSource {
            PostgresSource(url: secret(cluster.url(user: "locked:\(password)")), selection: .query(sql))
        }
        let right = PostgresCluster.lockedPassword
        #expect(try locked(right.encoded, "SELECT current_user::text").read().ids == ["locked"])
        let wrong = try #require(locked("c4n%40ry-77", "SELECT 1").failure())
        #expect(wrong.isMisconfigured("authentication failed", "locked"))
        let quoted = try #require(locked(right.encoded, "SELECT 1 AS \"p@ss w/rd\", 2").failure())
        let echoed = try #require(locked(right.encoded, "SELECT * FROM \"p@ss w/rd\"").failure())
        #expect(echoed.isMisconfigured("relation", "…"))
        for error in [wrong, echoed] {
            for part in ["c4n@ry-77", "c4n%40ry-77", right.plain, right.encoded, cluster.folder + "&"] {
                #expect(!error.message.contains(part), "\(error)")
            }
        }
        #expect(quoted.isMisconfigured("2 columns"))
        let open = PostgresSource(url: secret(cluster.url(user: "locked")), selection: .query("SELECT 1"))
        #expect(try #require(open.failure()).isMisconfigured("no password supplied"))
    }

    @Test func probeOpensTheCursorOnly() throws {
        guard let cluster = WithPostgres.cluster else { return }
        let line = try query("SELECT 1 / (i - i) AS user_id FROM generate_series(1, 2) AS i", cluster).probe()
        #expect(line.hasPrefix("PostgreSQL "))
        #expect(line.hasSuffix("user postgres, no TLS, ids from column user_id (int4)"))
        #expect(throws: SourceError.self) { try query("SELECT nothing", cluster).probe() }
        let database = PostgresSource(url: secret(cluster.url(database: "none")), selection: .query("SELECT 1"))
        #expect(throws: SourceError.self) { try database.probe() }
        #expect(try #require(database.failure()).isMisconfigured("\"none\" does not exist"))
    }

    @Test func tlsOptionsAreThoseOfTheURL() throws {
        guard let cluster = WithPostgres.cluster else { return }
        let wrong = try #require(query("SELECT 1", cluster, options: "&sslmode=sometimes").failure())
        #expect(wrong.isMisconfigured("sslmode"))
    }
}

@Suite struct PostgresAddressTests {
    private func failure(_ url: String) -> SourceError? {
        PostgresSource(url: Secret(Array(url.utf8)), selection: .query("SELECT 1")).failure()
    }

    @Test(arguments: [
        "", "c4nary", "host=c4nary", "mysql://c4nary@h/d", "postgres://u:c4nary@h:port/d?x",
        "postgres://u:c4nary@[::1/d", "postgres://u:c4nary@h/d?nonsense=1", "postgres://h/d\0c4nary",
    ])
    func urlsThatAreNotUnderstoodAreNotRepeated(url: String) throws {
        let error = try #require(failure(url))
        #expect(error.isMisconfigured("PostgreSQL source", "postgres://user@host:5432/database"))
        #expect(!error.message.contains("c4nary"))
    }

    @Test func nobodyListeningIsUnavailable() throws {
        let error = try #require(failure("postgres://u:c4nary@/d?host=/tmp/rollcall-no-such-folder"))
        #expect(error.isUnavailable("No such file or directory"))
        #expect(!error.message.contains("c4nary"))
    }

    @Test func aSilentHostIsLeftInTime() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 4) == 0
                    && getsockname(listener, address, &length) == 0
            }
        }
        #expect(isListening)
        let port = UInt16(bigEndian: address.sin_port)
        let error = try #require(failure("postgres://u@127.0.0.1:\(port)/d?connect_timeout=2"))
        #expect(error.isUnavailable("did not answer within 2 s"))
    }
}
