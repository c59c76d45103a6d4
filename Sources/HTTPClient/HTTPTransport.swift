/// One HTTP request answered or not: the only way bytes leave for a web service (the control socket's client included).
///
/// An implementation follows no redirects, uses no proxy, decompresses nothing, keeps no cookies and always ends within
/// the request's deadline. It never throws: what is known afterwards is in the value.
package protocol HTTPTransport: Sendable {
    /// Makes exactly one exchange. Cancelling the task does not abort it unless the request says that it may.
    func exchange(_ request: HTTPRequest) async -> HTTPExchange
}

/// What became of one request.
package enum HTTPExchange: Sendable {
    /// The server answered; the answer was read to its end, or cut where ``HTTPAnswer/bodyTruncated`` says so.
    case answer(HTTPAnswer)
    /// There is no complete answer.
    case failure(HTTPFailure)
}

/// A server's answer. Everything in it comes from outside and is hostile until judged.
package struct HTTPAnswer: Sendable {
    /// The final status, never an interim 1xx one.
    package var status: Int
    /// At most 64 KiB of headers, all of them: with more the exchange fails. Trailers are not among them.
    package var headers: HTTPHeaders
    /// The body as it was sent, still compressed if the server compressed it; empty when the request has a sink.
    package var body: [UInt8]
    /// The body went on beyond the request's limit, or the sink asked to stop; the connection was then cut.
    package var bodyTruncated: Bool

    package init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = [], bodyTruncated: Bool = false) {
        self.status = status
        self.headers = headers
        self.body = body
        self.bodyTruncated = bodyTruncated
    }
}

/// An exchange without a complete answer.
package struct HTTPFailure: Sendable, Equatable {
    /// How far the request can have got.
    package enum Stage: Sendable, Equatable {
        /// No byte of the request left: name look-up, connection, TLS handshake, a request that is itself invalid.
        case notSent
        /// The first byte may have left, so the server may have acted on the request.
        case ambiguous
    }

    package var stage: Stage
    /// One line for a person, sanitised, without any header or body of the request.
    package var reason: String
    /// The server's certificate or its TLS version is not acceptable, or the pinned certificates cannot be read:
    /// trying again cannot help. Always ``Stage/notSent``.
    package var isCertificateProblem: Bool
    /// The request itself cannot be sent: a malformed address or header, plain http to another host.
    package var isInvalidRequest: Bool
    /// The task was cancelled and the request allowed that.
    package var isCancelled: Bool

    package init(
        stage: Stage, reason: String, isCertificateProblem: Bool = false, isInvalidRequest: Bool = false,
        isCancelled: Bool = false
    ) {
        self.stage = stage
        self.reason = reason
        self.isCertificateProblem = isCertificateProblem
        self.isInvalidRequest = isInvalidRequest
        self.isCancelled = isCancelled
    }
}
