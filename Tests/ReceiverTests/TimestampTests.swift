import Testing

@testable import Receiver

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0, true),
        ("2026-03-01T12:00:00.000Z", 1_772_366_400_000, true),
        ("2026-03-01T12:00:00.123456789Z", 1_772_366_400_123, true),
        ("2026-03-01T12:00:00.1Z", 1_772_366_400_100, true),
        ("2026-03-01T13:00:00+01:00", 1_772_366_400_000, true),
        ("2026-03-01T06:30:00-0530", 1_772_366_400_000, true),
        ("2026-03-01T13:00:00+01", 1_772_366_400_000, true),
        ("2026-03-01 12:00:00", 1_772_366_400_000, false),
        ("2026-03-01t12:00z", 1_772_366_400_000, true),
        ("2026-03-01", 1_772_323_200_000, false),
        ("2000-02-29T00:00:00Z", 951_782_400_000, true),
        ("1969-12-31T23:59:59.999Z", -1, true),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000, true),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999, true),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000, true),
    ] as [(String, Int64, Bool)])
    func reads(_ text: String, _ milliseconds: Int64, _ hasZone: Bool) {
        #expect(Timestamp.parse(text.utf8) == Timestamp.Parsed(milliseconds: milliseconds, hasZone: hasZone))
    }

    @Test(arguments: [
        "", "now", "2026", "2026-3-1", "2026-13-01", "2026-02-29", "2026-00-10", "0000-01-01", "2026-03-01T",
        "2026-03-01T24:00:00Z", "2026-03-01T12:60:00Z", "2026-03-01T12:00:61Z", "2026-03-01T12:00:00.Z",
        "2026-03-01T12:00:00Zx", "2026-03-01T12:00:00+1", "2026-03-01T12:00:00+25:00", "1772366400000",
        "2026-03-01T12:00:00.000000000000000000000000000000000000000000000000000000000000Z",
    ])
    func refuses(_ text: String) {
        #expect(Timestamp.parse(text.utf8) == nil)
    }

    @Test func writesWhatItReads() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<5000 {
            let time = Int64.random(in: Timestamp.range, using: &generator)
            let text = Timestamp.text(time)
            #expect(text.count == 24)
            #expect(Timestamp.parse(text) == Timestamp.Parsed(milliseconds: time, hasZone: true), "seed 3, \(time)")
        }
        #expect(String(decoding: Timestamp.text(1_772_366_405_007), as: UTF8.self) == "2026-03-01T12:00:05.007Z")
        #expect(String(decoding: Timestamp.text(.max), as: UTF8.self) == "9999-12-31T23:59:59.999Z")
        #expect(String(decoding: Timestamp.text(.min), as: UTF8.self) == "0001-01-01T00:00:00.000Z")
    }
}
