import Membership
import Scheduling

// A cohort whose key changed, trait and destination not: the destination was told under the old key, and all that is on
// record of it goes on under the new one.

extension Engine {
    /// Notes which syncs are to take over from one that is configured no longer. Until they have, none of their runs
    /// starts: it would know nothing of what was told.
    func awaitFormerKeys() async {
        var former = states.filter { definitions[$0.key] == nil && $0.value.ledger != nil }.compactMapValues(\.told)
        let new = definitions.values.filter { state(of: $0.id).told == nil && state(of: $0.id).ledger == nil }
        do throws(StoreError) {
            // A run that is sending has told somebody; its ledger is there once it has ended.
            if !new.isEmpty {
                for run in try await unfinishedRuns() where run.phase == .sending && definitions[run.sync] == nil {
                    former[run.sync] = former[run.sync] ?? run.identity
                }
            }
        } catch {
            context.log("former keys: \(error.message)", .error)
        }
        var awaited: [SyncID: SyncID] = [:]
        for definition in new {
            guard let destination = destination(definition.id.destination) else { continue }
            let identity = identity(of: definition, at: destination)
            let same = former.filter {
                $0.key.destination == definition.id.destination && $0.value.sharesLedger(with: identity)
            }
            if same.count == 1 { awaited[definition.id] = same.first?.key }
        }
        awaitedKeys = awaited
    }

    /// Lets each take over whose former sync has no run that is still to change its ledger.
    func takeOverFromFormerKeys() async {
        for (sync, old) in (awaitedKeys ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard active[sync] == nil, active[old] == nil else { continue }
            // A retirement of the old name that waits for somebody would stand in the way for ever.
            if let record = held[old], !isObserving { await discardHeld(record) }
            let heir = state(of: sync).takingOver(from: state(of: old))
            if !isObserving {
                do throws(StoreError) {
                    guard try await context.store.runs(RunFilter(syncs: [old], unfinishedOnly: true, limit: 1)).isEmpty
                    else { continue }
                    try await context.store.takeOver(from: old, by: heir)
                } catch {
                    context.log("\(sync): \(error.message)", .error)
                    continue
                }
            }
            guard awaitedKeys?.removeValue(forKey: sync) != nil else { continue }
            states[sync] = heir
            states[old] = nil
        }
    }
}

extension SyncState {
    /// What is durable of a sync that goes on where another one, under a former key, was.
    fileprivate func takingOver(from former: SyncState) -> SyncState {
        var heir = former
        heir.sync = sync
        heir.inheritedFrom = former.sync
        heir.declinedTrait = nil
        heir.scheduleSignature = scheduleSignature
        heir.scheduleLoadedAt = scheduleLoadedAt
        heir.lastOccurrence = lastOccurrence
        return heir
    }
}

extension ResumePolicy {
    /// The policy for those too whose ledger one of its syncs waits for.
    func including(_ awaited: [SyncID: SyncID]?) -> ResumePolicy {
        let former = Set((awaited ?? [:]).filter { includes($0.key) }.values)
        return switch self {
        case .only(let syncs): .only(syncs.union(former))
        case .again(let syncs): .again(syncs.union(former))
        case .everything, .nothing: self
        }
    }
}
