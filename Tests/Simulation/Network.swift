import SyncEngine

/// The receiver, and the way to it. What arrives is applied at once; what is answered is another matter.
struct Receiver {
    let kind: Weather.Receiver
    /// By audience and user; nil for whom nothing was told.
    private(set) var truth: [[Bool?]]
    private var times: [[Int64]]
    private var seen: Set<MessageID> = []
    var poison: Set<Int> = []
    var picky: Set<Int> = []
    let limit: Int

    init(_ weather: Weather) {
        kind = weather.receiver
        limit = weather.receiverLimit
        truth = [[Bool?]](repeating: [Bool?](repeating: nil, count: weather.users), count: weather.syncs * 2)
        times = [[Int64]](repeating: [Int64](repeating: .min, count: weather.users), count: weather.syncs * 2)
    }

    mutating func apply(_ message: Message) {
        if kind != .plain, !seen.insert(message.id).inserted { return }
        if kind == .ordering, message.timestamp < times[message.audience][message.user] { return }
        times[message.audience][message.user] = message.timestamp
        truth[message.audience][message.user] = message.value
    }
}

/// What becomes of one request.
enum Fate: Equatable {
    case answered(slow: Bool)
    case duplicated
    case refused
    case busy(retryAfter: Int64?)
    case failed(isStored: Bool)
    /// Nobody hears the answer.
    case answerLost
    /// It never arrives, or late.
    case lost(arrivesAfter: Int64?)
    case partlyStored
    case saysFalse
    case redirected
    case unauthorised
}

extension World {
    func drawFate() -> Fate {
        if outageUntil > time { return .refused }
        if strikes(.refused) { return .refused }
        if strikes(.busy) { return .busy(retryAfter: nil) }
        if strikes(.retryAfter) { return .busy(retryAfter: dice.span(1_000...300_000)) }
        if strikes(.serverError) { return .failed(isStored: false) }
        if strikes(.serverErrorStored) { return .failed(isStored: true) }
        if strikes(.answerLost) { return .answerLost }
        if strikes(.requestLost) { return .lost(arrivesAfter: nil) }
        if strikes(.latePacket) { return .lost(arrivesAfter: lateArrival()) }
        if strikes(.partlyStored) { return .partlyStored }
        if strikes(.saysFalse) { return .saysFalse }
        if dice.chance(weather.rate(.redirect) / 5), note(.redirect) { return .redirected }
        if dice.chance(weather.rate(.unauthorised) / 5), note(.unauthorised) { return .unauthorised }
        if weather.receiver != .plain, strikes(.duplicate) { return .duplicated }
        return .answered(slow: strikes(.slow))
    }

    /// A recognising receiver that applies in order of arrival is assumed to get what it gets within the attempt.
    private func lateArrival() -> Int64 {
        switch weather.receiver {
        case .recognising: dice.span(1_000...Weather.attemptDeadline - 1)
        case .plain: dice.span(1_000...Weather.longestDelay)
        case .ordering: dice.span(1_000...Weather.interval * 8)
        }
    }

    /// Sends a request off and answers it some time, unless the sender is dead by then.
    func transmit(
        _ messages: [Message], of process: EngineProcess, answer: @escaping (DeliveryOutcome) -> Void
    ) {
        let fate = drawFate()
        let way = dice.span(5...200)
        let back = dice.span(5...200)
        func reply(after delay: Int64, _ outcome: DeliveryOutcome) {
            queue.put(at: time + delay, in: process) { answer(outcome) }
        }
        func arrive(after delay: Int64, _ some: ArraySlice<Message>) {
            // What the receiver would refuse now it refuses later too.
            let refused = receiver.poison.union(receiver.picky)
            queue.put(at: time + delay, in: nil) { [self] in deliver(Array(some), refusing: refused) }
        }
        let lostReply = DeliveryOutcome.unknown(status: nil, reason: "no answer", retryAfter: nil)
        switch fate {
        case .answered(let slow):
            let delay = slow ? dice.span(1_000...20_000) : way
            arriveAndAnswer(messages, after: delay) { outcome in reply(after: back, outcome) }
        case .duplicated:
            let again = dice.span(100...Weather.interval * 4)
            arriveAndAnswer(messages, after: way) { outcome in
                reply(after: back, outcome)
                // What was refused once is refused again.
                if case .accepted = outcome { arrive(after: again, messages[...]) }
            }
        case .refused: reply(after: back, .notAccepted(status: nil, reason: "refused", retryAfter: nil))
        case .busy(let pause):
            reply(after: way, .notAccepted(
                status: 429, reason: "busy", retryAfter: pause.map { RetryAfter(milliseconds: $0) }))
        case .failed(let isStored):
            if isStored { arrive(after: way, messages[...]) }
            reply(after: way + back, .unknown(status: 503, reason: "failed", retryAfter: nil))
        case .answerLost:
            arrive(after: way, messages[...])
            reply(after: Weather.attemptDeadline, lostReply)
        case .lost(let late):
            if let late { arrive(after: late, messages[...]) }
            reply(after: Weather.attemptDeadline, lostReply)
        case .partlyStored:
            arrive(after: way, messages.prefix(messages.count / 2))
            reply(after: way + back, lostReply)
        case .saysFalse:
            reply(after: way + back, .unknown(status: 200, reason: "success: false", retryAfter: nil))
        case .redirected: reply(after: way + back, .blocked(status: 302, reason: "redirect"))
        case .unauthorised: reply(after: way + back, .blocked(status: 401, reason: "wrong key"))
        }
    }

    private func deliver(_ messages: [Message], refusing refused: Set<Int> = []) {
        guard messages.count <= receiver.limit, !messages.contains(where: { receiver.poison.contains($0.user) })
        else { return }
        tell("arrive \(messages.map { "\($0.user)\($0.value ? "+" : "-")" }), poison \(receiver.poison.sorted())")
        for message in messages where !receiver.picky.contains(message.user) && !refused.contains(message.user) {
            receiver.apply(message)
            oracle.arrived(message)
        }
    }

    private func arriveAndAnswer(
        _ messages: [Message], after delay: Int64, _ answer: @escaping (DeliveryOutcome) -> Void
    ) {
        queue.put(at: time + delay, in: nil) { [self] in
            if messages.count > receiver.limit {
                _ = note(.tooLarge)
                return answer(.tooLarge(status: 413, reason: "too large"))
            }
            if messages.contains(where: { receiver.poison.contains($0.user) }) {
                _ = note(.poisonMember)
                return answer(.refused(status: 400, reason: "bad"))
            }
            deliver(messages)
            let refused = messages.indices.filter { receiver.picky.contains(messages[$0].user) }.map {
                RefusedMessage(index: $0, reason: "not you")
            }
            if !refused.isEmpty { _ = note(.pickyMember) }
            answer(.accepted(status: 200, rejected: refused))
        }
    }
}
