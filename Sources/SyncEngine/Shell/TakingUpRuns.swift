import Scheduling

extension Engine {
    func takeUp(_ record: RunRecord, _ resume: ResumePolicy) async {
        let isConfigured = definition(for: record) != nil
        switch record.takingUp(resume, isConfigured: isConfigured, latest: await latestRun(besides: record)) {
        case .leave: break
        case .hold: held[record.sync] = record
        case .resume: queue.append((record, RunOptions()))
        case .restart(let again): queue.append((again, RunOptions()))
        case .replace(let other):
            var replaced = record
            replaced.replacedBy = other
            await close(replaced, .discarded, "replaced by run \(other)")
        case .close(let reason): await close(record, .failed, reason)
        }
    }

    /// The latest run of a held run's sync.
    func latestRun(besides record: RunRecord) async -> RunID? {
        guard record.phase == .held else { return nil }
        do throws(StoreError) {
            return try await context.store.runs(RunFilter(syncs: [record.sync], limit: 1)).first?.id
        } catch {
            context.log("\(record.sync): \(error.message)", .error)
            return nil
        }
    }

    /// Ends a run that no execution carries.
    func close(_ record: RunRecord, _ outcome: Outcome, _ reason: String) async {
        var closed = record
        closed.phase = .finished
        closed.outcome = outcome
        closed.reason = reason
        closed.finishedAt = context.clock.now()
        do throws(StoreError) {
            try await context.store.finishRun(closed, state: nil, rejects: RejectChanges())
        } catch {
            context.log("run \(closed.id) cannot be closed: \(error.message)", .error)
        }
        changed(closed)
    }

    /// Keeps a held run, unless somebody asked for another run of its sync while it was being planned.
    func hold(_ record: RunRecord) async {
        held[record.sync] = record
        let waiting = queue.map(\.record).filter { $0.sync == record.sync }
        if let other = record.replacement(among: waiting) {
            return await replaceHeld(of: record.sync, by: other)
        }
        queue.removeAll { $0.record.sync == record.sync }
        for run in waiting {
            await close(run, .cancelled, "run \(record.id) is held")
            if let closed = try? await self.record(run.id) { wake(closed) }
        }
    }

    /// A run whose end could not be stored is ended again, until the disk takes it.
    func takeUpAgain(_ record: RunRecord) async {
        await context.clock.sleep(until: context.clock.monotonic() + Self.pauseBeforeTakingUp)
        guard !isStopping else { return }
        do throws(StoreError) {
            guard let stored = try await context.store.run(record.id), stored.phase == .sending else {
                leftOpen.remove(record.sync)
                return await dispatch()
            }
            queue.insert((stored, RunOptions()), at: 0)
            await dispatch()
        } catch {
            await takeUpAgain(record)
        }
    }

    private static let pauseBeforeTakingUp: Int64 = 30_000
}
