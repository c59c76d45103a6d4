import Synchronization
import Testing

@testable import SyncEngine

/// `undo`, `retire` and `migrate` at a destination that does not recognise repeats.
@Suite struct DeliberateRunTests {
    private enum Asked: CaseIterable { case undo, retire, migrate }

    private func ask(_ asked: Asked, after run: RunRecord, in world: EngineWorld) async throws -> RunRecord {
        let started = switch asked {
        case .undo: try await world.engine.undo(run.id, actor: "uid:0", reason: nil)
        case .retire: try await world.engine.retire(world.sync, actor: "uid:0", reason: nil)
        case .migrate: try await world.engine.migrate(world.sync, actor: "uid:0", reason: nil)
        }
        return try #require(await world.engine.settled(started.id))
    }

    @Test("what a person asks for does not tell the opposite of an attempt that may still arrive", arguments: Asked.allCases)
    private func opposites(_ asked: Asked) async throws {
        let world = try await EngineWorld(largest: 3, requests: 1, deduplicates: false)
        world.source.set((0..<6).map { "u-\($0)" })
        // The first three are told twice: their first attempt may still be on its way.
        world.destination.answer { number, _ in number == 1 ? .unknown(status: nil, reason: "lost", retryAfter: nil) : nil }
        let told = try #require(try await world.run())
        #expect(told.outcome == .succeeded && told.delivery.retries == 1)
        let doubtful = Set(world.destination.requests[0].map(\.member))
        if asked == .migrate { await world.rename(to: "Huge") }

        let early = try await ask(asked, after: told, in: world)
        if asked == .migrate {
            #expect(early.outcome == .failed && early.reason?.contains("may still arrive on Big") == true, "\(early.reason ?? "")")
        } else {
            #expect(early.phase == .held && early.plan?.left == 3)
            #expect(early.notes.contains { $0.hasPrefix("3 opposite changes wait") && $0.hasSuffix("ask again then") })
            world.destination.forget()
            _ = try await world.engine.approve(early.id, actor: "uid:0", reason: nil)
            let sent = try #require(await world.engine.settled(early.id))
            #expect(sent.outcome == .succeeded && sent.ledgerAfter == 3)
            #expect(world.destination.messages.allSatisfy { !$0.entered && !doubtful.contains($0.member) })
        }

        // Once no attempt can be on its way any more, they are told as well.
        await world.clock.sleep(until: world.clock.monotonic() + 1_200_000)
        let late = try await ask(asked, after: told, in: world)
        #expect(late.phase == .held && late.plan?.left == (asked == .migrate ? 6 : 3), "\(late.reason ?? "")")
        world.destination.forget()
        _ = try await world.engine.approve(late.id, actor: "uid:0", reason: nil)
        let sent = try #require(await world.engine.settled(late.id))
        #expect(sent.outcome == .succeeded && sent.ledgerAfter == (asked == .migrate ? 6 : 0))
        #expect(doubtful.isSubset(of: world.destination.messages.filter { !$0.entered }.map(\.member)))
    }

    private func approve(_ run: RunRecord, in world: EngineWorld) async throws {
        #expect(run.phase == .held)
        _ = try await world.engine.approve(run.id, actor: "uid:0", reason: nil)
        let sent = try #require(await world.engine.settled(run.id))
        #expect(sent.outcome == .succeeded)
    }

    @Test("a trait that was changed and changed back tells nobody of whom an attempt may still arrive") func thereAndBack() async throws {
        let world = try await EngineWorld(largest: 3, requests: 1, deduplicates: false)
        world.source.set((0..<6).map { "u-\($0)" })
        #expect(try await world.run()?.outcome == .succeeded)
        // The first half of the leaves is told twice; the first attempt for it may still be on its way.
        world.source.set([])
        world.destination.forget()
        world.destination.answer { number, _ in number == 1 ? .unknown(status: nil, reason: "lost", retryAfter: nil) : nil }
        let leaves = try #require(try await world.run())
        try await approve(leaves, in: world)
        let first = try #require(world.destination.requests.first)
        let doubtful = Set(first.map(\.member))
        world.destination.answer(nil)
        world.source.set((0..<6).map { "u-\($0)" })
        for template in ["other", "{name}"] {
            await world.edit(trait: template == "other" ? "Other" : "Big", template: template)
            let run = try #require(try await world.run())
            #expect(run.plan?.entered == 3 && run.notes.contains { $0.hasPrefix("3 opposite changes wait") }, "\(run)")
            world.destination.forget()
            try await approve(run, in: world)
            #expect(doubtful.isDisjoint(with: world.destination.messages.map(\.member)))
        }
        await world.clock.sleep(until: world.clock.monotonic() + 1_200_000)
        let last = try #require(try await world.run())
        #expect(last.outcome == .succeeded && last.plan?.entered == 3 && last.ledgerAfter == 6, "\(last)")
    }

    @Test("a migration that waited behind another one moves nobody again") func twoMigrations() async throws {
        let world = try await EngineWorld()
        world.source.set((0..<6).map { "u-\($0)" })
        #expect(try await world.run()?.outcome == .succeeded)
        await world.rename(to: "Huge")
        let first = try await world.engine.migrate(world.sync, actor: "uid:0", reason: nil)
        #expect(await world.engine.settled(first.id)?.phase == .held)
        world.destination.forget()
        // While the first one is sending, the sync is what it was.
        let (engine, sync) = (world.engine, world.sync)
        let asked = Mutex<RunID?>(nil)
        world.destination.answer { number, _ in
            if number == 1, let run = try? await engine.migrate(sync, actor: "uid:0", reason: nil) {
                asked.withLock { $0 = run.id }
            }
            return nil
        }
        _ = try await world.engine.approve(first.id, actor: "uid:0", reason: nil)
        #expect(await world.engine.settled(first.id)?.outcome == .succeeded)
        let second = try #require(asked.withLock { $0 })
        let ended = try #require(await world.engine.settled(second))
        #expect(ended.outcome == .failed && ended.reason?.contains("told as Huge already") == true, "\(ended.reason ?? "")")
        #expect(world.destination.messages.count == 12)
    }
}
