/// How many cells of a terminal text takes.
package enum DisplayWidth {
    /// One cell's worth of text, or two for a wide character: a base and at most four marks on it.
    package struct Cluster: Hashable, Sendable {
        package var text: String
        /// 1 or 2.
        package var width: Int

        package init(text: String, width: Int) {
            self.text = text
            self.width = width
        }
    }

    /// The width of one scalar: 0, 1 or 2. Controls have none; ``PrintableText`` makes them visible first.
    package static func of(_ scalar: Unicode.Scalar) -> Int {
        let value = scalar.value
        if value < 0x300 { return value < 0x20 || (0x7F..<0xA0).contains(value) ? 0 : 1 }
        if contains(value, in: DisplayWidthTable.zero) { return 0 }
        return contains(value, in: DisplayWidthTable.wide) ? 2 : 1
    }

    /// The width of a grapheme cluster. Skin tones and joined figures take no room beside their base, as terminals draw
    /// them; the two letters of a flag take one cell each.
    package static func of(_ character: Character) -> Int {
        clusters(of: String(character)).reduce(0) { $0 + $1.width }
    }

    /// The width of a text.
    package static func of(_ text: String) -> Int {
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text.utf8.count }
        return clusters(of: text).reduce(0) { $0 + $1.width }
    }

    /// Splits text into what goes into one cell (or one pair) each. What cannot stand in a cell is left out: controls,
    /// marks without a base, marks after the fourth, skin tones after a base; what the terminal has no width for is `?`.
    package static func clusters(of text: String) -> [Cluster] {
        var clusters: [Cluster] = []
        clusters.reserveCapacity(text.utf8.count)
        var marks = 0
        for scalar in text.unicodeScalars {
            let isSkinTone = (0x1F3FB...0x1F3FF).contains(scalar.value)
            if isSkinTone, let last = clusters.last, last.width == 2 { continue }
            let width = of(scalar)
            if width == 0 {
                guard !clusters.isEmpty, marks < 4, scalar.value >= 0x300 else { continue }
                marks += 1
                clusters[clusters.count - 1].text.unicodeScalars.append(scalar)
            } else {
                marks = 0
                clusters.append(Cluster(text: isUnassigned(scalar) ? "?" : String(scalar), width: width))
            }
        }
        return clusters
    }

    private static func isUnassigned(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0x300 else { return false }
        switch scalar.properties.generalCategory {
        case .unassigned, .privateUse, .surrogate: return true
        default: return false
        }
    }

    /// Binary search among ranges in rising order.
    private static func contains(_ value: UInt32, in table: [(UInt32, UInt32)]) -> Bool {
        var low = 0
        var high = table.count
        while low < high {
            let middle = (low + high) / 2
            if value > table[middle].1 {
                low = middle + 1
            } else if value < table[middle].0 {
                high = middle
            } else {
                return true
            }
        }
        return false
    }
}
