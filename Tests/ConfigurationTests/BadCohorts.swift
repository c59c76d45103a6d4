extension BadConfiguration {
    private static let good = "source: lists\nfile: v.csv\nto: [segment]\n"

    static let cohorts = [
        cohort(
            "unknown key", good + "▶shedule: hourly",
            says: ["unknown key \"shedule\" in cohort \"vips\"; did you mean \"schedule\"?"]),
        cohort("no source", "▶▶to: [segment]", says: ["has no \"source\"; add \"source: amp, lists"]),
        cohort(
            "unknown source", "source: ▶list\nto: [segment]", says: ["unknown source \"list\"; did you mean \"lists\"?"]
        ),
        cohort("no destination", "▶▶source: lists\nfile: v.csv", says: ["has no \"to\"; add \"to: [segment]\""]),
        cohort("destination as text", "source: lists\nfile: v.csv\nto: ▶segment", says: ["must be a list, not text"]),
        cohort("empty list", "source: lists\nfile: v.csv\nto: ▶[]", says: ["is an empty list"]),
        cohort(
            "unknown destination", "source: lists\nfile: v.csv\nto: [segment, ▶segmnt]",
            says: ["unknown destination \"segmnt\"; did you mean \"segment\"?"]),
        cohort(
            "destination twice", "source: lists\nfile: v.csv\nto: [segment, ▶segment]",
            says: ["names \"segment\" twice"]),
        cohort("name too long", good + "name: ▶" + String(repeating: "n", count: 201), says: ["may have at most 200"]),
        cohort("name with an escape", good + "name: ▶\"a\\eb\"", says: ["control character U+001B"]),
        cohort("name as a list", good + "name: ▶[a]", says: ["must be text, not a list"]),
        cohort("name null", good + "name: ▶null", says: ["is null"]),
        cohort("name empty", good + "name:▶", says: ["has no value"]),
        cohort("no file", "▶▶source: lists\nto: [segment]", says: ["add \"file: vips.csv\""]),
        cohort(
            "file outside", "source: lists\nfile: ▶../v.csv\nto: [segment]", says: ["leaves the source's directory"]),
        cohort(
            "absolute file", "source: lists\nfile: ▶/etc/passwd\nto: [segment]", says: ["leaves the source's directory"]
        ),
        cohort("delimiter", good + "delimiter: ▶\"::\"", says: ["one character such as"]),
        cohort(
            "query of a file", good + "▶query: SELECT 1",
            says: [
                "\"query\" of cohort \"vips\" does not belong to a source of kind csv, which \"lists\" is; it takes"
            ]),
        cohort(
            "file of amplitude", "source: amp\n▶file: x\nto: [segment]", says: ["takes the cohort's id from \"id\""]),
        cohort("neither query nor table", "▶▶source: app\nto: [segment]", says: ["add \"query: SELECT user_id"]),
        cohort(
            "query and table", "source: app\nquery: SELECT 1\n▶table: t\n▶column: c\nto: [segment]",
            says: ["both \"query\" and \"table\"", "both \"query\" and \"column\""]),
        cohort("table without column", "▶▶source: app\ntable: t\nto: [segment]", says: ["add \"column: user_id\""]),
        cohort("command as text", "source: run\ncommand: ▶./a.sh --x\nto: [segment]", says: ["no shell runs it"]),
        cohort("unknown field in the trait", good + "trait: ▶\"{nam} x\"", says: ["did you mean {name}?"]),
        cohort("open brace in the trait", good + "trait: ▶\"x {name\"", says: ["\"{\" without its \"}\""]),
        cohort("trait without quotes", good + "trait: ▶{name}", says: ["begins with a bracket or brace needs quotes"]),
        cohort("trait of Segment", "▶▶" + good + "trait: email", says: ["one of Segment's own traits"]),
        cohort("trait too long", good + "trait: ▶" + String(repeating: "t", count: 513), says: ["at most 512"]),
        cohort("on_leave true", good + "on_leave: ▶true", says: ["write false, null or ignore"]),
        cohort("first_sync", good + "first_sync: ▶backfil", says: ["did you mean backfill?"]),
        cohort("duplicate key", good + "▶to: [tables]", says: ["duplicate key \"to\" in cohort \"vips\""]),
        cohort("not a mapping", "▶5", says: ["cohort \"vips\" is text; it must be a mapping"]),
    ]

    static let schedules = [
        cohort("bad time", good + "schedule: daily at ▶25:00", says: ["daily at 25:00"]),
        cohort("bad word", good + "schedule: ▶dayly at 06:30", says: ["schedule \"dayly at 06:30\""]),
        cohort("bad cron field", good + "schedule: \"0 ▶25 * * *\"", says: ["0 25 * * *"]),
        cohort("never", good + "schedule: 0 0 ▶30 2 *", says: ["0 0 30 2 *"]),
        cohort("bad cron in a mapping", good + "schedule: {when: '▶99 * * * *'}", says: ["99 * * * *"]),
        cohort("schedule without value", good + "schedule:▶", says: ["has no value"]),
        cohort("schedule as a list", good + "schedule: ▶[hourly]", says: ["must be text, not a list"]),
        cohort("unknown zone", good + "schedule: {when: hourly, timezone: ▶Mars/Olympus}", says: ["Mars/Olympus"]),
        cohort("jitter", good + "schedule: {when: hourly, jitter: ▶30}", says: ["30s, 30m, 30h or 30d"]),
        cohort("overlap", good + "schedule: {when: hourly, overlap: ▶wait}", says: ["write skip or queue"]),
        cohort("catch_up", good + "schedule: {when: hourly, catch_up: ▶all}", says: ["write latest or none"]),
        cohort("typo", good + "schedule: {when: hourly, ▶catchup: none}", says: ["did you mean \"catch_up\"?"]),
        cohort("paused elsewhere", good + "schedule: {when: hourly, paused: [▶hook]}", says: ["not in its \"to\""]),
        cohort("paused twice", good + "schedule: {when: hourly, paused: [segment, ▶segment]}", says: ["twice"]),
        cohort(
            "paused as a word", good + "schedule: {when: hourly, paused: ▶segment}",
            says: ["a list of destinations such as [segment]"]),
    ]

    static let limits = [
        cohort("guards on", good + "guards: ▶on", says: ["must be off, or limits"]),
        cohort("unknown guard", good + "guards: {▶max_leaves: 20%}", says: ["did you mean \"max_leave\"?"]),
        cohort("share as a fraction", good + "guards: {max_leave: ▶0.2}", says: ["0.2 is 20%"]),
        cohort("share above all", good + "guards: {max_leave: ▶120%}", says: ["at most 100%"]),
        cohort("growth without x", good + "guards: {max_growth: ▶5}", says: ["such as 5x"]),
        cohort("count as a share", good + "guards: {max_leave_count: ▶5%}", says: ["a whole number"]),
        cohort("allow_empty", good + "guards: {allow_empty: ▶no}", says: ["write false"]),
    ]

    static let crossChecks = [
        BadConfiguration(
            "two syncs of one trait", twoCohorts("trait: x", "trait: x"),
            says: "b@segment would own the trait \"x\", which a@segment owns already; give one of them another"),
        BadConfiguration(
            "one trait, destinations with one key",
            """
            version: 1
            sources: {lists: {kind: csv}}
            destinations:
              one: {kind: segment, write_key: {env: W}}
              two: {kind: segment, endpoint: "https://API.segment.io/v1/", write_key: {env: W}}
            cohorts:
              ▶a: {source: lists, file: a, to: [one, two]}
            """,
            says: "both destinations lead to one place; remove one of the two from \"to\""),
        BadConfiguration(
            "quota",
            """
            version: 1
            sources:
              ▶product: {kind: amplitude, api_key: {env: A}, secret_key: {env: B}, quota: 500}
            destinations: {segment: {kind: segment, write_key: {env: W}}}
            cohorts:
              a: {source: product, to: [segment], schedule: daily at 06:30}
              b: {source: product, to: [segment], schedule: hourly}
              c: {source: product, to: [segment], schedule: {when: hourly, paused: true}}
            """,
            says:
                "775 downloads in a month of 31 days and its quota is 500: \"b\" hourly 744, \"a\" daily at 06:30 31"
        ),
        BadConfiguration(
            "quota less a reserve, and the cadence that fits",
            """
            version: 1
            sources:
              ▶product: {kind: amplitude, api_key: {env: A}, secret_key: {env: B}, quota: 500, reserve: 50}
            destinations: {segment: {kind: segment, write_key: {env: W}}}
            cohorts:
              a: {source: product, to: [segment], schedule: every 12h}
              b: {source: product, to: [segment], schedule: every 15m}
              c: {source: product, to: [segment], schedule: hourly}
            """,
            says:
                "need 3,782 downloads in a month of 31 days and its quota is 500, of which 50 are kept for manual runs: "
                + "\"b\" every 15m 2,976, \"c\" hourly 744, \"a\" every 12h 62; run none more often than every 4h, "
                + "which needs 434, pause some"),
        BadConfiguration(
            "quota that not even weekly schedules fit",
            """
            version: 1
            sources:
              ▶product: {kind: amplitude, api_key: {env: A}, secret_key: {env: B}, quota: 4}
            destinations: {segment: {kind: segment, write_key: {env: W}}}
            cohorts:
              a: {source: product, to: [segment], schedule: hourly}
            """,
            says: "not even weekly fits"),
        BadConfiguration(
            "a reserve above the quota",
            """
            version: 1
            sources:
              product: {kind: amplitude, api_key: {env: A}, secret_key: {env: B}, quota: 10, reserve: ▶11}
            """,
            says: "more than its quota of 10"),
        BadConfiguration(
            "a skip without an end",
            """
            version: 1
            sources:
              product: {kind: amplitude, api_key: {env: A}, secret_key: {env: B}, skip_unchanged: ▶40d}
            """,
            says: "between 1m and 31d"),
        BadConfiguration(
            "many mistakes at once, in the order of the file",
            """
            version: 1
            timezone: ▶Nowhere
            sources:
              lists: {kind: csv, ▶dir: x}
            destinations:
              segment: {kind: segment, write_key: ▶abc}
            cohorts:
              a:
                source: ▶list
                to: [▶segmnt]
                schedule: ▶sometimes
                ▶querry: x
              ▶b: {source: lists, to: [segment]}
            """,
            says: "Nowhere", "unknown key \"dir\"", "must be a reference", "unknown source \"list\"",
            "unknown destination \"segmnt\"", "sometimes", "did you mean \"query\"?", "b\" has no \"file\""),
    ]

    private static func twoCohorts(_ first: String, _ second: String) -> String {
        """
        version: 1
        sources: {lists: {kind: csv}}
        destinations: {segment: {kind: segment, write_key: {env: W}}}
        cohorts:
          a: {source: lists, file: a, to: [segment], \(first)}
          ▶b: {source: lists, file: b, to: [segment], \(second)}

        """
    }
}
