/// Mistakes in flavors, webhooks, warehouses and alerts.
extension BadConfiguration {
    static let relatives = [
        relative("unknown flavor", "flavor: ▶ruderstack, endpoint: \"https://d.x\"", says: ["did you mean rudderstack?"]),
        relative("rudderstack without endpoint", "flavor: rudderstack", missing: true, says: ["has no \"endpoint\""]),
        relative(
            "region of a flavor without", "flavor: jitsu, region: ▶eu, endpoint: ▶\"https://d.x\"",
            says: ["has no regions", "has both \"region\" and \"endpoint\""]),
        relative(
            "compressed for RudderStack", "flavor: rudderstack, endpoint: \"https://d.x\", gzip: ▶true",
            says: ["RudderStack reads no compressed bodies"]),
        relative("track for Customer.io", "flavor: customerio, mode: ▶track", says: ["Customer.io reads no context"]),
        BadConfiguration(
            "six headers",
            "version: 1\ndestinations:\n  h:\n    kind: webhook\n    url: \"https://a.b\"\n"
                + "    headers: ▶{A: 1, B: 1, C: 1, D: 1, E: 1, F: 1}\n",
            says: "more than 5"),
        BadConfiguration(
            "batch of a webhook",
            "version: 1\ndestinations: {h: {kind: webhook, url: \"https://a.b\", batch: ▶0}}\n", says: "from 1 to 10000"),
        BadConfiguration(
            "one cohort id twice at a webhook",
            "version: 1\nsources: {l: {kind: csv}}\ndestinations: {h: {kind: webhook, url: \"https://a.b\"}}\ncohorts:\n"
                + "  a: {source: l, file: v.csv, to: [h], schedule: manual, id: x, name: A}\n"
                + "  ▶b: {source: l, file: v.csv, to: [h], schedule: manual, id: x, name: B}\n",
            says: "b@h would own the cohort id \"x\", which a@h owns already"),
        BadConfiguration(
            "clear webhook", "version: 1\ndestinations: {h: {kind: webhook, url: ▶\"http://a.b\"}}\n",
            says: "sends in the clear"),
    ]

    static let tables = [
        table("two traits of one column", "sqlite:w.db", "trait: Big Spenders", "trait: BigSpenders",
            says: "would write the column big_spenders, which a@t writes already"),
        table("two columns that PostgreSQL cuts to one", "postgres://h/d", "trait: \(long)1", "trait: \(long)2",
            says: "PostgreSQL keeps 63 bytes"),
        table("a trait without a column", "sqlite:w.db", "trait: x", "trait: \"—\"", says: "no ASCII letter"),
    ]

    static let alerts = [
        alert("unknown key", "▶chanels: {}", says: "unknown key \"chanels\" in \"alerts\"; did you mean \"channels\"?"),
        BadConfiguration("no channels", "version: 1\nalerts: ▶{grace: 5m}\n", says: "has no \"channels\""),
        BadConfiguration("alerts as text", "version: 1\nalerts: ▶yes\n", says: "must be a mapping"),
        alert("unknown event", "events: [failed, ▶hold]", says: "did you mean held?"),
        alert("event twice", "events: [failed, ▶failed]", says: "holds failed twice"),
        alert("grace without unit", "grace: ▶5", says: "the unit is missing"),
        alert("recovery longer than cool-down", "recovery_after: ▶2h\n  cool_down: 1h", says: "longer than \"cool_down\""),
        alert("mute of nobody", "mute: {▶nobody: always}", says: "which is not there"),
        BadConfiguration(
            "literal Slack address",
            "version: 1\nalerts: {channels: {s: {kind: slack, url: ▶\"https://hooks.slack.com/s3cr3t\"}}}\n",
            says: "must be a reference"),
        BadConfiguration(
            "channel without kind", "version: 1\nalerts: {channels: {▶s: {url: x}}}\n", says: "has no \"kind\""),
        BadConfiguration(
            "setting of another kind",
            "version: 1\nalerts: {channels: {s: {kind: slack, url: {env: A}, ▶secret: {env: B}}}}\n",
            says: "does not belong to channel \"s\" of kind slack, only to webhook"),
        BadConfiguration(
            "command as text", "version: 1\nalerts: {channels: {c: {kind: command, command: ▶ls -l}}}\n",
            says: "must be a list"),
        BadConfiguration(
            "no mail address",
            "version: 1\nalerts: {channels: {m: {kind: email, from: a@b.c, to: [x@y.z, ▶\"x y@z\"]}}}\n",
            says: "is no mail address"),
        BadConfiguration(
            "mail header smuggled in",
            "version: 1\nalerts: {channels: {m: {kind: email, from: ▶\"a@b.c\\nBcc: d@e.f\", to: [x@y.z]}}}\n",
            says: "holds a newline"),
        BadConfiguration(
            "mail server of another scheme",
            "version: 1\nalerts: {channels: {m: {kind: email, from: a@b.c, to: [x@y.z], server: ▶\"https://mail.example.com\"}}}\n",
            says: "smtps://mail.example.com"),
        BadConfiguration(
            "password in a mail server's address",
            "version: 1\nalerts: {channels: {m: {kind: email, from: a@b.c, to: [x@y.z], server: ▶\"smtps://u:p@mail.example.com\"}}}\n",
            says: "must not hold a user name or password"),
        BadConfiguration(
            "mail server with a user alone",
            "version: 1\nalerts: {channels: {m: {kind: email, from: a@b.c, to: [x@y.z], server: ▶\"smtps://m.a\", user: u}}}\n",
            says: "needs both \"user\" and \"password\""),
        BadConfiguration(
            "mail server beside sendmail",
            "version: 1\nalerts: {channels: {m: {kind: email, from: a@b.c, to: [x@y.z], server: \"smtps://m.a\", sendmail: ▶[s]}}}\n",
            says: "keep the one that is to send"),
        BadConfiguration(
            "password and no mail server",
            "version: 1\nalerts: {channels: {m: {kind: email, from: a@b.c, to: [x@y.z], password: ▶{env: P}}}}\n",
            says: "no \"server\""),
        BadConfiguration(
            "channel in the clear",
            "version: 1\nalerts: {channels: {w: {kind: webhook, url: ▶\"http://a.b\"}}}\n", says: "sends in the clear"),
        BadConfiguration(
            "literal secret of a channel",
            "version: 1\nalerts: {channels: {w: {kind: webhook, url: \"https://a.b\", secret: ▶s3cr3t}}}\n",
            says: "{env: W_SECRET}"),
    ]

    private static let long = String(repeating: "long_name_", count: 7)

    private static func relative(
        _ name: String, _ fields: String, missing: Bool = false, says: [String]
    ) -> BadConfiguration {
        BadConfiguration(
            name: "relative: \(name)",
            text: "version: 1\ndestinations: {\(missing ? "▶" : "")d: {kind: segment, write_key: {env: W}, \(fields)}}\n",
            says: says)
    }

    private static func table(_ name: String, _ url: String, _ one: String, _ two: String, says: String) -> BadConfiguration {
        BadConfiguration(
            "tables: \(name)",
            "version: 1\nsources: {l: {kind: csv}}\ndestinations: {t: {kind: warehouse, url: \"\(url)\"}}\ncohorts:\n"
                + "  a: {source: l, file: v.csv, to: [t], schedule: manual, \(one)}\n"
                + "  ▶b: {source: l, file: v.csv, to: [t], schedule: manual, \(two)}\n",
            says: says)
    }

    private static func alert(_ name: String, _ fields: String, says: String) -> BadConfiguration {
        BadConfiguration(
            "alerts: \(name)",
            "version: 1\nalerts:\n  channels: {c: {kind: command, command: [cat]}}\n  \(fields)\n", says: says)
    }
}
