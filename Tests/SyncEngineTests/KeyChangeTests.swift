import Membership
import Scheduling
import Synchronization
import Testing

@testable import SyncEngine

/// A cohort whose key changed, trait and destination not.
@Suite struct KeyChangeTests {
    private let renamed = SyncID(cohort: "large", destination: "seg")

    private func sync(_ world: EngineWorld) async throws -> RunRecord {
        let started = try await world.engine.start([renamed], trigger: .manual, options: RunOptions())
        let run = try #require(started.first)
        return try #require(await world.engine.settled(run.id))
    }

    @Test("ledger, runs, rejects and what a person may ask for go on under the new key") func everythingGoesOn() async throws {
        let world = try await EngineWorld(largest: 2)
        world.source.set((0..<6).map { "u-\($0)" })
        world.destination.answer { _, messages in
            messages.contains { $0.member == "u-5" } ? .refused(status: 400, reason: "bad") : nil
        }
        let first = try #require(try await world.run())
        #expect(first.delivery.accepted == 5 && first.delivery.rejected == 1)
        world.destination.forget()

        await world.engine.configure(world.configuration(withKey: "large"))
        #expect(try await world.store.rejects(of: [renamed], limit: 9).count == 1)
        #expect(try await world.store.rejects(of: [world.sync], limit: 9).isEmpty)
        world.source.set((1..<6).map { "u-\($0)" })
        let second = try await sync(world)
        #expect(second.notes.contains { $0.contains("the key changed from big to large") })
        #expect(second.plan?.left == 1 && second.plan?.entered == 1)
        #expect(Set(world.destination.messages.filter { !$0.entered }.map(\.member)) == ["u-0"])

        let runs = try await world.store.runs(RunFilter(syncs: [renamed], limit: 9))
        #expect(runs.map(\.id) == [second.id, first.id])
        let history = History(store: world.store, folder: world.engine.context.folder)
        let member = try #require(MemberID("u-0"))
        let events = try await history.events(of: member)
        #expect(events.map(\.sync) == [renamed, renamed] && events.map(\.entered) == [false, true])

        // The run before the change is taken back for those whom no run since has named.
        let asked = try await world.engine.undo(first.id, actor: "uid:0", reason: nil)
        let undo = try #require(await world.engine.settled(asked.id))
        #expect(undo.sync == renamed && undo.phase == .held && undo.plan?.left == 4, "\(undo.reason ?? "")")
    }

    @Test("a run under the old key that is still sending ends before the new key plans") func whileSending() async throws {
        let world = try await EngineWorld(largest: 1, requests: 1)
        world.source.set((0..<6).map { "u-\($0)" })
        let (engine, changed, new) = (world.engine, world.configuration(withKey: "large"), renamed)
        let started = Mutex<RunRecord?>(nil)
        world.destination.answer { number, _ in
            guard number == 3 else { return nil }
            await engine.configure(changed)
            let run = try? await engine.start([new], trigger: .manual, options: RunOptions()).first
            started.withLock { $0 = run }
            return nil
        }
        let first = try #require(try await world.run())
        #expect(first.outcome == .cancelled && first.delivery.accepted == 3)
        let asked = try #require(started.withLock { $0 })
        let second = try #require(await engine.settled(asked.id))
        #expect(second.outcome == .succeeded && second.plan?.entered == 3 && second.plan?.ledger == 3, "\(second)")
        #expect(Set(world.destination.messages.map(\.member)).count == 6 && world.destination.messages.count == 6)
    }

    @Test("what an earlier process was sending under the old key is taken up before the new key plans")
    func afterAProcessDied() async throws {
        let world = try await EngineWorld(largest: 1, requests: 1)
        world.source.set((0..<6).map { "u-\($0)" })
        let engine = world.engine
        world.destination.answer { number, _ in
            if number == 3 { await engine.suspendAll(within: 0) }
            return nil
        }
        let first = try #require(try await world.run())
        #expect(first.phase == .sending)
        world.destination.answer(nil)
        let next = Engine(context: engine.context)
        try await next.start(world.configuration(withKey: "large"), resuming: .again([renamed]))
        let asked = try #require(try await next.start([renamed], trigger: .manual, options: RunOptions()).first)
        let second = try #require(await next.settled(asked.id))
        #expect(second.outcome == .succeeded && second.plan?.entered == 3, "\(second)")
        #expect(try await world.store.run(first.id)?.outcome == .cancelled)
        #expect(world.destination.messages.count == 6)
    }

    @Test("a held retirement of the old name gives way") func heldRetirement() async throws {
        let world = try await EngineWorld()
        world.source.set(["u-1", "u-2"])
        #expect(try await world.run()?.outcome == .succeeded)
        let asked = try await world.engine.retire(world.sync, actor: "uid:0", reason: nil)
        #expect(await world.engine.settled(asked.id)?.phase == .held)
        await world.engine.configure(world.configuration(withKey: "large"))
        #expect(try await world.store.run(asked.id)?.outcome == .discarded)
        #expect(try await sync(world).outcome == .unchanged)
    }
}
