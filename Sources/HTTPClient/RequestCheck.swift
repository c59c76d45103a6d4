/// Judges a request before anything is done with it, so that no outside text reaches a header or a socket unexamined.
enum RequestCheck {
    /// Why the request cannot be sent; nil when it can.
    static func problem(of request: HTTPRequest) -> String? {
        do throws(WebAddress.Problem) {
            _ = try WebAddress(request: request.url, allowsPlainHTTP: request.unixSocketPath != nil)
        } catch {
            return "the address \(error.message)"
        }
        guard methods.contains(request.method) else { return "the method is unknown" }
        for header in request.headers {
            guard !header.name.isEmpty, header.name.utf8.allSatisfy(isToken) else {
                return "a header name is not a token"
            }
            guard header.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                return "the header \(header.name) holds a control character"
            }
        }
        if let path = request.unixSocketPath {
            // sun_path holds 108 bytes with its end.
            guard (1...107).contains(path.utf8.count), !path.utf8.contains(0) else {
                return "the socket's path is empty or longer than 107 bytes"
            }
        }
        return nil
    }

    /// Whether only a loopback socket may be opened for it: plain http, whatever the host's name resolves to.
    static func isLoopbackOnly(_ request: HTTPRequest) -> Bool {
        request.unixSocketPath == nil && request.url.utf8.prefix(5).last.map { $0 | 0x20 } != UInt8(ascii: "s")
    }

    private static let methods: Set<String> = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]

    /// RFC 9110 §5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
