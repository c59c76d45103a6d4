extension Plan {
    /// Makes the plan that takes an earlier one back, in one pass over it and the ledger: the opposite of every change
    /// that was accepted, for members who are still told what it told them and whom no later plan names.
    ///
    /// - Parameters:
    ///   - plan: the plan to be undone.
    ///   - outcomes: what became of its changes, as for `Ledger.applying`.
    ///   - later: the sync's plans since, in any order. Each takes about half a MiB of memory meanwhile.
    ///   - request: its mode should be ``PlanMode/undo``. Dismissals count; what the sync does about leaves does not.
    ///   - path: where the plan goes; it appears there whole or not at all.
    /// - Throws: ``StateFileError`` when a file is damaged or the plan cannot be written.
    package static func undoing(
        _ plan: Plan, outcomes: [OutcomeRange], later: [Plan], ledger: Ledger, request: PlanRequest, at path: String
    ) throws(StateFileError) -> Plan {
        var request = request
        request.mode = .undo
        var inversion = Inversion(
            writer: try PlanWriter(request, ledger, at: path), outcomes: OutcomeCursor(outcomes), later: [])
        for plan in later { inversion.later.append(try LaterPlan(plan)) }
        try inversion.merge(ledger.stream(), RecordStream(plan.file))
        inversion.writer.summary.retained = ledger.members - inversion.writer.summary.left
        return try inversion.writer.finish()
    }
}

/// The merge that undoes a plan: left the ledger, right the plan.
private struct Inversion: MergeVisitor {
    var writer: PlanWriter
    var outcomes: OutcomeCursor
    var later: [LaterPlan]

    mutating func onlyLeft(_ ledger: RecordStream, _ index: Int) {}

    /// Accepted and yet not in the ledger: somebody was removed from it since, so there is nothing to take back.
    mutating func onlyRight(_ changes: RecordStream, _ index: Int) {}

    mutating func both(
        _ ledger: RecordStream, _ ledgerIndex: Int, _ changes: RecordStream, _ changeIndex: Int
    ) throws(StateFileError) {
        guard outcomes.outcome(of: changes.firstRecord + changeIndex) == .accepted else { return }
        let entered = changes.entered(changeIndex)
        let told = ledger.told(ledgerIndex)
        guard told == (entered ? .yes : .no) else { return }
        let code = changes.code(changeIndex)
        let hash = changes.hashes[changeIndex]
        for index in later.indices where try later[index].names(code, hash: hash) { return }
        try writer.settle(code, hash: hash, isIn: !entered, told: told)
    }
}

/// A plan that is asked, in the order of state files, whom it names.
private struct LaterPlan {
    private let stream: RecordStream
    private var index = 0
    private var isAtEnd: Bool

    init(_ plan: Plan) throws(StateFileError) {
        stream = try RecordStream(plan.file)
        isAtEnd = try !stream.advance()
    }

    mutating func names(_ code: MemberCode, hash: UInt64) throws(StateFileError) -> Bool {
        while !isAtEnd {
            while index < stream.count, isBefore(code, hash) { index += 1 }
            if index < stream.count { return stream.hashes[index] == hash && stream.code(index).equals(code) }
            isAtEnd = try !stream.advance()
            index = 0
        }
        return false
    }

    private func isBefore(_ code: MemberCode, _ hash: UInt64) -> Bool {
        let own = stream.hashes[index]
        return own == hash ? stream.code(index).precedes(code) : own < hash
    }
}
