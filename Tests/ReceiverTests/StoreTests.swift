import Foundation
import GRDB
import Testing

@testable import Receiver

/// What the tables hold, read with a second connection as a person would.
@Suite struct StoreTests {
    private let trait = "[Amplitude] Big Spenders (abc123)"
    private let column = "amplitude_big_spenders_abc123"

    /// A store's file in a folder of its own, removed afterwards.
    private func withFile<R>(_ body: (String) async throws -> R) async throws -> R {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("receiver-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(folder.appendingPathComponent("store.db").path)
    }

    private func rows(_ path: String, _ sql: String) async throws -> [[String]] {
        try await DatabaseQueue(path: path).read { db in
            try Row.fetchAll(db, sql: sql).map { row in
                row.map { $0.1.isNull ? "NULL" : String.fromDatabaseValue($0.1) ?? $0.1.description }
            }
        }
    }

    @Test func theTablesAreSegments() async throws {
        try await withFile { path in
            try await Receiver.running(.test(store: .file(path))) { receiver, port in
                let body = batch(
                    identify("u1", id: "m1"), identify("u2", "false", id: "m2"),
                    #"{"type":"track","userId":"u1","messageId":"m3","event":"Audience Entered"}"#,
                    #"{"type":"page","anonymousId":"a","messageId":"m4"}"#, sentAt: "2026-03-01T12:00:05Z")
                #expect(try await Receiver.post(body, to: port).status == 200)
                let record = try #require(receiver.requests().last)
                let received = String(decoding: Timestamp.text(record.receivedAt), as: UTF8.self)
                let corrected = String(decoding: Timestamp.text(record.receivedAt - 5000), as: UTF8.self)
                #expect(try await rows(path, """
                    SELECT id, user_id, anonymous_id, received_at, sent_at, original_timestamp, timestamp,
                      context_integration_name, context_integration_version, \(column) FROM identifies ORDER BY id
                    """) == [
                        ["m1", "u1", "NULL", received, "2026-03-01T12:00:05.000Z", "2026-03-01T12:00:00.000Z",
                         corrected,
                         "Amplitude Cohort Sync", "1.0.0", "1"],
                        ["m2", "u2", "NULL", received, "2026-03-01T12:00:05.000Z", "2026-03-01T12:00:00.000Z",
                         corrected,
                         "Amplitude Cohort Sync", "1.0.0", "0"],
                    ])
                #expect(try await rows(path, "SELECT id, received_at, \(column) FROM users ORDER BY id")
                    == [["u1", received, "1"], ["u2", received, "0"]])
                #expect(try await rows(path, "SELECT id, user_id, event, event_text FROM tracks")
                    == [["m3", "u1", "audience_entered", "Audience Entered"]])
                #expect(try await rows(path, "SELECT id, type, anonymous_id FROM calls") == [["m4", "page", "a"]])
                #expect(try await rows(path, "SELECT path, items, stored, status, authorization FROM requests")
                    == [["/v1/batch", "4", "4", "200", "1"]])
            }
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    /// The second round opens the same file anew.
    @Test func messagesAreStoredOnceForEverWhateverTheySay() async throws {
        try await withFile { path in
            try await postTheSameIDs(to: path, value: "true", stored: 1, arrivals: 3)
            try await postTheSameIDs(to: path, value: "false", stored: 0, arrivals: 6)
        }
    }

    private func postTheSameIDs(to path: String, value: String, stored: Int, arrivals: Int) async throws {
        try await Receiver.running(.test(store: .file(path))) { (receiver, port) async throws in
            let body = batch(
                identify("u", value, id: "m"), identify("other", "false", id: "m"),
                #"{"type":"track","userId":"u","messageId":"m","event":"E"}"#)
            #expect(try await Receiver.post(body, to: port).status == 200)
            #expect(receiver.counts.stored == stored)
            #expect(receiver.counts.duplicates == 3 - stored)
            #expect(try await receiver.members(of: trait, value: true) == [bytes("u")])
            #expect(try await receiver.repeatedMessageIDs() == [bytes("m"): arrivals])
            #expect(try await receiver.userCount() == 1)
            #expect(try await receiver.identifyCount() == 1)
        }
    }

    @Test func idsAreExactBytes() async throws {
        try await Receiver.running { receiver, port in
            let long = String(repeating: "x", count: 1024)
            let users = [
                "caf\u{E9}", "cafe\u{301}", "CAF\u{C9}", " u ", "u", "a\\u0000b", "a\\u0000c", long, long + "y",
            ]
            let items = users.enumerated().map { identify($1, id: "m\($0)") }
            let body = "{\"batch\":[\(items.joined(separator: ","))]}"
            #expect(try await Receiver.post(body, to: port).status == 200)
            let expected = Set(users.map { bytes($0.replacingOccurrences(of: "\\u0000", with: "\0")) })
            #expect(expected.count == users.count)
            #expect(try await receiver.members(of: trait, value: true) == expected)
            // Escaped or not, it is the same id.
            _ = try await Receiver.post(batch(identify(#"caf\u00e9"#, "false", id: "n")), to: port)
            #expect(try await receiver.members(of: trait, value: false) == [bytes("caf\u{E9}")])
            let visited = Collected()
            try await receiver.forEachUser(of: trait) { id, value in visited.append(Array(id), value) }
            #expect(visited.items.count == users.count)
            #expect(visited.items.map(\.0) == expected.sorted { $0.lexicographicallyPrecedes($1) })
        }
    }

    @Test func theLatestByTimestampWinsPerTrait() async throws {
        try await Receiver.running { receiver, port in
            func post(_ value: String, _ time: String, _ id: String, trait: String) async throws {
                _ = try await Receiver.post(batch(identify("u", value, id: id, at: time, trait: trait)), to: port)
            }
            try await post("true", "2026-03-01T12:00:10Z", "1", trait: "A")
            try await post("true", "2026-03-01T12:00:20Z", "2", trait: "B")
            // Late for A, although later than nothing said of B.
            try await post("false", "2026-03-01T12:00:05Z", "3", trait: "A")
            try await post("false", "2026-03-01T12:00:15Z", "4", trait: "B")
            #expect(try await receiver.members(of: "A", value: true) == [bytes("u")])
            #expect(try await receiver.members(of: "B", value: true) == [bytes("u")])
            try await post("false", "2026-03-01T12:00:15Z", "5", trait: "A")
            #expect(try await receiver.members(of: "A", value: false) == [bytes("u")])
            // Of the same time the one that arrived later.
            try await post("true", "2026-03-01T12:00:15Z", "6", trait: "A")
            #expect(try await receiver.members(of: "A", value: true) == [bytes("u")])
            try await post("null", "2026-03-01T12:00:16Z", "7", trait: "A")
            #expect(try await receiver.members(of: "A", value: true).isEmpty)
            #expect(try await receiver.members(of: "A", value: false).isEmpty)
            #expect(try await receiver.members(of: "never said", value: true).isEmpty)
        }
    }

    @Test func columnsAppearWithTheFirstValueAndKeepItsType() async throws {
        try await withFile { path in
            try await Receiver.running(.test(store: .file(path))) { (receiver, port) async throws in
                let body = batch(
                    identify("u", "null", id: "0", trait: "late"),
                    identify("u", "true", id: "1", trait: "flag"), identify("u", "\"yes\"", id: "2", trait: "flag"),
                    identify("u", "1.5", id: "3", trait: "number"), identify("u", "7", id: "4", trait: "number"),
                    identify("u", "\"t\"", id: "5", trait: "text"), identify("u", "[1, 2]", id: "6", trait: "text"),
                    identify("u", "{\"city\":\"Ulm\",\"Zip\":{\"code\":\"x\"}}", id: "7", trait: "address"))
                #expect(try await Receiver.post(body, to: port).status == 200)
                #expect(try await rows(path, "SELECT name, type FROM trait_columns") == [
                    ["flag", "boolean"], ["number", "number"], ["text", "text"], ["address_city", "text"],
                    ["address_zip_code", "text"],
                ])
                #expect(try await rows(path, """
                    SELECT flag, number, text, address_city FROM identifies WHERE id > '0' ORDER BY id
                    """) == [
                        ["1", "NULL", "NULL", "NULL"], ["NULL", "NULL", "NULL", "NULL"],
                        ["NULL", "1.5", "NULL", "NULL"], ["NULL", "7", "NULL", "NULL"],
                        ["NULL", "NULL", "t", "NULL"], ["NULL", "NULL", "[1, 2]", "NULL"],
                        ["NULL", "NULL", "NULL", "Ulm"],
                    ])
                #expect(try await rows(path, "SELECT flag, number, text FROM users") == [["1", "7", "[1, 2]"]])
                #expect(receiver.counts.reports == [.columnMismatch: 1])
            }
        }
    }

    @Test func collidingAndImpossibleColumnsAreReported() async throws {
        try await Receiver.running { (receiver, port) async throws in
            let long = "[Amplitude] " + String(repeating: "x", count: 60) + " (abc123)"
            let body = batch(
                identify("u", id: "1"), identify("u", "false", id: "2", trait: "[Amplitude] BigSpenders (abc123)"),
                identify("u", id: "3", trait: "[Amplitude] BigSpenders (abc123)"), identify("u", id: "4", trait: "日本"),
                identify("u", id: "5", trait: "received_at"), identify("u", id: "6", trait: long),
                identify("u", id: "7", trait: String(repeating: "y", count: 301)))
            #expect(try await Receiver.post(body, to: port).status == 200)
            #expect(receiver.counts.reports == [
                .columnCollision: 1, .columnUnnamed: 1, .columnReserved: 1, .columnNameOver63Bytes: 1,
                .columnNameTooLong: 1,
            ])
            #expect(receiver.counts.stored == 7 && receiver.counts.dropped == 0)
        }
    }

    @Test func columnsAreBounded() async throws {
        try await Receiver.running { (receiver, port) async throws in
            for part in 0..<4 {
                let traits = (0..<250).map { "\"t\(part)_\($0)\":true" }.joined(separator: ",")
                let body = #"{"userId":"u","messageId":"\#(part)","traits":{\#(traits)}}"#
                #expect(try await Receiver.post(body, to: port, path: "/v1/identify").status == 200)
            }
            #expect(receiver.counts.reports[.tooManyColumns] == 100)
            #expect(receiver.counts.stored == 4)
            #expect(try await receiver.members(of: "t3_0", value: true) == [bytes("u")])
        }
    }

    @Test func manyUsersAndRepeatsAddUp() async throws {
        try await Receiver.running { (receiver, port) async throws in
            for round in 0..<3 {
                for part in 0..<4 {
                    let items = (0..<500).map { user in
                        identify(
                            "user-\(part)-\(user)", round == 1 ? "false" : "true", id: "\(round)-\(part)-\(user)",
                            at: "2026-03-01T12:00:0\(round)Z")
                    }
                    let body = "{\"batch\":[\(items.joined(separator: ","))]}"
                    for _ in 0..<2 { #expect(try await Receiver.post(body, to: port).status == 200) }
                }
            }
            #expect(receiver.counts.stored == 6000 && receiver.counts.duplicates == 6000)
            #expect(try await receiver.userCount() == 2000)
            #expect(try await receiver.identifyCount() == 6000)
            #expect(try await receiver.members(of: trait, value: true).count == 2000)
            #expect(try await receiver.repeatedMessageIDs().count == 6000)
        }
    }

    @Test func concurrentRequestsAreEachWhole() async throws {
        try await Receiver.running { receiver, port in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for part in 0..<16 {
                    group.addTask {
                        let items = (0..<50).map { identify("u\(part % 4)-\($0)", id: "\(part)-\($0)") }
                        return try await Receiver.post("{\"batch\":[\(items.joined(separator: ","))]}", to: port).status
                    }
                }
                for try await status in group { #expect(status == 200) }
            }
            #expect(receiver.counts.stored == 800)
            #expect(try await receiver.userCount() == 200)
        }
    }

    @Test func messagesWithoutIDGetOne() async throws {
        try await withFile { path in
            try await Receiver.running(.test(store: .file(path))) { receiver, port in
                for _ in 0..<2 { _ = try await Receiver.post(#"{"userId":"u"}"#, to: port, path: "/v1/identify") }
                #expect(receiver.counts.stored == 2)
                let ids = try await rows(path, "SELECT id FROM identifies").joined()
                #expect(Set(ids).count == 2)
                #expect(ids.allSatisfy { $0.hasPrefix("api-") && $0.count == 36 })
            }
        }
    }

    @Test func dropsAreKeptInTheFile() async throws {
        try await withFile { path in
            try await Receiver.running(.test(store: .file(path))) { _, port in
                _ = try await Receiver.post(batch(#"{"type":"identify","messageId":"m"}"#), to: port)
                _ = try await Receiver.post("{", to: port)
                #expect(try await rows(path, "SELECT request, position, effect, code, message_id FROM reports") == [
                    ["1", "0", "dropped", "no_user_anon_id", "m"], ["2", "NULL", "refused", "malformed_json", "NULL"],
                ])
                #expect(try await rows(path, "SELECT number, status FROM requests") == [["1", "200"], ["2", "400"]])
            }
        }
    }

    @Test func foreignFilesAreRefused() async throws {
        try await withFile { path in
            try await DatabaseQueue(path: path).write { try $0.execute(sql: "CREATE TABLE users(id)") }
            let foreign = #expect(throws: ReceiverError.self) { try Receiver(settings: .test(store: .file(path))) }
            #expect(foreign == .storeUnusable(path: path, reason: "it is a SQLite file of something else"))
            try Data("no database, but long enough to be taken for one".utf8).write(to: URL(fileURLWithPath: path))
            #expect(throws: ReceiverError.self) { try Receiver(settings: .test(store: .file(path))) }
            let missing = path + "/nowhere/store.db"
            #expect(throws: ReceiverError.self) { try Receiver(settings: .test(store: .file(missing))) }
        }
    }

    /// When the store fails the request is answered 500, nothing of it stays, and the next one works.
    @Test func aFailingStoreIsAnswered500() async throws {
        try await withFile { path in
            try await Receiver.running(.test(store: .file(path))) { receiver, port in
                #expect(try await Receiver.post(batch(identify("a", id: "1")), to: port).status == 200)
                let other = try DatabaseQueue(path: path)
                try await other.write { try $0.execute(sql: """
                    CREATE TRIGGER broken BEFORE INSERT ON users WHEN NEW.id = 'bad'
                    BEGIN SELECT RAISE(ABORT, 'no such luck'); END
                    """) }
                let body = batch(identify("b", id: "2", trait: "new trait"), identify("bad", id: "3"))
                let response = try await Receiver.post(body, to: port)
                #expect(response.status == 500)
                #expect(receiver.counts.stored == 1 && receiver.counts.failed == 1)
                let again = batch(identify("b", id: "2", trait: "new trait"))
                #expect(try await Receiver.post(again, to: port).status == 200)
                #expect(try await receiver.members(of: "new trait", value: true) == [bytes("b")])
                #expect(try await receiver.identifyCount() == 2)
            }
        }
    }
}

/// Collects what a visitor is told.
private final class Collected: @unchecked Sendable {
    // Filled by one visit at a time and read after it.
    private(set) var items: [([UInt8], Bool)] = []

    func append(_ id: [UInt8], _ value: Bool) { items.append((id, value)) }
}
