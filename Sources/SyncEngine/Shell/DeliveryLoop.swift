import Membership
import Scheduling
import Synchronization

/// How sending a plan ended.
struct DeliveryResult: Sendable {
    var end: SendingEnd
    var counts: DeliveryCounts
    var outcomes: [(range: Range<Int>, state: BatchState)]
    var sizeLesson: SizeLesson
}

/// Sends one plan: performs what ``DeliveryMachine`` decides, feeds the answers back, and makes every fact durable
/// before anything that depends on it. Facts of several requests share one commit.
actor DeliveryLoop {
    struct Settings: Sendable {
        var run: RunID
        /// In the order of their positions.
        var plans: [WordedPlan]
        /// Members from this position on wait until every one before it is accepted or rejected.
        var barrier: Int
        var records: [BatchRecord]
        var counts: DeliveryCounts
        var destination: any Destination
        var retryFor: Int64
        /// Members per request at most: what a 413 taught, or one second of the destination's rate.
        var countLimit: Int
        /// Requests in flight at a time.
        var requests: Int
    }

    private enum Signal: Sendable {
        case answered(Int, DeliveryOutcome, startedAt: Int64)
        case committed([Prepared])
        case commitFailed([Prepared], [BatchFact], StoreError)
        case cancelled(String)
        case frozen(Bool)
        /// A slot at the destination was given back.
        case wake
        case timer(Int64)
    }

    private struct Prepared: Sendable {
        var piece: Piece
        var batch: EncodedBatch
        var left: Int
    }

    private let settings: Settings
    private let lane: DestinationLane
    private let store: any SyncStore
    private let clock: any EngineClock
    private let onProgress: @Sendable (DeliveryCounts, [BatchFact]) async -> Void
    private let signals: AsyncStream<Signal>
    private nonisolated let signal: AsyncStream<Signal>.Continuation

    private var machine: DeliveryMachine
    private var wording: PlanWording
    private var counts: DeliveryCounts
    /// Worded, not yet on record; on record, not yet on the wire.
    private var prepared: [Prepared] = []
    private var ready: [Prepared] = []
    /// Of what is on the wire: members who left, and requests of a whole batch.
    private var flying: [Int: (left: Int, requests: Int)] = [:]
    private var facts: [BatchFact] = []
    private var isCommitting = false
    /// When the next commit is tried after one that failed.
    private var storageRetryAt: Int64?
    private var storageFailingSince: Int64?
    /// Why facts are no longer tried to be stored.
    private var storageFailure: StoreError?
    private var frozenSince: Int64?
    private var timerDeadline: Int64 = .max

    init(
        _ settings: Settings, isFrozen: Bool, lane: DestinationLane, store: any SyncStore, clock: any EngineClock,
        onProgress: @escaping @Sendable (DeliveryCounts, [BatchFact]) async -> Void
    ) {
        self.settings = settings
        self.lane = lane
        self.store = store
        self.clock = clock
        self.onProgress = onProgress
        (signals, signal) = AsyncStream.makeStream(of: Signal.self)
        machine = DeliveryMachine(
            run: settings.run, count: settings.plans.reduce(0) { $0 + $1.plan.count }, records: settings.records,
            retryFor: settings.retryFor, countLimit: settings.countLimit, barrier: settings.barrier)
        wording = PlanWording(settings.plans, for: settings.destination)
        counts = settings.counts
        counts.resume(from: settings.records)
        facts = settings.records.foundInFlight(at: clock.now())
        frozenSince = isFrozen ? clock.monotonic() : nil
    }

    nonisolated func cancel(_ reason: String) { signal.yield(.cancelled(reason)) }
    nonisolated func setFrozen(_ isFrozen: Bool) { signal.yield(.frozen(isFrozen)) }

    /// Sends until everything is settled or nothing more is to be tried.
    /// - Throws: ``StateFileError`` when the plan file cannot be read; what was sent until then is on record.
    ///   ``StoreError`` when the store took no facts for `retryFor`; what is not on record is then on record as being
    ///   sent, and goes out again with the same ids.
    func send() async throws -> DeliveryResult {
        var iterator = signals.makeAsyncIterator()
        while true {
            let step = try prepare()
            commit()
            await launch()
            if case .finished(let end) = step, prepared.isEmpty, ready.isEmpty, !isCommitting,
                facts.isEmpty || storageFailure != nil {
                await lane.forget(ObjectIdentifier(self))
                if let storageFailure { throw storageFailure }
                return DeliveryResult(
                    end: end, counts: counts, outcomes: machine.outcomes(), sizeLesson: machine.sizeLesson)
            }
            guard let next = await iterator.next() else { continue }
            await receive(next)
        }
    }

    // MARK: - Preparing

    /// Words pieces until twice as many are on their way as may be in flight, so that the wire never waits for a
    /// commit.
    private func prepare() throws(StateFileError) -> DeliveryStep {
        while true {
            // While frozen only an end that was asked for is looked at; waiting does not count.
            if frozenSince != nil, !machine.isEnding { return .wait(until: nil) }
            let step = machine.next(now: clock.monotonic())
            if machine.isEnding { withdrawAll() }
            switch step {
            case .finished:
                return step
            case .wait(let until):
                if let until { setTimer(until) }
                return step
            case .cut(let range):
                guard machine.flying < settings.requests * 2 else { return step }
                let piece = try wording.word(range, countLimit: machine.countLimit)
                if piece.count > 0 {
                    let end = range.lowerBound + piece.count
                    let (started, fact) = machine.cut(range.lowerBound..<end, at: clock.now())
                    add(started, piece, fact)
                } else {
                    refuse(range.lowerBound, piece.refusal)
                }
            case .resend(let waiting):
                guard machine.flying < settings.requests * 2 else { return step }
                let piece = try wording.word(waiting.range, countLimit: machine.countLimit)
                if piece.count > 0 {
                    let end = waiting.range.lowerBound + piece.count
                    let shortened = machine.shorten(
                        waiting, to: waiting.range.lowerBound..<end, at: clock.now())
                    facts += shortened.facts
                    let (started, fact) = machine.resend(shortened.piece, at: clock.now())
                    add(started, piece, fact)
                } else {
                    refuse(waiting.range.lowerBound, piece.refusal)
                }
            }
        }
    }

    private func add(_ piece: Piece, _ worded: WordedPiece, _ fact: BatchFact) {
        facts.append(fact)
        prepared.append(Prepared(piece: piece, batch: worded.batch, left: worded.left))
    }

    private func refuse(_ index: Int, _ reason: String?) {
        facts += machine.refuse(at: index, reason: reason ?? "cannot be sent", at: clock.now())
        counts.rejected += 1
    }

    // MARK: - Committing

    private func commit() {
        guard !isCommitting, storageRetryAt == nil, storageFailure == nil, !facts.isEmpty else { return }
        isCommitting = true
        let (facts, prepared, counts) = (facts, prepared, counts)
        self.facts = []
        self.prepared = []
        Task { [store, run = settings.run, signal, onProgress] in
            do throws(StoreError) {
                try await store.saveBatches(facts, of: run, counts: counts)
                await onProgress(counts, facts)
                signal.yield(.committed(prepared))
            } catch {
                signal.yield(.commitFailed(prepared, facts, error))
            }
        }
    }

    // MARK: - Launching

    private func launch() async {
        while frozenSince == nil, let next = ready.first {
            let admission = await lane.admit(count: next.piece.range.count, for: ObjectIdentifier(self)) {
                [signal] in _ = signal.yield(.wake)
            }
            switch admission {
            case .go:
                ready.removeFirst()
                fly(next)
            case .wait(let until, let isStalled):
                if isStalled { machine.stall(now: clock.monotonic()) }
                setTimer(until)
                return
            case .waitForSlot:
                return
            case .blocked(let reason):
                machine.giveUp(reason)
                withdrawAll()
                return
            }
        }
    }

    private func fly(_ prepared: Prepared) {
        let piece = prepared.piece
        flying[piece.id] = (prepared.left, prepared.batch.requests)
        if piece.attempts == 0 { counts.sent += piece.range.count }
        if piece.repeats > 0 { counts.retries += 1 }
        counts.requests += 1
        counts.bytes += prepared.batch.bytes.count - prepared.batch.noteBytes
        Task { [destination = settings.destination, lane, clock, signal] in
            let start = clock.monotonic()
            let outcome = await destination.deliver(prepared.batch, attempt: piece.repeats, sentAt: clock.now())
            await lane.ended(with: outcome, startedAt: start)
            signal.yield(.answered(piece.id, outcome, startedAt: start))
        }
    }

    private func withdrawAll() {
        for waiting in prepared + ready {
            facts += machine.withdraw(waiting.piece.id, at: clock.now())
        }
        prepared = []
        ready = []
    }

    // MARK: - Signals

    private func receive(_ next: Signal) async {
        switch next {
        case .answered(let id, let outcome, let startedAt):
            let facts = machine.answer(
                id, with: outcome, startedAt: startedAt, now: clock.monotonic(), at: clock.now())
            let flight = flying.removeValue(forKey: id) ?? (0, 1)
            counts.requests += outcome.requests(ofWhole: flight.requests) - 1
            note(facts, left: flight.left)
            if case .blocked = outcome.whole { withdrawAll() }
        case .committed(let pieces):
            isCommitting = false
            storageFailingSince = nil
            ready += pieces
            if machine.isEnding { withdrawAll() }
        case .commitFailed(let pieces, let lost, let error):
            storageFailed(pieces, lost, error)
        case .cancelled(let reason):
            machine.cancel(reason)
            withdrawAll()
        case .frozen(let isFrozen):
            if isFrozen {
                frozenSince = frozenSince ?? clock.monotonic()
            } else if let since = frozenSince {
                frozenSince = nil
                machine.resume(afterFrozen: clock.monotonic() - since)
            }
        case .wake:
            break
        case .timer(let deadline):
            // A timer that an earlier one overtook arms no other, or their number would double at every wake.
            if deadline == timerDeadline { timerDeadline = .max }
            if let again = storageRetryAt, clock.monotonic() >= again { storageRetryAt = nil }
        }
    }

    private func note(_ news: [BatchFact], left: Int) {
        var leftOpen = left
        for case .put(let record) in news {
            switch record.state {
            case .accepted:
                counts.accepted += record.range.count
                counts.acceptedLeft += min(leftOpen, record.range.count)
                leftOpen -= min(leftOpen, record.range.count)
            case .rejected:
                counts.rejected += record.range.count
            case .sending, .unknown:
                break
            }
        }
        facts += news
    }

    /// Nothing is sent that is not on record. The facts are kept and tried again until the disk takes them, or, like
    /// an unreachable destination, until `retryFor` is over.
    private func storageFailed(_ pieces: [Prepared], _ lost: [BatchFact], _ error: StoreError) {
        isCommitting = false
        facts = lost + facts
        prepared = pieces + prepared
        let now = clock.monotonic()
        machine.stall(now: now)
        let since = storageFailingSince ?? now
        storageFailingSince = since
        let again = now + min(5_000, max(500, settings.retryFor / 4))
        guard again - since <= settings.retryFor else {
            storageFailure = error
            machine.giveUp(error.message)
            return withdrawAll()
        }
        storageRetryAt = again
        setTimer(again)
    }

    private func setTimer(_ deadline: Int64) {
        guard deadline < timerDeadline else { return }
        timerDeadline = deadline
        Task { [clock, signal] in
            await clock.sleep(until: deadline)
            signal.yield(.timer(deadline))
        }
    }
}
