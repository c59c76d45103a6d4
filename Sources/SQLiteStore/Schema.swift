import CPageSums
import GRDB

/// The tables, one comment a column. Times are milliseconds since 1970 UTC; `json` columns hold one encoded struct of
/// `SyncEngine/Model` each, so that what belongs together is read and written together.
enum Schema {
    /// A newer build's file is refused, an older one's is brought forward in one transaction.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 first") { database in
            try database.execute(sql: first)
        }
        migrator.registerMigration("2 runs asked for by name") { database in
            try database.execute(sql: runsAskedForByName)
        }
        migrator.registerMigration("3 downloads") { database in
            try database.execute(sql: downloads)
        }
        migrator.registerMigration("4 alerts") { database in
            try database.execute(sql: alerts)
        }
        migrator.registerMigration("5 source notes") { database in
            try database.execute(sql: sourceNotes)
        }
        migrator.registerMigration("6 the namespace twice") { database in
            try database.execute(sql: namespaceTwice)
        }
        // In a transaction of its own, after the file was written with sums: see `journal_has_sums`.
        migrator.registerMigration("7 page sums") { database in
            try database.execute(sql: "PRAGMA application_id = \(page_sums_mark)")
        }
        migrator.registerMigration("8 the last plan") { database in
            try database.execute(sql: lastPlan)
        }
        return migrator
    }

    /// SQLite's pages have no checksums; a flipped bit in the namespace would give every message another id.
    private static let namespaceTwice = """
        INSERT INTO install SELECT 'namespace again', value FROM install WHERE key = 'namespace';
        """

    /// SQLite cannot change a CHECK, so the table is written anew: `undo`, `retire` and `migrate` are modes, and a run
    /// may name the one that it takes back. Numbers of runs go on counting where they were.
    private static let runsAskedForByName = """
        CREATE TABLE newer_runs (
          id           INTEGER PRIMARY KEY AUTOINCREMENT,
          sync         TEXT NOT NULL,
          trigger      TEXT NOT NULL CHECK (trigger IN ('schedule', 'catch-up', 'manual')),
          mode         TEXT NOT NULL
                       CHECK (mode IN ('changes', 'full', 'baseline', 'leaves', 'undo', 'retire', 'migrate')),
          nominal      INTEGER,                           -- the instant the schedule named
          phase        TEXT NOT NULL
                       CHECK (phase IN ('queued', 'fetching', 'planning', 'held', 'sending', 'finished')),
          outcome      TEXT
                       CHECK (outcome IN ('succeeded', 'unchanged', 'partial', 'failed', 'cancelled', 'discarded')),
          reason       TEXT,
          created_at   INTEGER NOT NULL,
          started_at   INTEGER,
          finished_at  INTEGER,
          identity     TEXT NOT NULL,                     -- json SyncIdentity the run was made for
          fetched      TEXT,                              -- json FetchCounts
          bad_rows     TEXT NOT NULL,                     -- json, the first hundred
          snapshot     TEXT,                              -- json SnapshotReference
          plan         TEXT,                              -- json PlanFacts
          holds        TEXT NOT NULL,                     -- json, what tripped
          notes        TEXT NOT NULL,                     -- json, sentences
          delivery     TEXT NOT NULL,                     -- json DeliveryCounts, updated with the batches
          approval     TEXT,                              -- json Approval
          replaced_by  INTEGER,
          ledger_after INTEGER,
          undoes       INTEGER,                           -- the run that this one takes back
          is_indexed   INTEGER NOT NULL DEFAULT 0,        -- 1: every planned member stands in planned_members
          CHECK ((phase = 'finished') = (outcome IS NOT NULL)),
          CHECK ((outcome IS NULL) = (finished_at IS NULL)),
          CHECK (phase NOT IN ('held', 'sending') OR plan IS NOT NULL),
          CHECK (phase <> 'held' OR holds <> '[]'),
          CHECK ((undoes IS NOT NULL) = (mode = 'undo'))
        ) STRICT;
        INSERT INTO newer_runs
          SELECT id, sync, trigger, mode, nominal, phase, outcome, reason, created_at, started_at, finished_at,
                 identity, fetched, bad_rows, snapshot, plan, holds, notes, delivery, approval, replaced_by,
                 ledger_after, NULL, is_indexed
          FROM runs;
        DELETE FROM sqlite_sequence WHERE name = 'newer_runs';
        INSERT INTO sqlite_sequence (name, seq) SELECT 'newer_runs', seq FROM sqlite_sequence WHERE name = 'runs';
        DROP TABLE runs;
        ALTER TABLE newer_runs RENAME TO runs;
        CREATE INDEX runs_by_sync ON runs (sync, id);
        CREATE INDEX runs_unfinished ON runs (phase) WHERE phase <> 'finished';
        CREATE INDEX runs_large ON runs (id) WHERE plan IS NOT NULL AND is_indexed = 0;
        """

    private static let lastPlan = """
        ALTER TABLE syncs ADD COLUMN last_planned INTEGER;            -- the run that planned last; no other plan may begin to be sent
        ALTER TABLE destinations ADD COLUMN count_limit_address TEXT; -- the address that answered the 413
        UPDATE destinations SET count_limit = NULL;                   -- of no known address
        """

    private static let sourceNotes = """
        CREATE TABLE source_notes (
          account TEXT NOT NULL,                -- of a source; a digest, no key
          subject TEXT NOT NULL,                -- keys: that they were refused; file ID: a download that may serve again
          text    TEXT NOT NULL,                -- json, the source's own
          PRIMARY KEY (account, subject)
        ) STRICT, WITHOUT ROWID;
        """

    private static let alerts = """
        CREATE TABLE alert_subjects (
          subject TEXT PRIMARY KEY NOT NULL,              -- cohort@destination, or @destination
          machine TEXT NOT NULL                           -- json AlertMachine
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE alert_outbox (
          id      INTEGER PRIMARY KEY AUTOINCREMENT,
          channel TEXT NOT NULL,
          message TEXT NOT NULL                           -- json AlertMessage
        ) STRICT;
        """

    private static let first = """
        CREATE TABLE install (
          key   TEXT PRIMARY KEY NOT NULL,      -- namespace: 16 random bytes in every message id, and again; frozen: x'00' or x'01'
          value BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE syncs (
          sync                TEXT PRIMARY KEY NOT NULL,  -- cohort@destination
          told                TEXT,                       -- json SyncIdentity under which the ledger was told
          inherited_from      TEXT,                       -- the sync whose ledger it took over with a new key
          declined_trait      TEXT,                       -- configured trait that the operator chose not to adopt
          ledger              TEXT,                       -- json LedgerReference
          last_unknown_at     INTEGER,                    -- a run ended with attempts of unknown outcome
          last_timestamp      INTEGER,                    -- of the last plan; the next plan's is later
          schedule_signature  TEXT,                       -- the schedule that is followed
          schedule_loaded_at  INTEGER,                    -- since when
          last_occurrence     INTEGER,                    -- newest nominal time that was decided
          CHECK ((ledger IS NULL) OR (told IS NOT NULL)),
          CHECK ((schedule_signature IS NULL) = (schedule_loaded_at IS NULL))
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE destinations (
          destination     TEXT PRIMARY KEY NOT NULL,
          blocked_reason  TEXT,                           -- why it refuses everything; NULL when it does not
          blocked_at      INTEGER,
          blocked_address TEXT,                           -- the address it had then
          count_limit     INTEGER CHECK (count_limit > 0),-- members per request after a 413
          CHECK ((blocked_reason IS NULL) = (blocked_at IS NULL))
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE runs (
          id           INTEGER PRIMARY KEY AUTOINCREMENT,
          sync         TEXT NOT NULL,
          trigger      TEXT NOT NULL CHECK (trigger IN ('schedule', 'catch-up', 'manual')),
          mode         TEXT NOT NULL CHECK (mode IN ('changes', 'full', 'baseline', 'leaves')),
          nominal      INTEGER,                           -- the instant the schedule named
          phase        TEXT NOT NULL
                       CHECK (phase IN ('queued', 'fetching', 'planning', 'held', 'sending', 'finished')),
          outcome      TEXT
                       CHECK (outcome IN ('succeeded', 'unchanged', 'partial', 'failed', 'cancelled', 'discarded')),
          reason       TEXT,
          created_at   INTEGER NOT NULL,
          started_at   INTEGER,
          finished_at  INTEGER,
          identity     TEXT NOT NULL,                     -- json SyncIdentity the run was made for
          fetched      TEXT,                              -- json FetchCounts
          bad_rows     TEXT NOT NULL,                     -- json, the first hundred
          snapshot     TEXT,                              -- json SnapshotReference
          plan         TEXT,                              -- json PlanFacts
          holds        TEXT NOT NULL,                     -- json, what tripped
          notes        TEXT NOT NULL,                     -- json, sentences
          delivery     TEXT NOT NULL,                     -- json DeliveryCounts, updated with the batches
          approval     TEXT,                              -- json Approval
          replaced_by  INTEGER,
          ledger_after INTEGER,
          is_indexed   INTEGER NOT NULL DEFAULT 0,        -- 1: every planned member stands in planned_members
          CHECK ((phase = 'finished') = (outcome IS NOT NULL)),
          CHECK ((outcome IS NULL) = (finished_at IS NULL)),
          CHECK (phase NOT IN ('held', 'sending') OR plan IS NOT NULL),
          CHECK (phase <> 'held' OR holds <> '[]')
        ) STRICT;
        CREATE INDEX runs_by_sync ON runs (sync, id);
        CREATE INDEX runs_unfinished ON runs (phase) WHERE phase <> 'finished';
        CREATE INDEX runs_large ON runs (id) WHERE plan IS NOT NULL AND is_indexed = 0;

        CREATE TABLE occurrences (
          sync    TEXT NOT NULL,
          nominal INTEGER NOT NULL,
          run     INTEGER,                                -- the one run it started
          missed  INTEGER NOT NULL DEFAULT 0,             -- earlier occurrences decided together with it
          reason  TEXT,                                   -- why it started none
          PRIMARY KEY (sync, nominal),
          CHECK ((run IS NULL) <> (reason IS NULL))
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE batches (
          run         INTEGER NOT NULL,
          first       INTEGER NOT NULL,                   -- position in the plan
          count       INTEGER NOT NULL CHECK (count > 0),
          state       TEXT NOT NULL CHECK (state IN ('sending', 'unknown', 'accepted', 'rejected')),
          http_status INTEGER,
          attempts    INTEGER NOT NULL,
          request     TEXT NOT NULL,                      -- run.piece
          reason      TEXT,
          at          INTEGER NOT NULL,
          PRIMARY KEY (run, first)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE planned_members (
          hash INTEGER NOT NULL,                          -- order hash of the member, as a signed number
          run  INTEGER NOT NULL,
          PRIMARY KEY (hash, run)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE rejects (
          id           INTEGER PRIMARY KEY AUTOINCREMENT,
          sync         TEXT NOT NULL,
          run          INTEGER NOT NULL,
          member       BLOB NOT NULL,
          entered      INTEGER NOT NULL CHECK (entered IN (0, 1)),
          reason       TEXT NOT NULL,
          http_status  INTEGER,
          attempts     INTEGER NOT NULL,
          at           INTEGER NOT NULL,
          is_dismissed INTEGER NOT NULL DEFAULT 0 CHECK (is_dismissed IN (0, 1)),
          UNIQUE (sync, member)
        ) STRICT;

        CREATE TABLE audit (
          id      INTEGER PRIMARY KEY AUTOINCREMENT,
          at      INTEGER NOT NULL,
          actor   TEXT NOT NULL,
          action  TEXT NOT NULL,
          subject TEXT NOT NULL,
          reason  TEXT
        ) STRICT;

        INSERT INTO install VALUES ('namespace', randomblob(16)), ('frozen', x'00');
        """

    private static let downloads = """
        CREATE TABLE downloads (
          id      INTEGER PRIMARY KEY AUTOINCREMENT,
          account TEXT NOT NULL,                -- of a source that counts downloads; a digest, no key
          cohort  TEXT NOT NULL,                -- the cohort's id in the source
          at      INTEGER NOT NULL              -- when it was requested
        ) STRICT;
        CREATE INDEX downloads_by_account ON downloads (account, at);

        CREATE TABLE quota_readings (
          account   TEXT PRIMARY KEY NOT NULL,
          quota     INTEGER NOT NULL,           -- what the account last said of its month
          used      INTEGER NOT NULL,
          resets_at INTEGER,
          read_at   INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
}
