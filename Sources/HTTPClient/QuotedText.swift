/// Text from outside made fit to stand in a reason: one line, no control or direction-changing characters, bounded.
package enum QuotedText {
    /// Quotes `bytes`: control characters, bidi and zero-width ones and invalid UTF-8 become a space, runs of white
    /// space become one, and what is longer than `limit` characters ends in `…`.
    package static func quote(_ bytes: some Sequence<UInt8>, limit: Int = 200) -> String {
        var result = String.UnicodeScalarView()
        var count = 0
        var owesSpace = false
        // One character needs at most four bytes; what lies behind the bound cannot show and is not looked at.
        for scalar in String(decoding: Array(bytes.prefix(limit * 8)), as: UTF8.self).unicodeScalars {
            if isBlank(scalar) {
                owesSpace = count > 0
                continue
            }
            if count + (owesSpace ? 1 : 0) >= limit {
                result.append("…")
                break
            }
            if owesSpace {
                result.append(" ")
                count += 1
                owesSpace = false
            }
            result.append(scalar)
            count += 1
        }
        return String(result)
    }

    package static func quote(_ text: String, limit: Int = 200) -> String { quote(text.utf8, limit: limit) }

    /// Everything that prints nothing or changes how its neighbours print (reliability.md §4, rule 15), combining marks
    /// included: a reason needs none, and stacked ones spill over other lines.
    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator, .nonspacingMark, .enclosingMark:
            true
        default:
            scalar == "\u{FFFD}"
        }
    }
}
