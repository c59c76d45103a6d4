import HTTPClient
import Scheduling
import Secrets
import SyncEngine

/// One configured receiver of cohort webhooks.
package struct WebhookSettings: Sendable {
    /// The whole address: https, or http to loopback.
    package var url: String
    /// Signs the raw body as `X-Rollcall-Signature: sha256=<hex HMAC-SHA256>`; nil sends unsigned.
    package var secret: Secret?
    /// Added to every request.
    package var headers: [Header]
    /// Users of one batch, of which those who entered and those who left become a message each.
    package var batch: Int
    /// Time for one attempt, from name look-up to the answer's last byte.
    package var deadlineMilliseconds: Int

    /// A header of the operator's own; its value may be a credential.
    package struct Header: Sendable {
        package var name: String
        package var value: Secret

        package init(name: String, value: Secret) {
            self.name = name
            self.value = value
        }
    }

    package init(
        url: String, secret: Secret? = nil, headers: [Header] = [], batch: Int = 1_000,
        deadlineMilliseconds: Int = 30_000
    ) {
        self.url = url
        self.secret = secret
        self.headers = headers
        self.batch = batch
        self.deadlineMilliseconds = deadlineMilliseconds
    }
}

/// A receiver of the Amplitude cohort webhook's payload, signed.
///
/// A message holds either only users who entered or only users who left, so a batch goes out as up to two requests, one
/// after the other. When only the first of them is accepted the outcome is `partly`, and a later attempt repeats both
/// with the same bytes.
package final class WebhookDestination: Destination {
    package let kind = "webhook"
    package let address: String
    /// Whether a receiver uses `message_id` is not ours to know.
    package let deduplicates = false

    private let settings: WebhookSettings
    private let transport: any HTTPTransport
    private let redaction: Redaction
    /// Bytes of the rows of a batch; the bodies are of about the same size.
    private static let batchBytes = 1_000_000

    package init(settings: WebhookSettings, transport: any HTTPTransport) {
        self.settings = settings
        self.transport = transport
        redaction = Redaction(of: settings.headers.map(\.value) + (settings.secret.map { [$0] } ?? []))
        address = Self.shownAddress(settings.url)
    }

    /// The address with a fingerprint in place of its query, which may hold a token.
    private static func shownAddress(_ url: String) -> String {
        guard let mark = url.firstIndex(of: "?") else { return url }
        return url[..<mark] + "?…" + Signature.hex(Signature.digest(Array(url[mark...].utf8)).prefix(4))
    }

    package func encoder(for audience: Audience) -> any MessageEncoder {
        ChangeRowEncoder(
            texts: WebhookMessage.texts(of: audience), members: settings.batch, bytes: Self.batchBytes,
            wireHead: #"{"user_id":""},"#.utf8.count)
    }

    package func deliver(_ batch: EncodedBatch, attempt: Int, sentAt: Instant) async -> DeliveryOutcome {
        var accepted = DeliveryOutcome.accepted(status: 200, rejected: [])
        for (index, message) in WebhookMessage.messages(of: batch).enumerated() {
            let outcome = await send(message, attempt: attempt, sentAt: sentAt)
            guard case .accepted = outcome else { return index == 0 ? outcome : .partly(rest: outcome) }
            accepted = outcome
        }
        return accepted
    }

    private func send(_ message: WebhookMessage, attempt: Int, sentAt: Instant) async -> DeliveryOutcome {
        var request = HTTPRequest(method: "POST", url: settings.url)
        request.deadlineMilliseconds = settings.deadlineMilliseconds
        request.bodyParts = [message.body]
        request.headers = settings.headers.map { (name: $0.name, value: $0.value.revealText()) }
        request.headers.append((name: "Content-Type", value: "application/json"))
        // An answer that came compressed could not be read, and its refusal would pass unseen.
        request.headers.append((name: "Accept-Encoding", value: "identity"))
        if let secret = settings.secret {
            let signature = "sha256=" + Signature.hmac(message.body, key: secret.reveal())
            request.headers.append((name: "X-Rollcall-Signature", value: signature))
        }
        if attempt > 0 { request.headers.append((name: "X-Retry-Count", value: String(attempt))) }
        let began = Monotonic.milliseconds()
        let exchange = await transport.exchange(request)
        let now = sentAt.advanced(milliseconds: Monotonic.milliseconds() &- began)
        return SegmentRules.outcome(of: exchange, now: now, redaction: redaction)
    }

    /// A `HEAD`, which tells nobody about anybody. Most receivers refuse it; that they answer is what is shown.
    package func probe() async -> ProbeResult {
        let began = Monotonic.milliseconds()
        var request = HTTPRequest(method: "HEAD", url: settings.url)
        request.deadlineMilliseconds = 15_000
        request.isCancellable = true
        request.headers = settings.headers.map { (name: $0.name, value: $0.value.revealText()) }
        switch await transport.exchange(request) {
        case .failure(let failure):
            let reason = redaction.quote(failure.reason.utf8, limit: 200)
            return ProbeResult(isReachable: false, detail: "\(address): \(reason)")
        case .answer(let answer):
            let milliseconds = Monotonic.milliseconds() &- began
            let isThere = answer.status < 300 || [400, 405, 411, 415, 422, 501].contains(answer.status)
            let note = isThere ? "is there; the signature is not proven" : "does not look like a receiver"
            return ProbeResult(
                isReachable: isThere, detail: "\(address) answered \(answer.status) to HEAD in \(milliseconds) ms: \(note)")
        }
    }
}
