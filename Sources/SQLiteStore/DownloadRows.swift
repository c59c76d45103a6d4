import GRDB
import Scheduling
import SyncEngine

// Downloads that count against a source's month, and what a source keeps of its accounts.
extension SQLiteStore {
    /// Downloads older than this are forgotten, in milliseconds: longer than any month and its neighbour.
    private static let kept: Int64 = 100 * 86_400_000

    package func downloads(of account: String, since: Instant) async throws(StoreError) -> [Instant] {
        try await read { database in
            try Int64.fetchAll(
                database, sql: "SELECT at FROM downloads WHERE account = ? AND at >= ? ORDER BY at",
                arguments: [account, since.milliseconds]
            ).map { Instant(milliseconds: $0) }
        }
    }

    package func recordDownload(account: String, cohort: String, at instant: Instant) async throws(StoreError) {
        try await write { database in
            try database.execute(
                sql: "INSERT INTO downloads (account, cohort, at) VALUES (?, ?, ?)",
                arguments: [account, cohort, instant.milliseconds])
            try database.execute(
                sql: "DELETE FROM downloads WHERE account = ? AND at < ?",
                arguments: [account, instant.milliseconds - Self.kept])
        }
    }

    package func withdrawDownload(account: String, at instant: Instant) async throws(StoreError) {
        try await write { database in
            try database.execute(
                sql: """
                    DELETE FROM downloads WHERE id =
                      (SELECT max(id) FROM downloads WHERE account = ? AND at = ?)
                    """,
                arguments: [account, instant.milliseconds])
        }
    }

    package func quotaReading(of account: String) async throws(StoreError) -> QuotaReading? {
        try await read { database in
            try Row.fetchOne(
                database, sql: "SELECT * FROM quota_readings WHERE account = ?", arguments: [account]
            ).map {
                QuotaReading(
                    limit: $0["quota"], used: $0["used"], resetsAt: $0["resets_at"], readAt: $0["read_at"])
            }
        }
    }

    package func saveQuotaReading(_ reading: QuotaReading, of account: String) async throws(StoreError) {
        try await write { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO quota_readings VALUES (?, ?, ?, ?, ?)",
                arguments: [account, reading.limit, reading.used, reading.resetsAt, reading.readAt])
        }
    }

    package func sourceNotes() async throws(StoreError) -> [SourceNote] {
        try await read { database in
            // A workspace that is only looked at may be of an older build.
            guard try database.tableExists("source_notes") else { return [] }
            return try Row.fetchAll(database, sql: "SELECT * FROM source_notes ORDER BY account, subject").map {
                SourceNote(account: $0["account"], subject: $0["subject"], text: $0["text"])
            }
        }
    }

    package func saveSourceNote(_ text: String?, subject: String, of account: String) async throws(StoreError) {
        try await write { database in
            if let text {
                try database.execute(
                    sql: "INSERT OR REPLACE INTO source_notes VALUES (?, ?, ?)", arguments: [account, subject, text])
            } else {
                try database.execute(
                    sql: "DELETE FROM source_notes WHERE account = ? AND subject = ?", arguments: [account, subject])
            }
        }
    }
}
