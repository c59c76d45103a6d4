import Glibc
import HTTPClient
import Scheduling
import Secrets
import SyncEngine

/// Segment, and every receiver of its Tracking API: batches of messages to `POST {endpoint}/batch`.
package final class SegmentDestination: Destination {
    package let kind = "segment"
    package let address: String
    /// A request is there within the time that is waited for its answer.
    package var straggling: Int64 { Int64(settings.deadlineMilliseconds) }
    package let deduplicates: Bool

    private let settings: SegmentSettings
    private let transport: any HTTPTransport
    private let url: String
    private let authorization: String
    private let redaction: Redaction
    private let limits: MessageLimits
    /// What stands between the messages and the time of the attempt, and after it.
    private let beforeSentAt: [UInt8]
    private let afterSentAt: [UInt8]

    private static let opening = Array(#"{"batch":["#.utf8)

    package init(settings: SegmentSettings, transport: any HTTPTransport) {
        self.settings = settings
        self.transport = transport
        address = settings.endpoint.text
        deduplicates = settings.deduplicates
        let profile = settings.profile
        url = settings.endpoint.appending(path: profile.path(below: settings.endpoint.text))
        authorization = switch profile.authorization {
        case .basicOfKeyAndColon: "Basic " + Base64.encode(settings.writeKey.reveal() + [UInt8(ascii: ":")])
        case .basicOfEncodedKey: "Basic " + settings.writeKey.revealText()
        }
        redaction = Redaction(of: settings.writeKey)
        let context = profile.contextInBatch ? "\(AudienceWording.batchContext)," : ""
        beforeSentAt = Array("],\(context)\"sentAt\":\"".utf8)
        let key = profile.keyInBody
            ? Array(",\"writeKey\":\"".utf8) + JSONText.escape(settings.writeKey.revealText()) + Array("\"".utf8) : []
        afterSentAt = Array("\"".utf8) + key + Array("}".utf8)
        let envelope = Self.opening.count + beforeSentAt.count + TimestampText.count + afterSentAt.count
        limits = .of(profile, envelopeBytes: envelope)
    }

    package func encoder(for audience: Audience) -> any MessageEncoder {
        let wording = AudienceWording(audience, mode: settings.mode, hasContext: settings.profile.contextInItem)
        return AudienceEncoder(wording, limits: limits, framing: .commas)
    }

    package func deliver(_ batch: EncodedBatch, attempt: Int, sentAt: Instant) async -> DeliveryOutcome {
        guard batch.count > 0 else { return .accepted(status: 200, rejected: []) }
        // Beyond these the receiver answers 200 and drops what is too much; the encoder never gets there.
        guard batch.count <= limits.messages, batch.bytes.count <= limits.payloadBytes else {
            return .tooLarge(status: 0, reason: "the batch exceeds the documented limits and was not sent")
        }
        let began = Monotonic.milliseconds()
        let exchange = await transport.exchange(request(batch.bytes, attempt: attempt, sentAt: sentAt))
        let now = sentAt.advanced(milliseconds: Monotonic.milliseconds() &- began)
        if settings.profile.itemErrors == .namedInAnswer, case .answer(let answer) = exchange,
            (200..<300).contains(answer.status), !answer.bodyTruncated {
            switch ItemErrors.read(answer.body, sent: batch.bytes, redaction: redaction) {
            case .none: break
            case .refused(let refused): return .accepted(status: answer.status, rejected: refused)
            case .unclear(let doubt):
                return .unknown(status: answer.status, reason: "answered \(answer.status), but \(doubt)", retryAfter: nil)
            }
        }
        return SegmentRules.outcome(of: exchange, now: now, redaction: redaction)
    }

    package func probe() async -> ProbeResult {
        let began = Monotonic.milliseconds()
        var request = request([], attempt: 0, sentAt: Monotonic.wallClock())
        request.isCancellable = true
        let exchange = await transport.exchange(request)
        return SegmentRules.probe(
            exchange, url: url, milliseconds: Monotonic.milliseconds() &- began, redaction: redaction)
    }

    private func request(_ messages: [UInt8], attempt: Int, sentAt: Instant) -> HTTPRequest {
        var headers = [
            ("Content-Type", "application/json"), ("Authorization", authorization),
            // An answer that came compressed could not be read, and its refusal would pass unseen.
            ("Accept-Encoding", "identity"),
        ]
        headers += settings.profile.headers.map { ($0.name, $0.value) }
        if attempt > 0 { headers.append(("X-Retry-Count", String(attempt))) }
        let parts = [Self.opening, messages, beforeSentAt + TimestampText.text(of: sentAt) + afterSentAt]

        var request = HTTPRequest(method: "POST", url: url)
        request.deadlineMilliseconds = settings.deadlineMilliseconds
        request.bodyParts = parts
        if settings.compresses, settings.profile.takesGzip, let compressed = Gzip.compress(parts) {
            request.bodyParts = [compressed]
            headers.append(("Content-Encoding", "gzip"))
        }
        request.headers = headers.map { (name: $0.0, value: $0.1) }
        return request
    }
}
