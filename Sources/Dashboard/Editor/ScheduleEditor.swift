import Scheduling

/// The schedule of one cohort as a form. Every keystroke reads it with the engine's own code and shows what it means.
struct ScheduleEditor: Sendable {
    enum Field: Int, Sendable, CaseIterable {
        case when, timezone, jitter, overlap, catchUp, paused

        var label: String {
            switch self {
            case .when: "schedule"
            case .timezone: "timezone"
            case .jitter: "jitter"
            case .overlap: "overlap"
            case .catchUp: "catch_up"
            case .paused: "paused"
            }
        }

        /// Which values a choice has; nil for text.
        var choices: [String]? {
            switch self {
            case .overlap: ["skip", "queue"]
            case .catchUp: ["latest", "none"]
            case .paused: ["false", "true"]
            case .when, .timezone, .jitter: nil
            }
        }
    }

    let cohort: String
    /// The schedule when the editor opened; what `rollcall.yaml` says now, when that is something else.
    private(set) var before: ScheduleSettings
    var elsewhere: ScheduleSettings?
    let defaultZone: String
    var focus = Field.when
    var texts: [Field: TextField]
    var chosen: [Field: Int]
    /// What the form means; worked out anew after each change.
    private(set) var preview: SchedulePreview
    /// Whether the host was asked what saving would change.
    var isDescribing = false
    /// The lines that saving would change, while it asks.
    var change: [LineEdit] = []

    private let zones: ZoneLookup
    /// The zone that was looked up last: an unknown name costs a search among all names, which only its own field repeats.
    private var zone: (name: String, found: Result<Zone, ZoneError>)
    private let others: [CohortPlan]
    /// In which of the coming hours any of them fires; worked out once, since they do not change while typing.
    private let othersByHour: [Bool]
    private let quota: QuotaFacts?

    init(cohort: CohortFacts, configuration: ConfigurationFacts, plans: [CohortPlan], zones: ZoneLookup, now: Instant) {
        self.cohort = cohort.key
        before = cohort.schedule
        defaultZone = configuration.timezone
        self.zones = zones
        let zoneName = cohort.schedule.timezone ?? configuration.timezone
        zone = (zoneName, zones.find(zoneName))
        let own = ByteText(cohort.key)
        others = Array(plans.filter { ByteText($0.cohort) != own && !$0.isPaused }.prefix(500))
        othersByHour = others.prefix(50).reduce(into: [Bool](repeating: false, count: 168)) { hours, plan in
            for (hour, fires) in SchedulePreview.hours(of: plan.schedule, plan.zone, from: now).enumerated() where fires {
                hours[hour] = true
            }
        }
        quota = configuration.quotas.first { ByteText($0.source) == ByteText(cohort.source) }
        texts = [:]
        chosen = [:]
        preview = SchedulePreview()
        fill(from: cohort.schedule)
        review(now: now)
    }

    private mutating func fill(from settings: ScheduleSettings) {
        texts = [
            .when: TextField(settings.when), .timezone: TextField(settings.timezone ?? ""),
            .jitter: TextField(settings.jitter ?? ""),
        ]
        chosen = [
            .overlap: settings.overlap == "queue" ? 1 : 0, .catchUp: settings.catchUp == "none" ? 1 : 0,
            // Where only some destinations are paused, that is the first choice.
            .paused: settings.isPaused ? 1 : 0,
        ]
    }

    /// The settings that the form says; a value that is the default stays unwritten where it was.
    var after: ScheduleSettings {
        var settings = before
        settings.when = trimmed(text(.when))
        settings.timezone = written(trimmed(text(.timezone)), before.timezone, "")
        settings.jitter = written(trimmed(text(.jitter)), before.jitter, "")
        settings.overlap = written(value(.overlap), before.overlap, "skip")
        settings.catchUp = written(value(.catchUp), before.catchUp, "latest")
        settings.isPaused = value(.paused) == "true"
        // Some destinations paused and others not stays as it is unless one of the other choices is taken.
        if value(.paused) != somePaused { settings.pausedDestinations = [] }
        return settings
    }

    private func written(_ value: String, _ old: String?, _ standard: String) -> String? {
        if value.isEmpty { return nil }
        return value == standard && old == nil ? nil : value
    }

    func text(_ field: Field) -> String { texts[field]?.text ?? "" }

    /// What a choice offers; `paused` also what it is now, when only some destinations are.
    func choices(of field: Field) -> [String]? {
        guard field == .paused, let somePaused else { return field.choices }
        return [somePaused] + (field.choices ?? [])
    }

    private var somePaused: String? {
        let names = before.pausedDestinations
        return names.isEmpty ? nil : "some: " + names.joined(separator: ", ")
    }

    func value(_ field: Field) -> String {
        guard let choices = choices(of: field) else { return text(field) }
        let index = chosen[field] ?? 0
        return choices.indices.contains(index) ? choices[index] : choices[0]
    }

    var edition: ScheduleEdition { ScheduleEdition(cohort: cohort, before: before, after: after) }
    var isChanged: Bool { after != before }

    // MARK: - Keys

    /// Handles a key of the focused field.
    /// - Returns: whether the key meant something here.
    mutating func handle(_ key: Key, now: Instant) -> Bool {
        if let choices = choices(of: focus) {
            switch key {
            case .character(" "), .right: chosen[focus] = ((chosen[focus] ?? 0) + 1) % choices.count
            case .left: chosen[focus] = ((chosen[focus] ?? 0) + choices.count - 1) % choices.count
            default: return false
            }
        } else {
            guard var field = texts[focus], field.handle(key) else { return false }
            texts[focus] = field
        }
        review(now: now)
        return true
    }

    mutating func paste(_ text: String, now: Instant) -> Bool {
        guard var field = texts[focus] else { return false }
        field.paste(text)
        texts[focus] = field
        review(now: now)
        return true
    }

    mutating func replaceTimezone(_ name: String, now: Instant) {
        texts[.timezone] = TextField(name)
        review(now: now)
    }

    mutating func moveFocus(by step: Int) {
        let count = Field.allCases.count
        focus = Field(rawValue: (focus.rawValue + step + count) % count) ?? .when
    }

    /// Takes back all changes; what was changed elsewhere meanwhile becomes the new beginning.
    mutating func revert(now: Instant) {
        if let elsewhere { before = elsewhere }
        elsewhere = nil
        isDescribing = false
        fill(from: before)
        review(now: now)
    }

    /// The file was read anew.
    mutating func noticed(_ settings: ScheduleSettings) {
        elsewhere = settings == before ? nil : settings
    }

    mutating func saved() {
        before = after
        elsewhere = nil
        isDescribing = false
    }

    // MARK: - Meaning

    mutating func review(now: Instant) {
        let name = after.timezone ?? defaultZone
        if name != zone.name { zone = (name, zones.find(name)) }
        preview = SchedulePreview(
            settings: after, before: before, zone: zone.found, others: others,
            othersByHour: othersByHour, quota: quota, now: now, last: preview)
    }

    private func trimmed(_ text: String) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
