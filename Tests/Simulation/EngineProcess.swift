import Membership
import Scheduling
import SyncEngine

/// One process with an engine in it: does what the shell does, as events of a ``World``, with the engine's own decisions.
final class EngineProcess {
    let number: Int
    /// Outlives every process of its history.
    unowned(unsafe) let world: World
    var isAlive = true
    var pausedUntil: Int64 = 0
    var agenda: [(due: DueOccurrences, wakeAt: Instant?)] = []
    var queue: [(record: RunRecord, sync: Int, approvedHash: String?)] = []
    /// By sync. Never a dictionary that is iterated: its order differs from process to process.
    var active: [ActiveRun?]
    var held: [Int: RunRecord] = [:]
    var gate: DestinationGate
    var isFrozen: Bool
    private var nextTick: Int64 = .max

    var mutation: Mutation? { world.mutation }
    var now: Instant { world.civil }
    var monotonic: Int64 { world.time }

    init(number: Int, world: World) {
        self.number = number
        self.world = world
        isFrozen = world.disk.isFrozen
        active = [ActiveRun?](repeating: nil, count: world.weather.syncs)
        gate = DestinationGate(
            rate: nil, slots: world.weather.requests, blockedReason: world.disk.blockedReason)
    }

    // MARK: - Life

    func start() {
        for sync in 0..<world.weather.syncs { follow(sync) }
        let unfinished = world.disk.unfinished.compactMap { world.disk.run($0)?.record }
        let replaced = unfinished.heldBesideOthers
        for record in unfinished.inTakingUpOrder {
            if replaced[record.id] != nil { close(record, .discarded, "replaced") } else { takeUp(record) }
        }
        if mutation == .unknownResentAfterReversal { reviveUnknowns() }
        dispatch()
        tick()
    }

    private func takeUp(_ record: RunRecord) {
        let sync = world.index(of: record.sync)
        let other = replacement(of: record, sync)
        switch record.takingUp(.everything, isConfigured: world.isKnown(record, sync), replacedBy: other) {
        case .leave: break
        case .hold:
            if mutation == .holdForgottenAfterRestart {
                var forgotten = record
                forgotten.phase = .sending
                queue.append((forgotten, sync, nil))
            } else {
                held[sync] = record
            }
        case .resume: queue.append((record, sync, nil))
        case .restart(let again): queue.append((again, sync, nil))
        case .replace: close(record, .discarded, "replaced")
        case .close(let reason): close(record, .failed, reason)
        }
    }

    private func replacement(of record: RunRecord, _ sync: Int) -> RunID? {
        record.replacement(
            lastPlanned: world.disk.states[sync].lastPlanned, latest: world.disk.latest(of: sync)?.record.id,
            hasAttempts: world.disk.run(record.id.number)?.batches.isEmpty == false)
    }

    /// The runs under way, by sync.
    var underWay: [ActiveRun] { active.compactMap { $0 } }

    private func reviveUnknowns() {
        for run in world.disk.runs where run.batches.contains(where: { $0.state == .unknown }) {
            var record = run.record
            guard record.phase == .finished else { continue }
            record.phase = .sending
            queue.append((record, run.sync, nil))
        }
    }

    func follow(_ sync: Int) {
        let due = DueOccurrences(
            sync: world.names[sync], policy: world.policy, state: world.disk.states[sync], now: now)
        let entry = (due: due, wakeAt: Instant?.some(Instant(milliseconds: 0)))
        if sync < agenda.count { agenda[sync] = entry } else { agenda.append(entry) }
    }

    func close(_ record: RunRecord, _ outcome: Outcome, _ reason: String) {
        var closed = record
        closed.phase = .finished
        closed.outcome = outcome
        closed.reason = reason
        closed.finishedAt = now
        commit { $0.store(closed) } then: { _ in }
    }

    // MARK: - Disk

    /// One transaction: durable, then heard of. Transactions follow one another.
    func commit(_ change: @escaping (inout DiskImage) -> Void, then heard: @escaping (Bool) -> Void) {
        let fails = world.commitFate()
        let start = max(world.time, world.diskBusyUntil)
        let durable = start + world.dice.span(1...40)
        world.diskBusyUntil = durable
        world.openCommits += 1
        world.queue.put(at: durable, in: self) { [world] in
            world.openCommits -= 1
            if fails != .failed { change(&world.disk) }
        }
        world.queue.put(at: durable + world.dice.span(0...20), in: self) {
            heard(fails == .done || self.mutation == .fsyncErrorIgnored)
        }
    }

    // MARK: - Schedule

    func noticeJump() {
        for sync in agenda.indices { agenda[sync].wakeAt = Instant(milliseconds: 0) }
        tick()
    }

    func tick() {
        nextTick = .max
        world.tell("process \(number) looks at its schedules, civil time \(now.rfc3339Seconds)")
        for sync in agenda.indices where world.isConfigured[sync] { fire(sync) }
        var soonest = Int64.max
        for sync in agenda.indices where world.isConfigured[sync] {
            if let wakeAt = agenda[sync].wakeAt { soonest = min(soonest, wakeAt.milliseconds(since: now)) }
        }
        guard soonest < .max else { return }
        let at = world.time + max(1, min(soonest, Weather.interval))
        guard at < nextTick else { return }
        nextTick = at
        world.queue.put(at: at, in: self) { [self] in if nextTick == at { tick() } }
    }

    private func fire(_ sync: Int) {
        if mutation == .futureLastRunStarves, let last = world.disk.states[sync].lastOccurrence, last > now {
            agenda[sync].wakeAt = last
            return
        }
        for _ in 0..<3 {
            guard let wakeAt = agenda[sync].wakeAt, wakeAt <= now else { return }
            let before = mutation == .catchupAll ? agenda[sync].due : nil
            switch agenda[sync].due.decide(now: now) {
            case .wait(let until):
                agenda[sync].wakeAt = until
            case .start(let nominal, let missed, let isCatchUp):
                if let before, missed > 0, let first = before.policy.schedule.next(
                    after: before.decidedThrough, in: .utc) {
                    start(sync, isCatchUp ? .catchUp : .schedule, nominal: first.nominal)
                }
                start(sync, isCatchUp ? .catchUp : .schedule, nominal: nominal)
            case .skip(let nominal, _, _):
                skip(sync, nominal)
            }
        }
    }

    private func start(_ sync: Int, _ trigger: Trigger, nominal: Instant) {
        let obstacles = OccurrenceObstacles(
            held: held[sync]?.id, queued: queue.first { $0.sync == sync }?.record.id,
            active: active[sync]?.machine.record.id, blockedReason: gate.blockedReason)
        if obstacles.reason(destination: "receiver", overlap: world.policy.overlap) != nil {
            return skip(sync, nominal)
        }
        let draft = world.draft(sync, trigger, nominal: nominal)
        let decidedAt = now
        var created: RunRecord?
        commit { created = $0.create(draft, sync: sync) } then: { [self] isDurable in
            guard isDurable, let created else { return }
            world.oracle.scheduled(nominal, sync: sync, now: decidedAt)
            // While it was being created, the run before it may have been held.
            if let holding = held[sync], holding.replacement(among: [created]) == nil {
                return close(created, .cancelled, "run \(holding.id) is held")
            }
            enqueue(created, sync)
        }
    }

    private func skip(_ sync: Int, _ nominal: Instant) {
        world.tell("sync \(sync) skips \(nominal.rfc3339Seconds)")
        commit { disk in
            _ = disk.occurrences[sync].insert(nominal.milliseconds)
            disk.states[sync].lastOccurrence = nominal
        } then: { _ in }
    }

    /// What a person starts. A held run of the sync gives way.
    func startByHand(_ sync: Int, mode: RunMode = .changes, approvedHash: String? = nil) {
        guard !isFrozen, world.isConfigured[sync] else { return }
        unblock()
        let draft = world.draft(sync, .manual, nominal: nil, mode: mode)
        var created: RunRecord?
        commit { created = $0.create(draft, sync: sync) } then: { [self] isDurable in
            guard isDurable, let created else { return }
            if let old = held.removeValue(forKey: sync) { close(old, .discarded, "replaced") }
            enqueue(created, sync, approvedHash: approvedHash)
        }
    }

    func unblock() {
        gate.unblock()
        world.oracle.unblockedByHand(number)
        if world.disk.blockedReason != nil { commit { $0.blockedReason = nil } then: { _ in } }
    }

    func enqueue(_ record: RunRecord, _ sync: Int, approvedHash: String? = nil) {
        queue.append((record, sync, approvedHash))
        dispatch()
    }

    func dispatch() {
        var waiting: [(record: RunRecord, sync: Int, approvedHash: String?)] = []
        let entries = queue
        queue = []
        for entry in entries {
            if active[entry.sync] == nil, !waiting.contains(where: { $0.sync == entry.sync }) {
                begin(entry.record, entry.sync, entry.approvedHash)
            } else {
                waiting.append(entry)
            }
        }
        queue = waiting + queue
    }

    private func begin(_ record: RunRecord, _ sync: Int, _ approvedHash: String?) {
        guard world.isKnown(record, sync) || record.phase == .sending else {
            return close(record, .cancelled, "no longer configured")
        }
        world.tell("run \(record.id) of sync \(sync) begins in \(number), \(record.phase), \(record.trigger)")
        world.oracle.began(run: record.id.number, sync: sync, in: number)
        let run = ActiveRun(record, sync: sync, state: world.disk.states[sync])
        run.approvedHash = approvedHash
        if !fits(record, sync) { run.cancelledEarly = "the configuration changed" }
        run.frozenSince = isFrozen ? monotonic : nil
        active[sync] = run
        perform(record.phase == .sending ? [.send] : run.machine.handle(.started, at: now), run)
    }

    // MARK: - People

    func setFrozen(_ freeze: Bool) {
        commit { $0.isFrozen = freeze } then: { _ in }
        isFrozen = freeze
        for run in underWay {
            if freeze {
                run.frozenSince = run.frozenSince ?? monotonic
            } else if let since = run.frozenSince {
                run.frozenSince = nil
                run.delivery?.resume(afterFrozen: monotonic - since)
            }
            pump(run)
        }
    }

    func approve(_ sync: Int) {
        guard !isFrozen, active[sync] == nil, let record = held[sync], world.isKnown(record, sync) else { return }
        // It is on record who approves it before anything happens; meanwhile another run may take its place.
        commit { _ in } then: { [self] isDurable in
            guard isDurable, held[sync]?.id == record.id, active[sync] == nil,
                let plan = world.disk.run(record.id.number)?.plan?.changes
            else { return }
            release(record, plan, sync)
        }
    }

    private func release(_ record: RunRecord, _ plan: [Change], _ sync: Int) {
        held[sync] = nil
        unblock()
        world.oracle.approved(record.id.number, plan)
        world.oracle.began(run: record.id.number, sync: sync, in: number)
        let run = ActiveRun(record, sync: sync, state: world.disk.states[sync])
        run.frozenSince = isFrozen ? monotonic : nil
        active[sync] = run
        let actions = run.machine.handle(.approved(Approval(by: "a person", at: now, reason: nil)), at: now)
        let approved = run.machine.record
        commit { $0.store(approved) } then: { [self] isDurable in
            if isDurable {
                perform(actions, run)
            } else {
                hold(record, sync)
                leave(run)
            }
        }
    }

    func discard(_ sync: Int) {
        guard let record = held.removeValue(forKey: sync) else { return }
        close(record, .discarded, "discarded")
    }

    func cancel(_ sync: Int, _ reason: String) {
        guard let run = active[sync] else { return }
        perform(run.machine.handle(.cancelRequested(reason: reason), at: now), run)
    }

    /// The configuration was read anew.
    func reconfigured(_ sync: Int) {
        if world.isConfigured[sync] {
            follow(sync)
            tick()
        }
        endWhatNoLongerFits(sync)
        if !world.isConfigured[sync], mutation == .configRemovalSendsLeaves { tellEveryoneLeft(sync) }
    }

    func endWhatNoLongerFits(_ sync: Int) {
        if let record = held[sync], !fits(record, sync) {
            held[sync] = nil
            close(record, .discarded, "the configuration changed")
        }
        if let run = active[sync], !fits(run.machine.record, sync) { cancel(sync, "the configuration changed") }
        let gone = queue.filter { $0.sync == sync && $0.record.phase == .queued && !world.isKnown($0.record, sync) }
        queue.removeAll { entry in gone.contains { $0.record.id == entry.record.id } }
        for entry in gone { close(entry.record, .cancelled, "no longer configured") }
    }

    /// Whether a run may go on under the configuration of now.
    private func fits(_ record: RunRecord, _ sync: Int) -> Bool {
        guard world.isKnown(record, sync) else { return false }
        return record.mode.keepsIdentity || record.fits(world.identity(of: sync), state: world.disk.states[sync])
    }

    private func tellEveryoneLeft(_ sync: Int) {
        guard active[sync] == nil else { return }
        let draft = world.draft(sync, .manual, nominal: nil)
        var created: RunRecord?
        commit { created = $0.create(draft, sync: sync) } then: { [self] isDurable in
            guard isDurable, let created, active[sync] == nil else { return }
            let run = ActiveRun(created, sync: sync, state: world.disk.states[sync])
            active[sync] = run
            perform(run.machine.handle(.started, at: now), run)
        }
    }
}

extension EngineProcess {
    /// The leaves that unreadable rows withheld from a finished run, seen and approved by a person.
    func approveLeaves(of run: RunRecord, _ sync: Int) {
        var draft = world.draft(sync, .manual, nominal: nil, mode: .leaves)
        draft.snapshot = run.snapshot
        var created: RunRecord?
        commit { created = $0.create(draft, sync: sync) } then: { [self] isDurable in
            guard isDurable, let created else { return }
            enqueue(created, sync)
        }
    }
}
