import Scheduling

/// What an alert can be about, as it is written in `alerts: {events: […]}`. The order is that of importance: of several
/// that hold the first is the state.
package enum AlertEvent: String, Sendable, Codable, CaseIterable {
    /// A destination or a sync refuses everything until somebody changes something.
    case blocked
    /// A plan waits for approve or discard.
    case held
    case failed
    case partial
    /// An occurrence did not start within the grace time.
    case notStarted = "not_started"
    /// The last good run is older than `stale_after`.
    case stale
    /// What was told is over.
    case recovered

    /// Whether the state lasts until a person acts, so that no source can make it come and go.
    var waitsForPerson: Bool { self == .blocked || self == .held }
}

/// One thing to tell people. Never holds a secret: reasons are cleaned where they arise.
package struct AlertMessage: Sendable, Equatable, Codable {
    package var event: AlertEvent
    /// The event that was told before, for a recovery or a change; nil after a good state.
    package var previous: AlertEvent?
    /// `cohort@destination`, or nil for an alert about a destination.
    package var sync: String?
    package var destination: String
    /// One sentence.
    package var detail: String
    package var run: String?
    package var at: Instant
    /// Since when the subject is in this state.
    package var since: Instant

    package init(
        event: AlertEvent, previous: AlertEvent?, sync: String?, destination: String, detail: String, run: String?,
        at: Instant, since: Instant
    ) {
        self.event = event
        self.previous = previous
        self.sync = sync
        self.destination = destination
        self.detail = detail
        self.run = run
        self.at = at
        self.since = since
    }

    /// One line for a person: `held  vip@segment: 500 of 600 members would leave`.
    package var line: String {
        let subject = sync ?? "destination \(destination)"
        let change = event == .recovered && previous != nil ? " (was \(previous?.rawValue ?? ""))" : ""
        return "\(event.rawValue) \(subject)\(change): \(detail)"
    }
}

/// What became of an attempt to tell.
package enum AlertDelivery: Sendable, Equatable {
    case delivered
    /// Worth another attempt later; the sentence is for the log.
    case failed(String)
}

/// A way to reach people. Always ends within its own deadline.
package protocol AlertChannel: Sendable {
    /// The key in the configuration.
    var key: String { get }
    /// Tells all of these at once.
    func deliver(_ messages: [AlertMessage]) async -> AlertDelivery
}
