/// Finds what somebody probably meant by a name that does not exist.
package enum NearNames {
    /// The candidates that differ from `name` by few letters, nearest first, then in their own order.
    ///
    /// Case does not count. A swap of neighbours counts as one difference. One difference is allowed for names up to
    /// four bytes, two up to nine, three beyond. Names over 128 bytes have no near ones.
    package static func nearest(to name: String, among candidates: [String], limit: Int = 3) -> [String] {
        let wanted = folded(name)
        guard !wanted.isEmpty, wanted.count <= 128 else { return [] }
        let allowed = wanted.count <= 4 ? 1 : wanted.count <= 9 ? 2 : 3
        var scored: [(distance: Int, order: Int, name: String)] = []
        for (order, candidate) in candidates.enumerated() where abs(candidate.utf8.count - wanted.count) <= allowed {
            guard let distance = distance(wanted, folded(candidate), upTo: allowed) else { continue }
            scored.append((distance, order, candidate))
        }
        scored.sort { ($0.distance, $0.order) < ($1.distance, $1.order) }
        return scored.prefix(max(0, limit)).map(\.name)
    }

    /// The name's bytes with ASCII letters in lower case.
    static func folded(_ name: String) -> [UInt8] {
        name.utf8.map { $0.isLetter ? $0 | 0x20 : $0 }
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one name into the other ("optimal string
    /// alignment"); nil when there are more than `limit`, which is found out early: an unknown name is compared with hundreds.
    static func distance(_ left: [UInt8], _ right: [UInt8], upTo limit: Int) -> Int? {
        guard abs(left.count - right.count) <= limit else { return nil }
        var beforeLast = Array(repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        var current = beforeLast
        for (row, byte) in left.enumerated() {
            current[0] = row + 1
            var least = row + 1
            for (column, other) in right.enumerated() {
                var best = min(last[column] + (byte == other ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, byte == right[column - 1], left[row - 1] == other {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current[column + 1] = best
                least = min(least, best)
            }
            // A later row is at least this one's least: a swap across this row starts from the row before, whose least is smaller by one
            // at most, and costs one.
            guard least <= limit else { return nil }
            (beforeLast, last, current) = (last, current, beforeLast)
        }
        return last[right.count] <= limit ? last[right.count] : nil
    }
}

/// A piece of somebody's text inside a message: between backquotes, cut when long, control characters shown as `?`.
func quoted(_ text: String) -> String {
    let scalars = text.unicodeScalars.prefix(41)
    var shown = String.UnicodeScalarView()
    for scalar in scalars.prefix(40) {
        let isPlain = scalar.value >= 0x20 && scalar.value < 0x7F
        shown.append(isPlain ? scalar : "?")
    }
    return "`\(String(shown))\(scalars.count > 40 ? "…" : "")`"
}
