import Scheduling

extension Schedule {
    /// Reads a schedule as the engine does. What stands for a time of day and is far longer than any is refused before its
    /// digits are added up: every keystroke of the editor comes through here, and no text may stop the dashboard.
    static func read(_ text: String) throws(ScheduleError) -> Schedule {
        let words = text.lowercased().split { $0 == " " || $0 == "\t" }
        for (word, next) in zip(words, words.dropFirst()) where word == "at" && next.utf8.count > 16 {
            let column = text.utf8.count - text.utf8.drop { $0 != UInt8(ascii: " ") }.count
            throw ScheduleError(
                column: column, message: "a time is written as hours and minutes, such as `daily at 06:30`",
                suggestions: ["daily at 06:30"])
        }
        return try parse(text)
    }
}
