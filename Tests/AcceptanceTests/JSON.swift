/// A JSON value, read strictly. Strings are bytes, since ids are: `String` would call NFC and NFD equal.
enum JSON: Sendable, Equatable {
    case null
    case flag(Bool)
    case number(Double)
    case string([UInt8])
    case list([JSON])
    case object([Field])

    struct Field: Sendable, Equatable {
        let name: String
        let value: JSON
    }

    struct Malformed: Error {
        let position: Int
        let text: String
    }

    init(parsing bytes: [UInt8]) throws {
        var reader = JSONReader(bytes)
        self = try reader.document()
    }

    /// The value of a key; nil when this is no object or has no such key.
    subscript(name: String) -> JSON? {
        guard case .object(let fields) = self else { return nil }
        return fields.first { $0.name == name }?.value
    }

    var keys: [String] {
        guard case .object(let fields) = self else { return [] }
        return fields.map(\.name)
    }

    func text(_ name: String) -> String? { self[name]?.bytes.map { String(decoding: $0, as: UTF8.self) } }
    func count(_ name: String) -> Int? { self[name]?.integer }
    func flag(_ name: String) -> Bool? {
        guard case .flag(let value)? = self[name] else { return nil }
        return value
    }
    func list(_ name: String) -> [JSON] {
        guard case .list(let values)? = self[name] else { return [] }
        return values
    }

    var bytes: [UInt8]? {
        guard case .string(let bytes) = self else { return nil }
        return bytes
    }
    var integer: Int? {
        guard case .number(let value) = self else { return nil }
        return Int(exactly: value)
    }
}

private struct JSONReader {
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws -> JSON {
        let value = try value()
        skipSpace()
        guard index == bytes.count else { throw malformed() }
        return value
    }

    private mutating func value() throws -> JSON {
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try list()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .flag(true))
        case UInt8(ascii: "f"): return try word("false", .flag(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object() throws -> JSON {
        index += 1
        var fields: [JSON.Field] = []
        while true {
            skipSpace()
            if fields.isEmpty, take("}") { return .object([]) }
            let name = String(decoding: try string(), as: UTF8.self)
            skipSpace()
            guard take(":") else { throw malformed() }
            fields.append(JSON.Field(name: name, value: try value()))
            skipSpace()
            if take("}") { return .object(fields) }
            guard take(",") else { throw malformed() }
        }
    }

    private mutating func list() throws -> JSON {
        index += 1
        var values: [JSON] = []
        skipSpace()
        if take("]") { return .list([]) }
        while true {
            values.append(try value())
            skipSpace()
            if take("]") { return .list(values) }
            guard take(",") else { throw malformed() }
        }
    }

    private mutating func string() throws -> [UInt8] {
        guard take("\"") else { throw malformed() }
        var result: [UInt8] = []
        while let byte = peek {
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard String(validating: result, as: UTF8.self) != nil else { throw malformed() }
                return result
            case UInt8(ascii: "\\"): try result += escape()
            case 0..<0x20: throw malformed()
            default: result.append(byte)
            }
        }
        throw malformed()
    }

    private mutating func escape() throws -> [UInt8] {
        guard let byte = peek else { throw malformed() }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"): break
        default: throw malformed()
        }
        var unit = try hexadecimal()
        if (0xD800..<0xDC00).contains(unit) {
            guard take("\\"), take("u") else { throw malformed() }
            let low = try hexadecimal()
            guard (0xDC00..<0xE000).contains(low) else { throw malformed() }
            unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(unit) else { throw malformed() }
        return Array(String(Character(scalar)).utf8)
    }

    private mutating func hexadecimal() throws -> UInt32 {
        guard index + 4 <= bytes.count,
            let unit = UInt32(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
        else { throw malformed() }
        index += 4
        return unit
    }

    private mutating func number() throws -> JSON {
        let start = index
        while let byte = peek, Array("+-.eE0123456789".utf8).contains(byte) { index += 1 }
        guard let value = Double(String(decoding: bytes[start..<index], as: UTF8.self)) else { throw malformed() }
        return .number(value)
    }

    private mutating func word(_ word: String, _ value: JSON) throws -> JSON {
        guard bytes[index...].starts(with: word.utf8) else { throw malformed() }
        index += word.utf8.count
        return value
    }

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { index += 1 }
    }

    private func malformed() -> JSON.Malformed {
        JSON.Malformed(position: index, text: String(decoding: bytes.prefix(300), as: UTF8.self))
    }
}

extension JSON: CustomStringConvertible {
    var description: String {
        switch self {
        case .null: "null"
        case .flag(let value): "\(value)"
        case .number(let value): Int(exactly: value).map(String.init) ?? "\(value)"
        case .string(let bytes): String(decoding: bytes, as: UTF8.self).debugDescription
        case .list(let values): "[" + values.map(\.description).joined(separator: ",") + "]"
        case .object(let fields): "{" + fields.map { "\($0.name): \($0.value)" }.joined(separator: ", ") + "}"
        }
    }
}
