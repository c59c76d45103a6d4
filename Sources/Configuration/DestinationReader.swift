import Secrets

/// Reads the entries of `destinations:`.
enum DestinationReader {
    /// The kinds and the keys that each takes beside `kind`.
    static let keys: [(kind: String, keys: [String])] = [
        (
            "segment",
            [
                "flavor", "region", "endpoint", "write_key", "rate", "requests", "gzip", "mode", "deduplicates", "settle",
                "retry_for",
            ]
        ),
        ("webhook", ["url", "secret", "rate", "batch", "headers", "settle", "retry_for"]),
        ("warehouse", ["url", "retry_for"]),
        ("ndjson", ["path", "retry_for"]),
    ]

    static func read(_ key: String, _ fields: Fields) -> DestinationConfiguration? {
        guard let kind = fields.kind(among: keys) else { return nil }
        let retryFor = fields.quantity("retry_for", within: (1...604_800, "between 1s and 7d"), Quantity.duration)
        let settings: DestinationKind? =
            switch kind {
            case "segment": segment(fields)
            case "webhook": webhook(fields)
            case "warehouse": warehouse(fields)
            default: fields.requiredText("path", example: "out.ndjson").map { .ndjson(path: $0) }
            }
        return settings.map {
            DestinationConfiguration(
                key: key, kind: $0, retryForSeconds: retryFor, place: fields.place)
        }
    }

    private static func segment(_ fields: Fields) -> DestinationKind? {
        let flavor = fields.choice("flavor") ?? ReceiverFlavor.segment
        let (region, endpoint) = fields.regionOrEndpoint()
        if flavor.address(in: region) == nil {
            if fields["endpoint"] == nil { fields.missing("endpoint", example: "https://data.example.com") }
            fields.refuse("region", "does not go with flavor \(flavor.rawValue), which has no regions; remove it")
        }
        let rate = fields.quantity("rate", Quantity.rate)
        let requests = fields.integer("requests", in: 1...64)
        let gzip = fields.boolean("gzip")
        let mode: SegmentMode? = fields.choice("mode")
        let deduplicates = fields.boolean("deduplicates")
        let settle = settle(fields)
        if gzip == true, flavor == .rudderstack {
            fields.refuse("gzip", "cannot be true: RudderStack reads no compressed bodies; remove it")
        }
        if mode == .track, flavor == .customerio {
            fields.refuse("mode", "cannot be track: Customer.io reads no context of single messages; remove it")
        }
        guard let writeKey = fields.requiredSecret("write_key") else { return nil }
        var settings = SegmentSettings(region: region, endpoint: endpoint, writeKey: writeKey)
        settings.flavor = flavor
        settings.rate = rate ?? settings.rate
        settings.requests = requests ?? settings.requests
        settings.gzip = gzip ?? settings.gzip
        settings.mode = mode ?? settings.mode
        // Only of Segment itself it is known.
        settings.deduplicates = deduplicates ?? (flavor == .segment)
        settings.settleSeconds = settle ?? settings.settleSeconds
        return .segment(settings)
    }

    private static func webhook(_ fields: Fields) -> DestinationKind? {
        if fields["url"] == nil { fields.missing("url", example: "https://example.com/cohorts") }
        let url = fields.endpoint("url", allowsQuery: true)
        let secret = fields.secret("secret")
        let rate = fields.quantity("rate", Quantity.rate)
        let batch = fields.integer("batch", in: 1...10_000)
        let headers = HeaderReader.read(fields)
        let settle = settle(fields)
        guard let url else { return nil }
        var settings = WebhookSettings(url: url, secret: secret, headers: headers)
        settings.rate = rate ?? settings.rate
        settings.batch = batch ?? settings.batch
        settings.settleSeconds = settle ?? settings.settleSeconds
        return .webhook(settings)
    }

    private static func warehouse(_ fields: Fields) -> DestinationKind? {
        if fields["url"] == nil { fields.missing("url", example: "sqlite:warehouse.db") }
        let url = fields.address("url") { text in
            if text.hasPrefix("sqlite:") {
                return text == "sqlite:" ? "the path is missing; write \"url: sqlite:warehouse.db\"" : nil
            }
            guard text.hasPrefix("postgres") else {
                return "it must be \"sqlite:PATH\", or a reference to a postgres:// URL such as {env: WAREHOUSE_URL}"
            }
            return EndpointRules.databaseComplaint(text, key: "url")
        }
        return url.map { .warehouse(url: $0) }
    }

    private static func settle(_ fields: Fields) -> Int? {
        fields.quantity("settle", within: (0...86_400, "at most 1d"), Quantity.duration)
    }
}

/// Reads `headers:` of a webhook.
enum HeaderReader {
    static func read(_ fields: Fields) -> [WebhookHeader] {
        guard let node = fields["headers"],
            let headers = Fields(node, owner: "the headers of \(fields.owner)", place: node.place, log: fields.log)
        else { return [] }
        // As many as Amplitude's cohort webhooks take.
        if headers.pairs.count > 5 { fields.log.add(node.place, "\(headers.owner) are more than 5; remove some") }
        var seen: Set<String> = []
        return headers.pairs.compactMap { pair in
            guard let name = pair.key.text else { return nil }
            if let complaint = complaint(name, seen: &seen) {
                fields.log.add(pair.key.place, "header \(quoted(name)) of \(fields.owner) \(complaint)")
                return nil
            }
            return value(name, pair, headers).map { WebhookHeader(name: name, value: $0) }
        }
    }

    private static func complaint(_ name: String, seen: inout Set<String>) -> String? {
        // The characters of a header's name are those of RFC 9110, 5.6.2.
        let isToken = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
        guard isToken, !name.isEmpty, name.utf8.count <= 100 else {
            return "is no header name; use letters, digits and \"-\""
        }
        let lowercase = name.lowercased()
        guard seen.insert(lowercase).inserted else { return "stands there twice; remove one of them" }
        let ours = [
            "content-type", "content-length", "content-encoding", "host", "connection", "transfer-encoding", "expect",
            "user-agent", "accept-encoding", "x-retry-count", "x-rollcall-signature",
        ]
        return ours.contains(lowercase) ? "is set by rollcall itself; remove it" : nil
    }

    private static func value(_ name: String, _ pair: YAMLPair, _ headers: Fields) -> Address? {
        let words = ["auth", "key", "token", "secret", "cookie", "password", "credential", "signature"]
        let isCredential = words.contains { name.lowercased().contains($0) }
        if isCredential || pair.value.pairs != nil { return headers.secret(name).map { .reference($0) } }
        guard let text = headers.text(name) else { return nil }
        guard text.utf8.count <= 4_000, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
            headers.log.add(
                pair.value.place, "header \(quoted(name)) must be at most 4,000 printable ASCII characters")
            return nil
        }
        return .literal(text)
    }
}
