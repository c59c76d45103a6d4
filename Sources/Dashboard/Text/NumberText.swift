/// Numbers as people read them in narrow columns.
enum NumberText {
    /// `12,345`.
    static func grouped(_ number: Int) -> String {
        var digits = Array(String(number.magnitude))
        var position = digits.count - 3
        while position > 0 {
            digits.insert(",", at: position)
            position -= 3
        }
        return (number < 0 ? "-" : "") + String(digits)
    }

    /// `9114`, `41.8k`, `512k`, `3.1M`: at most five characters.
    static func compact(_ number: Int) -> String {
        let magnitude = number.magnitude
        let sign = number < 0 ? "-" : ""
        if magnitude < 10_000 { return "\(number)" }
        for (unit, size) in [("k", UInt(1_000)), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000)] {
            if magnitude < size * 100 {
                return "\(sign)\(magnitude / size).\(magnitude % size * 10 / size)\(unit)"
            }
            if magnitude < size * 1_000 { return "\(sign)\(magnitude / size)\(unit)" }
        }
        return "\(sign)999T+"
    }

    /// `1.2 MiB`.
    static func bytes(_ number: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(max(0, number))
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(max(0, number)) B" : "\(oneDecimal(value)) \(units[unit])"
    }

    /// With one decimal, such as `2.1`. What is no number, or too large for one, is `-`.
    static func oneDecimal(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "-" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }

    /// Per second, such as `412/s` or `0.4/s`.
    static func rate(_ perSecond: Double) -> String {
        guard perSecond.isFinite, perSecond < 1e12 else { return "-" }
        return perSecond >= 10 ? "\(compact(Int(perSecond)))/s" : "\(oneDecimal(perSecond))/s"
    }

    /// A share from 0 to 100; nil when there is nothing to share.
    static func percent(_ part: Int, of whole: Int) -> Int? {
        guard whole > 0 else { return nil }
        return min(100, max(0, Int(Double(part) / Double(whole) * 100)))
    }

    /// `2 syncs`, `1 sync`.
    static func counted(_ number: Int, _ noun: String) -> String {
        let plural = noun.hasSuffix("s") ? noun : noun == "entry" ? "entries" : noun + "s"
        return "\(grouped(number)) \(number == 1 ? noun : plural)"
    }
}
