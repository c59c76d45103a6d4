import Testing

@testable import Scheduling

@Suite struct ScheduleTextTests {
    @Test(arguments: [
        ("manual", "only by hand", nil),
        ("hourly", "at minute 0 past every hour", 3600),
        ("hourly at :15", "at minute 15 past every hour", 3600),
        ("daily at 06:30", "every day at 06:30", 86_400),
        ("Daily AT 6:30", "every day at 06:30", 86_400),
        ("weekdays at 09:00", "Monday through Friday at 09:00", 86_400),
        ("weekly on mon at 06:00", "every Monday at 06:00", 604_800),
        ("weekly on Sunday at 06:00", "every Sunday at 06:00", 604_800),
        ("monthly on 1 at 03:00", "on day 1 of every month at 03:00", 28 * 86_400),
        ("monthly on 31 at 03:00", "on day 31 of every month that has it at 03:00", 31 * 86_400),
        ("every 15m", "every 15 minutes", 900),
        ("every 1s", "every second", 1),
        ("every 90s", "every 90 seconds", 90),
        ("every 60s", "every minute", 60),
        ("every 2h", "every 2 hours", 7200),
        ("every 1d", "every day at 00:00 UTC", 86_400),
        ("every 14d", "every 14 days at 00:00 UTC", 14 * 86_400),
        ("EVERY 005M", "every 5 minutes", 300),
        ("realtime", "every minute", 60),
        ("@hourly", "at minute 0 past every hour", 3600),
        ("@daily", "every day at 00:00", 86_400),
        ("@Midnight", "every day at 00:00", 86_400),
        ("@weekly", "every Sunday at 00:00", 604_800),
        ("@monthly", "on day 1 of every month at 00:00", 28 * 86_400),
        ("@yearly", "on day 1 of January at 00:00", 365 * 86_400),
        ("@annually", "on day 1 of January at 00:00", 365 * 86_400),
        ("* * * * *", "every minute", 60),
        ("*/5 * * * *", "every 5th minute past every hour", 300),
        ("*/15 8-18 * * mon-fri", "at minute 0,15,30,45 past every hour from 8 through 18, Monday through Friday", 900),
        ("7-59/10 */3 * * *", "at minute 7,17,27,37,47,57 past every 3rd hour", 600),
        ("* 9 * * sat,sun", "every minute of hour 9, every Saturday and Sunday", 60),
        ("0-10 * * * *", "at minute 0-10 past every hour", 60),
        ("0 6,18 * * *", "every day at 06:00 and 18:00", 43_200),
        ("50 23 * * *", "every day at 23:50", 86_400),
        ("0,50 0,23 * * *", "every day at 00:00, 00:50, 23:00 and 23:50", 600),
        ("30 6 1,15 jan-mar *", "on day 1,15 of January, February and March at 06:30", 14 * 86_400),
        ("0 0 13 * fri", "on day 13 of every month and also every Friday at 00:00", 86_400),
        ("0 0 13 6 FRI", "on day 13 of June and also every Friday in June at 00:00", 86_400),
        ("0 0 */2 * mon", "on day 1,3,…,31 of every month if that is Monday at 00:00", 7 * 86_400),
        ("0 0 29 2 *", "on day 29 of February in leap years at 00:00", 1461 * 86_400),
        ("0 0 30 1,2 *", "on day 30 of January and February where there is one at 00:00", 365 * 86_400),
        ("0 0 1-31 * mon", "every day at 00:00", 86_400),
        ("0 0 * * 0-6", "every day at 00:00", 86_400),
        ("0 0 * * 1-7", "every day at 00:00", 86_400),
        ("0 0 * * fri-sun", "Friday through Sunday at 00:00", 86_400),
        ("0 0 * * 5-7", "Friday through Sunday at 00:00", 86_400),
        ("0 0 * * 0,7,sunday", "every Sunday at 00:00", 604_800),
        ("0 0 * feb-apr,12 *", "every day in February, March, April and December at 00:00", 86_400),
    ] as [(String, String, Int?)])
    func formsAndTheirWords(text: String, words: String, spacing: Int?) throws {
        let schedule = try Schedule.parse(text)
        #expect(schedule.words == words)
        #expect(schedule.minimumSpacingSeconds == spacing)
        #expect(schedule.isManual == (text == "manual"))
        #expect(schedule.text == text && "\(schedule)" == text)
    }

    @Test func blanksAroundAndBetweenDoNotCount() throws {
        let schedule = try Schedule.parse("\t daily \t at  06:30 \r\n")
        #expect(schedule.text == "daily \t at  06:30")
        #expect(schedule.words == "every day at 06:30")
    }

    @Test func sameMeaningsInDifferentForms() throws {
        for (left, right) in [
            ("hourly", "0 * * * *"), ("hourly at :15", "15 * * * *"), ("daily at 06:30", "30 6 * * *"),
            ("weekdays at 09:00", "0 9 * * 1-5"), ("weekly on sun at 06:00", "0 6 * * 7"), ("realtime", "every 1m"),
            ("monthly on 1 at 03:00", "0 3 1 * *"), ("every 1h", "every 60m"), ("0 0 * JAN mOn", "0 0 * 1 1"),
            ("*/20 1-3 * * *", "0,20,40 1,2,3 * * *"), ("1-5/2 0 * * *", "1,3,5 0 * * *"),
        ] {
            #expect(try Schedule.parse(left).rule == Schedule.parse(right).rule, "\(left) and \(right)")
        }
        #expect(try Schedule.parse("daily at 06:30") != Schedule.parse("30 6 * * *"), "the texts differ")
    }

    /// Which schedules know the rules for gaps and repeats (PRODUCT.md §2).
    @Test(arguments: [
        ("daily at 02:30", false), ("0 2 * * *", false), ("*/5 2 * * *", false), ("*/5 1-3 * * *", false),
        ("*/5 1,2 * * *", false), ("hourly", true), ("0 */2 * * *", true), ("0 1-5/2 * * *", true),
        ("0 3,*/6 * * *", true), ("* * * * *", true), ("@hourly", true), ("@daily", false), ("@weekly", false),
    ])
    func starsAndStepsInTheHoursFollowTheClock(text: String, followsClock: Bool) throws {
        guard case .calendar(let pattern) = try Schedule.parse(text).rule else {
            Issue.record("\(text) is no calendar schedule")
            return
        }
        #expect(pattern.followsClock == followsClock)
    }

    @Test(arguments: badSchedules)
    func badTextsAreExplained(bad: BadSchedule) {
        let error = #expect(throws: ScheduleError.self) { try Schedule.parse(bad.text) }
        guard let error else { return }
        #expect(error.column == bad.column)
        #expect(error.message.contains(bad.message), "\(error.message)")
        #expect(error.suggestions.first == bad.suggestion)
        // Every message shows how it would be right, with an example that is.
        let example = error.message.split(separator: "`").last.map(String.init) ?? ""
        #expect(throws: Never.self, "\(error.message)") {
            if bad.text.utf8.contains(where: { $0 > 32 }) { _ = try Schedule.parse(example) }
        }
        for suggestion in error.suggestions {
            #expect(throws: Never.self, "\(suggestion)") { try Schedule.parse(suggestion) }
        }
    }

    @Test func thereAreAHundredBadTexts() {
        #expect(Set(badSchedules.map(\.text)).count == badSchedules.count)
        #expect(badSchedules.count >= 100)
    }

    @Test func longTextsAreRefused() throws {
        #expect(throws: ScheduleError.self) { try Schedule.parse(String(repeating: "1,", count: 5_000_000)) }
        let everything = (0...59).map(String.init).joined(separator: ",") + " "
            + (0...23).map(String.init).joined(separator: ",") + " * * *"
        #expect(try Schedule.parse(everything).minimumSpacingSeconds == 60)
    }

    /// Found by fuzzing: the number was added up before it was judged, and overflowed.
    @Test(arguments: ["daily at 99999999999999999999:00", "weekdays at 06:99999999999999999999", "weekly on mon at 1:2:99999999999999999999"])
    func timesOfManyDigitsAreRefused(text: String) {
        let error = #expect(throws: ScheduleError.self) { try Schedule.parse(text) }
        #expect(error?.message.contains("is not a time") == true)
    }

    /// Texts made of pieces of the language, in any order, are read or explained.
    @Test func randomTextsNeverTrap() {
        let seed: UInt64 = 31
        var generator = SeededGenerator(seed: seed)
        let pieces = [
            "daily", "weekly", "monthly", "hourly", "every", "weekdays", "manual", "realtime", "at", "on", "mon", "fri",
            "06:30", "24:00", ":15", "15m", "90", "1.5h", "*", "*/15", "1-5", "5-1", "0,30", ",", "-", "/", "@",
            "@daily", "?", "L", "6am", "noon", "last", "1st", "é", "\u{301}", "\0", "\u{1F4A5}", "30", "31", "2",
            "feb", "sun", "sat-sun", "18446744073709551616", "99999999999999999999d", "0s", "-1", "+5", "1e9",
            ".", "..", "mon-",
        ]
        var valid = 0
        for _ in 0..<4000 {
            let count = Int.random(in: 0...6, using: &generator)
            let text = (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }
                .joined(separator: Int.random(in: 0...9, using: &generator) == 0 ? "" : " ")
            do throws(ScheduleError) {
                let schedule = try Schedule.parse(text)
                valid += 1
                #expect(!schedule.words.isEmpty, "seed \(seed): \(text)")
            } catch {
                #expect((0...text.utf8.count).contains(error.column), "seed \(seed): \(text)")
                #expect(!error.message.isEmpty && error.message.utf8.count < 500, "seed \(seed): \(text)")
                for suggestion in error.suggestions {
                    #expect((try? Schedule.parse(suggestion)) != nil, "seed \(seed): \(text) suggests \(suggestion)")
                }
            }
        }
        #expect(valid > 20, "seed \(seed): \(valid)")
    }

    @Test func randomBytesNeverTrap() {
        let seed: UInt64 = 32
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<3000 {
            let count = Int.random(in: 0...40, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let text = String(decoding: bytes, as: UTF8.self)
            if let error = #expect(throws: ScheduleError.self, performing: { try Schedule.parse(text) }) {
                #expect(error.message.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "seed \(seed): \(bytes)")
            }
        }
    }
}

/// The distance that is given up early against its definition.
@Suite struct NearNamesTests {
    /// "Optimal string alignment" by its recursion.
    private func distance(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Int {
        guard let a = left.last, let b = right.last else { return left.count + right.count }
        let (x, y) = (left.dropLast(), right.dropLast())
        var best = min(distance(x, y) + (a == b ? 0 : 1), distance(x, right) + 1, distance(left, y) + 1)
        if let c = x.last, let d = y.last, a == d, b == c { best = min(best, distance(x.dropLast(), y.dropLast()) + 1) }
        return best
    }

    @Test func aDistanceIsExactUpToItsLimit() {
        var generator = SeededGenerator(seed: 7)
        var near = 0
        for _ in 0..<400 {
            let words = (0..<2).map { _ in (0..<Int.random(in: 0...6, using: &generator)).map { _ in UInt8.random(in: 97...99, using: &generator) } }
            let expected = distance(words[0][...], words[1][...])
            for limit in 0...4 {
                #expect(NearNames.distance(words[0], words[1], upTo: limit) == (expected <= limit ? expected : nil), "\(words)")
                if expected <= limit { near += 1 }
            }
        }
        #expect(near > 300)
    }
}
