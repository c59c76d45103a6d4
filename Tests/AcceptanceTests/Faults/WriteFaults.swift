import Foundation
import Glibc
import Synchronization
import Testing

/// What the library of `Tests/WriteFaults` does to one of a program's changes to its state folder.
enum WriteFault: String, CaseIterable, Sendable {
    case killBefore = "kill-before"
    case killAfter = "kill-after"
    case noSpace = "enospc"
    case noSpaceForEver = "enospc-for-ever"
    case inputOutput = "eio"
    case inputOutputForEver = "eio-for-ever"
    case short
    case readError = "read-eio"
    case readErrorForEver = "read-eio-for-ever"
    /// A read that brings half of what was asked for, as any may.
    case shortRead = "short-read"
    /// EINTR, also of calls that wait or speak over sockets.
    case interrupted = "eintr"

    /// Those of which every point is tried with the tests (reliability.md, figures); of the others a share.
    static let whole: Set<WriteFault> = [.killBefore, .noSpace, .inputOutput, .short]
    var kills: Bool { self == .killBefore || self == .killAfter }
    var isForEver: Bool { self == .noSpaceForEver || self == .inputOutputForEver || self == .readErrorForEver }
    /// Whether the call need only be made again.
    var isHarmless: Bool { self == .short || self == .shortRead || self == .interrupted }
}

/// The library, compiled once for all tests.
enum WriteFaultLibrary {
    static let path: Result<String, any Error> = Result {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("WriteFaults/write_faults.c").path
        let folder = NSTemporaryDirectory() + "rollcall-write-faults-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let compiler = ProcessInfo.processInfo.environment["CC"] ?? "clang"
        process.arguments = [
            compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", folder + "/write-faults.so", source, "-lpthread", "-ldl",
        ]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Overdue(description: "\(compiler) cannot compile \(source)") }
        return folder + "/write-faults.so"
    }

    /// - Parameters:
    ///   - mode: `count`, or a ``WriteFault``'s name.
    ///   - point: the number of the call, from 1.
    static func environment(
        _ mode: String, at point: Int, of folder: String, report: String, until healed: String? = nil, log: String? = nil
    ) throws -> [String: String] {
        var variables = [
            "LD_PRELOAD": try path.get(), "WRITE_FAULTS_MODE": mode, "WRITE_FAULTS_AT": String(point),
            "WRITE_FAULTS_FOLDER": folder, "WRITE_FAULTS_REPORT": report,
        ]
        variables["WRITE_FAULTS_UNTIL"] = healed
        variables["WRITE_FAULTS_LOG"] = log
        return variables
    }
}

/// What is in the middle of happening when the disk fails.
enum FaultScenario: String, CaseIterable, Sendable {
    /// Eight members, no state folder.
    case first
    /// Eight members were told; two leave and two enter.
    case second
    /// Twelve members were being told when the process was killed; meanwhile two leave and two enter.
    case resumed

    /// Who is in the cohort in the end.
    var members: ClosedRange<Int> {
        switch self {
        case .first: 1...8
        case .second: 3...10
        case .resumed: 3...14
        }
    }

    /// Who may ever hear `false`.
    var leavers: Set<String> { self == .first ? [] : [Workspace.id(1), Workspace.id(2)] }
}

/// One workspace with the state in which a scenario begins, and a receiver that takes four messages a request at most, so
/// that a few members make several requests, refusals and halves. Used for one point after another.
final class FaultBench: Sendable {
    let scenario: FaultScenario
    let workspace: Workspace
    let sink: WireSink
    var state: String { workspace.folder + "/.rollcall" }
    /// The state folder as it is when the scenario begins.
    private let template: DiskFolder?
    /// The runs that meet a fault, and those after them.
    private let faulty: ForkServer
    private let healthy: ForkServer
    /// Requests that the receiver had when the scenario began.
    let before: Int

    /// How many messages the receiver takes in one request.
    static let most = 4

    init(_ scenario: FaultScenario) async throws {
        self.scenario = scenario
        let workspace = try Workspace(in: FaultDisk.root)
        self.workspace = workspace
        let pausing = scenario == .resumed
        let taken = TakenCount()
        sink = try WireSink(in: workspace) { request, _ in
            guard Self.takes(request) else { return .status(413, body: "{\"success\":false}") }
            // The second request of the killed process that is small enough is never answered.
            return taken.next() == 2 && pausing ? .silence : .status(200)
        }
        try workspace.configure(sink.endpoint, settings: "requests: 2")
        switch scenario {
        case .first: break
        case .second:
            try workspace.list(1...8)
            try await workspace.sync()
        case .resumed:
            try workspace.list(1...12)
            let sync = try workspace.start(["sync", "vip"])
            try await eventually("the request that is not answered") { taken.value >= 2 }
            sync.send(SIGKILL)
            _ = try await sync.ending()
        }
        before = sink.requests.count
        try workspace.list(scenario.members)
        let state = workspace.folder + "/.rollcall"
        try? FileManager.default.removeItem(atPath: state + "/control.sock")
        template = scenario == .first ? nil : try DiskFolder(at: state)
        func server(_ arguments: [String]) throws -> ForkServer {
            let environment = try WriteFaultLibrary.environment("count", at: 0, of: state, report: workspace.root + "/none")
            return try ForkServer(
                RollcallBinary.path, arguments, environment: workspace.environment.merging(environment) { $1 },
                folder: workspace.root)
        }
        faulty = try server(["sync", "vip", "--json", "--retry-for", "3s"])
        healthy = try server(["sync", "vip", "--json"])
    }

    static func takes(_ request: WireSink.Request) -> Bool {
        (try? JSON(parsing: request.body).list("batch").count <= most) ?? false
    }

    func begin() throws {
        try? FileManager.default.removeItem(atPath: state)
        try template?.write(to: state)
    }

    /// One run of `rollcall sync` under the library.
    /// - Returns: how it ended, and whether the fault came about.
    func sync(_ mode: String, at point: Int) async throws -> (ending: Ending, fired: String?, calls: Int?) {
        let name = UUID().uuidString
        let (report, healed) = ("\(workspace.root)/\(name).report", "\(workspace.root)/\(name).healed")
        // On a disk that stays full or broken the program gives up by itself, and says so.
        let ending = try await faulty.run(mode, at: point, report: report, until: healed)
        defer { unlink(report) }
        let lines = String(decoding: bytes(at: report), as: UTF8.self).split(separator: "\n")
        let fired = lines.first { $0.hasPrefix("fired") }.map(String.init)
        let calls = lines.first { $0.hasPrefix("calls") }.flatMap { Int($0.dropFirst(6)) }
        return (ending, fired, calls)
    }

    /// What is wrong with how the program ended under the fault; nil when nothing is.
    func complaint(_ fault: WriteFault, _ ending: Ending, since mark: Int) throws -> String? {
        if fault.kills { return ending.signal == SIGKILL ? nil : "it was not killed: \(ending)" }
        guard let code = ending.code else { return "signal \(ending.signal ?? 0): \(ending.errors)" }
        let said = ending.text + ending.errors
        if said.contains("Fatal error") || said.contains("Backtrace") || said.contains("0x0000") { return "it crashed: \(said)" }
        if fault.isHarmless, code != 0 { return "exit \(code) where the call need only be repeated: \(said)" }
        switch code {
        case 0: return try wrong(since: mark).map { "exit 0, and \($0)" }
        case 1:
            let names = ["state", "lock", "plan", "ledger", "snapshot", "scratch", "disk", "space", "nput/output", ".rollcall"]
            return names.contains { said.contains($0) } ? nil : "exit 1 without a reason: \(said)"
        default: return "exit \(code): \(said)"
        }
    }

    /// What the receiver holds that it should not, or does not hold; nil when all is well.
    /// - Parameter mark: the number of requests before this point; see ``mark``.
    func wrong(since mark: Int) throws -> String? {
        let all = sink.requests
        let taken = (all[..<before] + all[mark...]).filter(Self.takes)
        var told = ToldStory(scenario)
        for message in try taken.flatMap({ try JSON(parsing: $0.body).list("batch") }) {
            if let complaint = told.take(message) { return complaint }
        }
        return told.complaint
    }

    var mark: Int { sink.requests.count }

    /// An undisturbed run, after which everything must be right.
    func recover(since mark: Int, verifying: Bool) async throws -> String? {
        let ending = try await healthy.run(nil)
        guard ending.code == 0 else {
            return "the next sync ends with \(String(describing: ending.code)): \(ending.text)\(ending.errors)"
        }
        if let problem = try wrong(since: mark) { return problem }
        guard verifying else { return nil }
        let verify = try await workspace.rollcall("verify", within: 60)
        return verify.code == 0 ? nil : "verify: \(verify.text)\(verify.errors)"
    }
}

/// Counts requests that were taken.
private final class TakenCount: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}

/// What a receiver that recognises repeats was told, one message after the other.
struct ToldStory {
    private let scenario: FaultScenario
    private var values: [String: Bool] = [:]
    private var wordings: [String: JSON] = [:]

    init(_ scenario: FaultScenario) { self.scenario = scenario }

    /// - Returns: what is wrong with this message after those before it; nil when nothing is.
    mutating func take(_ message: JSON) -> String? {
        guard let user = message.text("userId"), let id = message.text("messageId"),
            let value = message["traits"]?.flag(Workspace.trait)
        else { return "an unreadable message: \(message)" }
        if let earlier = wordings[id] {
            return earlier == message ? nil : "id \(id) has two wordings: \(earlier), \(message)"
        }
        wordings[id] = message
        if !value, !scenario.leavers.contains(user) { return "a wrong leave of \(user)" }
        guard values.updateValue(value, forKey: user) != value else { return "two ids for one transition of \(user)" }
        return nil
    }

    /// What is wrong in the end.
    var complaint: String? {
        let wanted = Set(scenario.members.map(Workspace.id))
        let present = Set(values.filter(\.value).keys)
        guard present != wanted else { return nil }
        return "lost \(wanted.subtracting(present).sorted()), too many \(present.subtracting(wanted).sorted())"
    }
}
