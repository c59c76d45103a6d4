import Testing

@testable import Scheduling

@Suite struct InstantTests {
    @Test(arguments: [
        (0 as Int64, "1970-01-01T00:00:00.000Z"),
        (1_772_366_400_000, "2026-03-01T12:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ])
    func writesAndReads(milliseconds: Int64, text: String) {
        let instant = Instant(milliseconds: milliseconds)
        #expect(instant.rfc3339 == text)
        #expect(instant.rfc3339Seconds == text.prefix(19) + "Z")
        #expect(Instant.parse(rfc3339: text) == instant)
    }

    @Test(arguments: [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01t12:00:00z", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01 12:00:00+00:00", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01T12:00:00.5Z", "2026-03-01T12:00:00.500Z"),
        ("2026-03-01T12:00:00.05Z", "2026-03-01T12:00:00.050Z"),
        ("2026-03-01T12:00:00.123999999Z", "2026-03-01T12:00:00.123Z"),
        ("2026-03-01T12:00:00+05:30", "2026-03-01T06:30:00.000Z"),
        ("2026-03-01T12:00:00-23:59", "2026-03-02T11:59:00.000Z"),
        ("2026-03-01", "2026-03-01T00:00:00.000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
        ("2016-12-31T18:59:60.9-05:00", "2017-01-01T00:00:00.000Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
    ])
    func readsEveryForm(text: String, canonical: String) {
        #expect(Instant.parse(rfc3339: text)?.rfc3339 == canonical)
    }

    @Test(arguments: [
        "", "2026", "2026-03", "2026-3-1", "2026-03-01T", "2026-03-01T12:00", "2026-03-01T12:00:00",
        "2026-03-01T12:00:00.", "2026-03-01T12:00:00.Z", "2026-03-01T12:00:00+0100", "2026-03-01T12:00:00+24:00",
        "2026-03-01T24:00:00Z", "2026-03-01T12:60:00Z", "2026-03-01T12:00:61Z", "2026-03-01T12:00:60Z",
        "2026-13-01", "2026-00-01", "2026-02-29", "2026-02-30", "2026-04-31", "2026-03-00", "0000-01-01",
        "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z", "+2026-03-01",
        " 2026-03-01", "2026-03-01 ", "2026-03-01T12:00:00ZZ", "2026-03-01T12:00:00Z\0", "２０２６-03-01",
        "2026-03-01T12:00:00.00000000000000000000000000000000000000000000000000Z",
    ])
    func refuses(text: String) {
        #expect(Instant.parse(rfc3339: text) == nil)
    }

    @Test func textAndInstantAgreeEverywhere() throws {
        let seed: UInt64 = 11
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<5000 {
            let milliseconds = Int64.random(in: -62_135_596_800_000...253_402_300_799_999, using: &generator)
            let instant = Instant(milliseconds: milliseconds)
            #expect(Instant.parse(rfc3339: instant.rfc3339) == instant, "seed \(seed)")
            #expect(Instant.parse(rfc3339: instant.rfc3339Seconds) == Instant(seconds: instant.seconds), "seed \(seed)")
        }
    }

    @Test func outsideTheCalendarNothingTraps() {
        for milliseconds in [Int64.min, .min + 1, -62_135_596_800_001, 253_402_300_800_000, .max - 1, .max] {
            let instant = Instant(milliseconds: milliseconds)
            #expect(Instant.parse(rfc3339: instant.rfc3339) == nil)
            #expect(instant.rfc3339.hasSuffix("Z") && instant.rfc3339Seconds.hasSuffix("Z"))
            #expect(instant.advanced(seconds: .max) >= instant)
            #expect(instant.advanced(seconds: .min) <= instant)
            #expect(instant.milliseconds(since: Instant(milliseconds: .min)) >= 0)
        }
        #expect(Instant(seconds: .max).milliseconds == .max)
        #expect(Instant(seconds: .min).milliseconds == .min)
        #expect(Instant(milliseconds: .min).seconds == -9_223_372_036_854_776)
        #expect(Instant(milliseconds: -1).seconds == -1)
        #expect(Instant(milliseconds: -1000).seconds == -1)
        #expect(Instant(milliseconds: -1001).seconds == -2)
    }

    @Test func garbageNeverTraps() {
        let seed: UInt64 = 12
        var generator = SeededGenerator(seed: seed)
        let sample = Array("2026-03-01T12:00:00.123+01:00".utf8)
        var understood = 0
        for _ in 0..<5000 {
            var bytes = sample
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...127, using: &generator)
            }
            if let instant = Instant.parse(rfc3339: String(decoding: bytes, as: UTF8.self)) {
                understood += 1
                #expect(Instant.parse(rfc3339: instant.rfc3339) == instant, "seed \(seed)")
            }
        }
        #expect(understood > 50 && understood < 4000, "seed \(seed): \(understood)")
    }
}

@Suite struct CalendarTests {
    /// Counts days one by one and compares with the arithmetic, over a whole cycle of the calendar and more.
    @Test func arithmeticCountsAsACalendarDoes() {
        var (year, month, day) = (1890, 1, 1)
        var weekday = 3  // 1 January 1890 was a Wednesday.
        let first = CivilDate.days(year: 1890, month: 1, day: 1)
        var wrong = 0
        for days in first..<first + 146_097 {
            let date = CivilDate(days: days)
            if (date.year, date.month, date.day) != (year, month, day) || date.days != days
                || Weekday(days: days).rawValue != weekday
            {
                wrong += 1
            }
            let isLeap = year % 400 == 0 || year % 4 == 0 && year % 100 != 0
            let length = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
            weekday = (weekday + 1) % 7
            day += 1
            if day > length { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
        #expect(wrong == 0)
        #expect((year, month, day) == (2290, 1, 1))
    }

    @Test func datesBeforeTheEra() throws {
        #expect(CivilDate(days: -719_528) == CivilDate(year: 0, month: 1, day: 1))
        #expect(CivilDate(days: -719_529) == CivilDate(year: -1, month: 12, day: 31))
        #expect(CivilDate(year: -9999, month: 1, day: 1)?.days == CivilDate.days(year: -9999, month: 1, day: 1))
        #expect(try #require(CivilDate(year: 2026, month: 3, day: 29)).weekday == .sunday)
    }

    @Test func impossibleDatesAndTimesAreNil() {
        #expect(CivilDate(year: 2025, month: 2, day: 29) == nil)
        #expect(CivilDate(year: 2024, month: 2, day: 29) != nil)
        #expect(CivilDate(year: 1900, month: 2, day: 29) == nil)
        #expect(CivilDate(year: 2000, month: 2, day: 29) != nil)
        #expect(CivilDate(year: 2000, month: 0, day: 1) == nil)
        #expect(CivilDate(year: 2000, month: 13, day: 1) == nil)
        #expect(CivilDate(year: .max, month: 1, day: 1) == nil)
        #expect(LocalTime(year: 2026, month: 1, day: 1, hour: 24) == nil)
        #expect(LocalTime(year: 2026, month: 1, day: 1, minute: 60) == nil)
        #expect(LocalTime(year: 2026, month: 1, day: 1, second: -1) == nil)
    }

    @Test func localTimesReadAsClocksShowThem() throws {
        let time = try #require(LocalTime(year: 2026, month: 3, day: 9, hour: 6, minute: 5))
        #expect(time.description == "2026-03-09 06:05")
        #expect(time.iso8601 == "2026-03-09T06:05:00")
        #expect(time.clock == "06:05")
        #expect(time.dateText == "2026-03-09")
        #expect(time.weekday == .monday)
        #expect((time.year, time.month, time.day) == (2026, 3, 9))
        #expect((time.hour, time.minute, time.second) == (6, 5, 0))
        let odd = try #require(LocalTime(year: 5, month: 1, day: 1, second: 7))
        #expect(odd.description == "0005-01-01 00:00:07")
        #expect(odd < time)
    }
}
