import Scheduling

/// Everything that can happen to a run.
package enum RunEvent: Sendable, Equatable {
    case started
    /// What the reading waits for, and until when.
    case fetchProgressed(String)
    case fetched(FetchCounts, badRows: [BadRow])
    case fetchFailed(String)
    case planned(PlanFacts, holds: [Hold], notes: [String])
    case planFailed(String)
    case approved(Approval)
    case discarded(reason: String)
    /// A newer manual run of the same sync takes the place of this held one.
    case replaced(by: RunID)
    case cancelRequested(reason: String)
    case sent(DeliveryCounts)
    case sendingEnded(SendingEnd, newlyOwed: Int)
    case ledgerWritten(members: Int)
    /// State on disk could not be written or read; the sentence says which and why.
    case storageFailed(String)
    /// The end of the run could not be stored yet; the sentence says why.
    case stalled(String)
}

/// What the shell is to do next for a run.
package enum RunAction: Sendable, Equatable {
    case fetch
    case plan
    /// Wait for approve or discard.
    case hold
    case send
    /// Let requests on the wire finish, send nothing new.
    case stopSending(reason: String)
    /// Give up reading; what was read is thrown away.
    case stopFetching
    /// Write the ledger that follows from the accepted changes, then report `ledgerWritten`.
    case writeLedger
    /// The record is final.
    case finish
}

/// The life of one run: `queued → fetching → planning → (held) → sending → finished`. Pure; the record it carries is
/// what the store keeps. An event that does not belong to the current phase changes nothing.
package struct RunMachine: Sendable, Equatable {
    package private(set) var record: RunRecord
    /// What the run will have ended as once its ledger is written.
    private var verdict: (outcome: Outcome, reason: String?)?

    package init(_ record: RunRecord) {
        self.record = record
    }

    package static func == (left: RunMachine, right: RunMachine) -> Bool { left.record == right.record }

    package mutating func handle(_ event: RunEvent, at now: Instant) -> [RunAction] {
        switch (record.phase, event) {
        case (.queued, .started):
            record.phase = .fetching
            record.startedAt = now
            return [.fetch]
        case (.fetching, .fetchProgressed(let sentence)):
            record.reason = sentence
            return []
        case (.fetching, .fetched(let counts, let badRows)):
            record.reason = nil
            record.fetched = counts
            record.badRows = badRows
            record.phase = .planning
            guard counts.balances else { return finish(.failed, "the source's rows do not add up", at: now) }
            return [.plan]
        case (.fetching, .fetchFailed(let reason)), (.planning, .planFailed(let reason)):
            return finish(.failed, reason, at: now)
        case (.planning, .planned(let plan, let holds, let notes)):
            return planned(plan, holds: holds, notes: notes, at: now)
        case (.held, .approved(let approval)):
            record.approval = approval
            record.reason = nil
            return startSending()
        case (.held, .discarded(let reason)):
            return finish(.discarded, reason, at: now)
        case (.held, .replaced(let run)):
            record.replacedBy = run
            return finish(.discarded, "replaced by run \(run)", at: now)
        case (.held, .cancelRequested(let reason)):
            return finish(.discarded, reason, at: now)
        case (.queued, .cancelRequested(let reason)):
            return finish(.cancelled, reason, at: now)
        case (.fetching, .cancelRequested(let reason)), (.planning, .cancelRequested(let reason)):
            return [.stopFetching] + finish(.cancelled, reason, at: now)
        case (.sending, .cancelRequested(let reason)):
            return [.stopSending(reason: reason)]
        case (.sending, .sent(let counts)):
            record.delivery = counts
            return []
        case (.sending, .sendingEnded(let end, let newlyOwed)):
            verdict = record.outcome(after: end, newlyOwed: newlyOwed)
            return [.writeLedger]
        case (.sending, .stalled(let reason)):
            record.reason = reason
            return []
        case (.sending, .ledgerWritten(let members)):
            guard let verdict else { return [] }
            record.ledgerAfter = members
            return settleBooks(verdict, at: now)
        case (.finished, _):
            return []
        case (_, .storageFailed(let reason)):
            return finish(.failed, reason, at: now)
        default:
            return []
        }
    }

    /// What is settled while planning: the identity the plan speaks under, an approval given beforehand, and the
    /// snapshot that was read.
    package mutating func adopt(identity: SyncIdentity, approval: Approval?, snapshot: SnapshotReference?) {
        guard record.phase == .planning else { return }
        record.identity = identity
        record.approval = approval
        record.snapshot = snapshot
    }

    private mutating func planned(
        _ plan: PlanFacts, holds: [Hold], notes: [String], at now: Instant
    ) -> [RunAction] {
        record.plan = plan
        record.holds = holds
        record.notes = notes
        guard holds.isEmpty else {
            record.phase = .held
            record.reason = "held: " + holds.map(\.detail).joined(separator: "; ")
            return [.hold]
        }
        return startSending()
    }

    private mutating func startSending() -> [RunAction] {
        record.phase = .sending
        return [.send]
    }

    /// The last line of the books: what the ledger had, plus who entered, minus who left, is what it has now. It must
    /// hold over accepted changes, so it can be checked only when nothing else is open.
    private mutating func settleBooks(_ verdict: (outcome: Outcome, reason: String?), at now: Instant) -> [RunAction] {
        if let plan = record.plan, record.mode != .baseline, verdict.outcome == .succeeded,
            let after = record.ledgerAfter, plan.ledger + plan.entered - plan.left != after {
            return finish(
                .failed, "the ledger does not balance: \(plan.ledger) + \(plan.entered) − \(plan.left) ≠ \(after)",
                at: now)
        }
        return finish(verdict.outcome, verdict.reason, at: now)
    }

    private mutating func finish(_ outcome: Outcome, _ reason: String?, at now: Instant) -> [RunAction] {
        record.phase = .finished
        record.outcome = outcome
        record.reason = reason
        record.finishedAt = now
        return [.finish]
    }
}

extension Phase {
    var isBeforeSending: Bool { self == .queued || self == .fetching || self == .planning }
}

extension RunRecord {
    /// `finished, succeeded`, `held`, `sending`.
    package var describedState: String {
        outcome.map { "\(phase.rawValue), \($0.rawValue)" } ?? phase.rawValue
    }
}
