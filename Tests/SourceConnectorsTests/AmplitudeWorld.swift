import AmplitudeStandIn
import Glibc
import HTTPClient
import Scheduling
import Secrets
import SyncEngine
import Synchronization

@testable import SourceConnectors

/// A clock on which waiting takes next to no time. It stands still while anybody works, however slow this machine is, and
/// moves to the first deadline once all who work by it sleep.
final class LeapingClock: EngineClock {
    private struct State {
        var elapsed: Int64 = 0
        var workers = 0
        var deadlines: [Int: Int64] = [:]
        var next = 0

        /// Those who have slept long enough count as working, though they do not know it yet.
        mutating func leap() {
            let asleep = deadlines.values.filter { $0 > elapsed }
            if asleep.count >= max(1, workers), let first = asleep.min() { elapsed = first }
        }
    }

    private let state = Mutex(State())

    func now() -> Instant { Instant(seconds: 1_772_366_400).advanced(milliseconds: monotonic()) }
    func monotonic() -> Int64 { state.withLock { $0.elapsed } }
    func advance(milliseconds: Int64) { state.withLock { $0.elapsed += milliseconds } }

    /// One more, or one less, who works by this clock and sleeps on nothing else but the network.
    func work(_ step: Int) { state.withLock { $0.workers += step } }

    func sleep(until deadline: Int64) async {
        let number = state.withLock { state in
            state.next += 1
            state.deadlines[state.next] = deadline
            return state.next
        }
        while !state.withLock({ state in
            state.leap()
            guard state.elapsed >= deadline else { return false }
            state.deadlines[number] = nil
            return true
        }) { try? await Task.sleep(nanoseconds: 1_000_000) }
    }
}

/// What one fetch came to.
struct Fetched: Sendable {
    var ids: [String] = []
    var nobody = 0
    var unreadable: [UnreadableReason] = []
    var details: [String] = []
    var notes: [String] = []
    var progress: [String] = []
    var failure: SourceError?
}

private final class FetchedRows: MemberRows {
    /// Told from any thread.
    private final class Told: Sendable {
        let sentences = Mutex<[String]>([])
    }

    var fetched = Fetched()
    private let told = Told()

    var progress: @Sendable (String) -> Void { { [told] sentence in told.sentences.withLock { $0.append(sentence) } } }
    var progressTold: [String] { told.sentences.withLock { $0 } }

    func row(_ id: UnsafeRawBufferPointer, at position: Int) {
        if id.isEmpty { fetched.nobody += 1 } else { fetched.ids.append(String(decoding: id, as: UTF8.self)) }
    }
    func nobody(at position: Int) { fetched.nobody += 1 }
    func unreadable(_ reason: UnreadableReason, at position: Int, detail: String) {
        fetched.unreadable.append(reason)
        fetched.details.append(detail)
    }
    func note(_ sentence: String) { fetched.notes.append(sentence) }
}

/// A stand-in for Amplitude and sources that read from it, on a virtual clock.
final class AmplitudeWorld: Sendable {
    let clock: LeapingClock
    let standIn: AmplitudeStandIn
    let endpoint: String
    let account: AmplitudeAccount
    let folder: String
    private let transport = CurlTransport()
    private let apiKey: String

    init(
        limits: DownloadLimits = DownloadLimits(), apiKey: String = "api-key-canary",
        _ change: (inout StandInSettings) -> Void = { _ in }
    ) async throws {
        let clock = LeapingClock()
        var settings = StandInSettings { clock.now().milliseconds }
        settings.apiKey = "api-key-canary"
        settings.secretKey = "secret-key-canary"
        change(&settings)
        self.clock = clock
        self.apiKey = apiKey
        standIn = AmplitudeStandIn(settings)
        endpoint = try await standIn.start()
        var name = Array("/tmp/rollcall-amplitude-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else { throw StandInError(description: "no temporary folder: \(errno)") }
        folder = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        account = AmplitudeAccount(account: "test", limits: limits, store: nil, clock: clock, scratch: folder)
    }

    deinit { runShell("rm -rf '\(folder)'") }

    /// Files in the scratch folder.
    var files: [String] { StateFolder.names(in: folder) }

    func put(_ id: String, _ members: [String], name: String = "Big", computed: Int64? = 1) {
        standIn.put(StandInCohort(id: id, name: name, lastComputed: computed) { members })
    }

    func source(_ id: String = "c1", name: String = "Big", reading: AmplitudeReading = AmplitudeReading(shareSeconds: 0))
        throws -> AmplitudeSource {
        AmplitudeSource(
            cohort: id, name: name, reading: reading, project: try project(), account: account, transport: transport)
    }

    func catalog() throws -> AmplitudeCatalog {
        AmplitudeCatalog(project: try project(), account: account, transport: transport)
    }

    func source(
        _ id: String, reading: AmplitudeReading, project: AmplitudeProject, account: AmplitudeAccount
    ) -> AmplitudeSource {
        AmplitudeSource(
            cohort: id, name: "Big", reading: reading, project: project, account: account, transport: transport)
    }

    func project(
        apiKey: String? = nil, secretKey: String = "secret-key-canary", salt: [UInt8] = [], revision: String = ""
    ) throws -> AmplitudeProject {
        AmplitudeProject(
            endpoint: try WebAddress(base: endpoint), apiKey: Secret(Array((apiKey ?? self.apiKey).utf8)),
            secretKey: Secret(Array(secretKey.utf8)), salt: salt, revision: revision)
    }

    /// Fetches on a thread of its own, as the engine does.
    func fetch(
        _ source: AmplitudeSource, occasion: FetchOccasion = .schedule, stop: StopFlag = StopFlag()
    ) async -> Fetched {
        clock.work(1)
        defer { clock.work(-1) }
        return await BlockingThread.run {
            let rows = FetchedRows()
            do throws(SourceError) {
                try source.fetch(into: rows, occasion: occasion, stop: stop)
            } catch {
                rows.fetched.failure = error
            }
            rows.fetched.progress = rows.progressTold
            return rows.fetched
        }
    }

    func calls(_ call: StandInCall) -> [StandInRequest] { standIn.requests.filter { $0.call == call } }
}
