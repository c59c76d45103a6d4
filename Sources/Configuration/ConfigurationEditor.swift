import Scheduling
import SyncEngine

/// Changes single values of a `rollcall.yaml` and leaves every other byte as it is: comments, order, quoting, blank
/// lines, line ends.
///
/// Each edit is made on the bytes, read back, and must say exactly what was meant and nothing else; otherwise the
/// edit is refused and the editor stays as it was. An editor never rewrites what it cannot represent.
package struct ConfigurationEditor: Sendable {
    /// The file with all edits so far.
    package private(set) var bytes: [UInt8]
    /// The file as it was given.
    let original: [UInt8]
    private(set) var parsed: ParsedConfiguration

    /// - Parameters:
    ///   - bytes: a configuration that checks out.
    ///   - file: the name that errors carry.
    /// - Throws: ``ConfigurationError/invalid(file:problems:)`` for one that does not.
    package init(_ bytes: [UInt8], file: String) throws(ConfigurationError) {
        self.bytes = bytes
        original = bytes
        parsed = try ParsedConfiguration(bytes, file: file)
    }

    /// What the edited file says.
    package var model: WorkspaceConfiguration { parsed.model }

    // MARK: Edits

    /// Changes when a cohort runs.
    package mutating func setSchedule(cohort: String, to edit: ScheduleEdit) throws(ConfigurationEditError) {
        let target = try EditedCohort(cohort, in: parsed)
        var intended = parsed.model
        intended.cohorts[target.index].schedule = edit.applied(to: target.model.schedule, in: parsed.model)
        try apply(try ScheduleRewrite(cohort: target).edits(for: edit), of: target, intending: intended)
    }

    /// Holds back a cohort's schedule, or lets it run again.
    /// - Parameter destinations: the syncs it is about, by destination; nil for all.
    package mutating func setPaused(
        cohort: String, destinations: [String]? = nil, paused: Bool
    ) throws(ConfigurationEditError) {
        let target = try EditedCohort(cohort, in: parsed)
        let known = target.model.destinations
        let named = destinations ?? known
        if let stranger = named.first(where: { !known.contains($0) }) {
            throw .unknown("cohort \(quoted(cohort)) has no destination \(quoted(stranger)); it has \(listed(known))")
        }
        let before = target.model.pausedDestinations
        let after = known.filter { named.contains($0) ? paused : before.contains($0) }
        guard after != before else { return }
        var intended = parsed.model
        intended.cohorts[target.index].schedule.setPaused(after, of: known)
        try apply(try PauseRewrite(cohort: target).edits(pausing: after), of: target, intending: intended)
    }

    /// Changes one limit of `guards:`, such as `max_leave` to `30%`.
    /// - Parameter value: as it is written in the file; nil takes the limit out, so that its default holds.
    package mutating func setGuard(cohort: String, name: String, value: String?) throws(ConfigurationEditError) {
        guard GuardReader.keys.contains(name) else {
            throw .unknown("there is no guard \(quoted(name)); there is \(listed(GuardReader.keys))")
        }
        let target = try EditedCohort(cohort, in: parsed)
        let edits = try GuardRewrite(cohort: target).edits(name, to: value)
        var intended = parsed.model
        GuardRewrite.set(name, to: value, in: &intended.cohorts[target.index].guards)
        try apply(edits, of: target, intending: intended)
    }

    /// Adds a cohort behind the last one.
    /// - Parameter block: its key and mapping as they would stand under `cohorts:`, at any indentation.
    package mutating func addCohort(_ block: String) throws(ConfigurationEditError) {
        let edits = try CohortInsertion(parsed).edits(for: block)
        let edited = try reread(edits)
        var expected = edited.model
        let added = expected.cohorts.popLast()
        guard added != nil, expected == parsed.model else { throw misread(parsed.root.place) }
        accept(edited)
    }

    // MARK: Checking

    private mutating func apply(
        _ edits: [TextEdit], of cohort: EditedCohort, intending intended: WorkspaceConfiguration
    ) throws(ConfigurationEditError) {
        let edited = try reread(edits)
        guard edited.model.saysTheSame(as: intended) else { throw misread(cohort.model.place) }
        accept(edited)
    }

    private func reread(_ edits: [TextEdit]) throws(ConfigurationEditError) -> ParsedConfiguration {
        let mark: [UInt8] = parsed.hasMark ? [0xEF, 0xBB, 0xBF] : []
        let edited = mark + TextEdit.apply(edits, to: parsed.text.bytes)
        do {
            return try ParsedConfiguration(edited, file: parsed.file)
        } catch {
            throw .invalid(error)
        }
    }

    private mutating func accept(_ edited: ParsedConfiguration) {
        bytes = (edited.hasMark ? [0xEF, 0xBB, 0xBF] : []) + edited.text.bytes
        parsed = edited
    }

    private func misread(_ place: Place) -> ConfigurationEditError {
        .unrepresentable(
            file: parsed.file,
            ConfigurationProblem(
                line: place.line, column: place.column,
                message: "the edited file would not say what was meant; edit the file by hand"))
    }
}

/// Why an edit was not made. Nothing has changed then.
package enum ConfigurationEditError: Error, Sendable, Equatable {
    /// A cohort, destination or guard that is not there.
    case unknown(String)
    /// The place is written in a way that the editor does not rewrite; it is to be edited by hand.
    case unrepresentable(file: String, ConfigurationProblem)
    /// The edited file would not check out: the new value is wrong. Positions are those in the edited file.
    case invalid(ConfigurationError)
}

extension ConfigurationEditError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknown(let message): message
        case .unrepresentable(let file, let problem): "\(file):\(problem.line):\(problem.column): \(problem.message)"
        case .invalid(let error): error.description
        }
    }
}

/// The cohort that an edit is about, in text and in meaning.
struct EditedCohort {
    let parsed: ParsedConfiguration
    /// Its place in the model's list.
    let index: Int
    let model: CohortConfiguration
    /// Its mapping.
    let node: YAMLNode

    init(_ key: String, in parsed: ParsedConfiguration) throws(ConfigurationEditError) {
        guard let index = parsed.model.cohorts.firstIndex(where: { $0.key == key }),
            let node = parsed.root["cohorts"]?.value[key]?.value
        else {
            let near = nearName(key, among: parsed.model.cohorts.map(\.key)).map { "; did you mean \(quoted($0))?" }
            throw .unknown("there is no cohort \(quoted(key))\(near ?? "")")
        }
        self.parsed = parsed
        self.index = index
        self.node = node
        model = parsed.model.cohorts[index]
    }

    /// The refusal to rewrite what stands at `place`.
    func refusal(_ place: Place, _ message: String) -> ConfigurationEditError {
        .unrepresentable(
            file: parsed.file, ConfigurationProblem(line: place.line, column: place.column, message: message))
    }
}

extension WorkspaceConfiguration {
    /// Equality, where `paused: true` and a list of all destinations are the same.
    fileprivate func saysTheSame(as other: WorkspaceConfiguration) -> Bool {
        var (left, right) = (self, other)
        for index in left.cohorts.indices where index < right.cohorts.count {
            guard Set(left.cohorts[index].pausedDestinations) == Set(right.cohorts[index].pausedDestinations) else {
                return false
            }
            left.cohorts[index].schedule.setPaused([], of: [])
            right.cohorts[index].schedule.setPaused([], of: [])
        }
        return left == right
    }
}

extension CohortSchedule {
    /// Pauses exactly these of `all` destinations.
    fileprivate mutating func setPaused(_ destinations: [String], of all: [String]) {
        if destinations.isEmpty { paused = .none } else { paused = destinations == all ? .all : .only(destinations) }
        policy.isPaused = paused == .all
    }
}
