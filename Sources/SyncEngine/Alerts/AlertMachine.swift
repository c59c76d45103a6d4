import Scheduling

/// What is remembered of one subject of alerts (a sync or a destination), durable across restarts. Decides what is told:
/// pure, the clock is passed in.
///
/// | state | told |
/// |---|---|
/// | a problem after a good state | at once |
/// | good after a problem, or another problem | once it has lasted `recovery_after` |
/// | a state that waits for a person (held, blocked) | at once, always: no source makes it come and go |
/// | anything after two messages without `cool_down` of quiet | once it has lasted `cool_down` |
///
/// So a source that fails and recovers again and again is told at most twice until it has kept quiet for `cool_down`.
package struct AlertMachine: Sendable, Equatable, Codable {
    /// The state now, nil for a good one, and since when.
    package private(set) var current: AlertEvent?
    package private(set) var since: Instant
    /// What people were told last; nil for a good state or nothing.
    package private(set) var told: AlertEvent?
    /// Messages since the state last kept for `cool_down`.
    package private(set) var messages = 0
    /// When a run last ended well, and since when the subject is followed: for freshness.
    package var lastGood: Instant?
    package private(set) var followedSince: Instant

    package static let mostMessages = 2

    package init(followedSince now: Instant) {
        since = now
        followedSince = now
    }

    /// Takes the state that was found and says what of it is to be told now.
    /// - Parameter isMuted: nothing is told, but the state is followed.
    /// - Returns: the event to tell and the one told before; nil for nothing.
    package mutating func observe(
        _ state: AlertEvent?, at now: Instant, policy: AlertPolicy, isMuted: Bool = false
    ) -> (event: AlertEvent, previous: AlertEvent?)? {
        let coolDown = Int64(policy.coolDownSeconds) * 1000
        // A clock that was set back must not make a state last for ever.
        if since > now { since = now }
        if state != current {
            if now.milliseconds(since: since) >= coolDown { messages = 0 }
            current = state
            since = now
        }
        guard current != told, !isMuted else { return nil }
        let lasted = now.milliseconds(since: since)
        if lasted >= coolDown { messages = 0 }
        let isPatient = messages < Self.mostMessages
            && (told == nil || lasted >= Int64(policy.recoveryAfterSeconds) * 1000)
        guard isPatient || current?.waitsForPerson == true else { return nil }
        let previous = told
        told = current
        messages += 1
        return (current ?? .recovered, previous)
    }
}
