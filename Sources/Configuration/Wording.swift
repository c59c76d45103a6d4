import Scheduling

/// Text from the file as messages show it: in quotes, without control or direction characters, cut when long.
func quoted(_ text: String) -> String {
    let longest = 60
    var shown = ""
    var count = 0
    for scalar in text.unicodeScalars {
        guard count < longest else { return "\"\(shown)…\"" }
        count += 1
        if isUnprintable(scalar) {
            shown += "<\(codePoint(scalar.value))>"
        } else {
            shown.unicodeScalars.append(scalar)
        }
    }
    return "\"\(shown)\""
}

/// Control characters, and those that are invisible or change the direction of text.
func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
    default: false
    }
}

/// `a, b and c` or, with another word, `a, b or c`.
func listed(_ names: [String], _ word: String = "and") -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    return names.dropLast().joined(separator: ", ") + " \(word) \(last)"
}

/// The first ten names, and how many more there are.
func listedShort(_ names: [String], _ word: String = "and") -> String {
    guard names.count > 10 else { return listed(names, word) }
    return names.prefix(10).joined(separator: ", ") + ", … (\(names.count) in all)"
}

/// `12,345`.
func grouped(_ number: Int) -> String {
    let digits = String(number.magnitude)
    var text = number < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % 3 == 0 { text += "," }
        text.append(digit)
    }
    return text
}

/// The name that was probably meant, or nil when none is near.
func nearName(_ name: String, among names: [String]) -> String? {
    NearNames.nearest(to: name, among: names, limit: 1).first
}
