import CCrypto
import Scheduling

/// Sixteen random bytes drawn with a plan. With the install, the sync, the trait and the member they make the message
/// id, so the same attempt always has the same id and every later transition another (PRODUCT.md §4).
package struct PlanNonce: Hashable, Sendable, CustomStringConvertible {
    /// The bytes in order, as two big-endian words.
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Takes exactly sixteen bytes; nil for any other number.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        high = bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes[8...].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// A nonce from the system's random source; nil when that fails.
    package static func random() -> PlanNonce? {
        var bytes = [UInt8](repeating: 0, count: 16)
        guard ccrypto_random(&bytes, bytes.count) == 0 else { return nil }
        return PlanNonce(bytes: bytes)
    }

    /// Calls `body` with the sixteen bytes, valid during the call.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: (high.bigEndian, low.bigEndian), body)
    }

    /// 32 hex digits.
    package var description: String {
        withBytes { Hexadecimal.text($0) }
    }
}

/// Identifies one attempt to tell somebody: message id and timestamp derive from it, the same however often it is sent.
package struct Attempt: Hashable, Sendable {
    package var nonce: PlanNonce
    package var timestamp: Instant

    package init(nonce: PlanNonce, timestamp: Instant) {
        self.nonce = nonce
        self.timestamp = timestamp
    }
}

/// What a destination was told about one member.
package enum Told: Hashable, Sendable {
    /// Nothing, as far as is known.
    case never
    /// `true`.
    case yes
    /// `false`.
    case no
    /// An attempt to tell `attempted` had an outcome that was never learned; before it, `last` had been told with
    /// certainty, nil for nothing.
    case unknown(last: Bool?, attempted: Bool, attempt: Attempt)

    /// What was told last with certainty; nil for nothing.
    package var lastCertain: Bool? {
        switch self {
        case .never: nil
        case .yes: true
        case .no: false
        case .unknown(let last, _, _): last
        }
    }

    /// Whether the outcome of the last attempt was never learned.
    package var isUnknown: Bool {
        if case .unknown = self { true } else { false }
    }

    /// Whether this counts as a member in the ledger's books.
    package var isMember: Bool { lastCertain == true }
}
