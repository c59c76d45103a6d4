import Testing

@testable import Scheduling

/// A reproducible source of numbers (SplitMix64). Tests name their seed in failures.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// The instant of an RFC 3339 text that the test's author vouches for.
func instant(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> Instant {
    try #require(Instant.parse(rfc3339: text), "\(text)", sourceLocation: sourceLocation)
}

/// The local time of a text such as `2026-03-29 02:30`.
func local(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> LocalTime {
    let asUTC = try instant(text.split(separator: " ").joined(separator: "T") + ":00Z", sourceLocation: sourceLocation)
    return Zone.utc.local(of: asUTC)
}

/// Fires as `nominal instant | local time | abbreviation | note`, to compare and to read.
func lines(_ fires: [Fire]) -> [String] {
    fires.map { fire in
        let note = switch fire.note {
        case nil: ""
        case .shiftedByGap(let wanted): " gap \(wanted)"
        case .firstOfRepeated: " first"
        }
        return "\(fire.nominal.rfc3339Seconds) \(fire.local) \(fire.abbreviation)\(note)"
    }
}

/// Builds TZif files (RFC 9636), sound and unsound.
struct TZifBuilder {
    var version = UInt8(ascii: "2")
    var times: [Int64] = []
    var kindOfTime: [UInt8] = []
    var kinds: [(offset: Int32, daylight: UInt8, name: UInt8)] = [(0, 0, 0)]
    var names: [UInt8] = Array("UTC\0".utf8)
    var leapSeconds: [(at: Int64, correction: Int32)] = []
    var footer = "\nUTC0\n"

    var bytes: [UInt8] {
        // The 32-bit block is empty but for the one kind that it must have.
        var bytes = header(timeCount: 0, kindCount: 1, nameCount: 1, leapCount: 0)
        bytes += [0, 0, 0, 0, 0, 0, 0]
        bytes += header(
            timeCount: times.count, kindCount: kinds.count, nameCount: names.count, leapCount: leapSeconds.count)
        for time in times { bytes += bigEndian(UInt64(bitPattern: time), 8) }
        bytes += kindOfTime
        for kind in kinds { bytes += bigEndian(kind.offset) + [kind.daylight, kind.name] }
        bytes += names
        for leap in leapSeconds {
            bytes += bigEndian(UInt64(bitPattern: leap.at), 8) + bigEndian(leap.correction)
        }
        return bytes + Array(footer.utf8)
    }

    private func header(timeCount: Int, kindCount: Int, nameCount: Int, leapCount: Int) -> [UInt8] {
        var bytes = Array("TZif".utf8) + [version] + [UInt8](repeating: 0, count: 15)
        for count in [0, 0, leapCount, timeCount, kindCount, nameCount] { bytes += bigEndian(UInt64(count), 4) }
        return bytes
    }

    private func bigEndian(_ number: Int32) -> [UInt8] {
        bigEndian(UInt64(UInt32(bitPattern: number)), 4)
    }

    private func bigEndian(_ number: UInt64, _ size: Int) -> [UInt8] {
        (0..<size).reversed().map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) }
    }
}
