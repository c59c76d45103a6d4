import Control
import Membership
import Scheduling
import SyncEngine

// From the engine's records to the wire types.

extension RunView {
    package init(_ record: RunRecord) {
        self.init(
            run: record.id.description, sync: record.sync.description, trigger: record.trigger.rawValue,
            mode: record.mode.rawValue, phase: record.phase.rawValue, created_at: record.createdAt.rfc3339,
            trait: record.identity.trait)
        outcome = record.outcome?.rawValue
        nominal = record.nominal?.rfc3339
        started_at = record.startedAt?.rfc3339
        finished_at = record.finishedAt?.rfc3339
        reason = record.reason
        held_by = record.holds.map { "\($0.guardName): \($0.detail)" }
        notes = record.notes
        approved_by = record.approval?.by
        approved_at = record.approval?.at.rfc3339
        approval_reason = record.approval?.reason
        replaced_by = record.replacedBy?.description
        undoes = record.undoes?.description
        ledger_after = record.ledgerAfter
        bad_rows = record.badRows.map {
            BadRowView(position: $0.position, reason: $0.reason, unreadable: $0.isUnreadable)
        }
        take(record.fetched)
        take(record.plan)
        take(record.delivery)
        pending = record.pending
    }

    private mutating func take(_ counts: FetchCounts?) {
        guard let counts else { return }
        read = counts.read
        members = counts.members
        duplicates = counts.duplicates
        invalid = counts.invalid
        unreadable = counts.unreadable
    }

    private mutating func take(_ facts: PlanFacts?) {
        guard let facts else { return }
        plan = facts.hash
        entered = facts.entered
        left = facts.left
        unchanged = facts.unchanged
        reasserted = facts.reasserted
        withheld = facts.withheld
        ignored = facts.ignored
        dismissed = facts.dismissed
        ledger_before = facts.ledger
    }

    private mutating func take(_ counts: DeliveryCounts) {
        sent = counts.sent
        accepted = counts.accepted
        rejected = counts.rejected
        requests = counts.requests
        retries = counts.retries
        bytes = counts.bytes
    }
}

extension EventView {
    init(_ event: MemberEvent) {
        self.init(
            at: event.at.rfc3339, sync: event.sync.description, run: event.run.description, user: event.member.text,
            event: event.entered ? "entered" : "left", status: event.status.rawValue, request: event.request,
            http_status: event.httpStatus, attempts: event.attempts, reasserted: event.isReasserted,
            reason: event.reason)
    }
}

extension UserView {
    /// - Parameter events: newest first.
    init(_ member: MemberID, sync: SyncID, told: Told, events: [MemberEvent]) {
        let word = switch told {
        case .never: "never"
        case .yes: "true"
        case .no: "false"
        case .unknown: "unknown"
        }
        let since: Instant? = switch told {
        case .never: nil
        case .unknown(_, _, let attempt): attempt.timestamp
        case .yes, .no: events.first { $0.status == .accepted && !$0.isReasserted }?.at
        }
        self.init(
            user: member.text, sync: sync.description, member: told.isMember, told: word, since: since?.rfc3339,
            events: events.reversed().map(EventView.init))
    }
}

extension RejectView {
    init(_ reject: Reject) {
        self.init(
            id: String(reject.id), sync: reject.sync.description, run: reject.run.description,
            user: String(decoding: reject.member, as: UTF8.self), event: reject.entered ? "entered" : "left",
            reason: reject.reason, http_status: reject.httpStatus, attempts: reject.attempts, at: reject.at.rfc3339,
            dismissed: reject.isDismissed)
    }
}

extension PlanView {
    init(_ preview: PlanPreview) {
        self.init(sync: preview.sync.description, plan: preview.facts.hash, trait: preview.trait)
        entered = preview.facts.entered
        left = preview.facts.left
        unchanged = preview.facts.unchanged
        reasserted = preview.facts.reasserted
        withheld = preview.facts.withheld
        ignored = preview.facts.ignored
        dismissed = preview.facts.dismissed
        read = preview.counts.read
        members = preview.counts.members
        duplicates = preview.counts.duplicates
        invalid = preview.counts.invalid
        unreadable = preview.counts.unreadable
        ledger = preview.facts.ledger
        requests = preview.facts.requests
        bytes = preview.facts.bytes
        seconds = preview.seconds
        held_by = preview.holds.map { "\($0.guardName): \($0.detail)" }
        notes = preview.notes
        usual_entered = preview.usual?.entered
        usual_left = preview.usual?.left
        sample = preview.sample.map { ChangeView(user: $0.member.text, event: $0.entered ? "entered" : "left") }
    }
}

extension CatalogView {
    /// - Parameter syncs: those that are configured on the source.
    init(_ entry: CatalogEntry, of source: String, syncs: [SyncDefinition]) {
        let bytes = Array(entry.id.utf8)
        let keys = Set(syncs.filter { Array($0.audience.id.utf8) == bytes }.map(\.id.cohort))
        self.init(
            source: source, id: entry.id, name: entry.name, size: entry.size, computed_at: entry.computedAt?.rfc3339,
            obstacle: entry.obstacle, configured_as: keys.sorted())
    }
}
