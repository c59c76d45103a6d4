/// Guesses which schedule was meant by words that are none, for suggestions in errors. Whatever it returns is valid.
struct ScheduleGuess {
    /// Without blanks and in lower case; the first dozen, which is twice what any schedule has.
    let words: [String]

    init(words: [String]) {
        self.words = Array(words.prefix(12))
    }

    /// The schedules that may have been meant, most likely first; empty when nothing is recognised.
    var schedules: [String] {
        let kind = self.kind
        let weekdays = self.weekdays
        switch kind {
        case .manual: return ["manual"]
        case .realtime: return ["realtime"]
        case .hourly:
            if let minute { return ["hourly at :\(padded(minute))"] }
            return [words.contains("at") ? "hourly at :15" : "hourly"]
        case .weekdays: return ["weekdays at \(clock("09:00"))"]
        case .weekends: return [cron("sat,sun", or: (9, 0))]
        case .monthly:
            if let daysOfMonth { return ["\(cronTime(or: (3, 0))) \(daysOfMonth) * *"] }
            return ["monthly on \(dayOfMonth ?? 1) at \(clock("03:00"))"]
        case .weekly, .every, .daily, nil: break
        }
        if let weekdays, weekdays == "mon-fri" { return ["weekdays at \(clock("09:00"))"] }
        if let weekdays, weekdays.utf8.count > 3 { return [cron(weekdays, or: (6, 0))] }
        if let weekdays { return ["weekly on \(weekdays) at \(clock("06:00"))"] }
        if kind == .weekly { return ["weekly on \(nearWeekday ?? "mon") at \(clock("06:00"))"] }
        if kind == .every || kind == nil && time == nil, let intervals { return intervals }
        if kind == .daily || time != nil { return ["daily at \(clock("06:30"))"] }
        return kind == .every ? ["every 15m"] : []
    }

    private enum Kind: CaseIterable {
        case manual, realtime, every, weekends, weekdays, weekly, monthly, hourly, daily

        var words: [String] {
            switch self {
            case .manual: ["manual", "manually", "never", "none", "off", "disabled"]
            case .realtime: ["realtime", "real-time", "real", "live", "minutely", "continuous", "always"]
            case .every: ["every", "each"]
            case .weekends: ["weekends", "weekend"]
            case .weekdays: ["weekdays", "weekday", "workdays", "workday"]
            case .weekly: ["weekly", "week"]
            case .monthly: ["monthly", "month"]
            case .hourly: ["hourly", "hour"]
            case .daily: ["daily", "day", "nightly", "night", "morning", "evening"]
            }
        }
    }

    /// The kind that some word names, exactly before nearly. `every` gives way to a more telling word behind it.
    private var kind: Kind? {
        var found: Kind?
        for word in words {
            guard let kind = Kind.allCases.first(where: { $0.words.contains(word) }) else { continue }
            if kind != .every { return kind }
            found = kind
        }
        if words.contains("minute") { return .realtime }
        if let found { return found }
        for word in words where word.utf8.count >= 4 {
            guard CronNames.weekday(word) == nil else { continue }
            if let near = NearNames.nearest(to: word, among: Self.longWords, limit: 1).first {
                return Kind.allCases.first { $0.words.contains(near) }
            }
        }
        return nil
    }

    /// What a misspelt word is compared with.
    private static let longWords = Kind.allCases.flatMap(\.words).filter { $0.utf8.count >= 4 }

    // MARK: - Times

    /// The first time of day among the words.
    private var time: (hour: Int, minute: Int)? {
        for (index, word) in words.enumerated() {
            let following = index + 1 < words.count ? words[index + 1] : ""
            let suffix = following == "am" || following == "pm" ? following : ""
            let isAfterAt = index > 0 && words[index - 1] == "at"
            if let time = Self.time(word + suffix, bareHour: isAfterAt) { return time }
        }
        return nil
    }

    private static func time(_ word: String, bareHour: Bool) -> (hour: Int, minute: Int)? {
        if word == "noon" || word == "midday" { return (12, 0) }
        if word == "midnight" { return (0, 0) }
        let bytes = Array(word.utf8)
        let core = bytes.prefix { $0.digit != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }
        let suffix = String(decoding: bytes[core.count...], as: UTF8.self)
        guard ["", "am", "pm", "h"].contains(suffix), core.first?.digit != nil else { return nil }
        var parts = core.split { $0.digit == nil }.map { $0.reduce(0) { min($0 * 10 + ($1.digit ?? 0), 9999) } }
        if parts.count == 1, core.count == 4, bareHour { parts = [parts[0] / 100, parts[0] % 100] }
        guard (1...3).contains(parts.count), parts.count > 1 || bareHour || suffix == "am" || suffix == "pm" else {
            return nil
        }
        var hour = parts[0]
        if suffix == "pm", hour < 12 { hour += 12 }
        if suffix == "am", hour == 12 { hour = 0 }
        let minute = parts.count > 1 ? parts[1] : 0
        if hour == 24, minute == 0 { hour = 0 }
        return hour < 24 && minute < 60 ? (hour, minute) : nil
    }

    private func clock(_ usual: String) -> String {
        time.map { "\(padded($0.hour)):\(padded($0.minute))" } ?? usual
    }

    private func cron(_ weekdays: String, or usual: (hour: Int, minute: Int)) -> String {
        "\(cronTime(or: usual)) * * \(weekdays)"
    }

    private func cronTime(or usual: (hour: Int, minute: Int)) -> String {
        let time = self.time ?? usual
        return "\(time.minute) \(time.hour)"
    }

    /// The minute past the hour, from `:15` or `15`.
    private var minute: Int? {
        for word in words {
            let digits = word.hasPrefix(":") ? word.dropFirst() : word[...]
            if digits.utf8.count <= 2, let minute = Int(digits), (0...59).contains(minute) { return minute }
        }
        return nil
    }

    // MARK: - Days

    /// One weekday, or several as cron writes them.
    private var weekdays: String? {
        var numbers: [Int] = []
        for word in words {
            let ends = word.split(separator: "-").compactMap { Self.weekday(String($0)) }
            if ends.count == 2, word.utf8.contains(UInt8(ascii: "-")) {
                let isForward = ends[0] < ends[1] || ends[1] == 0
                return isForward ? "\(CronNames.weekdays[ends[0]])-\(CronNames.weekdays[ends[1]])" : nil
            }
            for part in word.utf8.split(whereSeparator: { !$0.isLetter }) {
                if let number = Self.weekday(String(decoding: part, as: UTF8.self)), !numbers.contains(number) {
                    numbers.append(number)
                }
            }
        }
        return numbers.isEmpty ? nil : numbers.map { CronNames.weekdays[$0] }.joined(separator: ",")
    }

    /// `mon`, `tues`, `fridays` and the like.
    private static func weekday(_ word: String) -> Int? {
        let singular = word.hasSuffix("s") && word.utf8.count > 4 ? String(word.dropLast()) : word
        guard singular.utf8.count >= 3 else { return nil }
        return Weekday.allCases.firstIndex {
            let name = $0.name.lowercased()
            return name.hasPrefix(word) || name.hasPrefix(singular)
        }
    }

    /// The weekday that a misspelt word after `on` resembles.
    private var nearWeekday: String? {
        guard let on = words.firstIndex(of: "on"), on + 1 < words.count else { return nil }
        let names = CronNames.weekdays + Weekday.allCases.map(\.name)
        let near = NearNames.nearest(to: words[on + 1], among: names, limit: 1).first
        return near.map { String($0.lowercased().prefix(3)) }
    }

    /// `1`, `15th` or `last`, which is as near as 28.
    private var dayOfMonth: Int? {
        for word in words {
            if word == "last" { return 28 }
            let digits = word.utf8.prefix { $0.digit != nil }
            let suffix = String(word.dropFirst(digits.count))
            guard (1...2).contains(digits.count), ["", "st", "nd", "rd", "th", "."].contains(suffix) else { continue }
            let day = digits.reduce(0) { $0 * 10 + ($1.digit ?? 0) }
            if (1...31).contains(day) { return day }
        }
        return nil
    }

    /// Several days with commas, as cron writes them.
    private var daysOfMonth: String? {
        words.first { word in
            let days = word.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            return days.count > 1
                && days.allSatisfy { $0.first?.digit != nil && (1...31).contains(Int(Substring($0)) ?? 0) }
        }
    }

    // MARK: - Intervals

    /// `every 15m` from `15min`, `15 minutes`, `1h30m`, `1.5h`; with minutes and seconds both when the unit is missing.
    private var intervals: [String]? {
        // Digits and letters come apart, so that `15 minutes` and `15minutes` are the same two parts.
        var parts: [String] = []
        for byte in words.joined(separator: " ").utf8 {
            let isNumber = byte.digit != nil || byte == UInt8(ascii: ".")
            guard isNumber || byte.isLetter else {
                parts.append("")
                continue
            }
            let last = parts.last ?? ""
            let lastIsNumber = last.utf8.first.map { !$0.isLetter } ?? false
            if last.isEmpty || lastIsNumber != isNumber { parts.append("") }
            parts[parts.count - 1].append(Character(UnicodeScalar(byte)))
        }
        parts.removeAll { $0.isEmpty }
        var seconds = 0.0
        var bare: Int?
        for (index, part) in parts.enumerated() {
            guard part.utf8.first?.isLetter == false, let number = Double(part), number < 1e9 else { continue }
            guard index + 1 < parts.count, let unit = Self.unit(parts[index + 1]) else {
                bare = Int(number)
                continue
            }
            seconds += number * Double(unit)
        }
        if seconds >= 1, seconds <= Double(ScheduleParser.longestInterval) { return [Self.every(Int(seconds))] }
        guard let bare, bare > 0, bare <= 100_000 else { return nil }
        return ["every \(bare)m", "every \(bare)s"]
    }

    private static func unit(_ word: String) -> Int? {
        switch word {
        case "s", "sec", "secs", "second", "seconds": 1
        case "m", "min", "mins", "minute", "minutes": 60
        case "h", "hr", "hrs", "hour", "hours": 3600
        case "d", "day", "days": 86_400
        case "w", "week", "weeks": 7 * 86_400
        default: nil
        }
    }

    private static func every(_ seconds: Int) -> String {
        for (unit, size) in [("d", 86_400), ("h", 3600), ("m", 60)] where seconds % size == 0 {
            return "every \(seconds / size)\(unit)"
        }
        return "every \(seconds)s"
    }
}
