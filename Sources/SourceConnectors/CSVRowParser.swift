import Glibc
import SyncEngine

/// Whether the first record of a file names its columns.
package enum HeaderRule: String, Sendable, CaseIterable {
    /// With a `column`: yes. Without one: yes if its only field is, in any case of letters, one of `user_id`, `userid`,
    /// `user id`, `id`, `member`, `member_id`, `email`; otherwise it is a member.
    case automatic
    /// The first record is a header, whatever it says.
    case present
    /// There is no header. Contradicts `column`, because columns are found by name only.
    case absent
}

/// Reads RFC 4180 from bytes that are pushed in, in pieces of any size, and reports one member a record.
///
/// How the pieces are cut never changes what is reported. Memory stays below one record (1 MiB) and the opening
/// (4 KiB), whatever the input. Bytes go out exactly as they came in; nothing is trimmed, decoded or normalised.
///
/// What RFC 4180 leaves open is read so:
/// - A line ends at LF or CRLF. A CR outside quotes that is not followed by LF or by the end is broken quoting, since
///   RFC 4180 lets it stand only within quotes; a file whose lines end in CR alone thus names nobody by mistake.
/// - Empty lines are skipped, but in a file of one column each is a row that names nobody.
/// - An empty field, `""` included, names nobody.
/// - A quote inside an unquoted field, or anything but a delimiter or line end behind a closing quote, is broken
///   quoting: the record is given up and the next line starts a new one.
/// - A quote that is never closed takes everything up to the end: one unreadable record, and ``endsInsideQuotes``.
/// - A record over 1 MiB or 4,096 fields is read to its proper end without being kept, so that no part of it is
///   mistaken for a member.
/// - Without `column` the input is a list, one id a line. The same rules hold: an unquoted line with a delimiter has
///   two fields and is unreadable.
/// - A UTF-8 byte order mark is dropped once, at the start. UTF-16, NUL bytes in the first 4 KiB, ZIP and gzip are
///   refused. Until 4 KiB or the end have come, nothing is reported.
/// - Input without any record, not even a header, has no rows.
package struct CSVRowParser {
    /// Longest record, in bytes without its line end.
    package static let recordLimit = 1_048_576
    /// Most fields in a record.
    package static let columnLimit = 4_096

    /// What names the input in messages, such as a path; already printable.
    let subject: String
    /// The name of the column with the ids, or nil for a list.
    let column: String?
    let delimiter: UInt8
    let header: HeaderRule

    /// Where in the input the parser is.
    enum Stage {
        /// Within the first bytes, which are looked at before any is believed.
        case opening
        /// Within the record that may be the header.
        case firstRecord
        case rows
        /// Ended or failed: takes nothing more.
        case closed
    }
    var stage = Stage.opening
    var opening: [UInt8] = []
    /// Number of the line being read, from 1. Line ends within quotes count.
    var line = 1

    /// Where in a record the parser is.
    enum State {
        case recordStart, fieldStart, unquoted, quoted
        /// Behind a quote within a quoted field: the first of two, or the closing one.
        case quoteInQuoted
        /// Behind a CR outside quotes.
        case carriage
        /// Behind broken quoting, looking for the next line end.
        case skipping
    }
    var state = State.recordStart
    var recordLine = 1
    /// Bytes of the record read so far.
    var length = 0
    /// Fields of the record that are complete, which is also the index of the one being read.
    var fields = 0
    /// The record was reported as unreadable; it is read to its end and not reported again.
    var isSpoiled = false
    /// The field being read while the header is, and the id otherwise.
    var field: [UInt8] = []
    /// The fields of the first record.
    var names: [[UInt8]] = []

    /// Index of the field with the id, and how many fields a record must have.
    var wanted = 0
    var expected = 1

    /// Whether the input ended within a quoted field, which a source may take as a sign that it was cut off.
    package internal(set) var endsInsideQuotes = false

    /// Whether the header was found, or found not to be there.
    package var isHeaderDecided: Bool { stage == .rows }

    /// Bytes of input that the parser keeps.
    package var heldBytes: Int { opening.count + field.count + names.reduce(0) { $0 + $1.count } }

    /// - Parameters:
    ///   - column: the name of the column with the ids, byte for byte; nil for a list of ids.
    ///   - delimiter: any byte but a quote, CR and LF.
    ///   - subject: what names the input in messages, such as a path.
    package init(
        column: String?, delimiter: UInt8 = UInt8(ascii: ","), header: HeaderRule = .automatic, subject: String
    ) {
        self.column = column
        self.delimiter = delimiter
        self.header = header
        self.subject = PrintableText.from(subject)
    }

    /// Reads the next piece of the input.
    ///
    /// - Throws: ``SourceError/misconfigured(_:)`` when the input is not text, or its header is not as expected. After
    ///   that nothing more is read.
    package mutating func consume(_ bytes: UnsafeRawBufferPointer, into rows: any MemberRows) throws(SourceError) {
        do {
            switch stage {
            case .opening: try open(with: bytes, into: rows)
            case .firstRecord, .rows: try parse(bytes, into: rows)
            case .closed: return
            }
        } catch {
            stage = .closed
            throw error
        }
    }

    /// Tells the parser that the input is complete; reports a last record that has no line end.
    package mutating func finish(into rows: any MemberRows) throws(SourceError) {
        guard stage != .closed else { return }
        defer { stage = .closed }
        if stage == .opening { try openWithWhatThereIs(into: rows) }
        switch state {
        case .recordStart:
            return
        case .fieldStart, .unquoted, .quoteInQuoted, .carriage:
            if state == .carriage && isBlank { return }
            try endField(into: rows)
        case .quoted:
            endsInsideQuotes = true
            try spoil(.quoting, "the quote is never closed", into: rows)
        case .skipping:
            break
        }
        try endRecord(into: rows)
    }

    mutating func parse(_ bytes: UnsafeRawBufferPointer, into rows: any MemberRows) throws(SourceError) {
        guard let base = bytes.baseAddress else { return }
        var marks = CSVMarks(base: base, count: bytes.count, delimiter: delimiter)
        var position = 0
        while position < bytes.count {
            if stage == .rows && state == .recordStart {
                position = readCleanLines(from: position, marks: &marks, into: rows)
                if position >= bytes.count { return }
            }
            position = try readRecord(bytes, from: position, into: rows)
        }
    }
}
