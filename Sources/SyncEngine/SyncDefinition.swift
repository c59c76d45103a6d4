import Scheduling

/// One configured sync, with the adapters it works through.
package struct SyncDefinition: Sendable {
    package var id: SyncID
    package var audience: Audience
    /// The trait's template, `{name}` unexpanded.
    package var template: String
    /// The source's key in the configuration, and the adapter for this cohort; nil while it is blocked.
    package var sourceKey: String
    package var sourceKind: String
    package var source: (any MemberSource)?
    package var schedule: SchedulePolicy
    package var guards: GuardLimits
    package var leaves: LeavePolicy
    package var firstSync: FirstSync
    /// Why this sync cannot run at all, such as a secret that cannot be had; nil when it can.
    package var blockedReason: String?

    package init(
        id: SyncID, audience: Audience, template: String, sourceKey: String, sourceKind: String,
        source: (any MemberSource)?, schedule: SchedulePolicy, guards: GuardLimits, leaves: LeavePolicy,
        firstSync: FirstSync, blockedReason: String? = nil
    ) {
        self.id = id
        self.audience = audience
        self.template = template
        self.sourceKey = sourceKey
        self.sourceKind = sourceKind
        self.source = source
        self.schedule = schedule
        self.guards = guards
        self.leaves = leaves
        self.firstSync = firstSync
        self.blockedReason = blockedReason
    }
}

extension SyncDefinition {
    /// A sync that the configuration no longer has, as the destination was told of it: for its retirement, and for
    /// ending a run of it that was sending.
    static func former(_ sync: SyncID, _ told: SyncIdentity) -> SyncDefinition {
        SyncDefinition(
            id: sync,
            audience: Audience(
                key: sync.cohort, name: told.name ?? sync.cohort, id: told.id ?? sync.cohort, trait: told.trait,
                leavesAsNull: told.leavesAsNull ?? false),
            template: told.template, sourceKey: "", sourceKind: told.sourceKind, source: nil,
            schedule: SchedulePolicy(schedule: .manual, zone: .utc), guards: GuardLimits(), leaves: .tellFalse,
            firstSync: .backfill)
    }
}

extension SyncIdentity {
    /// Whether this is what a destination at this address was told.
    func isTold(at adapter: any Destination) -> Bool {
        destinationKind == adapter.kind && destinationAddress == adapter.address
    }
}

/// One configured destination, with its adapter and what all its syncs share.
package struct DestinationDefinition: Sendable {
    package var key: String
    package var kind: String
    /// Nil while it is blocked.
    package var adapter: (any Destination)?
    /// Members per second; nil for no limit.
    package var rate: Int?
    /// Requests in flight at a time.
    package var requests: Int
    /// How long an unreachable destination is tried before the run fails, in milliseconds.
    package var retryFor: Int64
    /// How long a member's opposite change waits out an attempt of unknown outcome where the destination does not
    /// recognise repeats, in milliseconds.
    package var settle: Int64
    package var blockedReason: String?

    package init(
        key: String, kind: String, adapter: (any Destination)?, rate: Int?, requests: Int = 4,
        retryFor: Int64 = 43_200_000, settle: Int64 = 1_200_000, blockedReason: String? = nil
    ) {
        self.key = key
        self.kind = kind
        self.adapter = adapter
        self.rate = rate
        self.requests = requests
        self.retryFor = retryFor
        self.settle = settle
        self.blockedReason = blockedReason
    }
}

/// Everything the engine works from; replaced as a whole when the configuration changes.
package struct EngineConfiguration: Sendable {
    package var syncs: [SyncDefinition]
    package var destinations: [DestinationDefinition]
    /// The digest of the configuration: another one gives a destination that refused its key another chance.
    package var revision = ""
    /// The sources that count downloads.
    package var quotas: [QuotaDefinition] = []
    /// The sources that can say which cohorts they have, by key.
    package var catalogs: [String: any CohortCatalog] = [:]
    /// Bytes that sorting may use in all.
    package var memory: Int
    /// Runs that fetch and plan at a time, and runs that send to one destination at a time.
    package var parallelRuns: Int
    /// How long history is kept, in milliseconds.
    package var retention: Int64

    package init(
        syncs: [SyncDefinition], destinations: [DestinationDefinition], memory: Int = 256 << 20, parallelRuns: Int = 4,
        retention: Int64 = 400 * 86_400_000
    ) {
        self.syncs = syncs
        self.destinations = destinations
        self.memory = memory
        self.parallelRuns = parallelRuns
        self.retention = retention
    }
}

/// A source that counts downloads.
package struct QuotaDefinition: Sendable, Hashable {
    /// The source's key in the configuration.
    package var sourceKey: String
    /// Names the account in the store; sources of one project share it.
    package var account: String
    package var limits: DownloadLimits

    package init(sourceKey: String, account: String, limits: DownloadLimits) {
        self.sourceKey = sourceKey
        self.account = account
        self.limits = limits
    }
}
