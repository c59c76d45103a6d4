/// Reads the members of a ledger one by one, in file order, for listings whose reader may be slow.
package struct LedgerReader {
    private let stream: RecordStream?
    private var index = 0

    init(_ stream: RecordStream?) {
        self.stream = stream
    }

    /// The next member who is told `true`, an unknown counting as last told with certainty; nil at the end.
    package mutating func next() throws(StateFileError) -> MemberID? {
        guard let stream else { return nil }
        while true {
            while index < stream.count {
                defer { index += 1 }
                guard stream.told(index).isMember else { continue }
                return MemberID(trusted: stream.code(index).bytes(unpackingTo: stream.text))
            }
            guard try stream.advance() else { return nil }
            index = 0
        }
    }
}

extension Ledger {
    /// A reader at the first member. Readers of one ledger are independent.
    package func memberReader() throws(StateFileError) -> LedgerReader {
        LedgerReader(try stream())
    }
}
