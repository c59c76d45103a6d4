/// Whether one more request may go to a destination now.
package enum Admission: Sendable, Equatable {
    case go
    /// Ask again at this monotonic millisecond. `isStalled`: the destination is failing or asked to wait, as opposed
    /// to our own rate.
    case wait(until: Int64, isStalled: Bool)
    /// All of the destination's slots are taken; ask again when one is given back.
    case waitForSlot
    case blocked(reason: String)
}

/// Everything that all syncs of one destination share: rate, requests in flight, a server's wish to be left alone, the
/// circuit breaker, and the block after a refused key. Pure; times are monotonic milliseconds.
package struct DestinationGate: Sendable {
    private var bucket: TokenBucket
    private var breaker = CircuitBreaker()
    private let slots: Int
    private(set) package var inFlight = 0
    private(set) package var pausedUntil: Int64 = 0
    /// Why the destination refuses everything; nil when it does not.
    package private(set) var blockedReason: String?

    /// - Parameters:
    ///   - rate: members per second; nil for no limit.
    ///   - slots: requests in flight at a time.
    package init(rate: Int?, slots: Int, blockedReason: String? = nil) {
        bucket = TokenBucket(rate: rate)
        self.slots = max(1, slots)
        self.blockedReason = blockedReason
    }

    package var breakerState: CircuitBreaker.State { breaker.state }

    /// Asks for one request of `count` members and takes what it needs when the answer is `go`.
    package mutating func admit(count: Int, now: Int64) -> Admission {
        if let blockedReason { return .blocked(reason: blockedReason) }
        if now < pausedUntil { return .wait(until: pausedUntil, isStalled: true) }
        if inFlight >= slots { return .waitForSlot }
        if let until = breaker.opensAgain(now: now) { return .wait(until: until, isStalled: true) }
        if let until = bucket.take(count, now: now) { return .wait(until: until, isStalled: false) }
        breaker.begin()
        inFlight += 1
        return .go
    }

    /// A request that was admitted has ended.
    package mutating func end(with outcome: DeliveryOutcome, now: Int64) {
        inFlight -= 1
        switch outcome.whole {
        case .accepted, .refused, .tooLarge:
            breaker.succeed()
        case .blocked(_, let reason):
            breaker.succeed()
            blockedReason = reason
        case .notAccepted(_, _, let retryAfter), .unknown(_, _, let retryAfter):
            if let retryAfter {
                // The server speaks, so it is not down; it only wants to be left alone for a while.
                pausedUntil = max(pausedUntil, now + retryAfter.milliseconds)
                breaker.succeed()
            } else {
                breaker.fail(now: now)
            }
        case .partly:
            breaker.fail(now: now)
        }
    }

    /// A person tries again, or the configuration changed.
    package mutating func unblock() {
        blockedReason = nil
        pausedUntil = 0
        breaker = CircuitBreaker()
    }
}

/// At most `rate` members a second on average, one second's worth at once after a rest.
package struct TokenBucket: Sendable {
    private let rate: Int?
    /// In members; negative after a batch larger than what was saved up.
    private var tokens: Double
    private var updated: Int64?

    package init(rate: Int?) {
        self.rate = rate
        tokens = Double(rate ?? 0)
    }

    /// Takes `count` tokens, or returns the time at which they will be there. A batch larger than a second's worth
    /// goes as soon as the bucket is full and is paid for afterwards.
    package mutating func take(_ count: Int, now: Int64) -> Int64? {
        guard let rate else { return nil }
        let elapsed = max(0, now - (updated ?? now))
        updated = max(now, updated ?? now)
        tokens = min(Double(rate), tokens + Double(elapsed) * Double(rate) / 1000)
        let needed = Double(min(count, rate))
        guard tokens >= needed else {
            return now + max(1, Int64(((needed - tokens) * 1000 / Double(rate)).rounded(.up)))
        }
        tokens -= Double(count)
        return nil
    }
}

/// Stops calling a destination that fails, and tries it with one request after a while.
package struct CircuitBreaker: Sendable {
    package enum State: String, Sendable, Codable {
        case closed, open, halfOpen = "half-open"
    }

    package private(set) var state: State = .closed
    private var recent: [Bool] = []
    private var consecutiveFailures = 0
    private var openUntil: Int64 = 0
    private var openings = 0
    private var probing = false

    static let window = 20
    /// Failures in a row that open it before the window is full.
    static let consecutiveLimit = 5

    package init() {}

    /// When calls may go again; nil when they may go now.
    mutating func opensAgain(now: Int64) -> Int64? {
        switch state {
        case .closed: return nil
        case .open:
            guard now >= openUntil else { return openUntil }
            state = .halfOpen
            probing = false
            return nil
        case .halfOpen:
            return probing ? now + 250 : nil
        }
    }

    mutating func begin() {
        if state == .halfOpen { probing = true }
    }

    mutating func succeed() {
        consecutiveFailures = 0
        if state == .closed {
            note(true)
        } else {
            self = CircuitBreaker()
        }
    }

    mutating func fail(now: Int64) {
        consecutiveFailures += 1
        note(false)
        let isHalfBad = recent.count == Self.window && recent.filter { !$0 }.count * 2 >= Self.window
        guard state == .halfOpen || consecutiveFailures >= Self.consecutiveLimit || isHalfBad else { return }
        if state != .open {
            openings += 1
            openUntil = now + min(60_000, Int64(2_500) << Int64(min(openings, 6)))
        }
        state = .open
        probing = false
        recent = []
    }

    private mutating func note(_ isGood: Bool) {
        recent.append(isGood)
        if recent.count > Self.window { recent.removeFirst() }
    }
}
