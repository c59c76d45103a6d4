/// No two syncs may set one trait at one destination: each would tell the other's members that they left.
enum TraitOwnership {
    static func check(_ model: WorkspaceConfiguration, log: ProblemLog) {
        let destinations = Dictionary(model.destinations.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        var owners: [Claim: (cohort: String, destination: String)] = [:]
        for cohort in model.cohorts {
            for key in cohort.destinations {
                guard let destination = destinations[key] else { continue }
                let trait = cohort.subject(at: destination.kind).text
                if case .segment = destination.kind, Self.reserved.contains(trait) {
                    log.add(
                        cohort.place,
                        "cohort \(quoted(cohort.key)): \(quoted(trait)) is one of Segment's own traits and would "
                            + "overwrite it; use another \"trait\", such as \"\(CohortConfiguration.defaultTrait)\"")
                }
                let claim = Claim(receiver: Receiver(destination.kind), trait: Array(trait.utf8))
                guard let owner = owners.updateValue((cohort.key, key), forKey: claim) else { continue }
                owners[claim] = owner
                report(cohort, at: key, destination.kind, owner: owner, trait: trait, log: log)
            }
        }
    }

    private static func report(
        _ cohort: CohortConfiguration, at destination: String, _ kind: DestinationKind, owner: (cohort: String, destination: String),
        trait: String, log: ProblemLog
    ) {
        let first = "\(owner.cohort)@\(owner.destination)"
        let place = destination == owner.destination ? "" : ", and both destinations lead to one place"
        let remedy =
            owner.cohort == cohort.key
            ? "remove one of the two from \"to\""
            : "give one of them another \"name\", \"id\" or \"trait\""
        var what = "the trait"
        if case .webhook = kind { what = "the cohort id" }
        log.add(
            cohort.place,
            "\(cohort.key)@\(destination) would own \(what) \(quoted(trait)), which \(first) owns already\(place); "
                + remedy)
    }

    /// https://segment.com/docs/connections/spec/identify/#traits
    private static let reserved: Set<String> = [
        "address", "age", "avatar", "birthday", "company", "createdAt", "description", "email", "firstName", "gender",
        "id", "lastName", "name", "phone", "title", "username", "website",
    ]

    /// One trait in one place. Traits are compared as bytes: texts that look the same may be different traits.
    private struct Claim: Hashable {
        var receiver: Receiver
        var trait: [UInt8]
    }

    /// Where messages arrive: two destinations that lead to the same receiver are one.
    private struct Receiver: Hashable {
        var parts: [String]

        init(_ kind: DestinationKind) {
            switch kind {
            case .segment(let settings): parts = ["segment", settings.address, "\(settings.writeKey)"]
            case .webhook(let settings): parts = ["webhook", settings.url]
            case .warehouse(.literal(let url)): parts = ["warehouse", "literal", url]
            case .warehouse(.reference(let reference)): parts = ["warehouse", "\(reference)"]
            case .ndjson(let path): parts = ["ndjson", path]
            }
        }
    }
}
