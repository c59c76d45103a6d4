import Membership

/// The plan files of a run in the order of their positions: one, or for a migration first the one that ends the former
/// trait, then its own.
struct RunPlans: Sendable {
    struct Part: Sendable {
        var plan: Plan
        /// Position of its first change in the run.
        var first: Int

        var range: Range<Int> { first..<(first + plan.count) }
    }

    private(set) var parts: [Part] = []
    /// How many changes end a former trait and must be settled before any of the others is sent.
    private(set) var formerCount = 0

    /// The run's own plan.
    let own: Plan

    init(own: Plan, former: Plan?) {
        self.own = own
        if let former {
            parts.append(Part(plan: former, first: 0))
            formerCount = former.count
        }
        parts.append(Part(plan: own, first: formerCount))
    }

    /// Opens the files that a run names.
    static func open(_ facts: PlanFacts, in folder: StateFolder) throws(StateFileError) -> RunPlans {
        let own = try Plan.open(folder.plans + "/" + facts.file, expecting: FileDigest(hex: facts.digest))
        guard let former = facts.former else { return RunPlans(own: own, former: nil) }
        return RunPlans(
            own: own,
            former: try Plan.open(folder.plans + "/" + former.file, expecting: FileDigest(hex: former.digest)))
    }

    var count: Int { parts.reduce(0) { $0 + $1.plan.count } }

    /// The plan that ends the former trait.
    var former: Plan? { parts.count > 1 ? parts[0].plan : nil }

    /// A member's changes with their positions in the run: at most one a part.
    func find(_ member: MemberID) throws(StateFileError) -> [(position: Int, entry: PlanEntry)] {
        var found: [(position: Int, entry: PlanEntry)] = []
        for part in parts {
            if let entry = try part.plan.find(member) { found.append((part.first + entry.index, entry)) }
        }
        return found
    }

    /// Calls `visit` with each change of these positions and its position, in order, until it returns false.
    func walk(_ range: Range<Int>, _ visit: (Int, PlanRecord) throws -> Bool) throws {
        for part in parts where part.range.overlaps(range) {
            var reader = try part.plan.reader(from: max(0, range.lowerBound - part.first))
            while let record = try reader.next() {
                let position = part.first + record.index
                if position >= range.upperBound { return }
                guard try visit(position, record) else { return }
            }
        }
    }
}
