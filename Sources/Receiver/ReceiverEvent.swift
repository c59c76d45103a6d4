/// What a receiver tells while it runs. Told on the thread that serves the request: return soon.
package enum ReceiverEvent: Sendable {
    /// It listens.
    case listening(ListenAddress)
    /// A request was answered, or deliberately not.
    case answered(RequestRecord)
    /// Something about a request that its sender should know.
    case reported(Report)
    /// The store failed; the request was answered 500.
    case storeFailed(String)
    /// It stopped listening; the text says why when nobody asked it to.
    case stopped(String?)
}

/// One request that posted messages.
package struct RequestRecord: Sendable, Equatable {
    /// From 1, in order of arrival.
    package var number: Int
    /// When it had arrived, in milliseconds since 1970.
    package var receivedAt: Int64
    /// Such as `/v1/batch`.
    package var path: String
    /// Bytes of the body as sent, and of the JSON in it.
    package var wireBytes = 0
    package var bytes = 0
    /// Messages in the body, good and bad.
    package var items = 0
    /// Messages stored now, stored before (same `messageId`), and dropped as Segment would.
    package var stored = 0
    package var duplicates = 0
    package var dropped = 0
    /// The answer's status; nil when there was no answer.
    package var status: Int?
    /// The number in `X-Retry-Count`, when the request has one.
    package var retryCount: Int?
    /// Whether it had an `Authorization` header.
    package var hasAuthorization = false
    /// The `messageId`s of its first and last message that have one.
    package var firstMessageID: [UInt8]?
    package var lastMessageID: [UInt8]?
    /// The fault rules that acted on it, as written.
    package var fault: String?

    package init(number: Int, receivedAt: Int64, path: String) {
        self.number = number
        self.receivedAt = receivedAt
        self.path = path
    }
}

/// Numbers since the receiver was made.
package struct ReceiverCounts: Sendable, Equatable {
    /// Requests that posted messages.
    package var requests = 0
    /// Of these: answered 2xx, answered otherwise, not answered.
    package var succeeded = 0
    package var failed = 0
    package var unanswered = 0
    /// Requests that a fault rule acted on.
    package var faulted = 0
    /// Messages that arrived; of these stored, known already by their id, dropped as Segment would.
    package var items = 0
    package var stored = 0
    package var duplicates = 0
    package var dropped = 0
    /// Bytes of JSON.
    package var bytes = 0
    /// How many messages or requests each code was reported for.
    package var reports: [ReportCode: Int] = [:]
}
