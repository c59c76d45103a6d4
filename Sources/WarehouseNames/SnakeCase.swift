/// Column names after Segment's rule (https://github.com/segmentio/go-snakecase). It knows ASCII letters and digits
/// only.
///
/// The rule has two halves. The longest start of the name that is snake case already (lower-case letters, digits, and
/// underscores followed by one of them) stays as it is. The rest is cut into words; a word is a run of capitals and
/// digits followed by a run of lower-case letters and digits, everything else only separates. Capitals that follow a
/// start without lower-case letters, or an underscore without any after it, continue that start's last word.
package enum SnakeCase {
    /// The column of a trait, such as `amplitude_i_os_users_sf7_m9j` of `[Amplitude] iOS users (Sf7M9j)`.
    ///
    /// Bytes outside ASCII separate words, so that `Café` becomes `caf`. A name without an ASCII letter or digit gives
    /// the empty name, which no warehouse can hold.
    package static func column(of name: some Collection<UInt8>) -> [UInt8] {
        let name = Array(name)
        var (position, continues) = snakePrefix(of: name)
        if position == name.count { return name }

        var column = Array(name[..<position])
        column.reserveCapacity(name.count + 8)
        if continues, isCapital(name[position]) {
            position = appendWord(of: name, from: position, to: &column)
        }
        while position < name.count {
            guard isCapital(name[position]) || isDigit(name[position]) || isLower(name[position]) else {
                position += 1
                continue
            }
            if !column.isEmpty { column.append(underscore) }
            position = appendWord(of: name, from: position, to: &column)
        }
        return column
    }

    /// The column of a trait given as text; see ``column(of:)``.
    package static func column(of name: String) -> String {
        String(decoding: column(of: name.utf8), as: UTF8.self)
    }

    /// Length of the start that is snake case already, and whether a capital right after it continues its last word.
    private static func snakePrefix(of name: [UInt8]) -> (length: Int, continues: Bool) {
        var hasLower = false
        var hasUnderscore = false
        var hasLowerSinceUnderscore = false
        var position = 0
        while position < name.count {
            let byte = name[position]
            if isLower(byte) {
                hasLower = true
                hasLowerSinceUnderscore = hasUnderscore
            } else if byte == underscore, position > 0, position + 1 < name.count,
                isLower(name[position + 1]) || isDigit(name[position + 1]) {
                hasUnderscore = true
                hasLowerSinceUnderscore = false
            } else if !isDigit(byte) {
                break
            }
            position += 1
        }
        return (position, !hasLower || (hasUnderscore && !hasLowerSinceUnderscore))
    }

    /// Appends the word that starts at `start` in lower case and returns the position after it.
    private static func appendWord(of name: [UInt8], from start: Int, to column: inout [UInt8]) -> Int {
        var position = start
        while position < name.count, isCapital(name[position]) || isDigit(name[position]) {
            column.append(isCapital(name[position]) ? name[position] | 0x20 : name[position])
            position += 1
        }
        while position < name.count, isLower(name[position]) || isDigit(name[position]) {
            column.append(name[position])
            position += 1
        }
        return position
    }

    private static let underscore = UInt8(ascii: "_")

    private static func isLower(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }
    private static func isCapital(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") }
    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
