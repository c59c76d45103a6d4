import SourceConnectors
import SyncEngine

/// A second reader of the same format, to compare the first with: the whole text at once, line by line, a line that leaves a
/// quote open read again with the next one behind it. It is slow and shares neither code nor method with `CSVRowParser`; it
/// goes by RFC 4180 (the grammar of its section 2) and by the rules that `CSVRowParser` promises for what the RFC leaves open.
struct CSVSecondReader {
    let column: String?
    var delimiter = UInt8(ascii: ",")
    var header = HeaderRule.automatic

    /// What stands in one record.
    private enum Record: Equatable {
        case blank
        case fields([[UInt8]])
        case unreadable(UnreadableReason)
        /// The quote that is open at the end of the text.
        case open
    }

    /// The rows, or nil where the whole input is refused.
    func rows(of text: [UInt8]) -> (rows: [ReportedRow], endsInsideQuotes: Bool)? {
        guard isText(text) else { return nil }
        let bytes = text.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(text[3...]) : text
        var records = self.records(of: bytes)
        // Blank lines before the first record are nothing, whatever follows.
        records = Array(records.drop { $0.record == .blank })
        let isOpen = records.last?.record == .open
        guard let first = records.first else { return ([], false) }
        var rows: [ReportedRow] = []
        var wanted = 0
        var expected = 1
        if let column {
            guard case .fields(let names) = first.record else { return nil }
            let places = names.indices.filter { names[$0] == Array(column.utf8) }
            guard places.count == 1 else { return nil }
            (wanted, expected) = (places[0], names.count)
            records.removeFirst()
        } else if case .fields(let names) = first.record {
            guard names.count == 1 else { return nil }
            if header == .present || (header == .automatic && isKnownHeader(names[0])) { records.removeFirst() }
        }
        for (line, record) in records {
            switch record {
            case .blank: if expected == 1 { rows.append(.nobody(line)) }
            case .open: rows.append(.unreadable(.quoting, line))
            case .unreadable(let reason): rows.append(.unreadable(reason, line))
            case .fields(let fields) where fields.count != expected: rows.append(.unreadable(.fieldCount, line))
            case .fields(let fields): rows.append(fields[wanted].isEmpty ? .nobody(line) : .row(fields[wanted], line))
            }
        }
        return (rows, isOpen)
    }

    private func isText(_ text: [UInt8]) -> Bool {
        let marks: [[UInt8]] = [[0xFF, 0xFE], [0xFE, 0xFF], [0x1F, 0x8B], [0x50, 0x4B, 3, 4]]
        return !marks.contains { text.starts(with: $0) } && !text.prefix(4_096).contains(0)
    }

    private func isKnownHeader(_ field: [UInt8]) -> Bool {
        ["user_id", "userid", "user id", "id", "member", "member_id", "email"]
            .contains(String(decoding: field, as: UTF8.self).lowercased()) && field.allSatisfy { $0 < 0x80 }
    }

    /// Records with the number of the line on which each begins.
    private func records(of text: [UInt8]) -> [(line: Int, record: Record)] {
        var lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
        // Behind the last line end there is no further line; nor is a lone carriage return at the very end one.
        if lines.last == [] || lines.last == [UInt8(ascii: "\r")] { lines.removeLast() }
        var records: [(line: Int, record: Record)] = []
        var index = 0
        while index < lines.count {
            let line = index + 1
            var joined = lines[index]
            index += 1
            var record = self.record(in: joined)
            while record == .open, index < lines.count {
                joined += [UInt8(ascii: "\n")] + lines[index]
                index += 1
                record = self.record(in: joined)
            }
            records.append((line, record))
        }
        return records
    }

    /// `record = field *(COMMA field)`, with an optional CR behind it.
    private func record(in text: [UInt8]) -> Record {
        if text.isEmpty || text == [UInt8(ascii: "\r")] { return .blank }
        var rest = text[...]
        var fields: [[UInt8]] = []
        while true {
            guard let field = rest.first == UInt8(ascii: "\"") ? quoted(&rest) : plain(&rest) else { return .open }
            fields.append(field)
            if rest.first == delimiter {
                rest.removeFirst()
            } else {
                break
            }
        }
        if rest.isEmpty || rest.elementsEqual([UInt8(ascii: "\r")]) { return .fields(fields) }
        return .unreadable(.quoting)
    }

    private func plain(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        let field = rest.prefix { $0 != delimiter && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\r") }
        rest.removeFirst(field.count)
        return Array(field)
    }

    /// Nil when the closing quote is missing.
    private func quoted(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        var field: [UInt8] = []
        rest.removeFirst()
        while let quote = rest.firstIndex(of: UInt8(ascii: "\"")) {
            field += rest[..<quote]
            rest = rest[(quote + 1)...]
            guard rest.first == UInt8(ascii: "\"") else { return field }
            field.append(UInt8(ascii: "\""))
            rest.removeFirst()
        }
        return nil
    }
}
