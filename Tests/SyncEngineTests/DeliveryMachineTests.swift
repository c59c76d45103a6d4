import Scheduling
import Testing

@testable import SyncEngine

@Suite struct DeliveryMachineTests {
    private static let seeds: [UInt64] = Array(1...300)

    @Test("what was answered in parts stays possibly accepted, and is split, waited for or given up as its rest says")
    func answeredInParts() {
        func machine() -> (DeliveryMachine, Piece) {
            var machine = DeliveryMachine(run: RunID(1), count: 4, records: [], retryFor: 60_000)
            let piece = machine.cut(0..<4, at: newYear).piece
            return (machine, piece)
        }
        let rests: [(DeliveryOutcome, pieces: Int)] = [
            (.refused(status: 400, reason: "no"), 2), (.tooLarge(status: 413, reason: "big"), 2),
            (.blocked(status: 401, reason: "key"), 1), (.notAccepted(status: 429, reason: "wait", retryAfter: nil), 1),
        ]
        for (rest, pieces) in rests {
            var (machine, piece) = machine()
            let facts = machine.answer(piece.id, with: .partly(rest: rest), now: 0, at: newYear)
            let unknown = machine.outcomes()
            #expect(unknown.map(\.state) == Array(repeating: .unknown, count: pieces), "\(rest)")
            #expect(unknown.reduce(0) { $0 + $1.range.count } == 4, "\(rest)")
            let kept = facts.compactMap { fact -> BatchState? in
                if case .put(let record) = fact { return record.state }
                return nil
            }
            #expect(kept == Array(repeating: .unknown, count: pieces), "\(rest): on record as unknown")
            #expect(machine.isEnding == (rest.status == 401), "\(rest)")
        }
    }

    @Test("with unlimited retries everything settles, whatever is lost, refused or killed")
    func everythingSettles() {
        for seed in Self.seeds {
            var weather = DeliverySimulation.Weather()
            weather.members = Int(seed % 97) + 1
            weather.unknown = Int(seed % 5) * 12
            weather.notAccepted = Int(seed % 7) * 8
            weather.kills = Int(seed % 4) * 2
            weather.parallel = Int(seed % 6) + 1
            weather.largestRequest = Int(seed % 17) + 1
            var play = DeliverySimulation(weather, seed: seed)
            play.play()
            let states = play.states()
            #expect(play.breaches == [], "seed \(seed)")
            #expect(play.end == .complete, "seed \(seed)")
            let rejected = Set(states.indices.filter { states[$0] == .rejected })
            #expect(rejected == play.hopeless, "seed \(seed)")
            let accepted = Set(states.indices.filter { states[$0] == .accepted })
            #expect(accepted == Set(0..<weather.members).subtracting(play.hopeless), "seed \(seed)")
            #expect(accepted == play.receiverAccepted, "seed \(seed)")
        }
    }

    @Test("a stopped run knows of each member whether it was taken, refused, perhaps taken, or never sent")
    func stoppedRunsAreExact() {
        var ends: Set<String> = []
        for seed in Self.seeds {
            var weather = DeliverySimulation.Weather()
            weather.unknown = 25
            weather.notAccepted = 25
            weather.kills = Int(seed % 3)
            weather.cancels = seed % 3 == 0 ? 5 : 0
            weather.givesUp = seed % 3 == 1 ? 5 : 0
            weather.blocks = seed % 3 == 2 ? 5 : 0
            var play = DeliverySimulation(weather, seed: seed)
            play.play()
            let states = play.states()
            #expect(play.breaches == [], "seed \(seed)")
            for (member, state) in states.enumerated() {
                let wasTaken = play.receiverAccepted.contains(member)
                switch state {
                case .accepted: #expect(wasTaken, "seed \(seed), member \(member)")
                case .rejected: #expect(play.hopeless.contains(member), "seed \(seed), member \(member)")
                case .unknown: break
                case .sending: Issue.record("seed \(seed): member \(member) is still being sent")
                case nil: #expect(!wasTaken, "seed \(seed): member \(member) was taken and counts as never sent")
                }
            }
            switch play.end {
            case .complete: ends.insert("complete")
            case .cancelled: ends.insert("cancelled")
            case .gaveUp: ends.insert("gave up")
            case nil: Issue.record("seed \(seed): no end")
            }
        }
        #expect(ends.isSuperset(of: ["cancelled", "gave up"]))
    }

    @Test("the rest of a shortened piece that may have been accepted stays on record")
    func shortenedPiecesStayOnRecord() {
        var breaches: [String] = []
        for seed in Self.seeds {
            var weather = DeliverySimulation.Weather()
            weather.shortens = true
            weather.unknown = 50
            weather.kills = 5
            weather.largestRequest = 3
            var play = DeliverySimulation(weather, seed: seed)
            play.play()
            if let breach = play.breaches.first { breaches.append("seed \(seed): \(breach)") }
        }
        #expect(breaches.first == nil, "and \(breaches.count - 1) further seeds")
    }

    @Test("nothing behind the barrier goes out before everything before it is accepted or rejected")
    func barrier() {
        var machine = DeliveryMachine(run: RunID(7), count: 10, records: [], retryFor: 100_000, barrier: 4)
        #expect(machine.next(now: 0) == .cut(0..<4))
        let first = machine.cut(0..<3, at: newYear).piece
        let second = machine.cut(3..<4, at: newYear).piece
        #expect(machine.next(now: 0) == .wait(until: nil))
        _ = machine.answer(first.id, with: .accepted(status: 200, rejected: []), now: 0, at: newYear)
        #expect(machine.next(now: 0) == .wait(until: nil))
        _ = machine.answer(
            second.id, with: .unknown(status: nil, reason: "reset", retryAfter: nil), now: 0, at: newYear)
        guard case .wait(let until?) = machine.next(now: 0) else {
            Issue.record("the unknown one is to be sent again first")
            return
        }
        guard case .resend(let again) = machine.next(now: until) else {
            Issue.record("it is sent again")
            return
        }
        let third = machine.resend(again, at: newYear).piece
        _ = machine.answer(third.id, with: .refused(status: 400, reason: "bad"), now: until, at: newYear)
        #expect(machine.next(now: until) == .cut(4..<10), "rejected is settled too")
        let resumed = [BatchRecord(range: 0..<4, state: .sending, attempts: 1, request: "7.1", at: newYear)]
        var next = DeliveryMachine(run: RunID(7), count: 10, records: resumed, retryFor: 1_000, barrier: 4)
        guard case .resend = next.next(now: 0) else {
            Issue.record("after a restart what was on the wire comes first")
            return
        }
    }

    @Test("one bad member costs at most 2·log₂ n requests and is rejected alone",
        arguments: [1, 2, 3, 7, 64, 100, 1000])
    func bisection(count: Int) {
        var most = 0
        while 1 << most < count { most += 1 }
        for bad in [0, count / 3, count / 2, count - 1] {
            var machine = DeliveryMachine(run: RunID(7), count: count, records: [], retryFor: 1_000)
            var requests = 0
            loop: while true {
                let piece: Piece
                switch machine.next(now: 0) {
                case .cut(let range): piece = machine.cut(range, at: newYear).piece
                case .resend(let waiting): piece = machine.resend(waiting, at: newYear).piece
                case .wait: Issue.record("nothing to wait for"); break loop
                case .finished(let end):
                    #expect(end == .complete)
                    break loop
                }
                requests += 1
                let outcome: DeliveryOutcome = piece.range.contains(bad)
                    ? .refused(status: 400, reason: "bad") : .accepted(status: 200, rejected: [])
                _ = machine.answer(piece.id, with: outcome, now: 0, at: newYear)
            }
            #expect(requests - 1 <= 2 * most + 1, "member \(bad) of \(count)")
            let rejected = machine.outcomes().filter { $0.state == .rejected }.map(\.range)
            #expect(rejected == [bad..<(bad + 1)])
        }
    }

    @Test("a 413 halves the request and all later ones")
    func tooLarge() {
        var machine = DeliveryMachine(run: RunID(7), count: 20, records: [], retryFor: 1_000)
        let piece = machine.cut(0..<10, at: newYear).piece
        let facts = machine.answer(piece.id, with: .tooLarge(status: 413, reason: "large"), now: 0, at: newYear)
        #expect(machine.countLimit == 5)
        #expect(facts == [.remove(first: 0)])
        guard case .resend(let half) = machine.next(now: 0) else {
            Issue.record("no half to send")
            return
        }
        #expect(half.range == 0..<5)
    }

    /// Sends everything; a request is too large when `isTooLarge` says so of its range.
    private func play(
        _ machine: inout DeliveryMachine, largest: Int, isTooLarge: (Range<Int>) -> Bool
    ) -> [Range<Int>] {
        var requests: [Range<Int>] = []
        while true {
            let piece: Piece
            switch machine.next(now: 0) {
            case .cut(let range): piece = machine.cut(range.prefix(min(largest, machine.countLimit)), at: newYear).piece
            case .resend(let waiting):
                let end = waiting.range.prefix(machine.countLimit)
                piece = machine.resend(machine.shorten(waiting, to: end, at: newYear).piece, at: newYear).piece
            case .wait, .finished: return requests
            }
            requests.append(piece.range)
            let outcome: DeliveryOutcome = isTooLarge(piece.range)
                ? .tooLarge(status: 413, reason: "large") : .accepted(status: 200, rejected: [])
            _ = machine.answer(piece.id, with: outcome, now: 0, at: newYear)
        }
    }

    @Test("one member too large for any request does not make the requests of the others small", arguments: [0, 5, 31, 63])
    func oneLargeMember(_ large: Int) {
        var machine = DeliveryMachine(run: RunID(7), count: 64, records: [], retryFor: 1_000)
        let requests = play(&machine, largest: 32) { $0.contains(large) }
        #expect(requests.count <= 14, "\(requests)")
        #expect(machine.outcomes().filter { $0.state == .rejected }.map(\.range) == [large..<(large + 1)])
        #expect(machine.outcomes().filter { $0.state == .accepted }.reduce(0) { $0 + $1.range.count } == 63)
        #expect(machine.countLimit == .max && machine.sizeLesson == .nothing)
    }

    @Test("a limit on the size of requests is learned, and that one was filled")
    func sizeLessons() {
        var machine = DeliveryMachine(run: RunID(7), count: 64, records: [], retryFor: 1_000)
        _ = play(&machine, largest: 32) { $0.count > 10 }
        #expect(machine.sizeLesson == .tooLarge(countLimit: 8))
        var next = DeliveryMachine(run: RunID(8), count: 64, records: [], retryFor: 1_000, countLimit: 8)
        #expect(play(&next, largest: 32) { $0.count > 10 }.count == 8)
        #expect(next.sizeLesson == .filled)
        var small = DeliveryMachine(run: RunID(9), count: 5, records: [], retryFor: 1_000, countLimit: 8)
        _ = play(&small, largest: 32) { _ in false }
        #expect(small.sizeLesson == .nothing)
    }

    @Test("what may have been accepted stays on record while it waits and when it is halved")
    func unknownStaysOnRecord() {
        var machine = DeliveryMachine(run: RunID(7), count: 4, records: [], retryFor: 100_000)
        let piece = machine.cut(0..<4, at: newYear).piece
        let facts = machine.answer(
            piece.id, with: .unknown(status: 500, reason: "oops", retryAfter: nil), now: 0, at: newYear)
        guard case .put(let record)? = facts.first else {
            Issue.record("nothing on record")
            return
        }
        #expect(record.state == .unknown && record.range == 0..<4 && record.attempts == 1)
        guard case .resend(let again) = machine.next(now: 60_000) else {
            Issue.record("nothing to resend")
            return
        }
        let second = machine.resend(again, at: newYear).piece
        let halves = machine.answer(second.id, with: .refused(status: 400, reason: "bad"), now: 60_000, at: newYear)
        let states = halves.compactMap { fact -> BatchState? in
            if case .put(let record) = fact { record.state } else { nil }
        }
        #expect(halves.first == .remove(first: 0))
        #expect(states == [.unknown, .unknown])
    }

    @Test("an answer to a request nobody made changes nothing")
    func strangeAnswer() {
        var machine = DeliveryMachine(run: RunID(7), count: 4, records: [], retryFor: 1_000)
        #expect(machine.answer(99, with: .accepted(status: 200, rejected: []), now: 0, at: newYear) == [])
        #expect(machine.next(now: 0) == .cut(0..<4))
    }

    @Test("refused positions outside the request, and twice the same, harm nobody")
    func strangeRejections() {
        var machine = DeliveryMachine(run: RunID(7), count: 3, records: [], retryFor: 1_000)
        let piece = machine.cut(0..<3, at: newYear).piece
        let odd = [-1, 1, 1, 3, 1 << 40].map { RefusedMessage(index: $0, reason: "r") }
        _ = machine.answer(piece.id, with: .accepted(status: 200, rejected: odd), now: 0, at: newYear)
        #expect(machine.outcomes().map(\.range) == [0..<1, 1..<2, 2..<3])
        #expect(machine.outcomes().map(\.state) == [.accepted, .rejected, .accepted])
    }

    @Test("an empty plan is complete at once")
    func emptyPlan() {
        var machine = DeliveryMachine(run: RunID(7), count: 0, records: [], retryFor: 1_000)
        #expect(machine.next(now: 0) == .finished(.complete))
    }

    // MARK: - Giving up

    /// Plays a destination that never answers well; returns the times at which attempts started.
    private func attempts(
        retryFor: Int64, outcome: DeliveryOutcome, duration: Int64
    ) -> (starts: [Int64], end: SendingEnd?) {
        var machine = DeliveryMachine(run: RunID(7), count: 5, records: [], retryFor: retryFor)
        var now: Int64 = 0
        var starts: [Int64] = []
        for _ in 0..<100_000 {
            let piece: Piece
            switch machine.next(now: now) {
            case .cut(let range): piece = machine.cut(range, at: newYear).piece
            case .resend(let waiting): piece = machine.resend(waiting, at: newYear).piece
            case .wait(let until):
                now = max(now, until ?? now)
                continue
            case .finished(let end): return (starts, end)
            }
            starts.append(now)
            now += duration
            _ = machine.answer(piece.id, with: outcome, now: now, at: newYear)
        }
        return (starts, nil)
    }

    @Test("no attempt starts once retry_for is over", arguments: [0, 1, 700, 10_000, 43_200_000] as [Int64])
    func retryForIsHonoured(retryFor: Int64) {
        for outcome: DeliveryOutcome in [
            .unknown(status: 500, reason: "down", retryAfter: nil),
            .notAccepted(status: nil, reason: "down", retryAfter: nil),
            .notAccepted(status: 429, reason: "down", retryAfter: RetryAfter(milliseconds: 2_000)),
        ] {
            let (starts, end) = attempts(retryFor: retryFor, outcome: outcome, duration: 20)
            #expect(end == .gaveUp("down"))
            let failed: Int64 = 20
            #expect(starts.allSatisfy { $0 <= failed + retryFor }, "\(outcome): \(starts.suffix(2))")
            #expect(starts.count >= 1)
        }
    }

    @Test("a wish to wait beyond retry_for ends it at once")
    func longWish() {
        let wish = DeliveryOutcome.notAccepted(
            status: 429, reason: "later", retryAfter: RetryAfter(milliseconds: 300_000))
        let (starts, end) = attempts(retryFor: 60_000, outcome: wish, duration: 10)
        #expect(starts == [0])
        #expect(end == .gaveUp("later"))
    }

    @Test("a wish to wait is kept")
    func wishIsKept() {
        let wish = DeliveryOutcome.notAccepted(
            status: 429, reason: "later", retryAfter: RetryAfter(milliseconds: 7_000))
        let (starts, _) = attempts(retryFor: 30_000, outcome: wish, duration: 10)
        #expect(Array(starts.prefix(3)) == [0, 7_010, 14_020])
    }

    @Test("waiting for a destination that takes nothing ends after retry_for; frozen time does not count")
    func stalled() {
        var machine = DeliveryMachine(run: RunID(7), count: 1, records: [], retryFor: 10_000)
        machine.stall(now: 1_000)
        machine.stall(now: 9_000)
        #expect(machine.next(now: 10_999) == .cut(0..<1))
        machine.resume(afterFrozen: 5_000)
        #expect(machine.next(now: 15_999) == .cut(0..<1))
        #expect(machine.next(now: 16_000) == .finished(.gaveUp("the destination took nothing for 10 s")))
    }

    @Test("frozen time does not count for a piece that was about to go out either")
    func frozenInFlight() {
        var machine = DeliveryMachine(run: RunID(7), count: 1, records: [], retryFor: 10_000)
        let lost = DeliveryOutcome.notAccepted(status: nil, reason: "down", retryAfter: nil)
        let first = machine.cut(0..<1, at: newYear).piece
        _ = machine.answer(first.id, with: lost, now: 0, at: newYear)
        guard case .resend(let waiting) = machine.next(now: 1_000) else {
            Issue.record("nothing to resend")
            return
        }
        let second = machine.resend(waiting, at: newYear).piece
        machine.resume(afterFrozen: 3_600_000)
        _ = machine.answer(second.id, with: lost, now: 3_601_000, at: newYear)
        guard case .wait = machine.next(now: 3_601_000) else {
            Issue.record("the frozen hour counted against retry_for: \(machine.next(now: 3_601_000))")
            return
        }
    }

    @Test("cancelling wins over giving up, and what was withdrawn was never sent")
    func cancelWins() {
        var machine = DeliveryMachine(run: RunID(7), count: 2, records: [], retryFor: 10_000)
        let piece = machine.cut(0..<2, at: newYear).piece
        machine.giveUp("blocked")
        machine.cancel("enough")
        #expect(machine.next(now: 0) == .wait(until: nil))
        #expect(machine.withdraw(piece.id, at: newYear) == [.remove(first: 0)])
        #expect(machine.next(now: 0) == .finished(.cancelled("enough")))
        #expect(machine.outcomes().isEmpty)
    }

    @Test("a resumed piece keeps its range and its attempts, and never takes a used number")
    func resumed() {
        let records = [
            BatchRecord(range: 4..<6, state: .sending, attempts: 3, request: "7.12", at: newYear),
            BatchRecord(range: 0..<2, state: .accepted, attempts: 1, request: "7.3", at: newYear),
        ]
        var machine = DeliveryMachine(run: RunID(7), count: 8, records: records, retryFor: 10_000)
        guard case .resend(let piece) = machine.next(now: 0) else {
            Issue.record("nothing to resend")
            return
        }
        #expect(piece.range == 4..<6 && piece.attempts == 3 && piece.mayBeAccepted && piece.id > 12)
        _ = machine.resend(piece, at: newYear)
        #expect(machine.next(now: 0) == .cut(2..<4))
        _ = machine.cut(2..<4, at: newYear)
        #expect(machine.next(now: 0) == .cut(6..<8))
    }
}
