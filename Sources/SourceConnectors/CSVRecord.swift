import Glibc
import SyncEngine

// The machine that reads any record, whole or in pieces: the one place where the rules of quoting are written down.
extension CSVRowParser {
    private static let quote = UInt8(ascii: "\"")
    private static let newline = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    /// Whether nothing of the record has been read.
    var isBlank: Bool { length == 0 && fields == 0 }

    /// Whether the bytes of the current field are wanted.
    private var keepsField: Bool { !isSpoiled && (stage == .firstRecord || fields == wanted) }

    /// Reads on until the record ends or the bytes do; returns the offset behind what was read.
    mutating func readRecord(
        _ bytes: UnsafeRawBufferPointer, from offset: Int, into rows: any MemberRows
    ) throws(SourceError) -> Int {
        guard let base = bytes.baseAddress else { return offset }
        var position = offset
        while position < bytes.count {
            let byte = bytes[position]
            switch state {
            case .recordStart:
                if byte == Self.newline {
                    reportBlankLine(at: line, into: rows)
                    line &+= 1
                    return position + 1
                }
                beginRecord()
                if byte == Self.carriageReturn {
                    state = .carriage
                    position += 1
                }
            case .fieldStart:
                if byte == Self.quote {
                    try count(1, into: rows)
                    state = .quoted
                    position += 1
                } else {
                    state = .unquoted
                }
            case .unquoted:
                let end = endOfPlainText(bytes, from: position)
                try keep(UnsafeRawBufferPointer(rebasing: bytes[position..<end]), into: rows)
                guard end < bytes.count else { return end }
                position = end + 1
                if try endText(with: bytes[end], broken: "a quote inside an unquoted field", into: rows) {
                    return position
                }
            case .quoted:
                position = try readQuoted(bytes, from: position, into: rows)
            case .quoteInQuoted:
                position += 1
                if byte == Self.quote {
                    try keep(UnsafeRawBufferPointer(rebasing: bytes[position - 1..<position]), into: rows)
                    state = .quoted
                } else if try endText(with: byte, broken: "text behind a closing quote", into: rows) {
                    return position
                }
            case .carriage:
                if byte == Self.newline {
                    line &+= 1
                    try endLineAfterCarriage(into: rows)
                    return position + 1
                }
                try spoil(.quoting, "a carriage return outside quotes that ends no line", into: rows)
                state = .skipping
            case .skipping:
                guard let found = memchr(base + position, Int32(Self.newline), bytes.count - position) else {
                    return bytes.count
                }
                line &+= 1
                try endRecord(into: rows)
                return UnsafeRawPointer(found) - UnsafeRawPointer(base) + 1
            }
        }
        return position
    }

    private mutating func beginRecord() {
        state = .fieldStart
        recordLine = line
        length = 0
        fields = 0
        isSpoiled = false
        field.removeAll(keepingCapacity: true)
    }

    private func endOfPlainText(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var end = start
        while end < bytes.count {
            let byte = bytes[end]
            if byte == delimiter || byte == Self.newline || byte == Self.carriageReturn || byte == Self.quote { break }
            end += 1
        }
        return end
    }

    /// Acts on the byte behind a field's text. Returns true when it ended the record.
    private mutating func endText(
        with byte: UInt8, broken reason: String, into rows: any MemberRows
    ) throws(SourceError) -> Bool {
        switch byte {
        case Self.newline:
            line &+= 1
            try endField(into: rows)
            try endRecord(into: rows)
            return true
        case Self.carriageReturn:
            state = .carriage
        case delimiter:
            try count(1, into: rows)
            try endField(into: rows)
            state = .fieldStart
        default:
            try spoil(.quoting, reason, into: rows)
            state = .skipping
        }
        return false
    }

    private mutating func readQuoted(
        _ bytes: UnsafeRawBufferPointer, from start: Int, into rows: any MemberRows
    ) throws(SourceError) -> Int {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
        var text = rest
        if let base = rest.baseAddress, let found = memchr(base, Int32(Self.quote), rest.count) {
            text = UnsafeRawBufferPointer(rebasing: rest[..<(UnsafeRawPointer(found) - base)])
        }
        line &+= text.reduce(0) { $0 &+ ($1 == Self.newline ? 1 : 0) }
        try keep(text, into: rows)
        guard text.count < rest.count else { return bytes.count }
        try count(1, into: rows)
        state = .quoteInQuoted
        return start + text.count + 1
    }

    private mutating func endLineAfterCarriage(into rows: any MemberRows) throws(SourceError) {
        if isBlank {
            reportBlankLine(at: recordLine, into: rows)
            state = .recordStart
            return
        }
        try endField(into: rows)
        try endRecord(into: rows)
    }

    /// In a list every line is a row, and an empty one names nobody. Elsewhere, and before the header, it is nothing.
    func reportBlankLine(at line: Int, into rows: any MemberRows) {
        if stage == .rows, expected == 1 { rows.nobody(at: line) }
    }

    private mutating func keep(_ text: UnsafeRawBufferPointer, into rows: any MemberRows) throws(SourceError) {
        try count(text.count, into: rows)
        if keepsField { field.append(contentsOf: text) }
    }

    private mutating func count(_ bytes: Int, into rows: any MemberRows) throws(SourceError) {
        length &+= bytes
        guard length > Self.recordLimit else { return }
        try spoil(.lineTooLong, "longer than 1 MiB", into: rows)
    }

    mutating func endField(into rows: any MemberRows) throws(SourceError) {
        if stage == .firstRecord && !isSpoiled {
            names.append(field)
            field.removeAll(keepingCapacity: true)
        }
        fields &+= 1
        guard fields > Self.columnLimit else { return }
        try spoil(.fieldCount, "more than 4,096 fields", into: rows)
    }

    /// Gives the record up: its rest is read without being kept.
    mutating func spoil(
        _ reason: UnreadableReason, _ detail: String, into rows: any MemberRows
    ) throws(SourceError) {
        guard !isSpoiled else { return }
        isSpoiled = true
        field.removeAll(keepingCapacity: true)
        names.removeAll()
        if stage == .firstRecord && column != nil {
            throw .misconfigured(
                "\(subject), line \(recordLine): the header cannot be read: \(reason.rawValue) (\(detail))")
        }
        rows.unreadable(reason, at: recordLine, detail: detail)
    }

    mutating func endRecord(into rows: any MemberRows) throws(SourceError) {
        state = .recordStart
        if stage == .firstRecord {
            try decideHeader(into: rows)
        } else if !isSpoiled {
            report(into: rows)
        }
    }

    private func report(into rows: any MemberRows) {
        guard fields == expected else {
            let should = expected == 1 ? "1 field" : "\(expected) fields"
            rows.unreadable(.fieldCount, at: recordLine, detail: "\(fields) where there should be \(should)")
            return
        }
        field.withUnsafeBytes { id in
            if id.isEmpty {
                rows.nobody(at: recordLine)
            } else {
                rows.row(id, at: recordLine)
            }
        }
    }
}
