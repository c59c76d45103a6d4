import HTTPClient
import Scheduling
import SyncEngine

/// What one answer of a receiver of Segment's API means (reference/segment-tracking-api.md, "Retry rules").
///
/// | answer | outcome |
/// |---|---|
/// | 2xx | accepted, unless the body denies it, is HTML, is compressed or was cut: then unknown |
/// | 3xx | blocked; never followed |
/// | 400, 422, other 4xx | refused; a 400 that says `Exceed payload limit` is too large |
/// | 401, 403, 404, 405, 407 | blocked: key, address or a proxy, whatever the content |
/// | 413 | too large |
/// | 429 | not accepted; waits for `Retry-After`, `X-RateLimit-Reset` or 60 s |
/// | 408, 410, 425, 460, 5xx | unknown; waits for `Retry-After` when there is one |
/// | 501, 505, 511 | blocked: the reference does not retry them, and no batch can be split to avoid them |
/// | no request bytes sent | not accepted; blocked when the certificate or the request itself is at fault |
/// | anything later | unknown |
package enum SegmentRules {
    /// What is known after one exchange.
    /// - Parameters:
    ///   - now: the time of the answer, for a `Retry-After` that is a date.
    static func outcome(of exchange: HTTPExchange, now: Instant, redaction: Redaction) -> DeliveryOutcome {
        switch exchange {
        case .failure(let failure): outcome(of: failure, redaction)
        case .answer(let answer): outcome(of: answer, now, redaction)
        }
    }

    /// The same for text that holds no secret.
    package static func outcome(of exchange: HTTPExchange, now: Instant) -> DeliveryOutcome {
        outcome(of: exchange, now: now, redaction: .none)
    }

    // MARK: - Failures

    private static func outcome(of failure: HTTPFailure, _ redaction: Redaction) -> DeliveryOutcome {
        let reason = redaction.quote(failure.reason.utf8, limit: reasonLimit)
        if failure.isCertificateProblem || failure.isInvalidRequest { return .blocked(status: nil, reason: reason) }
        switch failure.stage {
        case .notSent: return .notAccepted(status: nil, reason: reason, retryAfter: nil)
        case .ambiguous: return .unknown(status: nil, reason: reason, retryAfter: nil)
        }
    }

    // MARK: - Answers

    private static let reasonLimit = 200
    private static let blockingStatuses: Set<Int> = [401, 403, 404, 405, 407, 501, 505, 511]
    private static let retriedStatuses: Set<Int> = [408, 410, 425, 460]
    /// What a 429 without a time is worth.
    private static let defaultWait = RetryAfter(milliseconds: 60_000)

    private static func outcome(of answer: HTTPAnswer, _ now: Instant, _ redaction: Redaction) -> DeliveryOutcome {
        let status = answer.status
        let wait = RetryAfterHeader.value(in: answer.headers, now: now)
        switch status {
        case 200..<300:
            guard let doubt = doubt(about: answer) else { return .accepted(status: status, rejected: []) }
            return .unknown(status: status, reason: reason(answer, redaction, note: doubt), retryAfter: wait)
        case 300..<400:
            return .blocked(status: status, reason: redirect(answer, redaction))
        case 429:
            let limited = wait ?? RetryAfterHeader.rateLimitReset(in: answer.headers, now: now) ?? defaultWait
            return .notAccepted(status: status, reason: reason(answer, redaction), retryAfter: limited)
        case 413:
            return .tooLarge(status: status, reason: reason(answer, redaction))
        case 400 where AnswerBody.saysPayloadTooLarge(answer.body):
            return .tooLarge(status: status, reason: reason(answer, redaction))
        case let status where blockingStatuses.contains(status):
            return .blocked(status: status, reason: reason(answer, redaction))
        case let status where retriedStatuses.contains(status):
            return .unknown(status: status, reason: reason(answer, redaction), retryAfter: wait)
        case 400..<500:
            return .refused(status: status, reason: reason(answer, redaction))
        default:
            return .unknown(status: status, reason: reason(answer, redaction), retryAfter: wait)
        }
    }

    /// Why an answer of success cannot be taken for one; nil when it can.
    private static func doubt(about answer: HTTPAnswer) -> String? {
        if answer.bodyTruncated { return "its body is too long to be read" }
        if answer.body.isEmpty { return nil }
        if let coding = answer.headers["Content-Encoding"], coding.lowercased() != "identity" {
            return "its body is compressed, which was not asked for"
        }
        if AnswerBody.isHTML(answer.body, contentType: answer.headers["Content-Type"]) { return "its body is HTML" }
        if AnswerBody.deniesSuccess(answer.body) { return "its body denies success" }
        return nil
    }

    private static func reason(_ answer: HTTPAnswer, _ redaction: Redaction, note: String? = nil) -> String {
        let opening = "answered \(answer.status)" + (note.map { ", but \($0)" } ?? "")
        let isReadable = answer.headers["Content-Encoding"].map { $0.lowercased() == "identity" } ?? true
        let quoted = isReadable ? redaction.quote(answer.body, limit: reasonLimit - opening.count - 3) : ""
        return quoted.isEmpty ? opening : "\(opening): \(quoted)"
    }

    private static func redirect(_ answer: HTTPAnswer, _ redaction: Redaction) -> String {
        guard let location = answer.headers["Location"] else { return "endpoint answered \(answer.status)" }
        let safe = String(decoding: redaction.removed(from: Array(location.utf8)), as: UTF8.self)
        let host = WebAddress.host(ofLocation: safe).map { QuotedText.quote($0, limit: 100) }
        return "endpoint answered redirect to \(host ?? "another path"), not followed"
    }

    // MARK: - Probe

    /// What an empty batch, which tells nothing about anybody, has shown.
    static func probe(_ exchange: HTTPExchange, url: String, milliseconds: Int64, redaction: Redaction) -> ProbeResult {
        switch outcome(of: exchange, now: Instant(milliseconds: 0), redaction: redaction) {
        case .partly: return ProbeResult(isReachable: false, detail: "\(url) answered in parts")
        case .accepted(let status, _):
            let proven = "an empty batch in \(milliseconds) ms; receivers that answer so to any key prove no key"
            return ProbeResult(isReachable: true, detail: "\(url) answered \(status) to \(proven)")
        case .refused(let status, _):
            let detail = "\(url) is there: it refused an empty batch (\(status)) in \(milliseconds) ms; key not proven"
            return ProbeResult(isReachable: true, detail: detail)
        case .notAccepted(429, _, _):
            return ProbeResult(isReachable: true, detail: "\(url) is there and asks to slow down (429)")
        case .tooLarge(_, let reason), .blocked(_, let reason), .notAccepted(_, let reason, _),
            .unknown(_, let reason, _):
            return ProbeResult(isReachable: false, detail: "\(url): \(reason)")
        }
    }
}
