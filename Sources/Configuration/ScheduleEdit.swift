import Scheduling
import SyncEngine

/// What to change in a cohort's `schedule:`. Values are as they are written in the file.
package struct ScheduleEdit: Sendable, Equatable {
    /// What becomes of one key.
    package enum Field: Sendable, Equatable {
        case keep
        /// The key is taken out, so that its default holds.
        case remove
        case set(String)
    }

    /// The new schedule, such as `daily at 06:30`; nil keeps the one in force.
    package var when: String?
    package var timezone: Field
    package var jitter: Field
    package var overlap: Field
    package var catchUp: Field

    package init(
        when: String? = nil, timezone: Field = .keep, jitter: Field = .keep, overlap: Field = .keep,
        catchUp: Field = .keep
    ) {
        self.when = when.map { String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
        self.timezone = timezone
        self.jitter = jitter
        self.overlap = overlap
        self.catchUp = catchUp
    }

    /// The keys beside `when`, in the order in which they are written.
    var fields: [(key: String, field: Field)] {
        [("timezone", timezone), ("jitter", jitter), ("overlap", overlap), ("catch_up", catchUp)]
    }

    /// What the cohort's schedule is after the edit. Values that make no sense are left out here; reading the edited
    /// file reports them.
    func applied(to schedule: CohortSchedule, in workspace: WorkspaceConfiguration) -> CohortSchedule {
        var result = schedule
        if let when {
            result.text = when
            result.policy.schedule = (try? Schedule.parse(when)) ?? result.policy.schedule
        }
        switch timezone {
        case .keep: break
        case .remove:
            result.timezone = nil
            result.policy.zone = workspace.zone
        case .set(let name):
            result.timezone = name
            result.policy.zone = (try? Zone.named(name)) ?? result.policy.zone
        }
        if let text = jitter.value(default: "0s") {
            result.policy.jitterSeconds = (try? Quantity.duration(text)) ?? -1
        }
        if let text = overlap.value(default: "skip") {
            result.policy.overlap = OverlapPolicy(rawValue: text) ?? result.policy.overlap
        }
        if let text = catchUp.value(default: "latest") {
            result.policy.catchUp = CatchUpPolicy(rawValue: text) ?? result.policy.catchUp
        }
        return result
    }
}

extension ScheduleEdit.Field {
    /// The value that holds after the change; nil when there is no change.
    fileprivate func value(default text: String) -> String? {
        switch self {
        case .keep: nil
        case .remove: text
        case .set(let value): value
        }
    }
}

/// Rewrites `schedule:` of one cohort.
struct ScheduleRewrite {
    let cohort: EditedCohort

    func edits(for edit: ScheduleEdit) throws(ConfigurationEditError) -> [TextEdit] {
        guard let pair = cohort.node["schedule"] else { return try insertion(of: edit) }
        if pair.value.pairs != nil { return try mappingEdits(for: edit, pair.value) }
        guard case .scalar(_, let style) = pair.value.content else { return [] }
        let outer = MappingRewrite(cohort: cohort, node: cohort.node)
        let settings = try settings(of: edit, inFlow: true)
        if settings.isEmpty {
            guard let when = edit.when else { return [] }
            return [try outer.replace(pair, with: try encode(when, inFlow: cohort.node.isFlow, style: style))]
        }
        let written: String
        if let when = edit.when {
            written = try encode(when, inFlow: true, style: style)
        } else {
            written = try cohort.flowText(of: pair)
        }
        let entries = [("when", written)] + settings
        return [try outer.replace(pair, with: "{\(entries.map { "\($0.0): \($0.1)" }.joined(separator: ", "))}")]
    }

    private func insertion(of edit: ScheduleEdit) throws(ConfigurationEditError) -> [TextEdit] {
        let settings = try settings(of: edit, inFlow: true)
        var value: String
        if settings.isEmpty {
            guard let when = edit.when else { return [] }
            value = try encode(when, inFlow: cohort.node.isFlow)
        } else {
            var entries: [(String, String)] = settings
            if let when = edit.when { entries.insert(("when", try encode(when, inFlow: true)), at: 0) }
            value = "{\(entries.map { "\($0.0): \($0.1)" }.joined(separator: ", "))}"
        }
        return try MappingRewrite(cohort: cohort, node: cohort.node).append([("schedule", value)])
    }

    private func mappingEdits(
        for edit: ScheduleEdit, _ node: YAMLNode
    ) throws(ConfigurationEditError) -> [TextEdit] {
        let mapping = MappingRewrite(cohort: cohort, node: node)
        var edits: [TextEdit] = []
        var added: [(key: String, value: String)] = []
        let when = edit.when.map { ScheduleEdit.Field.set($0) } ?? .keep
        for (key, field) in [("when", when)] + edit.fields {
            switch (field, node[key]) {
            case (.keep, _), (.remove, nil): break
            case (.set(let text), nil): added.append((key, try encode(text, inFlow: node.isFlow)))
            case (.set(let text), let pair?):
                guard case .scalar(let old, let style) = pair.value.content, old != text else { break }
                edits.append(try mapping.replace(pair, with: try encode(text, inFlow: node.isFlow, style: style)))
            case (.remove, let pair?):
                guard let edit = mapping.remove(pair) else {
                    throw cohort.refusal(
                        pair.key.place, "\(quoted(key)) shares its line with a comment; edit the file by hand")
                }
                edits.append(edit)
            }
        }
        return edits + (try mapping.append(added))
    }

    private func settings(
        of edit: ScheduleEdit, inFlow: Bool
    ) throws(ConfigurationEditError) -> [(String, String)] {
        var settings: [(String, String)] = []
        for (key, field) in edit.fields {
            if case .set(let text) = field { settings.append((key, try encode(text, inFlow: inFlow))) }
        }
        return settings
    }

    private func encode(
        _ text: String, inFlow: Bool, style: YAMLNode.ScalarStyle = .plain
    ) throws(ConfigurationEditError) -> String {
        if let written = ScalarText.encode(text, inFlow: inFlow, style: style) { return written }
        throw cohort.refusal(cohort.model.place, "\(quoted(text)) cannot be written on one line")
    }
}

extension EditedCohort {
    /// A scalar as it stands in the file, for use between braces: in quotes where it could not go there without.
    func flowText(of pair: YAMLPair) throws(ConfigurationEditError) -> String {
        try MappingRewrite(cohort: self, node: node).requireOneLine(pair.value, of: pair)
        let written = String(decoding: parsed.text.bytes[pair.value.bytes], as: UTF8.self)
        guard let text = pair.value.plainText, !ScalarText.isPlain(text, inFlow: true) else { return written }
        return ScalarText.singleQuoted(text)
    }
}
