/// The column of a trait in the `identifies` and `users` tables, after Segment's rules
/// (https://segment.com/docs/connections/storage/warehouses/schema/): the trait in snake case; a name that the tables or
/// SQL use themselves, or that begins with a digit, gets a `_` in front.
package enum WarehouseColumn {
    /// PostgreSQL keeps this many bytes of a name and drops the rest without a word.
    package static let postgresBytes = 63

    /// - Returns: ASCII letters, digits and underscores; nil for a trait without an ASCII letter or digit.
    package static func name(of trait: String) -> String? {
        let column = SnakeCase.column(of: trait)
        guard let first = column.utf8.first else { return nil }
        let needsMark = (0x30...0x39).contains(first) || own.contains(column) || words.contains(column)
        return needsMark ? "_" + column : column
    }

    /// The name as PostgreSQL keeps it.
    package static func cut(_ column: String) -> String {
        String(decoding: column.utf8.prefix(postgresBytes), as: UTF8.self)
    }

    /// Columns that the tables have without any trait.
    package static let own: Set<String> = [
        "id", "user_id", "anonymous_id", "received_at", "sent_at", "original_timestamp", "timestamp", "uuid", "uuid_ts",
        "loaded_at", "context_integration_name", "context_integration_version",
    ]

    /// The reserved words of PostgreSQL (https://www.postgresql.org/docs/current/sql-keywords-appendix.html), so that a
    /// query need not quote a column.
    private static let words: Set<String> = Set(
        """
        all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation \
        column concurrently constraint create cross current_catalog current_date current_role current_schema \
        current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch for \
        foreign freeze from full grant group having ilike in initially inner intersect into is isnull join lateral \
        leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps \
        placing primary references returning right select session_user similar some symmetric table tablesample then to \
        trailing true union unique user using variadic verbose when where window with
        """.split(separator: " ").map(String.init))
}
