/// What the control interface is asked. Every request is one struct, so that the socket, the command line and the
/// dashboard say it in the same way.

/// Starts runs (`sync`).
package struct SyncRequest: Codable, Sendable, Equatable {
    /// Names of syncs, `cohort@destination`.
    package var syncs: [String]
    package var full = false
    /// Hash of the only plan that may be sent; any other is held.
    package var approve: String?
    /// Seconds; null for the destination's own.
    package var retry_for: Double?

    package init(syncs: [String]) {
        self.syncs = syncs
    }
}

/// Makes plans without sending (`plan`, `sync --dry-run`).
package struct PlanQuery: Codable, Sendable, Equatable {
    package var syncs: [String]
    package var full = false
    /// Members to show of each plan.
    package var sample = 10

    package init(syncs: [String]) {
        self.syncs = syncs
    }
}

/// Acts on a run.
package struct RunRequest: Codable, Sendable, Equatable {
    package var run: String
    package var reason: String?
    /// `approve --leaves`: send the leaves that unreadable rows withheld.
    package var leaves = false
    package var retry_for: Double?

    package init(run: String, reason: String? = nil) {
        self.run = run
        self.reason = reason
    }
}

/// Makes plans that a person asks for by name (`retire`, `migrate`): each is held.
package struct NamedPlanRequest: Codable, Sendable, Equatable {
    /// Names of syncs, `cohort@destination`.
    package var syncs: [String]
    /// For the audit log.
    package var reason: String?

    package init(syncs: [String], reason: String? = nil) {
        self.syncs = syncs
        self.reason = reason
    }
}

/// Removes one user from history (`purge`).
package struct PurgeRequest: Codable, Sendable, Equatable {
    /// The user's id, exactly.
    package var user: String
    /// For the audit log.
    package var reason: String?

    package init(user: String, reason: String? = nil) {
        self.user = user
        self.reason = reason
    }
}

/// Which events are wanted; all fields narrow.
package struct EventQuery: Codable, Sendable, Equatable {
    package var syncs: [String]?
    package var user: String?
    package var run: String?
    /// Newest runs first until this many events are found; null for no limit.
    package var limit: Int?
    /// Only events at this moment (RFC 3339) or later.
    package var since: String?
    /// Whether to go on with every event as it is answered, until the engine goes away. Without `limit`.
    package var follow = false

    package init() {}
}

/// Which runs are wanted.
package struct RunQuery: Codable, Sendable, Equatable {
    package var syncs: [String]?
    package var before: String?
    package var limit = 50

    package init() {}
}

/// Acts on a reject.
package struct RejectAction: Codable, Sendable, Equatable {
    package var id: String
    package var reason: String?

    package init(id: String) {
        self.id = id
    }
}

/// Freezes or unfreezes everything.
package struct FreezeRequest: Codable, Sendable, Equatable {
    package var frozen: Bool
    package var reason: String?

    package init(frozen: Bool) {
        self.frozen = frozen
    }
}

/// Pauses or resumes schedules.
package struct PauseRequest: Codable, Sendable, Equatable {
    /// Names of cohorts or syncs.
    package var names: [String]
    package var paused: Bool

    package init(names: [String], paused: Bool) {
        self.names = names
        self.paused = paused
    }
}

/// Edits a schedule.
package struct ScheduleRequest: Codable, Sendable, Equatable {
    /// A cohort's key.
    package var name: String
    package var when: String
    /// Of these, null keeps what the file says and an empty text takes the key out, so that its default holds.
    package var timezone: String?
    package var jitter: String?
    package var overlap: String?
    package var catch_up: String?
    /// Whether the whole schedule is paused, and else which destinations are; null keeps both.
    package var paused: Bool?
    package var paused_destinations: [String]?

    package init(name: String, when: String) {
        self.name = name
        self.when = when
    }
}

/// Why a request was refused.
package struct Refusal: Error, Codable, Sendable, Equatable {
    /// The exit code it leads to on the command line (PRODUCT.md §3): 1, 64, 69, 75, 78.
    package var code: Int
    package var message: String

    package init(code: Int, message: String) {
        self.code = code
        self.message = message
    }
}

/// One change that watchers are told of. Exactly one of the fields is set, besides `sequence`; none in the first, which says
/// that from here on every change is told.
package struct ChangeNotice: Decodable, Sendable, Equatable {
    /// Counts up by one; a gap means that notices were dropped and the watcher should look anew.
    package var sequence: Int
    package var event: EventView?
    package var frozen: Bool?
    package var configured: Bool?
    /// A run is large and most notices have none: it lies elsewhere, so that a flood of events moves little memory.
    private var runs: [RunView] = []

    package var run: RunView? {
        get { runs.first }
        set { runs = newValue.map { [$0] } ?? [] }
    }

    package init(sequence: Int) {
        self.sequence = sequence
    }

    private enum CodingKeys: String, CodingKey {
        case sequence, run, event, frozen, configured
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(sequence: try values.decode(Int.self, forKey: .sequence))
        run = try values.decodeIfPresent(RunView.self, forKey: .run)
        event = try values.decodeIfPresent(EventView.self, forKey: .event)
        frozen = try values.decodeIfPresent(Bool.self, forKey: .frozen)
        configured = try values.decodeIfPresent(Bool.self, forKey: .configured)
    }
}

// MARK: - On the wire every field with a default may be left out

extension SyncRequest {
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(syncs: try values.decode([String].self, forKey: .syncs))
        full = try values.decodeIfPresent(Bool.self, forKey: .full) ?? false
        approve = try values.decodeIfPresent(String.self, forKey: .approve)
        retry_for = try values.decodeIfPresent(Double.self, forKey: .retry_for)
    }
}

extension PlanQuery {
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(syncs: try values.decode([String].self, forKey: .syncs))
        full = try values.decodeIfPresent(Bool.self, forKey: .full) ?? false
        sample = try values.decodeIfPresent(Int.self, forKey: .sample) ?? 10
    }
}

extension RunRequest {
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            run: try values.decodeIfPresent(String.self, forKey: .run) ?? "",
            reason: try values.decodeIfPresent(String.self, forKey: .reason))
        leaves = try values.decodeIfPresent(Bool.self, forKey: .leaves) ?? false
        retry_for = try values.decodeIfPresent(Double.self, forKey: .retry_for)
    }
}

extension EventQuery {
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        syncs = try values.decodeIfPresent([String].self, forKey: .syncs)
        user = try values.decodeIfPresent(String.self, forKey: .user)
        run = try values.decodeIfPresent(String.self, forKey: .run)
        limit = try values.decodeIfPresent(Int.self, forKey: .limit)
    }
}

extension RunQuery {
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        syncs = try values.decodeIfPresent([String].self, forKey: .syncs)
        before = try values.decodeIfPresent(String.self, forKey: .before)
        limit = try values.decodeIfPresent(Int.self, forKey: .limit) ?? 50
    }
}

extension RejectAction {
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(id: try values.decodeIfPresent(String.self, forKey: .id) ?? "")
        reason = try values.decodeIfPresent(String.self, forKey: .reason)
    }
}

extension FreezeRequest {
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(frozen: try values.decode(Bool.self, forKey: .frozen))
        reason = try values.decodeIfPresent(String.self, forKey: .reason)
    }
}
