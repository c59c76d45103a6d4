/// Writes one JSON object on one line, keys in the order they are written, absent values as `null`, so that every key
/// of a listing is always there. Text is exact after parsing; characters that could act on a terminal (control
/// characters, bidirectional overrides, line separators) are written as escapes.
package struct JSONLine: Sendable {
    package private(set) var bytes: [UInt8] = []
    private var isFirst = true

    package init() {
        bytes.append(UInt8(ascii: "{"))
    }

    /// The finished object, without a line end.
    package func finished() -> [UInt8] { bytes + [UInt8(ascii: "}")] }

    package mutating func field(_ key: String, _ value: String?) {
        begin(key)
        if let value { Self.write(value, to: &bytes) } else { null() }
    }

    package mutating func field(_ key: String, _ value: Int?) {
        begin(key)
        if let value { bytes += String(value).utf8 } else { null() }
    }

    package mutating func field(_ key: String, _ value: Int64?) {
        field(key, value.map { Int($0) })
    }

    package mutating func field(_ key: String, _ value: Bool?) {
        begin(key)
        if let value { bytes += (value ? "true" : "false").utf8 } else { null() }
    }

    /// A number with at most three decimals; `null` for what JSON cannot say.
    package mutating func field(_ key: String, _ value: Double?) {
        begin(key)
        guard let value, value.isFinite, abs(value) < 1e15 else { return null() }
        let thousandths = Int((value * 1000).rounded())
        let (whole, rest) = abs(thousandths).quotientAndRemainder(dividingBy: 1000)
        var text = (thousandths < 0 ? "-" : "") + String(whole)
        if rest > 0 {
            var digits = String(rest)
            digits = String(repeating: "0", count: 3 - digits.count) + digits
            while digits.hasSuffix("0") { digits.removeLast() }
            text += "." + digits
        }
        bytes += text.utf8
    }

    package mutating func field(_ key: String, _ values: [String]) {
        begin(key)
        list(values) { Self.write($0, to: &$1) }
    }

    package mutating func field(_ key: String, _ value: (some JSONLineWritable)?) {
        begin(key)
        if let value { bytes += value.jsonLine() } else { null() }
    }

    package mutating func field(_ key: String, _ values: [some JSONLineWritable]) {
        begin(key)
        list(values) { $1 += $0.jsonLine() }
    }

    private mutating func list<Value>(_ values: [Value], _ write: (Value, inout [UInt8]) -> Void) {
        bytes.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            write(value, &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func begin(_ key: String) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        Self.write(key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func null() { bytes += "null".utf8 }

    private static func write(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        var isPlain = true
        for byte in text.utf8 where byte < 0x20 || byte >= 0x7F || byte == 0x22 || byte == 0x5C { isPlain = false }
        if isPlain {
            bytes += text.utf8
        } else {
            for scalar in text.unicodeScalars { write(scalar, to: &bytes) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func write(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
        switch scalar.value {
        case 0x22, 0x5C:
            bytes += [0x5C, UInt8(scalar.value)]
        case 0x0A: bytes += "\\n".utf8
        case 0x0D: bytes += "\\r".utf8
        case 0x09: bytes += "\\t".utf8
        default:
            guard actsUnseen(scalar) else { return bytes += String(scalar).utf8 }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                bytes += "\\u".utf8
                bytes += String(repeating: "0", count: 4 - digits.count).utf8
                bytes += digits.utf8
            }
        }
    }

    /// Whether it prints nothing of its own but can act on a terminal or on how its neighbours are read.
    private static func actsUnseen(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: scalar.properties.isDefaultIgnorableCodePoint
        }
    }
}

/// A value that is one JSON object.
package protocol JSONLineWritable {
    func write(to line: inout JSONLine)
}

extension JSONLineWritable {
    /// The object's bytes, without a line end.
    package func jsonLine() -> [UInt8] {
        var line = JSONLine()
        write(to: &line)
        return line.finished()
    }
}
