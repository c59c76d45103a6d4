import CCurl
import Glibc
import Secrets

/// A server that takes mail for others (RFC 5321, RFC 6409), reached through the system's libcurl.
///
/// `smtps://` speaks TLS from the first byte, `smtp://` must change to it by STARTTLS before anything is said; only to this
/// machine it may stay plain. Certificates are verified, time is bounded, and what a server answers is told by its number alone.
package struct MailServer: Sendable {
    private let url: String
    private let isPlain: Bool
    private let user: String?
    private let password: Secret?
    private let certificates: String?

    /// - Parameters:
    ///   - url: `smtps://host[:port]` or `smtp://host[:port]`.
    ///   - isLoopback: the host is this machine, so that `smtp://` needs no TLS; no other is connected to then.
    ///   - certificates: a file of PEM certificates that alone are trusted; nil for the system's roots.
    package init(url: String, isLoopback: Bool, user: String?, password: Secret?, certificates: String? = nil) {
        self.url = url
        isPlain = isLoopback && url.hasPrefix("smtp:")
        self.user = user
        self.password = password
        self.certificates = certificates
    }

    /// Hands over one mail and blocks until the server has taken or refused it. An address that the server does not know
    /// keeps it from no other.
    /// - Parameters:
    ///   - mail: headers and text, lines ending in CR LF.
    ///   - milliseconds: for everything together.
    /// - Returns: why it was not taken; nil when it was.
    package func send(_ mail: [UInt8], from: String, to: [String], milliseconds: Int) -> String? {
        guard ccurl_start() == 0, let easy = curl_easy_init() else { return "libcurl cannot be started" }
        defer { curl_easy_cleanup(easy) }
        var recipients: UnsafeMutablePointer<curl_slist>?
        for address in to { recipients = curl_slist_append(recipients, "<\(address)>") }
        defer { curl_slist_free_all(recipients) }
        let upload = Upload(mail)
        return withExtendedLifetime(upload) {
            let code = first([
                { connection(easy, milliseconds: milliseconds) }, { security(easy) },
                { ccurl_set_text(easy, CURLOPT_MAIL_FROM, "<\(from)>") },
                { ccurl_set_list(easy, CURLOPT_MAIL_RCPT, recipients) },
                { ccurl_set_long(easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1) },
                { ccurl_set_long(easy, CURLOPT_UPLOAD, 1) },
                {
                    ccurl_set_callbacks(
                        easy, Unmanaged.passUnretained(upload).toOpaque(), Upload.ignore, Upload.ignore, Upload.supply,
                        Upload.rewind, Upload.depart)
                },
                { curl_easy_perform(easy) },
            ])
            return code == CURLE_OK ? nil : Self.reason(code, answer: ccurl_status(easy))
        }
    }

    private func connection(_ easy: UnsafeMutableRawPointer, milliseconds: Int) -> CURLcode {
        first([
            { ccurl_set_text(easy, CURLOPT_URL, url) },
            { ccurl_set_text(easy, CURLOPT_PROTOCOLS_STR, url.hasPrefix("smtps:") ? "smtps" : "smtp") },
            { ccurl_set_text(easy, CURLOPT_PROXY, "") },
            { ccurl_set_long(easy, CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue)) },
            { ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1) },
            { ccurl_set_long(easy, CURLOPT_TIMEOUT_MS, max(1, milliseconds)) },
            { ccurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, max(1, min(milliseconds, 10_000))) },
            { ccurl_guard_sockets(easy, isPlain ? CCURL_LOOPBACK : CCURL_ANY, nil) },
        ])
    }

    private func security(_ easy: UnsafeMutableRawPointer) -> CURLcode {
        first([
            // Refuses a server that offers no TLS before a name, an address or a password is said.
            { ccurl_set_long(easy, CURLOPT_USE_SSL, Int((isPlain ? CURLUSESSL_NONE : CURLUSESSL_ALL).rawValue)) },
            { ccurl_set_long(easy, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)) },
            { ccurl_set_long(easy, CURLOPT_SSL_VERIFYPEER, 1) },
            { ccurl_set_long(easy, CURLOPT_SSL_VERIFYHOST, 2) },
            {
                guard let certificates else { return CURLE_OK }
                return first([
                    { ccurl_set_text(easy, CURLOPT_CAINFO, certificates) },
                    { ccurl_set_text(easy, CURLOPT_CAPATH, nil) },
                ])
            },
            { user.map { ccurl_set_text(easy, CURLOPT_USERNAME, $0) } ?? CURLE_OK },
            { password.map { ccurl_set_text(easy, CURLOPT_PASSWORD, $0.revealText()) } ?? CURLE_OK },
        ])
    }

    private func first(_ steps: [() -> CURLcode]) -> CURLcode {
        for step in steps {
            let code = step()
            if code != CURLE_OK { return code }
        }
        return CURLE_OK
    }

    /// One sentence without a word of the server's: it may repeat what it was told.
    private static func reason(_ code: CURLcode, answer: Int) -> String {
        switch code {
        case CURLE_LOGIN_DENIED: "the mail server refuses the user or the password (\(answer))"
        case CURLE_USE_SSL_FAILED: "the mail server offers no TLS; nothing was said to it"
        case CURLE_OPERATION_TIMEDOUT: "the mail server did not answer in time"
        default: "the mail server did not take it: \(String(cString: curl_easy_strerror(code)))"
            + (answer >= 400 ? " (\(answer))" : "")
        }
    }
}

/// A mail on its way, read by libcurl's callbacks on the thread that sends it.
private final class Upload {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private func take(_ target: UnsafeMutableRawPointer, _ room: Int) -> Int {
        let count = min(room, bytes.count - position)
        bytes.withUnsafeBytes { source in
            if count > 0, let base = source.baseAddress { target.copyMemory(from: base + position, byteCount: count) }
        }
        position += count
        return count
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> Upload? {
        context.map { Unmanaged<Upload>.fromOpaque($0).takeUnretainedValue() }
    }

    static let ignore: ccurl_receive = { _, size, count, _ in size * count }
    static let supply: ccurl_supply = { target, size, count, context in
        guard let upload = of(context), let target else { return 0 }
        return upload.take(target, size * count)
    }
    static let rewind: ccurl_rewind = { context, offset, origin in
        guard let upload = of(context), origin == SEEK_SET, (0...upload.bytes.count).contains(Int(offset)) else {
            return CURL_SEEKFUNC_FAIL
        }
        upload.position = Int(offset)
        return CURL_SEEKFUNC_OK
    }
    static let depart: ccurl_departure = { _, _, _, _, _ in CURL_PREREQFUNC_OK }
}
