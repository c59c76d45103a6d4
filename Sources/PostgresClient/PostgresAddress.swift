import CPostgres
import Secrets
import SyncEngine

/// A `postgres://` URL, understood as libpq understands it, and the knowledge of what in it must never be shown.
package struct PostgresAddress: Sendable {
    /// The whole URL, password included.
    let url: String
    /// Server and database without user or password, as libpq will look for them: `host:port/database`.
    package let place: String
    /// Seconds that one attempt to connect may take (`connect_timeout`, 10 when the URL does not say).
    let connectTimeout: Int
    /// Number of hosts that libpq tries in turn.
    let hostCount: Int
    private let secrets: [[UInt8]]

    private static let schemes = ["postgres://", "postgresql://"]

    /// Reads a URL.
    /// - Parameter owner: whose URL it is, for messages.
    /// - Throws: ``SourceError/misconfigured(_:)`` when libpq does not understand it; the URL is not repeated.
    package init(_ secret: Secret, of owner: String = "PostgreSQL source") throws(SourceError) {
        let url = secret.revealText()
        guard let scheme = Self.schemes.first(where: { url.hasPrefix($0) }), !url.utf8.contains(0) else {
            throw .misconfigured(Self.advice(owner))
        }
        if let missing = cpostgres_load() { throw .misconfigured("the \(owner) needs libpq: \(String(cString: missing))") }
        // What libpq says about a URL it does not understand quotes the URL, so it is not repeated.
        guard let options = PQconninfoParse(url, nil) else { throw .misconfigured(Self.advice(owner)) }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        self.url = url
        // libpq waits without end for 0 and takes 1 for 2; without end is ten minutes here.
        let timeout = values["connect_timeout"].flatMap { Int($0) } ?? 10
        connectTimeout = timeout <= 0 ? 600 : min(max(timeout, 2), 600)
        let hosts = (values["hostaddr"] ?? values["host"] ?? "").split(separator: ",").count
        hostCount = min(max(hosts, 1), 16)
        let host = values["host"] ?? values["hostaddr"] ?? "local"
        place = "\(host):\(values["port"] ?? "5432")/\(values["dbname"] ?? values["user"] ?? "")"
        secrets = Self.hidden(values, url: url, scheme: scheme)
    }

    /// A message of libpq or the server without the URL and the password, safe to show; its first line.
    package func cleaned(_ message: [UInt8]) -> String {
        var result = message
        for secret in secrets { result = Self.replacing(secret, in: result) }
        return ServerText.firstLine(of: result)
    }

    private static func advice(_ owner: String) -> String {
        "the URL of the \(owner) is not one that libpq understands; "
            + "it must look like postgres://user@host:5432/database?sslmode=verify-full"
    }

    /// The URL, the passwords, and the password as it is encoded in the URL; the longest first.
    private static func hidden(_ values: [String: String], url: String, scheme: String) -> [[UInt8]] {
        var result = [Array(url.utf8)]
        for name in ["password", "sslpassword"] {
            if let value = values[name] { result.append(Array(value.utf8)) }
        }
        let rest = url.utf8.dropFirst(scheme.utf8.count)
        let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        if let at = authority.lastIndex(of: UInt8(ascii: "@")),
            let colon = authority[..<at].firstIndex(of: UInt8(ascii: ":")) {
            result.append(Array(authority[authority.index(after: colon)..<at]))
        }
        return result.filter { !$0.isEmpty }.sorted { $0.count > $1.count }
    }

    private static func replacing(_ secret: [UInt8], in text: [UInt8]) -> [UInt8] {
        guard text.count >= secret.count else { return text }
        var result: [UInt8] = []
        var position = 0
        while position < text.count {
            if text[position...].starts(with: secret) {
                result.append(contentsOf: "…".utf8)
                position += secret.count
            } else {
                result.append(text[position])
                position += 1
            }
        }
        return result
    }
}
