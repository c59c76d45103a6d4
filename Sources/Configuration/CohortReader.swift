import SyncEngine

/// Reads the entries of `cohorts:`.
struct CohortReader {
    /// The keys that a cohort of any source takes.
    static let keys = ["name", "id", "source", "to", "schedule", "guards", "trait", "on_leave", "first_sync"]

    let log: ProblemLog
    let names: EntryNames
    let schedules: ScheduleReader

    func read(_ key: String, _ fields: Fields) -> CohortConfiguration? {
        let source = source(fields)
        let kind = source.flatMap { names.sourceKinds[$0] }
        let selection = SelectionReader.read(fields, source: source, kind: kind)
        let name = shortText("name", fields) ?? key
        let id = shortText("id", fields) ?? key
        let destinations = destinations(fields)
        let schedule = schedules.read(fields, destinations: destinations)
        let guards = GuardReader.read(fields)
        let trait = trait(fields, name: name, id: id, key: key)
        let onLeave = onLeave(fields)
        let firstSync: FirstSync? = fields.choice("first_sync")
        guard let source, let selection, let destinations, let schedule else { return nil }
        return CohortConfiguration(
            key: key, name: name, id: id, source: source, selection: selection, destinations: destinations,
            schedule: schedule, guards: guards, traitTemplate: trait, onLeave: onLeave,
            firstSync: firstSync ?? .backfill, place: fields.place)
    }

    private func source(_ fields: Fields) -> String? {
        guard let node = fields["source"] else {
            let known = names.sources.isEmpty ? "lists" : listedShort(names.sources, "or")
            log.add(fields.place, "\(fields.owner) has no \"source\"; add \"source: \(known)\"")
            return nil
        }
        guard let name = fields.text("source") else { return nil }
        guard names.sources.contains(name) else {
            log.add(node.place, "\(fields.owner): \(unknown("source", name, among: names.sources))")
            return nil
        }
        return name
    }

    private func destinations(_ fields: Fields) -> [String]? {
        let example = "[\(names.destinations.first ?? "segment")]"
        if fields["to"] == nil { fields.missing("to", example: example) }
        guard let items = fields.texts("to", example: example) else { return nil }
        var found: [String] = []
        for (name, node) in items {
            if !names.destinations.contains(name) {
                log.add(node.place, "\(fields.owner): \(unknown("destination", name, among: names.destinations))")
            } else if found.contains(name) {
                log.add(node.place, "\"to\" of \(fields.owner) names \(quoted(name)) twice; remove one of them")
            } else {
                found.append(name)
            }
        }
        return found.count == items.count ? found : nil
    }

    private func unknown(_ what: String, _ name: String, among known: [String]) -> String {
        let advice: String
        if let near = nearName(name, among: known) {
            advice = "did you mean \(quoted(near))?"
        } else if known.isEmpty {
            advice = "there is none yet, add it under \"\(what)s\""
        } else {
            advice = "there is \(listedShort(known))"
        }
        return "unknown \(what) \(quoted(name)); \(advice)"
    }

    /// A name or an id: it becomes part of the trait, so it stays short.
    private func shortText(_ key: String, _ fields: Fields) -> String? {
        guard let node = fields[key], let text = fields.text(key) else { return nil }
        guard text.utf8.count <= 200 else {
            log.add(
                node.place,
                "\(quoted(key)) of \(fields.owner) has \(grouped(text.utf8.count)) bytes; it may have at most 200")
            return nil
        }
        return text
    }

    private func trait(_ fields: Fields, name: String, id: String, key: String) -> String {
        let template = fields["trait"] == nil ? nil : fields.text("trait")
        let place = fields["trait"]?.place ?? fields.place
        if let template, let complaint = TraitTemplate.complaint(template) {
            log.add(place, "\"trait\" of \(fields.owner): \(complaint)")
            return template
        }
        let used = template ?? CohortConfiguration.defaultTrait
        let length = TraitTemplate.expand(used, name: name, id: id, key: key).utf8.count
        if length > 512 {
            log.add(
                place, "the trait of \(fields.owner) has \(grouped(length)) bytes; it may have at most 512, shorten it")
        }
        return used
    }

    /// `false` and `null` may be written plain or as text.
    private func onLeave(_ fields: Fields) -> LeavePolicy {
        guard let node = fields["on_leave"] else { return .tellFalse }
        if node.isNull, node.text?.isEmpty == false { return .tellNull }
        if node.text == "null" { return .tellNull }
        return fields.choice("on_leave") ?? .tellFalse
    }
}

/// The keys of the other sections, for a cohort to name; also of entries that are wrong themselves, so that one mistake
/// is not reported a second time.
struct EntryNames {
    var sources: [String]
    /// The kind of each source whose kind is known.
    var sourceKinds: [String: String]
    var destinations: [String]
}
