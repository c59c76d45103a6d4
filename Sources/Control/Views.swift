/// The wire types: one struct a kind of line that `--json` prints and the control socket sends. Keys are stable; new ones
/// are only added. Times are RFC 3339 in UTC. They know nothing of the engine's own types.

/// The state of one sync (`status`).
package struct StatusView: Codable, Sendable, Equatable {
    package var sync: String
    package var cohort: String
    package var destination: String
    /// The first that holds of `frozen, blocked, held, running, failed, partial, paused, late, ok, never`.
    package var state: String
    /// The schedule as typed; whether it is paused; the next start, null for none.
    package var schedule: String
    package var paused: Bool
    package var next: String?
    package var last_run: String?
    package var last_outcome: String?
    package var last_finished_at: String?
    /// Sentence that explains the state; null when there is nothing to explain.
    package var reason: String?
    /// Members that the destination has been told of; of them or others, how many with unknown outcome.
    package var ledger: Int
    package var unknown: Int
    package var rejects: Int
    package var held_run: String?
    /// The run under way, its phase and progress; null when none is.
    package var running: String?
    package var phase: String?
    package var name: String
    package var trait: String
    package var source: String
    package var last_entered: Int?
    package var last_left: Int?
    package var last_seconds: Double?

    package init(sync: String, cohort: String, destination: String) {
        self.sync = sync
        self.cohort = cohort
        self.destination = destination
        state = "never"
        schedule = ""
        paused = false
        ledger = 0
        unknown = 0
        rejects = 0
        name = ""
        trait = ""
        source = ""
    }
}

/// A sync that can be asked about.
package struct SyncNameView: Codable, Sendable, Equatable {
    package var sync: String
    /// Whether the active configuration has it.
    package var configured: Bool

    package init(sync: String, configured: Bool) {
        self.sync = sync
        self.configured = configured
    }
}

/// A row that is no member (part of `run`).
package struct BadRowView: Codable, Sendable, Equatable {
    package var position: Int
    package var reason: String
    package var unreadable: Bool

    package init(position: Int, reason: String, unreadable: Bool) {
        self.position = position
        self.reason = reason
        self.unreadable = unreadable
    }
}

/// One run (`runs`, `run`, `sync`, `approve`).
package struct RunView: Codable, Sendable, Equatable {
    package var run: String
    package var sync: String
    package var trigger: String
    package var mode: String
    package var outcome: String?
    package var phase: String
    /// The plan's hash; null before there is one.
    package var plan: String?
    package var read = 0
    package var members = 0
    package var duplicates = 0
    package var invalid = 0
    package var unreadable = 0
    package var entered = 0
    package var left = 0
    package var unchanged = 0
    package var reasserted = 0
    package var withheld = 0
    package var ignored = 0
    package var dismissed = 0
    package var sent = 0
    package var accepted = 0
    package var rejected = 0
    package var pending = 0
    package var requests = 0
    package var retries = 0
    package var bytes = 0
    package var ledger_before: Int?
    package var ledger_after: Int?
    package var nominal: String?
    package var created_at: String
    package var started_at: String?
    package var finished_at: String?
    package var reason: String?
    package var held_by: [String] = []
    package var notes: [String] = []
    package var trait: String
    package var approved_by: String?
    package var approved_at: String?
    package var approval_reason: String?
    package var replaced_by: String?
    /// The run that this one takes back (`undo`).
    package var undoes: String?
    package var bad_rows: [BadRowView] = []

    package init(
        run: String, sync: String, trigger: String, mode: String, phase: String, created_at: String, trait: String
    ) {
        self.run = run
        self.sync = sync
        self.trigger = trigger
        self.mode = mode
        self.phase = phase
        self.created_at = created_at
        self.trait = trait
    }
}

/// A member and what would be told (part of `plan`).
package struct ChangeView: Codable, Sendable, Equatable {
    package var user: String
    /// `entered` or `left`.
    package var event: String

    package init(user: String, event: String) {
        self.user = user
        self.event = event
    }
}

/// What a sync would send (`plan`, `sync --dry-run`).
package struct PlanView: Codable, Sendable, Equatable {
    package var sync: String
    package var plan: String
    package var entered = 0
    package var left = 0
    package var unchanged = 0
    package var reasserted = 0
    package var withheld = 0
    package var ignored = 0
    package var dismissed = 0
    package var read = 0
    package var members = 0
    package var duplicates = 0
    package var invalid = 0
    package var unreadable = 0
    package var ledger = 0
    package var requests = 0
    package var bytes = 0
    /// How long sending takes at the destination's rate, in seconds.
    package var seconds: Double = 0
    /// Sentences of the guards that would hold it; empty when none would.
    package var held_by: [String] = []
    package var notes: [String] = []
    package var trait: String
    /// Entered and left of the latest runs on average, to compare with; null before the first.
    package var usual_entered: Double?
    package var usual_left: Double?
    package var sample: [ChangeView] = []
    /// The month of the source's downloads, after the one that this plan took; null where nobody counts.
    package var quota: QuotaView?

    package init(sync: String, plan: String, trait: String) {
        self.sync = sync
        self.plan = plan
        self.trait = trait
    }
}

/// One member's event (`events`, part of `user`).
package struct EventView: Codable, Sendable, Equatable {
    package var at: String
    package var sync: String
    package var run: String
    package var user: String
    /// `entered` or `left`.
    package var event: String
    /// `pending`, `accepted` or `rejected`.
    package var status: String
    package var request: String?
    package var http_status: Int?
    package var attempts: Int
    package var reasserted: Bool
    package var reason: String?

    package init(
        at: String, sync: String, run: String, user: String, event: String, status: String, request: String?,
        http_status: Int?, attempts: Int, reasserted: Bool, reason: String?
    ) {
        self.at = at
        self.sync = sync
        self.run = run
        self.user = user
        self.event = event
        self.status = status
        self.request = request
        self.http_status = http_status
        self.attempts = attempts
        self.reasserted = reasserted
        self.reason = reason
    }
}

/// One user in one sync (`user`).
package struct UserView: Codable, Sendable, Equatable {
    package var user: String
    package var sync: String
    /// Whether the ledger counts them as a member.
    package var member: Bool
    /// `true`, `false`, `unknown` or `never`.
    package var told: String
    /// Since when that holds; null when unknown.
    package var since: String?
    package var events: [EventView]

    package init(user: String, sync: String, member: Bool, told: String, since: String?, events: [EventView]) {
        self.user = user
        self.sync = sync
        self.member = member
        self.told = told
        self.since = since
        self.events = events
    }
}

/// One member (`members`).
package struct MemberView: Codable, Sendable, Equatable {
    package var sync: String
    package var member: String

    package init(sync: String, member: String) {
        self.sync = sync
        self.member = member
    }
}

/// How many members two syncs have in common (`overlap`): sizes, as their destinations were told.
package struct OverlapView: Codable, Sendable, Equatable {
    package var sync_a: String
    package var sync_b: String
    package var a: Int
    package var b: Int
    package var both: Int
    package var only_a: Int
    package var only_b: Int

    package init(sync_a: String, sync_b: String, a: Int, b: Int, both: Int) {
        self.sync_a = sync_a
        self.sync_b = sync_b
        self.a = a
        self.b = b
        self.both = both
        only_a = a - both
        only_b = b - both
    }
}

/// What was removed of one user (`purge`).
package struct PurgeView: Codable, Sendable, Equatable {
    /// Runs whose history named the user, and the enters and leaves removed from them.
    package var runs: Int
    package var events: Int
    /// Rejects removed, and dismissals that stay because they decide what is sent.
    package var rejects: Int
    package var dismissals_kept: Int
    /// Syncs whose ledger still says what the user was told.
    package var told: [String]

    package init(runs: Int, events: Int, rejects: Int, dismissals_kept: Int, told: [String]) {
        self.runs = runs
        self.events = events
        self.rejects = rejects
        self.dismissals_kept = dismissals_kept
        self.told = told
    }
}

/// One fire of a schedule (`schedule`).
package struct FireView: Codable, Sendable, Equatable {
    package var sync: String
    package var at: String
    /// The wall clock's reading in the zone, without an offset.
    package var local: String
    package var zone: String
    /// What is unusual about it: a time shifted by a gap, the first of a repeated time; else null.
    package var note: String?

    package init(sync: String, at: String, local: String, zone: String, note: String?) {
        self.sync = sync
        self.at = at
        self.local = local
        self.zone = zone
        self.note = note
    }
}

/// A member that could not be told (`rejects`).
package struct RejectView: Codable, Sendable, Equatable {
    package var id: String
    package var sync: String
    package var run: String
    package var user: String
    package var event: String
    package var reason: String
    package var http_status: Int?
    package var attempts: Int
    package var at: String
    package var dismissed: Bool

    package init(
        id: String, sync: String, run: String, user: String, event: String, reason: String, http_status: Int?,
        attempts: Int, at: String, dismissed: Bool
    ) {
        self.id = id
        self.sync = sync
        self.run = run
        self.user = user
        self.event = event
        self.reason = reason
        self.http_status = http_status
        self.attempts = attempts
        self.at = at
        self.dismissed = dismissed
    }
}

/// One destination's health.
package struct DestinationView: Codable, Sendable, Equatable {
    package var destination: String
    package var kind: String
    package var address: String
    /// `up`, `failing` (its breaker is open), `blocked`, `unknown` (nothing sent yet).
    package var state: String
    package var breaker: String
    package var reason: String?
    package var in_flight: Int
    /// Members per second allowed; null for no limit.
    package var rate: Int?
    package var latency_ms: Int64?
    package var last_answer: String?
    package var last_answer_at: String?

    package init(destination: String, kind: String, address: String) {
        self.destination = destination
        self.kind = kind
        self.address = address
        state = "unknown"
        breaker = "closed"
        in_flight = 0
    }
}

/// The engine itself.
package struct EngineView: Codable, Sendable, Equatable {
    package var version: String
    package var api: Int
    package var pid: Int
    /// `serve`, `dashboard`, `sync`, …
    package var purpose: String
    package var workspace: String
    package var started_at: String
    package var now: String
    package var frozen: Bool
    /// Whether schedules are followed.
    package var schedules: Bool
    package var configuration_digest: String
    package var configuration_loaded_at: String
    /// Why the file on disk is not the active configuration; null when it is.
    package var configuration_error: String?
    package var lateness_ms: Int64?
    package var clock_jump_ms: Int64?
    package var store_bytes: Int64

    package init(
        version: String, pid: Int, purpose: String, workspace: String, started_at: String, now: String, frozen: Bool,
        schedules: Bool, configuration_digest: String, configuration_loaded_at: String
    ) {
        self.version = version
        api = 1
        self.pid = pid
        self.purpose = purpose
        self.workspace = workspace
        self.started_at = started_at
        self.now = now
        self.frozen = frozen
        self.schedules = schedules
        self.configuration_digest = configuration_digest
        self.configuration_loaded_at = configuration_loaded_at
        store_bytes = 0
    }
}
