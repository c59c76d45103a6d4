import Foundation

/// What an `Authorization` header says.
enum Authorization: Equatable {
    /// Basic with this write key, as Segment wants it: base64 of `key:`.
    case key([UInt8])
    /// An OAuth token; the write key is in the body then.
    case bearer
    /// Basic without the colon, without a key, or not base64; or another scheme.
    case malformed

    init(_ header: String) {
        let parts = header.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard parts.count == 2 else {
            self = .malformed
            return
        }
        let value = parts[1].trimmingCharacters(in: .whitespaces)
        switch parts[0].lowercased() {
        case "bearer":
            self = .bearer
        case "basic":
            guard let decoded = Data(base64Encoded: value), let colon = decoded.firstIndex(of: UInt8(ascii: ":")),
                colon > decoded.startIndex
            else {
                self = .malformed
                return
            }
            self = .key(Array(decoded[..<colon]))
        default:
            self = .malformed
        }
    }
}
