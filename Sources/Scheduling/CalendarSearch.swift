/// Finds the fires of a pattern in a zone. All times are seconds since the epoch.
///
/// **A pinned pattern** (no star or step in the hours) fires for each matching local time once: at the first instant at
/// which clocks have reached it. That instant is its first occurrence where the time repeats, and the end of the gap
/// where it is skipped; it never decreases with the local time. Local times that are first reached at one instant, all
/// those that a gap skips, are one fire.
///
/// **A pattern that follows the clock** fires at every instant whose local time matches, however often that is.
struct CalendarSearch {
    let pattern: CronPattern
    let table: ZoneTable

    /// The first fire after a second, within the horizon.
    func next(after second: Int) -> Fire? {
        guard second < Horizon.latest else { return nil }
        let start = max(second, Horizon.earliest - 1)
        let fire = pattern.followsClock ? nextMatch(after: start) : nextReached(after: start)
        return fire.flatMap { $0.nominal.seconds <= Horizon.latest ? $0 : nil }
    }

    /// The last fire in (`floor`, `second`], within the horizon.
    func latest(atOrBefore second: Int, after floor: Int) -> Fire? {
        let floor = max(floor, Horizon.earliest - 1)
        let end = min(second, Horizon.latest)
        guard floor < end else { return nil }
        return pattern.followsClock
            ? lastMatch(atOrBefore: end, after: floor) : lastReached(atOrBefore: end, after: floor)
    }

    /// How many fires lie in (`after`, `through`]; exact below `enough`.
    func count(after: Int, through: Int, enough: Int) -> Int {
        let after = max(after, Horizon.earliest - 1)
        let through = min(through, Horizon.latest)
        guard after < through, enough > 0 else { return 0 }
        let enough = min(enough, 1 << 48)
        return pattern.followsClock
            ? countMatches(after: after, through: through, enough: enough)
            : countReached(after: after, through: through, enough: enough)
    }

    // MARK: - Pinned

    private func nextReached(after second: Int) -> Fire? {
        guard let local = pattern.next(after: table.farthestLocal(through: second)) else { return nil }
        let (instant, piece) = table.firstInstant(reaching: local)
        return reached(local, at: instant, in: piece)
    }

    private func lastReached(atOrBefore second: Int, after floor: Int) -> Fire? {
        guard let last = pattern.previous(atOrBefore: table.farthestLocal(through: second)) else { return nil }
        let (instant, piece) = table.firstInstant(reaching: last)
        guard instant > floor else { return nil }
        // A gap may have skipped earlier matches too; the fire is named after the first.
        guard instant == piece.start else { return reached(last, at: instant, in: piece) }
        let first = pattern.next(after: table.farthestLocal(through: instant - 1)) ?? last
        return reached(first, at: instant, in: piece)
    }

    /// The fire for the first matching time that clocks reach at an instant.
    private func reached(_ local: Int, at instant: Int, in piece: ZonePiece) -> Fire {
        var note: FireNote?
        if local < instant + piece.offset {
            note = .shiftedByGap(wanted: LocalTime(count: local))
        } else if table.laterInstant(showing: local, after: piece) != nil {
            note = .firstOfRepeated
        }
        return fire(at: instant, in: piece, note: note)
    }

    private func countReached(after: Int, through: Int, enough: Int) -> Int {
        var count = 0
        var piece = table.piece(at: after)
        var reached = table.farthestLocal(through: after)
        while count < enough {
            // Up to the last second of the piece every match is a fire; those that the next piece's start jumps
            // over, and the one exactly there, are one.
            let last = min(through, piece.end - 1)
            let shown = last + piece.offset
            count += pattern.count(after: reached, through: shown, enough: enough)
            reached = max(reached, shown)
            guard piece.end <= through else { break }
            piece = table.piece(at: piece.end)
            let landed = piece.start + piece.offset
            if landed > reached {
                count += pattern.next(after: reached).map { $0 <= landed } ?? false ? 1 : 0
                reached = landed
            }
        }
        return count
    }

    // MARK: - Following the clock

    private func nextMatch(after second: Int) -> Fire? {
        var second = second
        var piece = table.piece(at: second + 1)
        // No match lies between these two local times, so a jump into their middle needs no new search.
        var searchedFrom = 0
        var found: Int?
        while second < Horizon.latest {
            let local = second + piece.offset
            if found.map({ local < searchedFrom || local >= $0 }) ?? true {
                searchedFrom = local
                found = pattern.next(after: local)
            }
            guard let match = found else { return nil }
            if match - piece.offset < piece.end { return fire(at: match - piece.offset, in: piece) }
            second = piece.end - 1
            piece = table.piece(at: piece.end)
        }
        return nil
    }

    private func lastMatch(atOrBefore second: Int, after floor: Int) -> Fire? {
        var second = second
        var searchedFrom = 0
        var found: Int?
        while second > floor {
            let piece = table.piece(at: second)
            let local = second + piece.offset
            if found.map({ local > searchedFrom || local < $0 }) ?? true {
                searchedFrom = local
                found = pattern.previous(atOrBefore: local)
            }
            guard let match = found else { return nil }
            let instant = match - piece.offset
            if instant >= piece.start { return instant > floor ? fire(at: instant, in: piece) : nil }
            second = piece.start - 1
        }
        return nil
    }

    private func countMatches(after: Int, through: Int, enough: Int) -> Int {
        var count = 0
        var second = after
        while second < through, count < enough {
            let piece = table.piece(at: second + 1)
            let last = min(through, piece.end - 1)
            count += pattern.count(after: second + piece.offset, through: last + piece.offset, enough: enough)
            second = last
        }
        return count
    }

    private func fire(at instant: Int, in piece: ZonePiece, note: FireNote? = nil) -> Fire {
        Fire(
            nominal: Instant(seconds: Int64(instant)), local: LocalTime(count: instant + piece.offset),
            offsetSeconds: piece.offset, abbreviation: table.kinds[piece.kind].abbreviation, note: note)
    }
}
