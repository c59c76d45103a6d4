import Testing

@testable import SyncEngine

@Suite struct EngineTests {
    private func members(_ range: Range<Int>) -> [String] { range.map { "u-\($0)" } }

    @Test("a first sync tells everyone, a second nobody, then one who came and one who went")
    func threeRuns() async throws {
        let world = try await EngineWorld()
        world.source.set(members(0..<25))
        let first = try #require(try await world.run())
        #expect(first.outcome == .succeeded, "\(first.reason ?? "")")
        #expect(first.plan?.entered == 25 && first.ledgerAfter == 25 && first.delivery.accepted == 25)
        #expect(Set(world.destination.messages.map(\.member)) == Set(members(0..<25)))
        #expect(world.destination.messages.count == 25 && world.destination.messages.allSatisfy(\.entered))
        world.destination.forget()

        let second = try #require(try await world.run())
        #expect(second.outcome == .unchanged && world.destination.requests.isEmpty)

        world.source.set(members(1..<26))
        let third = try #require(try await world.run())
        #expect(third.outcome == .succeeded && third.plan?.entered == 1 && third.plan?.left == 1)
        #expect(third.ledgerAfter == 25 && third.delivery.acceptedLeft == 1)
        let told = Dictionary(uniqueKeysWithValues: world.destination.messages.map { ($0.member, $0.entered) })
        #expect(told == ["u-0": false, "u-25": true])
        #expect(try await world.store.unapprovedLeaves(of: world.sync, since: newYear) == 1)
    }

    @Test("a source that says what the ledger says leaves no snapshot and no plan; anything else takes the exact way")
    func unchangedSource() async throws {
        let world = try await EngineWorld()
        world.source.set(members(0..<40))
        let first = try #require(try await world.run())
        #expect(first.snapshot != nil)
        world.source.set(members(0..<40).reversed())
        let same = try #require(try await world.run())
        #expect(same.outcome == .unchanged && same.snapshot == nil && same.plan?.file == "", "nothing was written")
        #expect(same.plan?.unchanged == 40 && same.plan?.retained == 40 && same.ledgerAfter == 40)
        #expect(same.fetched?.members == 40 && same.fetched?.duplicates == 0)
        // The same changes have the same hash, whichever way it was found that there are none.
        world.source.set(members(0..<40) + ["u-1"])
        let doubled = try #require(try await world.run())
        #expect(doubled.outcome == .unchanged && doubled.snapshot != nil && doubled.fetched?.duplicates == 1)
        #expect(doubled.plan?.hash == same.plan?.hash)
        world.source.set(members(0..<40), unreadable: 1)
        let broken = try #require(try await world.run())
        #expect(broken.outcome == .partial && broken.fetched?.unreadable == 1 && broken.plan?.withheld == 0)
        world.source.set(members(1..<41))
        #expect(try await world.run()?.plan?.count == 2, "as many, but others")
        let hash = Array("u-3".utf8).withUnsafeBytes { MemberHash.of($0) }
        #expect(try await world.store.runsNaming(memberHash: hash).map(\.id) == [first.id], "idle runs are not searched")
    }

    @Test("a shrinking plan is held before its first byte, and exactly it is sent when approved")
    func heldAndApproved() async throws {
        let world = try await EngineWorld()
        world.source.set(members(0..<255))
        _ = try await world.run()
        world.destination.forget()
        world.source.set(members(52..<255))
        let held = try #require(try await world.run())
        #expect(held.phase == .held && held.holds.map(\.guardName) == ["shrink"])
        #expect(world.destination.requests.isEmpty)
        // What the source says meanwhile changes nothing.
        world.source.set([])
        _ = try await world.engine.approve(held.id, actor: "uid:0", reason: "known")
        let sent = try #require(await world.engine.settled(held.id))
        #expect(sent.outcome == .succeeded && sent.approval?.by == "uid:0" && sent.ledgerAfter == 203)
        #expect(Set(world.destination.messages.map(\.member)) == Set(members(0..<52)))
        #expect(world.destination.messages.allSatisfy { !$0.entered })
        // Approved leaves do not count for the next 24 hours.
        #expect(try await world.store.unapprovedLeaves(of: world.sync, since: newYear) == 0)
        #expect(try await world.store.audit(limit: 9).map(\.action) == ["approve"])
    }

    @Test("a manual run replaces a held one; a discarded one sends nothing")
    func replacedAndDiscarded() async throws {
        let world = try await EngineWorld()
        world.source.set(members(0..<100))
        _ = try await world.run()
        world.destination.forget()
        world.source.set([])
        let first = try #require(try await world.run())
        let second = try #require(try await world.run())
        #expect(first.phase == .held && second.phase == .held)
        let replaced = try await world.store.run(first.id)
        #expect(replaced?.outcome == .discarded && replaced?.replacedBy == second.id)
        let discarded = try await world.engine.discard(second.id, actor: "uid:0", reason: "no")
        #expect(discarded.outcome == .discarded && world.destination.requests.isEmpty)
        await #expect(throws: EngineRefusal.self) {
            _ = try await world.engine.approve(second.id, actor: "uid:0", reason: nil)
        }
    }

    @Test("an occurrence that was decided before a plan was held starts nothing beside it")
    func occurrenceBesideHeld() async throws {
        let world = try await EngineWorld()
        world.source.set(members(0..<100))
        _ = try await world.run()
        world.destination.forget()
        world.source.set([])
        let held = try #require(try await world.run())
        world.source.set(members(0..<101))
        let started = try await world.engine.start(
            [world.sync], trigger: .schedule, nominal: newYear, options: RunOptions())
        let late = try #require(started.first)
        let ended = try #require(await world.engine.settled(late.id))
        #expect(ended.outcome == .cancelled && ended.reason == "run \(held.id) is held")
        #expect(world.destination.requests.isEmpty)
        #expect(await world.engine.heldRun(of: world.sync)?.id == held.id)
        let discarded = try await world.engine.discard(held.id, actor: "uid:0", reason: nil)
        #expect(discarded.outcome == .discarded && world.destination.requests.isEmpty)
    }

    @Test("an attempt of unknown outcome is repeated with the same ids and times until it is known")
    func repeatedWithSameIDs() async throws {
        let world = try await EngineWorld()
        world.destination.answer { number, _ in
            number < 3 ? .unknown(status: 502, reason: "lost", retryAfter: nil) : nil
        }
        world.source.set(members(0..<5))
        let run = try #require(try await world.run())
        #expect(run.outcome == .succeeded && run.delivery.retries == 2)
        let requests = world.destination.requests
        #expect(requests.count == 3 && Set(requests).count == 1)
        #expect(Set(requests[0].map(\.id)).count == 5)
    }

    @Test("a limit that a 413 taught is doubled by every run that fills it, and is forgotten with the address")
    func learnedLimit() async throws {
        let world = try await EngineWorld(largest: 8, requests: 1)
        world.source.set((0..<16).map { "u-\($0)" })
        world.destination.answer { _, messages in messages.count > 3 ? .tooLarge(status: 413, reason: "large") : nil }
        #expect(try await world.run()?.outcome == .succeeded)
        let definition = try #require(await world.engine.destination("seg"))
        #expect(await world.engine.learnedLimit(of: definition) == 2)
        world.destination.answer(nil)
        world.destination.forget()
        world.source.set((0..<32).map { "u-\($0)" })
        let second = try #require(try await world.run())
        #expect(world.destination.requests.allSatisfy { $0.count == 2 } && second.plan?.requests == 8, "\(second)")
        #expect(await world.engine.learnedLimit(of: definition) == 4)
        #expect(try await world.store.destinationStates().first?.countLimit == 4)
        var elsewhere = definition
        elsewhere.adapter = nil
        #expect(await world.engine.learnedLimit(of: elsewhere) == nil)
    }

    @Test("what stayed unknown when a run gave up is settled by the next one, with the same ids")
    func settledLater() async throws {
        let world = try await EngineWorld(retryFor: 0)
        world.destination.answer { _, _ in .unknown(status: nil, reason: "reset", retryAfter: nil) }
        world.source.set(members(0..<3))
        let first = try #require(try await world.run())
        #expect(first.outcome == .failed)
        let ids = Set(world.destination.messages.map(\.id))
        #expect(ids.count == 3)
        #expect(try await world.store.syncStates().first?.ledger?.unknown == 3)
        world.destination.forget()
        world.destination.answer(nil)
        let second = try #require(try await world.run())
        #expect(second.outcome == .succeeded && second.ledgerAfter == 3, "\(second.reason ?? "")")
        #expect(Set(world.destination.messages.map(\.id)) == ids)
        #expect(try await world.store.syncStates().first?.ledger?.unknown == 0)
        #expect(try await world.run()?.outcome == .unchanged)
    }

    @Test("a later transition of the same member has another id and a later time")
    func newIDs() async throws {
        let world = try await EngineWorld()
        for list in [members(0..<10), members(1..<10), members(0..<10)] {
            world.source.set(list)
            #expect(try await world.run()?.outcome == .succeeded)
        }
        let story = world.destination.messages.filter { $0.member == "u-0" }
        #expect(story.map(\.entered) == [true, false, true])
        #expect(Set(story.map(\.id)).count == 3)
        #expect(story[0].timestamp < story[1].timestamp && story[1].timestamp < story[2].timestamp)
    }

    @Test("one bad member is found, rejected alone, and tried again by the next run")
    func badMember() async throws {
        let world = try await EngineWorld()
        world.destination.answer { _, messages in
            messages.contains { $0.member == "u-7" } ? .refused(status: 400, reason: "bad id") : nil
        }
        world.source.set(members(0..<10))
        let run = try #require(try await world.run())
        #expect(run.outcome == .partial && run.delivery.accepted == 9 && run.delivery.rejected == 1)
        let rejects = try await world.store.rejects(of: nil, limit: 9)
        #expect(rejects.map(\.member) == [Array("u-7".utf8)] && rejects.first?.reason == "bad id")
        world.destination.answer(nil)
        world.destination.forget()
        #expect(try await world.run()?.outcome == .succeeded)
        #expect(world.destination.messages.map(\.member) == ["u-7"])
        #expect(try await world.store.rejects(of: nil, limit: 9).isEmpty)
    }

    @Test("unreadable rows withhold the leaves and let the joins go")
    func unreadable() async throws {
        let world = try await EngineWorld()
        world.source.set(members(0..<20))
        _ = try await world.run()
        world.destination.forget()
        world.source.set(members(1..<21), unreadable: 1)
        let run = try #require(try await world.run())
        #expect(run.outcome == .partial && run.plan?.withheld == 1 && run.fetched?.unreadable == 1)
        #expect(world.destination.messages.map(\.member) == ["u-20"])
    }

    @Test("a wrong key fails the run; the next manual one tries again")
    func blocked() async throws {
        let world = try await EngineWorld()
        world.destination.answer { _, _ in .blocked(status: 401, reason: "wrong key") }
        world.source.set(members(0..<3))
        let run = try #require(try await world.run())
        #expect(run.outcome == .failed && run.reason == "wrong key")
        #expect(await world.engine.lane("seg")?.blockedReason == "wrong key")
        world.destination.answer(nil)
        #expect(try await world.run()?.outcome == .succeeded)
    }

    @Test("frozen: nothing starts, also after the engine starts again, until unfrozen")
    func frozen() async throws {
        let world = try await EngineWorld()
        world.source.set(members(0..<3))
        try await world.engine.setFrozen(true, actor: "uid:0", reason: nil)
        await #expect(throws: EngineRefusal.frozen) { _ = try await world.run() }
        #expect(try await world.store.isFrozen())
        let again = Engine(context: world.engine.context)
        try await again.start(world.configuration, resuming: .everything)
        #expect(await again.isFrozen)
        try await world.engine.setFrozen(false, actor: "uid:0", reason: nil)
        #expect(try await world.run()?.outcome == .succeeded)
    }

    /// Starts a run and waits until its first request is on the wire; the request ends as accepted once `meanwhile`
    /// was done.
    private func interrupt(
        _ world: EngineWorld, _ meanwhile: @escaping @Sendable (Engine, RunID) async throws -> Void
    ) async throws -> RunRecord {
        let engine = world.engine
        world.destination.answer { number, _ in
            if number == 1, let run = await engine.activeRun(of: SyncID(cohort: "big", destination: "seg")) {
                do { try await meanwhile(engine, run.id) } catch { Issue.record(error) }
            }
            return nil
        }
        return try #require(try await engine.start([world.sync], trigger: .manual, options: RunOptions()).first)
    }

    @Test("cancel lets the request on the wire finish and sends nothing new")
    func cancelled() async throws {
        let world = try await EngineWorld(largest: 1, requests: 1)
        world.source.set(members(0..<30))
        let started = try await interrupt(world) { engine, run in
            _ = try await engine.cancel(run, actor: "uid:0", reason: "enough")
        }
        let run = try #require(await world.engine.settled(started.id))
        #expect(run.outcome == .cancelled && run.reason == "enough")
        #expect(world.destination.requests.count == 1)
        #expect(run.delivery.accepted == 1 && run.ledgerAfter == 1)
        // The rest is still owed.
        world.destination.answer(nil)
        #expect(try await world.run()?.delivery.accepted == 29)
    }

    @Test("freeze lets the request on the wire finish; the run goes on when unfrozen")
    func frozenWhileSending() async throws {
        let world = try await EngineWorld(largest: 1, requests: 1)
        world.source.set(members(0..<30))
        let started = try await interrupt(world) { engine, _ in
            try await engine.setFrozen(true, actor: "uid:0", reason: nil)
        }
        #expect(await reaches(world) { try await $0.store.run(started.id)?.delivery.accepted == 1 })
        #expect(world.destination.requests.count == 1)
        #expect(try await world.store.run(started.id)?.phase == .sending)
        try await world.engine.setFrozen(false, actor: "uid:0", reason: nil)
        let run = try #require(await world.engine.settled(started.id))
        #expect(run.outcome == .succeeded && world.destination.requests.count == 30)
    }

    @Test("a run can be cancelled while everything is frozen")
    func cancelledWhileFrozen() async throws {
        let world = try await EngineWorld(largest: 1, requests: 1)
        world.source.set(members(0..<30))
        let started = try await interrupt(world) { engine, run in
            try await engine.setFrozen(true, actor: "uid:0", reason: nil)
            _ = try await engine.cancel(run, actor: "uid:0", reason: "enough")
        }
        let isOver = await reaches(world) { try await $0.store.run(started.id)?.phase == .finished }
        #expect(isOver, "a frozen run cannot be cancelled")
        #expect(world.destination.requests.count == 1)
        // Whatever was found above, the engine must not outlive the test.
        try await world.engine.setFrozen(false, actor: "uid:0", reason: nil)
        #expect(await world.engine.settled(started.id)?.outcome == .cancelled)
    }

    /// Whether something comes true within some thousands of looks at the store.
    private func reaches(_ world: EngineWorld, _ condition: (EngineWorld) async throws -> Bool) async -> Bool {
        for _ in 0..<3_000 {
            if (try? await condition(world)) == true { return true }
            await Task.yield()
        }
        return false
    }
}
