extension Snapshot {
    /// Whether a member is in the snapshot. Reads one block, two when equal hashes straddle a border.
    package func contains(_ member: MemberID) throws(StateFileError) -> Bool {
        let stream = try RecordStream(file)
        return try stream.find(OwnedCode(member)) != nil
    }
}

extension Ledger {
    /// Whether a dismissed change would still be owed to its member: membership has not changed since. When it is not
    /// any more, the dismissal is over, and a later change of the member is sent again (PRODUCT.md §1, *rejected*).
    /// - Parameter snapshot: nil for an empty one.
    package func stillOwes(
        _ change: DismissedMember, snapshot: Snapshot?
    ) throws(StateFileError) -> Bool {
        let isIn = try snapshot?.contains(change.member) ?? false
        let told = try told(change.member)
        guard case .change(let entered, _, _) = ChangeRule.due(
            isIn: isIn, told: told, isFull: false, ignoresLeaves: false)
        else { return false }
        return entered == change.entered
    }
}
