/// What becomes of one member in a plan.
package enum ChangeVerdict: Sendable, Equatable {
    /// Nothing is owed.
    case nothing
    /// The destination knows already that this is a member.
    case unchanged
    /// A leave that the sync does not tell.
    case ignored
    /// Owed, but a person said not to send it.
    case dismissed
    /// Owed, but an attempt of unknown outcome may still be on its way.
    case settling
    /// A leave that unreadable rows keep back.
    case withheld
    /// `earlier` is the attempt that is repeated; nil for the plan's own.
    case send(entered: Bool, kind: ChangeKind, earlier: Attempt?)
}

extension Told {
    /// Whether the last attempt told the other value.
    fileprivate func isOpposite(of entered: Bool) -> Bool {
        switch self {
        case .never: false
        case .yes: !entered
        case .no: entered
        case .unknown(_, let attempted, _): attempted != entered
        }
    }
}

/// The rule of changes under one request's policy (PRODUCT.md §4 and §5): decides about each member alone, from the
/// snapshot and the ledger.
package struct ChangePolicy: Sendable {
    private let withholdsLeaves: Bool
    private let ignoresLeaves: Bool
    private let leavesOnly: Bool
    private let startsAnew: Bool
    /// Whether what is known already is told again.
    package let isFull: Bool

    package init(_ request: PlanRequest) {
        // What a person asks for member by member is told; the sync's everyday policy does not stand against that.
        let isEveryday = request.mode == .changes || request.mode == .full
        withholdsLeaves = request.withholdsLeaves && isEveryday
        ignoresLeaves = request.ignoresLeaves && isEveryday
        isFull = request.mode == .full
        leavesOnly = request.leavesOnly
        startsAnew = request.startsAnew
    }

    /// - Parameters:
    ///   - isIn: whether the member is in the snapshot.
    ///   - isDismissed: whether a person dismissed the change to this value for the member.
    ///   - isInDoubt: whether an earlier attempt for the member may still arrive.
    @inline(__always)
    package func verdict(
        isIn: Bool, told: Told, isDismissed: (_ entered: Bool) -> Bool, isInDoubt: () -> Bool
    ) -> ChangeVerdict {
        switch ChangeRule.due(isIn: isIn, told: told, isFull: isFull, ignoresLeaves: ignoresLeaves) {
        case .nothing: return .nothing
        case .unchanged: return .unchanged
        case .ignored: return .ignored
        case .change(let entered, let kind, let earlier):
            if entered, leavesOnly { return .nothing }
            if isDismissed(entered) { return .dismissed }
            if startsAnew || told.isOpposite(of: entered), isInDoubt() { return .settling }
            if !entered, withholdsLeaves { return .withheld }
            return .send(entered: entered, kind: kind, earlier: earlier)
        }
    }
}
