import Control
import Scheduling
import SyncEngine

/// Works out the state of each sync by one documented list, first match wins (PRODUCT.md §3).
struct StatusReporter {
    let engine: Engine
    let scheduler: Scheduler?
    let now: Instant

    func views(of syncs: [SyncID]) async throws -> [StatusView] {
        let rejects = try await engine.context.store.rejects(of: nil, limit: 1_000_000)
        let counts = Dictionary(grouping: rejects.filter { !$0.isDismissed }, by: \.sync).mapValues(\.count)
        var views: [StatusView] = []
        for sync in syncs {
            views.append(try await view(of: sync, rejects: counts[sync] ?? 0))
        }
        return views
    }

    private func view(of sync: SyncID, rejects: Int) async throws -> StatusView {
        var view = StatusView(sync: sync.description, cohort: sync.cohort, destination: sync.destination)
        let state = await engine.state(of: sync)
        view.rejects = rejects
        view.ledger = state.ledger?.members ?? 0
        view.unknown = state.ledger?.unknown ?? 0
        let definition = await engine.definition(of: sync)
        if let definition {
            view.schedule = definition.schedule.schedule.text
            view.paused = definition.schedule.isPaused
            view.name = definition.audience.name
            view.trait = definition.audience.trait
            view.source = definition.sourceKey
            view.next = next(definition, state)?.rfc3339
        }
        let recent = try await engine.context.store.runs(RunFilter(syncs: [sync], limit: 10))
        let last = recent.first
        view.last_run = last?.id.description
        view.last_outcome = last?.outcome?.rawValue
        view.last_finished_at = last?.finishedAt?.rfc3339
        // Only what was accepted moved anybody: a plan that waits, or that was discarded, has not.
        if let last, last.outcome != nil, let plan = last.plan {
            view.last_entered = min(plan.entered, last.delivery.accepted - last.delivery.acceptedLeft)
            view.last_left = min(plan.left, last.delivery.acceptedLeft)
        }
        // The time that a held plan waited for somebody is nobody's work.
        if let last, last.outcome != .discarded, let start = last.approval?.at ?? last.startedAt, let end = last.finishedAt {
            view.last_seconds = Double(end.milliseconds(since: start)) / 1000
        }
        let active = await engine.activeRun(of: sync)
        view.running = active?.id.description
        view.phase = active?.phase.rawValue
        let held = await engine.heldRun(of: sync)
        view.held_run = held?.id.description
        let (word, reason) = await word(sync, definition, state, active: active, held: held, recent: recent)
        view.state = word
        view.reason = reason
        if reason == nil, let last, last.phase != .finished, active == nil, await engine.queuedRun(of: sync) == nil {
            view.reason = "run \(last.id) was interrupted; the next sync, or an engine, goes on with it"
        }
        if reason == nil, let last, last.outcome == .cancelled, last.pending > 0 {
            view.reason = "run \(last.id) was cancelled with \(last.pending) changes still owed; the next sync tells them"
        }
        return view
    }

    private func next(_ definition: SyncDefinition, _ state: SyncState) -> Instant? {
        guard !definition.schedule.isPaused, !definition.schedule.schedule.isManual else { return nil }
        let due = DueOccurrences(sync: definition.id, policy: definition.schedule, decidedThrough: now)
        return definition.schedule.schedule.next(after: now, in: definition.schedule.zone)
            .map { due.start(of: $0.nominal) }
    }

    private func word(
        _ sync: SyncID, _ definition: SyncDefinition?, _ state: SyncState, active: RunRecord?, held: RunRecord?,
        recent: [RunRecord]
    ) async -> (String, String?) {
        if await engine.isFrozen { return ("frozen", "nothing is sent anywhere until unfreeze") }
        let destination = await engine.destination(sync.destination)
        let laneBlock = await engine.lane(sync.destination)?.blockedReason
        let refused = definition?.source?.blockedReason
        if let reason = definition?.blockedReason ?? refused ?? destination?.blockedReason ?? laneBlock {
            return ("blocked", reason)
        }
        if let held { return ("held", held.reason) }
        if let active { return ("running", active.phase.rawValue) }
        let judged = recent.first { $0.outcome != nil && $0.outcome != .cancelled && $0.outcome != .discarded }
        if judged?.outcome == .failed { return ("failed", judged?.reason) }
        if judged?.outcome == .partial { return ("partial", judged?.reason) }
        if let definition {
            if definition.schedule.isPaused { return ("paused", nil) }
            if let late = lateness(definition, state) { return ("late", late) }
        }
        return judged == nil ? ("never", nil) : ("ok", nil)
    }

    /// An occurrence that nobody has decided a minute after it should have started.
    private func lateness(_ definition: SyncDefinition, _ state: SyncState) -> String? {
        guard !definition.schedule.schedule.isManual, let loaded = state.scheduleLoadedAt else { return nil }
        let grace = Int64(60 + definition.schedule.jitterSeconds)
        let since = max(loaded, state.lastOccurrence ?? loaded)
        guard let missed = definition.schedule.schedule.latest(
            atOrBefore: now.advanced(seconds: -grace), after: since, in: definition.schedule.zone)
        else { return nil }
        return "was due at \(missed.nominal.rfc3339Seconds)"
    }
}
