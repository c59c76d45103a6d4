import AmplitudeStandIn
import Foundation
import Synchronization
import Testing

/// The way from a cohort in Amplitude to a trait in Segment, with the real program and local servers on both ends.
@Suite(.rationed)
struct AmplitudeTests {
    static let apiKey = "amp-api-canary-31415926"
    static let secretKey = "amp-secret-canary-27182818"

    /// Members that a test changes.
    final class Members: Sendable {
        private let list = Mutex<[String]>([])
        init(_ numbers: ClosedRange<Int>) { set(numbers) }
        func set(_ numbers: ClosedRange<Int>, and others: [String] = []) {
            list.withLock { $0 = numbers.map(Workspace.id) + others }
        }
        var all: [String] { list.withLock { $0 } }
    }

    private func standIn(_ change: (inout StandInSettings) -> Void = { _ in }) -> AmplitudeStandIn {
        var settings = StandInSettings { Int64(Date().timeIntervalSince1970 * 1000) }
        settings.apiKey = Self.apiKey
        settings.secretKey = Self.secretKey
        settings.jobMilliseconds = 300
        change(&settings)
        return AmplitudeStandIn(settings)
    }

    private func configure(
        _ workspace: Workspace, _ amplitude: String, _ destination: String, source: String = "",
        schedule: String = "manual", more: String = ""
    ) throws {
        try workspace.write("rollcall.yaml", """
            version: 1
            sources:
              product:
                kind: amplitude
                endpoint: "\(amplitude)"
                api_key: {env: AMP_API}
                secret_key: {env: AMP_SECRET}
            \(source.isEmpty ? "" : "    \(source)\n")\
            destinations:
              seg: \(destination)
            cohorts:
              vip:
                name: VIP
                id: v1
                source: product
                to: [seg]
                schedule: \(schedule)
            \(more)
            """)
    }

    private func segment(_ endpoint: String) -> String {
        "{kind: segment, endpoint: \"\(endpoint)\", write_key: {env: WRITE_KEY}}"
    }

    static let keys = ["AMP_API": apiKey, "AMP_SECRET": secretKey]

    private func run(
        _ workspace: Workspace, _ arguments: String..., expecting code: Int32 = 0,
        location: SourceLocation = #_sourceLocation
    ) async throws -> Ending {
        let ending = try await workspace.start(arguments, environment: Self.keys).ending(within: 400)
        #expect(ending.code == code, "\(arguments): \(ending.text) \(ending.errors)", sourceLocation: location)
        return ending
    }

    @Test("from a cohort in Amplitude to a trait in Segment: first everyone, then only who moved")
    func wholeWay() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        let amplitude = standIn { $0.redirectAbove = 30 }
        let members = Members(1...60)
        amplitude.put(StandInCohort(id: "v1", name: "VIP") { members.all })
        try configure(workspace, try await amplitude.start(), segment(receiver.endpoint))
        members.set(1...60, and: ["", "", "", Workspace.id(7)])
        let first = try #require(try await run(workspace, "sync", "vip", "--json").lines().last)
        expectBooks(of: first)
        #expect(first.count("entered") == 60 && first.count("invalid") == 3 && first.count("duplicates") == 1)
        #expect(first.text("outcome") == "succeeded", "anonymous users withhold nothing")
        #expect(try receiver.members() == ids(1...60))
        members.set(3...62)
        let second = try #require(try await run(workspace, "sync", "vip", "--json").lines().last)
        #expect(second.count("entered") == 2 && second.count("left") == 2)
        #expect(try receiver.members() == ids(3...62))
        #expect(try receiver.leavers() == ids(1...2))
        #expect(amplitude.downloads == 2)
        // The month stands in the store, in status and in the plan.
        let status = try await run(workspace, "status").text
        #expect(status.contains("downloads of product: 2 of 500 used"), "\(status)")
        let plan = try #require(try await run(workspace, "plan", "vip", "--json").lines().last)
        #expect(plan["quota"]?.count("used") == 3, "a plan costs a download too: \(plan)")
        #expect(amplitude.violations == [])
        await amplitude.stop()
    }

    @Test("the keys are in every request to their own host and nowhere else")
    func keysStayAtHome() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        let amplitude = standIn { $0.redirectAbove = 0 }
        amplitude.put(StandInCohort(id: "v1", name: "VIP") { (1...20).map(Workspace.id) })
        try configure(workspace, try await amplitude.start(), segment(sink.endpoint))
        var text = try await run(workspace, "sync", "vip", "--json").text
        for fault in [StandInFault.status(403, body: "bad \(Self.secretKey)"), .status(400, body: Self.apiKey)] {
            amplitude.script(.list, [fault])
            let ending = try await run(workspace, "sync", "vip", expecting: 1)
            text += ending.text + ending.errors
        }
        for command in [["check", "--connect"], ["runs", "--json"], ["status", "--json"], ["status"], ["doctor"]] {
            let ending = try await workspace.start(command, environment: Self.keys).ending()
            text += ending.text + ending.errors
        }
        for name in try FileManager.default.subpathsOfDirectory(atPath: workspace.folder) {
            text += String(decoding: bytes(at: workspace.folder + "/" + name), as: UTF8.self)
        }
        for request in sink.requests {
            text += request.line + request.headers.map { "\($0.key): \($0.value)" }.joined()
            text += String(decoding: request.body, as: UTF8.self)
        }
        let pair = Data("\(Self.apiKey):\(Self.secretKey)".utf8).base64EncodedString()
        for form in [Self.apiKey, Self.secretKey, pair] {
            #expect(!text.contains(form), "a key is printed, stored or sent elsewhere")
        }
        #expect(!sink.requests.isEmpty)
        let links = amplitude.requests.filter { $0.call == .link }
        #expect(!links.isEmpty && links.allSatisfy { !$0.hasAuthorization }, "where the redirect led, no keys came")
        #expect(amplitude.requests.filter { $0.call != .link }.allSatisfy { $0.hasAuthorization })
        await amplitude.stop()
    }

    @Test("check --connect lists what Amplitude has next to what is configured")
    func check() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        let amplitude = standIn { $0.used = 17 }
        amplitude.put(StandInCohort(id: "v1", name: "VIP", lastComputed: 1_772_366_400) { ["a", "b"] })
        amplitude.put(StandInCohort(id: "x2", name: "Other\u{1B}[31m") { [] })
        try configure(workspace, try await amplitude.start(), segment(sink.endpoint))
        let good = try await run(workspace, "check", "--connect").text
        #expect(good.contains("2 cohorts; 17 of 500 downloads of the month used"), "\(good)")
        #expect(good.contains("2 members, computed 2026-03-01T12:00:00Z  configured as vip"))
        #expect(good.contains("not configured") && !good.contains("\u{1B}"))
        amplitude.archive("v1")
        #expect(try await run(workspace, "check", "--connect", expecting: 1).text.contains("archived"))
        amplitude.delete("v1")
        #expect(try await run(workspace, "check", "--connect", expecting: 1).text.contains("not listed"))
        #expect(amplitude.downloads == 0, "looking costs nothing")
        await amplitude.stop()
    }

    @Test("rows that are missing withhold leaves; a file that is cut off sends nothing")
    func incomplete() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        let amplitude = standIn()
        let members = Members(1...60)
        amplitude.put(StandInCohort(id: "v1", name: "VIP", lastComputed: 1) { members.all })
        try configure(workspace, try await amplitude.start(), segment(receiver.endpoint))
        _ = try await run(workspace, "sync", "vip")
        members.set(1...61)
        amplitude.script(.file, [.half])
        let cut = try #require(try await run(workspace, "sync", "vip", "--json", expecting: 1).lines().last)
        #expect(cut.text("outcome") == "failed" && cut.count("sent") == 0)
        // 61 are counted and 41 come: nobody leaves, whoever is there may join.
        members.set(21...81)
        amplitude.change("v1") { $0.size = 81 }
        let short = try #require(try await run(workspace, "sync", "vip", "--json", expecting: 2).lines().last)
        #expect(short.count("withheld") == 20 && short.count("left") == 0 && short.count("entered") == 21)
        #expect(try receiver.leaves() == 0)
        #expect(try receiver.members() == ids(1...81))
        await amplitude.stop()
    }

    @Test("a rename, an archive and a deletion in the middle of a schedule send nothing that nobody chose")
    func middleOfASchedule() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        let amplitude = standIn { $0.quota = 10_000_000 }
        let members = Members(1...60)
        amplitude.put(StandInCohort(id: "v1", name: "VIP") { members.all })
        try configure(
            workspace, try await amplitude.start(), segment(receiver.endpoint), source: "quota: 10000000",
            schedule: "every 4s")
        let engine = try workspace.start(["serve"], environment: Self.keys)
        workspace.keep(engine)
        try await eventually("everyone is told") { try receiver.members() == ids(1...60) }

        // Renamed: the trait stays, and what moves is told under it.
        amplitude.rename("v1", to: "Very Important")
        members.set(2...61)
        try await eventually("who moved is told") { try receiver.members() == ids(2...61) }
        let told = try receiver.calls()
        try await eventually("a run notes the new name") {
            try await workspace.listing("runs", "vip").contains { run in
                run.list("notes").contains { String(decoding: $0.bytes ?? [], as: UTF8.self).contains("Very Important") }
            }
        }

        // Archived: failed before a download.
        amplitude.archive("v1")
        members.set(2...10)
        try await failure(in: workspace, with: "archived")
        let downloads = amplitude.downloads
        #expect(try receiver.calls() == told)
        #expect(amplitude.downloads == downloads)

        // Deleted: failed, whatever else is asked.
        amplitude.delete("v1")
        try await failure(in: workspace, with: "no longer in Amplitude")
        #expect(try receiver.calls() == told)
        #expect(try receiver.members() == ids(2...61))
        #expect(try receiver.leaves() == 1, "only the one who left before")

        engine.send(SIGTERM)
        _ = try await engine.ending(within: 60)
        #expect(amplitude.violations == [])
        try await workspace.expectSoundState()
        await amplitude.stop()
    }

    @Test("what Amplitude has not computed anew is not downloaded again, after a restart neither")
    func skippedOverARestart() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        let amplitude = standIn { $0.quota = 10_000_000 }
        amplitude.put(StandInCohort(id: "v1", name: "VIP", lastComputed: 1) { ["a", "b"] })
        try configure(
            workspace, try await amplitude.start(), segment(sink.endpoint),
            source: "quota: 10000000\n    skip_unchanged: 1d", schedule: "every 1s")
        for start in 1...2 {
            let before = try await workspace.listing("runs", "vip").count
            let engine = try workspace.start(["serve"], environment: Self.keys)
            workspace.keep(engine)
            try await eventually("runs end, start \(start)") {
                try await workspace.listing("runs", "vip").count { $0.text("outcome") == "unchanged" } >= before + 3
            }
            engine.send(SIGTERM)
            _ = try await engine.ending(within: 60)
            #expect(amplitude.downloads == 1)
        }
        #expect(try sink.messages().count == 2)
        await amplitude.stop()
    }

    @Test("purge removes downloads that may serve again, whoever they name")
    func purgeRemovesDownloads() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        let amplitude = standIn()
        amplitude.put(StandInCohort(id: "v1", name: "VIP", lastComputed: 1) { (1...20).map(Workspace.id) })
        try configure(workspace, try await amplitude.start(), segment(sink.endpoint), source: "skip_unchanged: 1d")
        _ = try await run(workspace, "sync", "vip")
        let folder = workspace.folder + "/.rollcall/downloads"
        let kept = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(kept.count == 1)
        let mode = try FileManager.default.attributesOfItem(atPath: folder + "/" + (kept.first ?? ""))[.posixPermissions]
        #expect(mode as? Int == 0o600)
        _ = try await run(workspace, "purge", Workspace.id(3))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        #expect(try #require(try await run(workspace, "sync", "vip", "--json").lines().last).text("outcome") == "unchanged")
        #expect(amplitude.downloads == 2)
        await amplitude.stop()
    }

    @Test("a rename in Amplitude is the operator's to follow: the trait is kept, or moved for everyone as one plan")
    func renameFollowed() async throws {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        let amplitude = standIn()
        let members = Members(1...30)
        amplitude.put(StandInCohort(id: "v1", name: "VIP") { members.all })
        try configure(workspace, try await amplitude.start(), segment(receiver.endpoint))
        _ = try await run(workspace, "sync", "vip")
        amplitude.rename("v1", to: "Very Important")
        members.set(2...31)
        let noted = try #require(try await run(workspace, "sync", "vip", "--json").lines().last)
        #expect(noted.count("entered") == 1 && noted.count("left") == 1)
        // Followed in the file it holds; approved, it goes on under the trait that everyone was told.
        try workspace.edit("name: VIP", "name: Very Important")
        let held = try #require(try await run(workspace, "sync", "vip", "--json", expecting: 3).lines().last)
        #expect(held.list("held_by").contains { String(decoding: $0.bytes ?? [], as: UTF8.self).hasPrefix("definition") })
        _ = try await run(workspace, "approve", held.text("run") ?? "")
        #expect(try receiver.members() == ids(2...31) && receiver.leaves() == 1)
        // Moved: one held plan of both, false on the old trait before true on the new.
        let moving = try #require(try await run(workspace, "migrate", "vip", "--json", expecting: 3).lines().last)
        #expect(try receiver.leaves() == 1, "nothing before it is approved")
        _ = try await run(workspace, "approve", moving.text("run") ?? "")
        #expect(try receiver.members().isEmpty && receiver.leavers() == ids(1...31))
        #expect(try receiver.members("amplitude_very_important_v1") == ids(2...31))
        #expect(amplitude.violations == [])
        await amplitude.stop()
    }

    private func failure(in workspace: Workspace, with words: String) async throws {
        try await eventually("a run fails with \(words)", within: 200) {
            try await workspace.listing("runs", "vip").contains { run in
                run.text("outcome") == "failed" && run.text("reason")?.contains(words) == true
            }
        }
    }

    @Test("a foreground sync says on stderr what it waits for and until when")
    func waitIsTold() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        let amplitude = standIn { $0.jobMilliseconds = 3_000 }
        amplitude.put(StandInCohort(id: "v1", name: "VIP") { ["a"] })
        try configure(workspace, try await amplitude.start(), segment(sink.endpoint))
        let ending = try await run(workspace, "sync", "vip", "--json")
        let line = /vip@seg  run 1  fetching: waiting for Amplitude to prepare the file, until [-0-9]+T[:0-9]+Z at the latest/
        #expect(ending.errors.firstMatch(of: line) != nil, "\(ending.errors)")
        #expect(!ending.text.contains("waiting"))
        await amplitude.stop()
    }

    @Test("refused keys block the schedule after one question, a restart too, and the right ones let it go on")
    func refusedKeys() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        let amplitude = standIn { $0.quota = 10_000_000 }
        amplitude.put(StandInCohort(id: "v1", name: "VIP") { ["a", "b"] })
        try configure(
            workspace, try await amplitude.start(), segment(sink.endpoint), source: "quota: 10000000",
            schedule: "every 2s")
        try workspace.edit("{env: AMP_API}", "{file: api.key}")
        try workspace.write("api.key", "wrong\n")
        chmod(workspace.folder + "/api.key", 0o600)
        let engine = try workspace.start(["serve"], environment: Self.keys)
        workspace.keep(engine)
        try await eventually("the sync is blocked") {
            let status = try await workspace.status()["vip@seg"]
            return status?.text("state") == "blocked" && status?.text("reason")?.contains("region") == true
        }
        let asked = amplitude.requests.count
        var fires: Set<String> = []
        try await eventually("occurrences pass") {
            fires.insert(try await workspace.status()["vip@seg"]?.text("next") ?? "")
            return fires.count > 3
        }
        #expect(amplitude.requests.count == asked, "nothing is asked again")
        #expect(try await workspace.listing("runs", "vip").count == 1)
        // Neither after a restart.
        engine.send(SIGTERM)
        _ = try await engine.ending(within: 60)
        #expect(try await workspace.status()["vip@seg"]?.text("state") == "blocked", "without an engine too")
        let second = try workspace.start(["serve"], environment: Self.keys)
        workspace.keep(second)
        try await eventually("occurrences pass after the restart") {
            fires.insert(try await workspace.status()["vip@seg"]?.text("next") ?? "")
            return fires.count > 5
        }
        #expect(try await workspace.status()["vip@seg"]?.text("state") == "blocked")
        #expect(amplitude.requests.count == asked, "nothing is asked after a restart")
        // An edited configuration is another chance, and so is another key in the same place.
        try workspace.edit("name: VIP", "name: VIP  # looked at")
        try await eventually("the wrong key is tried once more") { amplitude.requests.count == asked + 1 }
        second.send(SIGTERM)
        _ = try await second.ending(within: 60)
        try workspace.write("api.key", Self.apiKey + "\n")
        chmod(workspace.folder + "/api.key", 0o600)
        let third = try workspace.start(["serve"], environment: Self.keys)
        workspace.keep(third)
        try await eventually("it goes on") { try sink.messages().count == 2 }
        third.send(SIGTERM)
        _ = try await third.ending(within: 60)
        await amplitude.stop()
    }

    @Test("one download serves all destinations of a cohort, and a spent month sends nothing")
    func oneDownload() async throws {
        let workspace = try Workspace()
        let sink = try WireSink(in: workspace)
        let amplitude = standIn { settings in
            settings.quota = 2
        }
        let members = Members(1...5)
        amplitude.put(StandInCohort(id: "v1", name: "VIP") { members.all })
        try configure(
            workspace, try await amplitude.start(), segment(sink.endpoint) + "\n  file: {kind: ndjson, path: out.ndjson}")
        try workspace.edit("to: [seg]", "to: [seg, file]")
        #expect(try await run(workspace, "sync", "vip", "--json").lines().count == 2)
        #expect(amplitude.downloads == 1)
        #expect(workspace.read("out.ndjson").split(separator: "\n").count == 5)
        members.set(1...6)
        _ = try await run(workspace, "sync", "vip")
        members.set(1...7)
        let spent = try await run(workspace, "sync", "vip", "--json", expecting: 1).lines()
        #expect(spent.allSatisfy { $0.text("reason")?.contains("2 of 2") == true && $0.count("sent") == 0 })
        #expect(amplitude.downloads == 2 && amplitude.violations == [])
        await amplitude.stop()
    }

    @Test("schedules that cannot fit the month are refused with the arithmetic and what would fit")
    func cannotFit() async throws {
        let workspace = try Workspace()
        try configure(
            workspace, "http://127.0.0.1:9", "{kind: ndjson, path: out.ndjson}", source: "reserve: 20", schedule: "hourly")
        let ending = try await run(workspace, "check", expecting: 78)
        #expect(ending.errors.contains("need 744 downloads in a month of 31 days and its quota is 500, of which 20"))
        #expect(ending.errors.contains("run none more often than every 2h, which needs 372"), "\(ending.errors)")
        try workspace.edit("schedule: hourly", "schedule: every 2h")
        _ = try await run(workspace, "check")
        try workspace.edit("reserve: 20", "reserve: 501")
        #expect(try await run(workspace, "check", expecting: 78).errors.contains("more than its quota"))
    }
}
