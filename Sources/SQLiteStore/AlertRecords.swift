import Foundation
import GRDB
import SyncEngine

extension SQLiteStore: AlertStore {
    package func alertMachines() async throws(StoreError) -> [String: AlertMachine] {
        try await read { database in
            // A workspace that is only looked at may be of an older build.
            guard try database.tableExists("alert_subjects") else { return [:] }
            var machines: [String: AlertMachine] = [:]
            for row in try Row.fetchAll(database, sql: "SELECT subject, machine FROM alert_subjects") {
                machines[row["subject"]] = try Self.decode(AlertMachine.self, row["machine"])
            }
            return machines
        }
    }

    package func saveAlerts(
        _ machines: [String: AlertMachine], messages: [AlertMessage], channels: [String]
    ) async throws(StoreError) {
        try await write { database in
            for (subject, machine) in machines {
                try database.execute(
                    sql: "INSERT OR REPLACE INTO alert_subjects VALUES (?, ?)",
                    arguments: [subject, try Self.encode(machine)])
            }
            for message in messages {
                let text = try Self.encode(message)
                for channel in channels {
                    try database.execute(
                        sql: "INSERT INTO alert_outbox (channel, message) VALUES (?, ?)", arguments: [channel, text])
                }
            }
        }
    }

    package func pendingAlerts(limit: Int) async throws(StoreError) -> [PendingAlert] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM alert_outbox ORDER BY id LIMIT ?", arguments: [limit]).map {
                PendingAlert(
                    id: $0["id"], channel: $0["channel"],
                    message: try Self.decode(AlertMessage.self, $0["message"]))
            }
        }
    }

    package func removeAlerts(_ ids: [Int64]) async throws(StoreError) {
        try await write { database in
            for id in ids { try database.execute(sql: "DELETE FROM alert_outbox WHERE id = ?", arguments: [id]) }
        }
    }

    private static func encode(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            throw StoreError.corrupt("an alert in the store is damaged")
        }
    }
}
