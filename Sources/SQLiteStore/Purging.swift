import Foundation
import GRDB
import SyncEngine

extension SQLiteStore {
    package func planFiles() async throws(StoreError) -> Set<String> {
        try await read { database in
            let sql = """
                SELECT json_extract(plan, '$.file') FROM runs WHERE plan IS NOT NULL
                UNION ALL SELECT json_extract(plan, '$.former.file') FROM runs WHERE plan IS NOT NULL
                """
            return Set(try Optional<String>.fetchAll(database, sql: sql).compactMap { $0 })
        }
    }

    package func purgePlan(_ purge: PlanPurge) async throws(StoreError) {
        try await write { database in
            let facts = String(decoding: try JSONEncoder().encode(purge.facts), as: UTF8.self)
            let run = purge.run.number
            try database.execute(sql: "UPDATE runs SET plan = ? WHERE id = ?", arguments: [facts, run])
            for position in purge.positions {
                try database.execute(
                    sql: "DELETE FROM batches WHERE run = ? AND first = ? AND count = 1", arguments: [run, position])
                try database.execute(
                    sql: """
                        UPDATE batches SET count = count - 1 WHERE run = ? AND first <= ? AND first + count > ?
                        """,
                    arguments: [run, position, position])
                // By way of negative numbers, so that no two rows ever have the same place.
                try database.execute(
                    sql: "UPDATE batches SET first = -first WHERE run = ? AND first > ?", arguments: [run, position])
                try database.execute(
                    sql: "UPDATE batches SET first = -first - 1 WHERE run = ? AND first < 0", arguments: [run])
            }
            if let hash = purge.memberHash {
                try database.execute(
                    sql: "DELETE FROM planned_members WHERE hash = ? AND run = ?",
                    arguments: [Int64(bitPattern: hash), run])
            }
        }
    }

    package func purgeRejects(
        of member: [UInt8], audit entry: AuditEntry
    ) async throws(StoreError) -> (removed: Int, kept: Int) {
        try await write { database in
            try database.execute(
                sql: "DELETE FROM rejects WHERE member = ? AND is_dismissed = 0", arguments: [Data(member)])
            let removed = database.changesCount
            try database.execute(
                sql: """
                    UPDATE rejects SET reason = 'dismissed', http_status = NULL, attempts = 0 WHERE member = ?
                    """,
                arguments: [Data(member)])
            let kept = database.changesCount
            try Self.append(entry, to: database)
            return (removed, kept)
        }
    }
}
