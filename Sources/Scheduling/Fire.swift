/// One occurrence of a schedule.
package struct Fire: Hashable, Sendable {
    /// The instant the schedule names, on a whole second. With the sync it identifies the occurrence.
    package let nominal: Instant
    /// What the clock of the schedule's zone shows then.
    package let local: LocalTime
    /// Seconds east of UTC of that zone then.
    package let offsetSeconds: Int
    /// The zone's abbreviation then, such as `CET`.
    package let abbreviation: String
    /// What a clock change did to this fire, if anything.
    package let note: FireNote?

    /// An occurrence; `local`, `offsetSeconds` and `abbreviation` are the zone's at `nominal`.
    package init(nominal: Instant, local: LocalTime, offsetSeconds: Int, abbreviation: String, note: FireNote? = nil) {
        self.nominal = nominal
        self.local = local
        self.offsetSeconds = offsetSeconds
        self.abbreviation = abbreviation
        self.note = note
    }
}

/// What a clock change did to a fire. A description speaks to a person.
package enum FireNote: Hashable, Sendable, CustomStringConvertible {
    /// Clocks jump over the first time that was due, `wanted`, so this run is at the first instant after the gap. It
    /// stands for everything the gap skips, and for a time that is due at that instant anyway.
    case shiftedByGap(wanted: LocalTime)
    /// Clocks show this time twice; this is the first, and the only run.
    case firstOfRepeated

    /// The note as half a sentence, without the fire's own time.
    package var description: String {
        switch self {
        case .shiftedByGap(let wanted):
            "\(wanted.clock) on \(wanted.dateText) is skipped by a clock change: runs once, right after it"
        case .firstOfRepeated:
            "clocks show this time twice: runs once, the first time"
        }
    }
}
