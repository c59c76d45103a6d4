/// Changes of one plan that were accepted, as they bear on who was a member at an earlier moment.
package struct AcceptedChanges: Sendable {
    package var plan: Plan
    /// The accepted positions, sorted and not overlapping.
    package var accepted: [Range<Int>]

    package init(plan: Plan, accepted: [Range<Int>]) {
        self.plan = plan
        self.accepted = accepted
    }
}

/// Who was a member at an earlier moment, read in one pass over a ledger and the changes that lie between, all in the
/// one order of state files.
///
/// Two ways lead there. *Backward* from the ledger of now: of a member's changes since that moment the earliest says
/// what was before it. *Forward* from nothing: of a member's changes until that moment the latest says what was told.
package struct PastMembership {
    /// Which way the changes are read.
    package enum Direction: Sendable {
        case backward, forward
    }

    /// How many plans can be read side by side: each keeps a file open.
    package static let planLimit = 4_000

    private let direction: Direction
    private let ledger: RecordStream?
    private var ledgerIndex = 0
    private var isLedgerAtEnd: Bool
    private var changes: [ChangeCursor] = []

    /// - Parameter changes: the one that decides first: backward the oldest first, forward the newest first. At most
    ///   ``planLimit``.
    package init(
        _ direction: Direction, from ledger: Ledger, changes: [AcceptedChanges]
    ) throws(StateFileError) {
        self.direction = direction
        self.ledger = try ledger.stream()
        isLedgerAtEnd = try !(self.ledger?.advance() ?? false)
        for change in changes { self.changes.append(try ChangeCursor(change)) }
    }

    /// The next member, in the order of state files; nil at the end.
    package mutating func next() throws(StateFileError) -> MemberID? {
        while true {
            guard let (member, hash) = smallest() else { return nil }
            let code = OwnedCode(member)
            var isMember = false
            if try ledgerNames(code, hash) { isMember = ledger?.told(ledgerIndex).isMember ?? false }
            try skipLedger(code, hash)
            var verdict: Bool?
            for index in changes.indices {
                guard let change = try changes[index].take(code, hash), verdict == nil else { continue }
                verdict = Self.verdict(change, direction)
            }
            if verdict ?? isMember { return member }
        }
    }

    /// What one accepted change says about the moment; nil when it moved no count.
    private static func verdict(_ change: (kind: ChangeKind, entered: Bool), _ direction: Direction) -> Bool? {
        switch direction {
        case .forward: change.entered
        case .backward: change.kind == .reasserted ? nil : change.kind == .left
        }
    }

    /// The first member that any of the files still has, with its hash.
    private func smallest() -> (member: MemberID, hash: UInt64)? {
        var found: (stream: RecordStream, index: Int)?
        if let ledger, !isLedgerAtEnd { found = (ledger, ledgerIndex) }
        for cursor in changes {
            guard let index = cursor.current else { continue }
            if let best = found {
                let (own, other) = (cursor.stream.hashes[index], best.stream.hashes[best.index])
                let isBefore = own == other
                    ? cursor.stream.code(index).precedes(best.stream.code(best.index)) : own < other
                guard isBefore else { continue }
            }
            found = (cursor.stream, index)
        }
        guard let found else { return nil }
        let member = found.stream.code(found.index).member(unpackingTo: found.stream.text)
        return (member, found.stream.hashes[found.index])
    }

    private func ledgerNames(_ code: OwnedCode, _ hash: UInt64) throws(StateFileError) -> Bool {
        guard let ledger, !isLedgerAtEnd, ledger.hashes[ledgerIndex] == hash else { return false }
        return code.withCode { ledger.code(ledgerIndex).equals($0) }
    }

    private mutating func skipLedger(_ code: OwnedCode, _ hash: UInt64) throws(StateFileError) {
        guard try ledgerNames(code, hash), let ledger else { return }
        ledgerIndex += 1
        guard ledgerIndex == ledger.count else { return }
        isLedgerAtEnd = try !ledger.advance()
        ledgerIndex = 0
    }
}

/// The accepted changes of one plan, one after the other.
private struct ChangeCursor {
    let stream: RecordStream
    /// Index in the loaded block; nil at the end.
    private(set) var current: Int?
    private var accepted: ArraySlice<Range<Int>>

    init(_ changes: AcceptedChanges) throws(StateFileError) {
        stream = try RecordStream(changes.plan.file)
        accepted = changes.accepted[...]
        current = try stream.advance() ? 0 : nil
        try skipToAccepted()
    }

    /// Takes the change of this member if it is the next one.
    mutating func take(
        _ code: OwnedCode, _ hash: UInt64
    ) throws(StateFileError) -> (kind: ChangeKind, entered: Bool)? {
        guard let index = current, stream.hashes[index] == hash,
            code.withCode({ stream.code(index).equals($0) })
        else { return nil }
        let entered = stream.entered(index)
        let kind: ChangeKind = stream.states[index] < 2
            ? (entered ? .entered : .left) : ChangeDetail(stream.detail(index)).kind
        try step()
        try skipToAccepted()
        return (kind, entered)
    }

    private mutating func step() throws(StateFileError) {
        guard let index = current else { return }
        if index + 1 < stream.count {
            current = index + 1
        } else {
            current = try stream.advance() ? 0 : nil
        }
    }

    private mutating func skipToAccepted() throws(StateFileError) {
        while let index = current {
            let position = stream.firstRecord + index
            while let range = accepted.first, range.upperBound <= position { accepted.removeFirst() }
            guard let range = accepted.first else {
                current = nil
                return
            }
            if range.contains(position) { return }
            try step()
        }
    }
}
