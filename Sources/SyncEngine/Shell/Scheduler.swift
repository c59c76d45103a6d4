import Scheduling

/// Starts runs when their schedules say so. One loop for all syncs: it sleeps until the next occurrence, and looks up
/// at least once a second, because only comparing the clocks shows that civil time was set.
package actor Scheduler {
    private let engine: Engine
    private let context: EngineContext
    private var agenda: [SyncID: (due: DueOccurrences, wakeAt: Instant?)] = [:]
    /// Civil minus monotonic time; it moves only when somebody sets the clock, or the machine slept badly.
    private var offset: Int64 = 0
    private var isStopped = false
    /// How late the latest occurrences were queued as runs, in milliseconds.
    package private(set) var recentLateness: [Int64] = []
    /// When the civil clock last jumped, and by how many milliseconds.
    package private(set) var lastJump: (at: Instant, milliseconds: Int64)?

    package init(engine: Engine) {
        self.engine = engine
        context = engine.context
    }

    package func stop() { isStopped = true }

    /// The next start of a sync; nil for a manual, paused or unknown one.
    package func next(of sync: SyncID) -> Instant? { agenda[sync]?.wakeAt }

    /// Follows the schedules until `stop`.
    package func run() async {
        offset = context.clock.now().milliseconds - context.clock.monotonic()
        await refresh()
        let changes = engine.changes()
        let watcher = Task { [weak self] in
            for await change in changes {
                if case .configured = change { await self?.refresh() }
            }
        }
        while !isStopped, !Task.isCancelled {
            await fireDue()
            await context.clock.sleep(until: context.clock.monotonic() + untilNext())
            noticeJump()
        }
        watcher.cancel()
    }

    /// Milliseconds until something may be due, at most a second.
    private func untilNext() -> Int64 {
        let now = context.clock.now()
        var soonest: Int64 = 1_000
        for entry in agenda.values {
            if let wakeAt = entry.wakeAt { soonest = min(soonest, wakeAt.milliseconds(since: now)) }
        }
        return max(1, soonest)
    }

    private func noticeJump() {
        let current = context.clock.now().milliseconds - context.clock.monotonic()
        let jump = current - offset
        guard abs(jump) > 1_000 else { return }
        offset = current
        lastJump = (context.clock.now(), jump)
        context.log("the clock was set by \(jump) ms", .warning)
        for sync in agenda.keys { agenda[sync]?.wakeAt = .init(milliseconds: 0) }
    }

    /// Takes over the schedules of the current configuration.
    private func refresh() async {
        var fresh: [SyncID: (due: DueOccurrences, wakeAt: Instant?)] = [:]
        let now = context.clock.now()
        for definition in await engine.syncs {
            if let known = agenda[definition.id], known.due.policy == definition.schedule {
                fresh[definition.id] = known
                continue
            }
            let state = await engine.state(of: definition.id)
            fresh[definition.id] = (
                DueOccurrences(sync: definition.id, policy: definition.schedule, state: state, now: now),
                Instant(milliseconds: 0))
        }
        agenda = fresh
    }

    private func fireDue() async {
        let now = context.clock.now()
        // Only what is due is put in order: thousands of syncs wait, and this is looked at every second.
        let due = agenda.filter { entry in entry.value.wakeAt.map { $0 <= now } ?? false }
        for sync in due.keys.sorted() {
            guard var entry = agenda[sync] else { continue }
            let decision = entry.due.decide(now: now)
            switch decision {
            case .wait(let until):
                entry.wakeAt = until
            case .start(let nominal, let missed, let isCatchUp):
                let wanted = entry.due.start(of: nominal)
                await start(sync, nominal: nominal, missed: missed, isCatchUp: isCatchUp, policy: entry.due.policy)
                // Late is who stands in the queue late, the time for those before included.
                if !isCatchUp { noteLateness(context.clock.now().milliseconds(since: wanted)) }
            case .skip(let nominal, let missed, let reason):
                await skip(sync, nominal: nominal, missed: missed, reason: reason)
            }
            agenda[sync] = entry
        }
    }

    private func noteLateness(_ milliseconds: Int64) {
        recentLateness.append(milliseconds)
        if recentLateness.count > 1_000 { recentLateness.removeFirst() }
    }

    private func start(
        _ sync: SyncID, nominal: Instant, missed: Int, isCatchUp: Bool, policy: SchedulePolicy
    ) async {
        if let obstacle = await obstacle(to: sync, policy: policy) {
            await skip(sync, nominal: nominal, missed: missed, reason: obstacle)
            return
        }
        do throws(EngineRefusal) {
            _ = try await engine.start(
                [sync], trigger: isCatchUp ? .catchUp : .schedule, nominal: nominal, options: RunOptions(),
                notes: missed > 0 ? ["covers \(missed) earlier occurrences that started no run"] : [])
        } catch {
            await skip(sync, nominal: nominal, missed: missed, reason: error.sentence)
        }
    }

    /// Why an occurrence starts no run.
    private func obstacle(to sync: SyncID, policy: SchedulePolicy) async -> String? {
        OccurrenceObstacles(
            held: await engine.heldRun(of: sync)?.id, queued: await engine.queuedRun(of: sync)?.id,
            active: await engine.activeRun(of: sync)?.id,
            blockedReason: await engine.lane(sync.destination)?.blockedReason,
            sourceBlockedReason: await engine.definition(of: sync)?.source?.blockedReason
        ).reason(destination: sync.destination, overlap: policy.overlap)
    }

    private func skip(_ sync: SyncID, nominal: Instant, missed: Int, reason: String) async {
        let skip = SkippedOccurrence(sync: sync, nominal: nominal, missed: missed, reason: reason)
        do throws(StoreError) {
            try await context.store.recordSkip(skip)
            await engine.skipped(skip)
            context.log("\(sync): occurrence \(nominal.rfc3339Seconds) skipped: \(reason)")
        } catch {
            context.log("\(sync): \(error.message)", .error)
        }
    }
}

extension EngineRefusal {
    /// The refusal as a sentence without a full stop.
    package var sentence: String {
        switch self {
        case .unknownSync(let name): "there is no sync \(name)"
        case .unknownRun(let name): "there is no run \(name)"
        case .frozen: "everything is frozen; lift it with rollcall unfreeze"
        case .stopping: "the engine is just stopping; ask again"
        case .blocked(let reason), .notPossible(let reason), .storage(let reason), .failed(let reason): reason
        }
    }
}
