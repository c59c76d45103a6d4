import CCurl

/// Says what an ended flight amounts to: an answer, or how far the request can have got.
enum CurlVerdict {
    static func exchange(of flight: CurlFlight, _ code: CURLcode) -> HTTPExchange {
        // libcurl takes a connection that closes within the headers for a complete answer; it is none.
        if code == CURLE_OK, flight.status >= 200, flight.headersEnded {
            return .answer(flight.answer(truncated: false))
        }
        switch flight.cut {
        case .bodyLimit, .sink: return .answer(flight.answer(truncated: true))
        case .headerLimit: return .failure(failure(flight, "the answer's headers exceed 64 KiB"))
        case nil where flight.isSocketRefused.pointee == 1 && !flight.mayHaveLeft:
            return .failure(HTTPFailure(
                stage: .notSent, reason: "the host's name leads to an address of this machine or its network's services",
                isInvalidRequest: true))
        case .cancelled:
            var failure = failure(flight, "cancelled")
            failure.isCancelled = true
            return .failure(failure)
        case nil: return .failure(failure(flight, code))
        }
    }

    /// What flights end with that are under way when their transport goes.
    static func closed(_ flight: CurlFlight) -> HTTPFailure { failure(flight, "the connection was given up") }

    private static func failure(_ flight: CurlFlight, _ reason: String) -> HTTPFailure {
        HTTPFailure(stage: flight.mayHaveLeft ? .ambiguous : .notSent, reason: reason)
    }

    private static func failure(_ flight: CurlFlight, _ code: CURLcode) -> HTTPFailure {
        let detail = detail(flight, code)
        var failure = failure(flight, reason(flight, code, detail))
        guard !flight.mayHaveLeft else { return failure }
        failure.isCertificateProblem = isCertificateProblem(code, detail)
        failure.isInvalidRequest = [
            CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_LOGIN_DENIED, CURLE_BAD_FUNCTION_ARGUMENT,
        ].contains(code)
        return failure
    }

    private static func reason(_ flight: CurlFlight, _ code: CURLcode, _ detail: String) -> String {
        switch code {
        case CURLE_OK: "the answer broke off within its headers"
        case CURLE_OPERATION_TIMEDOUT where flight.mayHaveLeft && flight.request.stallSeconds == nil:
            "no complete answer within \(seconds(flight.request.deadlineMilliseconds ?? 0))"
        case CURLE_OPERATION_TIMEDOUT where !flight.mayHaveLeft:
            "no connection within " + seconds(connectLimit(flight.request))
        case CURLE_GOT_NOTHING: "the connection was closed without an answer"
        case CURLE_PARTIAL_FILE where flight.status >= 200:
            "the answer \(flight.status) broke off"
        default: detail
        }
    }

    private static func connectLimit(_ request: HTTPRequest) -> Int {
        min(request.connectTimeoutMilliseconds, request.deadlineMilliseconds ?? .max)
    }

    private static func seconds(_ milliseconds: Int) -> String {
        milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
    }

    /// libcurl's own words, which can quote the server.
    private static func detail(_ flight: CurlFlight, _ code: CURLcode) -> String {
        let written = QuotedText.quote(String(cString: flight.errorText))
        return written.isEmpty ? String(cString: curl_easy_strerror(code)) : written
    }

    /// A handshake fails for many reasons that pass; only those that will not pass by themselves count.
    private static func isCertificateProblem(_ code: CURLcode, _ detail: String) -> Bool {
        switch code {
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE,
            CURLE_SSL_ISSUER_ERROR, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS,
            CURLE_SSL_CLIENTCERT:
            true
        case CURLE_SSL_CONNECT_ERROR:
            [
                "unsupported protocol", "alert protocol version", "certificate required", "dh key too small",
                "ee key too small",
            ]
            .contains { detail.contains($0) }
        default:
            false
        }
    }
}
