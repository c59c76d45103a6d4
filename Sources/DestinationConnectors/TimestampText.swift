import Scheduling

/// Instants as the API wants them: `2026-03-01T12:00:00.000Z`, always with milliseconds, always of one length.
enum TimestampText {
    /// Bytes of the text.
    static let count = 24

    static func text(of instant: Instant) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard let base = buffer.baseAddress else { return }
            write(instant, to: UnsafeMutableRawPointer(base))
            initialized = count
        }
    }

    /// Writes ``count`` bytes. Instants outside the years 1…9999 are written as the nearest within.
    static func write(_ instant: Instant, to target: UnsafeMutableRawPointer) {
        let milliseconds = min(max(instant.milliseconds, -62_135_596_800_000), 253_402_300_799_999)
        let days = floorDivide(milliseconds, 86_400_000)
        let inDay = milliseconds - days * 86_400_000
        let date = CivilDate(days: days)
        put(date.year, digits: 4, at: 0, then: "-", target)
        put(date.month, digits: 2, at: 5, then: "-", target)
        put(date.day, digits: 2, at: 8, then: "T", target)
        put(inDay / 3_600_000, digits: 2, at: 11, then: ":", target)
        put(inDay / 60_000 % 60, digits: 2, at: 14, then: ":", target)
        put(inDay / 1000 % 60, digits: 2, at: 17, then: ".", target)
        put(inDay % 1000, digits: 3, at: 20, then: "Z", target)
    }

    private static func put(
        _ value: Int64, digits: Int, at offset: Int, then separator: Unicode.Scalar, _ target: UnsafeMutableRawPointer
    ) {
        var rest = value
        for index in stride(from: digits - 1, through: 0, by: -1) {
            target.storeBytes(of: UInt8(0x30 + rest % 10), toByteOffset: offset + index, as: UInt8.self)
            rest /= 10
        }
        target.storeBytes(of: UInt8(ascii: separator), toByteOffset: offset + digits, as: UInt8.self)
    }
}

/// A day of the proleptic Gregorian calendar.
struct CivilDate: Equatable {
    var year: Int64
    var month: Int64
    var day: Int64

    init(year: Int64, month: Int64, day: Int64) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The day that many days after 1 January 1970. Years are counted from March, so that leap days come last.
    init(days: Int64) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1 January 1970.
    var days: Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let era = floorDivide(marchYear, 400)
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

/// Division that rounds towards the past.
func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
}
