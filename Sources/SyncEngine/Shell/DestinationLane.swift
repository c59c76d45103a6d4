import Scheduling

/// What all runs to one destination share while they send: the gate, and the wish of those who wait for it.
package actor DestinationLane {
    package nonisolated let key: String
    private var gate: DestinationGate
    private var waiting: [ObjectIdentifier: @Sendable () -> Void] = [:]
    private let clock: any EngineClock
    private let log: EngineLog
    /// What was last logged as going wrong; nil while all is well.
    private var trouble: String?
    /// Round-trip times of the latest requests, in milliseconds.
    private var recentLatencies: [Int64] = []
    private var lastAnswer: (text: String, at: Instant)?

    package init(key: String, rate: Int?, slots: Int, blockedReason: String?, _ context: EngineContext) {
        self.key = key
        clock = context.clock
        log = context.log
        gate = DestinationGate(rate: rate, slots: slots, blockedReason: blockedReason)
    }

    package var blockedReason: String? { gate.blockedReason }
    package var breakerState: CircuitBreaker.State { gate.breakerState }
    package var inFlight: Int { gate.inFlight }
    package var lastAnswerText: String? { lastAnswer?.text }
    package var lastAnswerAt: Instant? { lastAnswer?.at }

    /// The median round trip of the latest requests; nil before the first.
    package var latency: Int64? {
        recentLatencies.isEmpty ? nil : recentLatencies.sorted()[recentLatencies.count / 2]
    }

    /// Asks to send one request of `count` members. With `waitForSlot`, `wake` is called once a slot is given back.
    package func admit(
        count: Int, for waiter: ObjectIdentifier, wake: @escaping @Sendable () -> Void
    ) -> Admission {
        let admission = gate.admit(count: count, now: clock.monotonic())
        if admission == .waitForSlot { waiting[waiter] = wake }
        return admission
    }

    package func ended(with outcome: DeliveryOutcome, startedAt: Int64) {
        let now = clock.monotonic()
        let before = gate.breakerState
        gate.end(with: outcome, now: now)
        tell(outcome)
        if gate.breakerState != before { log("\(key): breaker \(before.rawValue) → \(gate.breakerState.rawValue)", .warning) }
        recentLatencies.append(now - startedAt)
        if recentLatencies.count > 50 { recentLatencies.removeFirst() }
        lastAnswer = (outcome.summary, clock.now())
        let wakes = Array(waiting.values)
        waiting.removeAll()
        for wake in wakes { wake() }
    }

    /// One line when requests begin to go wrong, when they go wrong in another way, and when they go well again.
    private func tell(_ outcome: DeliveryOutcome) {
        if case .accepted = outcome {
            if trouble != nil { log("\(key): requests are accepted again") }
            trouble = nil
        } else if trouble != outcome.summary {
            trouble = outcome.summary
            log("\(key): a request was not accepted: \(outcome.summary)", .warning)
        }
    }

    package func forget(_ waiter: ObjectIdentifier) {
        waiting[waiter] = nil
    }

    package func unblock() {
        gate.unblock()
    }
}

extension DeliveryOutcome {
    /// The HTTP status of the answer, if there was one.
    package var status: Int? {
        switch self {
        case .accepted(let status, _), .refused(let status, _), .tooLarge(let status, _): status
        case .blocked(let status, _), .notAccepted(let status, _, _), .unknown(let status, _, _): status
        case .partly(let rest): rest.status
        }
    }

    /// What decides about the batch: of one that was answered in parts, the part that was not accepted.
    package var whole: DeliveryOutcome {
        var outcome = self
        while case .partly(let rest) = outcome { outcome = rest }
        return outcome
    }

    /// Requests that were made of a batch: all of them when it was accepted, or those up to the one that was not.
    func requests(ofWhole whole: Int) -> Int {
        switch self {
        case .accepted: whole
        case .partly(let rest): 1 + rest.requests(ofWhole: whole - 1)
        default: 1
        }
    }

    /// A few words for a list.
    package var summary: String {
        switch self {
        case .accepted(let status, let rejected):
            rejected.isEmpty ? "\(status) accepted" : "\(status) accepted, \(rejected.count) refused"
        case .refused(let status, let reason), .tooLarge(let status, let reason): "\(status) \(reason)"
        case .blocked(_, let reason), .notAccepted(_, let reason, _), .unknown(_, let reason, _): reason
        case .partly(let rest): rest.summary
        }
    }
}
