import FlyingFox
import Foundation

/// A request's body, read with bounded memory.
enum BodyReader {
    /// Beyond this a body that is too large is not even read to be thrown away.
    static let drainedBytes = 64 * 1024 * 1024

    enum Body {
        case complete([UInt8])
        /// More than the limit. It was read to its end if `isDrained`; if not, the connection cannot go on.
        case tooLarge(bytes: Int, isDrained: Bool)
        /// It broke off, or its framing is wrong.
        case broken
    }

    /// Reads up to `limit` bytes; what comes after them is read and forgotten, so that the sender gets its answer.
    static func read(_ body: HTTPBodySequence, limit: Int) async -> Body {
        var bytes: [UInt8] = []
        if let count = body.count {
            guard count <= drainedBytes else { return .tooLarge(bytes: count, isDrained: false) }
            if count <= limit { bytes.reserveCapacity(count) }
        }
        var total = 0
        do {
            for try await chunk in body {
                total += chunk.count
                if total <= limit {
                    bytes += chunk
                } else {
                    bytes = []
                    guard total <= drainedBytes else { return .tooLarge(bytes: total, isDrained: false) }
                }
            }
        } catch {
            return .broken
        }
        if total > limit { return .tooLarge(bytes: total, isDrained: true) }
        if let count = body.count, total < count { return .broken }
        return .complete(bytes)
    }
}
