import Membership
import Scheduling

/// What a sync would send, without sending it.
package struct PlanPreview: Sendable {
    package var sync: SyncID
    package var trait: String
    package var counts: FetchCounts
    package var facts: PlanFacts
    /// How long sending takes at the destination's rate, in seconds.
    package var seconds: Double
    package var holds: [Hold]
    package var notes: [String]
    package var sample: [PlanEntry]
    /// Averages of the latest runs that sent changes; nil before the first.
    package var usual: (entered: Double, left: Double)?
}

extension Engine {
    /// Fetches and plans as a run would, keeps nothing.
    package func preview(_ sync: SyncID, full: Bool, sample: Int) async throws(EngineRefusal) -> PlanPreview {
        guard let definition = definition(of: sync), let destination = destination(sync.destination) else {
            throw .unknownSync(sync.description)
        }
        if let reason = definition.blockedReason ?? destination.blockedReason { throw .blocked(reason) }
        guard let source = definition.source else { throw .blocked("source \(definition.sourceKey) is not available") }
        let stem = "\(context.folder.scratch)/preview.\(UInt64.random(in: .min ... .max))"
        let (snapshotPath, planPath) = ("\(stem).snapshot", "\(stem).plan")
        defer {
            RetentionSweep.removeFile(snapshotPath)
            RetentionSweep.removeFile(planPath)
        }
        let ticket = FetchTicket(
            source: source, scratch: context.folder.scratch, path: snapshotPath, memory: configuration.memory,
            occasion: .manual, users: 1)
        let fetched: FetchResult
        switch await ticket.result() {
        case .success(let result): fetched = result
        case .failure(.source(let reason)): throw .failed("source \(definition.sourceKey): \(reason)")
        case .failure(.storage(let reason)): throw .storage(reason)
        case .failure(.stopped): throw .failed("reading was stopped")
        }
        do {
            let state = state(of: sync)
            let mode: RunMode = full ? .full
                : definition.firstSync == .baseline && state.ledger == nil ? .baseline : .changes
            let record = RunRecord(
                id: RunID(0), sync: sync, trigger: .manual, mode: mode, nominal: nil, createdAt: context.clock.now(),
                identity: identity(of: definition, at: destination))
            var planner = Planner(
                record: record, state: state, definition: definition, destination: destination, context: context,
                countLimit: countLimit(of: destination))
            let draft = try await planner.make(from: fetched, at: planPath)
            return PlanPreview(
                sync: sync, trait: draft.identity.trait, counts: fetched.counts, facts: draft.facts,
                seconds: destination.rate.map { Double(draft.facts.count) / Double(max(1, $0)) } ?? 0,
                holds: draft.holds, notes: draft.notes, sample: try draft.sample(max(0, sample)),
                usual: try await usual(of: sync))
        } catch let error as StateFileError {
            throw .storage(error.message)
        } catch let error as StoreError {
            throw .storage(error.message)
        } catch {
            throw .storage("\(error)")
        }
    }

    /// What the latest twenty runs after the first moved on average.
    private func usual(of sync: SyncID) async throws(StoreError) -> (entered: Double, left: Double)? {
        let runs = try await context.store.runs(RunFilter(syncs: [sync], limit: 21)).compactMap { run in
            run.outcome != nil && run.outcome != .discarded ? run.plan : nil
        }
        let counted = runs.filter { $0.ledger > 0 }
        guard !counted.isEmpty else { return nil }
        let entered = counted.reduce(0) { $0 + $1.entered }
        let left = counted.reduce(0) { $0 + $1.left }
        return (Double(entered) / Double(counted.count), Double(left) / Double(counted.count))
    }
}
