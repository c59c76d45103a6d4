/// Reads the text of a schedule: words, an interval, a nickname or five cron fields.
struct ScheduleParser {
    /// A run of bytes without blanks, in lower case, and where it begins.
    struct Token {
        let text: String
        let column: Int
    }

    /// Longer texts are refused. A cron schedule that lists everything by number has some 350 bytes.
    static let longestText = 1000
    /// Longer intervals are refused: a hundred years, in seconds.
    static let longestInterval = 36_525 * 86_400

    /// The text without blanks around it.
    let trimmed: String
    /// How many more times an error may try to repair the text for a suggestion. Repairs are parsed as well.
    private let repairs: Int
    private let tokens: [Token]
    /// Where something that is missing at the end would stand.
    private let endColumn: Int

    init(_ text: String, repairs: Int = 6) throws(ScheduleError) {
        self.repairs = repairs
        let bytes = Array(text.utf8.prefix(Self.longestText + 1))
        guard bytes.count <= Self.longestText else {
            throw ScheduleError(
                column: Self.longestText, message: "a schedule has at most 1,000 bytes, such as `daily at 06:30`")
        }
        var tokens: [Token] = []
        var start: Int?
        for (position, byte) in (bytes + [UInt8(ascii: " ")]).enumerated() {
            let isBlank = byte == UInt8(ascii: " ") || (9...13).contains(byte)
            if let begun = start, isBlank {
                let word = NearNames.folded(String(decoding: bytes[begun..<position], as: UTF8.self))
                tokens.append(Token(text: String(decoding: word, as: UTF8.self), column: begun))
                start = nil
            } else if start == nil, !isBlank {
                start = position
            }
        }
        guard let first = tokens.first, let last = tokens.last else {
            throw ScheduleError(
                column: 0,
                message: "a schedule is missing; write `manual`, `hourly`, `daily at 06:30`, `every 15m`, or cron",
                suggestions: ["manual", "hourly", "daily at 06:30"])
        }
        endColumn = last.column + last.text.utf8.count
        trimmed = String(decoding: bytes[first.column..<endColumn], as: UTF8.self)
        self.tokens = tokens
    }

    func parse() throws(ScheduleError) -> Schedule.Rule {
        let first = tokens[0]
        switch first.text {
        case "manual":
            try end(after: 1)
            return .manual
        case "realtime":
            try end(after: 1)
            return .elapsed(60)
        case "every":
            let interval = try interval(at: 1)
            try end(after: 2)
            return .elapsed(interval)
        case "hourly": return .calendar(try hourly())
        case "daily": return .calendar(try daily(on: nil))
        case "weekdays": return .calendar(try daily(on: 0b011_1110))
        case "weekly": return .calendar(try weekly())
        case "monthly": return .calendar(try monthly())
        default: break
        }
        if first.text.hasPrefix("@") { return .calendar(try nickname()) }
        if looksLikeCron { return .calendar(try cron()) }
        throw failure(
            at: 0, "\(quoted(first.text)) does not begin a schedule",
            "write manual, hourly, daily, weekdays, weekly, monthly, every, realtime, or five cron fields,")
    }

    /// Whether the first word is meant as a cron field rather than as a time or a word.
    private var looksLikeCron: Bool {
        let first = tokens[0].text
        if first.contains(":") { return false }
        return first.utf8.allSatisfy { $0.digit != nil || "*/,-?".utf8.contains($0) }
            || tokens.count >= 5 && tokens.contains { $0.text.utf8.contains(UInt8(ascii: "*")) }
    }

    // MARK: - Forms

    private func hourly() throws(ScheduleError) -> CronPattern {
        var pattern = CronPattern()
        guard tokens.count > 1 else {
            pattern.minutes = 1
            return pattern
        }
        try word("at", at: 1, in: "`hourly` stands alone or with a minute")
        guard tokens.count > 2 else { throw failure(at: 2, "the minute after `at` is missing", "write") }
        let bytes = Array(tokens[2].text.utf8)
        guard bytes.count == 3, bytes[0] == UInt8(ascii: ":"), let tens = bytes[1].digit, let ones = bytes[2].digit
        else {
            throw failure(
                at: 2, "\(quoted(tokens[2].text)) is not a minute past the hour",
                "write a colon and two digits from :00 to :59,")
        }
        guard tens < 6 else {
            throw failure(at: 2, "minute \(tens)\(ones) is over 59", "write a minute from :00 to :59,")
        }
        try end(after: 3)
        pattern.minutes = 1 << UInt64(tens * 10 + ones)
        return pattern
    }

    private func daily(on weekdays: UInt8?) throws(ScheduleError) -> CronPattern {
        var pattern = try clock(at: 1)
        if let weekdays { (pattern.weekdays, pattern.weekdaysHaveStar) = (weekdays, false) }
        return pattern
    }

    private func weekly() throws(ScheduleError) -> CronPattern {
        try word("on", at: 1, in: "`weekly` needs a day and a time")
        guard tokens.count > 2 else { throw failure(at: 2, "the day after `on` is missing", "write") }
        guard let weekday = CronNames.weekday(tokens[2].text) else {
            throw failure(
                at: 2, "\(quoted(tokens[2].text)) is not one day of the week",
                "write one of mon, tue, wed, thu, fri, sat, sun,")
        }
        var pattern = try clock(at: 3)
        (pattern.weekdays, pattern.weekdaysHaveStar) = (1 << weekday, false)
        return pattern
    }

    private func monthly() throws(ScheduleError) -> CronPattern {
        try word("on", at: 1, in: "`monthly` needs a day and a time")
        guard tokens.count > 2 else { throw failure(at: 2, "the day after `on` is missing", "write") }
        let bytes = Array(tokens[2].text.utf8)
        let digits = bytes.compactMap(\.digit)
        guard !bytes.isEmpty, bytes.count <= 2, digits.count == bytes.count else {
            throw failure(
                at: 2, "\(quoted(tokens[2].text)) is not a day of the month",
                "write a number from 1 to 31 (months without that day are skipped),")
        }
        let day = digits.reduce(0) { $0 * 10 + $1 }
        guard (1...31).contains(day) else {
            throw failure(at: 2, "no month has a day \(day)", "write a number from 1 to 31,")
        }
        var pattern = try clock(at: 3)
        (pattern.daysOfMonth, pattern.daysOfMonthHaveStar) = (1 << day, false)
        return pattern
    }

    private func nickname() throws(ScheduleError) -> CronPattern {
        let first = tokens[0]
        guard let fields = CronNames.nicknames[first.text] else {
            let near = NearNames.nearest(to: first.text, among: CronNames.nicknames.keys.sorted())
            let reboot = first.text == "@reboot" ? " (the engine catches up by itself when it starts)" : ""
            let isInterval = first.text == "@every" && tokens.count > 1
            let meant = isInterval ? ScheduleGuess(words: ["every"] + tokens.dropFirst().map(\.text)).schedules : near
            throw failure(
                at: 0, "there is no nickname \(quoted(first.text))\(reboot)",
                "write @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually,",
                suggestions: meant.isEmpty ? ["@daily"] : meant)
        }
        try end(after: 1)
        return try ScheduleParser(fields).cron()
    }

    private func cron() throws(ScheduleError) -> CronPattern {
        try CronParser(tokens: tokens, endColumn: endColumn, repairs: repairs).parse()
    }

    // MARK: - Parts

    private func word(_ word: String, at index: Int, in context: String) throws(ScheduleError) {
        guard tokens.count > index else { throw failure(at: index, context, "write") }
        guard tokens[index].text == word else {
            let found = quoted(tokens[index].text)
            throw failure(at: index, "\(context); \(found) stands where `\(word)` belongs", "write")
        }
    }

    /// `at HH:MM` and the end.
    private func clock(at index: Int) throws(ScheduleError) -> CronPattern {
        try word("at", at: index, in: "`\(tokens[0].text)` needs a time")
        guard tokens.count > index + 1 else {
            throw failure(at: index + 1, "the time after `at` is missing", "write")
        }
        let text = tokens[index + 1].text
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        let numbers = parts.map { $0.reduce(0) { min($0 * 10 + ($1.digit ?? 0), 9_999) } }
        let remedy = "write hours and minutes from 00:00 to 23:59,"
        guard parts.count == 2, (1...2).contains(parts[0].count), parts[1].count == 2,
            parts.allSatisfy({ $0.allSatisfy { $0.digit != nil } })
        else {
            let reason = parts.count == 3 ? ": a schedule has no seconds" : ""
            throw failure(at: index + 1, "\(quoted(text)) is not a time\(reason)", remedy)
        }
        guard (numbers[0], numbers[1]) != (24, 0) else {
            throw failure(at: index + 1, "24:00 is 00:00 of the next day", remedy)
        }
        guard numbers[0] <= 23 else { throw failure(at: index + 1, "hour \(numbers[0]) is over 23", remedy) }
        guard numbers[1] <= 59 else { throw failure(at: index + 1, "minute \(numbers[1]) is over 59", remedy) }
        try end(after: index + 2)
        var pattern = CronPattern()
        pattern.minutes = 1 << UInt64(numbers[1])
        pattern.hours = 1 << UInt32(numbers[0])
        pattern.followsClock = false
        return pattern
    }

    /// `15m` in seconds.
    private func interval(at index: Int) throws(ScheduleError) -> Int {
        let remedy = "write a whole number and s, m, h or d,"
        guard tokens.count > index else { throw failure(at: index, "`every` needs an interval", remedy) }
        let text = tokens[index].text
        let bytes = Array(text.utf8)
        let digits = bytes.prefix { $0.digit != nil }
        guard !digits.isEmpty else {
            throw failure(at: index, "\(quoted(text)) is not an interval", remedy)
        }
        guard digits.count < bytes.count else {
            let isSplit = tokens.count > index + 1
            throw failure(at: index, "\(quoted(text)) has no unit\(isSplit ? " right behind it" : "")", remedy)
        }
        let units = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = units[String(decoding: bytes[digits.count...], as: UTF8.self)] else {
            throw failure(at: index, "\(quoted(text)) is not a number and one of the units s, m, h, d", remedy)
        }
        guard digits.contains(where: { $0 != UInt8(ascii: "0") }) else {
            throw failure(
                at: index, "an interval is one second at least", remedy, suggestions: ["every 1s", "realtime"])
        }
        let number = digits.drop { $0 == UInt8(ascii: "0") }
        let seconds = number.count > 10 ? Int.max : number.reduce(0) { $0 * 10 + ($1.digit ?? 0) } * unit
        guard seconds <= Self.longestInterval else {
            throw failure(
                at: index, "\(quoted(text)) is longer than a hundred years", remedy, suggestions: ["every 1d"])
        }
        return seconds
    }

    private func end(after count: Int) throws(ScheduleError) {
        guard tokens.count > count else { return }
        let whole = tokens.prefix(count).map(\.text).joined(separator: " ")
        let guesses = whole.hasPrefix("@") ? [] : self.guesses
        throw failure(
            at: count, "nothing may follow \(quoted(whole)), but \(quoted(tokens[count].text)) does",
            "the zone and other settings have keys of their own; write",
            suggestions: guesses.isEmpty ? [whole] : guesses)
    }

    // MARK: - Errors

    /// An error at a token, or at the end of the text when that token is missing.
    private func failure(
        at index: Int, _ wrong: String, _ remedy: String, suggestions given: [String]? = nil
    ) -> ScheduleError {
        var suggestions = given ?? guesses
        if suggestions.isEmpty, Self.examples[tokens[0].text] != nil { suggestions = [example] }
        let joint = remedy.hasSuffix(",") ? "\(remedy) such as" : remedy
        return ScheduleError(
            column: index < tokens.count ? tokens[index].column : endColumn,
            message: "\(wrong); \(joint) `\(suggestions.first ?? example)`", suggestions: suggestions)
    }

    private var guesses: [String] {
        ScheduleGuess(words: tokens.map(\.text)).schedules
    }

    /// The example for the form that was begun.
    private var example: String { Self.examples[tokens[0].text] ?? "daily at 06:30" }

    /// By first word, the examples of PRODUCT.md.
    private static let examples = [
        "manual": "manual", "hourly": "hourly at :15", "daily": "daily at 06:30", "weekdays": "weekdays at 09:00",
        "weekly": "weekly on mon at 06:00", "monthly": "monthly on 1 at 03:00", "every": "every 15m",
        "realtime": "realtime",
    ]
}
