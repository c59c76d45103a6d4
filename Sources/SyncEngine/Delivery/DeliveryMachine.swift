import Scheduling

/// The part of a plan that is sent as one request.
package struct Piece: Hashable, Sendable {
    /// Counts up within one execution of a run.
    package var id: Int
    /// Positions in the plan.
    package var range: Range<Int>
    /// Attempts made so far in which these members took part.
    package var attempts = 0
    /// Attempts made so far with exactly these members.
    package var repeats = 0
    /// Whether an attempt's outcome was never learned: the destination may have accepted these members.
    package var mayBeAccepted = false
    /// Whether an attempt was under way when its process died: nobody saw its end.
    var isInterrupted = false
    /// When the first of an unbroken row of failed attempts ended, in monotonic milliseconds.
    var failingSince: Int64?
    /// Not to be sent before this monotonic time.
    var notBefore: Int64 = 0
    /// How it stands on record while nothing of it is on the wire and it may have been accepted.
    var openState: BatchState { isInterrupted ? .sending : .unknown }

    init(id: Int, range: Range<Int>) {
        self.id = id
        self.range = range
    }
}

/// How far a part of a plan has come; what is durable of it.
package enum BatchState: String, Sendable, Codable, CaseIterable {
    /// A request that may contain it is, or was at the last moment known, on the wire.
    case sending
    /// An attempt ended and nobody knows how.
    case unknown
    case accepted
    case rejected
}

/// What sending a plan taught about the size of requests; remembered for the destination.
package enum SizeLesson: Sendable, Equatable {
    case nothing
    /// More members than these were too large for one request.
    case tooLarge(countLimit: Int)
    /// As many members as the limit allows were accepted in one request: more may be as well.
    case filled
}

extension DeliveryCounts {
    /// What the records of an earlier execution of the same run say; they are the truth of it.
    mutating func resume(from records: [BatchRecord]) {
        sent = records.filter { $0.attempts > 0 }.reduce(0) { $0 + $1.range.count }
        accepted = records.filter { $0.state == .accepted }.reduce(0) { $0 + $1.range.count }
        rejected = records.filter { $0.state == .rejected }.reduce(0) { $0 + $1.range.count }
    }
}

/// A durable fact about a part of a plan.
package struct BatchRecord: Hashable, Sendable {
    package var range: Range<Int>
    package var state: BatchState
    /// The last answer's HTTP status, if there was one.
    package var httpStatus: Int?
    package var attempts: Int
    /// Names the request in lists: `run.piece`.
    package var request: String
    package var reason: String?
    package var at: Instant

    package init(
        range: Range<Int>, state: BatchState, httpStatus: Int? = nil, attempts: Int, request: String,
        reason: String? = nil, at: Instant
    ) {
        self.range = range
        self.state = state
        self.httpStatus = httpStatus
        self.attempts = attempts
        self.request = request
        self.reason = reason
        self.at = at
    }
}

extension [BatchRecord] {
    /// What an earlier execution left as being sent. It may have been sending until just now, however long ago it began (a
    /// machine that was suspended goes on where it was), so the time from which these are in doubt is now.
    /// - Parameter now: when they were found.
    package func foundInFlight(at now: Instant) -> [BatchFact] {
        filter { $0.state == .sending }.map { record in
            var found = record
            found.at = now
            return .put(found)
        }
    }
}

/// What must become durable before anything that follows from it is done.
package enum BatchFact: Hashable, Sendable {
    case put(BatchRecord)
    /// Forget the record that starts here: its members were certainly not accepted, or stand in other records now.
    case remove(first: Int)
}

/// What the sending loop is to do next.
package enum DeliveryStep: Sendable, Equatable {
    /// Word as many members of this range as fit in a request and report them with `cut`.
    case cut(Range<Int>)
    /// Word exactly these again.
    case resend(Piece)
    /// Nothing to start before this monotonic time (nil: before an answer arrives).
    case wait(until: Int64?)
    case finished(SendingEnd)
}

/// Decides what of a plan is sent next, again, in halves, or no more. Pure: no clock, no I/O, no randomness; times are
/// monotonic milliseconds that the caller passes in.
///
/// Each member of a plan stands in exactly one of: `uncut`, a waiting piece, a piece in flight, or `settled`.
package struct DeliveryMachine: Sendable {
    /// Retrying is given up after this many milliseconds of unbroken failure.
    package let retryFor: Int64
    private let run: RunID
    /// Members from this position on wait until every one before it is accepted or rejected.
    private let barrier: Int
    private var uncut: [Range<Int>]
    private var waiting: [Piece] = []
    private var inFlight: [Int: Piece] = [:]
    private var settled: [(range: Range<Int>, accepted: Bool)]
    private var end: SendingEnd?
    private var nextPiece = 1
    private var stalledSince: Int64?
    /// Members per request at most; lowered after a 413.
    package private(set) var countLimit: Int
    private let firstCountLimit: Int
    /// What the limit was before the 413s that have not been explained by a single member yet.
    private var unexplainedLimit: Int?
    /// Members of the largest request that was accepted.
    private var largestAccepted = 0

    /// - Parameters:
    ///   - count: number of members in the plan.
    ///   - records: what is durable of an earlier execution of the same run, in any order.
    ///   - barrier: members from this position on are sent only once every one before it is accepted or rejected.
    package init(
        run: RunID, count: Int, records: [BatchRecord], retryFor: Int64, countLimit: Int = .max, barrier: Int = 0
    ) {
        self.run = run
        self.barrier = barrier
        self.retryFor = retryFor
        self.countLimit = max(1, countLimit)
        firstCountLimit = self.countLimit
        var cursor = 0
        uncut = []
        settled = []
        for record in records.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            if cursor < record.range.lowerBound { uncut.append(cursor..<record.range.lowerBound) }
            cursor = max(cursor, record.range.upperBound)
            switch record.state {
            case .accepted: settled.append((record.range, true))
            case .rejected: settled.append((record.range, false))
            case .sending, .unknown:
                var piece = Piece(id: nextPiece, range: record.range)
                piece.attempts = record.attempts
                piece.mayBeAccepted = true
                piece.isInterrupted = record.state == .sending
                waiting.append(piece)
            }
            nextPiece = max(nextPiece, Self.pieceNumber(of: record.request) + 1)
        }
        for index in waiting.indices {
            waiting[index].id = nextPiece
            nextPiece += 1
        }
        if cursor < count { uncut.append(cursor..<count) }
    }

    private static func pieceNumber(of request: String) -> Int {
        request.split(separator: ".").last.flatMap { Int($0) } ?? 0
    }

    /// Whether nothing new is to be sent: cancelled, or given up.
    package var isEnding: Bool { end != nil }
    package var isIdle: Bool { inFlight.isEmpty }
    package var flying: Int { inFlight.count }

    // MARK: - What next

    package mutating func next(now: Int64) -> DeliveryStep {
        giveUpIfStalled(now: now)
        if let end { return inFlight.isEmpty ? .finished(end) : .wait(until: nil) }
        if let index = waiting.indices.filter({ waiting[$0].notBefore <= now })
            .min(by: { waiting[$0].range.lowerBound < waiting[$1].range.lowerBound }) {
            return .resend(waiting[index])
        }
        if let range = uncut.first, let sendable = sendable(range) { return .cut(sendable) }
        if let soonest = waiting.map(\.notBefore).min() { return .wait(until: soonest) }
        return inFlight.isEmpty ? .finished(.complete) : .wait(until: nil)
    }

    /// What of an uncut range may go out now. Everything before the barrier stands in it, waits, or is settled.
    private func sendable(_ range: Range<Int>) -> Range<Int>? {
        if range.lowerBound < barrier { return range.lowerBound..<min(range.upperBound, barrier) }
        let isOpen = barrier == 0 || (waiting.allSatisfy { $0.range.lowerBound >= barrier }
            && inFlight.values.allSatisfy { $0.range.lowerBound >= barrier })
        return isOpen ? range : nil
    }

    /// The members that fitted into one request; they are in flight from now on.
    /// - Returns: the piece and the fact to store before its first byte leaves.
    package mutating func cut(_ range: Range<Int>, at now: Instant) -> (piece: Piece, fact: BatchFact) {
        takeFromUncut(range)
        let piece = Piece(id: nextPiece, range: range)
        nextPiece += 1
        return start(piece, at: now)
    }

    /// A waiting piece goes out again.
    package mutating func resend(_ piece: Piece, at now: Instant) -> (piece: Piece, fact: BatchFact) {
        waiting.removeAll { $0.id == piece.id }
        return start(piece, at: now)
    }

    /// A waiting piece that no longer fits into one request, because limits became smaller: only its first members
    /// go out, the rest waits.
    /// - Returns: the shorter piece, and the facts that keep the rest on record.
    package mutating func shorten(
        _ piece: Piece, to range: Range<Int>, at now: Instant
    ) -> (piece: Piece, facts: [BatchFact]) {
        guard let index = waiting.firstIndex(where: { $0.id == piece.id }), range.upperBound < piece.range.upperBound
        else { return (piece, []) }
        let facts = setAside(range.upperBound..<piece.range.upperBound, of: waiting[index], at: now)
        waiting[index].range = range
        return (waiting[index], facts)
    }

    /// Makes a part of a waiting piece a piece of its own, which stays on record when it may have been accepted.
    private mutating func setAside(_ range: Range<Int>, of piece: Piece, at now: Instant) -> [BatchFact] {
        var rest = piece
        rest.id = nextPiece
        nextPiece += 1
        rest.range = range
        rest.repeats = 0
        waiting.append(rest)
        return rest.mayBeAccepted
            ? [.put(record(of: rest, state: rest.openState, attempts: rest.attempts, at: now))] : []
    }

    /// A member that no request could carry; it is rejected without being sent.
    package mutating func refuse(at index: Int, reason: String, at now: Instant) -> [BatchFact] {
        var facts: [BatchFact] = []
        if let position = waiting.firstIndex(where: { $0.range.lowerBound == index }) {
            let piece = waiting.remove(at: position)
            if piece.range.count > 1 {
                facts = setAside((index + 1)..<piece.range.upperBound, of: piece, at: now)
            }
        } else {
            takeFromUncut(index..<(index + 1))
        }
        settled.append((index..<(index + 1), false))
        facts.append(.put(BatchRecord(
            range: index..<(index + 1), state: .rejected, attempts: 0, request: "\(run).0", reason: reason, at: now)))
        return facts
    }

    private mutating func takeFromUncut(_ range: Range<Int>) {
        guard let first = uncut.first, first.lowerBound == range.lowerBound else { return }
        if range.upperBound < first.upperBound {
            uncut[0] = range.upperBound..<first.upperBound
        } else {
            uncut.removeFirst()
        }
    }

    private mutating func start(_ piece: Piece, at now: Instant) -> (piece: Piece, fact: BatchFact) {
        inFlight[piece.id] = piece
        return (piece, .put(record(of: piece, state: .sending, attempts: piece.attempts + 1, at: now)))
    }

    private func record(
        of piece: Piece, state: BatchState, status: Int? = nil, attempts: Int, reason: String? = nil, at now: Instant
    ) -> BatchRecord {
        BatchRecord(
            range: piece.range, state: state, httpStatus: status == 0 ? nil : status, attempts: attempts,
            request: "\(run).\(piece.id)", reason: reason, at: now)
    }

    // MARK: - Answers

    /// What one attempt came to.
    /// - Returns: the facts to store; nothing that depends on them may be shown or done before they are durable.
    package mutating func answer(
        _ id: Int, with outcome: DeliveryOutcome, startedAt: Int64? = nil, now: Int64, at instant: Instant
    ) -> [BatchFact] {
        guard var piece = inFlight.removeValue(forKey: id) else { return [] }
        piece.attempts += 1
        piece.repeats += 1
        // The time of the failing attempt itself counts against `retryFor`.
        let startedAt = startedAt ?? now
        if case .partly = outcome { piece.mayBeAccepted = true }
        switch outcome.whole {
        case .accepted(let status, let rejected):
            stalledSince = nil
            return accept(piece, status: status, rejected: rejected, at: instant)
        case .refused(let status, let reason):
            stalledSince = nil
            return split(piece, status: status, reason: reason, at: instant)
        case .tooLarge(let status, let reason):
            stalledSince = nil
            noteTooLarge(piece.range.count)
            return split(piece, status: status, reason: reason, at: instant)
        case .blocked(let status, let reason):
            end = end ?? .gaveUp(reason)
            return park(piece, status: status, reason: reason, at: instant)
        case .notAccepted(let status, let reason, let retryAfter):
            delay(&piece, retryAfter: retryAfter, reason: reason, startedAt: startedAt, now: now)
            return park(piece, status: status, reason: reason, at: instant)
        case .unknown(let status, let reason, let retryAfter):
            piece.mayBeAccepted = true
            delay(&piece, retryAfter: retryAfter, reason: reason, startedAt: startedAt, now: now)
            return park(piece, status: status, reason: reason, at: instant)
        case .partly:
            return park(piece, status: nil, reason: "answered in parts", at: instant)
        }
    }

    /// A 413 teaches the size of requests, unless as many members were accepted before, or in the end one alone was too
    /// large: then it was that one.
    private mutating func noteTooLarge(_ count: Int) {
        if count == 1 {
            countLimit = unexplainedLimit ?? countLimit
            unexplainedLimit = nil
        } else if count > largestAccepted {
            unexplainedLimit = unexplainedLimit ?? countLimit
            countLimit = min(countLimit, count / 2)
        }
    }

    /// What this run taught about the size of requests.
    package var sizeLesson: SizeLesson {
        if countLimit < firstCountLimit { return .tooLarge(countLimit: countLimit) }
        return largestAccepted >= firstCountLimit ? .filled : .nothing
    }

    private mutating func accept(
        _ piece: Piece, status: Int, rejected: [RefusedMessage], at now: Instant
    ) -> [BatchFact] {
        largestAccepted = max(largestAccepted, piece.range.count)
        var facts: [BatchFact] = []
        var cursor = piece.range.lowerBound
        let refused = rejected.filter { piece.range.indices.contains(piece.range.lowerBound + $0.index) }
            .sorted { $0.index < $1.index }
        func put(_ range: Range<Int>, _ state: BatchState, _ reason: String?) {
            var part = piece
            part.range = range
            facts.append(.put(record(
                of: part, state: state, status: status, attempts: piece.attempts, reason: reason, at: now)))
        }
        for message in refused {
            let index = piece.range.lowerBound + message.index
            guard index >= cursor else { continue }
            if cursor < index {
                put(cursor..<index, .accepted, nil)
                settled.append((cursor..<index, true))
            }
            put(index..<(index + 1), .rejected, message.reason)
            settled.append((index..<(index + 1), false))
            cursor = index + 1
        }
        if cursor < piece.range.upperBound {
            put(cursor..<piece.range.upperBound, .accepted, nil)
            settled.append((cursor..<piece.range.upperBound, true))
        }
        return facts
    }

    /// Halves a refused piece until the member that spoils it stands alone: at most 2·log₂ n further requests a
    /// bad member.
    private mutating func split(_ piece: Piece, status: Int, reason: String, at now: Instant) -> [BatchFact] {
        guard piece.range.count > 1 else {
            settled.append((piece.range, false))
            return [.put(record(
                of: piece, state: .rejected, status: status, attempts: piece.attempts, reason: reason, at: now))]
        }
        let middle = piece.range.lowerBound + piece.range.count / 2
        var facts: [BatchFact] = [.remove(first: piece.range.lowerBound)]
        for range in [piece.range.lowerBound..<middle, middle..<piece.range.upperBound] {
            var half = piece
            half.id = nextPiece
            nextPiece += 1
            half.range = range
            half.failingSince = nil
            half.repeats = 0
            half.notBefore = 0
            waiting.append(half)
            if half.mayBeAccepted {
                facts.append(.put(record(of: half, state: half.openState, status: status, attempts: piece.attempts, at: now)))
            }
        }
        return facts
    }

    /// Sets a piece aside. One that may have been accepted stays on record; one that certainly was not is forgotten.
    private mutating func park(_ piece: Piece, status: Int?, reason: String, at now: Instant) -> [BatchFact] {
        waiting.append(piece)
        guard piece.mayBeAccepted else { return [.remove(first: piece.range.lowerBound)] }
        return [.put(record(
            of: piece, state: piece.openState, status: status, attempts: piece.attempts, reason: reason, at: now))]
    }

    private mutating func delay(
        _ piece: inout Piece, retryAfter: RetryAfter?, reason: String, startedAt: Int64, now: Int64
    ) {
        let since = piece.failingSince ?? startedAt
        piece.failingSince = since
        let deadline = since + retryFor
        let pause = retryAfter?.milliseconds ?? Backoff.milliseconds(attempt: piece.repeats, salt: piece.id)
        if now >= deadline || (retryAfter != nil && now + pause > deadline) {
            end = end ?? .gaveUp(reason)
        }
        piece.notBefore = min(now + pause, max(deadline, now))
    }

    /// A piece that was announced but whose request never started.
    package mutating func withdraw(_ id: Int, at now: Instant) -> [BatchFact] {
        guard let piece = inFlight.removeValue(forKey: id) else { return [] }
        return park(piece, status: nil, reason: "not sent", at: now)
    }

    // MARK: - Stopping and standing still

    /// Sends nothing new; what is on the wire finishes.
    package mutating func cancel(_ reason: String) {
        end = .cancelled(reason)
    }

    /// Ends retrying, as when the destination was found blocked by another run.
    package mutating func giveUp(_ reason: String) {
        end = end ?? .gaveUp(reason)
    }

    /// The destination takes nothing just now (its breaker is open, or it asked to wait).
    package mutating func stall(now: Int64) {
        stalledSince = stalledSince ?? now
    }

    /// Time passed while everything was frozen does not count against `retryFor`.
    package mutating func resume(afterFrozen milliseconds: Int64) {
        stalledSince = stalledSince.map { $0 + milliseconds }
        for index in waiting.indices {
            waiting[index].failingSince = waiting[index].failingSince.map { $0 + milliseconds }
        }
        inFlight = inFlight.mapValues { piece in
            var later = piece
            later.failingSince = piece.failingSince.map { $0 + milliseconds }
            return later
        }
    }

    private mutating func giveUpIfStalled(now: Int64) {
        if let stalledSince, now - stalledSince >= retryFor {
            end = end ?? .gaveUp("the destination took nothing for \(retryFor / 1000) s")
        }
    }

    // MARK: - What became of the plan

    /// Every part of the plan that is accepted, rejected, or of unknown outcome; what is missing was never sent.
    package func outcomes() -> [(range: Range<Int>, state: BatchState)] {
        var all: [(range: Range<Int>, state: BatchState)] = settled.map { ($0.range, $0.accepted ? .accepted : .rejected) }
        all += waiting.filter(\.mayBeAccepted).map { ($0.range, .unknown) }
        all += inFlight.values.map { ($0.range, .unknown) }
        return all.sorted { $0.range.lowerBound < $1.range.lowerBound }
    }
}
