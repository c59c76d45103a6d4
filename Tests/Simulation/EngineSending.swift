import Membership
import Scheduling
import SyncEngine

extension EngineProcess {
    /// Takes up a plan where its durable facts left it.
    func beginSending(_ run: ActiveRun) {
        guard let stored = world.disk.run(run.id), let plan = stored.plan else {
            return handle(.storageFailed("the plan is missing"), run)
        }
        run.plan = plan.changes
        run.formerCount = plan.formerCount
        if run.snapshot.isEmpty { run.snapshot = plan.snapshot }
        run.messages = run.plan.map { message($0, of: run.sync) }
        let records = stored.batches
        for record in records where record.state == .sending || record.state == .unknown {
            world.oracle.foundInDoubt(run.messages[record.range])
        }
        run.delivery = DeliveryMachine(
            run: run.machine.record.id, count: run.plan.count, records: records, retryFor: world.weather.retryFor,
            countLimit: world.disk.countLimit ?? .max, barrier: run.formerCount)
        run.facts += records.foundInFlight(at: now)
        if let reason = run.cancelledEarly { run.delivery?.cancel(reason) }
        pump(run)
    }

    /// Prepares, commits and sends as much as may be just now.
    func pump(_ run: ActiveRun) {
        guard !run.isOver, run.machine.record.phase == .sending, run.delivery != nil, run.newState == nil else { return }
        let end = prepare(run)
        store(run)
        launch(run)
        if let end, run.prepared.isEmpty, run.ready.isEmpty, run.facts.isEmpty, !run.isCommitting {
            conclude(run, end)
        }
    }

    private func prepare(_ run: ActiveRun) -> SendingEnd? {
        // Changed where it is: a copy of the machine would copy all its lists at the first change.
        while run.frozenSince == nil || run.delivery?.isEnding == true, let step = run.delivery?.next(now: monotonic) {
            if run.delivery?.isEnding == true { withdrawAll(run) }
            let limit = run.delivery?.countLimit ?? .max
            switch step {
            case .finished(let end): return end
            case .wait(let until):
                if let until { wake(run, at: until) }
                return nil
            case .cut(let range):
                guard hasRoom(run) else { return nil }
                let end = wordable(run, range, limit)
                if end == range.lowerBound {
                    refuse(end, run)
                } else if let started = run.delivery?.cut(range.lowerBound..<end, at: now) {
                    add(started.piece, started.fact, run)
                }
            case .resend(let piece):
                guard hasRoom(run) else { return nil }
                let end = wordable(run, piece.range, limit)
                if end == piece.range.lowerBound {
                    refuse(end, run)
                } else if let shortened = run.delivery?.shorten(piece, to: piece.range.lowerBound..<end, at: now) {
                    run.facts += shortened.facts
                    if let started = run.delivery?.resend(shortened.piece, at: now) {
                        add(started.piece, started.fact, run)
                    }
                }
            }
        }
        return nil
    }

    private func hasRoom(_ run: ActiveRun) -> Bool { (run.delivery?.flying ?? 0) < world.weather.requests * 2 }

    private func refuse(_ index: Int, _ run: ActiveRun) {
        if let facts = run.delivery?.refuse(at: index, reason: "too large", at: now) { run.facts += facts }
    }

    /// The end of what fits into one request, and carries nobody whom no request can carry.
    private func wordable(_ run: ActiveRun, _ range: Range<Int>, _ limit: Int) -> Int {
        var end = range.lowerBound
        let most = min(range.upperBound, range.lowerBound + min(limit, world.weather.requestSize))
        while end < most, !world.unwordable.contains(run.plan[end].user) { end += 1 }
        return end
    }

    private func add(_ piece: Piece, _ fact: BatchFact, _ run: ActiveRun) {
        run.facts.append(fact)
        run.prepared.append(
            ActiveRun.Prepared(piece: piece, messages: messages(piece.range, attempts: piece.attempts, run)))
    }

    private func message(_ change: Change, of sync: Int, attempts: Int = 0) -> Message {
        var nonce = change.attempt.nonce
        if mutation == .resendWithNewId { nonce = PlanNonce(high: nonce.high, low: nonce.low &+ UInt64(attempts)) }
        return Message(
            id: world.ids[change.user].withUnsafeBytes { world.identities[sync][change.trait].id(of: $0, nonce: nonce) },
            sync: sync, trait: change.trait, user: change.user, value: change.entered, timestamp: change.attempt.timestamp.milliseconds)
    }

    /// Worded once for every attempt, but for the bug of wording them anew.
    private func messages(_ range: Range<Int>, attempts: Int, _ run: ActiveRun) -> [Message] {
        guard mutation == .resendWithNewId else { return Array(run.messages[range]) }
        return run.plan[range].map { message($0, of: run.sync, attempts: attempts) }
    }

    // MARK: - Committing

    private func store(_ run: ActiveRun) {
        guard !run.isCommitting, !run.isStorageFailing, !run.facts.isEmpty else { return }
        run.isCommitting = true
        var (facts, prepared) = (run.facts, run.prepared)
        run.facts = []
        run.prepared = []
        if mutation == .cursorBeforeAck { facts = facts.map(Self.tooEarly) }
        let stored = mutation == .cursorPerProcessOnly ? [] : facts
        commit { $0.apply(stored, of: run.id) } then: { [self] isDurable in
            guard !run.isOver else { return }
            run.isCommitting = false
            if isDurable {
                noteAccepted(facts, run)
                run.ready += prepared
                if run.delivery?.isEnding == true { withdrawAll(run) }
            } else {
                run.facts = facts + run.facts
                run.prepared = prepared + run.prepared
                run.delivery?.stall(now: monotonic)
                run.isStorageFailing = true
                world.queue.put(at: world.time + 5_000, in: self) { [self] in
                    run.isStorageFailing = false
                    pump(run)
                }
            }
            pump(run)
        }
    }

    private static func tooEarly(_ fact: BatchFact) -> BatchFact {
        guard case .put(var record) = fact, record.state == .sending else { return fact }
        record.state = .accepted
        return .put(record)
    }

    private func noteAccepted(_ facts: [BatchFact], _ run: ActiveRun) {
        for case .put(let record) in facts where record.state == .accepted {
            world.oracle.recordedAccepted(messages(record.range, attempts: max(0, record.attempts - 1), run))
        }
    }

    func withdrawAll(_ run: ActiveRun) {
        for waiting in run.prepared + run.ready {
            if let facts = run.delivery?.withdraw(waiting.piece.id, at: now) { run.facts += facts }
        }
        run.prepared = []
        run.ready = []
    }

    // MARK: - On the wire

    private func launch(_ run: ActiveRun) {
        while run.frozenSince == nil, let next = run.ready.first {
            switch gate.admit(count: next.piece.range.count, now: monotonic) {
            case .go:
                run.ready.removeFirst()
                fly(next, run)
            case .wait(let until, let isStalled):
                if isStalled { run.delivery?.stall(now: monotonic) }
                return wake(run, at: until)
            case .waitForSlot: return
            case .blocked(let reason):
                run.delivery?.giveUp(reason)
                withdrawAll(run)
                return wake(run, at: monotonic + 1)
            }
        }
    }

    private func fly(_ prepared: ActiveRun.Prepared, _ run: ActiveRun) {
        let startedAt = monotonic
        world.tell("run \(run.id) sends \(prepared.messages.map { "\($0.user)\($0.value ? "+" : "-")" })")
        run.flights[prepared.piece.id] = prepared.messages
        world.oracle.launched(
            prepared.messages,
            Oracle.Launch(
                run: run.id, sync: run.sync, plan: run.plan,
                ledgerMembers: run.machine.record.plan?.ledger ?? 0, leaveLimit: world.weather.leaveLimit,
                formerCount: run.machine.record.mode == .migrate ? run.formerCount : nil,
                isConfigured: world.isKnown(run.machine.record, run.sync), process: number,
                isOnRecord: world.isOnRecord(prepared.piece.range, run.id)),
            at: world.time)
        world.transmit(prepared.messages, of: self) { [self] outcome in
            answered(prepared, bent(outcome), heard: outcome, startedAt, run)
        }
    }

    private func bent(_ outcome: DeliveryOutcome) -> DeliveryOutcome {
        switch (mutation, outcome) {
        case (.timeoutIsSuccess, .unknown(nil, _, _)), (.rejected200IsOK, .unknown(200, _, _)),
            (.redirect200IsOK, .blocked(302, _)):
            .accepted(status: 200, rejected: [])
        case (.retryAfterIgnored, .notAccepted(let status, let reason, _)):
            .notAccepted(status: status, reason: reason, retryAfter: nil)
        default: outcome
        }
    }

    private func answered(
        _ prepared: ActiveRun.Prepared, _ outcome: DeliveryOutcome, heard: DeliveryOutcome, _ startedAt: Int64,
        _ run: ActiveRun
    ) {
        world.oracle.answered(prepared.messages, heard, process: number, at: world.time)
        if case .accepted(_, let rejected) = heard { world.oracle.refused(rejected.map { prepared.messages[$0.index] }) }
        if case .refused = heard, prepared.messages.count == 1 { world.oracle.refused(prepared.messages) }
        run.flights[prepared.piece.id] = nil
        world.tell("run \(run.id) hears \(outcome)")
        let isProbe = gate.breakerState == .halfOpen
        if mutation != .breakerStuckHalfOpen || !isProbe { gate.end(with: outcome, now: monotonic) }
        if let facts = run.delivery?.answer(
            prepared.piece.id, with: outcome, startedAt: startedAt, now: monotonic, at: now) {
            run.facts += facts
        }
        if case .blocked = outcome { withdrawAll(run) }
        for other in underWay { pump(other) }
    }

    private func wake(_ run: ActiveRun, at deadline: Int64) {
        guard deadline < run.timer else { return }
        run.timer = deadline
        world.tell("run \(run.id) wakes at \(deadline)")
        world.queue.put(at: max(deadline, world.time), in: self) { [self] in
            guard run.timer == deadline else { return }
            run.timer = .max
            pump(run)
        }
    }

    private func conclude(_ run: ActiveRun, _ end: SendingEnd) {
        guard let delivery = run.delivery, !run.isConcluded else { return }
        run.isConcluded = true
        if mutation == .reorderRetries { resendMuchLater(run, delivery) }
        var counts = DeliveryCounts()
        for part in delivery.outcomes() {
            counts.sent += part.range.count
            if part.state == .accepted { counts.accepted += part.range.count }
            if part.state == .rejected { counts.rejected += part.range.count }
        }
        handle(.sent(counts), run)
        switch (delivery.sizeLesson, world.disk.countLimit) {
        case (.tooLarge(let limit), _): commit { $0.countLimit = limit } then: { _ in }
        case (.filled, let limit?): commit { $0.countLimit = limit * 2 } then: { _ in }
        case (.filled, nil), (.nothing, _): break
        }
        handle(.sendingEnded(end, newlyOwed: 0), run)
    }

    private func resendMuchLater(_ run: ActiveRun, _ delivery: DeliveryMachine) {
        for part in delivery.outcomes() where part.state == .unknown {
            var piece = Piece.covering(part.range)
            piece.attempts = 1
            let messages = messages(piece.range, attempts: piece.attempts, run)
            world.queue.put(at: world.time + world.dice.span(60_000...Weather.interval * 3), in: self) { [self] in
                fly(ActiveRun.Prepared(piece: piece, messages: messages), run)
            }
        }
    }
}

extension Piece {
    /// A piece as it must have been for a record to cover it.
    static func covering(_ range: Range<Int>) -> Piece {
        var machine = DeliveryMachine(run: RunID(1), count: range.upperBound, records: [], retryFor: 0)
        return machine.cut(0..<range.upperBound, at: Instant(milliseconds: 0)).piece.limited(to: range)
    }

    private func limited(to range: Range<Int>) -> Piece {
        var piece = self
        piece.range = range
        return piece
    }
}
