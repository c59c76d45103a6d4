/// What stands between an occurrence and a run of its sync.
package struct OccurrenceObstacles: Sendable, Equatable {
    /// Runs of the sync that are held, waiting or under way.
    package var held: RunID?
    package var queued: RunID?
    package var active: RunID?
    /// Why its destination refuses everything; nil when it does not.
    package var blockedReason: String?

    /// Why its source gives nothing just now, such as a spent quota; nil when it does.
    package var sourceBlockedReason: String?

    package init(
        held: RunID? = nil, queued: RunID? = nil, active: RunID? = nil, blockedReason: String? = nil,
        sourceBlockedReason: String? = nil
    ) {
        self.held = held
        self.queued = queued
        self.active = active
        self.blockedReason = blockedReason
        self.sourceBlockedReason = sourceBlockedReason
    }

    /// Why the occurrence starts no run; nil when it does.
    package func reason(destination: String, overlap: OverlapPolicy) -> String? {
        if let held { return "run \(held) is held" }
        if let blockedReason { return "\(destination) is blocked: \(blockedReason)" }
        if let sourceBlockedReason { return sourceBlockedReason }
        if let queued { return "run \(queued) is already waiting" }
        if let active, overlap == .skip { return "run \(active) is still under way" }
        return nil
    }
}
