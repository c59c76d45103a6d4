/// What became of some consecutive changes of a plan.
package struct OutcomeRange: Hashable, Sendable {
    /// Indices into the plan.
    package var range: Range<Int>
    package var outcome: ChangeOutcome

    package init(range: Range<Int>, outcome: ChangeOutcome) {
        self.range = range
        self.outcome = outcome
    }
}

/// What became of a planned change.
package enum ChangeOutcome: String, Sendable, CaseIterable {
    /// The destination answered success for it.
    case accepted
    /// The destination or a local limit refused it.
    case rejected
    /// It was attempted and nobody knows.
    case unknown
    /// It was never attempted.
    case unsent
}

extension Told {
    /// What has been told after an attempt with this outcome; nil when that stays as it was.
    /// - Parameter entered: the value that was attempted.
    @inline(__always)
    package func after(_ outcome: ChangeOutcome, entered: Bool, attempt: @autoclosure () -> Attempt) -> Told? {
        switch outcome {
        case .rejected, .unsent: nil
        case .accepted: entered ? .yes : .no
        case .unknown: .unknown(last: lastCertain, attempted: entered, attempt: attempt())
        }
    }
}

extension Ledger {
    /// The ledger after a plan's changes had these outcomes, written durably to `path`. What was accepted is told;
    /// what is unknown is recorded with its attempt; what was rejected or never sent stays as it was.
    ///
    /// - Parameters:
    ///   - outcomes: sorted and not overlapping; changes in gaps were not sent. Should they overlap all the same, the
    ///     range that starts first decides.
    ///   - path: where the new ledger goes. When nothing was accepted or unknown nothing is written, and the result is
    ///     `ledger` itself.
    /// - Throws: ``StateFileError`` when a file is damaged or the new one cannot be written.
    package static func applying(
        _ plan: Plan, to ledger: Ledger, outcomes: [OutcomeRange], at path: String
    ) throws(StateFileError) -> Ledger {
        let moves = outcomes.contains { outcome in
            (outcome.outcome == .accepted || outcome.outcome == .unknown)
                && !outcome.range.clamped(to: 0..<plan.count).isEmpty
        }
        guard moves else { return ledger }
        let stream = try ledger.stream()
        var update = LedgerUpdate(
            plan: plan, outcomes: outcomes, target: try LedgerTarget(ledger.books, path), ledger: stream)
        try update.merge(stream, RecordStream(plan.file))
        return try update.target.finish()
    }

    /// The ledger after a snapshot was recorded as told `true` without sending anything, written durably to `path`.
    /// Members of the ledger who are not in the snapshot stay as they are. An unknown in the snapshot stays unknown,
    /// because what was attempted must still be settled, but counts as a member from here on.
    package static func baseline(
        from snapshot: Snapshot, over ledger: Ledger, at path: String
    ) throws(StateFileError) -> Ledger {
        let stream = try ledger.stream()
        var update = BaselineUpdate(target: try LedgerTarget(ledger.books, path), ledger: stream)
        try update.merge(stream, RecordStream(snapshot.file))
        return try update.target.finish()
    }
}

/// A ledger being written from an older one. Runs of records that stay as they are move as a whole.
private struct LedgerTarget {
    private let writer: BlockWriter
    private var books: LedgerBooks
    private var kept = 0..<0

    init(_ books: LedgerBooks, _ path: String) throws(StateFileError) {
        self.books = books
        writer = try BlockWriter(path, .ledger)
    }

    /// Keeps a record of the older ledger.
    @inline(__always)
    mutating func keep(_ ledger: RecordStream, _ index: Int) throws(StateFileError) {
        if kept.upperBound != index || kept.isEmpty {
            try moveKept(ledger)
            kept = index..<index &+ 1
        } else {
            kept = kept.lowerBound..<index &+ 1
        }
    }

    /// Writes what was kept of the loaded block. Must be called before the block changes.
    mutating func moveKept(_ ledger: RecordStream) throws(StateFileError) {
        if !kept.isEmpty { try writer.append(kept, of: ledger) }
        kept = 0..<0
    }

    /// Writes a record that was `before` in the older ledger, after what was kept of `ledger`.
    mutating func put(
        _ code: MemberCode, hash: UInt64, _ told: Told, before: Told, after ledger: RecordStream?
    ) throws(StateFileError) {
        if let ledger { try moveKept(ledger) }
        books.remove(before, code, hash: hash)
        books.add(told, code, hash: hash)
        switch told {
        case .never: break
        case .yes: try writer.append(code, hash: hash, state: 0)
        case .no: try writer.append(code, hash: hash, state: 1)
        case .unknown(let last, let attempted, let attempt):
            let detail = UnknownDetail(last: last, attempted: attempted, attempt: attempt)
            try writer.append(code, hash: hash, unknown: detail)
        }
    }

    func finish() throws(StateFileError) -> Ledger {
        try Ledger(writer.finish(facts: books.facts))
    }
}

/// The merge that applies a plan: left the ledger, right the plan.
private struct LedgerUpdate: MergeVisitor {
    let plan: Plan
    var target: LedgerTarget
    private var outcomes: OutcomeCursor
    /// What is kept of its block goes before a record that only the plan has.
    private let ledger: RecordStream?

    init(
        plan: Plan, outcomes: [OutcomeRange], target: LedgerTarget, ledger: RecordStream?
    ) {
        self.plan = plan
        self.outcomes = OutcomeCursor(outcomes)
        self.target = target
        self.ledger = ledger
    }

    @inline(__always)
    mutating func onlyLeft(_ ledger: RecordStream, _ index: Int) throws(StateFileError) {
        try target.keep(ledger, index)
    }

    mutating func onlyRight(_ changes: RecordStream, _ index: Int) throws(StateFileError) {
        guard let told = told(changes, index, before: .never) else { return }
        try target.put(changes.code(index), hash: changes.hashes[index], told, before: .never, after: ledger)
    }

    mutating func both(
        _ ledger: RecordStream, _ ledgerIndex: Int, _ changes: RecordStream, _ changeIndex: Int
    ) throws(StateFileError) {
        let before = ledger.told(ledgerIndex)
        guard let told = told(changes, changeIndex, before: before) else {
            try target.keep(ledger, ledgerIndex)
            return
        }
        try target.put(
            changes.code(changeIndex), hash: changes.hashes[changeIndex], told, before: before, after: ledger)
    }

    mutating func leaveBlock(of ledger: RecordStream) throws(StateFileError) {
        try target.moveKept(ledger)
    }

    /// What a member of the plan has been told now; nil when that stays as it was.
    private mutating func told(_ changes: RecordStream, _ index: Int, before: Told) -> Told? {
        before.after(
            outcomes.outcome(of: changes.firstRecord + index), entered: changes.entered(index),
            attempt: changes.change(index, of: plan).attempt)
    }
}

/// The merge that records a snapshot as told: left the ledger, right the snapshot.
private struct BaselineUpdate: MergeVisitor {
    var target: LedgerTarget
    private let ledger: RecordStream?

    init(target: LedgerTarget, ledger: RecordStream?) {
        self.target = target
        self.ledger = ledger
    }

    @inline(__always)
    mutating func onlyLeft(_ ledger: RecordStream, _ index: Int) throws(StateFileError) {
        try target.keep(ledger, index)
    }

    mutating func onlyRight(_ snapshot: RecordStream, _ index: Int) throws(StateFileError) {
        try target.put(snapshot.code(index), hash: snapshot.hashes[index], .yes, before: .never, after: ledger)
    }

    mutating func both(
        _ ledger: RecordStream, _ ledgerIndex: Int, _ snapshot: RecordStream, _ index: Int
    ) throws(StateFileError) {
        let before = ledger.told(ledgerIndex)
        var told = Told.yes
        if case .unknown(_, let attempted, let attempt) = before {
            told = .unknown(last: true, attempted: attempted, attempt: attempt)
        }
        try target.put(snapshot.code(index), hash: snapshot.hashes[index], told, before: before, after: ledger)
    }

    mutating func leaveBlock(of ledger: RecordStream) throws(StateFileError) {
        try target.moveKept(ledger)
    }
}

/// Gives the outcome of each change, asked for in rising order.
struct OutcomeCursor {
    private let ranges: [OutcomeRange]
    private var next = 0

    init(_ outcomes: [OutcomeRange]) {
        ranges = outcomes.sorted { $0.range.lowerBound < $1.range.lowerBound }
    }

    @inline(__always)
    mutating func outcome(of index: Int) -> ChangeOutcome {
        while next < ranges.count, ranges[next].range.upperBound <= index { next += 1 }
        guard next < ranges.count, ranges[next].range.lowerBound <= index else { return .unsent }
        return ranges[next].outcome
    }
}
