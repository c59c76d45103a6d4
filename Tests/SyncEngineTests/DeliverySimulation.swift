import Scheduling

@testable import SyncEngine

/// A receiver that answers as it likes, and a sender that is killed now and then, around one ``DeliveryMachine``.
/// Everything is drawn from one seed. Breaches of what must always hold are collected as sentences.
struct DeliverySimulation {
    struct Weather {
        var members = 60
        var parallel = 4
        /// In per cent of the attempts.
        var notAccepted = 10
        var unknown = 10
        /// In per cent of the steps.
        var kills = 2
        var cancels = 0
        var givesUp = 0
        var blocks = 0
        var freezes = 2
        var largestRequest = 16
        var shortens = false
        var retryFor: Int64 = 1 << 50
    }

    private struct Flight {
        var piece: Piece
        var outcome: DeliveryOutcome
    }

    let weather: Weather
    private var dice: SeededGenerator
    private var machine: DeliveryMachine
    private var durable: [Int: BatchRecord] = [:]
    private var pending: [[BatchFact]] = []
    private var flights: [Flight] = []
    private var now: Int64 = 1_000
    private let run = RunID(7)
    private var ended = false

    /// Members that spoil a whole request; that are refused one by one; that no request can carry.
    private(set) var poison: Set<Int> = []
    private(set) var picky: Set<Int> = []
    private(set) var unwordable: Set<Int> = []
    private(set) var receiverAccepted: Set<Int> = []
    private(set) var breaches: [String] = []
    private(set) var requests = 0
    private(set) var end: SendingEnd?

    init(_ weather: Weather, seed: UInt64) {
        self.weather = weather
        dice = SeededGenerator(seed: seed)
        for member in 0..<weather.members {
            switch Int.random(in: 0..<40, using: &dice) {
            case 0: poison.insert(member)
            case 1: picky.insert(member)
            case 2: unwordable.insert(member)
            default: break
            }
        }
        machine = DeliveryMachine(run: run, count: weather.members, records: [], retryFor: weather.retryFor)
    }

    var hopeless: Set<Int> { poison.union(picky).union(unwordable) }

    mutating func play(limit: Int = 20_000) {
        for _ in 0..<limit {
            disturb()
            let step = machine.next(now: now)
            if ended, machine.isIdle == false || flights.isEmpty == false, isSend(step) {
                breaches.append("\(step) after the end")
            }
            switch step {
            case .finished(let reached):
                if !flights.isEmpty { breaches.append("finished with requests on the wire") }
                end = reached
                flush()
                return
            case .wait(let until):
                if flights.isEmpty {
                    guard let until else { return breaches.append("waits for ever") }
                    now = max(now, until)
                } else {
                    answer()
                }
            case .cut, .resend:
                let isBusy = flights.count >= weather.parallel || dice.chance(40) && !flights.isEmpty
                if isBusy { answer() } else { send(step) }
            }
        }
        breaches.append("not settled after \(limit) steps")
    }

    private func isSend(_ step: DeliveryStep) -> Bool {
        switch step {
        case .cut, .resend: true
        case .wait, .finished: false
        }
    }

    private mutating func disturb() {
        now += Int64.random(in: 0...50, using: &dice)
        if dice.chance(weather.kills) { kill() }
        if dice.chance(weather.cancels) {
            machine.cancel("stopped")
            ended = true
        }
        if dice.chance(weather.givesUp) {
            machine.giveUp("blocked elsewhere")
            ended = true
        }
        if dice.chance(weather.freezes) {
            let pause = Int64.random(in: 0...100_000, using: &dice)
            now += pause
            machine.resume(afterFrozen: pause)
        }
    }

    /// The process dies: of the facts not yet on the disk only the first few make it; nobody hears the answers.
    private mutating func kill() {
        let kept = Int.random(in: 0...pending.count, using: &dice)
        for facts in pending.prefix(kept) { apply(facts) }
        pending = []
        flights = []
        ended = false
        let limit = machine.countLimit
        machine = DeliveryMachine(
            run: run, count: weather.members, records: Array(durable.values), retryFor: weather.retryFor,
            countLimit: dice.chance(50) ? limit : .max)
        checkRecords()
    }

    private mutating func flush() {
        for facts in pending { apply(facts) }
        pending = []
        checkRecords()
    }

    private mutating func apply(_ facts: [BatchFact]) {
        for fact in facts {
            switch fact {
            case .put(let record): durable[record.range.lowerBound] = record
            case .remove(let first): durable[first] = nil
            }
        }
    }

    /// Whatever the receiver took must stand on record as perhaps or certainly taken, once records are on the disk.
    private mutating func checkRecords() {
        var covered: [Int: BatchState] = [:]
        for record in durable.values {
            for member in record.range {
                if covered[member] != nil { breaches.append("member \(member) stands in two records") }
                covered[member] = record.state
            }
        }
        for member in receiverAccepted where covered[member] == nil {
            breaches.append("member \(member) was taken and is not on record")
        }
        for (member, state) in covered where state == .accepted && !receiverAccepted.contains(member) {
            breaches.append("member \(member) is on record as accepted and was not")
        }
    }

    private mutating func send(_ step: DeliveryStep) {
        let started: (piece: Piece, fact: BatchFact)
        switch step {
        case .cut(let range):
            if unwordable.contains(range.lowerBound) {
                pending.append(machine.refuse(at: range.lowerBound, reason: "too large", at: newYear))
                return
            }
            let most = min(range.count, min(machine.countLimit, weather.largestRequest * 2))
            var end = range.lowerBound + Int.random(in: 1...most, using: &dice)
            while let member = (range.lowerBound..<end).first(where: unwordable.contains) { end = member }
            started = machine.cut(range.lowerBound..<end, at: newYear)
        case .resend(var piece):
            let wanted = piece.range
            if weather.shortens, piece.range.count > machine.countLimit {
                let end = piece.range.lowerBound + machine.countLimit
                let shortened = machine.shorten(piece, to: piece.range.lowerBound..<end, at: newYear)
                piece = shortened.piece
                pending.append(shortened.facts)
            }
            started = machine.resend(piece, at: newYear)
            if !weather.shortens, started.piece.range != wanted { breaches.append("a piece changed its range") }
        case .wait, .finished:
            return
        }
        for flight in flights where flight.piece.range.overlaps(started.piece.range) {
            breaches.append("\(started.piece.range) is twice on the wire")
        }
        pending.append([started.fact])
        flush()
        requests += 1
        flights.append(Flight(piece: started.piece, outcome: receive(started.piece.range)))
    }

    /// What the receiver makes of one request.
    private mutating func receive(_ range: Range<Int>) -> DeliveryOutcome {
        if dice.chance(weather.blocks) { return .blocked(status: 401, reason: "wrong key") }
        if dice.chance(weather.notAccepted) {
            let pause = dice.chance(50) ? RetryAfter(milliseconds: Int64.random(in: 1_000...9_000, using: &dice)) : nil
            return .notAccepted(status: 429, reason: "busy", retryAfter: pause)
        }
        let isUnknown = dice.chance(weather.unknown)
        let arrives = !isUnknown || dice.chance(50)
        if isUnknown, !arrives { return .unknown(status: 502, reason: "lost", retryAfter: nil) }
        if range.count > weather.largestRequest { return .tooLarge(status: 413, reason: "too large") }
        if range.contains(where: poison.contains) { return .refused(status: 400, reason: "bad") }
        receiverAccepted.formUnion(range.filter { !picky.contains($0) })
        if isUnknown { return .unknown(status: nil, reason: "reset", retryAfter: nil) }
        let rejected = range.filter(picky.contains).map {
            RefusedMessage(index: $0 - range.lowerBound, reason: "not you")
        }
        return .accepted(status: 200, rejected: rejected.shuffled(using: &dice))
    }

    private mutating func answer() {
        let flight = flights.remove(at: Int.random(in: 0..<flights.count, using: &dice))
        if case .blocked = flight.outcome { ended = true }
        pending.append(machine.answer(flight.piece.id, with: flight.outcome, now: now, at: newYear))
        if dice.chance(60) { flush() }
    }

    /// How each member ended; nil for those never sent. A member in two parts is a breach.
    mutating func states() -> [BatchState?] {
        var states = [BatchState?](repeating: nil, count: weather.members)
        for part in machine.outcomes() {
            for member in part.range {
                if states[member] != nil { breaches.append("member \(member) ended twice") }
                states[member] = part.state
            }
        }
        for (member, state) in states.enumerated() {
            let onRecord = durable.values.first { $0.range.contains(member) }?.state
            if (state == .accepted) != (onRecord == .accepted) || (state == .rejected) != (onRecord == .rejected) {
                let (ended, recorded) = (state?.rawValue ?? "unsent", onRecord?.rawValue ?? "nothing")
                breaches.append("member \(member) is \(ended), on record \(recorded)")
            }
        }
        return states
    }
}
