import AmplitudeStandIn
import Foundation
import Glibc
import Synchronization
import Testing

@testable import TerminalHarness

/// Keys that act on runs, rejects and files, PRODUCT.md §6, with the real program on a real terminal.
@Suite(.rationed)
struct DashboardKeyTests {
    private func world(
        _ members: ClosedRange<Int> = 1...20, settings: String = ""
    ) async throws -> (Workspace, RunningReceiver) {
        let workspace = try Workspace()
        let receiver = try await RunningReceiver(in: workspace)
        try workspace.configure(receiver.endpoint, settings: settings)
        try workspace.list(members)
        return (workspace, receiver)
    }

    private func opened(
        _ workspace: Workspace, environment: [String: String] = [:], term: String = "xterm-256color", width: Int = 80
    ) throws -> RunningDashboard {
        let dashboard = try RunningDashboard(in: workspace, term: term, environment: environment, width: width)
        dashboard.see("vip@seg")
        dashboard.see("live")
        return dashboard
    }

    /// Waits until the Overview shows that the run is over: leaving an engine with a run under way asks first.
    private func settled(_ dashboard: RunningDashboard) {
        dashboard.see(" ok ")
        dashboard.see("run 0")
    }

    private func runs(_ workspace: Workspace) async throws -> [JSON] { try await workspace.listing("runs") }

    // MARK: - Runs

    @Test("x asks; y cancels: requests on the wire count, the rest stays owed")
    func cancel() async throws {
        let (workspace, receiver) = try await world(1...400, settings: "rate: 40/s")
        let dashboard = try opened(workspace)
        dashboard.press("x")
        dashboard.see("no run is under way here")
        dashboard.press("r")
        dashboard.press("y")
        try await eventually("the run sends") { try receiver.calls() > 0 }
        dashboard.see("run 1")
        dashboard.press("x")
        dashboard.see("cancel run 1 of vip@seg")
        dashboard.press("\r")
        dashboard.seeNoMore("cancel run 1 of vip@seg")
        #expect(try await runs(workspace).first?.text("phase") == "sending", "Enter cancels nothing")
        dashboard.press("x")
        dashboard.see("cancel run 1 of vip@seg")
        dashboard.press("y")
        dashboard.see("cancelled")
        try await eventually("the run is cancelled") { try await runs(workspace).first?.text("outcome") == "cancelled" }
        let run = try #require(try await runs(workspace).first)
        let accepted = try #require(run.count("accepted"))
        #expect(try accepted < 400 && receiver.calls() == accepted)
        #expect(run.count("pending") == 400 - accepted)
        dashboard.see("run 0")
        try dashboard.quit()
        try await workspace.expectSoundState()
    }

    @Test("F freezes and lifts everything, each asks; what is frozen starts nothing")
    func freeze() async throws {
        let (workspace, receiver) = try await world()
        let dashboard = try opened(workspace)
        dashboard.press("F")
        dashboard.see("freeze everything?")
        dashboard.press("\r")
        dashboard.seeNoMore("freeze everything?")
        #expect(try await workspace.status()["vip@seg"]?.text("state") != "frozen")
        dashboard.press("F")
        dashboard.press("y")
        dashboard.see("everything is frozen")
        try await eventually("it is frozen") { try await workspace.status()["vip@seg"]?.text("state") == "frozen" }
        dashboard.press("r")
        dashboard.see("F lifts it")
        #expect(try await runs(workspace).isEmpty)
        dashboard.press("F")
        dashboard.see("lift the freeze?")
        dashboard.press("y")
        try await eventually("it is lifted") { try await workspace.status()["vip@seg"]?.text("state") != "frozen" }
        dashboard.see("the freeze is lifted")
        dashboard.press("r")
        dashboard.see("sync vip@seg now?")
        dashboard.press("y")
        try await eventually("it syncs again") { try receiver.members() == ids(1...20) }
        settled(dashboard)
        try dashboard.quit()
    }

    @Test("d answers the question of r with a dry run: the plan shows and nothing is sent or kept")
    func dryRunFromTheQuestion() async throws {
        let (workspace, receiver) = try await world()
        let dashboard = try opened(workspace)
        dashboard.press("r")
        dashboard.see("d dry-runs")
        dashboard.press("d")
        dashboard.see("u-000001")
        #expect(try receiver.calls() == 0)
        #expect(try await runs(workspace).isEmpty)
        dashboard.pty.press("\u{1B}")
        try dashboard.quit()
    }

    // MARK: - Rejects

    /// A workspace with the members 1…20 of whom some are refused until told otherwise.
    private func refused(_ bad: [Int]) async throws -> (Workspace, WireSink, Mercy) {
        let workspace = try Workspace()
        let mercy = Mercy()
        let words = bad.map(Workspace.id)
        let sink = try WireSink(in: workspace) { request, _ in
            let body = String(decoding: request.body, as: UTF8.self)
            return !mercy.isGiven && words.contains { body.contains($0) } ? .status(400) : .status(200)
        }
        try workspace.configure(sink.endpoint)
        try workspace.list(1...20)
        try await workspace.sync(expecting: 2)
        return (workspace, sink, mercy)
    }

    private final class Mercy: Sendable {
        private let value = Atomic<Bool>(false)
        var isGiven: Bool { value.load(ordering: .relaxed) }
        func give() { value.store(true, ordering: .relaxed) }
    }

    @Test("R retries the chosen rejects by running their sync")
    func retry() async throws {
        let (workspace, _, mercy) = try await refused([7])
        let dashboard = try opened(workspace)
        dashboard.press("7")
        dashboard.see("u-000007")
        dashboard.press("R")
        dashboard.see("retry 1 reject")
        dashboard.press("n")
        dashboard.seeNoMore("retry 1 reject")
        #expect(try await runs(workspace).count == 1)
        mercy.give()
        dashboard.press("R")
        dashboard.see("retry 1 reject")
        dashboard.press("y")
        try await eventually("nobody is rejected any more") { try await workspace.listing("rejects").isEmpty }
        dashboard.seeNoMore("u-000007")
        #expect(try await workspace.members() == ids(1...20))
        dashboard.press("q")
        settled(dashboard)
        try dashboard.quit()
    }

    @Test("X dismisses: one asks, several ask for their number")
    func dismiss() async throws {
        let (workspace, _, _) = try await refused([3, 7, 11])
        let dashboard = try opened(workspace)
        dashboard.press("7")
        for user in ["u-000003", "u-000007", "u-000011"] { dashboard.see(user) }
        dashboard.press("X")
        dashboard.see("dismiss u-0000")
        dashboard.press("\r")
        dashboard.seeNoMore("dismiss u-0000")
        #expect(try await workspace.listing("rejects").count == 3)
        dashboard.press("X")
        dashboard.see("dismiss u-0000")
        dashboard.press("y")
        try await eventually("one is dismissed") { try await dismissed(workspace) == 1 }
        try await eventually("two are left on the screen") { rows(dashboard, "u-0000") == 2 }
        dashboard.press("*")
        dashboard.press("X")
        dashboard.see("dismiss 2 rejects? Type 2, then y")
        dashboard.press("3y")
        dashboard.seeNoMore("Type 2, then y")
        #expect(try await dismissed(workspace) == 1, "the wrong number dismisses nobody")
        dashboard.press("X")
        dashboard.press("2y")
        try await eventually("all are dismissed") { try await dismissed(workspace) == 3 }
        try await eventually("the screen is empty") { rows(dashboard, "u-0000") == 0 }
        dashboard.press("q")
        try dashboard.quit()
        #expect(try await workspace.sync().text("outcome") == "unchanged", "who is dismissed is not sent again")
    }

    private func dismissed(_ workspace: Workspace) async throws -> Int {
        try await workspace.listing("rejects").count { $0.flag("dismissed") == true }
    }

    /// Rows of the screen that name something.
    private func rows(_ dashboard: RunningDashboard, _ text: String) -> Int {
        dashboard.pty.drain(milliseconds: 20)
        return dashboard.pty.screen.lines.count { $0.contains(text) }
    }

    // MARK: - Users and copies

    @Test("U looks one user up across all cohorts")
    func user() async throws {
        let (workspace, _) = try await world()
        try await workspace.sync()
        let dashboard = try opened(workspace)
        dashboard.press("U")
        dashboard.press("u-000007\r")
        dashboard.see("u-000007")
        dashboard.see("vip@seg")
        dashboard.see("entered")
        dashboard.press("q")
        dashboard.see("vip@seg")
        // Who is nowhere is said to be nowhere.
        dashboard.press("Unobody-at-all\r")
        dashboard.see("nobody-at-all")
        dashboard.see("never told")
        dashboard.press("q")
        try dashboard.quit()
    }

    @Test("y copies the cell by OSC 52 and into a file of its own; a terminal that takes none still has the file")
    func copy() async throws {
        let (workspace, _) = try await world()
        let clip = workspace.folder + "/.rollcall/dumps/clip.txt"
        for term in ["xterm-256color", "vt100"] {
            let dashboard = try opened(workspace, term: term)
            dashboard.press("y")
            dashboard.see(term == "vt100" ? "this terminal takes no clipboard text" : "copied")
            let sequence = "\u{1B}]52;c;\(Data("vip@seg".utf8).base64EncodedString())\u{7}"
            let text = String(decoding: dashboard.pty.bytes, as: UTF8.self)
            #expect(text.contains(sequence) == (term != "vt100"), "\(term)")
            #expect(!text.contains("]52;") || term != "vt100")
            #expect(String(decoding: bytes(at: clip), as: UTF8.self) == "vip@seg")
            #expect(try FileManager.default.attributesOfItem(atPath: clip)[.posixPermissions] as? Int == 0o600)
            dashboard.press("Y")
            try await eventually("the row is kept") { String(decoding: bytes(at: clip), as: UTF8.self).contains("manual") }
            try dashboard.quit()
            unlink(clip)
        }
    }

    // MARK: - Files in $EDITOR

    /// An `$EDITOR` that puts this file in the place of what it edits.
    private func editor(_ workspace: Workspace) -> String { workspace.root + "/draft" }

    private func draft(_ workspace: Workspace, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: editor(workspace)), options: .atomic)
    }

    private static let trial = """
        trial:
          name: Trial
          source: lists
          file: trial.csv
          to: [seg]      # where it goes
          schedule: manual

        """

    @Test("A adds a cohort from the editor, checked on return; a draft that does not check out waits and changes nothing")
    func addCohort() async throws {
        let (workspace, receiver) = try await world()
        try workspace.list(["t-1", "t-2"], in: "trial")
        let before = workspace.read("rollcall.yaml")
        let dashboard = try opened(workspace, environment: ["EDITOR": "cp \(editor(workspace))"], width: 160)
        try draft(workspace, "trial:\n  name: Trial\n  source: nosuch\n  file: trial.csv\n  to: [seg]\n")
        dashboard.press("A")
        dashboard.see("not added")
        dashboard.see("nosuch")
        #expect(workspace.read("rollcall.yaml") == before)
        #expect(workspace.read(".rollcall/new-cohort.yaml").contains("nosuch"), "the draft waits")
        try draft(workspace, Self.trial)
        dashboard.press("A")
        dashboard.see("trial@seg")
        let after = workspace.read("rollcall.yaml")
        #expect(after.hasPrefix(before) && after.contains("to: [seg]      # where it goes"), "\(after)")
        try await eventually("the engine knows it") { try await workspace.status()["trial@seg"] != nil }
        #expect(try await workspace.rollcall("check").code == 0)
        #expect(try receiver.calls() == 0)
        try dashboard.quit()
    }

    @Test("A lists what Amplitude has, with size and last computation; A and y add the chosen one, and nothing is downloaded")
    func addFromAmplitude() async throws {
        let workspace = try Workspace()
        let settings = StandInSettings { Int64(Date().timeIntervalSince1970 * 1000) }
        let amplitude = AmplitudeStandIn(settings)
        amplitude.put(StandInCohort(id: "v1", name: "VIP", lastComputed: 1_772_366_400) { ["a"] })
        amplitude.put(StandInCohort(id: "g1", name: "Groups") { ["acme"] })
        amplitude.change("g1") { $0.countGroup = "Company" }
        amplitude.put(StandInCohort(id: "n1", name: "New: it's \"ours\"") { (1...1_234).map(Workspace.id) })
        let endpoint = try await amplitude.start()
        try workspace.write("rollcall.yaml", """
            version: 1
            sources:
              product: {kind: amplitude, endpoint: "\(endpoint)", api_key: {env: AMP_API}, secret_key: {env: AMP_SECRET}}
            destinations:
              seg: {kind: ndjson, path: out.ndjson}
            cohorts:
              vip: {name: VIP, id: v1, source: product, to: [seg], schedule: manual}   # the first

            """)
        let before = workspace.read("rollcall.yaml")
        let keys = ["AMP_API": settings.apiKey, "AMP_SECRET": settings.secretKey]
        let dashboard = try opened(workspace, environment: keys, width: 120)
        dashboard.press("A")
        dashboard.see("cohorts of product")
        dashboard.see("1,234")
        dashboard.see("as vip")
        dashboard.press("A")
        dashboard.see("configured already")
        dashboard.press("jA")
        dashboard.see("cannot be added")
        dashboard.press("jA")
        dashboard.see("y writes rollcall.yaml")
        dashboard.press("\r")
        dashboard.seeNoMore("y writes rollcall.yaml")
        #expect(workspace.read("rollcall.yaml") == before, "Enter adds nothing")
        dashboard.press("A")
        dashboard.see("cohorts of product")
        dashboard.press("jjA")
        dashboard.see("y writes rollcall.yaml")
        dashboard.press("y")
        dashboard.see("is added")
        let after = workspace.read("rollcall.yaml")
        #expect(after.hasPrefix(before) && after.contains("id: 'n1'") && after.contains("name: 'New: it''s \"ours\"'"), "\(after)")
        dashboard.see("@seg")
        #expect(amplitude.downloads == 0 && amplitude.violations == [])
        try dashboard.quit()
        await amplitude.stop()
    }

    @Test("in an empty workspace A makes the first cohort, and the dashboard becomes its engine")
    func addTheFirstCohort() async throws {
        let workspace = try Workspace()
        try workspace.write("list.csv", "a\nb\n")
        try draft(workspace, "first:\n  name: First\n  source: lists\n  file: list.csv\n  to: [file]\n  schedule: manual\n")
        let dashboard = try RunningDashboard(in: workspace, environment: ["EDITOR": "cp \(editor(workspace))"])
        dashboard.see("rollcall.yaml")
        dashboard.press("A")
        dashboard.see("first@file")
        try await eventually("it hosts an engine") {
            try await workspace.rollcall("status", "--json").code == 0 && workspace.hasSocket
        }
        dashboard.see("live")
        dashboard.press("r")
        dashboard.see("sync first@file now?")
        dashboard.press("y")
        try await eventually("both are told") { workspace.read("out.ndjson").split(separator: "\n").count == 2 }
        settled(dashboard)
        try dashboard.quit()
        #expect(!workspace.hasSocket, "the workspace is free again")
    }

    @Test("E edits the file in $EDITOR: it is judged on return; what is refused leaves the last good one active")
    func editTheFile() async throws {
        let (workspace, _) = try await world()
        let dashboard = try opened(workspace, environment: ["EDITOR": "cp \(editor(workspace))"], width: 160)
        try draft(workspace, workspace.read("rollcall.yaml").replacingOccurrences(of: "manual", with: "daily at 06:30"))
        dashboard.press("E")
        dashboard.see("rollcall.yaml checks out")
        dashboard.see("daily at 06")
        try await eventually("the engine follows") {
            try await workspace.status()["vip@seg"]?.text("schedule")?.contains("daily at 06:30") == true
        }
        try draft(workspace, workspace.read("rollcall.yaml").replacingOccurrences(of: "daily at 06:30", with: "now and then"))
        dashboard.press("E")
        dashboard.see("rollcall.yaml is refused")
        #expect(try await workspace.rollcall("status", "--json").text.contains("daily at 06:30"))
        dashboard.see("vip@seg")
        try dashboard.quit()
    }

    @Test("an editor that fails is said to have failed, and the terminal comes back")
    func editorFails() async throws {
        let (workspace, _) = try await world()
        let before = workspace.read("rollcall.yaml")
        let dashboard = try opened(workspace, environment: ["EDITOR": "false"])
        dashboard.press("E")
        dashboard.see("ended with 1")
        dashboard.press("j")
        #expect(workspace.read("rollcall.yaml") == before)
        try dashboard.quit()
    }
}

extension Workspace {
    /// Whether somebody serves it.
    fileprivate var hasSocket: Bool { access(folder + "/.rollcall/control.sock", F_OK) == 0 }
}
