/// One line of a file before and after an edit.
package struct LineChange: Sendable, Equatable {
    /// The line's number from 1: in the old file, or where a new line goes.
    package var line: Int
    /// The line without its end; nil for a line that is new.
    package var old: String?
    /// Nil for a line that is gone.
    package var new: String?

    package init(line: Int, old: String?, new: String?) {
        self.line = line
        self.old = old
        self.new = new
    }
}

extension ConfigurationEditor {
    /// What all edits together change, line by line, for a preview. Empty when nothing changed.
    package func describeChange() -> [LineChange] {
        let old = FileText(original).lines
        let new = FileText(bytes).lines
        var start = 0
        while start < min(old.count, new.count), old[start] == new[start] { start += 1 }
        var end = 0
        while end < min(old.count, new.count) - start, old[old.count - 1 - end] == new[new.count - 1 - end] { end += 1 }
        let before = Array(old[start..<old.count - end])
        let after = Array(new[start..<new.count - end])
        return Self.pairs(before, after).map { row in
            LineChange(
                line: start + row.line, old: row.old.map { String(decoding: $0, as: UTF8.self) },
                new: row.new.map { String(decoding: $0, as: UTF8.self) })
        }
    }

    /// Lines of two differing stretches side by side. Stretches of one length are the same lines with other content;
    /// of others a line of the shorter one is sought in the longer, and what stands between is new or gone.
    private static func pairs(
        _ before: [[UInt8]], _ after: [[UInt8]]
    ) -> [(line: Int, old: [UInt8]?, new: [UInt8]?)] {
        var rows: [(line: Int, old: [UInt8]?, new: [UInt8]?)] = []
        var (left, right) = (0, 0)
        while left < before.count || right < after.count {
            if left < before.count, right < after.count, before[left] == after[right] {
                left += 1
                right += 1
            } else if right >= after.count || (before.count - left > after.count - right) {
                rows.append((left + 1, before[left], nil))
                left += 1
            } else if left >= before.count || (before.count - left < after.count - right) {
                rows.append((left + 1, nil, after[right]))
                right += 1
            } else {
                rows.append((left + 1, before[left], after[right]))
                left += 1
                right += 1
            }
        }
        return rows
    }
}
