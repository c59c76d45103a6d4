/// An absolute web address, read strictly: what this parser accepts, libcurl reads the same way.
///
/// Refused are a user or password in the address, fragments, control and non-ASCII characters (an international name is
/// written in its `xn--` form), and plain http to anything but loopback.
package struct WebAddress: Sendable, Equatable {
    /// Why a text is no usable address.
    package enum Problem: Error, Sendable, Equatable {
        /// It does not begin with `https://` or `http://`.
        case scheme
        /// It holds a character that has to be percent-encoded, or none that is allowed there.
        case character
        /// It names a user or password; credentials belong in a secret.
        case credentials
        /// The host is missing or no host name, IPv4 or `[IPv6]` address.
        case host
        /// The port is not in 1…65535.
        case port
        /// It has a `#fragment`, or a `?query` where only a base address is wanted.
        case queryOrFragment
        /// Plain http to a host that is not `localhost`, 127.0.0.0/8 or `[::1]`.
        case plainHTTP

        /// One line for a person.
        package var message: String {
            switch self {
            case .scheme: "must begin with https://"
            case .character: "holds a character that is not allowed in an address"
            case .credentials: "must not hold a user or password"
            case .host: "has no usable host"
            case .port: "has a port outside 1…65535"
            case .queryOrFragment: "must not have a query or fragment"
            case .plainHTTP: "must use https://; plain http only goes to loopback"
            }
        }
    }

    /// The address as it was given, without slashes at its end.
    package let text: String
    /// Host as written, an IPv6 address without its brackets.
    package let host: String
    /// Whether the connection is encrypted.
    package let isEncrypted: Bool

    /// Reads the base address of a service, such as `https://api.segment.io/v1`.
    package init(base text: String) throws(Problem) {
        try self.init(text, allowsQuery: false, allowsPlainHTTP: false)
    }

    /// Reads the address of one request.
    /// - Parameter allowsPlainHTTP: set for a Unix socket, where the host is only a name.
    package init(request text: String, allowsPlainHTTP: Bool = false) throws(Problem) {
        try self.init(text, allowsQuery: true, allowsPlainHTTP: allowsPlainHTTP)
    }

    /// This base with a path below it: `https://h/v1` and `batch` give `https://h/v1/batch`.
    package func appending(path: String) -> String {
        path.isEmpty ? text : "\(text)/\(path)"
    }

    /// The host that `location`, the value of a `Location` header, leads to; nil when it names none (a relative one).
    package static func host(ofLocation location: String) -> String? {
        guard let start = location.range(ofASCII: "//") else { return nil }
        let rest = location.utf8[start...].prefix { !"/?#\\".utf8.contains($0) }
        let afterUser = rest.lastIndex(of: UInt8(ascii: "@")).map { rest[rest.index(after: $0)...] } ?? rest
        return afterUser.isEmpty ? nil : String(decoding: afterUser, as: UTF8.self)
    }

    private init(_ text: String, allowsQuery: Bool, allowsPlainHTTP: Bool) throws(Problem) {
        let bytes = Array(text.utf8)
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !Self.unsafe.contains($0) }) else { throw .character }
        let encrypted = Self.begins(bytes, with: "https://")
        guard encrypted || Self.begins(bytes, with: "http://") else { throw .scheme }
        if bytes.contains(UInt8(ascii: "#")) { throw .queryOrFragment }
        if !allowsQuery, bytes.contains(UInt8(ascii: "?")) { throw .queryOrFragment }

        let rest = bytes.dropFirst(encrypted ? 8 : 7)
        let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        if authority.contains(UInt8(ascii: "@")) { throw .credentials }
        let (host, port) = try Self.split(authority: authority)
        if let port { try Self.check(port: port) }

        self.host = String(decoding: host, as: UTF8.self)
        self.isEncrypted = encrypted
        guard encrypted || allowsPlainHTTP || Self.isLoopback(self.host) else { throw .plainHTTP }
        let end = allowsQuery ? bytes.count : (bytes.lastIndex { $0 != UInt8(ascii: "/") } ?? 0) + 1
        self.text = String(decoding: bytes[..<end], as: UTF8.self)
    }

    /// Characters that RFC 3986 allows nowhere, and which parsers disagree about.
    private static let unsafe = Set("\"<>\\^`{|}".utf8)

    private static func begins(_ bytes: [UInt8], with prefix: String) -> Bool {
        bytes.count >= prefix.utf8.count && zip(bytes, prefix.utf8).allSatisfy { ($0 | 0x20) == ($1 | 0x20) }
    }

    private static func split(
        authority: ArraySlice<UInt8>
    ) throws(Problem) -> (host: ArraySlice<UInt8>, port: ArraySlice<UInt8>?) {
        if authority.first == UInt8(ascii: "[") {
            guard let close = authority.firstIndex(of: UInt8(ascii: "]")) else { throw .host }
            let host = authority[(authority.startIndex + 1)..<close]
            let after = authority[(close + 1)...]
            guard host.count >= 2, host.allSatisfy({ isHexDigit($0) || $0 == 0x3A || $0 == 0x2E }) else { throw .host }
            if after.isEmpty { return (host, nil) }
            guard after.first == UInt8(ascii: ":") else { throw .host }
            return (host, after.dropFirst())
        }
        let host = authority.prefix { $0 != UInt8(ascii: ":") }
        let isName = host.allSatisfy { isLetter($0) || isDigit($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }
        guard (1...253).contains(host.count), isName, host.first != 0x2E else { throw .host }
        return (host, host.endIndex == authority.endIndex ? nil : authority[(host.endIndex + 1)...])
    }

    private static func check(port: ArraySlice<UInt8>) throws(Problem) {
        guard (1...5).contains(port.count), port.allSatisfy(isDigit) else { throw .port }
        let value = port.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard (1...65535).contains(value) else { throw .port }
    }

    /// Whether the host is this machine; see ``isLoopback(_:)``.
    package var isLoopback: Bool { Self.isLoopback(host) }

    /// Whether the host is written in figures, IPv4 or IPv6, in any spelling that some program reads as an address.
    package var isInFigures: Bool {
        let last = host.split(separator: ".").last ?? ""
        let begins = last.lowercased().hasPrefix("0x")
        return host.contains(":") || begins || (!last.isEmpty && last.utf8.allSatisfy(Self.isDigit))
    }

    /// `localhost`, a canonical dotted 127.a.b.c, or ::1. Other spellings of loopback are not recognised, on purpose.
    static func isLoopback(_ host: String) -> Bool {
        let name = host.lowercased()
        if name == "localhost" || name == "::1" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "127" else { return false }
        return parts.allSatisfy { part in
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy(isDigit) else { return false }
            return UInt8(part) != nil && (part == "0" || part.utf8.first != 0x30)
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
    private static func isHexDigit(_ byte: UInt8) -> Bool { isDigit(byte) || (0x61...0x66).contains(byte | 0x20) }
}

extension String {
    /// The index after the first occurrence of an ASCII text.
    fileprivate func range(ofASCII needle: String) -> String.Index? {
        let pattern = Array(needle.utf8)
        var index = utf8.startIndex
        while index != utf8.endIndex {
            if utf8[index...].starts(with: pattern) { return utf8.index(index, offsetBy: pattern.count) }
            index = utf8.index(after: index)
        }
        return nil
    }
}
