/// The words of cron.
enum CronNames {
    static let weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    static let monthNames = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]

    /// Nicknames and the fields they stand for.
    static let nicknames = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]

    /// 0 for `sun` and `sunday`, and so on; lower case.
    static func weekday(_ name: String) -> Int? {
        weekdays.firstIndex(of: name) ?? Weekday.allCases.firstIndex { $0.name.lowercased() == name }
    }

    /// 1 for `jan` and `january`, and so on; lower case.
    static func month(_ name: String) -> Int? {
        (months.firstIndex(of: name) ?? monthNames.firstIndex { $0.lowercased() == name }).map { $0 + 1 }
    }
}

/// One of the five fields of a cron line.
private enum CronField: Int, CaseIterable {
    case minute, hour, day, month, weekday

    var name: String {
        switch self {
        case .minute: "minute"
        case .hour: "hour"
        case .day: "day of month"
        case .month: "month"
        case .weekday: "weekday"
        }
    }

    /// What `*` stands for.
    var range: ClosedRange<Int> {
        switch self {
        case .minute: 0...59
        case .hour: 0...23
        case .day: 1...31
        case .month: 1...12
        case .weekday: 0...6
        }
    }

    /// The largest number that may be written: 7 is Sunday too.
    var largest: Int { self == .weekday ? 7 : range.upperBound }

    /// What the field takes, for messages.
    var legend: String {
        switch self {
        case .month: "1-12 or jan-dec"
        case .weekday: "0-7 or mon-sun"
        default: "\(range.lowerBound)-\(range.upperBound)"
        }
    }

    /// The names of the range's ends, in fields that have names.
    var firstName: String { self == .month ? "jan" : "sun" }
    var lastName: String { self == .month ? "dec" : "sat" }

    func number(named name: String) -> Int? {
        switch self {
        case .month: CronNames.month(name)
        case .weekday: CronNames.weekday(name)
        default: nil
        }
    }

    /// Names that may have been meant.
    func near(_ name: String) -> [String] {
        switch self {
        case .month: NearNames.nearest(to: name, among: CronNames.months + CronNames.monthNames)
        case .weekday: NearNames.nearest(to: name, among: CronNames.weekdays + Weekday.allCases.map(\.name))
        default: []
        }
    }
}

/// Reads five cron fields.
///
/// As in Vixie cron, except that a list, range or step never leaves a field's range, and that the end of a range is not
/// before its start; only `sun` may end a range, as in `fri-sun`.
struct CronParser {
    let tokens: [ScheduleParser.Token]
    let endColumn: Int
    /// How many more repairs may be tried for suggestions.
    let repairs: Int

    func parse() throws(ScheduleError) -> CronPattern {
        guard tokens.count == 5 else { throw wrongNumberOfFields() }
        var pattern = CronPattern()
        pattern.minutes = try field(.minute)
        pattern.hours = UInt32(truncatingIfNeeded: try field(.hour))
        pattern.daysOfMonth = UInt32(truncatingIfNeeded: try field(.day))
        pattern.months = UInt16(truncatingIfNeeded: try field(.month))
        pattern.weekdays = UInt8(truncatingIfNeeded: try field(.weekday))
        pattern.daysOfMonthHaveStar = tokens[2].text.hasPrefix("*")
        pattern.weekdaysHaveStar = tokens[4].text.hasPrefix("*")
        pattern.followsClock = tokens[1].text.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "/") }
        guard pattern.canFire else { throw neverFires(pattern) }
        return pattern
    }

    // MARK: - Fields

    /// The numbers of a field as bits.
    private func field(_ field: CronField) throws(ScheduleError) -> UInt64 {
        let token = tokens[field.rawValue]
        var bits: UInt64 = 0
        var column = token.column
        for item in token.text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            bits |= try self.item(String(Substring(item)), of: field, at: column)
            column += item.count + 1
        }
        return bits
    }

    /// One item of a list: `*`, a number, a range, each but the number with or without a step.
    private func item(_ text: String, of field: CronField, at column: Int) throws(ScheduleError) -> UInt64 {
        guard !text.isEmpty else {
            throw failure(field, column, "a number is missing beside a comma")
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2 else { throw failure(field, column, "\(quoted(text)) has two steps") }
        let range = try range(parts[0], of: field, at: column)
        guard parts.count == 2 else { return Self.bits(range, step: 1, field) }
        let stepColumn = column + parts[0].utf8.count + 1
        guard parts[0] == "*" || parts[0].contains("-") else {
            let whole = "\(parts[0])-\(field.range.upperBound)/\(parts[1])"
            throw failure(
                field, column, "a step needs a range or a star before it",
                parts[1].allSatisfy(\.isNumber) ? replacing(field, text, at: column, with: whole) : nil)
        }
        guard let step = number(parts[1]) else {
            let found = parts[1].isEmpty ? "the step after `/` is missing" : "\(quoted(parts[1])) is not a step"
            throw failure(field, stepColumn, found)
        }
        guard step > 0 else { throw failure(field, stepColumn, "step 0 goes nowhere") }
        guard step <= field.largest else {
            throw failure(field, stepColumn, "step \(shown(parts[1])) is over \(field.largest)")
        }
        return Self.bits(range, step: step, field)
    }

    private static func bits(_ range: ClosedRange<Int>, step: Int, _ field: CronField) -> UInt64 {
        var bits: UInt64 = 0
        for number in stride(from: range.lowerBound, through: range.upperBound, by: step) {
            bits |= 1 << UInt64(field == .weekday ? number % 7 : number)
        }
        return bits
    }

    private func range(_ text: String, of field: CronField, at column: Int) throws(ScheduleError) -> ClosedRange<Int> {
        if text == "*" { return field.range }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard ends.count <= 2 else { throw failure(field, column, "\(quoted(text)) is not a range") }
        let first = try value(ends[0], of: field, at: column)
        guard ends.count == 2 else { return first...first }
        var last = try value(ends[1], of: field, at: column + ends[0].utf8.count + 1)
        // A week ends with its Sunday when that is written as a name.
        if field == .weekday, last == 0, ends[1].hasPrefix("sun") { last = 7 }
        guard first <= last else {
            // In the manner of the ends: names beside names, numbers beside numbers.
            let isNamed = field.number(named: ends[0]) != nil
            let final = isNamed ? field.lastName : String(field.range.upperBound)
            let initial = isNamed ? field.firstName : String(field.range.lowerBound)
            let tail = first == field.range.upperBound ? ends[0] : "\(ends[0])-\(final)"
            let head = last == field.range.lowerBound ? ends[1] : "\(initial)-\(ends[1])"
            throw failure(
                field, column, "\(quoted(text)) runs backwards",
                replacing(field, text, at: column, with: "\(tail),\(head)"))
        }
        return first...last
    }

    private func value(_ text: String, of field: CronField, at column: Int) throws(ScheduleError) -> Int {
        guard !text.isEmpty else { throw failure(field, column, "one end of a range is missing") }
        if let named = field.number(named: text) { return named }
        guard let number = number(text) else {
            if text == "?" {
                throw failure(
                    field, column, "`?` is not known here; a star means any",
                    replacing(field, text, at: column, with: "*"))
            }
            let isNumbered = (text.hasSuffix("l") || text.hasSuffix("w"))
                && text.utf8.dropLast().allSatisfy { $0.digit != nil }
            if isNumbered || text.contains("#") || text == "lw" {
                throw failure(field, column, "\(quoted(text)) is an extension of other crons")
            }
            let near = field.near(text).first
            throw failure(
                field, column, "\(quoted(text)) is not known",
                near.flatMap { replacing(field, text, at: column, with: $0.lowercased()) })
        }
        guard number >= field.range.lowerBound else {
            throw failure(field, column, "\(number) is under \(field.range.lowerBound)")
        }
        guard number <= field.largest else {
            throw failure(
                field, column, "\(shown(text)) is over \(field.largest)",
                field == .hour && number == 24 ? replacing(field, text, at: column, with: "0") : nil)
        }
        return number
    }

    /// A number for a message: itself unless it is too long to read.
    private func shown(_ number: String) -> String {
        number.utf8.count > 6 ? quoted(number) : number
    }

    /// A number of digits alone; one that is too long for any field counts as 99,999.
    private func number(_ text: String) -> Int? {
        let digits = text.utf8.compactMap(\.digit)
        guard !digits.isEmpty, digits.count == text.utf8.count else { return nil }
        return digits.reduce(0) { min($0 * 10 + $1, 99_999) }
    }

    // MARK: - Errors

    private func failure(
        _ field: CronField, _ column: Int, _ wrong: String, _ suggestion: String? = nil
    ) -> ScheduleError {
        let examples = ["*/15 * * * *", "0 8-18 * * *", "0 6 1,15 * *", "0 6 * 1-6 *", "0 6 * * mon-fri"]
        let suggestions = suggestion.map { [$0] } ?? []
        return ScheduleError(
            column: column,
            message: "\(field.name): \(wrong); write \(field.legend) with lists, ranges and steps, such as "
                + "`\(suggestion ?? examples[field.rawValue])`",
            suggestions: suggestions)
    }

    /// The whole line with a part of one field replaced, if that makes a schedule.
    private func replacing(_ field: CronField, _ part: String, at column: Int, with other: String) -> String? {
        var fields = tokens.map(\.text)
        let token = tokens[field.rawValue]
        let start = column - token.column
        let head = token.text.utf8.prefix(start)
        let tail = token.text.utf8.dropFirst(start + part.utf8.count)
        fields[field.rawValue] = String(decoding: head, as: UTF8.self) + other + String(decoding: tail, as: UTF8.self)
        return repaired(fields)
    }

    private func wrongNumberOfFields() -> ScheduleError {
        let fields = tokens.map(\.text)
        let column = tokens.count > 5 ? tokens[5].column : endColumn
        var candidates: [String?] = []
        var reason = ""
        switch fields.count {
        case 6:
            reason = "; there is none for seconds or years"
            candidates = [repaired(Array(fields.dropFirst())), repaired(Array(fields.dropLast()))]
        case 1 where fields[0].utf8.allSatisfy { $0.digit != nil }:
            candidates = [ScheduleGuess(words: ["every"] + fields).schedules.first]
        case 1..<5:
            candidates = [repaired(fields + Array(repeating: "*", count: 5 - fields.count))]
        default: break
        }
        let suggestions = candidates.compactMap { $0 }
        return ScheduleError(
            column: column,
            message: "a cron schedule has five fields (minute, hour, day of month, month, weekday), this has "
                + "\(fields.count)\(reason); write such as `\(suggestions.first ?? "30 6 * * mon-fri")`",
            suggestions: suggestions)
    }

    private func neverFires(_ pattern: CronPattern) -> ScheduleError {
        let months = (1...12).filter { pattern.months & 1 << $0 != 0 }.map { CronNames.monthNames[$0 - 1] }
        let day = pattern.daysOfMonth.trailingZeroBitCount
        var fields = tokens.map(\.text)
        fields[2] = "28"
        let suggestion = repaired(fields)
        return ScheduleError(
            column: tokens[2].column,
            message: "this would never run: there is no day \(day) in \(months.joined(separator: " or ")); write a day "
                + "that the month has, such as `\(suggestion ?? "0 0 28 2 *")`",
            suggestions: suggestion.map { [$0] } ?? [])
    }

    /// These fields as a line when they make a schedule, or what makes one of them by another repair.
    private func repaired(_ fields: [String]) -> String? {
        guard fields.count == 5, repairs > 0 else { return nil }
        let line = fields.joined(separator: " ")
        do throws(ScheduleError) {
            _ = try ScheduleParser(line, repairs: repairs - 1).parse()
            return line
        } catch {
            return error.suggestions.first
        }
    }
}
