import Membership
import Scheduling
import SyncEngine

extension EngineProcess {
    /// Does what a run's machine asks for.
    func perform(_ actions: [RunAction], _ run: ActiveRun) {
        for action in actions {
            switch action {
            case .fetch: fetch(run)
            case .plan: plan(run)
            case .hold:
                hold(run.machine.record, run.sync)
                leave(run)
            case .send: beginSending(run)
            case .stopSending(let reason):
                run.cancelledEarly = reason
                run.delivery?.cancel(reason)
                withdrawAll(run)
                pump(run)
            case .stopFetching: break
            case .writeLedger: writeLedger(run)
            case .finish: finish(run)
            }
        }
    }

    func hold(_ record: RunRecord, _ sync: Int) {
        let waiting = queue.filter { $0.sync == sync }.map(\.record)
        if record.replacement(among: waiting) != nil {
            close(record, .discarded, "replaced")
        } else {
            held[sync] = record
            queue.removeAll { $0.sync == sync }
            for run in waiting { close(run, .cancelled, "run \(record.id) is held") }
        }
    }

    func handle(_ event: RunEvent, _ run: ActiveRun) {
        guard !run.isOver else { return }
        perform(run.machine.handle(event, at: now), run)
    }

    func leave(_ run: ActiveRun) {
        run.isOver = true
        let record = run.machine.record
        world.tell("run \(run.id) of sync \(run.sync): \(record.phase), \(record.outcome?.rawValue ?? "") \(record.reason ?? "")")
        active[run.sync] = nil
        world.oracle.ended(sync: run.sync)
        dispatch()
    }

    // MARK: - Reading

    private func fetch(_ run: ActiveRun) {
        let mode = run.machine.record.mode
        if mode.keepsIdentity {
            world.oracle.asked(run.id)
            return handle(.fetched(FetchCounts(), badRows: []), run)
        }
        let reading = world.read(run.sync, canBeApproved: run.machine.record.mode != .leaves)
        world.queue.put(at: world.time + reading.duration, in: self) { [self] in
            guard !run.isOver, run.machine.record.phase == .fetching else { return }
            world.oracle.fetched(run.id, reading.truth, sync: run.sync)
            if !reading.truth.isComplete, mutation != .partialFetchUsed {
                return handle(.fetchFailed("the source ended early"), run)
            }
            run.snapshot = reading.rows
            if mutation == .stringIdentity, run.snapshot[1] {
                // "é" in one and in two scalars are equal texts, and different ids.
                run.snapshot[0] = true
                run.snapshot[1] = false
            }
            if mutation == .configRemovalSendsLeaves, !world.isConfigured[run.sync] {
                run.snapshot = run.snapshot.map { _ in false }
            }
            var counts = FetchCounts()
            counts.members = run.snapshot.reduce(0) { $0 + ($1 ? 1 : 0) }
            counts.unreadable = reading.truth.hasUnreadable ? 1 : 0
            counts.invalid = counts.unreadable
            counts.read = counts.members + counts.invalid
            handle(.fetched(counts, badRows: []), run)
        }
    }

    // MARK: - Planning

    /// The ledger that a state refers to; nil when the file is not the one that was written.
    private func openLedger(_ state: SyncState) -> [Told]? {
        guard let reference = state.ledger else { return [Told](repeating: .never, count: world.weather.users) }
        guard let file = world.disk.ledgers[reference.file] else { return nil }
        guard String(file.digest) == reference.digest || mutation == .snapshotHashUnchecked else { return nil }
        return file.content
    }

    private func plan(_ run: ActiveRun) {
        let record = run.machine.record
        guard let ledger = openLedger(run.state) else { return handle(.planFailed("the ledger is damaged"), run) }
        run.ledger = ledger
        let terms = PlanTerms(of: record, state: run.state)
        let request = request(terms, run)
        let isDeliberate = record.mode.keepsIdentity || record.mode == .migrate
        guard let plan = isDeliberate ? makeDeliberatePlan(run, request) : makePlan(run, request) else {
            return handle(.planFailed("what a person asked for cannot be planned now"), run)
        }
        run.plan = plan
        var facts = SyncEngine.PlanFacts(file: "\(run.id)", digest: "", hash: hash(run.plan))
        if record.mode == .migrate { facts.former = FormerPlan(file: "", digest: "", trait: run.state.told?.trait ?? "") }
        count(run, into: &facts)
        var holds = terms.holds
        if isDeliberate {
            holds = []
            if !run.plan.isEmpty { holds = [Hold(guardName: record.mode.rawValue, detail: "a person looks at it")] }
        } else if record.mode != .leaves {
            holds += guardHolds(facts)
        }
        if run.approvedHash != nil, mutation == .approvalNotBoundToPlan {
            holds = []
        } else if let left = PlanTerms.holds(holds, of: facts.hash, approved: run.approvedHash) {
            holds = left
        } else {
            holds = []
            world.oracle.approved(run.id, run.plan)
        }
        if record.mode == .leaves { world.oracle.approved(run.id, run.plan) }
        let snapshot = SnapshotReference(file: "\(run.id)", digest: "")
        run.machine.adopt(
            identity: record.mode == .migrate ? record.identity : terms.identity, approval: nil, snapshot: snapshot)
        var preview = run.machine
        _ = preview.handle(.planned(facts, holds: holds, notes: []), at: now)
        run.state.lastTimestamp = request.attempt.timestamp
        run.state.lastPlanned = record.id
        if mutation == .snapshotBeforeOutbox { switchLedgerTooEarly(run) }
        world.tell("run \(run.id) plans \(facts.hash) at \(request.attempt.timestamp.milliseconds)")
        let (final, state) = (preview.record, run.state)
        let stored = StoredPlan(changes: run.plan, formerCount: run.formerCount, snapshot: run.snapshot)
        world.planning += 1
        commit { disk in
            disk.store(final, plan: stored)
            disk.states[run.sync].lastTimestamp = state.lastTimestamp
            disk.states[run.sync].lastPlanned = state.lastPlanned
        } then: { [self] isDurable in
            world.planning -= 1
            guard !run.isOver, run.machine.record.phase == .planning else { return }
            handle(isDurable ? .planned(facts, holds: holds, notes: []) : .planFailed("the disk failed"), run)
        }
    }

    private func request(_ terms: PlanTerms, _ run: ActiveRun) -> PlanRequest {
        let record = run.machine.record
        let timestamp = mutation == .timestampNotMonotone ? now : PlanTerms.timestamp(now: now, after: run.state)
        var nonce = PlanNonce(high: world.dice.next(), low: world.dice.next())
        if mutation == .idWithoutSeq { nonce = PlanNonce(high: 1, low: 1) }
        if mutation == .sharedIdNamespace { nonce = PlanNonce(high: UInt64(world.nextPlan(of: run.sync)), low: 1) }
        let unreadable = mutation == .leavesDespiteBadRow ? 0 : record.fetched?.unreadable ?? 0
        return PlanTerms.request(
            for: record, under: record.mode == .migrate ? record.identity : terms.identity, told: run.state.told,
            attempt: Attempt(nonce: nonce, timestamp: timestamp), leaves: .tellFalse, unreadable: unreadable,
            dismissed: [], inDoubt: DoubtfulMembers())
    }

    /// Users for whom an attempt may still arrive.
    func usersInDoubt(_ sync: Int) -> Set<Int> {
        let recognisesRepeats = world.weather.receiver != .plain
        guard recognisesRepeats || mutation != .noHoldNoDedup else { return [] }
        var users: Set<Int> = []
        for run in world.disk.runs where run.sync == sync && !run.batches.isEmpty {
            guard let plan = run.plan?.changes else { continue }
            for record in run.batches where record.isInDoubt(
                now: now, recognisesRepeats: recognisesRepeats,
                longest: recognisesRepeats ? Weather.attemptDeadline : Weather.settle) {
                for change in plan[record.range] { users.insert(change.user) }
            }
        }
        return users
    }

    private func makePlan(_ run: ActiveRun, _ request: PlanRequest) -> [Change] {
        let policy = ChangePolicy(request)
        let trait = world.traits.firstIndex(of: request.trait) ?? 0
        let rejects = mutation == .dismissedRejectResent ? [] : world.disk.rejects[run.sync].filter(\.isDismissed)
        let inDoubt = usersInDoubt(run.sync)
        var changes: [Change] = []
        for user in 0..<world.weather.users {
            var told = run.ledger[user]
            if mutation == .coalesceAttempted, case .unknown(let last, _, _) = told {
                told = last == true ? .yes : .never
            }
            let verdict = policy.verdict(
                isIn: run.snapshot[user], told: told,
                isDismissed: { entered in rejects.contains { $0.user == user && $0.entered == entered } },
                isInDoubt: { inDoubt.contains(user) })
            switch verdict {
            case .send(let entered, let kind, let earlier):
                if mutation == .canary, !entered { continue }
                changes.append(Change(
                    trait: trait, user: user, entered: entered, kind: kind, attempt: earlier ?? request.attempt))
            case .withheld: run.withheld += 1
            case .nothing, .unchanged, .ignored, .dismissed, .settling: break
            }
        }
        return changes
    }

    private func hash(_ plan: [Change]) -> String {
        plan.reduce(into: "") { $0 += "\($1.trait == 0 ? "" : "'")\($1.user)\($1.entered ? "+" : "-")" }
    }

    private func count(_ run: ActiveRun, into facts: inout SyncEngine.PlanFacts) {
        for change in run.plan {
            switch change.kind {
            case .entered: facts.entered += 1
            case .left: facts.left += 1
            case .reasserted: facts.reasserted += 1
            }
        }
        facts.withheld = run.withheld
        for user in run.ledger.indices {
            let isIn = !run.snapshot.isEmpty && run.snapshot[user]
            if isIn { facts.snapshot += 1 }
            if run.ledger[user].isMember {
                facts.ledger += 1
                if isIn { facts.retained += 1 }
            }
        }
    }

    private func guardHolds(_ facts: SyncEngine.PlanFacts) -> [Hold] {
        GuardLimits(maxLeaveCount: world.weather.leaveLimit, allowEmpty: mutation == .emptyUsed).holds(
            on: GuardedPlan(
                snapshot: facts.snapshot, ledger: facts.ledger, leaves: facts.left, retained: facts.retained))
    }

    private func switchLedgerTooEarly(_ run: ActiveRun) {
        var ledger = run.ledger
        for change in run.plan { ledger[change.user] = change.entered ? .yes : .no }
        commit { disk in
            let digest = disk.publish(ledger: ledger, as: "early \(run.id)")
            disk.states[run.sync].ledger = LedgerReference(
                file: "early \(run.id)", digest: String(digest), members: 0, toldFalse: 0, unknown: 0)
        } then: { _ in }
    }

    // MARK: - The end

    /// What each position of the plan came to.
    private func outcomes(_ run: ActiveRun) -> [ChangeOutcome] {
        var all = [ChangeOutcome](repeating: .unsent, count: run.plan.count)
        for part in run.delivery?.outcomes() ?? [] {
            for index in part.range {
                switch part.state {
                case .accepted: all[index] = .accepted
                case .rejected: all[index] = .rejected
                case .sending, .unknown: all[index] = .unknown
                }
            }
        }
        return all
    }

    private func writeLedger(_ run: ActiveRun) {
        guard let old = openLedger(run.state) else {
            // Somebody must put the file back; the run stays open until then.
            return retryLater(run)
        }
        let outcomes = outcomes(run)
        let isMigration = run.machine.record.mode == .migrate
        // Until the former trait is ended the sync is what it was told as.
        let endsFormer = isMigration && outcomes[..<run.formerCount].allSatisfy { $0 == .accepted || $0 == .rejected }
        let before = endsFormer ? [Told](repeating: .never, count: old.count) : old
        var ledger = before
        var unknown = 0
        let part = endsFormer ? run.formerCount..<run.plan.count : 0..<(isMigration ? run.formerCount : run.plan.count)
        for index in part {
            let change = run.plan[index]
            if let told = before[change.user].after(
                outcomes[index], entered: change.entered, attempt: change.attempt) {
                ledger[change.user] = told
            }
        }
        for told in ledger where told.isUnknown { unknown += 1 }
        settleRejects(run, outcomes, ledger: old)
        let members = ledger.reduce(0) { $0 + ($1.isMember ? 1 : 0) }
        let moves = outcomes[part].contains(.accepted) || outcomes[part].contains(.unknown)
        if world.commitFate() == .failed { return retryLater(run) }
        var reference: LedgerReference?
        if moves {
            let digest = world.disk.publish(ledger: ledger, as: "\(run.id)")
            reference = LedgerReference(
                file: "\(run.id)", digest: String(digest), members: members, toldFalse: 0, unknown: unknown)
        }
        var state = world.disk.states[run.sync]
        if endsFormer, !moves { state.ledger = nil }
        run.newState = state.following(
            run.machine.record, newLedger: reference, configured: (world.identity(of: run.sync).trait, "{name}"),
            endsFormer: endsFormer, now: now)
        handle(.ledgerWritten(members: members), run)
    }

    private func retryLater(_ run: ActiveRun) {
        world.queue.put(at: world.time + 30_000, in: self) { [self] in
            if !run.isOver { writeLedger(run) }
        }
    }

    private func settleRejects(_ run: ActiveRun, _ outcomes: [ChangeOutcome], ledger: [Told]) {
        var kept = world.disk.rejects[run.sync].filter { reject in
            if let index = run.plan.lastIndex(where: { $0.user == reject.user }) {
                return outcomes[index] != .accepted
            }
            if !run.machine.record.mode.readsSource { return true }
            let rule = ChangePolicy(PlanRequest(sync: "", trait: "", attempt: world.noAttempt))
            let due = rule.verdict(
                isIn: run.snapshot[reject.user], told: ledger[reject.user], isDismissed: { _ in false },
                isInDoubt: { false })
            if case .send(let entered, _, _) = due { return entered == reject.entered }
            return false
        }
        for (index, change) in run.plan.enumerated() where outcomes[index] == .rejected {
            kept.removeAll { $0.user == change.user }
            kept.append(KeptReject(user: change.user, entered: change.entered))
        }
        run.newRejects = kept
    }

    private func finish(_ run: ActiveRun) {
        let record = run.machine.record
        let (state, rejects) = (run.newState, run.newRejects)
        commit { disk in
            disk.store(record)
            guard let state else { return }
            var merged = state
            merged.lastOccurrence = disk.states[run.sync].lastOccurrence
            disk.states[run.sync] = merged
            disk.rejects[run.sync] = rejects
        } then: { [self] isDurable in
            guard !run.isOver else { return }
            guard isDurable else {
                world.queue.put(at: world.time + 30_000, in: self) { [self] in if !run.isOver { finish(run) } }
                return
            }
            if let reason = gate.blockedReason, record.outcome == .failed {
                commit { $0.blockedReason = reason } then: { _ in }
            }
            leave(run)
        }
    }
}
