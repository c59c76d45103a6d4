import Foundation
import SQLiteStore
import Scheduling
import Synchronization

@testable import SyncEngine

/// A clock on which waiting takes no time: whoever sleeps moves it to their deadline.
final class LeapingClock: EngineClock {
    private let elapsed = Mutex<Int64>(0)

    func now() -> Instant { newYear.advanced(milliseconds: monotonic()) }
    func monotonic() -> Int64 { elapsed.withLock { $0 } }

    func sleep(until deadline: Int64) async {
        elapsed.withLock { $0 = max($0, deadline) }
        await Task.yield()
    }
}

/// A source whose members a test sets.
final class ListedSource: MemberSource {
    private let content = Mutex<(members: [String], unreadable: Int)>(([], 0))
    let kind = "csv"
    let definition = "list"

    func set(_ members: [String], unreadable: Int = 0) { content.withLock { $0 = (members, unreadable) } }

    func fetch(into rows: any MemberRows, stop: StopFlag) throws(SourceError) {
        let (members, unreadable) = content.withLock { $0 }
        for (position, member) in members.enumerated() {
            Array(member.utf8).withUnsafeBytes { rows.row($0, at: position + 1) }
        }
        for position in 0..<unreadable { rows.unreadable(.quoting, at: members.count + position + 1, detail: "broken") }
    }

    func probe() throws(SourceError) -> String { "a list" }
}

/// One message as the destination got it.
struct Told: Hashable, Sendable {
    var member: String
    var entered: Bool
    var id: String
    var timestamp: Int64
}

/// A destination that notes what it gets and answers what the test says, `accepted` when it says nothing.
final class NotingDestination: Destination {
    typealias Answer = @Sendable (_ number: Int, _ messages: [Told]) async -> DeliveryOutcome?

    let kind = "segment"
    let address = "https://api.example"
    let deduplicates: Bool
    private let largest: Int
    private let state = Mutex<(requests: [[Told]], answer: Answer?)>(([], nil))

    init(largest: Int = 10, deduplicates: Bool = true) {
        self.largest = largest
        self.deduplicates = deduplicates
    }

    var requests: [[Told]] { state.withLock { $0.requests } }
    var messages: [Told] { requests.flatMap { $0 } }

    func answer(_ answer: Answer?) { state.withLock { $0.answer = answer } }
    func forget() { state.withLock { $0.requests = [] } }

    func encoder(for audience: Audience) -> any MessageEncoder { Encoder(largest: largest) }

    func deliver(_ batch: EncodedBatch, attempt: Int, sentAt: Instant) async -> DeliveryOutcome {
        let messages = String(decoding: batch.bytes, as: UTF8.self).split(separator: "\n").map { line in
            let parts = line.split(separator: "\t")
            return Told(
                member: String(parts[0]), entered: parts[1] == "true", id: String(parts[2]),
                timestamp: Int64(parts[3]) ?? 0)
        }
        let (number, answer) = state.withLock {
            $0.requests.append(messages)
            return ($0.requests.count, $0.answer)
        }
        return await answer?(number, messages) ?? .accepted(status: 200, rejected: [])
    }

    func probe() async -> ProbeResult { ProbeResult(isReachable: true, detail: "here") }

    private final class Encoder: MessageEncoder {
        let largest: Int

        init(largest: Int) {
            self.largest = largest
        }

        func append(_ announcement: Announcement, to batch: inout EncodedBatch) -> Appended {
            guard batch.count < min(largest, batch.countLimit) else { return .full }
            let id = "\(announcement.messageID.high)-\(announcement.messageID.low)"
            batch.bytes += announcement.member
            batch.bytes += "\t\(announcement.entered)\t\(id)\t\(announcement.timestamp.milliseconds)\n".utf8
            batch.count += 1
            return .added
        }
    }
}

/// A workspace in a folder of its own: one cohort, one destination, one engine.
final class EngineWorld: Sendable {
    let sync = SyncID(cohort: "big", destination: "seg")
    let source = ListedSource()
    let destination: NotingDestination
    let store: any SyncStore
    let engine: Engine
    let clock = LeapingClock()
    let configuration: EngineConfiguration
    private let path: String

    init(largest: Int = 10, requests: Int = 4, retryFor: Int64 = 60_000, deduplicates: Bool = true) async throws {
        path = NSTemporaryDirectory() + "engine-\(UUID().uuidString)"
        let folder = StateFolder(path: path)
        try folder.prepare()
        store = try SQLiteStore(path: folder.database)
        destination = NotingDestination(largest: largest, deduplicates: deduplicates)
        engine = Engine(context: EngineContext(
            store: store, clock: clock, folder: folder, namespace: try await store.namespace(), log: .none))
        let definition = SyncDefinition(
            id: sync, audience: Audience(key: "big", name: "Big", id: "b1", trait: "Big"), template: "{name}",
            sourceKey: "list", sourceKind: "csv", source: source,
            schedule: SchedulePolicy(schedule: try Schedule.parse("manual"), zone: .utc), guards: GuardLimits(),
            leaves: .tellFalse, firstSync: .backfill)
        configuration = EngineConfiguration(
            syncs: [definition],
            destinations: [DestinationDefinition(
                key: "seg", kind: "segment", adapter: destination, rate: nil, requests: requests, retryFor: retryFor)])
        try await engine.start(configuration, resuming: .everything)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The same engine with the cohort under another trait.
    func rename(to trait: String) async {
        var renamed = configuration
        renamed.syncs[0].audience.trait = trait
        await engine.configure(renamed)
    }

    /// The same engine with the cohort's trait edited.
    func edit(trait: String, template: String) async {
        var edited = configuration
        edited.syncs[0].audience.trait = trait
        edited.syncs[0].template = template
        await engine.configure(edited)
    }

    /// The configuration with the cohort under another key.
    func configuration(withKey key: String) -> EngineConfiguration {
        var changed = configuration
        changed.syncs[0].id = SyncID(cohort: key, destination: "seg")
        changed.syncs[0].audience.key = key
        return changed
    }

    /// Starts a run and returns it once it is held or over.
    func run(_ options: RunOptions = RunOptions()) async throws -> RunRecord? {
        guard let record = try await engine.start([sync], trigger: .manual, options: options).first else { return nil }
        return await engine.settled(record.id)
    }
}
