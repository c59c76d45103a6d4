import Foundation
import Testing

/// Five cohorts as SQL over a moving day: after every step the receiver's state equals the query, and the step sent the
/// movers and nobody else. `ROLLCALL_PURCHASES=/path/purchases.csv` runs it over 34 steps of real purchases.
@Suite(.rationed)
struct MovingDayTests {
    /// Each cohort's query; `{day-N}` is the date N days before today.
    private static let cohorts: KeyValuePairs<String, String> = [
        "active": "SELECT DISTINCT user_id FROM purchases WHERE day > {day-30} AND day <= {day-0}",
        "lapsed": "SELECT user_id FROM purchases WHERE day <= {day-0} GROUP BY user_id HAVING max(day) <= {day-90}",
        "repeaters": "SELECT user_id FROM purchases WHERE day <= {day-0} GROUP BY user_id HAVING count(*) >= 3",
        "spenders": "SELECT user_id FROM purchases WHERE day > {day-90} AND day <= {day-0} "
            + "GROUP BY user_id HAVING sum(amount) >= 100",
        "once": "SELECT user_id FROM purchases WHERE day <= {day-0} "
            + "GROUP BY user_id HAVING count(*) = 1 AND max(day) <= {day-60}",
    ]

    /// Writes the configuration and returns each cohort's query as it stands in it.
    private func configure(
        _ workspace: Workspace, _ endpoint: String, source: String, day: (Int) -> String
    ) throws -> [(cohort: String, query: String)] {
        let queries = Self.cohorts.map { cohort, text in
            var query = text
            for days in [0, 30, 60, 90] { query = query.replacingOccurrences(of: "{day-\(days)}", with: day(days)) }
            return (cohort, query)
        }
        try workspace.write("rollcall.yaml", """
            version: 1
            sources:
              shop: {\(source)}
            destinations:
              seg: {kind: segment, endpoint: "\(endpoint)", write_key: {env: WRITE_KEY}, rate: 100000/s}
            cohorts:

            """ + queries.map {
                "  \($0.0):\n    source: shop\n    query: \"\($0.1)\"\n    to: [seg]\n"
                    + "    schedule: manual\n    guards: off\n"
            }.joined())
        return queries
    }

    /// Moves through the days and checks each step.
    /// - Parameters:
    ///   - move: sets today.
    ///   - ask: what a query says now, asked past the product.
    private func walk(
        _ workspace: Workspace, _ receiver: RunningReceiver, _ queries: [(cohort: String, query: String)],
        days: [String], environment: [String: String] = [:], move: (String) async throws -> Void,
        ask: (String) async throws -> Set<[UInt8]>
    ) async throws -> Int {
        var told: [String: Set<[UInt8]>] = [:]
        var movers = 0
        for day in days {
            try await move(day)
            let ending = try await workspace.rollcall("sync", "--all", "--json", environment: environment)
            #expect(ending.code == 0, "\(day): \(ending.errors)")
            var runs: [String: JSON] = [:]
            for run in try ending.lines() {
                expectBooks(of: run)
                runs[run.text("sync") ?? ""] = run
            }
            for (cohort, query) in queries {
                let expected = try await ask(query)
                let before = told[cohort] ?? []
                let run = try #require(runs["\(cohort)@seg"])
                #expect(run.count("entered") == expected.subtracting(before).count, "\(cohort) on \(day)")
                #expect(run.count("left") == before.subtracting(expected).count, "\(cohort) on \(day)")
                #expect(run.count("ledger_after") == expected.count)
                #expect(try receiver.members("amplitude_\(cohort)_\(cohort)") == expected, "\(cohort) on \(day)")
                movers += expected.symmetricDifference(before).count
                told[cohort] = expected
            }
            #expect(try receiver.calls() == movers, "only the movers were told, on \(day)")
        }
        #expect(told.values.allSatisfy { !$0.isEmpty }, "every cohort had members at the end")
        #expect(try receiver.reports() == [])
        try await workspace.expectSoundState()
        return movers
    }

    @Test("in SQLite")
    func sqlite() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        let purchases = try Purchases()
        let file = SQLiteFile(path: workspace.folder + "/shop.db")
        try file.change("CREATE TABLE today(day TEXT); CREATE TABLE purchases(user_id TEXT, day TEXT, amount NUMERIC)")
        for start in stride(from: 0, to: purchases.all.count, by: 500) {
            let rows = purchases.all[start..<min(start + 500, purchases.all.count)].map {
                "('\($0.user)','\($0.day)',\($0.amount))"
            }
            try file.change("INSERT INTO purchases VALUES " + rows.joined(separator: ","))
        }
        let queries = try configure(workspace, receiver.endpoint, source: "kind: sqlite, path: shop.db") {
            "(SELECT date(day, '-\($0) days') FROM today)"
        }
        let movers = try await walk(
            workspace, receiver, queries, days: purchases.days,
            move: { try file.change("DELETE FROM today; INSERT INTO today VALUES ('\($0)')") },
            ask: { Set(try file.rows($0).compactMap { $0.first ?? nil }) })
        print("moving day in SQLite: \(purchases.all.count) purchases, \(purchases.days.count) steps, \(movers) movers")
    }

    @Test("in PostgreSQL")
    func postgres() async throws {
        let workspace = try Workspace()
        let server: PostgresServer
        do {
            server = try await PostgresServer(for: workspace)
        } catch let missing as PostgresServer.NotAvailable {
            print("NOT RUN: the moving day in PostgreSQL: \(missing.reason)")
            return
        }
        do {
            try await walk(workspace, in: server)
        } catch {
            try await server.remove()
            throw error
        }
        try await server.remove()
    }

    private func walk(_ workspace: Workspace, in server: PostgresServer) async throws {
        let receiver = try await RunningReceiver(in: workspace)
        let purchases = try Purchases()
        try await server.query("CREATE TABLE today(day date)")
        try await server.query("CREATE TABLE purchases(user_id text, day date, amount numeric)")
        for start in stride(from: 0, to: purchases.all.count, by: 2000) {
            let rows = purchases.all[start..<min(start + 2000, purchases.all.count)].map {
                "('\($0.user)','\($0.day)',\($0.amount))"
            }
            try await server.query("INSERT INTO purchases VALUES " + rows.joined(separator: ","))
        }
        let queries = try configure(
            workspace, receiver.endpoint, source: "kind: postgres, url: {env: DATABASE_URL}"
        ) { "(SELECT day - \($0) FROM today)" }
        let movers = try await walk(
            workspace, receiver, queries, days: purchases.days, environment: ["DATABASE_URL": server.url],
            move: { try await server.query("TRUNCATE today; INSERT INTO today VALUES ('\($0)')") },
            ask: { Set(try await server.query($0).map { Array($0.utf8) }) })
        print(
            "moving day in PostgreSQL: \(purchases.all.count) purchases, \(purchases.days.count) steps, "
                + "\(movers) movers")
    }
}
