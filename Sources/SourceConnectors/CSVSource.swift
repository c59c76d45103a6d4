import SyncEngine

/// A cohort whose members stand in a CSV file or a plain list, gzipped or not.
///
/// The format is that of ``CSVRowParser``; gzip is recognised by its first bytes, whatever the file is called. The file
/// must be a regular one, and is proved unchanged by size, times, inode and path when its end has been read. A quote
/// that is still open at the end is one unreadable row, which withholds leaves, and not a failed source.
package struct CSVSource: MemberSource {
    package let kind = "csv"

    private let path: String
    private let root: String?
    private let column: String?
    private let delimiter: UInt8
    private let header: HeaderRule

    /// Called after each block with the number of bytes of the file read so far. For tests that change the file.
    package var afterBlock: (@Sendable (Int) -> Void)?

    /// What the file is called in messages instead of its path, for one that the operator never sees.
    var shownAs: String?
    /// More text than this, inflated, is a failed source; nil for no limit.
    var textLimit: Int?

    private static let blockSize = 256 * 1024

    /// - Parameters:
    ///   - path: the file.
    ///   - root: the directory the file must lie in once all links are followed; nil for anywhere.
    ///   - column: the name of the column with the ids; nil for a file with one column.
    package init(
        path: String, root: String?, column: String?, delimiter: UInt8 = UInt8(ascii: ","),
        header: HeaderRule = .automatic
    ) {
        self.path = path
        self.root = root
        self.column = column
        self.delimiter = delimiter
        self.header = header
    }

    package var definition: String {
        var parts = ["file \(path)"]
        if let column { parts.append("column \(column)") }
        if delimiter != UInt8(ascii: ",") { parts.append("delimiter \(delimiter)") }
        if header != .automatic { parts.append("header \(header.rawValue)") }
        return parts.joined(separator: ", ")
    }

    package func fetch(into rows: any MemberRows, stop: StopFlag) throws(SourceError) {
        var parser = try makeParser()
        let file = try SourceFile(path: path, root: root)
        do throws(SourceError) {
            let count = try feed(&parser, from: file, into: rows, stop: stop)
            try file.confirmUnchanged(afterReading: count)
            try parser.finish(into: rows)
        } catch {
            // Half a header looks like a mistake; where the file has changed, it is none.
            if case .misconfigured = error { try file.confirmUnchanged() }
            throw error
        }
        if stop.isRaised { throw .stopped }
    }

    /// Opens the file and finds its column, reading no further than its first records.
    package func probe() throws(SourceError) -> String {
        var parser = try makeParser()
        let file = try SourceFile(path: path, root: root)
        let nobody = IgnoredRows()
        _ = try feed(&parser, from: file, into: nobody, stop: StopFlag(), onlyHeader: true)
        if !parser.isHeaderDecided { try parser.finish(into: nobody) }
        return file.opened.summary
    }

    private func makeParser() throws(SourceError) -> CSVRowParser {
        let name = PrintableText.from(path)
        guard ![UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r")].contains(delimiter) else {
            throw .misconfigured("\(name): a quote or a line end cannot separate fields; use a comma, semicolon or tab")
        }
        guard column == nil || header != .absent else {
            throw .misconfigured("\(name): a column is found by its name, so the file must have a header")
        }
        return CSVRowParser(column: column, delimiter: delimiter, header: header, subject: shownAs ?? path)
    }

    /// Pushes the file's text into the parser; returns the number of bytes of the file that were read.
    private func feed(
        _ parser: inout CSVRowParser, from file: borrowing SourceFile, into rows: any MemberRows, stop: StopFlag,
        onlyHeader: Bool = false
    ) throws(SourceError) -> Int {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockSize, alignment: 4096)
        defer { buffer.deallocate() }
        var count = try file.read(into: buffer)
        var total = count
        var text = 0
        if buffer.prefix(count).starts(with: GzipInflater.magic) {
            var inflater = try GzipInflater(name: file.name)
            while count > 0 {
                try inflater.inflate(UnsafeRawBufferPointer(rebasing: buffer[..<count])) { piece throws(SourceError) in
                    if stop.isRaised { throw .stopped }
                    if onlyHeader && parser.isHeaderDecided { return }
                    text += piece.count
                    if let textLimit, text > textLimit {
                        throw .unavailable("\(shownAs ?? path) inflates to more than \(grouped(textLimit)) bytes")
                    }
                    try parser.consume(piece, into: rows)
                }
                if onlyHeader && parser.isHeaderDecided { return total }
                count = try nextBlock(of: file, into: buffer, total: &total, stop: stop)
            }
            try inflater.finish()
            return total
        }
        while count > 0 {
            try parser.consume(UnsafeRawBufferPointer(rebasing: buffer[..<count]), into: rows)
            if onlyHeader && parser.isHeaderDecided { return total }
            count = try nextBlock(of: file, into: buffer, total: &total, stop: stop)
        }
        return total
    }

    private func nextBlock(
        of file: borrowing SourceFile, into buffer: UnsafeMutableRawBufferPointer, total: inout Int, stop: StopFlag
    ) throws(SourceError) -> Int {
        if stop.isRaised { throw .stopped }
        afterBlock?(total)
        let count = try file.read(into: buffer)
        total += count
        // A file that grows as fast as it is read would otherwise never end.
        if total > file.opened.size { try file.confirmUnchanged(afterReading: total) }
        return count
    }
}

/// Takes rows and forgets them.
final class IgnoredRows: MemberRows {
    func row(_ id: UnsafeRawBufferPointer, at position: Int) {}
    func nobody(at position: Int) {}
    func unreadable(_ reason: UnreadableReason, at position: Int, detail: String) {}
}
