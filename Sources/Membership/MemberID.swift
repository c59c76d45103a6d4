/// One user id: an exact string of 1…1,024 bytes of valid UTF-8. Never normalised, case-folded or trimmed, so two ids
/// are equal exactly when their bytes are.
package struct MemberID: Hashable, Sendable {
    /// Longest id, in bytes.
    package static let maximumCount = 1_024

    package let bytes: [UInt8]

    /// Takes bytes from outside.
    /// - Throws: ``MemberError`` when they are no id.
    package init(validating bytes: UnsafeRawBufferPointer) throws(MemberError) {
        switch MemberVerdict.of(bytes) {
        case .member: self.bytes = [UInt8](bytes)
        case .empty: throw .empty
        case .tooLong: throw .tooLong(bytes.count)
        case .invalidUTF8: throw .invalidUTF8
        }
    }

    /// Takes an id as a person typed it; nil when it is empty or too long.
    package init?(_ text: String) {
        let bytes = [UInt8](text.utf8)
        guard !bytes.isEmpty, bytes.count <= Self.maximumCount else { return nil }
        self.bytes = bytes
    }

    /// Bytes that a state file vouches for.
    init(trusted bytes: UnsafeRawBufferPointer) {
        self.bytes = [UInt8](bytes)
    }

    /// The id as text. For showing: two different ids can be canonically equal texts.
    package var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Why bytes are no id.
package enum MemberError: Error, Sendable, Equatable {
    case empty
    /// More than 1,024 bytes; how many.
    case tooLong(Int)
    case invalidUTF8
}

/// What bytes from outside are.
package enum MemberVerdict: Sendable, Equatable {
    case member
    /// No bytes: the row names nobody.
    case empty
    /// More than 1,024 bytes.
    case tooLong
    case invalidUTF8

    /// Judges bytes. The order of the tests is that of the cases: an overlong id is not looked at further.
    package static func of(_ bytes: UnsafeRawBufferPointer) -> MemberVerdict {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return .empty }
        if bytes.count > MemberID.maximumCount { return .tooLong }
        return UTF8Text.isValid(start, bytes.count) ? .member : .invalidUTF8
    }
}
