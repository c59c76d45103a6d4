import Glibc
import SyncEngine

/// Where the next special bytes of a piece of input are, so that lines without any are recognised by one comparison.
struct CSVMarks {
    let base: UnsafeRawPointer
    let count: Int
    let delimiter: UInt8
    // Offsets of the next byte of each kind at or behind the place last asked for; `count` when there is none.
    var quote = -1
    var carriage = -1
    var separator = -1
    /// The smallest of the three.
    var next = -1

    init(base: UnsafeRawPointer, count: Int, delimiter: UInt8) {
        self.base = base
        self.count = count
        self.delimiter = delimiter
    }

    /// Brings all marks to or behind `start`. Each byte is looked at once a kind, however often this is called.
    mutating func advance(to start: Int) {
        if quote < start { quote = find(UInt8(ascii: "\""), from: start) }
        if carriage < start { carriage = find(UInt8(ascii: "\r"), from: start) }
        if separator < start { separator = find(delimiter, from: start) }
        next = min(quote, carriage, separator)
    }

    @inline(__always)
    func find(_ byte: UInt8, from start: Int) -> Int {
        find(byte, from: start, to: count) ?? count
    }

    @inline(__always)
    func find(_ byte: UInt8, from start: Int, to end: Int) -> Int? {
        guard let found = memchr(base + start, Int32(byte), end - start) else { return nil }
        return UnsafeRawPointer(found) - base
    }
}

// Most lines of most files contain no quote and end within the piece of input at hand. They are reported where they
// lie, without being copied. Everything else is left to `readRecord`, so that each rule is written down once.
extension CSVRowParser {
    /// Reports lines as long as they are plain; returns the offset of the first line that is not, or the end.
    mutating func readCleanLines(
        from offset: Int, marks: inout CSVMarks, into rows: any MemberRows
    ) -> Int {
        let base = marks.base
        let isList = expected == 1
        var start = offset
        var number = line
        defer { line = number }
        while start < marks.count {
            guard let end = marks.find(UInt8(ascii: "\n"), from: start, to: marks.count) else { return start }
            if marks.next < start { marks.advance(to: start) }
            let length = end - start
            if isList && end < marks.next && length > 0 && length <= Self.recordLimit {
                rows.row(UnsafeRawBufferPointer(start: base + start, count: length), at: number)
            } else {
                guard reportCleanLine(from: start, to: end, at: number, marks: marks, into: rows) else {
                    return start
                }
            }
            number &+= 1
            start = end + 1
        }
        return start
    }

    /// Reports the line between two offsets, the latter that of its LF, unless it is not plain.
    private func reportCleanLine(
        from start: Int, to newline: Int, at number: Int, marks: CSVMarks, into rows: any MemberRows
    ) -> Bool {
        guard marks.quote > newline else { return false }
        var end = newline
        if marks.carriage < newline {
            guard marks.carriage == newline - 1 else { return false }
            end = newline - 1
        }
        if end == start {
            // In a list every line is a row, and an empty one names nobody.
            if expected == 1 { rows.nobody(at: number) }
            return true
        }
        guard end - start <= Self.recordLimit else { return false }
        if expected == 1 {
            guard marks.separator > end else { return false }
            rows.row(UnsafeRawBufferPointer(start: marks.base + start, count: end - start), at: number)
            return true
        }
        guard let id = soughtField(from: start, to: end, marks: marks) else { return false }
        if id.isEmpty {
            rows.nobody(at: number)
        } else {
            rows.row(id, at: number)
        }
        return true
    }

    /// The field with the id of a line without quotes; nil when the number of fields is wrong.
    @inline(__always)
    private func soughtField(from start: Int, to end: Int, marks: CSVMarks) -> UnsafeRawBufferPointer? {
        var first = start
        for _ in 0..<wanted {
            guard let found = marks.find(delimiter, from: first, to: end) else { return nil }
            first = found + 1
        }
        let last = marks.find(delimiter, from: first, to: end) ?? end
        let separators = UnsafeRawBufferPointer(start: marks.base + last, count: end - last)
            .reduce(0) { $0 &+ ($1 == delimiter ? 1 : 0) }
        guard wanted + 1 + separators == expected else { return nil }
        return UnsafeRawBufferPointer(start: marks.base + first, count: last - first)
    }
}
