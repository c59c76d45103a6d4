import Scheduling
import Secrets
import SyncEngine

/// The `alerts:` section: which states are told, when, and through which channels.
package struct AlertsConfiguration: Sendable, Equatable {
    package var policy: AlertPolicy
    package var channels: [AlertChannelConfiguration]

    package init(policy: AlertPolicy = AlertPolicy(), channels: [AlertChannelConfiguration] = []) {
        self.policy = policy
        self.channels = channels
    }
}

/// One entry of `channels:`.
package struct AlertChannelConfiguration: Sendable, Equatable {
    package var key: String
    package var kind: AlertChannelKind
    package var place: Place

    package init(key: String, kind: AlertChannelKind, place: Place) {
        self.key = key
        self.kind = kind
        self.place = place
    }
}

/// A channel's kind with its settings.
package enum AlertChannelKind: Sendable, Equatable {
    /// JSON to an address, signed when there is a secret.
    case webhook(url: String, secret: SecretReference?)
    /// `{"text": …}` to an address that is itself a secret.
    case slack(url: SecretReference)
    /// A program and its arguments, which gets the facts as JSON on stdin.
    case command([String], timeoutSeconds: Int)
    /// A mail by a `sendmail`-like program.
    case email(to: [String], from: String, sendmail: [String], timeoutSeconds: Int)
    /// A mail through a server.
    case mail(to: [String], from: String, server: MailServerSettings, timeoutSeconds: Int)

    /// The kind as it is written.
    package var name: String {
        switch self {
        case .webhook: "webhook"
        case .slack: "slack"
        case .command: "command"
        case .email, .mail: "email"
        }
    }
}

/// A mail server and how it knows us.
package struct MailServerSettings: Sendable, Equatable {
    /// `smtps://host[:port]`, or `smtp://host[:port]`, which changes to TLS unless the host is this machine.
    package var url: String
    package var isLoopback: Bool
    /// Both or neither.
    package var user: String?
    package var password: SecretReference?

    package init(url: String, isLoopback: Bool, user: String? = nil, password: SecretReference? = nil) {
        self.url = url
        self.isLoopback = isLoopback
        self.user = user
        self.password = password
    }
}
