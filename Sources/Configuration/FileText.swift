/// The bytes of a file and the lines in them. Lines end with LF; a CR before it belongs to the line's end.
struct FileText: Sendable {
    let bytes: [UInt8]
    /// Offset of the first byte of each line, in order.
    private let lineStarts: [Int]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var starts = [0]
        for (offset, byte) in bytes.enumerated() where byte == 0x0A { starts.append(offset + 1) }
        lineStarts = starts
    }

    /// Line and column of a byte, both from 1; the column counts Unicode scalars.
    func place(of offset: Int) -> Place {
        let offset = min(max(offset, 0), bytes.count)
        let line = lineIndex(of: offset)
        // Every scalar has exactly one byte that is not a continuation byte (RFC 3629).
        let column = bytes[lineStarts[line]..<offset].count { $0 & 0xC0 != 0x80 }
        return Place(line: line + 1, column: column + 1)
    }

    /// Number of the line that holds a byte, from 0.
    func lineIndex(of offset: Int) -> Int {
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }

    /// Offset of the first byte of the line that holds a byte.
    func lineStart(of offset: Int) -> Int { lineStarts[lineIndex(of: offset)] }

    /// Offset just behind the last byte of the line that holds a byte, before its LF or CRLF.
    func lineEnd(of offset: Int) -> Int {
        let line = lineIndex(of: offset)
        guard line + 1 < lineStarts.count else { return bytes.count }
        let newline = lineStarts[line + 1] - 1
        return newline > lineStarts[line] && bytes[newline - 1] == 0x0D ? newline - 1 : newline
    }

    /// The newline in use where a byte stands: CRLF when its line or the one before ends so, LF otherwise.
    func newline(at offset: Int) -> [UInt8] {
        let line = lineIndex(of: offset)
        for candidate in [line + 1, line] where candidate < lineStarts.count && candidate > 0 {
            let end = lineStarts[candidate] - 1
            return end > 0 && bytes[end - 1] == 0x0D ? [0x0D, 0x0A] : [0x0A]
        }
        return [0x0A]
    }

    /// The lines without their ends.
    var lines: [[UInt8]] {
        lineStarts.map { Array(bytes[$0..<lineEnd(of: $0)]) }
    }
}

extension FileText {
    /// Characters that do not belong into the file, each with its place: invalid UTF-8, NUL and other control
    /// characters, and the newlines that editors count differently. At most `limit` of them.
    func strangeCharacters(limit: Int = 20) -> [ConfigurationProblem] {
        if let problem = wrongEncoding { return [problem] }
        var problems: [ConfigurationProblem] = []
        var offset = 0
        while offset < bytes.count, problems.count < limit {
            let byte = bytes[offset]
            if byte < 0x80 {
                if let message = asciiComplaint(byte, at: offset) { problems.append(problem(at: offset, message)) }
                offset += 1
            } else if let scalar = scalar(at: offset) {
                if let message = Self.complaint(scalar) { problems.append(problem(at: offset, message)) }
                offset += scalar.utf8.count
            } else {
                problems.append(problem(at: offset, "invalid UTF-8; save the file as UTF-8"))
                offset += 1
                while offset < bytes.count, bytes[offset] & 0xC0 == 0x80 { offset += 1 }
            }
        }
        return problems
    }

    private var wrongEncoding: ConfigurationProblem? {
        guard bytes.count > 1 else { return nil }
        let isUTF16 = [[0xFF, 0xFE], [0xFE, 0xFF]].contains(Array(bytes[..<2]))
        return isUTF16 ? ConfigurationProblem(line: 1, column: 1, message: "UTF-16; save the file as UTF-8") : nil
    }

    private func problem(at offset: Int, _ message: String) -> ConfigurationProblem {
        let place = place(of: offset)
        return ConfigurationProblem(line: place.line, column: place.column, message: message)
    }

    private func asciiComplaint(_ byte: UInt8, at offset: Int) -> String? {
        switch byte {
        case 0x20...0x7E, 0x09, 0x0A: return nil
        case 0x00: return "a NUL byte; this is no text file"
        case 0x0D:
            if offset + 1 < bytes.count, bytes[offset + 1] == 0x0A { return nil }
            return "a carriage return without a line feed; end lines with LF or CRLF"
        default: return "control character \(codePoint(UInt32(byte))); remove it"
        }
    }

    /// The scalar whose valid encoding starts at `offset`, or nil.
    private func scalar(at offset: Int) -> Unicode.Scalar? {
        var decoder = UTF8()
        var iterator = bytes[offset..<min(offset + 4, bytes.count)].makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
        return scalar
    }

    /// YAML 1.1 counts U+0085, U+2028 and U+2029 as newlines and editors do not; the byte order mark may only stand at
    /// the start, where it was taken off; the rest are control characters and non-characters.
    private static func complaint(_ scalar: Unicode.Scalar) -> String? {
        switch scalar.value {
        case 0x80...0x9F, 0x2028, 0x2029: "control character \(codePoint(scalar.value)); remove it"
        case 0xFEFF: "a byte order mark within the text; remove it"
        case 0xFFFE, 0xFFFF: "\(codePoint(scalar.value)) is no character; remove it"
        default: nil
        }
    }
}

/// `U+202E` for 0x202E.
func codePoint(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
}
