import Scheduling
import Secrets
import SyncEngine
import Testing

@testable import Configuration

struct SampleTests {
    private let nowhere = Place(line: 0, column: 0)

    @Test func exampleOfTheContractReadsToTheExpectedModel() throws {
        let berlin = try Zone.named("Europe/Berlin")
        let found = try model(productExample)
        #expect(found.version == 1)
        #expect(found.zone == berlin)
        #expect(found.sources == expectedSources)
        #expect(found.destinations == expectedDestinations)
        #expect(found.cohorts == (try expectedCohorts(berlin)))
        #expect(
            found.engine == EngineConfiguration(memoryBytes: 268_435_456, parallelRuns: 4, retentionSeconds: 34_560_000)
        )
        #expect(
            found.syncs.map(\.description) == [
                "big-spenders@segment", "big-spenders@tables", "trial-users@segment", "vips@file",
            ])
    }

    private var expectedSources: [SourceConfiguration] {
        [
            SourceConfiguration(
                key: "product",
                kind: .amplitude(
                    AmplitudeSettings(
                        region: .us, apiKey: .environment("AMPLITUDE_API_KEY"), secretKey: .file("/run/keys/amp"),
                        quota: 500)), place: nowhere),
            SourceConfiguration(key: "lists", kind: .csv(directory: "cohorts"), place: nowhere),
            SourceConfiguration(key: "app", kind: .sqlite(path: "app.db"), place: nowhere),
            SourceConfiguration(
                key: "crm", kind: .postgres(url: .reference(.environment("DATABASE_URL"))), place: nowhere),
            SourceConfiguration(
                key: "anything", kind: .command(CommandSettings(timeoutSeconds: 600)), place: nowhere),
        ]
    }

    private var expectedDestinations: [DestinationConfiguration] {
        [
            DestinationConfiguration(
                key: "segment", kind: .segment(SegmentSettings(writeKey: .environment("SEGMENT_WRITE_KEY"), rate: 500)),
                place: nowhere),
            DestinationConfiguration(
                key: "rudder",
                kind: .segment(
                    SegmentSettings(endpoint: "https://data.example.com/v1", writeKey: .file("/run/keys/rudder"))),
                place: nowhere),
            DestinationConfiguration(
                key: "hook",
                kind: .webhook(
                    WebhookSettings(url: "https://example.com/cohorts", secret: .environment("HOOK_SECRET"))),
                place: nowhere),
            DestinationConfiguration(
                key: "tables", kind: .warehouse(url: .literal("sqlite:warehouse.db")), place: nowhere),
            DestinationConfiguration(key: "file", kind: .ndjson(path: "out.ndjson"), place: nowhere),
        ]
    }

    private func expectedCohorts(_ berlin: Zone) throws -> [CohortConfiguration] {
        let newYork = try Zone.named("America/New_York")
        return [
            CohortConfiguration(
                key: "big-spenders", name: "Big Spenders", id: "abc123", source: "product", selection: .amplitude,
                destinations: ["segment", "tables"],
                schedule: CohortSchedule(
                    text: "daily at 06:30",
                    policy: SchedulePolicy(schedule: try Schedule.parse("daily at 06:30"), zone: berlin)),
                place: nowhere),
            CohortConfiguration(
                key: "trial-users", name: "Trial users", id: "trial-users", source: "app",
                selection: .query("SELECT user_id FROM users WHERE plan = 'trial'"), destinations: ["segment"],
                schedule: CohortSchedule(
                    text: "*/15 8-18 * * mon-fri", timezone: "America/New_York",
                    policy: SchedulePolicy(
                        schedule: try Schedule.parse("*/15 8-18 * * mon-fri"), zone: newYork, jitterSeconds: 30)),
                guards: GuardLimits(maxLeaveCount: 500), place: nowhere),
            CohortConfiguration(
                key: "vips", name: "vips", id: "vips", source: "lists",
                selection: .file(path: "vips.csv", column: "user_id", delimiter: nil, hasHeader: nil),
                destinations: ["file"],
                schedule: CohortSchedule(
                    text: "manual", policy: SchedulePolicy(schedule: try Schedule.parse("manual"), zone: berlin)),
                place: nowhere),
        ]
    }

    @Test func traitIsTheTemplateFilledIn() throws {
        let cohorts = try model(productExample).cohorts
        #expect(cohorts[0].trait == "[Amplitude] Big Spenders (abc123)")
        #expect(TraitTemplate.expand("{name}{key}{nope}{", name: "{id}", id: "7", key: "k") == "{id}k{nope}{")
    }

    /// Words and numbers that YAML 1.1 would turn into something else stay what was typed.
    @Test(arguments: ["123", "007", "1e3", "08:30", "on", "yes", "No", "0x1F", "1_000", ".5", "2026-01-01"])
    func idsStayAsTyped(id: String) throws {
        let found = try model(workspace(cohort: "source: lists\nfile: v.csv\nto: [segment]\nid: \(id)\nname: \(id)"))
        #expect(found.cohorts[0].id == id)
        #expect(found.cohorts[0].name == id)
    }

    @Test func leavesMayBeWrittenPlainOrAsText() throws {
        let written = [
            ("\"false\"", LeavePolicy.tellFalse), ("false", .tellFalse), ("null", .tellNull), ("~", .tellNull),
            ("\"null\"", .tellNull), ("ignore", .ignore),
        ]
        for (text, policy) in written {
            let found = try model(
                workspace(cohort: "source: lists\nfile: v.csv\nto: [segment]\non_leave: \(text)"))
            #expect(found.cohorts[0].onLeave == policy, "\(text)")
        }
    }

    @Test func pausedSyncsReachTheirPolicies() throws {
        let base = "source: lists\nfile: v.csv\nto: [segment, tables]\nschedule: {when: hourly, paused: "
        let some = try model(workspace(cohort: base + "[tables]}")).cohorts[0]
        #expect(some.policy(for: "tables").isPaused)
        #expect(!some.policy(for: "segment").isPaused)
        #expect(!some.schedule.policy.isPaused)
        let all = try model(workspace(cohort: base + "true}")).cohorts[0]
        #expect(all.policy(for: "segment").isPaused && all.policy(for: "tables").isPaused)
        #expect(all.pausedDestinations == ["segment", "tables"])
        let none = try model(workspace(cohort: base + "[]}")).cohorts[0]
        #expect(none.pausedDestinations.isEmpty)
    }

    @Test func selectionsOfEveryKind() throws {
        let rows: [(String, Selection)] = [
            ("source: amp", .amplitude),
            (
                "source: lists\nfile: a/b.csv\ndelimiter: \";\"\nheader: false",
                .file(path: "a/b.csv", column: nil, delimiter: 0x3B, hasHeader: false)
            ),
            (
                "source: lists\nfile: a.tsv\ndelimiter: \"\\t\"",
                .file(path: "a.tsv", column: nil, delimiter: 0x09, hasHeader: nil)
            ),
            ("source: app\nquery: |\n  SELECT id\n  FROM t", .query("SELECT id\nFROM t\n")),
            ("source: app\ntable: t\ncolumn: c", .table("t", column: "c")),
            (
                "source: run\ncommand: [./a.sh, \"\", 5, \"a\\nb\"]\ncolumn: id",
                .command(["./a.sh", "", "5", "a\nb"], column: "id")
            ),
        ]
        for (text, selection) in rows {
            #expect(try model(workspace(cohort: text + "\nto: [segment]")).cohorts[0].selection == selection, "\(text)")
        }
    }

    @Test func guardsOffAndLimits() throws {
        let base = "source: lists\nfile: v.csv\nto: [segment]\nguards: "
        #expect(try model(workspace(cohort: base + "off")).cohorts[0].guards == GuardLimits(areOff: true))
        let text =
            "{max_leave: 0.5%, max_leave_count: 0, max_leave_daily: 100%, max_growth: 1.5x, min_overlap: 0%, "
            + "allow_empty: true}"
        #expect(
            try model(workspace(cohort: base + text)).cohorts[0].guards
                == GuardLimits(
                    maxLeave: 5_000, maxLeaveCount: 0, maxLeaveDaily: 1_000_000, maxGrowth: 1_500_000, minOverlap: 0,
                    allowEmpty: true))
    }

    @Test func settingsOfDestinationsAndEngine() throws {
        let found = try model(
            """
            \u{FEFF}version: 1
            engine: {memory: 1GiB, parallel_runs: 2, retention: 30d}
            sources:
            destinations:
              a:
                kind: segment
                endpoint: HTTP://LocalHost:8844/v1/
                write_key: {systemd-credential: seg.key}
                gzip: true
                mode: track
                deduplicates: false
                settle: 5m
                requests: 8
                retry_for: 1h
              h:
                kind: webhook
                url: "http://[::1]:80/x?y=1"
                headers: {X-Env: prod, Authorization: {command: [pass, show, hook]}}
                rate: 5/s
            """)
        #expect(found.engine == EngineConfiguration(memoryBytes: 1 << 30, parallelRuns: 2, retentionSeconds: 2_592_000))
        var segment = SegmentSettings(
            endpoint: "http://localhost:8844/v1", writeKey: .systemdCredential("seg.key"), requests: 8, gzip: true,
            mode: .track, deduplicates: false, settleSeconds: 300)
        #expect(
            found.destinations[0]
                == DestinationConfiguration(key: "a", kind: .segment(segment), retryForSeconds: 3600, place: nowhere))
        segment.endpoint = nil
        segment.region = .eu
        #expect(segment.address == "https://events.eu1.segmentapis.com/v1")
        let headers = [
            WebhookHeader(name: "X-Env", value: .literal("prod")),
            WebhookHeader(name: "Authorization", value: .reference(.command(["pass", "show", "hook"]))),
        ]
        #expect(
            found.destinations[1].kind
                == .webhook(WebhookSettings(url: "http://[::1]:80/x?y=1", rate: 5, headers: headers)))
    }
}
