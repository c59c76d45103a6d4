/// Rewrites which syncs of one cohort are paused, so that resuming gives back the very bytes that pausing found.
///
/// What pausing inserts must therefore be told from what a person wrote:
/// - a schedule on one line becomes `{when: …, paused: …}` in exactly this spelling, and only that becomes one line
///   again;
/// - into a mapping `paused` is inserted as its first key, and only as the first key it is taken out again;
/// - a `paused: false` that a person wrote in one of these two places gets a second blank behind its colon, and where
///   there are two blanks resuming writes `false` back;
/// - a schedule without quotes that cannot go between braces so is put in single quotes, and only such a one loses
///   them; where a person wrote those quotes, a blank stands before the comma.
struct PauseRewrite {
    let cohort: EditedCohort

    private var text: FileText { cohort.parsed.text }
    private var outer: MappingRewrite { MappingRewrite(cohort: cohort, node: cohort.node) }

    /// - Parameter destinations: all that shall be paused, in the order of `to`; others shall not.
    func edits(pausing destinations: [String]) throws(ConfigurationEditError) -> [TextEdit] {
        guard let schedule = cohort.node["schedule"] else {
            return try outer.append([("schedule", "{paused: \(value(destinations))}")])
        }
        guard schedule.value.pairs != nil else {
            return [try outer.replace(schedule, with: try oneLinePaused(schedule, value(destinations)))]
        }
        let mapping = MappingRewrite(cohort: cohort, node: schedule.value)
        guard let paused = schedule.value["paused"] else {
            return [try mapping.prepend("paused", value(destinations))]
        }
        if destinations.isEmpty { return [try resumption(of: paused, in: schedule, mapping)] }
        if let items = paused.value.items {
            return try listEdits(items, paused, to: destinations, mapping)
        }
        let isMarked = paused.value.plainText == "false" && isOurPlace(paused, in: schedule.value)
        return [try mapping.replace(paused, with: (isMarked ? " " : "") + value(destinations))]
    }

    /// `true` when all are paused, a list otherwise.
    private func value(_ destinations: [String]) -> String {
        if destinations == cohort.model.destinations { return "true" }
        return "[\(destinations.map(item).joined(separator: ", "))]"
    }

    private func item(_ destination: String) -> String {
        ScalarText.encode(destination, inFlow: true) ?? destination
    }

    // MARK: One line

    /// `{when: daily at 06:30, paused: true}` for `daily at 06:30`.
    private func oneLinePaused(_ schedule: YAMLPair, _ value: String) throws(ConfigurationEditError) -> String {
        let written = try cohort.flowText(of: schedule)
        var blank = ""
        if case .scalar(let text, .singleQuoted) = schedule.value.content, losesQuotes(text) { blank = " " }
        return "{when: \(written)\(blank), paused: \(value)}"
    }

    /// The schedule that ``oneLinePaused(_:_:)`` made a mapping of; nil for every other mapping.
    /// - Parameter blanks: how many stand behind `paused:`.
    private func oneLine(_ node: YAMLNode, blanks: Int) -> String? {
        guard let pairs = node.pairs, pairs.count == 2, pairs[0].key.text == "when", pairs[1].key.text == "paused",
            case .scalar(let when, let style) = pairs[0].value.content
        else { return nil }
        let written = String(decoding: text.bytes[pairs[0].value.bytes], as: UTF8.self)
        let value = String(decoding: text.bytes[pairs[1].value.bytes], as: UTF8.self)
        let space = String(repeating: " ", count: blanks)
        let whole = String(decoding: text.bytes[node.bytes], as: UTF8.self)
        let isMarked = whole == "{when: \(written) , paused:\(space)\(value)}"
        guard isMarked || whole == "{when: \(written), paused:\(space)\(value)}" else { return nil }
        let unquotes = style == .singleQuoted && !isMarked && losesQuotes(when)
        return unquotes ? when : written
    }

    /// Whether a schedule stands without quotes on its line, but cannot between braces.
    private func losesQuotes(_ text: String) -> Bool {
        !cohort.node.isFlow && ScalarText.isPlain(text, inFlow: false) && !ScalarText.isPlain(text, inFlow: true)
    }

    // MARK: Resuming

    private func resumption(
        of paused: YAMLPair, in schedule: YAMLPair, _ mapping: MappingRewrite
    ) throws(ConfigurationEditError) -> TextEdit {
        let blanks = blanksBefore(paused)
        guard isOurPlace(paused, in: schedule.value) else { return try replaceWhole(paused, with: "false", mapping) }
        if blanks > 1 {
            try mapping.requireOneLine(paused.value, of: paused)
            return TextEdit(paused.value.bytes.lowerBound - 1..<paused.value.bytes.upperBound, "false")
        }
        if let written = oneLine(schedule.value, blanks: 1) { return TextEdit(schedule.value.bytes, written) }
        if schedule.value.pairs?.count == 1 {
            return outer.remove(schedule) ?? TextEdit(paused.value.bytes, "false")
        }
        if let edit = mapping.remove(paused) { return edit }
        return try replaceWhole(paused, with: "false", mapping)
    }

    /// Whether `paused` stands where this rewrite would have put it.
    private func isOurPlace(_ paused: YAMLPair, in node: YAMLNode) -> Bool {
        node.pairs?.first?.key.bytes == paused.key.bytes || oneLine(node, blanks: blanksBefore(paused)) != nil
    }

    /// How many blanks stand behind `paused:`; 0 when the value is on another line.
    private func blanksBefore(_ paused: YAMLPair) -> Int {
        let between = text.bytes[paused.key.bytes.upperBound..<paused.value.bytes.lowerBound]
        guard let colon = between.firstIndex(of: UInt8(ascii: ":")) else { return 0 }
        let blanks = between[(colon + 1)...]
        return blanks.allSatisfy { $0 == 0x20 } ? blanks.count : 0
    }

    // MARK: Lists

    private func listEdits(
        _ items: [YAMLNode], _ paused: YAMLPair, to destinations: [String], _ mapping: MappingRewrite
    ) throws(ConfigurationEditError) -> [TextEdit] {
        let names = items.compactMap(\.text)
        let added = destinations.filter { !names.contains($0) }
        let isOurs =
            String(decoding: text.bytes[paused.value.bytes], as: UTF8.self)
            == value(cohort.model.destinations.filter { names.contains($0) })
        guard paused.value.isFlow, let last = items.last, !isOurs else {
            return [try replaceWhole(paused, with: value(destinations), mapping)]
        }
        var edits: [TextEdit] = []
        for (index, node) in items.enumerated() where !destinations.contains(names[index]) {
            edits.append(try removal(of: index, from: items, node.place))
        }
        if !added.isEmpty {
            edits.append(.insert(added.map { ", " + item($0) }.joined(), at: last.bytes.upperBound))
        }
        return edits
    }

    /// Takes one item out of a list that keeps others.
    private func removal(
        of index: Int, from items: [YAMLNode], _ place: Place
    ) throws(ConfigurationEditError) -> TextEdit {
        let range =
            index == 0
            ? items[0].bytes.lowerBound..<items[min(1, items.count - 1)].bytes.lowerBound
            : items[index - 1].bytes.upperBound..<items[index].bytes.upperBound
        guard !text.bytes[range].contains(UInt8(ascii: "#")), !text.bytes[range].contains(0x0A) else {
            throw cohort.refusal(place, "the list of paused syncs goes over several lines; edit the file by hand")
        }
        return TextEdit(range, "")
    }

    /// Puts another value in the place of a word or of a list of any form, unless a comment stands within.
    private func replaceWhole(
        _ paused: YAMLPair, with value: String, _ mapping: MappingRewrite
    ) throws(ConfigurationEditError) -> TextEdit {
        guard paused.value.items != nil, !paused.value.isFlow else {
            guard paused.value.items != nil else { return try mapping.replace(paused, with: value) }
            guard !text.bytes[paused.value.bytes].contains(UInt8(ascii: "#")) else { throw commented(paused) }
            return TextEdit(paused.value.bytes, value)
        }
        let between = text.bytes[paused.key.bytes.upperBound..<paused.value.bytes.upperBound]
        guard let colon = between.firstIndex(of: UInt8(ascii: ":")), !between.contains(UInt8(ascii: "#")) else {
            throw commented(paused)
        }
        return TextEdit(colon + 1..<paused.value.bytes.upperBound, " " + value)
    }

    private func commented(_ paused: YAMLPair) -> ConfigurationEditError {
        cohort.refusal(
            paused.value.place, "a comment stands within the list of paused syncs; edit the file by hand")
    }
}
