import Scheduling
import Secrets
import SyncEngine

/// Reads `alerts:`.
struct AlertsReader {
    let log: ProblemLog
    /// The keys of all cohorts, for `mute`.
    let cohorts: [String]

    static let keys: [(kind: String, keys: [String])] = [
        ("webhook", ["url", "secret"]),
        ("slack", ["url"]),
        ("command", ["command", "timeout"]),
        ("email", ["to", "from", "sendmail", "server", "user", "password", "timeout"]),
    ]

    func read(_ file: Fields, channels: [(key: String, fields: Fields)]) -> AlertsConfiguration {
        var alerts = AlertsConfiguration()
        guard let node = file["alerts"], !node.isNull,
            let fields = Fields(node, owner: "\"alerts\"", place: node.place, log: log)
        else { return alerts }
        fields.allowOnly([
            "channels", "events", "grace", "stale_after", "recovery_after", "cool_down", "mute",
        ])
        if fields["channels"] == nil {
            fields.missing("channels", example: "{ops: {kind: slack, url: {env: SLACK_URL}}}")
        }
        alerts.channels = channels.compactMap { channel($0.key, $0.fields) }
        var policy = AlertPolicy()
        policy.events = events(fields) ?? policy.events
        let day = 86_400
        policy.graceSeconds = fields.quantity(
            "grace", within: (10...day, "between 10s and 1d"), Quantity.duration) ?? policy.graceSeconds
        policy.staleAfterSeconds = fields.quantity(
            "stale_after", within: (60...366 * day, "between 1m and 366d"), Quantity.duration)
        policy.recoveryAfterSeconds = fields.quantity(
            "recovery_after", within: (0...day, "at most 1d"), Quantity.duration) ?? policy.recoveryAfterSeconds
        policy.coolDownSeconds = fields.quantity(
            "cool_down", within: (60...30 * day, "between 1m and 30d"), Quantity.duration) ?? policy.coolDownSeconds
        if policy.recoveryAfterSeconds > policy.coolDownSeconds, let node = fields["recovery_after"] ?? fields["cool_down"] {
            log.add(node.place, "\"recovery_after\" of \"alerts\" is longer than \"cool_down\"; make it shorter")
        }
        policy.mutes = mutes(fields)
        alerts.policy = policy
        return alerts
    }

    // MARK: - Events and mutes

    private func events(_ fields: Fields) -> Set<AlertEvent>? {
        guard let texts = fields.texts("events", example: "[failed, held, blocked]") else { return nil }
        var events: Set<AlertEvent> = []
        let words = AlertEvent.allCases.map(\.rawValue)
        for (text, node) in texts {
            guard let event = AlertEvent(rawValue: text) else {
                let near = nearName(text, among: words).map { "did you mean \($0)?" } ?? "write \(listed(words, "or"))"
                log.add(node.place, "\"events\" of \"alerts\" cannot hold \(quoted(text)); \(near)")
                continue
            }
            if !events.insert(event).inserted {
                log.add(node.place, "\"events\" of \"alerts\" holds \(text) twice; remove one of them")
            }
        }
        return events
    }

    private func mutes(_ fields: Fields) -> [String: AlertMute] {
        guard let node = fields["mute"], !node.isNull,
            let entries = Fields(node, owner: "\"mute\" of \"alerts\"", place: node.place, log: log)
        else { return [:] }
        var mutes: [String: AlertMute] = [:]
        for pair in entries.pairs {
            guard let cohort = pair.key.text else { continue }
            guard cohorts.contains(cohort) else {
                let near = nearName(cohort, among: cohorts).map { "; did you mean \(quoted($0))?" } ?? ""
                log.add(pair.key.place, "\"mute\" of \"alerts\" names the cohort \(quoted(cohort)), which is not there\(near)")
                continue
            }
            guard let text = entries.text(cohort) else { continue }
            if text == "always" {
                mutes[cohort] = .always
            } else if let until = Instant.parse(rfc3339: text) {
                mutes[cohort] = .until(until)
            } else {
                log.add(
                    pair.value.place,
                    "\"mute\" of cohort \(quoted(cohort)) cannot be \(quoted(text)); "
                        + "write always, or a time such as \"2026-12-24T18:00:00Z\"")
            }
        }
        return mutes
    }

    // MARK: - Channels

    private func channel(_ key: String, _ fields: Fields) -> AlertChannelConfiguration? {
        guard let kind = fields.kind(among: Self.keys) else { return nil }
        let settings: AlertChannelKind? =
            switch kind {
            case "webhook": webhook(fields)
            case "slack": fields.requiredSecret("url").map { .slack(url: $0) }
            case "command": command(fields)
            default: email(fields)
            }
        return settings.map { AlertChannelConfiguration(key: key, kind: $0, place: fields.place) }
    }

    private func webhook(_ fields: Fields) -> AlertChannelKind? {
        if fields["url"] == nil { fields.missing("url", example: "https://example.com/alerts") }
        let secret = fields.secret("secret")
        return fields.endpoint("url", allowsQuery: true).map { .webhook(url: $0, secret: secret) }
    }

    private func command(_ fields: Fields) -> AlertChannelKind? {
        let example = "[notify-send, Rollcall]"
        if fields["command"] == nil { fields.missing("command", example: example) }
        let timeout = timeout(fields)
        return program("command", fields, example: example).map { .command($0, timeoutSeconds: timeout) }
    }

    private func email(_ fields: Fields) -> AlertChannelKind? {
        if fields["to"] == nil { fields.missing("to", example: "[ops@example.com]") }
        let from = fields.requiredText("from", example: "rollcall@example.com")
        if let from { checkAddress(from, fields["from"], fields) }
        let to = fields.texts("to", example: "[ops@example.com]") ?? []
        for (text, node) in to { checkAddress(text, node, fields) }
        if to.count > 50, let node = fields["to"] { log.add(node.place, "\"to\" of \(fields.owner) names more than 50") }
        let server = mailServer(fields)
        let sendmail = fields["sendmail"] == nil
            ? ["/usr/sbin/sendmail", "-i", "-t"] : program("sendmail", fields, example: "[/usr/sbin/sendmail, -i, -t]")
        let timeout = timeout(fields)
        guard let from, let sendmail, !to.isEmpty else { return nil }
        if let server { return .mail(to: to.map(\.text), from: from, server: server, timeoutSeconds: timeout) }
        return .email(to: to.map(\.text), from: from, sendmail: sendmail, timeoutSeconds: timeout)
    }

    /// Nil when mail goes through a program, or when a mistake was noted.
    private func mailServer(_ fields: Fields) -> MailServerSettings? {
        let user = fields.text("user")
        let password = fields.secret("password")
        guard let node = fields["server"], let url = fields.text("server") else {
            if let node = fields["user"] ?? fields["password"] {
                log.add(node.place, "\(fields.owner) has a user or a password and no \"server\"; write which server knows them")
            }
            return nil
        }
        if let node = fields["sendmail"] {
            log.add(node.place, "\(fields.owner) has \"server\" and \"sendmail\"; keep the one that is to send")
        }
        if (fields["user"] == nil) != (fields["password"] == nil) {
            log.add(node.place, "\(fields.owner) needs both \"user\" and \"password\" for its server, or neither")
        }
        if let complaint = EndpointRules.mailComplaint(url) {
            log.add(node.place, "\"server\" of \(fields.owner): \(complaint)")
            return nil
        }
        return MailServerSettings(
            url: EndpointRules.normalised(url), isLoopback: EndpointRules.isLoopback(url: url), user: user,
            password: password)
    }

    private func timeout(_ fields: Fields) -> Int {
        fields.quantity("timeout", within: (1...300, "between 1s and 5m"), Quantity.duration) ?? 30
    }

    private func program(_ key: String, _ fields: Fields, example: String) -> [String]? {
        fields.texts(key, example: example)?.map(\.text)
    }

    /// Enough that an address can stand in a header of a mail; whether there is such a mailbox only sending shows.
    private func checkAddress(_ address: String, _ node: YAMLNode?, _ fields: Fields) {
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        let isPlain = address.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"<>()[],;:\\\"".utf8.contains($0) }
        guard parts.count != 2 || parts.contains(where: \.isEmpty) || !isPlain || address.utf8.count > 254 else { return }
        log.add(
            node?.place ?? fields.place,
            "\(fields.owner): \(quoted(address)) is no mail address; write it like ops@example.com")
    }
}
