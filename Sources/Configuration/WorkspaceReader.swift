import Scheduling

/// Reads the whole file into the model: its sections one by one, then what must hold between them.
struct WorkspaceReader {
    static let keys = ["version", "timezone", "sources", "destinations", "cohorts", "engine", "alerts"]
    /// More cohorts than anybody has; a bound on what one file can cost.
    static let mostCohorts = 10_000
    static let mostEntries = 1_000

    let log: ProblemLog
    private let zones = ZoneShelf()

    init(log: ProblemLog) {
        self.log = log
    }

    /// The model; meaningless when the log is no longer empty.
    func read(_ root: YAMLNode) -> WorkspaceConfiguration {
        guard let file = Fields(root, owner: "the file", place: root.place, log: log) else {
            return WorkspaceConfiguration(zone: .utc)
        }
        file.allowOnly(Self.keys)
        version(file)
        let zone = zones.zone("timezone", of: file) ?? .utc
        let sourceEntries = entries("sources", of: file, called: "source", limit: Self.mostEntries)
        let destinationEntries = entries("destinations", of: file, called: "destination", limit: Self.mostEntries)
        let cohortEntries = entries("cohorts", of: file, called: "cohort", limit: Self.mostCohorts)

        let sources = sourceEntries.compactMap { SourceReader.read($0.key, $0.fields) }
        let destinations = destinationEntries.compactMap { DestinationReader.read($0.key, $0.fields) }
        let reader = CohortReader(
            log: log,
            names: EntryNames(
                sources: sourceEntries.map(\.key),
                sourceKinds: SourceReader.kinds(of: sourceEntries),
                destinations: destinationEntries.map(\.key)),
            schedules: ScheduleReader(log: log, defaultZone: zone, zones: zones))
        let cohorts = cohortEntries.compactMap { reader.read($0.key, $0.fields) }

        var model = WorkspaceConfiguration(
            zone: zone, sources: sources, destinations: destinations, cohorts: cohorts, engine: engine(file))
        let channels = alertChannels(of: file)
        model.alerts = AlertsReader(log: log, cohorts: cohortEntries.map(\.key)).read(file, channels: channels)
        TraitOwnership.check(model, log: log)
        ColumnOwnership.check(model, log: log)
        DownloadQuota.check(model, log: log)
        return model
    }

    /// The entries of `alerts: {channels: …}`, whose keys follow the rule of all keys.
    private func alertChannels(of file: Fields) -> [(key: String, fields: Fields)] {
        guard let node = file["alerts"], node.pairs != nil,
            let alerts = Fields(node, owner: "\"alerts\"", place: node.place, log: ProblemLog())
        else { return [] }
        let own = Fields(alerts, log: log)
        return entries("channels", of: own, called: "channel", limit: 32)
    }

    private func version(_ file: Fields) {
        guard let node = file["version"] else {
            return log.add(file.place, "the file has no \"version\"; begin it with \"version: 1\"")
        }
        guard let text = file.text("version"), text != "1" else { return }
        log.add(node.place, "version \(quoted(text)) is not known to this rollcall; write \"version: 1\"")
    }

    /// The entries of a section whose key and form are right, in the order of the file.
    private func entries(
        _ section: String, of file: Fields, called name: String, limit: Int
    ) -> [(key: String, fields: Fields)] {
        // A section without a value is an empty one: what remains when its last entry was taken out.
        guard let node = file[section], !node.isNull,
            let fields = Fields(node, owner: "\"\(section)\"", place: node.place, log: log)
        else { return [] }
        guard fields.pairs.count <= limit else {
            log.add(
                fields.pairs[limit].key.place,
                "\(grouped(fields.pairs.count)) \(section) are too many; a workspace holds up to \(grouped(limit))")
            return []
        }
        return fields.pairs.compactMap { pair in
            guard let key = pair.key.text else { return nil }
            guard Self.isKey(key) else {
                log.add(pair.key.place, "\(name) \(quoted(key)): \(Self.keyRule)")
                return nil
            }
            let entry = Fields(pair.value, owner: "\(name) \"\(key)\"", place: pair.key.place, log: log)
            return entry.map { (key, $0) }
        }
    }

    private static let keyRule =
        "a key is 1 to 64 of a-z, 0-9, \".\", \"_\" and \"-\", and begins with a letter or digit"

    /// Keys are parts of names such as `cohort@destination`, of file names and of commands.
    private static func isKey(_ key: String) -> Bool {
        let bytes = Array(key.utf8)
        guard let first = bytes.first, bytes.count <= 64, isLetterOrDigit(first) else { return false }
        return bytes.allSatisfy { isLetterOrDigit($0) || [0x2D, 0x2E, 0x5F].contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private func engine(_ file: Fields) -> EngineConfiguration {
        var engine = EngineConfiguration()
        guard let node = file["engine"], !node.isNull,
            let fields = Fields(node, owner: "\"engine\"", place: node.place, log: log)
        else { return engine }
        fields.allowOnly(["memory", "parallel_runs", "retention"])
        let memory = fields.quantity("memory", within: (16 << 20...1 << 40, "at least 16MiB"), Quantity.size)
        engine.memoryBytes = memory ?? engine.memoryBytes
        engine.parallelRuns = fields.integer("parallel_runs", in: 1...64) ?? engine.parallelRuns
        let retention = fields.quantity(
            "retention", within: (86_400...3_660 * 86_400, "between 1d and 3660d"), Quantity.duration)
        engine.retentionSeconds = retention ?? engine.retentionSeconds
        return engine
    }
}
