import HTTPClient
import Secrets

/// Takes a secret out of what a server sent back: it saw the key, and can quote it to us in any of the forms below.
struct Redaction: Sendable {
    private let patterns: [[UInt8]]

    /// Shorter pieces than this are no evidence of a secret and would blacken ordinary words.
    private static let shortest = 4

    static let none = Redaction(patterns: [])

    init(of secret: Secret) {
        self.init(patterns: Self.patterns(of: secret))
    }

    /// Takes out every one of several secrets.
    init(of secrets: [Secret]) {
        self.init(patterns: secrets.flatMap { Self.patterns(of: $0) })
    }

    private static func patterns(of secret: Secret) -> [[UInt8]] {
        let key = secret.reveal()
        var patterns = [key, Array(JSONText.escape(secret.revealText())), Self.percentEncoded(key)]
        patterns += [Self.hex(key, "0123456789abcdef"), Self.hex(key, "0123456789ABCDEF")]
        // In Base64 the key's digits depend on how many bytes stand before it; those at the ends mix with neighbours.
        for shift in 0..<3 {
            let digits = Array(Base64.encode([UInt8](repeating: 0, count: shift) + key).utf8)
            let first = (shift * 8 + 5) / 6
            let last = (shift + key.count) * 8 / 6
            patterns.append(first < last ? Array(digits[first..<last]) : [])
        }
        return patterns
    }

    private init(patterns: [[UInt8]]) {
        // Longest first, so that no form leaves the rest of a longer one standing.
        self.patterns = Set(patterns.filter { $0.count >= Self.shortest }).sorted { $0.count > $1.count }
    }

    /// Quotes server text within `limit` characters, without the secret.
    func quote(_ bytes: some Sequence<UInt8>, limit: Int) -> String {
        QuotedText.quote(removed(from: Array(bytes)), limit: limit)
    }

    /// The bytes with `<redacted>` wherever the secret stood. Must come before anything is cut out of them.
    func removed(from bytes: [UInt8]) -> [UInt8] {
        patterns.reduce(bytes) { Self.replace($1, in: $0) }
    }

    private static func replace(_ pattern: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= pattern.count else { return bytes }
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == pattern[0], bytes[index...].starts(with: pattern) {
                result += Array("<redacted>".utf8)
                index += pattern.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }

    private static func hex(_ bytes: [UInt8], _ digits: String) -> [UInt8] {
        let digits = Array(digits.utf8)
        return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }

    private static func percentEncoded(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: [byte]
            default: [0x25] + hex([byte], "0123456789ABCDEF")
            }
        }
    }
}
