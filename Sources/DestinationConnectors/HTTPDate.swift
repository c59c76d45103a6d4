/// The three date forms of HTTP (RFC 9110 §5.6.7), all in UTC.
///
///     Sun, 06 Nov 1994 08:49:37 GMT
///     Sunday, 06-Nov-94 08:49:37 GMT
///     Sun Nov  6 08:49:37 1994
enum HTTPDate {
    /// Seconds since 1970; nil when the text is none of the forms. The weekday's name is not checked.
    static func seconds(_ text: [UInt8]) -> Int64? {
        guard text.count <= 40, text.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return nil }
        let words = text.split(separator: 0x20).map { Array($0) }
        if words.count == 6, words[0].last == UInt8(ascii: ","), isUTC(words[5]) {
            return seconds(day: words[1], month: words[2], year: words[3], time: words[4])
        }
        if words.count == 4, words[0].last == UInt8(ascii: ","), isUTC(words[3]) {
            let date = words[1].split(separator: UInt8(ascii: "-")).map { Array($0) }
            guard date.count == 3 else { return nil }
            return seconds(day: date[0], month: date[1], year: date[2], time: words[2])
        }
        if words.count == 5, words[0].count == 3 {
            return seconds(day: words[2], month: words[1], year: words[4], time: words[3])
        }
        return nil
    }

    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

    private static func isUTC(_ word: [UInt8]) -> Bool {
        ["GMT", "UTC"].contains(String(decoding: word, as: UTF8.self).uppercased())
    }

    private static func seconds(day: [UInt8], month: [UInt8], year: [UInt8], time: [UInt8]) -> Int64? {
        let clock = time.split(separator: 0x3A, omittingEmptySubsequences: false).map { number(Array($0), 2...2) }
        guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2],
            hour < 24, minute < 60, second <= 60,
            let index = months.firstIndex(of: String(decoding: month, as: UTF8.self).lowercased()),
            let dayNumber = number(day, 1...2), let yearNumber = number(year, 2...4), year.count != 3
        else { return nil }
        let civil = CivilDate(year: fullYear(yearNumber, digits: year.count), month: Int64(index) + 1, day: dayNumber)
        // A day that the month does not have comes back as another one.
        guard dayNumber >= 1, CivilDate(days: civil.days) == civil else { return nil }
        return civil.days * 86_400 + hour * 3600 + minute * 60 + second
    }

    /// Two digits mean 1970…2069, the range in which such a server can be running.
    private static func fullYear(_ year: Int64, digits: Int) -> Int64 {
        digits == 4 ? year : year < 70 ? 2000 + year : 1900 + year
    }

    private static func number(_ digits: [UInt8], _ counts: ClosedRange<Int>) -> Int64? {
        guard counts.contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }
}
