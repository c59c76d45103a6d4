import SyncEngine

// What is decided once, at the start of the input: whether it is text at all, and what its header says.
extension CSVRowParser {
    /// How much of the input is looked at before any of it is believed.
    static let openingSize = 4_096

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Names that make a list's only field a header, in lower case.
    private static let listHeaders = ["user_id", "userid", "user id", "id", "member", "member_id", "email"]

    /// Collects the opening, and goes on as soon as there is enough of it.
    mutating func open(with bytes: UnsafeRawBufferPointer, into rows: any MemberRows) throws(SourceError) {
        if opening.isEmpty && bytes.count >= Self.openingSize {
            let start = try firstTextByte(of: UnsafeRawBufferPointer(rebasing: bytes.prefix(Self.openingSize)))
            stage = .firstRecord
            try parse(UnsafeRawBufferPointer(rebasing: bytes[start...]), into: rows)
            return
        }
        let missing = min(Self.openingSize - opening.count, bytes.count)
        opening.append(contentsOf: bytes.prefix(missing))
        guard opening.count == Self.openingSize else { return }
        try openWithWhatThereIs(into: rows)
        try parse(UnsafeRawBufferPointer(rebasing: bytes[missing...]), into: rows)
    }

    mutating func openWithWhatThereIs(into rows: any MemberRows) throws(SourceError) {
        let text = opening
        opening = []
        stage = .firstRecord
        try text.withUnsafeBufferPointer { (text) throws(SourceError) in
            let bytes = UnsafeRawBufferPointer(text)
            let start = try firstTextByte(of: bytes)
            try parse(UnsafeRawBufferPointer(rebasing: bytes[start...]), into: rows)
        }
    }

    /// The offset of the first byte behind a byte order mark.
    private func firstTextByte(of bytes: UnsafeRawBufferPointer) throws(SourceError) -> Int {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw .misconfigured("\(subject) is UTF-16 text; save it as UTF-8")
        }
        if bytes.starts(with: [0x1F, 0x8B]) {
            throw .misconfigured("\(subject) holds gzip data where text is expected; compress it once at most")
        }
        if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
            throw .misconfigured("\(subject) is a ZIP archive or an Excel workbook; save it as CSV")
        }
        var zeros = [0, 0]
        for (offset, byte) in bytes.enumerated() where byte == 0 { zeros[offset & 1] += 1 }
        if zeros != [0, 0] {
            let isWide = zeros.contains(0) && zeros[0] + zeros[1] >= bytes.count / 4
            throw .misconfigured(
                isWide
                    ? "\(subject) looks like UTF-16 text; save it as UTF-8"
                    : "\(subject) is not text: it contains NUL bytes")
        }
        return bytes.starts(with: Self.byteOrderMark) ? Self.byteOrderMark.count : 0
    }

    /// Takes the first record as header, or as the first row.
    mutating func decideHeader(into rows: any MemberRows) throws(SourceError) {
        let found = names
        names = []
        stage = .rows
        // A list whose first line was unreadable has reported it and goes on without a header.
        guard !isSpoiled else { return }
        guard let column else {
            guard let first = found.first else { return }
            guard found.count == 1 else {
                throw .misconfigured(
                    "\(subject) has \(found.count) columns (\(PrintableText.list(found))); "
                        + "say with `column` which of them holds the ids")
            }
            if header == .present || (header == .automatic && Self.isListHeader(first)) { return }
            first.withUnsafeBytes { id in
                if id.isEmpty {
                    rows.nobody(at: recordLine)
                } else {
                    rows.row(id, at: recordLine)
                }
            }
            return
        }
        let places = found.indices.filter { found[$0].elementsEqual(column.utf8) }
        guard let place = places.first, places.count == 1 else {
            throw .misconfigured(explainMissing(column, in: found, isDoubled: places.count > 1))
        }
        wanted = place
        expected = found.count
    }

    private static func isListHeader(_ field: [UInt8]) -> Bool {
        listHeaders.contains { name in
            field.count == name.utf8.count && zip(field, name.utf8).allSatisfy { lowercased($0) == $1 }
        }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    private func explainMissing(_ column: String, in found: [[UInt8]], isDoubled: Bool) -> String {
        let name = PrintableText.from(column)
        if isDoubled { return "\(subject) has more than one column \"\(name)\"; column names must differ" }
        let text = "\(subject) has no column \"\(name)\"; its header has \(PrintableText.list(found))"
        guard let only = found.first, found.count == 1 else { return text }
        let likely = [(UInt8(ascii: ";"), "semicolons"), (UInt8(ascii: "\t"), "tabs"), (UInt8(ascii: ","), "commas")]
        for (byte, label) in likely where byte != delimiter && only.contains(byte) {
            return text + "; the fields seem to be separated by \(label)"
        }
        return text
    }
}
