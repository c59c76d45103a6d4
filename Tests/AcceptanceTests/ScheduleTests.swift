import Foundation
import Testing

/// Schedules shown, edited and paused: only the changed value moves (PRODUCT.md §2, §3).
@Suite(.rationed)
struct ScheduleTests {
    private static let file = """
        # my file\u{20}\u{20}
        version: 1

        timezone: 'Europe/Berlin'   # zone
        sources:
          lists: {kind: csv,   directory: cohorts}
        destinations:
          seg: {kind: segment, endpoint: "http://127.0.0.1:9/v1", write_key: {env: WRITE_KEY}}
          f: {kind: ndjson, path: out.ndjson}


        cohorts:
          big:
            source: lists    # src
            file: big.csv
            to: [seg, f]
            schedule: daily at 06:30     # every morning
          two:   # second
            source: lists
            file: big.csv
            to: [seg]
            schedule: {when: "*/15 8-18 * * mon-fri", timezone: America/New_York, jitter: 30s, overlap: skip}
          three:
            source: lists
            file: big.csv
            to:
              - f
            schedule:
              when: 'hourly at :15'
              jitter: 10s
          four:
            source: lists
            file: big.csv
            to: [f]
            trait: x4
        """

    private func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try workspace.write("rollcall.yaml", Self.file)
        return workspace
    }

    /// The lines that differ from the original, as `old → new`.
    private func changes(_ workspace: Workspace) -> [String] {
        let old = Self.file.components(separatedBy: "\n")
        let new = workspace.read("rollcall.yaml").components(separatedBy: "\n")
        guard old.count == new.count else { return ["\(new.count - old.count) lines more"] }
        return zip(old, new).filter { $0 != $1 }.map { "\($0) → \($1)" }
    }

    @Test(
        "pause and resume move one value and give back the file byte for byte",
        arguments: ["big", "two", "three", "four"])
    func pauseAndResume(_ name: String) async throws {
        let workspace = try workspace()
        #expect(try await workspace.rollcall("pause", name).code == 0)
        #expect(workspace.read("rollcall.yaml") != Self.file)
        #expect(try await workspace.status().filter { $0.value.flag("paused") == true }.keys.allSatisfy {
            $0.hasPrefix(name + "@")
        })
        #expect(try await workspace.status().contains { $0.value.text("state") == "paused" })
        #expect(try await workspace.rollcall("check").code == 0)
        #expect(try await workspace.rollcall("resume", name).code == 0)
        #expect(workspace.read("rollcall.yaml") == Self.file)
    }

    @Test("a one-line schedule is paused as a map; one sync of several is paused as a list")
    func wordingOfPauses() async throws {
        let workspace = try workspace()
        let old = "    schedule: daily at 06:30     # every morning → "
        _ = try await workspace.rollcall("pause", "big")
        #expect(changes(workspace) == [old + "    schedule: {when: daily at 06:30, paused: true}     # every morning"])
        _ = try await workspace.rollcall("resume", "big")
        _ = try await workspace.rollcall("pause", "big@seg")
        #expect(changes(workspace) == [old + "    schedule: {when: daily at 06:30, paused: [seg]}     # every morning"])
        let status = try await workspace.status()
        #expect(status["big@seg"]?.flag("paused") == true)
        #expect(status["big@f"]?.flag("paused") == false)
        #expect(status["big@seg"]?["next"] == .null)
        #expect(status["big@f"]?.text("next") != nil)
        _ = try await workspace.rollcall("resume", "big@seg")
        #expect(workspace.read("rollcall.yaml") == Self.file)
    }

    @Test("an edited schedule changes its line alone; --preview changes nothing; the previous version is kept")
    func edit() async throws {
        let workspace = try workspace()
        let preview = try await workspace.rollcall("schedule", "big", "weekly on mon at 06:00", "--preview")
        #expect(preview.code == 0)
        #expect(preview.text.contains("weekly on mon at 06:00"))
        #expect(workspace.read("rollcall.yaml") == Self.file)
        #expect(try await workspace.rollcall("schedule", "big", "weekly", "on", "mon", "at", "06:00").code == 0)
        #expect(changes(workspace).count == 1)
        #expect(changes(workspace).first?.hasSuffix("    schedule: weekly on mon at 06:00     # every morning") == true)
        let kept = try FileManager.default.subpathsOfDirectory(atPath: workspace.folder).contains {
            $0 != "rollcall.yaml" && bytes(at: workspace.folder + "/" + $0) == Array(Self.file.utf8)
        }
        #expect(kept, "the previous version is kept")
        #expect(try await workspace.rollcall("schedule", "big", "*/20 * * * *", "--timezone", "Asia/Tokyo").code == 0)
        #expect(changes(workspace).count == 1)
        let fire = try #require(try await workspace.listing("schedule", "big", "--next", "1").first)
        #expect(fire.text("zone") == "Asia/Tokyo")
    }

    @Test("an edit by the name of one sync says whose schedule it is as well")
    func editOfOneSync() async throws {
        let workspace = try workspace()
        let one = try await workspace.rollcall("schedule", "big@seg", "hourly")
        #expect(one.code == 0 && one.errors.contains("it is also that of big@f"), "\(one.errors)")
        let all = try await workspace.rollcall("schedule", "big", "daily at 06:30")
        #expect(all.code == 0 && !all.errors.contains("also"), "\(all.errors)")
    }

    @Test("a schedule that cannot be read exits 64, says what would be right and changes nothing", arguments: [
        ["every 5 bananas"], ["daily at 25:00"], ["61 * * * *"], ["daily at 06:30", "--timezone", "Mars/Phobos"],
        ["sometimes"],
    ])
    func refused(_ words: [String]) async throws {
        let workspace = try workspace()
        let ending = try await workspace.start(["schedule", "big"] + words).ending()
        #expect(ending.code == 64)
        #expect(!ending.errors.isEmpty)
        #expect(workspace.read("rollcall.yaml") == Self.file)
    }

    @Test("a fire is a sync, an instant in UTC, the local time and its zone; a gap is noted")
    func fires() async throws {
        let workspace = try workspace()
        let fires = try await workspace.listing("schedule", "two", "--next", "3")
        try #require(fires.count == 3)
        for fire in fires {
            for key in ["sync", "at", "local", "zone", "note"] { #expect(fire.keys.contains(key), "\(key)") }
            #expect(fire.text("sync") == "two@seg")
            #expect(fire.text("zone") == "America/New_York")
            #expect(try #require(fire.text("at")).hasSuffix("Z"))
        }
        let year = try await workspace.listing(
            "schedule", "big@f", "daily at 02:30", "--timezone", "Europe/Berlin", "--preview", "--next", "370")
        #expect(year.count == 370)
        let shifted = year.filter { $0.text("local")?.contains("T03:00") == true }
        #expect(shifted.count == 1, "the night in March that has no 02:30")
        #expect(shifted.first?.text("note")?.isEmpty == false)
        #expect(Set(year.compactMap { $0.text("local")?.prefix(10) }).count == 370, "once a day, in October too")
    }

    @Test("an engine runs occurrences on time and once each, and takes up an edit from any editor")
    func engineRuns() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, schedule: "every 1s")
        try workspace.list(1...5)
        let engine = try await RunningEngine(in: workspace)
        try await eventually("three runs") { try await workspace.listing("runs", "vip").count >= 3 }
        let runs = try await workspace.listing("runs", "vip")
        #expect(runs.allSatisfy { $0.text("trigger") == "schedule" })
        let nominal = runs.compactMap { $0.text("nominal") }
        #expect(Set(nominal).count == runs.count, "an occurrence starts at most one run")
        try workspace.edit("every 1s", "{when: every 1s, paused: true}")
        try await eventually("the pause is active") { try await workspace.status()["vip@seg"]?.flag("paused") == true }
        try await eventually("no run is under way") {
            try await workspace.status()["vip@seg"]?.text("state") == "paused"
        }
        try workspace.list(1...6)
        #expect(try await workspace.sync().text("trigger") == "manual")
        try workspace.write("cohorts/vip.csv", "u-000001\n")
        #expect(try await workspace.rollcall("resume", "vip").code == 0)
        try await eventually("a scheduled run sends the change") { try receiver.members() == ids(1...1) }
        #expect(try await engine.stop().code == 0)
    }

    @Test("a gap is caught up by one run, or by none where catch_up says so")
    func catchUp() async throws {
        let workspace = try Workspace()
        try workspace.write("rollcall.yaml", """
            version: 1
            sources:
              lists: {kind: csv, directory: cohorts}
            destinations:
              f: {kind: ndjson, path: out.ndjson}
            cohorts:
              latest: {source: lists, file: vip.csv, to: [f], schedule: every 2s}
              none: {source: lists, file: vip.csv, to: [f], schedule: {when: every 2s, catch_up: none}}
            """)
        try workspace.list(1...3)
        let first = try await RunningEngine(in: workspace)
        try await eventually("both ran") {
            let runs = try await workspace.listing("runs")
            return runs.contains { $0.text("sync") == "latest@f" } && runs.contains { $0.text("sync") == "none@f" }
        }
        #expect(try await first.stop().code == 0)
        let left = try await workspace.listing("runs")
        let before = Set(left.compactMap { $0.text("run") })
        // A run that the stop interrupted is taken up again, and the gap's occurrence is skipped beside it.
        let isInterrupted = left.contains { $0.text("phase") != "finished" }
        let gap = ContinuousClock.now
        try await eventually("some occurrences are missed") { ContinuousClock.now - gap > .seconds(5) }
        let second = try await RunningEngine(in: workspace)
        let started = try #require(try await second.ask("/v1/engine").lines().first?.text("started_at"))
        func fresh(_ sync: String) async throws -> [JSON] {
            try await workspace.listing("runs", sync).filter { !before.contains($0.text("run") ?? "") }
        }
        try await eventually("both ran again") {
            let latest = try await fresh("latest"), none = try await fresh("none")
            return latest.count > 1 && !none.isEmpty
        }
        let latest = try await fresh("latest")
        let missed = try latest.filter { try #require($0.text("nominal")) < started }
        // The one run stands for the newest occurrence, which may have come due while the engine was starting.
        #expect(missed.count <= 1, "one run for the whole gap until \(started): \(latest)")
        #expect(isInterrupted || latest.contains { $0.text("trigger") == "catch-up" }, "\(latest)")
        #expect(try await fresh("none").allSatisfy { $0.text("nominal") ?? "" >= started }, "nothing is caught up")
        _ = try await second.stop()
    }

    @Test("overlap: skip leaves out what comes while a run is under way, queue lets one wait; never two at once")
    func overlap() async throws {
        let workspace = try Workspace()
        try workspace.write("rollcall.yaml", """
            version: 1
            sources:
              slow: {kind: command}
            destinations:
              f: {kind: ndjson, path: out.ndjson}
            cohorts:
              skip: {source: slow, command: [sh, -c, "sleep 1.6; echo a"], to: [f], schedule: every 1s}
              queue:
                source: slow
                command: [sh, -c, "sleep 1.6; echo a"]
                to: [f]
                schedule: {when: every 1s, overlap: queue}
            """)
        let engine = try await RunningEngine(in: workspace)
        func finished(_ name: String) async throws -> [JSON] {
            try await workspace.listing("runs", name).filter { $0.text("phase") == "finished" }.reversed()
        }
        try await eventually("three runs of each") {
            let skip = try await finished("skip"), queue = try await finished("queue")
            return skip.count >= 3 && queue.count >= 3
        }
        for name in ["skip", "queue"] {
            let runs = try await finished(name)
            for (earlier, later) in zip(runs, runs.dropFirst()) {
                let end = try #require(earlier.text("finished_at"))
                #expect(end <= (try #require(later.text("started_at"))), "\(name)")
            }
            #expect(Set(runs.compactMap { $0.text("nominal") }).count == runs.count)
        }
        for run in try await finished("skip") {
            let nominal = try #require(run.text("nominal"))
            let start = try #require(run.text("started_at"))
            #expect(nominal.prefix(19) == start.prefix(19), "what was skipped is not made up for")
        }
        _ = try await engine.stop()
    }
}
