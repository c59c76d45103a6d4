import Scheduling

@testable import SyncEngine

/// A reproducible source of numbers (SplitMix64). Tests name their seed in failures.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

/// A moment to count from: 2026-01-01T00:00:00Z.
let newYear = Instant(seconds: 1_767_225_600)

extension SyncIdentity {
    /// What the tests' sync is at its destination.
    static let sample = SyncIdentity(
        trait: "Big Spenders", template: "{name}", sourceKind: "csv", sourceDefinition: "big.csv",
        destinationKind: "segment", destinationAddress: "https://api.example")
}

extension RunRecord {
    /// A run that was just created.
    static func sample(mode: RunMode = .changes) -> RunRecord {
        RunRecord(
            id: RunID(7), sync: SyncID(cohort: "big", destination: "seg"), trigger: .manual, mode: mode, nominal: nil,
            createdAt: newYear, identity: .sample)
    }
}

extension PlanFacts {
    /// A plan of so many changes against a ledger.
    static func sample(entered: Int, left: Int = 0, ledger: Int = 0, withheld: Int = 0) -> PlanFacts {
        var facts = PlanFacts(file: "7.plan", digest: "d", hash: "h")
        facts.entered = entered
        facts.left = left
        facts.ledger = ledger
        facts.withheld = withheld
        return facts
    }
}

extension FetchCounts {
    static func sample(members: Int, duplicates: Int = 0, invalid: Int = 0, unreadable: Int = 0) -> FetchCounts {
        var counts = FetchCounts()
        counts.read = members + duplicates + invalid
        counts.members = members
        counts.duplicates = duplicates
        counts.invalid = invalid
        counts.unreadable = unreadable
        return counts
    }
}
