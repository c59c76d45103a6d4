import Foundation
import SQLiteStore
import Scheduling
import Synchronization
import Testing

@testable import SyncEngine

/// Notes what it is told, and refuses as often as it is asked to.
private final class NotingChannel: AlertChannel {
    let key: String
    private let state: Mutex<(told: [String], refusals: Int)>

    init(_ key: String, refusals: Int = 0) {
        self.key = key
        state = Mutex(([], refusals))
    }

    var told: [String] { state.withLock { $0.told } }

    func deliver(_ messages: [AlertMessage]) async -> AlertDelivery {
        state.withLock { state in
            guard state.refusals == 0 else {
                state.refusals -= 1
                return .failed("not now")
            }
            state.told += messages.map { "\($0.event.rawValue) \($0.sync ?? "@" + $0.destination)" }
            return .delivered
        }
    }
}

@Suite struct AlertWatchTests {
    private func watch(_ world: EngineWorld, _ channels: [any AlertChannel]) throws -> AlertWatch {
        AlertWatch(
            engine: world.engine, store: try #require(world.store as? any AlertStore), policy: AlertPolicy(),
            channels: channels)
    }

    /// Looks until a channel was told so many.
    private func look(_ watch: AlertWatch, until channel: NotingChannel, hasTold count: Int) async {
        for _ in 0..<10_000 where channel.told.count < count {
            await watch.look()
            await Task.yield()
        }
    }

    @Test("a held plan is told once, also by the next process, and nothing is lost by a channel that refuses")
    func heldOnce() async throws {
        let world = try await EngineWorld()
        world.source.set((0..<100).map { "u-\($0)" })
        _ = try await world.run()
        let (good, slow) = (NotingChannel("good"), NotingChannel("slow", refusals: 1))
        let first = try watch(world, [good, slow])
        await first.look()
        world.source.set([])
        _ = try await world.run()
        await look(first, until: good, hasTold: 1)
        #expect(good.told == ["held big@seg"])
        let second = try watch(world, [good, slow])
        await look(second, until: slow, hasTold: 1)
        for _ in 0..<5 { await second.look() }
        #expect(slow.told == ["held big@seg"] && good.told == ["held big@seg"])
    }

    @Test("a blocked destination is one alert, not one a sync")
    func blocked() async throws {
        let world = try await EngineWorld()
        let channel = NotingChannel("c")
        let watch = try watch(world, [channel])
        await watch.look()
        world.destination.answer { _, _ in .blocked(status: 401, reason: "answered 401") }
        world.source.set(["a"])
        _ = try await world.run()
        await look(watch, until: channel, hasTold: 1)
        for _ in 0..<5 { await watch.look() }
        #expect(channel.told == ["blocked @seg"])
    }

    @Test("alerts survive in the store until a channel takes them")
    func outbox() async throws {
        let path = NSTemporaryDirectory() + "alerts-\(UUID().uuidString).db"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var machine = AlertMachine(followedSince: newYear)
        _ = machine.observe(.failed, at: newYear, policy: AlertPolicy())
        let message = AlertMessage(
            event: .failed, previous: nil, sync: "a@b", destination: "b", detail: "x\u{0}\"é", run: "7", at: newYear,
            since: newYear)
        do {
            let store = try SQLiteStore(path: path)
            try await store.saveAlerts(["a@b": machine], messages: [message], channels: ["c", "d"])
        }
        let store = try SQLiteStore(path: path)
        #expect(try await store.alertMachines() == ["a@b": machine])
        let pending = try await store.pendingAlerts(limit: 9)
        #expect(pending.map(\.channel) == ["c", "d"] && pending.map(\.message) == [message, message])
        try await store.removeAlerts([pending[0].id])
        #expect(try await store.pendingAlerts(limit: 9).map(\.channel) == ["d"])
    }
}
