import Foundation
import GRDBSQLite
import Scheduling
import Secrets
import SyncEngine
import Testing
import WarehouseNames

@testable import DestinationConnectors

@Suite struct WarehouseTests {
    private let path = NSTemporaryDirectory() + "rollcall-warehouse-\(UUID().uuidString).db"

    private func batch(
        _ users: [(id: String, entered: Bool)], _ destination: WarehouseDestination, nonce: UInt64 = 1,
        audience: Audience = .spenders
    ) -> EncodedBatch {
        let encoder = destination.encoder(for: audience)
        var batch = EncodedBatch()
        for (number, user) in users.enumerated() {
            let appended = encoder.append(
                Array(user.id.utf8), entered: user.entered, number: nonce << 32 + UInt64(number), to: &batch)
            #expect(appended == .added)
        }
        return batch
    }

    private func texts(_ sql: String) throws -> [String] {
        do throws(SQLiteFailure) {
            return try SQLiteHandle(path, writes: false).texts(sql)
        } catch {
            Issue.record("\(sql): \(error.message)")
            return []
        }
    }

    private static let column = "amplitude_big_spenders_abc123"

    @Test("both tables say what Segment would have loaded, and hostile ids are only ever values")
    func tables() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let destination = WarehouseDestination(sqlite: path)
        let hostile = "'); DROP TABLE users; --\"\u{1}é"
        let batch = batch([("a", true), (hostile, true), ("b", false)], destination)
        #expect(await destination.deliver(batch, attempt: 0, sentAt: .noon) == .accepted(status: 0, rejected: []))
        #expect(try texts("SELECT count(*) FROM identifies") == ["3"])
        #expect(try texts("SELECT id || ':' || \(Self.column) FROM users ORDER BY id")
            == [hostile + ":1", "a:1", "b:0"])
        let row = try texts("""
            SELECT id || ' ' || user_id || ' ' || received_at || ' ' || sent_at || ' ' || original_timestamp || ' '
              || timestamp || ' ' || context_integration_name || ' ' || context_integration_version
            FROM identifies WHERE user_id = 'a'
            """)
        let noon = "2026-03-01T12:00:00.000Z"
        #expect(row == ["0f8fad5b-d9cb-469f-0000-000100000000 a \(noon) \(noon) \(noon) \(noon) Amplitude Cohort Sync 1.0.0"])
    }

    @Test("a batch whose answer was lost changes nothing when it comes again, also after a later one")
    func repeats() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let destination = WarehouseDestination(sqlite: path)
        let first = batch([("a", true), ("b", true)], destination)
        for attempt in 0..<2 { _ = await destination.deliver(first, attempt: attempt, sentAt: .noon) }
        #expect(try texts("SELECT count(*) FROM identifies") == ["2"])
        _ = await destination.deliver(batch([("a", false)], destination, nonce: 2), attempt: 0, sentAt: .noon)
        _ = await destination.deliver(first, attempt: 2, sentAt: .noon.advanced(seconds: 60))
        #expect(try texts("SELECT count(*) FROM identifies") == ["3"])
        #expect(try texts("SELECT id || \(Self.column) FROM users ORDER BY id") == ["a0", "b1"])
    }

    @Test("a cohort's column appears with it; another cohort's value stays; a leave can be NULL")
    func columns() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let destination = WarehouseDestination(sqlite: path)
        _ = await destination.deliver(batch([("a", true)], destination), attempt: 0, sentAt: .noon)
        let other = Audience(key: "o", name: "Other", id: "7", trait: "select", leavesAsNull: true)
        for (nonce, entered) in [(UInt64(2), true), (3, false)] {
            let next = batch([("a", entered)], destination, nonce: nonce, audience: other)
            #expect(await destination.deliver(next, attempt: 0, sentAt: .noon) == .accepted(status: 0, rejected: []))
        }
        #expect(try texts("SELECT \(Self.column) || ' ' || coalesce(_select, 'NULL') FROM users") == ["1 NULL"])
        #expect(try texts("SELECT coalesce(_select, 'NULL') FROM identifies WHERE _select IS NOT NULL") == ["1"])
    }

    @Test("a column of another type, a file that is no database and a missing folder block; a lock is waited for")
    func faults() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let destination = WarehouseDestination(sqlite: path)
        do throws(SQLiteFailure) {
            try SQLiteHandle(path, writes: true).run("CREATE TABLE users(id TEXT PRIMARY KEY, \(Self.column) INTEGER)")
        } catch {
            Issue.record("\(error.message)")
        }
        let batch = batch([("a", true)], destination)
        guard case .blocked(nil, let reason) = await destination.deliver(batch, attempt: 0, sentAt: .noon) else {
            Issue.record("a column of another type was written")
            return
        }
        #expect(reason.contains("must be BOOLEAN"))
        #expect(try texts("SELECT name FROM sqlite_schema WHERE name = 'identifies'") == [], "rolled back as a whole")
        try Data("no database at all, only text that is longer than a header of one hundred bytes, which is looked at first"
            .utf8).write(to: URL(fileURLWithPath: path))
        for place in [path, "/no/such/folder/w.db"] {
            guard case .blocked = await WarehouseDestination(sqlite: place).deliver(batch, attempt: 0, sentAt: .noon) else {
                Issue.record("\(place) was written")
                continue
            }
        }
        #expect(await WarehouseDestination(sqlite: "/no/such/folder/w.db").probe().isReachable == false)
    }

    @Test("PostgreSQL: a NUL is refused by itself, no secret stands in the address, names are cut as the server cuts them")
    func postgres() throws {
        let destination = try WarehouseDestination(
            postgres: Secret(Array("postgres://u:canary-pw@db.example:5433/w?sslmode=require".utf8)))
        #expect(destination.address == "postgres:db.example:5433/w")
        var audience = Audience.spenders
        audience.trait = String(repeating: "x", count: 70)
        let encoder = destination.encoder(for: audience)
        var batch = EncodedBatch()
        #expect(encoder.append("a\u{0}b", to: &batch) == .refused(reason: "the user id holds a NUL, which PostgreSQL cannot store"))
        #expect(encoder.append("ab", to: &batch) == .added)
        #expect(WarehouseBatch(batch, receivedAt: .noon)?.column == String(repeating: "x", count: 63))
        for url in ["", "mysql://h/d", "postgres://u:canary-pw@h:port/d?x"] {
            do throws(SourceError) {
                _ = try WarehouseDestination(postgres: Secret(Array(url.utf8)))
                Issue.record("\(url) was taken")
            } catch {
                #expect(error.message.contains("PostgreSQL warehouse") && !error.message.contains("canary"))
            }
        }
    }

    @Test("COPY's text escapes what would end a field or a line")
    func copyText() {
        var rows = EncodedBatch()
        ChangeRows.begin(["c", "null"], in: &rows.bytes)
        for (text, entered) in [("a\tb\nc\\d\r", true), ("\\.", false)] {
            Array(text.utf8).withUnsafeBytes {
                ChangeRows.append(
                    Announcement(member: $0, entered: entered, messageID: MessageID(high: 1, low: 2), timestamp: .noon),
                    to: &rows.bytes)
            }
        }
        let batch = WarehouseBatch(rows, receivedAt: .noon)
        let text = batch.map { String(decoding: PostgresWarehouse.copyText(of: $0), as: UTF8.self) }
        let id = "00000000-0000-0001-0000-000000000002"
        #expect(text == """
            \(id)\ta\\tb\\nc\\\\d\\r\t2026-03-01T12:00:00.000Z\tt
            \(id)\t\\\\.\t2026-03-01T12:00:00.000Z\t\\N

            """)
    }

    @Test("names follow Segment's rule; reserved ones and digits get a mark; PostgreSQL's cut is known", arguments: [
        ("[Amplitude] Big Spenders (abc123)", "amplitude_big_spenders_abc123"), ("Order", "_order"), ("id", "_id"),
        ("User ID", "_user_id"), ("2nd", "_2nd"), ("order2", "order2"),
    ])
    func names(trait: String, column: String) {
        #expect(WarehouseColumn.name(of: trait) == column)
        #expect(WarehouseColumn.name(of: "—") == nil)
        let long = String(repeating: "a", count: 64)
        #expect(WarehouseColumn.cut(long).utf8.count == 63 && WarehouseColumn.cut(column) == column)
    }

    @Test("rows come back as they went in")
    func rows() {
        for seed in UInt64(1)...50 {
            var random = SystemRows(seed: seed)
            let texts = (0..<2).map { _ in String(random.next() % 1000) }
            var bytes: [UInt8] = []
            ChangeRows.begin(texts, in: &bytes)
            let rows = (0..<Int(random.next() % 20)).map { _ in
                ChangeRow(
                    member: (0..<Int(random.next() % 40 + 1)).map { _ in UInt8(truncatingIfNeeded: random.next()) },
                    entered: random.next() % 2 == 0, messageID: MessageID(high: random.next(), low: random.next()),
                    timestamp: Instant(milliseconds: Int64(random.next() % 1 << 50)))
            }
            for row in rows {
                row.member.withUnsafeBytes {
                    ChangeRows.append(
                        Announcement(
                            member: $0, entered: row.entered, messageID: row.messageID, timestamp: row.timestamp),
                        to: &bytes)
                }
            }
            let read = ChangeRows.read(bytes)
            #expect(read.texts == texts && read.rows == rows, "seed \(seed)")
        }
    }

    /// SplitMix64.
    private struct SystemRows {
        var state: UInt64
        init(seed: UInt64) { state = seed }
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }
}
