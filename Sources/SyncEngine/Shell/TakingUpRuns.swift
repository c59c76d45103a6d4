import Membership
import Scheduling

extension Engine {
    /// A run is durable before any file that is named after it is made. Files of later runs than the store knows of say that it
    /// alone was put back from an older copy: what was told since would be told again under other ids, or never taken back.
    func refuseOlderStore() async throws(StoreError) {
        let newest = try await context.store.runs(RunFilter(limit: 1)).first?.id ?? RunID(0)
        for folder in [context.folder.ledgers, context.folder.plans, context.folder.snapshots] {
            for name in StateFolder.names(in: folder).sorted() where !StateFileName.isLeftover(name) {
                guard let run = RunID(text: String(name.prefix { $0 != "." })), run > newest else { continue }
                throw .corrupt("""
                    \(context.folder.database) is older than \(folder)/\(name): it ends with run \(newest). Put the whole folder back as \
                    it was at one time, or move the newer files out of it and tell everybody anew with rollcall sync --full
                    """)
            }
        }
    }

    func takeUp(_ record: RunRecord, _ resume: ResumePolicy, retryFor: Int64?) async {
        var options = RunOptions()
        options.retryFor = retryFor
        let isConfigured = definition(for: record) != nil
        switch record.takingUp(resume, isConfigured: isConfigured, replacedBy: await replacement(of: record)) {
        case .leave: break
        case .hold: held[record.sync] = record
        case .resume: queue.append((record, options))
        case .restart(let again): queue.append((again, options))
        case .replace(let other):
            var replaced = record
            replaced.replacedBy = other
            await close(replaced, .discarded, "replaced by run \(other)")
        case .close(let reason): await close(record, .failed, reason)
        }
    }

    /// Takes up the interrupted run of a sync that this process, started for something else, left alone: what it told has to
    /// reach the ledger before anything is planned upon it. Whoever asks waits for it, so it is not tried for half a day.
    func takeUpLeft(of sync: SyncID) async throws(EngineRefusal) {
        guard active[sync] == nil, !queue.contains(where: { $0.record.sync == sync }) else { return }
        let policy = ResumePolicy.only([sync]).including(awaitedKeys)
        do throws(StoreError) {
            for record in try await unfinishedRuns().inTakingUpOrder where policy.includes(record.sync) && record.phase != .held {
                await takeUp(record, policy, retryFor: destination(sync.destination)?.retryFor)
            }
        } catch {
            throw .storage(error.message)
        }
        await dispatch()
    }

    /// The run that took the place of one that is held, or of one that was let go and told nobody anything yet.
    private func replacement(of record: RunRecord) async -> RunID? {
        do throws(StoreError) {
            let latest = record.phase == .held
                ? try await context.store.runs(RunFilter(syncs: [record.sync], limit: 1)).first?.id : nil
            let hasAttempts = record.phase == .sending ? try await !context.store.batches(of: record.id).isEmpty : false
            return record.replacement(
                lastPlanned: state(of: record.sync).lastPlanned, latest: latest, hasAttempts: hasAttempts)
        } catch {
            context.log("\(record.sync): \(error.message)", .error)
            return nil
        }
    }

    /// Ends a run that no execution carries.
    func close(_ record: RunRecord, _ outcome: Outcome, _ reason: String) async {
        let closed = record.closed(outcome, reason, at: context.clock.now())
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

    /// A run that could not be ended is ended again now and then, until the disk takes it.
    func leaveOpen(_ record: RunRecord) {
        let open = OpenRun(record: record, number: (leftOpen[record.sync]?.number ?? 0) + 1)
        leftOpen[record.sync] = open
        Task { await takeUpAgain(open) }
    }

    private func takeUpAgain(_ open: OpenRun) async {
        repeat {
            await context.clock.sleep(until: context.clock.monotonic() + Self.pauseBeforeTakingUp)
            // Somebody may have asked meanwhile, and then there is a later attempt, or none is needed.
            guard !isStopping, leftOpen[open.record.sync]?.number == open.number else { return }
        } while await !takeUpNow(open.record.sync, RunOptions())
    }

    /// Ends a run that could not be ended, if the sync has one: at once, because somebody asks.
    /// - Returns: false when the store cannot even be read.
    @discardableResult
    func takeUpNow(_ sync: SyncID, _ options: RunOptions) async -> Bool {
        guard let open = leftOpen[sync], active[sync] == nil, !queue.contains(where: { $0.record.id == open.record.id })
        else { return true }
        do throws(StoreError) {
            if let stored = try await context.store.run(open.record.id), stored.phase == .sending {
                var own = RunOptions()
                own.retryFor = options.retryFor
                queue.insert((stored, own), at: 0)
            } else {
                leftOpen[sync] = nil
            }
        } catch {
            return false
        }
        await dispatch()
        return true
    }

    /// Somebody waits for these, and nobody knows for how long the run before them stays open.
    func failWaiting(behind open: RunRecord) async {
        let waiting = queue.map(\.record).filter { $0.sync == open.sync && $0.trigger == .manual && $0.id != open.id }
        queue.removeAll { entry in waiting.contains { $0.id == entry.record.id } }
        for run in waiting {
            let reason = "run \(open.id) before it cannot be finished: \(open.reason ?? "its state cannot be stored")"
            await close(run, .failed, reason)
            wake(run.closed(.failed, reason, at: context.clock.now()))
        }
    }

    /// Cancels a run that was sending and that nobody carries. What is on record of it still reaches the ledger; when its
    /// plan or its ledger is damaged for good it ends without, which is the only way out then, and says so.
    func cancelOpen(_ record: RunRecord, _ sentence: String) async {
        guard let obstacle = damage(of: record) else { return settle(record, cancelledBecause: sentence) }
        leftOpen[record.sync] = nil
        await close(record, .cancelled, "\(sentence); what it told is in no ledger: \(obstacle.message)")
        await dispatch()
    }

    /// What no waiting will mend in the files by which a run could be settled.
    private func damage(of record: RunRecord) -> StateFileError? {
        do throws(StateFileError) {
            if let facts = record.plan, facts.count > 0 {
                for part in try RunPlans.open(facts, in: context.folder).parts { try part.plan.verify() }
            }
            if let ledger = state(of: record.sync).ledger {
                let path = context.folder.ledgers + "/" + ledger.file
                try Ledger.open(path, expecting: FileDigest(hex: ledger.digest)).verify()
            }
            return nil
        } catch {
            return error.mayPass ? nil : error
        }
    }

    private static let pauseBeforeTakingUp: Int64 = 30_000
}

/// A run that could not be ended, and how often its sync had one.
struct OpenRun {
    var record: RunRecord
    var number: Int
}

extension RunRecord {
    /// The run as it is once it ended without an execution.
    func closed(_ outcome: Outcome, _ reason: String, at now: Instant) -> RunRecord {
        var record = self
        record.phase = .finished
        record.outcome = outcome
        record.reason = reason
        record.finishedAt = now
        return record
    }
}
