import Scheduling

/// What a sync's schedule has come to at one moment.
package enum DueDecision: Sendable, Equatable {
    /// Nothing is due; look again at this instant (nil: never, unless the schedule is edited).
    case wait(until: Instant?)
    /// Start a run for this occurrence. `missed` earlier ones are covered by it.
    case start(nominal: Instant, missed: Int, isCatchUp: Bool)
    /// Record this occurrence, and `missed` earlier ones, as passed over.
    case skip(nominal: Instant, missed: Int, reason: String)
}

/// A sync's schedule as the scheduler follows it. Pure: the clock is passed in and may jump either way.
package struct DueOccurrences: Sendable, Equatable {
    package let sync: SyncID
    package let policy: SchedulePolicy
    /// Every occurrence up to here has been decided. Always derived anew from *now* when it lies in the future, so
    /// that a clock that was wrong once cannot starve the schedule.
    package private(set) var decidedThrough: Instant

    /// An occurrence older than this when it is noticed counts as missed: nobody was there to start it.
    static let graceMilliseconds: Int64 = 60_000

    /// - Parameter decidedThrough: the later of the moment the current schedule was loaded and the last occurrence
    ///   that was decided.
    package init(sync: SyncID, policy: SchedulePolicy, decidedThrough: Instant) {
        self.sync = sync
        self.policy = policy
        self.decidedThrough = decidedThrough
    }

    /// Where a sync's schedule stands when an engine begins to follow it.
    package init(sync: SyncID, policy: SchedulePolicy, state: SyncState, now: Instant) {
        var since = state.scheduleLoadedAt ?? now
        if let last = state.lastOccurrence, last <= now { since = max(since, last) }
        // What came due while nobody was there is missed, and this policy does not make up for it.
        if policy.catchUp == .none { since = max(since, now) }
        self.init(sync: sync, policy: policy, decidedThrough: since)
    }

    package mutating func decide(now: Instant) -> DueDecision {
        guard !policy.isPaused, !policy.schedule.isManual else { return .wait(until: nil) }
        if decidedThrough > now.advanced(seconds: 1) { decidedThrough = now }
        guard let next = policy.schedule.next(after: decidedThrough, in: policy.zone) else { return .wait(until: nil) }
        guard start(of: next.nominal) <= now else { return .wait(until: start(of: next.nominal)) }
        let chosen = newestDue(notBefore: next.nominal, now: now)
        let missed = max(
            0, policy.schedule.count(after: decidedThrough, through: chosen, in: policy.zone, limit: 1_000_000) - 1)
        decidedThrough = chosen
        let isLate = now.milliseconds(since: start(of: chosen)) > Self.graceMilliseconds
        if isLate, policy.catchUp == .none {
            return .skip(nominal: chosen, missed: missed, reason: "missed, and catch_up is none")
        }
        return .start(
            nominal: chosen, missed: missed, isCatchUp: policy.catchUp == .latest && (isLate || missed > 0))
    }

    /// The newest occurrence whose jittered start has come; at least `first`, whose has.
    private func newestDue(notBefore first: Instant, now: Instant) -> Instant {
        var limit = now
        while limit >= first,
            let fire = policy.schedule.latest(atOrBefore: limit, after: first.advanced(seconds: -1), in: policy.zone) {
            if start(of: fire.nominal) <= now { return fire.nominal }
            limit = fire.nominal.advanced(seconds: -1)
        }
        return first
    }

    /// Nominal time plus the part of the jitter that belongs to this sync and occurrence.
    package func start(of nominal: Instant) -> Instant {
        guard policy.jitterSeconds > 0 else { return nominal }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in sync.description.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let draw = Backoff.mix(hash ^ UInt64(bitPattern: nominal.milliseconds))
        return nominal.advanced(milliseconds: Int64(draw % (UInt64(policy.jitterSeconds) * 1000 + 1)))
    }
}
