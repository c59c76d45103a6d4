/// One kind of local time in a zone.
struct ZoneKind: Hashable, Sendable {
    /// Seconds east of UTC, within ``offsetRange``.
    let offset: Int
    let abbreviation: String

    /// What RFC 9636 §3.2 calls reasonable: more than −25 hours and less than 26.
    static let offsetRange = -89_999...93_599
}

/// A stretch of time in which a zone keeps one kind of local time.
struct ZonePiece {
    /// First second, and the first second after the end. ``ZoneTable/beginning`` and ``ZoneTable/end`` stand for ever.
    let start: Int
    let end: Int
    /// Index into ``ZoneTable/kinds``.
    let kind: Int
    /// Seconds east of UTC, copied from the kind.
    let offset: Int
}

/// The transitions of a zone: a sorted table, then a yearly rule for all time behind it.
///
/// Seconds are since the epoch. Instants that are asked for lie within ±2^54, transitions within ±2^60, so that
/// adding offsets never overflows.
final class ZoneTable: Sendable {
    /// Stand for minus and plus infinity, with room for arithmetic.
    static let beginning = -(1 << 61)
    static let end = 1 << 61

    let kinds: [ZoneKind]
    private let times: [Int]
    private let kindOfTime: [Int]
    private let rule: ZoneRule?
    private let ruleKinds: (standard: Int, daylight: Int)
    private let smallestOffset: Int
    private let largestOffset: Int

    static let utc = ZoneTable(
        kinds: [ZoneKind(offset: 0, abbreviation: "UTC")], times: [], kindOfTime: [], rule: nil)

    /// - Parameters:
    ///   - kinds: at least one; the first holds before the first transition.
    ///   - times: strictly ascending.
    ///   - kindOfTime: for each time, the index of the kind that begins there.
    ///   - rule: what holds from the last time on, or always without times; nil when the last kind stays.
    init(kinds: [ZoneKind], times: [Int], kindOfTime: [Int], rule: ZoneRule?) {
        var kinds = kinds
        var ruleKinds = (standard: 0, daylight: 0)
        if let rule {
            ruleKinds = (kinds.count, kinds.count)
            kinds.append(rule.standard)
            if let daylight = rule.daylight {
                ruleKinds.daylight = kinds.count
                kinds.append(daylight.kind)
            }
        }
        self.kinds = kinds
        self.times = times
        self.kindOfTime = kindOfTime
        self.rule = rule
        self.ruleKinds = ruleKinds
        smallestOffset = kinds.reduce(Int.max) { min($0, $1.offset) }
        largestOffset = kinds.reduce(Int.min) { max($0, $1.offset) }
    }

    func offset(at second: Int) -> Int {
        piece(at: second).offset
    }

    /// The stretch that contains an instant.
    func piece(at second: Int) -> ZonePiece {
        guard let last = times.last, second < last else { return lastPiece(at: second) }
        // The first index whose time is after the instant; there is one.
        var low = 0
        var high = times.count - 1
        while low < high {
            let middle = (low + high) / 2
            if times[middle] <= second { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else {
            return ZonePiece(start: Self.beginning, end: times[0], kind: 0, offset: kinds[0].offset)
        }
        let kind = kindOfTime[low - 1]
        return ZonePiece(start: times[low - 1], end: times[low], kind: kind, offset: kinds[kind].offset)
    }

    /// The stretch that contains an instant which is not before the last transition of the table.
    private func lastPiece(at second: Int) -> ZonePiece {
        let start = times.last ?? Self.beginning
        guard let rule else {
            let kind = kindOfTime.last ?? 0
            return ZonePiece(start: start, end: Self.end, kind: kind, offset: kinds[kind].offset)
        }
        guard let daylight = rule.daylight else {
            let kind = ruleKinds.standard
            return ZonePiece(start: start, end: Self.end, kind: kind, offset: kinds[kind].offset)
        }
        let now = daylight.phase(at: second, standardOffset: rule.standard.offset)
        var kind = now.isDaylight ? ruleKinds.daylight : ruleKinds.standard
        // What the last transition says holds until the rule's next change. Only a file that contradicts itself shows
        // a difference; older `zic -b slim` wrote such a one for America/Ojinaga in 2022.
        if now.start <= start, let last = kindOfTime.last { kind = last }
        return ZonePiece(start: max(start, now.start), end: now.end, kind: kind, offset: kinds[kind].offset)
    }

    /// The farthest local time that clocks have shown up to and including a second. Differs from what they show just
    /// then only in the hours after they were set back.
    func farthestLocal(through second: Int) -> Int {
        var piece = piece(at: second)
        var farthest = second + piece.offset
        let reach = second - (largestOffset - smallestOffset)
        while piece.start > reach {
            let lastBefore = piece.start - 1
            piece = self.piece(at: lastBefore)
            farthest = max(farthest, lastBefore + piece.offset)
        }
        return farthest
    }

    /// The first instant at which clocks show a local time or, when they jump over it, a later one.
    ///
    /// This never decreases from one local time to the next, so a day of local times becomes an ordered run of instants
    /// whatever the clocks do in it.
    func firstInstant(reaching local: Int) -> (instant: Int, piece: ZonePiece) {
        var second = local - largestOffset
        while true {
            let piece = piece(at: second)
            let candidate = max(second, local - piece.offset)
            if candidate < piece.end { return (candidate, piece) }
            second = piece.end
        }
    }

    /// An instant after `piece` at which clocks show a local time again, or nil.
    func laterInstant(showing local: Int, after piece: ZonePiece) -> Int? {
        var second = piece.end
        while second <= local - smallestOffset {
            let piece = self.piece(at: second)
            let candidate = local - piece.offset
            if candidate >= second, candidate < piece.end { return candidate }
            second = piece.end
        }
        return nil
    }
}
