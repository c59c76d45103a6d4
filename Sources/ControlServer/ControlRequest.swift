import Control
import Foundation

/// One request of the control interface. What a client sends is hostile until it is read: everything here is bounded, and
/// reading takes time in proportion to the bytes.
struct ControlRequest: Sendable {
    /// The largest head: request line and headers.
    static let headLimit = 256 << 10
    /// The largest body.
    static let bodyLimit = 1 << 20

    let method: String
    /// The path's parts, percent-decoded.
    let path: [String]
    private let query: [(name: String, value: String)]
    /// How long the body is, which follows the head.
    let contentLength: Int
    /// Whether another request may follow on the same connection.
    let keepsAlive: Bool
    var body: [UInt8] = []

    /// - Parameter head: the request line and headers, without the empty line behind them.
    init(head: some Collection<UInt8>) throws(Refusal) {
        let lines = head.split(separator: 0x0A).map { $0.last == 0x0D ? $0.dropLast() : $0 }
        let words = lines.first?.split(separator: 0x20, omittingEmptySubsequences: false) ?? []
        guard words.count == 3, words[2].starts(with: "HTTP/1.".utf8), words[1].first == UInt8(ascii: "/") else {
            throw Refusal(code: 64, message: "this is no HTTP/1.1 request")
        }
        method = String(decoding: words[0], as: UTF8.self)
        let target = words[1].split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        var path: [String] = []
        for part in target[0].split(separator: UInt8(ascii: "/")) { path.append(try Self.decoded(part)) }
        self.path = path
        var query: [(name: String, value: String)] = []
        for pair in target.count > 1 ? target[1].split(separator: UInt8(ascii: "&")) : [] {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            query.append((try Self.decoded(parts[0]), parts.count > 1 ? try Self.decoded(parts[1]) : ""))
        }
        self.query = query
        var length = 0
        var keepsAlive = words[2].elementsEqual("HTTP/1.1".utf8)
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            guard ["content-length", "transfer-encoding", "connection"].contains(name) else { continue }
            let value = String(decoding: line[colon...].dropFirst(), as: UTF8.self).trimmingCharacters(in: .whitespaces)
            switch name {
            case "content-length":
                guard let number = Int(value), number >= 0 else { throw Refusal(code: 64, message: "the body's length is no number") }
                length = number
            case "transfer-encoding": throw Refusal(code: 64, message: "a request's body needs a Content-Length")
            default: if value.lowercased() == "close" { keepsAlive = false }
            }
        }
        guard length <= Self.bodyLimit else { throw Refusal(code: 64, message: "the request is larger than 1 MiB") }
        contentLength = length
        self.keepsAlive = keepsAlive
    }

    /// The bytes behind percent signs; what is no text then is refused.
    private static func decoded(_ text: some Collection<UInt8>) throws(Refusal) -> String {
        var bytes: [UInt8] = []
        var index = text.startIndex
        while index != text.endIndex {
            var byte = text[index]
            if byte == UInt8(ascii: "%") {
                let digits = text[index...].dropFirst().prefix(2)
                guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                    let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
                else { throw Refusal(code: 64, message: "a percent sign in the address is not followed by two hexadecimal digits") }
                byte = value
                index = digits.endIndex
            } else {
                index = text.index(after: index)
            }
            bytes.append(byte)
        }
        guard let result = String(validating: bytes, as: UTF8.self) else {
            throw Refusal(code: 64, message: "the address is not UTF-8")
        }
        return result
    }

    // MARK: - Asking

    var pathText: String { "/" + path.joined(separator: "/") }

    func value(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// The values of a parameter that may be repeated; nil when it is absent.
    func list(_ name: String) -> [String]? {
        let values = query.filter { $0.name == name }.map(\.value)
        return values.isEmpty ? nil : values
    }

    func required(_ name: String) throws(Refusal) -> String {
        guard let value = value(name) else { throw Refusal(code: 64, message: "the parameter \(name) is missing") }
        return value
    }

    func decoded<Value: Decodable>(_ type: Value.Type) throws(Refusal) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw Refusal(code: 64, message: "the request's body is not the JSON that \(pathText) expects")
        }
    }
}

/// What is answered: lines of JSON, all at once or as they come.
struct ControlResponse: Sendable {
    enum Body: Sendable {
        case whole([UInt8])
        case stream(ByteChannel)
    }

    var status = 200
    var body: Body

    /// A refusal is an object with its exit code.
    init(_ refusal: Refusal, status: Int? = nil) {
        self.status = status ?? (refusal.code == 64 ? 400 : 409)
        body = .whole(refusal.jsonLine() + [0x0A])
    }

    init(_ body: Body) { self.body = body }

    /// The status line and headers.
    var head: [UInt8] {
        let length = switch body {
        case .whole(let bytes): "Content-Length: \(bytes.count)"
        case .stream: "Transfer-Encoding: chunked"
        }
        let words = status == 200 ? "OK" : "Refused"
        return Array("HTTP/1.1 \(status) \(words)\r\nContent-Type: application/x-ndjson\r\n\(length)\r\n\r\n".utf8)
    }
}
