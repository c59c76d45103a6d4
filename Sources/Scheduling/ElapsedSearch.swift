/// Finds the fires of an interval: every whole multiple of it since 1970-01-01T00:00:00Z, whatever clocks show. All
/// times are seconds since the epoch.
struct ElapsedSearch {
    /// Seconds, at least 1.
    let interval: Int
    let table: ZoneTable

    func next(after second: Int) -> Fire? {
        guard second < Horizon.latest else { return nil }
        let start = max(second, Horizon.earliest - 1)
        let nominal = (start.flooredQuotient(interval) + 1) * interval
        return nominal <= Horizon.latest ? fire(at: nominal) : nil
    }

    func latest(atOrBefore second: Int, after floor: Int) -> Fire? {
        let nominal = min(second, Horizon.latest).flooredQuotient(interval) * interval
        return nominal > max(floor, Horizon.earliest - 1) ? fire(at: nominal) : nil
    }

    func count(after: Int, through: Int) -> Int {
        let after = max(after, Horizon.earliest - 1)
        let through = min(through, Horizon.latest)
        guard after < through else { return 0 }
        return through.flooredQuotient(interval) - after.flooredQuotient(interval)
    }

    private func fire(at nominal: Int) -> Fire {
        let piece = table.piece(at: nominal)
        return Fire(
            nominal: Instant(seconds: Int64(nominal)), local: LocalTime(count: nominal + piece.offset),
            offsetSeconds: piece.offset, abbreviation: table.kinds[piece.kind].abbreviation)
    }
}
