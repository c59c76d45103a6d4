/// Why a text is no quantity: what would be right.
struct QuantityComplaint: Error, Equatable {
    var message: String
}

/// Numbers with a unit, as they are written in the file. Exact: nothing passes through floating point.
enum Quantity {
    /// `30s`, `5m`, `2h`, `1d`, in seconds.
    static func duration(_ text: String) throws(QuantityComplaint) -> Int {
        let right = "a duration is a whole number and s, m, h or d, such as 30s, 10m, 12h or 1d"
        let (digits, unit) = split(text)
        guard let number = whole(digits) else { throw QuantityComplaint(message: right) }
        let factors = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard !unit.isEmpty else {
            throw QuantityComplaint(message: "the unit is missing: \(digits)s, \(digits)m, \(digits)h or \(digits)d")
        }
        guard let factor = factors[unit] else { throw QuantityComplaint(message: right) }
        return try product(number, factor)
    }

    /// `512KiB`, `256MiB`, `4GiB`, in bytes.
    static func size(_ text: String) throws(QuantityComplaint) -> Int {
        let (digits, unit) = split(text)
        guard let number = whole(digits) else {
            throw QuantityComplaint(message: "a size is a whole number and KiB, MiB or GiB, such as 256MiB")
        }
        switch unit {
        case "KiB": return try product(number, 1 << 10)
        case "MiB": return try product(number, 1 << 20)
        case "GiB": return try product(number, 1 << 30)
        default:
            let near = ["k": "KiB", "m": "MiB", "g": "GiB"][unit.prefix(1).lowercased()] ?? "MiB"
            throw QuantityComplaint(message: "write \(digits)\(near); sizes are in KiB, MiB or GiB")
        }
    }

    /// `20%` or `0.5%`, in parts per million; 0 % to 100 %.
    static func share(_ text: String) throws(QuantityComplaint) -> Int {
        let right = "a share is a percentage, such as 20% or 0.5%"
        guard text.hasSuffix("%") else {
            if let number = decimal(text, places: 6), number > 0, number < 1_000_000, text.hasPrefix("0.") {
                throw QuantityComplaint(message: "\(right); \(text) is \(percentage(number))")
            }
            throw QuantityComplaint(message: right)
        }
        guard let millionths = decimal(String(text.dropLast()), places: 4) else {
            throw QuantityComplaint(message: "\(right), with at most four decimals")
        }
        guard millionths <= 1_000_000 else { throw QuantityComplaint(message: "a share is at most 100%") }
        return millionths
    }

    /// `5x` or `1.5x`, in parts per million; 1x to 1,000,000x.
    static func multiple(_ text: String) throws(QuantityComplaint) -> Int {
        let right = "a multiple is a number and x, such as 5x or 1.5x"
        guard text.hasSuffix("x"), let millionths = decimal(String(text.dropLast()), places: 6) else {
            throw QuantityComplaint(message: right)
        }
        guard millionths >= 1_000_000, millionths <= 1_000_000_000_000 else {
            throw QuantityComplaint(message: "\(right), between 1x and 1000000x")
        }
        return millionths
    }

    /// `500/s`, in events a second; 1 to 1,000,000. `unlimited` is the largest number there is.
    static func rate(_ text: String) throws(QuantityComplaint) -> Int {
        if text == "unlimited" { return .max }
        let right = "a rate is a whole number of events a second, such as 500/s, or unlimited"
        guard text.hasSuffix("/s") else {
            guard let number = whole(text) else { throw QuantityComplaint(message: right) }
            throw QuantityComplaint(message: "\(right): write \(number)/s")
        }
        guard let number = whole(String(text.dropLast(2))) else { throw QuantityComplaint(message: right) }
        guard (1...1_000_000).contains(number) else {
            throw QuantityComplaint(message: "\(right), between 1/s and 1000000/s")
        }
        return number
    }

    /// A whole number without sign, leading zeros or anything else; nil otherwise.
    static func whole(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard text == "0" || !text.hasPrefix("0") else { return nil }
        return Int(text)
    }

    /// Parts per million as a percentage, without trailing zeros.
    static func percentage(_ millionths: Int) -> String {
        let fraction = millionths % 10_000
        guard fraction != 0 else { return "\(millionths / 10_000)%" }
        var digits = String(String(10_000 + fraction).dropFirst())
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(millionths / 10_000).\(digits)%"
    }

    /// `12.5` as 12.5 × 10^places; nil when it is no number of at most that many decimals.
    private static func decimal(_ text: String, places: Int) -> Int? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let number = whole(String(parts[0])) else { return nil }
        var fraction = parts.count == 2 ? String(parts[1]) : "0"
        guard !fraction.isEmpty, fraction.utf8.count <= places,
            fraction.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        fraction += String(repeating: "0", count: places - fraction.utf8.count)
        let unit = (0..<places).reduce(1) { product, _ in product * 10 }
        let (scaled, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow, let rest = Int(fraction) else { return nil }
        let (sum, overflowed) = scaled.addingReportingOverflow(rest)
        return overflowed ? nil : sum
    }

    private static func split(_ text: String) -> (digits: String, unit: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        return (String(digits), String(text.dropFirst(digits.count)))
    }

    private static func product(_ number: Int, _ factor: Int) throws(QuantityComplaint) -> Int {
        let (result, overflow) = number.multipliedReportingOverflow(by: factor)
        guard !overflow else { throw QuantityComplaint(message: "the number is too large") }
        return result
    }
}
