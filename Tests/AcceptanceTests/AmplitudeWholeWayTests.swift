import AmplitudeStandIn
import Foundation
import Glibc
import Synchronization
import Testing

/// Amplitude to Segment and to PostgreSQL tables in one, with the real program: `ROLLCALL_AMPLITUDE_MEMBERS=2000000` for a
/// cohort of the largest documented size.
@Suite(.rationed)
struct AmplitudeWholeWayTests {
    /// A receiver of the wire alone, for more members than one with a store takes in a test's time.
    private final class Count: Sendable {
        let told = Mutex<(entered: Int, left: Int)>((0, 0))

        func take(_ request: WireSink.Request) {
            let entered = Self.occurrences(of: "(v1)\":true", in: request.body)
            let left = Self.occurrences(of: "(v1)\":false", in: request.body)
            told.withLock { $0 = ($0.entered + entered, $0.left + left) }
        }

        private static func occurrences(of text: String, in body: [UInt8]) -> Int {
            // JSON has no NUL, so the C library may search.
            (body + [0]).map { CChar(bitPattern: $0) }.withUnsafeBufferPointer { bytes in
                var count = 0
                var next = bytes.baseAddress
                while let start = next, let found = strstr(start, text) {
                    count += 1
                    next = UnsafePointer(found) + text.utf8.count
                }
                return count
            }
        }
    }

    private static let memory = 64
    private static let column = Workspace.column

    /// `count` numbers from `first` on, in no order: a prime and a count that it does not divide.
    @Sendable private static func members(_ first: Int, _ count: Int) -> [String] {
        (0..<count).map { "user-\(10_000_000 + first + $0 * 1_299_709 % count)" }
    }

    private static func configuration(_ amplitude: String, _ segment: String, to destinations: String) -> String {
        """
        version: 1
        engine: {memory: \(memory)MiB}
        sources:
          product: {kind: amplitude, endpoint: "\(amplitude)", api_key: {env: AMP_API}, secret_key: {env: AMP_SECRET}}
        destinations:
          seg: {kind: segment, endpoint: "\(segment)", write_key: {env: WRITE_KEY}, rate: unlimited}
          tables: {kind: warehouse, url: {env: WAREHOUSE_URL}}
        cohorts:
          vip: {name: VIP, id: v1, source: product, to: [\(destinations)], schedule: manual}

        """
    }

    @Test("a cohort of Amplitude into Segment and PostgreSQL tables: everyone, then who moved, in bounded memory")
    func streamed() async throws {
        let count = ProcessInfo.processInfo.environment["ROLLCALL_AMPLITUDE_MEMBERS"].flatMap { Int($0) } ?? 50_000
        let moving = count / 100
        let workspace = try Workspace()
        var server: PostgresServer?
        do {
            server = try await PostgresServer(for: workspace)
        } catch let missing as PostgresServer.NotAvailable {
            print("NOT RUN: Amplitude to PostgreSQL tables: \(missing.reason)")
        }
        var settings = StandInSettings { Int64(Date().timeIntervalSince1970 * 1000) }
        settings.apiKey = AmplitudeTests.apiKey
        settings.secretKey = AmplitudeTests.secretKey
        let amplitude = AmplitudeStandIn(settings)
        let shift = Shift()
        amplitude.put(StandInCohort(id: "v1", name: "VIP", lastComputed: 1) { Self.members(shift.first, count) })
        amplitude.change("v1") { $0.size = count }
        let isFull = count > 100_000
        let seen = Count()
        let sink = try WireSink(in: workspace, keepsRequests: false) { request, _ in
            seen.take(request)
            return .status(200)
        }
        let receiver = isFull ? nil : try await RunningReceiver(in: workspace)
        try workspace.write("rollcall.yaml", Self.configuration(
            try await amplitude.start(), receiver?.endpoint ?? sink.endpoint, to: server == nil ? "seg" : "seg, tables"))
        do {
            for round in 1...2 {
                let began = Date()
                let ending = try await workspace.start(
                    ["sync", "vip", "--json"],
                    environment: AmplitudeTests.keys.merging(["WAREHOUSE_URL": server?.url ?? "sqlite:none"]) { $1 }
                ).ending(within: 1_200)
                #expect(ending.code == 0, "\(ending.errors)\(ending.text)")
                let runs = try ending.lines()
                #expect(runs.count == (server == nil ? 1 : 2))
                for run in runs {
                    expectBooks(of: run)
                    #expect(run.count("entered") == (round == 1 ? count : moving), "\(run)")
                    #expect(run.count("left") == (round == 1 ? 0 : moving), "\(run)")
                }
                #expect(ending.peakMemory < (Self.memory + 100) << 20, "\(ending.peakMemory >> 20) MB")
                let seconds = (Date().timeIntervalSince(began) * 10).rounded() / 10
                print("Amplitude to Segment and PostgreSQL, \(count) members, round \(round): \(seconds) s, at most "
                    + "\(ending.peakMemory >> 20) MB; \(runs.map(Self.seconds).joined(separator: ", "))")
                shift.first = moving
            }
            #expect(amplitude.downloads == 2 && amplitude.violations == [])
            #expect(amplitude.requests.contains { $0.call == .link }, "they came by the redirect")
            if let receiver {
                #expect(try receiver.calls() == count + 2 * moving)
                #expect(try receiver.members() == Set(Self.members(moving, count).map { Array($0.utf8) }))
                #expect(try receiver.leavers() == Set(Self.members(0, moving).map { Array($0.utf8) }))
            } else {
                let told = seen.told.withLock { $0 }
                #expect(told.entered == count + moving && told.left == moving, "\(told)")
            }
            if let server {
                #expect(try await server.query("""
                    SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE NOT \(Self.column)) FROM identifies
                    """) == ["\(count + 2 * moving)|\(count + 2 * moving)|\(moving)"])
                #expect(try await server.query("""
                    SELECT count(*) FILTER (WHERE \(Self.column)), count(*) FILTER (WHERE NOT \(Self.column)),
                      max(id) FILTER (WHERE \(Self.column)), min(id) FILTER (WHERE \(Self.column)) FROM users
                    """) == ["\(count)|\(moving)|user-\(10_000_000 + moving + count - 1)|user-\(10_000_000 + moving)"])
            }
            try await workspace.expectSoundState()
        } catch {
            try await server?.remove()
            throw error
        }
        try await server?.remove()
        await amplitude.stop()
    }

    /// How long one run took, for people.
    private static func seconds(_ run: JSON) -> String {
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        let times = ["started_at", "finished_at"].compactMap { run.text($0).flatMap { try? format.parse($0) } }
        guard times.count == 2 else { return "" }
        return "\(run.text("sync") ?? "") \((times[1].timeIntervalSince(times[0]) * 10).rounded() / 10) s"
    }

    /// Where the members begin now.
    private final class Shift: Sendable {
        private let value = Atomic<Int>(0)
        var first: Int {
            get { value.load(ordering: .relaxed) }
            set { value.store(newValue, ordering: .relaxed) }
        }
    }
}
