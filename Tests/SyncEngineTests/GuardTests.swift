import Testing

@testable import SyncEngine

@Suite struct GuardTests {
    /// A plan that shrinks a ledger by so many and changes nothing else.
    private func shrink(_ leaves: Int, of ledger: Int, recent: Int = 0, ignores: Bool = false) -> GuardedPlan {
        GuardedPlan(
            snapshot: ledger - leaves, ledger: ledger, leaves: leaves, retained: ledger - leaves, recentLeaves: recent,
            ignoresLeaves: ignores)
    }

    private func names(_ limits: GuardLimits, _ plan: GuardedPlan) -> [String] {
        limits.holds(on: plan).map(\.guardName)
    }

    @Test("shrink: above 20 % of the ledger and above 50", arguments: [
        (50, 250, false), (51, 255, false), (52, 255, true), (51, 254, true), (50, 100, false), (50, 51, true),
        (200_000, 1_000_000, false), (200_001, 1_000_000, true), (0, 0, false),
    ])
    func shrinkLimit(leaves: Int, ledger: Int, holds: Bool) {
        // 50 of 51 leaves fewer than half of a ledger of 50 or more: that is drift, not shrink.
        let held = names(GuardLimits(), shrink(leaves, of: ledger))
        #expect(!held.isEmpty == holds)
        #expect(held.contains("shrink") == (holds && leaves > 50))
    }

    @Test("max_leave_count holds above it whatever the share", arguments: [(10, false), (11, true)])
    func leaveCount(leaves: Int, holds: Bool) {
        #expect(names(GuardLimits(maxLeaveCount: 10), shrink(leaves, of: 1_000_000)) == (holds ? ["shrink"] : []))
        #expect(names(GuardLimits(maxLeaveCount: 0), shrink(1, of: 1_000_000)) == ["shrink"])
    }

    @Test("24 hours: this plan's leaves and former ones against the ledger plus the former", arguments: [
        // Of 1,000 a day ago: 150 left before, the ledger has 850.
        (150, 850, 150, false), (151, 850, 150, true), (0, 850, 900, false), (1, 99, 50, true), (1, 100, 49, false),
    ])
    func daily(leaves: Int, ledger: Int, recent: Int, holds: Bool) {
        let held = GuardLimits().holds(on: shrink(leaves, of: ledger, recent: recent))
        #expect(held.contains { $0.detail.contains("max_leave_daily") } == holds)
    }

    @Test("growth: above 5x a non-empty ledger and more than 1,000 above it", arguments: [
        (5_000, 1_000, false), (5_001, 1_000, true), (1_251, 250, true), (1_250, 250, false), (1_010, 10, false),
        (1_011, 10, true), (1_000_000, 0, false),
    ])
    func growth(snapshot: Int, ledger: Int, holds: Bool) {
        let plan = GuardedPlan(snapshot: snapshot, ledger: ledger, leaves: 0, retained: ledger)
        #expect(names(GuardLimits(), plan) == (holds ? ["growth"] : []))
    }

    @Test("drift: less than half of a ledger of 50 or more is still there", arguments: [
        (25, 50, false), (24, 50, true), (24, 49, false), (0, 49, false), (25, 51, true), (26, 51, false),
    ])
    func drift(retained: Int, ledger: Int, holds: Bool) {
        let plan = GuardedPlan(snapshot: ledger, ledger: ledger, leaves: ledger - retained, retained: retained)
        #expect(names(GuardLimits(), plan) == (holds ? ["drift"] : []))
    }

    @Test("empty holds unless allowed, and being allowed lets it past shrink and drift")
    func empty() {
        let gone = shrink(100, of: 100)
        #expect(names(GuardLimits(), gone) == ["empty", "shrink", "shrink", "drift"])
        #expect(names(GuardLimits(allowEmpty: true), gone) == [])
        #expect(names(GuardLimits(), shrink(1, of: 1)) == ["empty"])
        #expect(names(GuardLimits(), shrink(0, of: 0)) == [])
        // allow_empty says nothing about a source that is nearly empty.
        #expect(names(GuardLimits(allowEmpty: true), shrink(99, of: 100)).contains("shrink"))
    }

    @Test("on_leave: ignore takes shrink and drift away, not empty and growth")
    func ignoring() {
        #expect(names(GuardLimits(), shrink(90, of: 100, ignores: true)) == [])
        #expect(names(GuardLimits(), shrink(100, of: 100, ignores: true)) == ["empty"])
        let grown = GuardedPlan(snapshot: 9_000, ledger: 100, leaves: 0, retained: 100, ignoresLeaves: true)
        #expect(names(GuardLimits(), grown) == ["growth"])
    }

    @Test("guards: off holds nothing")
    func off() {
        #expect(GuardLimits(areOff: true).holds(on: shrink(100, of: 100)).isEmpty)
    }

    @Test("the largest numbers overflow nothing")
    func largest() {
        let plan = GuardedPlan(snapshot: .max, ledger: 1 << 61, leaves: 1 << 61, retained: 0, recentLeaves: 1 << 61)
        #expect(Set(names(GuardLimits(), plan)) == ["shrink", "drift"])
    }

    @Test("the sentence names both numbers and the limit")
    func wording() {
        let detail = GuardLimits(maxLeave: 125_000).holds(on: shrink(52, of: 255)).first?.detail
        #expect(detail == "52 of 255 members would leave, above 12.5 % (max_leave)")
    }

    // MARK: - Definition

    @Test("a changed trait, source kind or destination is held; a changed query is noted")
    func definition() {
        let told = SyncIdentity.sample
        var now = told
        #expect(now.holds(comparedWith: told).isEmpty && now.notes(comparedWith: told).isEmpty)
        now.sourceDefinition = "other.csv"
        #expect(now.holds(comparedWith: told).isEmpty)
        #expect(now.notes(comparedWith: told) == ["the definition changed: big.csv became other.csv"])
        for change: WritableKeyPath<SyncIdentity, String> in [
            \.trait, \.sourceKind, \.destinationKind, \.destinationAddress,
        ] {
            var changed = told
            changed[keyPath: change] += "2"
            #expect(changed.holds(comparedWith: told).map(\.guardName) == ["definition"])
        }
    }

    @Test("a renamed cohort is told from an edited trait")
    func renamed() {
        let told = SyncIdentity.sample
        var renamed = told
        renamed.trait = "Whales"
        #expect(renamed.holds(comparedWith: told).first?.detail.hasPrefix("the cohort was renamed") == true)
        renamed.template = "Whales"
        #expect(renamed.holds(comparedWith: told).first?.detail.hasPrefix("the trait changed from") == true)
    }
}
