import AmplitudeStandIn
import Glibc
import HTTPClient
import Scheduling
import Secrets
import SyncEngine
import Synchronization

@testable import SourceConnectors

/// A clock on which waiting takes next to no time: whoever sleeps moves it to their deadline. A thousandth of a second
/// passes all the same, or those who wait for another's answer from the network would run years ahead of it.
final class LeapingClock: EngineClock {
    private let elapsed = Mutex<Int64>(0)

    func now() -> Instant { Instant(seconds: 1_772_366_400).advanced(milliseconds: monotonic()) }
    func monotonic() -> Int64 { elapsed.withLock { $0 } }
    func advance(milliseconds: Int64) { elapsed.withLock { $0 += milliseconds } }

    func sleep(until deadline: Int64) async {
        elapsed.withLock { $0 = max($0, deadline) }
        try? await Task.sleep(nanoseconds: 1_000_000)
    }
}

/// What one fetch came to.
struct Fetched: Sendable {
    var ids: [String] = []
    var nobody = 0
    var unreadable: [UnreadableReason] = []
    var details: [String] = []
    var notes: [String] = []
    var failure: SourceError?
}

private final class FetchedRows: MemberRows {
    var fetched = Fetched()

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
    private let folder: String
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

    private func project() throws -> AmplitudeProject {
        AmplitudeProject(
            endpoint: try WebAddress(base: endpoint), apiKey: Secret(Array(apiKey.utf8)),
            secretKey: Secret(Array("secret-key-canary".utf8)))
    }

    /// Fetches on a thread of its own, as the engine does.
    func fetch(
        _ source: AmplitudeSource, occasion: FetchOccasion = .schedule, stop: StopFlag = StopFlag()
    ) async -> Fetched {
        await BlockingThread.run {
            let rows = FetchedRows()
            do throws(SourceError) {
                try source.fetch(into: rows, occasion: occasion, stop: stop)
            } catch {
                rows.fetched.failure = error
            }
            return rows.fetched
        }
    }

    func calls(_ call: StandInCall) -> [StandInRequest] { standIn.requests.filter { $0.call == call } }
}
