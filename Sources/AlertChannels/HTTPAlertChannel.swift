import CCrypto
import HTTPClient
import Secrets
import SyncEngine

/// Tells alerts over HTTP: as facts, signed, to a webhook, or as text to a receiver of Slack's incoming webhooks.
package struct HTTPAlertChannel: AlertChannel {
    /// How the body is made.
    package enum Form: Sendable {
        /// `{"version":1,"alerts":[…]}`; with a secret also `X-Rollcall-Signature: sha256=<hex HMAC-SHA256>` of the body.
        case facts(secret: Secret?)
        /// `{"text": …}`, as Slack, Mattermost, Rocket.Chat and others take it
        /// (https://api.slack.com/messaging/webhooks).
        case text
    }

    package let key: String
    private let url: Secret
    private let form: Form
    private let transport: any HTTPTransport

    /// - Parameter url: may be a secret in itself, and is never shown.
    package init(key: String, url: Secret, form: Form, transport: any HTTPTransport) {
        self.key = key
        self.url = url
        self.form = form
        self.transport = transport
    }

    package func deliver(_ messages: [AlertMessage]) async -> AlertDelivery {
        var request = HTTPRequest(method: "POST", url: url.revealText())
        request.deadlineMilliseconds = 15_000
        request.isCancellable = true
        request.headers = [(name: "Content-Type", value: "application/json")]
        switch form {
        case .facts(let secret):
            request.body = AlertFactsJSON.bytes(of: messages)
            if let secret {
                request.headers.append((name: "X-Rollcall-Signature", value: Self.signature(of: request.body, secret)))
            }
        case .text:
            let lines = AlertText.lines(of: messages).map(Self.escaped)
            request.body = AlertFactsJSON.encode(["text": lines.joined(separator: "\n")])
        }
        switch await transport.exchange(request) {
        case .answer(let answer) where (200..<300).contains(answer.status): return .delivered
        case .answer(let answer): return .failed("answered \(answer.status)")
        // The reason may quote the address.
        case .failure(let failure): return .failed(failure.stage == .notSent ? "could not be reached" : "gave no answer")
        }
    }

    /// The three characters that Slack reads as markup.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.append(character)
            }
        }
        return result
    }

    private static func signature(of body: [UInt8], _ secret: Secret) -> String {
        let key = secret.reveal()
        var mac = [UInt8](repeating: 0, count: 32)
        ccrypto_hmac_sha256(key, key.count, body, body.count, &mac)
        let digits = Array("0123456789abcdef".utf8)
        return "sha256=" + String(decoding: mac.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
