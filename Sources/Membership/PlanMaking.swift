extension Plan {
    /// Makes a plan of a snapshot and a ledger in one pass over both and writes it, durably, to `path`.
    ///
    /// - Parameters:
    ///   - snapshot: nil for an empty one.
    ///   - path: where the plan goes; it appears there whole or not at all.
    /// - Throws: ``StateFileError`` when a file is damaged or the plan cannot be written. Nothing is left behind then.
    package static func make(
        snapshot: Snapshot?, ledger: Ledger, request: PlanRequest, at path: String
    ) throws(StateFileError) -> Plan {
        var writer = try PlanWriter(request, ledger, at: path)
        switch request.mode {
        case .undo:
            // Without the plan to be undone nothing is owed.
            writer.summary.retained = ledger.members
            return try writer.finish()
        case .baseline:
            writer.summary.snapshotMembers = snapshot?.members ?? 0
            return try writer.finish()
        case .explicit:
            try settleExplicitly(request.explicitChanges, ledger, &writer)
            writer.summary.retained = ledger.members - writer.summary.left
            return try writer.finish()
        case .changes, .full, .retire:
            let snapshot = request.mode == .retire ? nil : snapshot
            writer.summary.snapshotMembers = snapshot?.members ?? 0
            var difference = Difference(writer: writer)
            try difference.merge(snapshot.map { snapshot throws(StateFileError) in try RecordStream(snapshot.file) },
                ledger.stream())
            return try difference.writer.finish()
        }
    }

    /// Looks every wanted member up in the ledger while reading it once.
    private static func settleExplicitly(
        _ changes: [MemberChange], _ ledger: Ledger, _ writer: inout PlanWriter
    ) throws(StateFileError) {
        let wanted = WantedChange.inOrder(changes)
        let stream = try ledger.stream()
        var hasBlock = try stream?.advance() ?? false
        for change in wanted {
            var told = Told.never
            while let stream, hasBlock {
                let index = change.code.withCode { stream.lowerBound(hash: change.code.hash, $0) }
                if index == stream.count {
                    hasBlock = try stream.advance()
                    continue
                }
                if change.code.withCode({ stream.code(index).equals($0) }) { told = stream.told(index) }
                break
            }
            // A typed throw cannot leave the closure that lends the code.
            var failure: StateFileError?
            change.code.withCode { code in
                do throws(StateFileError) {
                    try writer.settle(code, hash: change.code.hash, isIn: change.entered, told: told)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
        }
    }
}

/// The merge that makes a plan: left the snapshot, right the ledger.
private struct Difference: MergeVisitor {
    var writer: PlanWriter

    @inline(__always)
    mutating func onlyLeft(_ snapshot: RecordStream, _ index: Int) throws(StateFileError) {
        try writer.settle(snapshot.code(index), hash: snapshot.hashes[index], isIn: true, told: .never)
    }

    @inline(__always)
    mutating func onlyRight(_ ledger: RecordStream, _ index: Int) throws(StateFileError) {
        try writer.settle(ledger.code(index), hash: ledger.hashes[index], isIn: false, told: ledger.told(index))
    }

    @inline(__always)
    mutating func both(
        _ snapshot: RecordStream, _ snapshotIndex: Int, _ ledger: RecordStream, _ ledgerIndex: Int
    ) throws(StateFileError) {
        if ledger.states[ledgerIndex] == 0, writer.leavesKnownAlone {
            writer.summary.unchanged &+= 1
            writer.summary.retained &+= 1
            return
        }
        let told = ledger.told(ledgerIndex)
        if told.isMember { writer.summary.retained += 1 }
        try writer.settle(ledger.code(ledgerIndex), hash: ledger.hashes[ledgerIndex], isIn: true, told: told)
    }
}

/// One explicit change, ready to be looked up.
private struct WantedChange {
    var code: OwnedCode
    var entered: Bool

    /// In the order of state files, the last of several for one member.
    static func inOrder(_ changes: [MemberChange]) -> [WantedChange] {
        var values: [MemberID: Bool] = [:]
        for change in changes { values[change.member] = change.entered }
        return values.map { WantedChange(code: OwnedCode($0), entered: $1) }.sorted { one, other in
            if one.code.hash != other.code.hash { return one.code.hash < other.code.hash }
            return one.code.withCode { first in other.code.withCode { first.precedes($0) } }
        }
    }
}
