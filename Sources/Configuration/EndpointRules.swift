/// What an address of a server may look like. Whatever is refused here would otherwise leak a credential, go out in
/// the clear, or be read differently by two programs.
enum EndpointRules {
    /// What is wrong with an HTTP address and what would be right; nil when nothing is. Never repeats the address.
    /// - Parameter allowsQuery: whether `?…` may follow the path.
    static func complaint(_ url: String, allowsQuery: Bool) -> String? {
        guard url.utf8.count <= 2_000 else { return "the address is longer than 2,000 bytes" }
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x5C && $0 != 0x22 }) else {
            return "an address holds no spaces, quotes, backslashes or letters beyond ASCII; percent-encode them"
        }
        guard let schemeEnd = url.range(of: "://") else {
            return "write a whole address, such as https://example.com/v1"
        }
        let scheme = url[..<schemeEnd.lower].lowercased()
        guard scheme == "https" || scheme == "http" else {
            return "only https:// is supported, and http:// to this machine"
        }
        let rest = url[schemeEnd.upper...]
        let authority = rest.prefix { !"/?#".contains($0) }
        guard !authority.contains("@") else {
            return "an address must not hold a user name or password; remove what stands before the @, use a reference"
        }
        guard !rest.contains("#") else { return "an address ends before the #; remove it and what follows" }
        guard allowsQuery || !rest.contains("?") else {
            return "an endpoint ends before the ?; remove it and what follows"
        }
        guard let host = host(of: String(authority)) else {
            return "the host or port is not valid; write a name or an address, and a port from 1 to 65535"
        }
        guard scheme == "https" || isLoopback(host) else {
            return "http:// sends in the clear; use https:// (http:// is for 127.0.0.0/8, localhost and [::1] only)"
        }
        return nil
    }

    /// The address as requests use it: scheme and host in lower case, no slash at the end.
    static func normalised(_ url: String) -> String {
        guard let schemeEnd = url.range(of: "://") else { return url }
        let rest = url[schemeEnd.upper...]
        let authority = rest.prefix { !"/?#".contains($0) }
        var path = rest[authority.endIndex...]
        if !path.contains("?") {
            while path.hasSuffix("/") { path.removeLast() }
        }
        return url[..<schemeEnd.lower].lowercased() + "://" + authority.lowercased() + path
    }

    /// The host of `host`, `host:port`, `[v6]` or `[v6]:port`; nil when it or the port is malformed.
    private static func host(of authority: String) -> String? {
        let host: Substring
        var port: Substring = ""
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            host = authority[...close]
            port = authority[authority.index(after: close)...]
            let inner = host.dropFirst().dropLast()
            guard inner.count >= 2, inner.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return nil }
        } else {
            host = authority.prefix { $0 != ":" }
            port = authority[host.endIndex...]
            guard isName(host) else { return nil }
        }
        guard port.isEmpty || (port.hasPrefix(":") && isPort(port.dropFirst())) else { return nil }
        return host.lowercased()
    }

    private static func isName(_ host: Substring) -> Bool {
        guard !host.isEmpty, host.utf8.count <= 253 else { return false }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.utf8.count <= 63 && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        }
    }

    private static func isPort(_ text: Substring) -> Bool {
        guard let number = Quantity.whole(String(text)) else { return false }
        return (1...65_535).contains(number)
    }

    /// Whether a host is this machine whatever a resolver says: `127.1` and `0x7f000001` are read differently by
    /// different programs and are not.
    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { Quantity.whole(String($0)).map { $0 <= 255 } ?? false }
    }
}

extension EndpointRules {
    /// What is wrong with a mail server's address; nil when nothing is. Never repeats the address.
    static func mailComplaint(_ url: String) -> String? {
        let right = "write smtps://mail.example.com, or smtp://mail.example.com:587, which changes to TLS"
        guard url.utf8.count <= 300, url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x5C && $0 != 0x22 }),
            let schemeEnd = url.range(of: "://"), ["smtp", "smtps"].contains(url[..<schemeEnd.lower].lowercased())
        else { return right }
        let authority = url[schemeEnd.upper...]
        guard !authority.contains("@") else {
            return "an address must not hold a user name or password; write \"user\" and \"password\" beside it"
        }
        guard host(of: String(authority)) != nil else { return "a host and at most a port follow; \(right)" }
        return nil
    }

    /// Whether an address leads to this machine, whatever a resolver says.
    static func isLoopback(url: String) -> Bool {
        guard let schemeEnd = url.range(of: "://") else { return false }
        let authority = url[schemeEnd.upper...].prefix { !"/?#".contains($0) }
        return host(of: String(authority)).map { isLoopback($0) } ?? false
    }

    /// What is wrong with a database URL that is written out; nil when it is a `postgres://` URL without a password.
    /// Never repeats the URL.
    static func databaseComplaint(_ url: String, key: String) -> String? {
        let reference = "keep the URL outside and write \"\(key): {env: DATABASE_URL}\""
        guard ["postgres://", "postgresql://"].contains(where: { url.hasPrefix($0) }) else {
            return "it must be a reference or begin with postgres://; \(reference)"
        }
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return "a URL holds no spaces and no letters beyond ASCII; percent-encode them"
        }
        guard let schemeEnd = url.range(of: "://") else { return reference }
        let rest = url[schemeEnd.upper...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        // libpq takes the user part up to the last @ that stands before the path, and passwords as parameters as well.
        let user = authority.lastIndex(of: "@").map { authority[..<$0] } ?? ""
        let parameters = rest.split(separator: "?", maxSplits: 1).dropFirst().first?.lowercased() ?? ""
        guard !user.contains(":"), !rest.dropFirst(authority.count).contains("@"), !parameters.contains("password"),
            !parameters.contains("%")
        else { return "a URL that is written out must not hold a password; \(reference)" }
        return nil
    }
}

extension String {
    /// The first occurrence of a text.
    func range(of needle: String) -> (lower: Index, upper: Index)? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) { return (start, index(start, offsetBy: needle.count)) }
            start = index(after: start)
        }
        return nil
    }
}
