import GRDB

/// The tables of a receiver's store.
///
/// `identifies`, `users` and `tracks` have the names and columns that Segment's warehouses have
/// (https://segment.com/docs/connections/storage/warehouses/schema/), with one column a trait. Beside each trait of
/// `users` stands a column `<trait>__at`, the time (ms since 1970) of the message that said it: later arrivals with an
/// earlier time must not win. No trait's own column can have that name, since the naming rule never leaves two
/// underscores in a row. Times are text, RFC 3339 UTC with milliseconds; booleans are 0 and 1. `arrival` numbers the
/// rows; that ids are unique is ``KeyedTable``'s doing, see ``KeyIndex`` for why.
enum StoreSchema {
    /// Marks our files, in SQLite's header: "rcvr".
    static let applicationID: Int32 = 0x7263_7672
    static let version: Int32 = 1

    private static let tables = """
        CREATE TABLE identifies(
          arrival INTEGER PRIMARY KEY,
          id TEXT NOT NULL,                    -- messageId, unique
          user_id TEXT,
          anonymous_id TEXT,
          received_at TEXT NOT NULL,           -- the receiver's clock
          sent_at TEXT,                        -- the sender's clock, at this attempt
          original_timestamp TEXT,             -- the sender's clock, at the event
          timestamp TEXT NOT NULL,             -- received_at - (sent_at - original_timestamp)
          context_integration_name TEXT,
          context_integration_version TEXT
        );
        CREATE TABLE users(
          arrival INTEGER PRIMARY KEY,
          id TEXT NOT NULL,                    -- userId, unique
          received_at TEXT NOT NULL
        );
        CREATE TABLE tracks(
          arrival INTEGER PRIMARY KEY,
          id TEXT NOT NULL,
          user_id TEXT,
          anonymous_id TEXT,
          event TEXT,                          -- the event's name in snake case
          event_text TEXT,                     -- as sent
          received_at TEXT NOT NULL,
          sent_at TEXT,
          original_timestamp TEXT,
          timestamp TEXT NOT NULL
        );
        -- page, screen, group and alias calls: that they came.
        CREATE TABLE calls(
          arrival INTEGER PRIMARY KEY,
          id TEXT NOT NULL,
          type TEXT NOT NULL,
          user_id TEXT,
          anonymous_id TEXT,
          received_at TEXT NOT NULL,
          sent_at TEXT,
          original_timestamp TEXT,
          timestamp TEXT NOT NULL
        );
        -- messageIds that came more than once, with how often they came in all.
        CREATE TABLE arrivals(
          id TEXT NOT NULL PRIMARY KEY,
          arrivals INTEGER NOT NULL
        ) WITHOUT ROWID;
        -- Which trait a column was made for, and of which type its first value was.
        CREATE TABLE trait_columns(
          name TEXT NOT NULL PRIMARY KEY,
          trait BLOB NOT NULL,
          type TEXT NOT NULL CHECK (type IN ('boolean', 'number', 'text'))
        );
        CREATE TABLE requests(
          number INTEGER NOT NULL,             -- since the receiver was started
          received_at TEXT NOT NULL,
          path TEXT NOT NULL,
          wire_bytes INTEGER NOT NULL,
          bytes INTEGER NOT NULL,
          items INTEGER NOT NULL,
          stored INTEGER NOT NULL,
          duplicates INTEGER NOT NULL,
          dropped INTEGER NOT NULL,
          status INTEGER,                      -- NULL: not answered
          retry_count INTEGER,
          authorization INTEGER NOT NULL,
          first_message_id TEXT,
          last_message_id TEXT,
          fault TEXT
        );
        CREATE TABLE reports(
          request INTEGER NOT NULL,
          received_at TEXT NOT NULL,
          position INTEGER,
          effect TEXT NOT NULL,
          code TEXT NOT NULL,
          detail TEXT NOT NULL,
          user_id TEXT,
          message_id TEXT,
          count INTEGER NOT NULL
        );
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(version);
        """

    /// Makes the tables in an empty database, and refuses one that somebody else made.
    ///
    /// - Returns: why the file is not ours; nil when it is usable.
    static func prepare(_ db: Database) throws -> String? {
        let application = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let version = try Int32.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        if tables == 0 {
            try db.execute(sql: Self.tables)
            return nil
        }
        guard application == applicationID else { return "it is a SQLite file of something else" }
        guard version == Self.version else {
            return "it has version \(version), and this receiver reads version \(Self.version)"
        }
        return nil
    }
}
