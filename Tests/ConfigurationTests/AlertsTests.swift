import Scheduling
import Secrets
import SyncEngine
import Testing

@testable import Configuration

struct AlertsTests {
    @Test func everySettingIsRead() throws {
        let found = try model(
            """
            version: 1
            sources: {l: {kind: csv}}
            destinations: {d: {kind: ndjson, path: o}}
            cohorts: {v: {source: l, file: v.csv, to: [d], schedule: hourly}}
            alerts:
              events: [held, not_started, recovered]
              grace: 2m
              stale_after: 26h
              recovery_after: 5m
              cool_down: 1h
              mute: {v: "2026-12-24T18:00:00Z"}
              channels:
                pager: {kind: webhook, url: "https://example.com/a?b=c", secret: {env: PAGER}}
                ops: {kind: slack, url: {file: /run/keys/slack}}
                local: {kind: command, command: [notify-send, Rollcall], timeout: 5s}
                mail: {kind: email, to: [a@example.com], from: r@example.com}
                smtp: {kind: email, to: [a@example.com], from: r@example.com, server: "smtps://Mail.example.com", user: u,
                  password: {env: MAIL}, timeout: 9s}
                near: {kind: email, to: [a@example.com], from: r@example.com, server: "smtp://127.0.0.1:2525"}
            """)
        var policy = AlertPolicy()
        policy.events = [.held, .notStarted, .recovered]
        policy.graceSeconds = 120
        policy.staleAfterSeconds = 93_600
        policy.recoveryAfterSeconds = 300
        policy.coolDownSeconds = 3_600
        policy.mutes = ["v": .until(try #require(Instant.parse(rfc3339: "2026-12-24T18:00:00Z")))]
        #expect(found.alerts.policy == policy)
        #expect(found.alerts.channels.map(\.key) == ["pager", "ops", "local", "mail", "smtp", "near"])
        #expect(found.alerts.channels.map(\.kind) == [
            .webhook(url: "https://example.com/a?b=c", secret: .environment("PAGER")),
            .slack(url: .file("/run/keys/slack")), .command(["notify-send", "Rollcall"], timeoutSeconds: 5),
            .email(
                to: ["a@example.com"], from: "r@example.com", sendmail: ["/usr/sbin/sendmail", "-i", "-t"],
                timeoutSeconds: 30),
            .mail(
                to: ["a@example.com"], from: "r@example.com",
                server: MailServerSettings(
                    url: "smtps://mail.example.com", isLoopback: false, user: "u", password: .environment("MAIL")),
                timeoutSeconds: 9),
            .mail(
                to: ["a@example.com"], from: "r@example.com",
                server: MailServerSettings(url: "smtp://127.0.0.1:2525", isLoopback: true), timeoutSeconds: 30),
        ])
        #expect(policy.isMuted("v", at: Instant(seconds: 0)) && !policy.isMuted("w", at: Instant(seconds: 0)))
        #expect(!policy.isMuted("v", at: Instant(seconds: 1_900_000_000)))
        #expect(try model("version: 1\n").alerts == AlertsConfiguration())
    }

    @Test func flavorsHaveTheirOwnAddressesAndDefaults() throws {
        let found = try model(
            """
            version: 1
            destinations:
              s: {kind: segment, write_key: {env: W}, region: eu}
              c: {kind: segment, flavor: customerio, write_key: {env: W}, region: eu}
              j: {kind: segment, flavor: jitsu, endpoint: "https://j.example/", write_key: {env: W}}
            """)
        let settings = found.destinations.compactMap { destination -> SegmentSettings? in
            if case .segment(let settings) = destination.kind { return settings }
            return nil
        }
        #expect(settings.map(\.address)
            == ["https://events.eu1.segmentapis.com/v1", "https://cdp-eu.customer.io/v1", "https://j.example"])
        #expect(settings.map(\.flavor) == [.segment, .customerio, .jitsu])
        #expect(settings.map(\.deduplicates) == [true, false, false])
    }

    @Test func aCutColumnIsWarnedOfAndOnlyInPostgreSQL() throws {
        let long = String(repeating: "long name ", count: 7)
        func warnings(_ url: String) throws -> [ConfigurationProblem] {
            try model(
                """
                version: 1
                sources: {l: {kind: csv}}
                destinations: {t: {kind: warehouse, url: \(url)}}
                cohorts:
                  v: {source: l, file: v.csv, to: [t], schedule: hourly, name: "\(long)", id: abc9}
                """
            ).warnings
        }
        let found = try #require(try warnings("{env: W}").first)
        #expect(found.line == 5 && found.column == 3)
        #expect(found.message.contains("_abc9 has 84 bytes") && found.message.contains("what is cut off is the end"))
        #expect(try warnings("sqlite:w.db").isEmpty)
    }
}
