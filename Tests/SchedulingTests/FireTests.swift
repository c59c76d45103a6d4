import Testing

@testable import Scheduling

@Suite struct FireTests {
    private func fires(
        _ text: String, _ zone: String, after: String, _ count: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> [String] {
        lines(try Schedule.parse(text).fires(after: instant(after), in: Zone.named(zone), limit: count))
    }

    // MARK: - Clock changes

    /// Reliability fault T1: 02:30 New York is 03:00 EDT on the day clocks jump.
    @Test func aFixedTimeInAGapRunsOnceRightAfterIt() throws {
        #expect(
            try fires("daily at 02:30", "America/New_York", after: "2026-03-07T00:00:00Z", 3) == [
                "2026-03-07T07:30:00Z 2026-03-07 02:30 EST",
                "2026-03-08T07:00:00Z 2026-03-08 03:00 EDT gap 2026-03-08 02:30",
                "2026-03-09T06:30:00Z 2026-03-09 02:30 EDT",
            ])
    }

    /// Reliability fault T2: the first of two, and only that.
    @Test func aRepeatedTimeRunsOnceTheFirstTime() throws {
        #expect(
            try fires("daily at 01:30", "America/New_York", after: "2026-10-31T12:00:00Z", 2) == [
                "2026-11-01T05:30:00Z 2026-11-01 01:30 EDT first",
                "2026-11-02T06:30:00Z 2026-11-02 01:30 EST",
            ])
        // Also when the search begins between the first and the second.
        #expect(
            try fires("daily at 01:30", "America/New_York", after: "2026-11-01T06:10:00Z", 1) == [
                "2026-11-02T06:30:00Z 2026-11-02 01:30 EST"
            ])
        // A time just outside the repeat is not marked.
        #expect(
            try fires("daily at 02:00", "America/New_York", after: "2026-10-31T12:00:00Z", 1) == [
                "2026-11-01T07:00:00Z 2026-11-01 02:00 EST"
            ])
    }

    @Test func severalTimesInOneGapAreOneRun() throws {
        #expect(
            try fires("*/15 1-3 * * *", "Europe/Berlin", after: "2026-03-29T00:15:00Z", 5) == [
                "2026-03-29T00:30:00Z 2026-03-29 01:30 CET",
                "2026-03-29T00:45:00Z 2026-03-29 01:45 CET",
                "2026-03-29T01:00:00Z 2026-03-29 03:00 CEST gap 2026-03-29 02:00",
                "2026-03-29T01:15:00Z 2026-03-29 03:15 CEST",
                "2026-03-29T01:30:00Z 2026-03-29 03:30 CEST",
            ])
        #expect(
            try fires("*/30 2 * * *", "Europe/Berlin", after: "2026-10-24T23:00:00Z", 3) == [
                "2026-10-25T00:00:00Z 2026-10-25 02:00 CEST first",
                "2026-10-25T00:30:00Z 2026-10-25 02:30 CEST first",
                "2026-10-26T01:00:00Z 2026-10-26 02:00 CET",
            ])
    }

    @Test func aStarInTheHoursKnowsNoGapRule() throws {
        #expect(
            try fires("30 * * * *", "Europe/Berlin", after: "2026-03-29T00:00:00Z", 2) == [
                "2026-03-29T00:30:00Z 2026-03-29 01:30 CET", "2026-03-29T01:30:00Z 2026-03-29 03:30 CEST",
            ])
        #expect(
            try fires("30 * * * *", "Europe/Berlin", after: "2026-10-25T00:00:00Z", 3) == [
                "2026-10-25T00:30:00Z 2026-10-25 02:30 CEST", "2026-10-25T01:30:00Z 2026-10-25 02:30 CET",
                "2026-10-25T02:30:00Z 2026-10-25 03:30 CET",
            ])
        // A step alone is enough: 02:30 is skipped in spring, and there twice in autumn.
        #expect(
            try fires("30 2-2/1 * * *", "Europe/Berlin", after: "2026-03-28T12:00:00Z", 1) == [
                "2026-03-30T00:30:00Z 2026-03-30 02:30 CEST"
            ])
        #expect(
            try fires("30 */2 * * *", "Europe/Berlin", after: "2026-10-25T00:00:00Z", 3) == [
                "2026-10-25T00:30:00Z 2026-10-25 02:30 CEST", "2026-10-25T01:30:00Z 2026-10-25 02:30 CET",
                "2026-10-25T03:30:00Z 2026-10-25 04:30 CET",
            ])
    }

    @Test func intervalsFollowElapsedTime() throws {
        #expect(
            try fires("every 30m", "Europe/Berlin", after: "2026-10-25T00:00:00Z", 3) == [
                "2026-10-25T00:30:00Z 2026-10-25 02:30 CEST", "2026-10-25T01:00:00Z 2026-10-25 02:00 CET",
                "2026-10-25T01:30:00Z 2026-10-25 02:30 CET",
            ])
        #expect(
            try fires("realtime", "America/New_York", after: "2026-03-08T06:58:30Z", 2) == [
                "2026-03-08T06:59:00Z 2026-03-08 01:59 EST", "2026-03-08T07:00:00Z 2026-03-08 03:00 EDT",
            ])
        // Anchored at the epoch, wherever the search begins.
        #expect(
            try fires("every 7h", "UTC", after: "1970-01-01", 2) == [
                "1970-01-01T07:00:00Z 1970-01-01 07:00 UTC", "1970-01-01T14:00:00Z 1970-01-01 14:00 UTC",
            ])
        #expect(
            try fires("every 7h", "UTC", after: "1969-12-31T16:59:59.999Z", 1) == [
                "1969-12-31T17:00:00Z 1969-12-31 17:00 UTC"
            ])
        #expect(
            try fires("every 1d", "Asia/Kolkata", after: "2026-01-01", 1) == [
                "2026-01-02T00:00:00Z 2026-01-02 05:30 IST"
            ])
    }

    /// Samoa has no 30 December 2011. All that the gap skips is one run, at the first instant of the 31st.
    @Test func aDayThatIsSkippedIsOneRun() throws {
        #expect(
            try fires("daily at 06:30", "Pacific/Apia", after: "2011-12-29T12:00:00Z", 3) == [
                "2011-12-29T16:30:00Z 2011-12-29 06:30 -10",
                "2011-12-30T10:00:00Z 2011-12-31 00:00 +14 gap 2011-12-30 06:30",
                "2011-12-30T16:30:00Z 2011-12-31 06:30 +14",
            ])
        #expect(
            try fires("0 6,12,18 * * *", "Pacific/Apia", after: "2011-12-30T04:00:00Z", 2) == [
                "2011-12-30T10:00:00Z 2011-12-31 00:00 +14 gap 2011-12-30 06:00",
                "2011-12-30T16:00:00Z 2011-12-31 06:00 +14",
            ])
        #expect(
            try fires("@daily", "Pacific/Apia", after: "2011-12-29T10:00:00Z", 2) == [
                "2011-12-30T10:00:00Z 2011-12-31 00:00 +14 gap 2011-12-30 00:00",
                "2011-12-31T10:00:00Z 2012-01-01 00:00 +14",
            ])
        #expect(
            try fires("monthly on 30 at 12:00", "Pacific/Apia", after: "2011-12-01", 2) == [
                "2011-12-30T10:00:00Z 2011-12-31 00:00 +14 gap 2011-12-30 12:00",
                "2012-01-29T22:00:00Z 2012-01-30 12:00 +14",
            ])
        // Nothing was due on the day that is missing.
        #expect(
            try fires("weekly on thu at 12:00", "Pacific/Apia", after: "2011-12-28", 2) == [
                "2011-12-29T22:00:00Z 2011-12-29 12:00 -10", "2012-01-04T22:00:00Z 2012-01-05 12:00 +14",
            ])
    }

    /// Clocks went back three hours at 02:00, to 23:00 of the day before: midnight came twice.
    @Test func caseyTwiceTheSameMidnight() throws {
        #expect(
            try fires("@daily", "Antarctica/Casey", after: "2010-03-03T14:00:00Z", 2) == [
                "2010-03-04T13:00:00Z 2010-03-05 00:00 +11 first", "2010-03-05T16:00:00Z 2010-03-06 00:00 +08",
            ])
        #expect(
            try fires("0 */1 * * *", "Antarctica/Casey", after: "2010-03-04T12:30:00Z", 4) == [
                "2010-03-04T13:00:00Z 2010-03-05 00:00 +11", "2010-03-04T14:00:00Z 2010-03-05 01:00 +11",
                "2010-03-04T15:00:00Z 2010-03-04 23:00 +08", "2010-03-04T16:00:00Z 2010-03-05 00:00 +08",
            ])
    }

    @Test func halfAnHourOnLordHowe() throws {
        #expect(
            try fires("daily at 02:15", "Australia/Lord_Howe", after: "2026-10-02T20:00:00Z", 2) == [
                "2026-10-03T15:30:00Z 2026-10-04 02:30 +11 gap 2026-10-04 02:15",
                "2026-10-04T15:15:00Z 2026-10-05 02:15 +11",
            ])
        #expect(
            try fires("daily at 01:45", "Australia/Lord_Howe", after: "2026-04-04T00:00:00Z", 1) == [
                "2026-04-04T14:45:00Z 2026-04-05 01:45 +11 first"
            ])
    }

    /// Zones once had offsets that are no whole minutes; nominal times then are none either.
    @Test func oddOffsets() throws {
        #expect(
            try fires("daily at 12:00", "Africa/Monrovia", after: "1971-12-31", 1) == [
                "1971-12-31T12:44:30Z 1971-12-31 12:00 MMT"
            ])
        #expect(
            try fires("*/30 * * * *", "Africa/Monrovia", after: "1972-01-07T00:00:00Z", 2) == [
                "1972-01-07T00:14:30Z 1972-01-06 23:30 MMT", "1972-01-07T01:00:00Z 1972-01-07 01:00 GMT",
            ])
        #expect(
            try fires("@daily", "Africa/Monrovia", after: "1972-01-06T12:00:00Z", 1) == [
                "1972-01-07T00:44:30Z 1972-01-07 00:44:30 GMT gap 1972-01-07 00:00"
            ])
    }

    // MARK: - Calendars

    @Test func shortMonthsAndLeapYears() throws {
        #expect(
            try fires("monthly on 31 at 03:00", "UTC", after: "2026-01-31T03:00:00Z", 3) == [
                "2026-03-31T03:00:00Z 2026-03-31 03:00 UTC", "2026-05-31T03:00:00Z 2026-05-31 03:00 UTC",
                "2026-07-31T03:00:00Z 2026-07-31 03:00 UTC",
            ])
        #expect(
            try fires("0 0 29 2 *", "UTC", after: "2096-03-01", 2) == [
                "2104-02-29T00:00:00Z 2104-02-29 00:00 UTC", "2108-02-29T00:00:00Z 2108-02-29 00:00 UTC",
            ])
        // A 29 February on a Sunday, with a star in the weekday: both must hold, and 2100 has none.
        #expect(
            try fires("0 0 29 2 */7", "UTC", after: "2060-03-01", 2) == [
                "2088-02-29T00:00:00Z 2088-02-29 00:00 UTC", "2128-02-29T00:00:00Z 2128-02-29 00:00 UTC",
            ])
    }

    @Test func dayOfMonthAndWeekdayCombineWithOr() throws {
        let days = try Schedule.parse("0 0 13 * fri").fires(after: instant("2026-02-01"), in: .utc, limit: 6)
            .map(\.local.dateText)
        #expect(days == ["2026-02-06", "2026-02-13", "2026-02-20", "2026-02-27", "2026-03-06", "2026-03-13"])
        // A field that begins with a star restricts the other, as in Vixie cron.
        let both = try Schedule.parse("0 0 */10 * mon").fires(after: instant("2026-01-01"), in: .utc, limit: 4)
        #expect(both.map(\.local.dateText) == ["2026-05-11", "2026-06-01", "2026-08-31", "2026-09-21"])
        #expect(both.allSatisfy { $0.local.weekday == .monday && $0.local.day % 10 == 1 })
    }

    @Test func manualNeverFires() throws {
        let manual = try Schedule.parse("manual")
        let now = Instant(seconds: 0)
        let end = Instant(milliseconds: .max)
        #expect(manual.next(after: now, in: .utc) == nil)
        #expect(manual.fires(after: now, in: .utc, limit: 9).isEmpty)
        #expect(manual.latest(atOrBefore: end, after: now, in: .utc) == nil)
        #expect(manual.count(after: now, through: end, in: .utc, limit: .max) == 0)
        #expect(manual.firesPerMonth(in: .utc, from: now) == 0)
        #expect(manual.minimumSpacingSeconds == nil)
    }

    // MARK: - Borders and extremes

    @Test func bordersAreOpenBelowAndClosedAbove() throws {
        let schedule = try Schedule.parse("daily at 06:30")
        let six = try instant("2026-01-02T06:30:00Z")
        let before = six.advanced(milliseconds: -1)
        #expect(schedule.next(after: before, in: .utc)?.nominal == six)
        #expect(schedule.next(after: six, in: .utc)?.nominal == six.advanced(seconds: 86_400))
        #expect(schedule.latest(atOrBefore: six, after: before, in: .utc)?.nominal == six)
        #expect(schedule.latest(atOrBefore: before, after: six.advanced(seconds: -86_400), in: .utc) == nil)
        #expect(schedule.latest(atOrBefore: six, after: six, in: .utc) == nil)
        #expect(schedule.fires(after: before, through: six, in: .utc, limit: 5).count == 1)
        #expect(schedule.fires(after: before.advanced(seconds: -9), through: before, in: .utc, limit: 5).isEmpty)
        #expect(schedule.count(after: before, through: six, in: .utc, limit: 5) == 1)
        #expect(schedule.count(after: six, through: six.advanced(seconds: 10 * 86_400), in: .utc, limit: 5) == 5)
        #expect(schedule.count(after: six, through: six.advanced(seconds: 10 * 86_400), in: .utc, limit: 50) == 10)
        #expect(schedule.count(after: six, through: before, in: .utc, limit: 50) == 0)
        #expect(schedule.count(after: before, through: six, in: .utc, limit: -1) == 0)
        #expect(schedule.fires(after: before, in: .utc, limit: 0).isEmpty)
    }

    @Test func monthsForQuotas() throws {
        let from = try instant("2026-01-01")
        for (text, count) in [
            ("every 15m", 2976), ("hourly", 744), ("daily at 06:30", 31), ("weekdays at 09:00", 22),
            ("* * * * *", 44_640), ("monthly on 1 at 03:00", 1), ("every 1s", 2_678_400),
            ("weekly on thu at 00:00", 5), ("0 0 29 2 *", 0),
        ] {
            let schedule = try Schedule.parse(text)
            #expect(schedule.firesPerMonth(in: .utc, from: from.advanced(milliseconds: -1)) == count, "\(text)")
        }
        let march = try instant("2026-02-28T22:59:59Z")
        let berlin = try Zone.named("Europe/Berlin")
        #expect(try Schedule.parse("hourly").firesPerMonth(in: berlin, from: march) == 744)
        // On the 29th, 02:00 and 03:00 are one run.
        #expect(try Schedule.parse("0 1,2,3 * * *").firesPerMonth(in: berlin, from: march) == 93 - 1)
    }

    @Test func farPastFarFutureAndTheEndsOfTime() throws {
        let berlin = try Zone.named("Europe/Berlin")
        #expect(
            try fires("daily at 02:30", "Europe/Berlin", after: "2099-03-28T12:00:00Z", 1) == [
                "2099-03-29T01:00:00Z 2099-03-29 03:00 CEST gap 2099-03-29 02:30"
            ])
        #expect(
            try fires("@daily", "Europe/Berlin", after: "0001-01-02", 1) == [
                "0001-01-02T23:06:32Z 0001-01-03 00:00 LMT"
            ])
        let early = Instant(seconds: Int64(CivilDate.days(year: -500, month: 3, day: 1)) * 86_400)
        let fire = try #require(try Schedule.parse("0 0 29 2 *").next(after: early, in: .utc))
        #expect(fire.local.description == "-0496-02-29 00:00")
        let (start, end) = (Instant(milliseconds: .min), Instant(milliseconds: .max))
        for text in ["every 1s", "every 36525d", "realtime", "* * * * *", "daily at 00:00", "0 0 29 2 *", "0 0 * 2 *"] {
            let schedule = try Schedule.parse(text)
            for zone in [Zone.utc, berlin] {
                let first = try #require(schedule.next(after: start, in: zone))
                #expect((-9999 ... -9895).contains(first.local.year), "\(text)")
                #expect(schedule.next(after: end, in: zone) == nil)
                let last = try #require(schedule.latest(atOrBefore: end, after: start, in: zone))
                #expect((9890...10_000).contains(last.local.year), "\(text)")
                #expect(schedule.next(after: last.nominal, in: zone) == nil, "\(text)")
                let beforeFirst = first.nominal.advanced(seconds: -1)
                #expect(schedule.latest(atOrBefore: beforeFirst, after: start, in: zone) == nil)
                let all = schedule.count(after: start, through: end, in: zone, limit: .max)
                #expect(all > 190 && all < 1_000_000_000_000, "\(text)")
            }
        }
    }

    /// A schedule of every second, off for two thousand years.
    @Test func longGapsCostNothing() throws {
        let clock = ContinuousClock()
        let newYork = try Zone.named("America/New_York")
        let from = try instant("0500-01-01")
        let to = try instant("2500-01-01T00:00:00.999Z")
        let elapsed = try clock.measure {
            for text in ["every 1s", "realtime", "* * * * *", "*/5 8-18 * * *", "0 0 29 2 *", "0 0 29 2 */7"] {
                let schedule = try Schedule.parse(text)
                for _ in 0..<20 {
                    let latest = schedule.latest(atOrBefore: to, after: from, in: newYork)
                    #expect((latest?.nominal).map { $0 > Instant(seconds: 15_000_000_000) } == true)
                    #expect(schedule.next(after: from, in: newYork) != nil)
                }
                #expect(schedule.count(after: from, through: to, in: newYork, limit: .max) > 50)
            }
        }
        #expect(elapsed < .seconds(2), "a walk over minutes would take hours")
    }

    @Test func notesSpeakToAPerson() throws {
        let berlin = try Zone.named("Europe/Berlin")
        let schedule = try Schedule.parse("daily at 02:30")
        let gap = schedule.next(after: try instant("2026-03-28T12:00:00Z"), in: berlin)?.note
        #expect(gap?.description == "02:30 on 2026-03-29 is skipped by a clock change: runs once, right after it")
        let first = schedule.next(after: try instant("2026-10-24T12:00:00Z"), in: berlin)?.note
        #expect(first?.description == "clocks show this time twice: runs once, the first time")
    }
}
