extension Schedule {
    /// What the schedule means in plain words, such as `every day at 06:30` or `at minute 0,30 past every hour`.
    package var words: String {
        switch rule {
        case .manual: "only by hand"
        case .elapsed(let interval): Self.words(ofInterval: interval)
        case .calendar(let pattern): PatternWords(pattern: pattern).text
        }
    }

    private static func words(ofInterval interval: Int) -> String {
        let units = [("day", 86_400), ("hour", 3600), ("minute", 60)]
        let (unit, size) = units.first { interval % $0.1 == 0 } ?? ("second", 1)
        let number = interval / size
        let every = number == 1 ? "every \(unit)" : "every \(number) \(unit)s"
        return unit == "day" ? "\(every) at 00:00 UTC" : every
    }
}

/// Says what a pattern means.
private struct PatternWords {
    let pattern: CronPattern

    var text: String {
        if pattern.timesPerDay <= 4 { return "\(days) at \(joined(clocks))" }
        let days = self.days
        let times = self.times
        return days == "every day" ? times : "\(times), \(days)"
    }

    // MARK: - Times

    private var clocks: [String] {
        bits(UInt64(pattern.hours), 0...23).flatMap { hour in
            bits(pattern.minutes, 0...59).map { "\(padded(hour)):\(padded($0))" }
        }
    }

    private var times: String {
        let minutes = bits(pattern.minutes, 0...59)
        let hours = bits(UInt64(pattern.hours), 0...23)
        let minute: String
        if minutes.count == 60 {
            minute = hours.count == 24 ? "every minute" : "every minute of"
        } else if minutes.count > 6, let step = step(of: minutes, in: 0...59) {
            minute = "every \(ordinal(step)) minute" + (minutes[0] == 0 ? "" : " from \(minutes[0])") + " past"
        } else {
            minute = "at minute \(list(minutes)) past"
        }
        if hours.count == 24 { return minutes.count == 60 ? minute : "\(minute) every hour" }
        if hours.count > 2, isRun(hours) {
            return "\(minute) every hour from \(hours[0]) through \(hours[hours.count - 1])"
        }
        if hours.count > 4, let step = step(of: hours, in: 0...23) {
            return "\(minute) every \(ordinal(step)) hour" + (hours[0] == 0 ? "" : " from \(hours[0])")
        }
        return "\(minute) \(hours.count == 1 ? "hour" : "hours") \(list(hours))"
    }

    // MARK: - Days

    private var days: String {
        let isEveryDate = pattern.daysOfMonth == CronPattern.allDaysOfMonth
        let isEveryWeekday = pattern.weekdays == CronPattern.allWeekdays
        let months = bits(UInt64(pattern.months), 1...12).map { CronNames.monthNames[$0 - 1] }
        let isEveryMonth = months.count == 12
        let inMonths = isEveryMonth ? "" : " in \(joined(months))"
        if isEveryDate && isEveryWeekday || pattern.matchesEitherDay && (isEveryDate || isEveryWeekday) {
            return "every day\(inMonths)"
        }
        if isEveryDate { return weekdays + inMonths }
        let numbers = bits(UInt64(pattern.daysOfMonth), 1...31)
        let isStepped = numbers.count > 4 && step(of: numbers, in: 1...31) != nil
        let shown = isStepped ? "\(numbers[0]),\(numbers[1]),…,\(numbers[numbers.count - 1])" : list(numbers)
        let dates = "on day \(shown) of "
            + (isEveryMonth ? "every month" : joined(months)) + shortMonths
        if isEveryWeekday { return dates }
        return pattern.matchesEitherDay
            ? "\(dates) and also \(weekdays)\(inMonths)"
            : "\(dates) if that is \(joined(weekdayNames, last: "or"))"
    }

    /// What becomes of few dates that a named month lacks.
    private var shortMonths: String {
        let lacking = bits(UInt64(pattern.months), 1...12).contains { month in
            let length = CivilDate.length(ofMonth: month, year: 2001)
            return pattern.daysOfMonth & ~CronPattern.days(through: length) & CronPattern.allDaysOfMonth != 0
        }
        guard lacking, pattern.daysOfMonth.nonzeroBitCount <= 4 else { return "" }
        if pattern.months == 1 << 2, pattern.daysOfMonth == 1 << 29 { return " in leap years" }
        let isPlain = pattern.daysOfMonth.nonzeroBitCount == 1 && pattern.months == CronPattern.allMonths
        return isPlain ? " that has it" : " where there is one"
    }

    /// From Monday to Sunday.
    private var weekdayNames: [String] {
        (1...7).filter { pattern.weekdays & 1 << ($0 % 7) != 0 }.compactMap { Weekday(rawValue: $0 % 7)?.name }
    }

    private var weekdays: String {
        let names = weekdayNames
        let numbers = (1...7).filter { pattern.weekdays & 1 << ($0 % 7) != 0 }
        return names.count > 2 && isRun(numbers)
            ? "\(names[0]) through \(names[names.count - 1])" : "every \(joined(names))"
    }

    // MARK: - Lists

    private func bits(_ bits: UInt64, _ range: ClosedRange<Int>) -> [Int] {
        range.filter { bits & 1 << UInt64($0) != 0 }
    }

    private func isRun(_ numbers: [Int]) -> Bool {
        zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 }
    }

    /// The step of numbers that go evenly from near the start of a range to its end; 2 or more.
    private func step(of numbers: [Int], in range: ClosedRange<Int>) -> Int? {
        guard numbers.count > 2 else { return nil }
        let step = numbers[1] - numbers[0]
        let isEven = zip(numbers, numbers.dropFirst()).allSatisfy { $1 - $0 == step }
        let isWhole = numbers[0] - range.lowerBound < step && numbers[numbers.count - 1] + step > range.upperBound
        return step > 1 && isEven && isWhole ? step : nil
    }

    private func ordinal(_ number: Int) -> String {
        switch (number % 10, number / 10) {
        case (1, 0), (1, 2...): "\(number)st"
        case (2, 0), (2, 2...): "\(number)nd"
        case (3, 0), (3, 2...): "\(number)rd"
        default: "\(number)th"
        }
    }

    /// Numbers with commas, three and more in a row as a range.
    private func list(_ numbers: [Int]) -> String {
        var parts: [String] = []
        var index = 0
        while index < numbers.count {
            var end = index
            while end + 1 < numbers.count, numbers[end + 1] == numbers[end] + 1 { end += 1 }
            if end - index >= 2 {
                parts.append("\(numbers[index])-\(numbers[end])")
                index = end + 1
            } else {
                parts.append("\(numbers[index])")
                index += 1
            }
        }
        return parts.joined(separator: ",")
    }

    private func joined(_ words: [String], last: String = "and") -> String {
        guard words.count > 1 else { return words.first ?? "" }
        return "\(words.dropLast().joined(separator: ", ")) \(last) \(words[words.count - 1])"
    }
}
