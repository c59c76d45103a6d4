import Membership
import Scheduling
import SyncEngine

// What a person asks for by name: `undo`, `retire`, `migrate`. All are held, whatever the guards say.
extension EngineProcess {
    /// - Returns: whether there was anything to take back.
    func undo(_ target: StoredRun) -> Bool {
        let record = target.record
        guard world.isConfigured[target.sync], record.phase == .finished, (record.plan?.count ?? 0) > 0,
            record.delivery.accepted > 0, world.disk.states[target.sync].ledger != nil
        else { return false }
        var draft = world.draft(target.sync, .manual, nominal: nil, mode: .undo)
        guard let told = world.disk.states[target.sync].told, told.sharesLedger(with: record.identity),
            record.plan?.former == nil
        else { return false }
        draft.undoes = record.id
        draft.identity = told
        enqueueDeliberate(draft, target.sync)
        return true
    }

    /// - Returns: whether anybody was ever told anything.
    func retire(_ sync: Int) -> Bool {
        guard let told = world.disk.states[sync].told, world.disk.states[sync].ledger != nil else { return false }
        var draft = world.draft(sync, .manual, nominal: nil, mode: .retire)
        draft.identity = told
        enqueueDeliberate(draft, sync)
        return true
    }

    /// - Returns: whether the configured trait is another than the one that was told.
    func migrate(_ sync: Int) -> Bool {
        guard world.isConfigured[sync], let told = world.disk.states[sync].told, world.disk.states[sync].ledger != nil,
            told.trait != world.identity(of: sync).trait
        else { return false }
        enqueueDeliberate(world.draft(sync, .manual, nominal: nil, mode: .migrate), sync)
        return true
    }

    private func enqueueDeliberate(_ draft: RunRecord, _ sync: Int) {
        var created: RunRecord?
        commit { created = $0.create(draft, sync: sync) } then: { [self] isDurable in
            guard isDurable, let created else { return }
            if let old = held.removeValue(forKey: sync) { close(old, .discarded, "replaced") }
            enqueue(created, sync)
        }
    }

    /// The changes that a deliberate run is to tell.
    /// - Returns: nil when it cannot be planned.
    func makeDeliberatePlan(_ run: ActiveRun, _ request: PlanRequest) -> [Change]? {
        let everyone = 0..<world.weather.users
        switch run.machine.record.mode {
        case .undo:
            let taken = takenBack(by: run).filter { run.ledger[$0.user] == ($0.entered ? .yes : .no) }
            return settle(taken.map { ($0.user, !$0.entered) }, told: run.ledger, request, run)
        case .retire:
            return settle(everyone.map { ($0, false) }, told: run.ledger, request, run)
        default:
            guard let told = run.state.told, told.trait != request.trait, run.machine.record.fetched?.unreadable == 0
            else { return nil }
            let isAnybodyInDoubt = !usersInDoubt(run.sync).isEmpty
            if PlanTerms.migrationObstacle(
                isAnybodyInDoubt: isAnybodyInDoubt, former: told.trait, trait: request.trait) != nil { return nil }
            var ending = request
            ending.attempt.nonce = PlanNonce(high: world.dice.next(), low: world.dice.next())
            ending.mode = .retire
            ending.trait = told.trait
            let former = settle(everyone.map { ($0, false) }, told: run.ledger, ending, run)
            run.formerCount = former.count
            let nobody = [Told](repeating: .never, count: everyone.count)
            return former + settle(everyone.map { ($0, run.snapshot[$0]) }, told: nobody, request, run)
        }
    }

    private func settle(
        _ wanted: [(user: Int, isIn: Bool)], told: [Told], _ request: PlanRequest, _ run: ActiveRun
    ) -> [Change] {
        let policy = ChangePolicy(request)
        let inDoubt = usersInDoubt(run.sync)
        let trait = world.traits.firstIndex(of: request.trait) ?? 0
        var changes: [Change] = []
        for (user, isIn) in wanted {
            switch policy.verdict(
                isIn: isIn, told: told[user], isDismissed: { _ in false }, isInDoubt: { inDoubt.contains(user) }) {
            case .send(let entered, let kind, let earlier):
                changes.append(Change(
                    trait: trait, user: user, entered: entered, kind: kind, attempt: earlier ?? request.attempt))
            case .settling: run.settling += 1
            case .nothing, .unchanged, .ignored, .dismissed, .withheld: break
            }
        }
        return changes
    }

    /// What the run that is undone told for certain, of members whom no later run names.
    private func takenBack(by run: ActiveRun) -> [Change] {
        guard let id = run.machine.record.undoes, let target = world.disk.run(id.number), let plan = target.plan
        else { return [] }
        var named: Set<Int> = []
        for later in world.disk.runs.dropFirst(Int(id.number)) where later.sync == run.sync {
            guard later.record.id.number != run.id, later.record.delivery.sent > 0 else { continue }
            for change in later.plan?.changes ?? [] { named.insert(change.user) }
        }
        var changes: [Change] = []
        for batch in target.batches where batch.state == .accepted { changes += plan.changes[batch.range] }
        return changes.filter { !named.contains($0.user) }.sorted { $0.user < $1.user }
    }
}
