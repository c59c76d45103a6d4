/// What is owed to one member, decided from the snapshot and the ledger alone (PRODUCT.md §4 and §5).
enum ChangeRule: Equatable {
    /// The destination knows it already, or never knew the member.
    case nothing
    /// The destination knows already that this is a member.
    case unchanged
    /// A leave that the sync does not tell.
    case ignored
    /// `earlier` is the attempt that is repeated; nil for the plan's own.
    case change(entered: Bool, kind: ChangeKind, earlier: Attempt?)

    /// - Parameters:
    ///   - isIn: whether the member is in the snapshot.
    ///   - isFull: whether what is known already is told again.
    @inline(__always)
    static func due(isIn: Bool, told: Told, isFull: Bool, ignoresLeaves: Bool) -> ChangeRule {
        isIn ? dueInside(told, isFull: isFull) : dueOutside(told, isFull: isFull, ignoresLeaves: ignoresLeaves)
    }

    private static func dueInside(_ told: Told, isFull: Bool) -> ChangeRule {
        switch told {
        case .never, .no:
            .change(entered: true, kind: .entered, earlier: nil)
        case .yes:
            isFull ? .change(entered: true, kind: .reasserted, earlier: nil) : .unchanged
        case .unknown(let last, let attempted, let attempt):
            // The same value keeps the attempt, the opposite value supersedes it.
            .change(
                entered: true, kind: last == true ? .reasserted : .entered, earlier: attempted ? attempt : nil)
        }
    }

    private static func dueOutside(_ told: Told, isFull: Bool, ignoresLeaves: Bool) -> ChangeRule {
        switch told {
        case .never:
            .nothing
        case .no:
            isFull ? .change(entered: false, kind: .reasserted, earlier: nil) : .nothing
        case .yes:
            ignoresLeaves ? .ignored : .change(entered: false, kind: .left, earlier: nil)
        case .unknown(let last, let attempted, let attempt):
            ignoresLeaves
                ? .ignored
                : .change(
                    entered: false, kind: last == true ? .left : .reasserted, earlier: attempted ? nil : attempt)
        }
    }
}
