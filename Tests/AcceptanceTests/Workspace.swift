import Foundation
import Glibc
import Synchronization
import Testing

/// A workspace of one test in a temporary folder, which goes when the test is over.
///
/// `workspace.folder` is the workspace itself; the programs' outputs and the receivers' stores lie beside it.
final class Workspace: Sendable {
    let root: String
    let folder: String
    /// Programs and servers that live as long as the workspace.
    private let kept = Mutex<[any AnyObject & Sendable]>([])
    /// The write key of every test: whatever a test leaves behind is searched for it, in every form, when the test is over.
    static let key = "wk-canary-0123456789"
    private static let search = SecretSearch(["the write key": key])
    /// Where a test itself puts the key, as paths below ``root``.
    private let keyed = Mutex<Set<String>>([])

    /// - Parameter place: the folder in which it is made, with a slash at its end.
    init(in place: String = NSTemporaryDirectory()) throws {
        root = place + "rollcall-acceptance-\(UUID().uuidString.prefix(8))"
        folder = root + "/w"
        for path in [root, folder, folder + "/cohorts", root + "/home"] {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
    }

    func keep(_ object: any AnyObject & Sendable) { kept.withLock { $0.append(object) } }

    /// Says that this test writes the key into a file of its own, such as one that a secret is read from.
    func expectKey(in path: String) { keyed.withLock { _ = $0.insert(path) } }

    deinit {
        kept.withLock { $0 = [] }
        for hit in Self.search.hits(below: root, except: keyed.withLock { $0 }) { Issue.record("a test's files hold \(hit)") }
        try? FileManager.default.removeItem(atPath: root)
    }

    var environment: [String: String] {
        [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "HOME": root + "/home",
            "ROLLCALL_WORKSPACE": folder, "WRITE_KEY": Self.key, "LANG": "C.UTF-8",
        ]
    }

    // MARK: - Files

    func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

    func write(_ name: String, _ content: [UInt8]) throws {
        try Data(content).write(to: URL(fileURLWithPath: folder + "/" + name), options: .atomic)
    }

    func read(_ name: String) -> String { String(decoding: bytes(at: folder + "/" + name), as: UTF8.self) }

    /// Writes `cohorts/vip.csv`: one id a line.
    func list(_ ids: some Sequence<String>, in name: String = "vip") throws {
        try write("cohorts/\(name).csv", ids.map { $0 + "\n" }.joined())
    }

    /// Writes the members `u-000001`… of these numbers.
    func list(_ numbers: ClosedRange<Int>, and others: [String] = []) throws {
        try list(numbers.map(Self.id) + others)
    }

    static func id(_ number: Int) -> String {
        let digits = String(number)
        return "u-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    /// Writes a configuration with the one sync `vip@seg` from `cohorts/vip.csv` to a Segment destination.
    /// - Parameters:
    ///   - settings: further settings of the destination, such as `rate: 500/s`.
    ///   - cohort: further lines of the cohort, such as `guards: off`.
    func configure(
        _ endpoint: String, settings: String = "", cohort: [String] = [], schedule: String = "manual"
    ) throws {
        let more = settings.isEmpty ? "" : ", " + settings
        try write("rollcall.yaml", """
            version: 1
            sources:
              lists: {kind: csv, directory: cohorts}
            destinations:
              seg: {kind: segment, endpoint: "\(endpoint)", write_key: {env: WRITE_KEY}\(more)}
            cohorts:
              vip:
                name: VIP
                id: v1
                source: lists
                file: vip.csv
                to: [seg]
                schedule: \(schedule)

            """ + cohort.map { "    \($0)\n" }.joined())
    }

    /// The trait of ``configure(_:settings:cohort:schedule:)`` and its column at the receiver.
    static let trait = "[Amplitude] VIP (v1)"
    static let column = "amplitude_vip_v1"

    /// Exchanges text in the configuration; the text must be there.
    func edit(_ old: String, _ new: String) throws {
        let text = read("rollcall.yaml")
        try #require(text.contains(old), "\(old) is not in \(text)")
        try write("rollcall.yaml", text.replacingOccurrences(of: old, with: new))
    }

    // MARK: - Programs

    func start(_ arguments: [String], environment more: [String: String] = [:]) throws -> Program {
        try Program(
            RollcallBinary.path, arguments, environment: environment.merging(more) { $1 }, folder: root)
    }

    /// Runs `rollcall` with these arguments to its end.
    func rollcall(
        _ arguments: String..., environment more: [String: String] = [:], within seconds: Double = 120
    ) async throws -> Ending {
        try await start(arguments, environment: more).ending(within: seconds)
    }

    /// Runs `rollcall … --json`, expects an exit code, and returns the lines.
    func listing(
        _ arguments: String..., expecting code: Int32 = 0, location: SourceLocation = #_sourceLocation
    ) async throws -> [JSON] {
        let ending = try await start(arguments + ["--json"]).ending()
        #expect(ending.code == code, "\(arguments): \(ending.errors) \(ending.text)", sourceLocation: location)
        return try ending.lines()
    }

    /// Runs `rollcall sync vip --json …`, expects an exit code, checks the books, and returns the run.
    @discardableResult
    func sync(
        _ arguments: String..., expecting code: Int32 = 0, location: SourceLocation = #_sourceLocation
    ) async throws -> JSON {
        let ending = try await start(["sync", "vip", "--json"] + arguments).ending()
        #expect(
            ending.code == code, "sync vip \(arguments): \(ending.errors)\(ending.text)", sourceLocation: location)
        let run = try #require(
            try ending.lines().last, "no run was printed: \(ending.errors)", sourceLocation: location)
        expectBooks(of: run, location: location)
        return run
    }

    /// The lines of `status`, by sync.
    func status() async throws -> [String: JSON] {
        var found: [String: JSON] = [:]
        for line in try await listing("status") { found[line.text("sync") ?? ""] = line }
        return found
    }

    /// The ledger's members of `vip@seg`.
    func members() async throws -> Set<[UInt8]> {
        Set(try await listing("members", "vip").compactMap { $0["member"]?.bytes })
    }

    /// Checks every state file and the ledger's books.
    func expectSoundState(location: SourceLocation = #_sourceLocation) async throws {
        let ending = try await rollcall("verify")
        #expect(ending.code == 0, "\(ending.text)\(ending.errors)", sourceLocation: location)
    }
}

/// The equations of PRODUCT.md §3 that a run's numbers satisfy.
func expectBooks(of run: JSON, location: SourceLocation = #_sourceLocation) {
    func count(_ name: String) -> Int { run.count(name) ?? -1_000_000_000 }
    let read = count("members") + count("duplicates") + count("invalid")
    #expect(count("read") == read, "read: \(run)", sourceLocation: location)
    #expect(count("unreadable") <= count("invalid"), "\(run)", sourceLocation: location)
    let changes = count("entered") + count("left") + count("reasserted")
    let answers = count("accepted") + count("rejected") + count("pending")
    #expect(changes == answers, "changes: \(run)", sourceLocation: location)
}

/// The ids of numbers, as bytes.
func ids(_ numbers: ClosedRange<Int>) -> Set<[UInt8]> { Set(numbers.map { Array(Workspace.id($0).utf8) }) }

/// Lets only a few tests run at a time: each starts processes, and two cores are soon busy.
struct Rationed: SuiteTrait, TestTrait, TestScoping {
    private static let permits = Permits(5)

    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard !test.isSuite else { return try await function() }
        await Self.permits.take()
        do {
            try await function()
        } catch {
            await Self.permits.giveBack()
            throw error
        }
        await Self.permits.giveBack()
    }
}

extension Trait where Self == Rationed {
    static var rationed: Rationed { Rationed() }
}

/// A number of permits; who finds none waits for one.
private actor Permits {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ free: Int) { self.free = free }

    func take() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    func giveBack() {
        if waiting.isEmpty {
            free += 1
        } else {
            waiting.removeFirst().resume()
        }
    }
}
