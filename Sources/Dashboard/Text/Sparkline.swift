/// A row of bars, one cell each.
enum Sparkline {
    /// - Parameters:
    ///   - values: oldest first; nil where there was nothing; negative for a failure.
    ///   - width: cells; the newest values that fit are shown, at the right.
    static func text(_ values: [Int?], width: Int, glyphs: Glyphs) -> String {
        guard width > 0 else { return "" }
        let shown = values.suffix(width)
        let highest = shown.compactMap { $0 }.max() ?? 0
        var text = String(repeating: " ", count: width - shown.count)
        for value in shown {
            guard let value else {
                text += " "
                continue
            }
            text += value < 0 ? glyphs.failedBar : bar(value, highest: highest, levels: glyphs.bars)
        }
        return text
    }

    private static func bar(_ value: Int, highest: Int, levels: [String]) -> String {
        guard highest > 0, let last = levels.last, let first = levels.first else { return levels.first ?? " " }
        if value >= highest { return last }
        let step = Int(Double(value) / Double(highest) * Double(levels.count))
        return levels.indices.contains(step) ? levels[step] : first
    }
}

/// The band in which a count usually lies, from the latest runs.
enum UsualBand {
    /// Whether a count is far outside: three interquartile ranges and at least ten beyond the middle half of five or
    /// more earlier counts.
    static func isOdd(_ value: Int, among earlier: [Int]) -> Bool {
        guard earlier.count >= 5 else { return false }
        let sorted = earlier.suffix(30).sorted()
        let low = sorted[sorted.count / 4]
        let high = sorted[sorted.count * 3 / 4]
        let reach = max(10, (high &- low) &* 3)
        return value > high &+ reach || value < low &- reach
    }
}
