/// Members for whom an attempt was made whose outcome was not learned at once, and which may therefore still be on its
/// way. Kept as order hashes: of two members that share one, both are in doubt, which only delays.
package struct DoubtfulMembers: Sendable {
    private var hashes: Set<UInt64> = []
    /// So many that they are no longer told apart.
    private var isEveryone = false

    /// Beyond this many, everybody is in doubt: 16 MB at most.
    package static let capacity = 1_000_000

    package init() {}

    package var isEmpty: Bool { hashes.isEmpty && !isEveryone }

    /// - Parameter member: an id's bytes, as a state file holds them.
    package mutating func insert(_ member: UnsafeRawBufferPointer) {
        guard !isEveryone else { return }
        hashes.insert(OwnedCode(MemberID(trusted: member)).hash)
        if hashes.count > Self.capacity { insertEveryone() }
    }

    /// Nobody can be told apart.
    package mutating func insertEveryone() {
        isEveryone = true
        hashes = []
    }

    /// - Parameter hash: the order hash of the member's code.
    @inline(__always)
    func contains(hash: UInt64) -> Bool {
        isEveryone || (!hashes.isEmpty && hashes.contains(hash))
    }
}
