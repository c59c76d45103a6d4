/// A configuration that is refused. `▶` stands where each problem is reported and is not part of the text.
struct BadConfiguration: Sendable {
    let name: String
    let text: String
    /// A part of each problem's message, in the order of the file.
    let says: [String]

    init(_ name: String, _ text: String, says: String...) {
        self.name = name
        self.text = text
        self.says = says
    }

    /// One whose file is right but for the keys of its one cohort.
    static func cohort(_ name: String, _ keys: String, says: [String]) -> BadConfiguration {
        var bad = workspace(cohort: keys)
        // A mark before the whole block points at the cohort's key.
        if keys.hasPrefix("▶▶") {
            bad = workspace(cohort: String(keys.dropFirst(2)))
            bad = bad.replacing("  vips:", with: "  ▶vips:")
        }
        return BadConfiguration(name: name, text: bad, says: says)
    }

    init(name: String, text: String, says: [String]) {
        self.name = name
        self.text = text
        self.says = says
    }
}

extension String {
    func replacing(_ old: String, with new: String) -> String {
        guard let range = firstRange(of: old) else { return self }
        var result = self
        result.replaceSubrange(range, with: new)
        return result
    }

    private func firstRange(of needle: String) -> Range<Index>? {
        indices.first { self[$0...].hasPrefix(needle) }.map { $0..<index($0, offsetBy: needle.count) }
    }
}

extension BadConfiguration {
    static let all =
        syntax + wholeFile + sources + destinations + secrets + addresses + cohorts + schedules + limits
        + crossChecks + relatives + tables + alerts

    static let syntax = [
        BadConfiguration("empty file", "▶", says: "the file is empty"),
        BadConfiguration("comments only", "▶# nothing\n", says: "rollcall init"),
        BadConfiguration("a list", "▶- version: 1\n", says: "must be a mapping"),
        BadConfiguration("a text", "▶hello\n", says: "the file is text; it must be a mapping"),
        BadConfiguration("tab as indentation", "version: 1\ncohorts:\n▶\ta: {}\n", says: "a tab; indent with spaces"),
        BadConfiguration(
            "tab after blanks", "version: 1\ncohorts:\n  a:\n  ▶\tname: x\n", says: "a tab; indent with spaces"),
        BadConfiguration("NUL byte", "version: ▶\0 1\n", says: "a NUL byte"),
        BadConfiguration("control character", "version: 1\n# ä ▶\u{7}\n", says: "control character U+0007"),
        BadConfiguration("line separator", "version: 1 #▶\u{2028}\n", says: "U+2028"),
        BadConfiguration("lone carriage return", "version: 1▶\rtimezone: UTC\n", says: "carriage return"),
        BadConfiguration(
            "unclosed quote", "version: 1\ntimezone: ▶\"UTC\ncohorts: {}\n", says: "a quote that is never closed"),
        BadConfiguration("unclosed bracket", "version: 1\ncohorts: ▶{a: 1\n", says: "without its \"}\""),
        BadConfiguration("unclosed list", "a:\n  to: ▶[segment, tables\n  b: c\n", says: "without its \"]\""),
        BadConfiguration(
            "second colon", "version: 1\ntimezone: a▶: b\n", says: "put a value that holds \": \" in quotes"),
        BadConfiguration("no colon", "version: 1\n▶timezone UTC\ncohorts: {}\n", says: "a key without \":\""),
        BadConfiguration(
            "wrong indentation", "version: 1\ncohorts:\n    a: {}\n  ▶b: {}\n", says: "in one column"),
        BadConfiguration(
            "text that begins with a bracket", "a:\n  trait: [Amplitude] ▶{name}\n", says: "quotes around the whole"),
        BadConfiguration("cron without quotes", "when: ▶*/15 * * * *\n", says: "put it in quotes"),
        BadConfiguration("@ without quotes", "schedule: ▶@hourly\n", says: "cannot begin with \"@\""),
        BadConfiguration("anchor", "version: 1\nengine: ▶&e {memory: 64MiB}\n", says: "anchors are not supported"),
        BadConfiguration("alias", "version: 1\na: ▶&x 1\nb: ▶*x\n", says: "an anchor", "aliases are not supported"),
        BadConfiguration("tag", "version: ▶!!str 1\n", says: "tags are not supported"),
        BadConfiguration("two documents", "version: 1\n▶---\nversion: 1\n", says: "a second document"),
        BadConfiguration("unknown escape", "version: 1\ntimezone: \"a▶\\d\"\n", says: "unknown escape"),
        BadConfiguration("list within a line", "version: 1\na: ▶- b\n", says: "\"-\" cannot begin here"),
        BadConfiguration(
            "nested too deep", String(repeating: "[", count: 32) + "▶[" + String(repeating: "]", count: 33),
            says: "nested deeper than 32"),
    ]

    static let wholeFile = [
        BadConfiguration("no version", "▶timezone: UTC\n", says: "begin it with \"version: 1\""),
        BadConfiguration("version of tomorrow", "version: ▶2\n", says: "version \"2\" is not known"),
        BadConfiguration("version as a mapping", "version: ▶{}\n", says: "must be text, not a mapping"),
        BadConfiguration(
            "unknown section", "version: 1\n▶cohort: {}\n",
            says: "unknown key \"cohort\" in the file; did you mean \"cohorts\"?"),
        BadConfiguration("stranger", "version: 1\n▶colour: red\n", says: "it takes version, timezone, sources"),
        BadConfiguration(
            "duplicate section", "version: 1\ncohorts: {}\n▶cohorts: {}\n",
            says: "duplicate key \"cohorts\" in the file; it stands in line 2 already"),
        BadConfiguration("key that is a list", "version: 1\n▶[a, b]: 1\n", says: "keys must be text"),
        BadConfiguration("unknown zone", "version: 1\ntimezone: ▶Europe/Berln\n", says: "Europe/Berlin"),
        BadConfiguration("zone without value", "version: 1\ntimezone:▶\n", says: "has no value"),
        BadConfiguration("sources as a list", "version: 1\nsources: ▶[a]\n", says: "\"sources\" is a list"),
        BadConfiguration("engine memory", "version: 1\nengine: {memory: ▶1MiB}\n", says: "at least 16MiB"),
        BadConfiguration("engine memory unit", "version: 1\nengine: {memory: ▶256MB}\n", says: "write 256MiB"),
        BadConfiguration("parallel runs", "version: 1\nengine: {parallel_runs: ▶65}\n", says: "from 1 to 64"),
        BadConfiguration("key with @", "version: 1\nsources:\n  ▶a@b: {kind: csv}\n", says: "a key is 1 to 64 of a-z"),
        BadConfiguration(
            "key in capitals", "version: 1\nsources: {▶Lists: {kind: csv}}\n", says: "begins with a letter"),
        BadConfiguration("entry without value", "version: 1\nsources:\n  ▶lists:\n", says: "has no value"),
    ]

    static let sources = [
        BadConfiguration("no kind", "version: 1\nsources:\n  ▶a: {path: x}\n", says: "add \"kind: amplitude, csv"),
        BadConfiguration(
            "unknown kind", "version: 1\nsources:\n  a: {kind: ▶postgress, url: x}\n",
            says: "did you mean \"postgres\"?"),
        BadConfiguration(
            "key of another kind", "version: 1\nsources: {a: {kind: csv, ▶path: x}}\n",
            says: "\"path\" does not belong to source \"a\" of kind csv, only to sqlite"),
        BadConfiguration("no path", "version: 1\nsources: {▶a: {kind: sqlite}}\n", says: "add \"path: app.db\""),
        BadConfiguration("empty path", "version: 1\nsources: {a: {kind: sqlite, path: ▶\"\"}}\n", says: "is empty"),
        BadConfiguration(
            "newline in a path", "version: 1\nsources: {a: {kind: sqlite, path: ▶\"a\\nb\"}}\n", says: "holds a newline"
        ),
        BadConfiguration(
            "missing keys of amplitude", "version: 1\nsources:\n  ▶▶p: {kind: amplitude}\n",
            says: "add \"api_key: {env: P_API_KEY}\"", "add \"secret_key: {env: P_SECRET_KEY}\""),
        BadConfiguration(
            "unknown region",
            "version: 1\nsources:\n  p: {kind: amplitude, region: ▶asia, api_key: {env: A}, secret_key: {env: B}}\n",
            says: "write us or eu"),
        BadConfiguration(
            "region and endpoint",
            "version: 1\nsources:\n  p: {kind: amplitude, region: eu, endpoint: ▶\"https://a.b\", api_key: {env: A}, "
                + "secret_key: {env: B}}\n", says: "both \"region\" and \"endpoint\""),
        BadConfiguration(
            "quota with a word",
            "version: 1\nsources:\n  p: {kind: amplitude, api_key: {env: A}, secret_key: {env: B}, quota: ▶many}\n",
            says: "a whole number from 1"),
        BadConfiguration(
            "time without unit", "version: 1\nsources: {a: {kind: command, timeout: ▶10}}\n",
            says: "10s, 10m, 10h or 10d"),
        BadConfiguration(
            "time too long", "version: 1\nsources: {a: {kind: command, timeout: ▶2d}}\n", says: "between 1s and 1d"),
    ]

    static let destinations = [
        BadConfiguration("rate without unit", destination("rate: ▶500"), says: "write 500/s"),
        BadConfiguration("rate zero", destination("rate: ▶0/s"), says: "between 1/s"),
        BadConfiguration(
            "yes for true", destination("gzip: ▶yes"), says: "must be true or false, without quotes; write true"),
        BadConfiguration("true in quotes", destination("gzip: ▶\"true\""), says: "without quotes; write true"),
        BadConfiguration("unknown mode", destination("mode: ▶tracks"), says: "did you mean track?"),
        BadConfiguration("too many requests", destination("requests: ▶100"), says: "from 1 to 64"),
        BadConfiguration("typo", destination("▶dedupliactes: true"), says: "did you mean \"deduplicates\"?"),
        BadConfiguration("repeated key", destination("gzip: true, ▶gzip: false"), says: "duplicate key \"gzip\""),
        BadConfiguration(
            "literal header that authorises",
            "version: 1\ndestinations: {h: {kind: webhook, url: \"https://a.b\", headers: {X-Api-Key: ▶s3cr3t}}}\n",
            says: "X-Api-Key: {env: H_X_API_KEY}"),
        BadConfiguration(
            "header of ours",
            "version: 1\ndestinations: {h: {kind: webhook, url: \"https://a.b\", headers: {▶content-type: x}}}\n",
            says: "set by rollcall itself"),
        BadConfiguration(
            "header with a newline",
            "version: 1\ndestinations: {h: {kind: webhook, url: \"https://a.b\", headers: {X-A: ▶\"a\\r\\nB: c\"}}}\n",
            says: "control character U+000D"),
        BadConfiguration(
            "warehouse of another kind", "version: 1\ndestinations: {t: {kind: warehouse, url: ▶mysql://x}}\n",
            says: "sqlite:PATH"),
        BadConfiguration(
            "ndjson without path", "version: 1\ndestinations: {▶f: {kind: ndjson}}\n", says: "add \"path:"),
    ]

    private static func destination(_ keys: String) -> String {
        "version: 1\ndestinations:\n  segment: {kind: segment, write_key: {env: W}, \(keys)}\n"
    }

    static let secrets = [
        secret("literal", "▶sk_live_abcdef", says: "write \"write_key: {env: SEGMENT_WRITE_KEY}\""),
        secret("literal in quotes", "▶\"sk_live_abcdef\"", says: "never the secret itself"),
        secret("literal in braces", "{▶sk_live_abcdef}", says: "must name one of env, file"),
        secret("literal as a variable", "{env: ▶sk-live-abcdef}", says: "names a variable"),
        secret("no value", "▶~", says: "has no value"),
        secret("unknown place", "{▶envv: W}", says: "did you mean \"env\"?"),
        secret("two places", "▶{env: W, file: x}", says: "exactly one place"),
        secret("command as text", "{command: ▶pass show x}", says: "a list of the program"),
        secret("credential with a slash", "{systemd-credential: ▶a/b}", says: "names a credential"),
        secret("file without a name", "{▶file: }", says: "names a file"),
    ]

    private static func secret(_ name: String, _ value: String, says: String) -> BadConfiguration {
        BadConfiguration(
            "secret: \(name)", "version: 1\ndestinations:\n  segment:\n    kind: segment\n    write_key: \(value)\n",
            says: says)
    }

    static let addresses = [
        address("password", "\"https://user:hunter2@example.com/v1\"", says: "must not hold a user name or password"),
        address("plain http", "\"http://example.com/v1\"", says: "sends in the clear"),
        address("http to a false loopback", "\"http://127.0.0.1.example.com\"", says: "sends in the clear"),
        address("http to a short loopback", "\"http://127.1\"", says: "sends in the clear"),
        address("other scheme", "\"ftp://example.com\"", says: "only https://"),
        address("no scheme", "example.com", says: "such as https://"),
        address("port", "\"https://example.com:70000\"", says: "a port from 1 to 65535"),
        address("no host", "\"https:///v1\"", says: "the host or port"),
        address("query", "\"https://example.com/v1?key=abc\"", says: "ends before the ?"),
        address("backslash", "'https://example.com\\@evil'", says: "backslashes"),
        BadConfiguration(
            "database password",
            "version: 1\nsources:\n  crm: {kind: postgres, url: ▶\"postgres://u:hunter2@db/x\"}\n",
            says: "must not hold a password"),
        BadConfiguration(
            "database password as a parameter",
            "version: 1\nsources:\n  crm: {kind: postgres, url: ▶\"postgres://u@db/x?password=hunter2\"}\n",
            says: "{env: DATABASE_URL}"),
    ]

    private static func address(_ name: String, _ value: String, says: String) -> BadConfiguration {
        BadConfiguration(
            "address: \(name)",
            "version: 1\ndestinations:\n  segment:\n    kind: segment\n    write_key: {env: W}\n"
                + "    endpoint: ▶\(value)\n",
            says: says)
    }
}
