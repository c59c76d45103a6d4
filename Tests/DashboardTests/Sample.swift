import Control
import Dashboard
import Scheduling

/// One workspace at one frozen moment, for goldens and key tests.
enum Sample {
    static let now = Instant(seconds: 1_795_514_232)  // 2026-11-24T09:57:12Z
    static let berlin: Zone = {
        guard let zone = try? Zone.named("Europe/Berlin") else { fatalError("the system has no zone data") }
        return zone
    }()

    static func time(_ seconds: Int64) -> String { now.advanced(seconds: seconds).rfc3339 }

    static func options(_ change: (inout DashboardOptions) -> Void = { _ in }) -> DashboardOptions {
        var options = DashboardOptions()
        options.workspace = "prod"
        options.zone = berlin
        change(&options)
        return options
    }

    static func empty(_ options: DashboardOptions = options()) -> DashboardModel {
        var model = DashboardModel(options: options, now: now)
        _ = model.start()
        _ = model.update(.connection(.live))
        _ = model.update(.answer(.engine(engine)))
        _ = model.update(.configuration(ConfigurationFacts(path: "/srv/sync/rollcall.yaml", timezone: "Europe/Berlin")))
        _ = model.update(.answer(.status([])))
        return model
    }

    static var engine: EngineView {
        var view = EngineView(
            version: "1.0.0", pid: 48_113, purpose: "serve", workspace: "/srv/sync", started_at: time(-1_050_000),
            now: time(0), frozen: false, schedules: true, configuration_digest: "3f9a1c77b2e4d0c1",
            configuration_loaded_at: time(-6_300))
        view.lateness_ms = 4
        view.store_bytes = 1_288_490_188
        return view
    }

    // MARK: - Syncs

    struct Line {
        var cohort: String
        var destination: String
        var state: String
        var schedule: String
        var next: Int64?
        var last: Int64?
        var seconds: Double
        var size: Int
        var counts: [(Int, Int)]
    }

    static let lines: [Line] = [
        Line(cohort: "paying-users", destination: "segment", state: "ok", schedule: "hourly", next: 168, last: -3432,
            seconds: 2.1, size: 41_802, counts: wave(12, 3)),
        Line(cohort: "trial-day-7", destination: "segment", state: "running", schedule: "*/15 * * * *", next: 168, last: -900,
            seconds: 0.9, size: 9_114, counts: wave(20, 1)),
        Line(cohort: "newsletter-eu", destination: "tables", state: "running", schedule: "daily at 03:30", next: nil,
            last: -86_400, seconds: 42, size: 512_730, counts: wave(30, 30)),
        Line(cohort: "churn-risk", destination: "hook", state: "failed", schedule: "every 10m", next: 168, last: -61,
            seconds: 0.4, size: 7_720, counts: wave(9, 1)),
        Line(cohort: "high-ltv", destination: "hook", state: "late", schedule: "hourly at :45", next: -732, last: -4332,
            seconds: 1, size: 1_204, counts: wave(9, 2)),
        Line(cohort: "dormant-30d", destination: "segment", state: "ok", schedule: "daily at 00:00", next: 46_968, last: -35_832,
            seconds: 9.8, size: 88_010, counts: wave(81, 77)),
        Line(cohort: "big-spenders", destination: "segment", state: "held", schedule: "daily at 06:30", next: 73_968, last: -12_732,
            seconds: 3.2, size: 12_400, counts: wave(40, 38)),
        Line(cohort: "big-spenders", destination: "tables", state: "partial", schedule: "daily at 06:30", next: 73_968,
            last: -12_700, seconds: 1.4, size: 12_391, counts: wave(40, 38)),
        Line(cohort: "cart-abandon", destination: "hook", state: "ok", schedule: "realtime", next: 48, last: -12,
            seconds: 0.3, size: 2_977, counts: wave(33, 41)),
        Line(cohort: "beta-testers", destination: "file", state: "paused", schedule: "daily at 09:00", next: nil, last: -260_000,
            seconds: 0.1, size: 318, counts: []),
        Line(cohort: "vip-no", destination: "segment", state: "never", schedule: "weekly on mon at 08:00", next: 594_168, last: nil,
            seconds: 0, size: 0, counts: []),
        Line(cohort: "push-optin", destination: "segment", state: "ok", schedule: "*/30 * * * *", next: 168, last: -1_620,
            seconds: 4.4, size: 230_551, counts: wave(5, 5)),
        Line(cohort: "web-active-24h", destination: "segment", state: "ok", schedule: "realtime", next: 48, last: -29,
            seconds: 1.1, size: 61_377, counts: wave(418, 397)),
        Line(cohort: "ios-17-users", destination: "segment", state: "ok", schedule: "0 */6 * * *", next: 7_368, last: -17_832,
            seconds: 31, size: 140_006, counts: Array(wave(22, 15).dropLast()) + [(1_022, 15)]),
        Line(cohort: "gdpr-erase", destination: "hook", state: "blocked", schedule: "every 10m", next: nil, last: -420,
            seconds: 0.2, size: 12, counts: wave(1, 0)),
    ]

    static func wave(_ entered: Int, _ left: Int) -> [(Int, Int)] {
        let steps = [3, 5, 8, 5, 4, 5, 9, 5, 5, 8, 12, 7]
        return steps.map { (entered * $0 / 7, left * $0 / 7) }
    }

    static let reasons = [
        "failed": "HTTP 503 Service Unavailable, nine times in a row", "held": "shrink: 4,120 of 12,400 members would leave (33 %)",
        "partial": "14 members rejected", "late": "was due at 2026-11-24T09:45:00Z",
        "blocked": "the destination refused the key (401)",
    ]

    static var statuses: [StatusView] {
        lines.enumerated().map { index, line in
            var view = StatusView(
                sync: "\(line.cohort)@\(line.destination)", cohort: line.cohort, destination: line.destination)
            view.state = line.state
            view.schedule = line.schedule
            view.paused = line.state == "paused"
            view.next = line.next.map(time)
            view.last_finished_at = line.last.map(time)
            view.last_run = line.counts.isEmpty ? nil : "\(4_000 + index * 20 + line.counts.count - 1)"
            view.last_outcome = line.counts.isEmpty ? nil : line.state == "failed" ? "failed" : "succeeded"
            view.last_entered = line.counts.last?.0
            view.last_left = line.counts.last?.1
            view.last_seconds = line.counts.isEmpty ? nil : line.seconds
            view.reason = reasons[line.state]
            view.ledger = line.size
            view.rejects = line.state == "partial" ? 14 : 0
            view.name = line.cohort
            view.trait = "[Amplitude] \(line.cohort) (\(line.cohort))"
            view.source = line.destination == "file" ? "lists" : "product"
            if line.cohort == "trial-day-7" { (view.running, view.phase) = ("4813", "sending") }
            if line.cohort == "newsletter-eu" { (view.running, view.phase) = ("4812", "fetching") }
            if line.state == "held" { view.held_run = "4790" }
            return view
        }
    }

    // MARK: - Runs

    static func run(_ id: Int, _ sync: String, phase: String, at seconds: Int64) -> RunView {
        var run = RunView(
            run: "\(id)", sync: sync, trigger: "schedule", mode: "changes", phase: phase, created_at: time(seconds),
            trait: "[Amplitude] \(sync.prefix { $0 != "@" }) (x)")
        run.started_at = time(seconds)
        return run
    }

    static var runs: [RunView] {
        var runs: [RunView] = []
        for (index, line) in lines.enumerated() {
            for (number, counts) in line.counts.enumerated() {
                let age = (line.last ?? 0) - Int64(line.counts.count - 1 - number) * 900
                var run = run(4_000 + index * 20 + number, "\(line.cohort)@\(line.destination)", phase: "finished", at: age - 2)
                let isFailure = line.state == "failed" && number >= line.counts.count - 3
                run.outcome = isFailure ? "failed" : "succeeded"
                run.reason = isFailure ? reasons["failed"] : nil
                run.finished_at = time(age)
                run.plan = "a1b2c3d4e5f6a7b8"
                (run.entered, run.left) = counts
                run.accepted = isFailure ? 0 : counts.0 + counts.1
                run.pending = isFailure ? counts.0 + counts.1 : 0
                run.members = line.size
                run.read = line.size
                run.requests = 3
                run.bytes = 84_231
                runs.append(run)
            }
        }
        return runs + [sending, fetching, held]
    }

    static var sending: RunView {
        var run = run(4_813, "trial-day-7@segment", phase: "sending", at: -1)
        run.trigger = "manual"
        run.plan = "9c1f00d2a7b8e3f4"
        (run.read, run.members, run.entered, run.left, run.unchanged) = (9_318, 9_318, 324, 0, 8_994)
        (run.sent, run.accepted, run.requests, run.bytes) = (204, 204, 2, 61_112)
        run.ledger_before = 8_994
        return run
    }

    static var fetching: RunView {
        var run = run(4_812, "newsletter-eu@tables", phase: "fetching", at: -42)
        run.read = 41_200
        return run
    }

    static var held: RunView {
        var run = run(4_790, "big-spenders@segment", phase: "held", at: -12_732)
        run.plan = "77aa01c4d9e2b6f3"
        (run.read, run.members, run.entered, run.left, run.unchanged) = (8_291, 8_291, 11, 4_120, 8_280)
        run.ledger_before = 12_400
        run.held_by = ["shrink: 4,120 of 12,400 members would leave (33 %), above max_leave 20 %"]
        return run
    }

    // MARK: - The rest

    static var events: [EventView] {
        let users = ["u_902113", "u_118274", "u_550012", "u_771290", "u_000913", "Zoë", "日本-17"]
        let syncs = ["trial-day-7@segment", "web-active-24h@segment", "cart-abandon@hook"]
        return (0..<60).map { index in
            EventView(
                at: now.advanced(milliseconds: Int64(index - 59) * 337).rfc3339, sync: syncs[index % 3], run: "\(4_750 + index)",
                user: users[index % users.count], event: index % 4 == 2 ? "left" : "entered",
                status: index % 11 == 5 ? "rejected" : "accepted", request: "r-\(index / 4)",
                http_status: index % 11 == 5 ? 400 : 200, attempts: index % 9 == 0 ? 2 : 1, reasserted: false,
                reason: index % 11 == 5 ? "userId is empty" : nil)
        }
    }

    static var destinations: [DestinationView] {
        func view(_ name: String, _ kind: String, _ address: String, _ state: String, _ latency: Int64?) -> DestinationView {
            var view = DestinationView(destination: name, kind: kind, address: address)
            view.state = state
            view.latency_ms = latency
            view.rate = kind == "segment" ? 500 : nil
            view.last_answer = state == "failing" ? "503 upstream overloaded" : "200 OK"
            view.last_answer_at = time(-2)
            return view
        }
        var hook = view("hook", "webhook", "https://hooks.example.net/cohorts", "failing", nil)
        hook.breaker = "open"
        hook.reason = "9 failures in 60 s, tries again in 38 s"
        var segment = view("segment", "segment", "https://api.segment.io/v1", "up", 31)
        segment.in_flight = 3
        return [hook, segment, view("tables", "warehouse", "sqlite:warehouse.db", "up", 4), view("file", "ndjson", "out.ndjson", "up", 0)]
    }

    static var rejects: [RejectView] {
        (0..<14).map { index -> RejectView in
            let age = Int64(660 + index * 60)
            return RejectView(
                id: "\(100 + index)", sync: index < 11 ? "big-spenders@tables" : "push-optin@segment", run: "4761",
                user: "u_\(100_713 + index * 137)", event: index % 3 == 0 ? "left" : "entered",
                reason: index % 5 == 4 ? "timed out after 10 s" : "id is longer than the column", http_status: index % 5 == 4 ? nil : 400,
                attempts: 6, at: time(-age), dismissed: false)
        }
    }

    static var configuration: ConfigurationFacts {
        var seen: Set<String> = []
        let cohorts = lines.filter { seen.insert($0.cohort).inserted }.map { line -> CohortFacts in
            let isPlain = line.schedule.hasPrefix("every") || line.schedule == "realtime"
            return CohortFacts(
                key: line.cohort, name: line.cohort, source: isPlain ? "app" : "product",
                sourceKind: isPlain ? "sqlite" : "amplitude",
                destinations: lines.filter { $0.cohort == line.cohort }.map(\.destination),
                schedule: ScheduleSettings(
                    when: line.schedule, timezone: line.cohort == "churn-risk" ? "America/New_York" : nil,
                    jitter: line.cohort == "churn-risk" ? "30s" : nil, isPaused: line.state == "paused"),
                guards: [("max_leave", "20 %"), ("min_overlap", "50 %")])
        }
        return ConfigurationFacts(
            path: "/srv/sync/rollcall.yaml", timezone: "Europe/Berlin", cohorts: cohorts,
            quotas: [QuotaFacts(source: "product", limit: 10_000, used: 5_212, planned: 7_480)])
    }

    static var logs: [LogLine] {
        [
            LogLine(at: now.advanced(seconds: -14), level: .info, source: "sched", text: "cart-abandon@hook due, starting run 4810"),
            LogLine(at: now.advanced(seconds: -13), level: .info, source: "run", text: "4810 succeeded +33 -41 in 0.3 s"),
            LogLine(at: now.advanced(seconds: -3), level: .notice, source: "engine", text: "gdpr-erase@hook waits: two runs are under way"),
            LogLine(at: now.advanced(seconds: -1), level: .warning, source: "send", text: "hook answered 503, next attempt in 41 s"),
            LogLine(at: now, level: .error, source: "send", text: "gdpr-erase@hook: the key was refused \u{1B}[31m(401)"),
        ]
    }

    static func full(_ options: DashboardOptions = options()) -> DashboardModel {
        var model = empty(options)
        _ = model.update(.configuration(configuration))
        _ = model.update(.answer(.runs(runs)))
        var earlier = sending
        (earlier.accepted, earlier.sent) = (0, 0)
        _ = model.update(.tick(now: now.advanced(milliseconds: -500)))
        _ = model.update(.notices([notice(1) { $0.run = earlier }]))
        _ = model.update(.tick(now: now))
        _ = model.update(.notices([notice(2) { $0.run = sending }]))
        _ = model.update(.answer(.status(statuses)))
        _ = model.update(.answer(.destinations(destinations)))
        _ = model.update(.answer(.rejects(rejects)))
        _ = model.update(.answer(.backlog(events)))
        _ = model.update(.logLines(logs))
        _ = model.update(.tick(now: now))
        return model
    }

    static func notice(_ sequence: Int, _ fill: (inout ChangeNotice) -> Void) -> ChangeNotice {
        var notice = ChangeNotice(sequence: sequence)
        fill(&notice)
        return notice
    }
}

extension DashboardModel {
    /// Presses keys as scripts write them and gives what came of all of them.
    mutating func press(_ keys: String) -> [Effect] {
        keys.split(separator: " ").flatMap { word -> [Effect] in
            guard let key = Key(notation: String(word)) else { fatalError("no key \(word)") }
            return update(.input(.key(key)))
        }
    }

    mutating func type(_ text: String) {
        for character in text { _ = update(.input(.key(.character(character)))) }
    }

    func pressed(_ keys: String) -> DashboardModel {
        var copy = self
        _ = copy.press(keys)
        return copy
    }
}
