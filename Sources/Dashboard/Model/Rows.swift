import Control
import Scheduling

/// What identifies a row for as long as it exists, whatever happens to the list around it.
package enum RowKey: Hashable, Sendable {
    case name(ByteText)
    /// The sequence number of a stream's element.
    case number(Int)

    var text: String? {
        if case .name(let name) = self { name.text } else { nil }
    }
}

/// One sync.
struct SyncRow: Sendable {
    let view: StatusView
    let id: ByteText
    let next: Instant?
    let lastFinished: Instant?
    /// Since when it is late; nil when it is not.
    let lateSince: Instant?

    init(_ view: StatusView) {
        var view = view
        if view.state == "held" { view.reason = HeldReason.bare(view.reason) }
        self.view = view
        id = ByteText(view.sync)
        next = view.next.flatMap { Instant.parse(rfc3339: $0) }
        lastFinished = view.last_finished_at.flatMap { Instant.parse(rfc3339: $0) }
        lateSince = view.state == "late" ? Self.instant(endingA: view.reason) : nil
    }

    /// The engine explains lateness by a sentence that ends in the time.
    private static func instant(endingA sentence: String?) -> Instant? {
        guard let word = sentence?.split(separator: " ").last else { return nil }
        return Instant.parse(rfc3339: String(word))
    }
}

/// One run.
struct RunRow: Sendable {
    let view: RunView
    let id: ByteText
    /// Runs are numbered; what is no number sorts first.
    let number: Int
    let created: Instant?
    let started: Instant?
    let finished: Instant?
    let approved: Instant?

    init(_ view: RunView) {
        var view = view
        if view.phase == "held" { view.reason = HeldReason.bare(view.reason) }
        self.view = view
        id = ByteText(view.run)
        number = Int(view.run) ?? 0
        created = Instant.parse(rfc3339: view.created_at)
        started = view.started_at.flatMap { Instant.parse(rfc3339: $0) }
        finished = view.finished_at.flatMap { Instant.parse(rfc3339: $0) }
        approved = view.approved_at.flatMap { Instant.parse(rfc3339: $0) }
    }

    var isActive: Bool { view.outcome == nil && view.phase != "held" && view.phase != "finished" }
    var isHeld: Bool { view.outcome == nil && view.phase == "held" }
    /// What it has come to, or the phase it is in.
    var word: String { view.outcome ?? view.phase }
    /// Changes that the plan has in all, and those that are settled.
    var total: Int { bounded(view.entered) + bounded(view.left) + bounded(view.reasserted) }
    /// Those of them that move somebody.
    var changes: Int { bounded(view.entered) + bounded(view.left) }
    var settled: Int { bounded(view.accepted) + bounded(view.rejected) }
    /// Whether somebody stopped it before it moved anybody.
    var movedNobody: Bool { view.outcome == "discarded" || view.outcome == "cancelled" && view.accepted <= 0 }
    /// How long it took, from its approval where it waited for one; nil for a plan that only waited for somebody.
    var seconds: Double? {
        guard view.outcome != "discarded", let begun = approved ?? started, let finished else { return nil }
        return Double(finished.milliseconds(since: begun)) / 1000
    }
    var when: Instant? { started ?? created }

    /// Counts come over a socket; sums of them must not overflow.
    private func bounded(_ count: Int) -> Int { min(max(0, count), 1 << 50) }
}

/// One member's event.
struct EventRow: Sendable {
    let view: EventView

    init(_ view: EventView) {
        self.view = view
    }

    /// Read only when it is looked at: of a flood few events are.
    var at: Instant? { Instant.parse(rfc3339: view.at) }
}

/// The engine's reason for holding a plan, without the word that every screen shows beside it already.
enum HeldReason {
    private static let word = "held: "

    static func bare(_ reason: String?) -> String? {
        guard let reason, reason.hasPrefix(word) else { return reason }
        return String(reason.dropFirst(word.count))
    }
}

/// One member that could not be told.
struct RejectRow: Sendable {
    let view: RejectView
    let id: ByteText
    let at: Instant?

    init(_ view: RejectView) {
        self.view = view
        id = ByteText(view.id)
        at = Instant.parse(rfc3339: view.at)
    }
}

/// Something that will fire.
struct UpcomingFire: Sendable {
    let id: ByteText
    let at: Instant
    let fire: Fire?
    let cohort: String
    let syncs: [String]
    var schedule: String
    let zone: String
    /// Other cohorts that fire in the same minute.
    var collisions = 0
}
