import Scheduling
import SyncEngine

/// Reads `schedule:` of a cohort and `timezone:` wherever it stands.
struct ScheduleReader {
    static let keys = ["when", "timezone", "jitter", "overlap", "catch_up", "paused"]

    let log: ProblemLog
    /// The zone of schedules that name none.
    let defaultZone: Zone
    let zones: ZoneShelf

    /// A schedule that is not written is `manual`.
    /// - Parameter destinations: the cohort's `to`; nil when that is wrong itself.
    func read(_ cohort: Fields, destinations: [String]?) -> CohortSchedule? {
        guard let node = cohort["schedule"] else {
            return schedule("manual", at: nil, of: cohort.owner, zone: defaultZone)
        }
        guard node.pairs != nil else {
            return cohort.text("schedule").flatMap { schedule($0, at: node, of: cohort.owner, zone: defaultZone) }
        }
        guard let fields = Fields(node, owner: "the schedule of \(cohort.owner)", place: node.place, log: log) else {
            return nil
        }
        fields.allowOnly(Self.keys)
        let timezone = fields.text("timezone")
        let zone = fields["timezone"] == nil ? defaultZone : zones.zone("timezone", of: fields)
        let jitter = fields.quantity("jitter", within: (0...86_400, "at most 1d"), Quantity.duration)
        let overlap: OverlapPolicy? = fields.choice("overlap")
        let catchUp: CatchUpPolicy? = fields.choice("catch_up")
        let paused = paused(fields, destinations: destinations)
        let text = fields["when"] == nil ? "manual" : fields.text("when")
        guard let text,
            var result = schedule(text, at: fields["when"], of: cohort.owner, zone: zone ?? defaultZone)
        else { return nil }
        result.timezone = timezone
        result.paused = paused
        result.policy.jitterSeconds = jitter ?? 0
        result.policy.overlap = overlap ?? .skip
        result.policy.catchUp = catchUp ?? .latest
        result.policy.isPaused = paused == .all
        return result
    }

    private func schedule(
        _ text: String, at node: YAMLNode?, of owner: String, zone: Zone
    ) -> CohortSchedule? {
        do {
            let schedule = try Schedule.parse(text)
            return CohortSchedule(text: text, policy: SchedulePolicy(schedule: schedule, zone: zone))
        } catch {
            guard let node else { return nil }
            var place = node.place
            // The error's column counts bytes of the text, which stands in the file as it is unless quotes escape
            // something or it goes over several lines.
            if let quote = node.quoteWidth(of: text) { place.column += quote + max(0, error.column) }
            log.add(place, "schedule \(quoted(text)) of \(owner): \(error.message)")
            return nil
        }
    }

    /// `true`, `false`, or the list of the destinations whose syncs are paused.
    private func paused(_ fields: Fields, destinations: [String]?) -> PausedSyncs {
        guard let node = fields["paused"] else { return .none }
        if node.items?.isEmpty == true { return .none }
        guard node.items != nil else {
            if ["true", "false"].contains(node.plainText) { return node.plainText == "true" ? .all : .none }
            let example = "[\(destinations?.first ?? "segment")]"
            log.add(
                node.place,
                "\"paused\" of \(fields.owner) must be true or false without quotes, or a list of destinations such as "
                    + example)
            return .none
        }
        var names: [String] = []
        for (name, item) in fields.texts("paused", example: "[segment]") ?? [] {
            if let destinations, !destinations.contains(name) {
                let near = nearName(name, among: destinations).map { "did you mean \(quoted($0))?" }
                log.add(
                    item.place,
                    "\"paused\" of \(fields.owner) names \(quoted(name)), which is not in its \"to\"; "
                        + (near ?? "it can name \(listedShort(destinations, "or"))"))
            } else if names.contains(name) {
                log.add(item.place, "\"paused\" of \(fields.owner) names \(quoted(name)) twice; remove one of them")
            } else {
                names.append(name)
            }
        }
        return .only(names)
    }
}

extension YAMLNode {
    /// How many characters stand before the scalar's text, when the text stands in the file as it is; nil otherwise.
    fileprivate func quoteWidth(of text: String) -> Int? {
        guard case .scalar(_, let style) = content else { return nil }
        let width = style == .plain ? 0 : 1
        return style != .block && bytes.count == text.utf8.count + 2 * width ? width : nil
    }
}

/// The zones of one file, each read from the system once.
final class ZoneShelf {
    private var zones: [String: Result<Zone, ZoneError>] = [:]

    func zone(_ key: String, of fields: Fields) -> Zone? {
        guard let node = fields[key], let name = fields.text(key) else { return nil }
        let result = zones[name] ?? load(name)
        zones[name] = result
        switch result {
        case .success(let zone): return zone
        case .failure(let error):
            fields.log.add(node.place, "\(quoted(key)) of \(fields.owner): \(error.description)")
            return nil
        }
    }

    private func load(_ name: String) -> Result<Zone, ZoneError> {
        do { return .success(try Zone.named(name)) } catch { return .failure(error) }
    }
}
