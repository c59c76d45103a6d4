import CCurl

/// Tells a libcurl handle what one flight needs. Everything hostile servers can try is switched off here.
struct CurlOptions {
    let easy: UnsafeMutableRawPointer
    let settings: CurlSettings

    /// For so long a name's address is remembered at most; libcurl's own default, written down because it must not be longer
    /// than a connection's life.
    private static let addressLifeSeconds = 60
    /// A connection that was idle this long is closed; common load balancers do so after 60 s.
    private static let connectionIdleSeconds = 50
    private static let sendBufferBytes = 256 << 10

    /// Returns nil, or why the handle does not take the request.
    func apply(_ flight: CurlFlight) -> HTTPFailure? {
        let code = first([
            { applyLimits(flight.request) }, { applyRefusals(flight) }, { applyTLS() },
            { applyRequest(flight) },
        ])
        guard code != CURLE_OK else { return nil }
        let text = String(cString: curl_easy_strerror(code))
        return HTTPFailure(stage: .notSent, reason: "the request cannot be set up: \(text)", isInvalidRequest: true)
    }

    private func applyLimits(_ request: HTTPRequest) -> CURLcode {
        // libcurl takes 0 for "no limit", so a deadline that has passed already is one millisecond.
        let deadline = request.deadlineMilliseconds.map { min(max(1, $0), Int(Int32.max)) } ?? 0
        let connect = min(max(1, request.connectTimeoutMilliseconds), Int(Int32.max))
        return first([
            { set(CURLOPT_TIMEOUT_MS, deadline) },
            { set(CURLOPT_LOW_SPEED_LIMIT, request.stallSeconds == nil ? 0 : 1) },
            { set(CURLOPT_LOW_SPEED_TIME, min(max(0, request.stallSeconds ?? 0), 86_400)) },
            { set(CURLOPT_CONNECTTIMEOUT_MS, connect) },
            { set(CURLOPT_MAXLIFETIME_CONN, settings.connectionLifeSeconds) },
            { set(CURLOPT_DNS_CACHE_TIMEOUT, min(Self.addressLifeSeconds, settings.connectionLifeSeconds)) },
            { set(CURLOPT_MAXAGE_CONN, Self.connectionIdleSeconds) },
            { set(CURLOPT_UPLOAD_BUFFERSIZE, Self.sendBufferBytes) },
            { set(CURLOPT_TCP_NODELAY, 1) },
            { set(CURLOPT_TCP_KEEPALIVE, 1) },
            { set(CURLOPT_NOSIGNAL, 1) },
            // Without this libcurl waits, on the loop's thread, for a name look-up that it has given up.
            { set(CURLOPT_QUICK_EXIT, 1) },
        ])
    }

    private func applyRefusals(_ flight: CurlFlight) -> CURLcode {
        first([
            { set(CURLOPT_FOLLOWLOCATION, 0) },
            // An empty proxy also switches off the environment's.
            { set(CURLOPT_PROXY, "") },
            { set(CURLOPT_PROTOCOLS_STR, flight.request.url.lowercased().hasPrefix("https:") ? "https" : "http") },
            { set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue)) },
            { set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1) },
            { set(CURLOPT_HTTP09_ALLOWED, 0) },
            { set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)) },
            { ccurl_guard_sockets(easy, flight.guardOfSockets, flight.isSocketRefused) },
        ])
    }

    private func applyTLS() -> CURLcode {
        first([
            { set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)) },
            { set(CURLOPT_SSL_VERIFYPEER, 1) },
            { set(CURLOPT_SSL_VERIFYHOST, 2) },
            {
                guard let file = settings.pinnedCertificates else { return CURLE_OK }
                // Only the pinned file counts then; the system's folder of roots is left out.
                return first([{ set(CURLOPT_CAINFO, file) }, { ccurl_set_text(easy, CURLOPT_CAPATH, nil) }])
            },
        ])
    }

    private func applyRequest(_ flight: CurlFlight) -> CURLcode {
        let request = flight.request
        return first([
            { set(CURLOPT_URL, request.url) },
            { request.unixSocketPath.map { set(CURLOPT_UNIX_SOCKET_PATH, $0) } ?? CURLE_OK },
            { applyMethod(request) },
            { set(CURLOPT_USERAGENT, settings.userAgent) },
            {
                flight.headerList = headerList(request)
                return ccurl_set_headers(easy, flight.headerList)
            },
            { ccurl_set_error_text(easy, flight.errorText) },
            {
                ccurl_set_callbacks(
                    easy, Unmanaged.passUnretained(flight).toOpaque(), CurlFlight.receiveBody,
                    CurlFlight.receiveHeader, CurlFlight.supplyBody, CurlFlight.rewindBody, CurlFlight.departure)
            },
        ])
    }

    private func applyMethod(_ request: HTTPRequest) -> CURLcode {
        let count = request.bodyCount
        if request.method == "HEAD" { return set(CURLOPT_NOBODY, 1) }
        if request.method == "GET", count == 0 { return set(CURLOPT_HTTPGET, 1) }
        if request.method != "POST", count == 0 { return set(CURLOPT_CUSTOMREQUEST, request.method) }
        return first([
            { set(CURLOPT_POST, 1) },
            { ccurl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(count)) },
            { request.method == "POST" ? CURLE_OK : set(CURLOPT_CUSTOMREQUEST, request.method) },
        ])
    }

    private func headerList(_ request: HTTPRequest) -> UnsafeMutablePointer<curl_slist>? {
        // A header without a value removes what libcurl would add: no waiting for 100-continue, no guessed type.
        var list = curl_slist_append(nil, "Expect:")
        if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) {
            list = curl_slist_append(list, "Content-Type:")
        }
        for header in request.headers {
            let line = header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
            list = curl_slist_append(list, line)
        }
        return list
    }

    private func set(_ option: CURLoption, _ value: Int) -> CURLcode { ccurl_set_long(easy, option, value) }
    private func set(_ option: CURLoption, _ value: String) -> CURLcode { ccurl_set_text(easy, option, value) }

    /// Runs the steps until one fails.
    private func first(_ steps: [() -> CURLcode]) -> CURLcode {
        for step in steps {
            let code = step()
            if code != CURLE_OK { return code }
        }
        return CURLE_OK
    }
}
