/// The numbers of a plan: what the guards judge, what people approve, what the books start from.
package struct PlanSummary: Hashable, Sendable {
    /// Members of the snapshot that the plan was made from.
    package var snapshotMembers = 0
    /// Members of the ledger before, an unknown counting as last told with certainty.
    package var ledgerMembers = 0
    /// Changes that make the ledger grow by one each.
    package var entered = 0
    /// Changes that make the ledger shrink by one each.
    package var left = 0
    /// Members whom the destination knows already.
    package var unchanged = 0
    /// Changes that move no count: repeats of a full plan, unknowns settled back.
    package var reasserted = 0
    /// Changes to `false` that are not in the plan because rows could not be read.
    package var withheld = 0
    /// Leaves that the sync does not tell (`on_leave: ignore`).
    package var ignored = 0
    /// Changes that are not in the plan because a person dismissed them.
    package var dismissed = 0
    /// Members of the ledger who are still in the snapshot.
    package var retained = 0
    /// Total length of the ids in the plan, in bytes: with the number of changes it tells how much will be sent.
    package var idBytes = 0
    /// SHA-256 over the sync, its trait and the exact changes in order, nothing else, in 64 hex digits: the same
    /// changes have the same hash. It is what an approval names.
    package var hash = ""

    package init() {}

    /// Number of changes in the plan.
    package var changes: Int { entered + left + reasserted }

    /// The summary of the plan that an unchanged source would have: everybody told `true` is still in the snapshot, and
    /// nobody else is. For use after `SnapshotBuilder.matches`.
    package static func unchanged(_ ledger: Ledger, sync: String, trait: String) -> PlanSummary {
        var summary = PlanSummary()
        summary.snapshotMembers = ledger.members
        summary.ledgerMembers = ledger.members
        summary.unchanged = ledger.members
        summary.retained = ledger.members
        var hash = PlanHash(sync: sync, trait: trait)
        summary.hash = hash.finish()
        return summary
    }

    /// Every count, in the order of the file.
    static var countKeys: [WritableKeyPath<PlanSummary, Int>] {
        [
            \.snapshotMembers, \.ledgerMembers, \.entered, \.left, \.unchanged, \.reasserted, \.withheld, \.ignored,
            \.dismissed, \.retained, \.idBytes,
        ]
    }
}

/// The hash of a plan's changes while they are written. Fields have their lengths in front or a fixed length, so that
/// different plans never read as the same bytes.
struct PlanHash {
    private var hash = SHA256()
    private var staged: [UInt8] = []
    private static let stageCount = 64 * 1_024

    init(sync: String, trait: String) {
        var head = FieldWriter()
        head.put(Array("rollcall plan 1".utf8))
        head.put(Array(sync.utf8))
        head.put(Array(trait.utf8))
        hash.update(head.bytes)
        staged.reserveCapacity(Self.stageCount + 3 + MemberID.maximumCount)
    }

    /// Takes one change: the value, the length of the raw id (0 for a packed UUID) in two bytes, the code.
    mutating func add(_ code: MemberCode, entered: Bool) {
        staged.append(entered ? 1 : 0)
        staged.append(UInt8(truncatingIfNeeded: code.rawCount))
        staged.append(UInt8(truncatingIfNeeded: code.rawCount >> 8))
        staged.append(contentsOf: UnsafeRawBufferPointer(start: code.start, count: code.byteCount))
        if staged.count >= Self.stageCount { flush() }
    }

    private mutating func flush() {
        hash.update(staged)
        staged.removeAll(keepingCapacity: true)
    }

    /// 64 hex digits.
    mutating func finish() -> String {
        flush()
        return Hexadecimal.text(hash.digest())
    }
}
