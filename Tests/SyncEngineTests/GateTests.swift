import Testing

@testable import SyncEngine

@Suite struct GateTests {
    private let good = DeliveryOutcome.accepted(status: 200, rejected: [])
    private let down = DeliveryOutcome.unknown(status: 503, reason: "down", retryAfter: nil)

    // MARK: - Rate

    @Test("over a long time the rate is kept within one burst", arguments: [1, 7, 100, 5_000])
    func rate(rate: Int) {
        var dice = SeededGenerator(seed: UInt64(rate))
        var bucket = TokenBucket(rate: rate)
        var now: Int64 = 0
        var taken = 0
        var waits = 0
        while now < 600_000 {
            let count = Int.random(in: 1...max(1, rate / 3), using: &dice)
            if let until = bucket.take(count, now: now) {
                #expect(until > now)
                now = until
                waits += 1
            } else {
                taken += count
            }
        }
        let fair = rate * Int(now) / 1_000
        #expect(taken <= fair + rate + 1)
        #expect(taken >= fair - rate, "slower than allowed")
        #expect(waits > 0)
    }

    @Test("a batch larger than a second's worth goes, and is paid for afterwards")
    func largeBatch() {
        var bucket = TokenBucket(rate: 10)
        #expect(bucket.take(50, now: 0) == nil)
        #expect(bucket.take(1, now: 0) == 4_100)
        #expect(bucket.take(1, now: 4_099) != nil)
        #expect(bucket.take(1, now: 4_100) == nil)
    }

    @Test("no rate is no limit, and a clock that goes back saves nothing up")
    func edges() {
        var free = TokenBucket(rate: nil)
        #expect(free.take(1 << 40, now: 0) == nil)
        var bucket = TokenBucket(rate: 10)
        #expect(bucket.take(10, now: 100_000) == nil)
        #expect(bucket.take(10, now: 0) != nil)
        #expect(bucket.take(10, now: 100_500) != nil)
        #expect(bucket.take(10, now: 101_000) == nil)
    }

    // MARK: - Breaker

    @Test("five failures in a row open it, four do not")
    func consecutive() {
        var breaker = CircuitBreaker()
        for _ in 0..<4 { breaker.fail(now: 0) }
        #expect(breaker.state == .closed && breaker.opensAgain(now: 0) == nil)
        breaker.succeed()
        for _ in 0..<4 { breaker.fail(now: 0) }
        #expect(breaker.state == .closed)
        breaker.fail(now: 0)
        #expect(breaker.state == .open)
        #expect(breaker.opensAgain(now: 0) == 5_000)
    }

    @Test("half of twenty failing opens it, one less does not", arguments: [(9, false), (10, true)])
    func window(failures: Int, opens: Bool) {
        var breaker = CircuitBreaker()
        for index in 0..<20 {
            // Never two in a row, and the newest one is a failure: only then is anything decided.
            if index % 2 == 1, index / 2 >= 10 - failures { breaker.fail(now: 0) } else { breaker.succeed() }
        }
        #expect((breaker.state == .open) == opens)
    }

    @Test("after a while one probe goes; a good one closes, a bad one opens for longer, a minute at most")
    func probing() {
        var gate = DestinationGate(rate: nil, slots: 8)
        for _ in 0..<5 {
            #expect(gate.admit(count: 1, now: 0) == .go)
            gate.end(with: down, now: 0)
        }
        var now: Int64 = 0
        var pauses: [Int64] = []
        for _ in 0..<8 {
            guard case .wait(let until, true) = gate.admit(count: 1, now: now) else {
                Issue.record("not open at \(now)")
                return
            }
            pauses.append(until - now)
            #expect(gate.admit(count: 1, now: until - 1) == .wait(until: until, isStalled: true))
            #expect(gate.admit(count: 1, now: until) == .go)
            #expect(gate.breakerState == .halfOpen)
            if case .go = gate.admit(count: 1, now: until) { Issue.record("a second probe") }
            gate.end(with: down, now: until)
            now = until
        }
        #expect(pauses == [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000, 60_000])
        #expect(gate.admit(count: 1, now: now + 60_000) == .go)
        gate.end(with: good, now: now + 60_000)
        #expect(gate.breakerState == .closed)
        #expect(gate.admit(count: 1, now: now + 60_000) == .go && gate.admit(count: 1, now: now + 60_000) == .go)
    }

    @Test("an answer that refuses the content is a sign of life")
    func lifeSigns() {
        for outcome: DeliveryOutcome in [.refused(status: 400, reason: "r"), .tooLarge(status: 413, reason: "t")] {
            var gate = DestinationGate(rate: nil, slots: 1)
            for _ in 0..<4 {
                _ = gate.admit(count: 1, now: 0)
                gate.end(with: down, now: 0)
            }
            _ = gate.admit(count: 1, now: 0)
            gate.end(with: outcome, now: 0)
            _ = gate.admit(count: 1, now: 0)
            gate.end(with: down, now: 0)
            #expect(gate.breakerState == .closed)
        }
    }

    @Test("fewer than twenty results decide nothing but five in a row, and old results fall out of the window")
    func slidingWindow() {
        var breaker = CircuitBreaker()
        for _ in 0..<9 {
            breaker.fail(now: 0)
            breaker.succeed()
        }
        breaker.fail(now: 0)
        #expect(breaker.state == .closed)
        for _ in 0..<20 { breaker.succeed() }
        for _ in 0..<4 { breaker.fail(now: 0) }
        #expect(breaker.state == .closed)
    }

    // MARK: - Gate

    @Test("slots are counted and given back")
    func slots() {
        var gate = DestinationGate(rate: nil, slots: 2)
        #expect(gate.admit(count: 1, now: 0) == .go && gate.admit(count: 1, now: 0) == .go)
        #expect(gate.admit(count: 1, now: 0) == .waitForSlot)
        gate.end(with: good, now: 0)
        #expect(gate.inFlight == 1)
        #expect(gate.admit(count: 1, now: 0) == .go)
    }

    @Test("one server's wish to wait pauses all, the longest wish counts")
    func wish() {
        var gate = DestinationGate(rate: nil, slots: 3)
        for _ in 0..<2 { _ = gate.admit(count: 1, now: 0) }
        gate.end(with: .notAccepted(status: 429, reason: "r", retryAfter: RetryAfter(milliseconds: 9_000)), now: 0)
        gate.end(with: .notAccepted(status: 429, reason: "r", retryAfter: RetryAfter(milliseconds: 1_000)), now: 0)
        #expect(gate.admit(count: 1, now: 8_999) == .wait(until: 9_000, isStalled: true))
        #expect(gate.admit(count: 1, now: 9_000) == .go)
        #expect(gate.breakerState == .closed)
    }

    @Test("our own rate is no stall")
    func ownRate() {
        var gate = DestinationGate(rate: 10, slots: 3)
        #expect(gate.admit(count: 10, now: 0) == .go)
        #expect(gate.admit(count: 5, now: 0) == .wait(until: 500, isStalled: false))
    }

    @Test("a refused key blocks everything until a person unblocks")
    func blocked() {
        var gate = DestinationGate(rate: nil, slots: 3)
        _ = gate.admit(count: 1, now: 0)
        gate.end(with: .blocked(status: 401, reason: "wrong key"), now: 0)
        #expect(gate.admit(count: 1, now: 1 << 40) == .blocked(reason: "wrong key"))
        gate.unblock()
        #expect(gate.admit(count: 1, now: 0) == .go)
    }

    // MARK: - Backoff

    @Test("half a second doubled up to a minute, with ten per cent of jitter that repeats exactly")
    func backoff() {
        let bases: [Int64] = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
        for (index, base) in bases.enumerated() {
            var seen: Set<Int64> = []
            for salt in 0..<200 {
                let pause = Backoff.milliseconds(attempt: index + 1, salt: salt)
                #expect(pause >= base && pause <= base + base / 10)
                #expect(pause == Backoff.milliseconds(attempt: index + 1, salt: salt))
                seen.insert(pause)
            }
            #expect(seen.count > 10)
        }
        for attempt in [-1, 0, 1_000_000] {
            #expect((500...66_000).contains(Backoff.milliseconds(attempt: attempt, salt: .max)))
        }
    }
}
