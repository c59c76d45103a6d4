/// A time zone of the IANA database: which offset from UTC its clocks show at which instant.
///
/// A cheap value around shared, immutable storage. Two zones are equal when their identifiers are.
package struct Zone: Hashable, Sendable {
    /// The name it was asked for, such as `Europe/Berlin`.
    package let identifier: String

    let table: ZoneTable

    init(identifier: String, table: ZoneTable) {
        self.identifier = identifier
        self.table = table
    }

    /// Coordinated Universal Time. Needs no zone data.
    package static let utc = Zone(identifier: "UTC", table: .utc)

    package static func == (left: Zone, right: Zone) -> Bool {
        left.identifier == right.identifier
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(identifier)
    }

    /// Seconds east of UTC at an instant.
    package func offset(at instant: Instant) -> Int {
        table.offset(at: Int(instant.seconds))
    }

    /// The abbreviation in use at an instant, such as `CEST` or `+0330`.
    package func abbreviation(at instant: Instant) -> String {
        table.kinds[table.piece(at: Int(instant.seconds)).kind].abbreviation
    }

    /// What a wall clock in this zone shows at an instant, to the second, rounded towards the past.
    package func local(of instant: Instant) -> LocalTime {
        let second = Int(instant.seconds)
        return LocalTime(count: second + table.offset(at: second))
    }

    /// The instants at which a clock in this zone shows a local time.
    package func instants(of local: LocalTime) -> LocalResolution {
        let first = table.firstInstant(reaching: local.count)
        guard first.instant + first.piece.offset == local.count else {
            return .gap(after: Instant(seconds: Int64(first.instant)))
        }
        guard let second = table.laterInstant(showing: local.count, after: first.piece) else {
            return .one(Instant(seconds: Int64(first.instant)))
        }
        return .repeated(first: Instant(seconds: Int64(first.instant)), second: Instant(seconds: Int64(second)))
    }

    /// Every change of offset or abbreviation in the range, both ends included, within the years −9999…9999.
    package func transitions(from: Instant, to: Instant) -> [ZoneTransition] {
        let last = min(Int(to.seconds), Horizon.latest)
        var found: [ZoneTransition] = []
        var piece = table.piece(at: max(Int(from.advanced(milliseconds: -1).seconds), Horizon.earliest))
        while piece.end <= last {
            let next = table.piece(at: piece.end)
            let before = table.kinds[piece.kind]
            let after = table.kinds[next.kind]
            if before != after, next.start * 1000 >= Int(from.milliseconds) {
                found.append(ZoneTransition(at: Instant(seconds: Int64(next.start)), before: before, after: after))
            }
            piece = next
        }
        return found
    }
}

/// How often a zone's clocks show a local time.
package enum LocalResolution: Hashable, Sendable {
    /// Once, as nearly always.
    case one(Instant)
    /// Never: clocks jumped over it. The first instant after the jump.
    case gap(after: Instant)
    /// Twice: clocks were set back.
    case repeated(first: Instant, second: Instant)
}

/// The moment at which a zone's clocks change.
package struct ZoneTransition: Hashable, Sendable {
    /// The first instant of the new offset.
    package let at: Instant
    /// Seconds east of UTC until then.
    package let offsetBefore: Int
    /// Seconds east of UTC from then on.
    package let offsetAfter: Int
    /// The abbreviation until then, such as `CET`.
    package let abbreviationBefore: String
    /// The abbreviation from then on, such as `CEST`.
    package let abbreviationAfter: String

    init(at: Instant, before: ZoneKind, after: ZoneKind) {
        self.at = at
        offsetBefore = before.offset
        offsetAfter = after.offset
        abbreviationBefore = before.abbreviation
        abbreviationAfter = after.abbreviation
    }

    /// Seconds by which the clocks jump: forward (a gap) when positive, back (a repeat) when negative.
    package var jump: Int { offsetAfter - offsetBefore }

    /// The local time at which the clocks change.
    package var localBefore: LocalTime { LocalTime(count: Int(at.seconds) + offsetBefore) }
    /// The local time to which the clocks change.
    package var localAfter: LocalTime { LocalTime(count: Int(at.seconds) + offsetAfter) }
}

/// Why a zone cannot be had.
package enum ZoneError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The text cannot be the name of a zone; with names that may have been meant.
    case malformed(String, suggestions: [String])
    /// No such zone in the data; with names that may have been meant.
    case unknown(String, suggestions: [String])
    /// There is no zone data in this folder at all.
    case noData(directory: String)
    /// The zone's file cannot be opened or read.
    case unreadable(String, reason: String)
    /// The zone's file breaks the format (RFC 9636) or uses a part of it that would give wrong times.
    case damaged(String, reason: String)

    /// Names that may have been meant, nearest first.
    package var suggestions: [String] {
        switch self {
        case .malformed(_, let names), .unknown(_, let names): names
        case .noData, .unreadable, .damaged: []
        }
    }

    /// What is wrong and what would be right, for a person.
    package var description: String {
        switch self {
        case .malformed(let name, let names):
            "\(quoted(name)) cannot be a time zone; \(Self.remedy(names))"
        case .unknown(let name, let names):
            "there is no time zone \(quoted(name)); \(Self.remedy(names))"
        case .noData(let directory):
            "there is no time zone data in \(directory); install tzdata, set TZDIR, or use UTC"
        case .unreadable(let name, let reason):
            "the data of time zone \(quoted(name)) cannot be read: \(reason)"
        case .damaged(let name, let reason):
            "the data of time zone \(quoted(name)) cannot be used: \(reason)"
        }
    }

    private static func remedy(_ names: [String]) -> String {
        guard let first = names.first else { return "a zone is written as region and city, such as Europe/Berlin" }
        let rest = names.dropFirst().map { ", `\($0)`" }.joined()
        return "did you mean `\(first)`\(rest)?"
    }
}

/// The span in which schedules fire and transitions are listed: the years −9999…9999, in seconds since the epoch.
enum Horizon {
    static let earliest = CivilDate.days(year: -9999, month: 1, day: 1) * 86_400
    static let latest = CivilDate.days(year: 9999, month: 12, day: 31) * 86_400 + 86_399
}
