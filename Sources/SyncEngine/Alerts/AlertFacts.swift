import Scheduling

/// What is known of one sync when its alerts are judged.
package struct AlertFacts: Sendable {
    package var sync: SyncID
    package var schedule: SchedulePolicy
    /// Since when the schedule is followed, and its newest decided occurrence.
    package var scheduleLoadedAt: Instant?
    package var lastOccurrence: Instant?
    /// Why the sync cannot run at all.
    package var blockedReason: String?
    package var isDestinationBlocked = false
    package var held: RunRecord?
    /// A run that is under way, or waits for a slot.
    package var active: RunRecord?
    package var queued: RunRecord?
    /// The newest run that ended as anything but cancelled or discarded, and when the newest of all ended.
    package var judged: RunRecord?
    package var lastEnd: Instant?
    /// Runs that ended since the last look, oldest first, so that none between two looks is passed over.
    package var unseen: [RunRecord] = []
    /// Whether `judged` failed because its destination was blocked, of which that destination's alert spoke.
    package var isExcused = false
    /// The newest occurrence that was passed over.
    package var skip: SkippedOccurrence?

    package init(sync: SyncID, schedule: SchedulePolicy) {
        self.sync = sync
        self.schedule = schedule
    }
}

/// A sync's state for alerts.
package struct AlertState: Sendable, Equatable {
    /// nil for a good state.
    package var event: AlertEvent?
    package var detail: String
    package var run: RunID?

    package init(_ event: AlertEvent?, _ detail: String, run: RunID? = nil) {
        self.event = event
        self.detail = detail
        self.run = run
    }
}

extension AlertFacts {
    /// The facts as they were after each run that ended since the last look, and as they are now.
    var moments: [AlertFacts] {
        let past = unseen.dropLast().map { run in
            var moment = self
            moment.judged = run
            moment.isExcused = false
            return moment
        }
        return past + [self]
    }

    /// The state by one documented list, first match wins; what the policy does not want to know is passed over.
    /// - Parameters:
    ///   - lastGood: when a run last ended well; `since` stands for it before the first.
    /// - Returns: nil when nothing can be said just now, and what was said still holds.
    package func state(policy: AlertPolicy, lastGood: Instant?, since: Instant, now: Instant) -> AlertState? {
        let states: [() -> AlertState?] = [
            { blockedReason.map { AlertState(.blocked, $0) } },
            { held.map { AlertState(.held, $0.reason ?? "a plan waits for approval", run: $0.id) } },
            { judged(.failed, .failed) },
            { judged(.partial, .partial) },
            { notStarted(policy, now) },
            { stale(policy, lastGood ?? since, now) },
        ]
        // Its destination's alert speaks for all of its syncs.
        if isDestinationBlocked, held == nil { return nil }
        for state in states {
            if let found = state(), let event = found.event, policy.events.contains(event) { return found }
        }
        if isExcused { return nil }
        guard let judged else { return AlertState(nil, "nothing has run yet") }
        return AlertState(nil, "run \(judged.id) \(judged.outcome?.rawValue ?? "")", run: judged.id)
    }

    private func judged(_ outcome: Outcome, _ event: AlertEvent) -> AlertState? {
        guard let judged, judged.outcome == outcome, !isExcused else { return nil }
        return AlertState(event, judged.reason ?? outcome.rawValue, run: judged.id)
    }

    private var isScheduled: Bool { !schedule.isPaused && !schedule.schedule.isManual }

    private func notStarted(_ policy: AlertPolicy, _ now: Instant) -> AlertState? {
        guard isScheduled, active == nil else { return nil }
        let grace = Int64(policy.graceSeconds) * 1000
        if let queued {
            guard now.milliseconds(since: queued.createdAt) > grace else { return nil }
            return AlertState(
                .notStarted, "run \(queued.id) waits since \(queued.createdAt.rfc3339Seconds)", run: queued.id)
        }
        // An occurrence passed over while an earlier run was under way is that run's; any other ran nowhere.
        if let skip, now.milliseconds(since: skip.nominal) > grace, lastEnd.map({ $0 < skip.nominal }) ?? true,
            held == nil {
            return AlertState(
                .notStarted, "the occurrence of \(skip.nominal.rfc3339Seconds) started no run: \(skip.reason)")
        }
        guard let loaded = scheduleLoadedAt else { return nil }
        let limit = now.advanced(milliseconds: -grace - Int64(schedule.jitterSeconds) * 1000)
        guard let missed = schedule.schedule.latest(
            atOrBefore: limit, after: max(loaded, lastOccurrence ?? loaded), in: schedule.zone)
        else { return nil }
        return AlertState(.notStarted, "the occurrence of \(missed.nominal.rfc3339Seconds) has not started")
    }

    private func stale(_ policy: AlertPolicy, _ lastGood: Instant, _ now: Instant) -> AlertState? {
        guard isScheduled, let limit = policy.staleAfterSeconds,
            now.milliseconds(since: lastGood) > Int64(limit) * 1000
        else { return nil }
        return AlertState(.stale, "no run has ended well since \(lastGood.rfc3339Seconds)")
    }
}
