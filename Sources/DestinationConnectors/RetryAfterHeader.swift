import HTTPClient
import Scheduling
import SyncEngine

/// How long a server asks us to wait, always within 1…300 s: a wrong clock or a hostile server can neither stop a
/// destination for a year nor make it a busy loop.
enum RetryAfterHeader {
    /// `Retry-After` as seconds or as a date (RFC 9110 §10.2.3); nil when absent or neither.
    static func value(in headers: HTTPHeaders, now: Instant) -> RetryAfter? {
        headers["Retry-After"].flatMap { parse($0, now: now) }
    }

    /// `X-RateLimit-Reset`, seconds at Segment, seconds since 1970 elsewhere; nil when absent or no number.
    static func rateLimitReset(in headers: HTTPHeaders, now: Instant) -> RetryAfter? {
        guard let text = headers["X-RateLimit-Reset"], let seconds = seconds(Array(text.utf8)) else { return nil }
        let isDate = seconds >= 1_000_000_000 && seconds < Int64.max / 1000
        return clamped(isDate ? seconds - now.seconds : seconds)
    }

    static func parse(_ text: String, now: Instant) -> RetryAfter? {
        let bytes = Array(text.utf8.drop { $0 == 0x20 || $0 == 0x09 })
        let end = bytes.lastIndex { $0 != 0x20 && $0 != 0x09 }.map { $0 + 1 } ?? 0
        let trimmed = Array(bytes[..<end])
        if let seconds = seconds(trimmed) { return clamped(seconds) }
        return HTTPDate.seconds(trimmed).map { clamped($0 - now.seconds) }
    }

    /// A whole number, negative or too large for any integer included; the latter counts as the largest.
    private static func seconds(_ text: [UInt8]) -> Int64? {
        let isNegative = text.first == UInt8(ascii: "-")
        let digits = text.dropFirst(isNegative ? 1 : 0)
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        if isNegative { return -1 }
        return Int64(String(decoding: digits, as: UTF8.self)) ?? .max
    }

    private static func clamped(_ seconds: Int64) -> RetryAfter {
        RetryAfter(milliseconds: min(max(seconds, 1), 300) * 1000)
    }
}
