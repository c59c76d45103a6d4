import Secrets

/// Reads the entries of `sources:`.
enum SourceReader {
    /// The kinds and the keys that each takes beside `kind`.
    static let keys: [(kind: String, keys: [String])] = [
        ("amplitude", ["region", "endpoint", "api_key", "secret_key", "quota", "reserve", "skip_unchanged"]),
        ("csv", ["directory"]),
        ("sqlite", ["path"]),
        ("postgres", ["url"]),
        ("command", ["timeout", "output_limit"]),
    ]

    /// The kinds of those entries whose kind is one, whatever else is wrong with them.
    static func kinds(of entries: [(key: String, fields: Fields)]) -> [String: String] {
        var kinds: [String: String] = [:]
        for (key, fields) in entries {
            guard let kind = fields["kind"]?.text, keys.contains(where: { $0.kind == kind }) else { continue }
            kinds[key] = kind
        }
        return kinds
    }

    static func read(_ key: String, _ fields: Fields) -> SourceConfiguration? {
        guard let kind = fields.kind(among: keys) else { return nil }
        let settings: SourceKind? =
            switch kind {
            case "amplitude": amplitude(fields)
            case "csv": .csv(directory: fields.text("directory") ?? ".")
            case "sqlite": fields.requiredText("path", example: "app.db").map { .sqlite(path: $0) }
            case "postgres": postgres(fields)
            default: command(fields)
            }
        return settings.map { SourceConfiguration(key: key, kind: $0, place: fields.place) }
    }

    private static func amplitude(_ fields: Fields) -> SourceKind? {
        let (region, endpoint) = fields.regionOrEndpoint()
        let apiKey = fields.requiredSecret("api_key")
        let secretKey = fields.requiredSecret("secret_key")
        let quota = fields.integer("quota", in: 1...10_000_000) ?? 500
        let reserve = fields.integer("reserve", in: 0...10_000_000) ?? 0
        if reserve > quota, let node = fields["reserve"] {
            fields.log.add(
                node.place, "\"reserve\" of \(fields.owner) is more than its quota of \(grouped(quota)); keep less")
        }
        let skip = fields.quantity(
            "skip_unchanged", within: (60...31 * 86_400, "between 1m and 31d"), Quantity.duration)
        guard let apiKey, let secretKey else { return nil }
        return .amplitude(
            AmplitudeSettings(
                region: region, endpoint: endpoint, apiKey: apiKey, secretKey: secretKey, quota: quota,
                reserve: reserve, skipUnchangedSeconds: skip))
    }

    private static func postgres(_ fields: Fields) -> SourceKind? {
        if fields["url"] == nil { fields.missing("url", example: "{env: DATABASE_URL}") }
        return fields.address("url") { EndpointRules.databaseComplaint($0, key: "url") }.map { .postgres(url: $0) }
    }

    private static func command(_ fields: Fields) -> SourceKind {
        let defaults = CommandSettings()
        let timeout = fields.quantity("timeout", within: (1...86_400, "between 1s and 1d"), Quantity.duration)
        let limit = fields.quantity(
            "output_limit", within: (1 << 10...1 << 40, "between 1KiB and 1024GiB"), Quantity.size)
        return .command(
            CommandSettings(
                timeoutSeconds: timeout ?? defaults.timeoutSeconds,
                outputLimitBytes: limit ?? defaults.outputLimitBytes))
    }
}

extension Fields {
    /// The `kind` of an entry; keys that this kind does not take are reported.
    func kind(among kinds: [(kind: String, keys: [String])]) -> String? {
        let names = kinds.map(\.kind)
        let all = ["kind"] + kinds.flatMap(\.keys)
        guard let node = self["kind"] else {
            log.add(place, "\(owner) has no \"kind\"; add \"kind: \(listed(names, "or"))\"")
            allowOnly(all)
            return nil
        }
        guard let name = text("kind") else { return nil }
        guard let kind = kinds.first(where: { $0.kind == name }) else {
            let near = nearName(name, among: names).map { "did you mean \"\($0)\"?" }
            log.add(
                node.place, "\(owner) has an unknown kind \(quoted(name)); \(near ?? "it is \(listed(names, "or"))")")
            return nil
        }
        allowOnly(["kind"] + kind.keys) { key in
            let others = kinds.filter { $0.keys.contains(key) }.map(\.kind)
            guard !others.isEmpty else { return nil }
            return "\(quoted(key)) does not belong to \(owner) of kind \(name), only to \(listed(others)); "
                + "\(name) takes \(listed(kind.keys))"
        }
        return name
    }
}
