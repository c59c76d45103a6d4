/// What one of the receivers of Segment's API asks for that the others do not
/// (reference/segment-tracking-api.md, "Other receivers of this format"). The destination reads it and knows no
/// receiver by name.
package struct ReceiverProfile: Sendable, Equatable {
    /// How the write key stands in the `Authorization` header.
    package enum Authorization: Sendable, Equatable {
        /// `Basic base64("<key>:")`.
        case basicOfKeyAndColon
        /// `Basic <key>`: the key was issued in Base64 already.
        case basicOfEncodedKey
    }

    /// How a receiver says that one item of a batch is bad.
    package enum ItemErrors: Sendable, Equatable {
        /// The whole batch is answered 400; the engine halves it until the item stands alone.
        case wholeBatch
        /// Inside the 200, with the item's `messageId` in the text; the other items are accepted.
        case namedInAnswer
    }

    /// The profile as it is written in `flavor:`.
    package var name: String
    /// Where batches go below the endpoint. An endpoint that ends with the path's first part already keeps it.
    package var path: String
    package var authorization: Authorization
    /// Whether the body carries `writeKey` beside the header.
    package var keyInBody: Bool
    /// Whether each item carries `context`, and whether the batch does.
    package var contextInItem: Bool
    package var contextInBatch: Bool
    /// Headers beside the usual ones.
    package var headers: [Header]
    package var itemErrors: ItemErrors
    /// Whether a body may be sent with `Content-Encoding: gzip` when the operator asks for it.
    package var takesGzip: Bool
    /// Bytes of one message, messages of one batch, bytes of one body.
    package var messageBytes: Int
    package var batchMessages: Int
    package var bodyBytes: Int

    /// A header that every request carries.
    package struct Header: Sendable, Equatable {
        package var name: String
        package var value: String
    }

    /// Segment itself: 32 KB a message, 500 KB and 2,500 messages a batch, each with a margin. Whether a KB is 1,000 or
    /// 1,024 bytes is not documented: here it is 1,000, the whole body counts, and 5 % stay free as in Segment's own
    /// Python library.
    package static let segment = ReceiverProfile(
        name: "segment", path: "batch", authorization: .basicOfKeyAndColon, keyInBody: true, contextInItem: true,
        contextInBatch: true, headers: [], itemErrors: .wholeBatch, takesGzip: true, messageBytes: 32_000,
        batchMessages: 2_400, bodyBytes: 475_000)

    /// RudderStack: the header alone authorises, the batch's own context is not read, bodies above 4,000 KB are answered
    /// 413, compressed ones are not read.
    package static let rudderstack = ReceiverProfile(
        name: "rudderstack", path: "v1/batch", authorization: .basicOfKeyAndColon, keyInBody: false,
        contextInItem: true, contextInBatch: false, headers: [], itemErrors: .wholeBatch, takesGzip: false,
        messageBytes: 32_000, batchMessages: 10_000, bodyBytes: 3_800_000)

    /// Jitsu: bad items are named inside the 200; 1 MB a message. It cuts ids to 64 of `[A-Za-z0-9._-]`, which a UUID of
    /// 36 characters never reaches.
    package static let jitsu = ReceiverProfile(
        name: "jitsu", path: "v1/batch", authorization: .basicOfKeyAndColon, keyInBody: true, contextInItem: true,
        contextInBatch: true, headers: [], itemErrors: .namedInAnswer, takesGzip: true, messageBytes: 950_000,
        batchMessages: 2_400, bodyBytes: 950_000)

    /// Customer.io Pipelines: answers 200 to bad items and keys unless asked to be strict; reads context at the top only.
    package static let customerio = ReceiverProfile(
        name: "customerio", path: "v1/batch", authorization: .basicOfKeyAndColon, keyInBody: false,
        contextInItem: false, contextInBatch: true, headers: [Header(name: "X-Strict-Mode", value: "1")],
        itemErrors: .wholeBatch, takesGzip: true, messageBytes: 32_000, batchMessages: 2_400, bodyBytes: 475_000)

    /// Dittofeed: its write keys are Base64 already and stand in the header as they are. Its limits are not documented,
    /// so Segment's hold.
    package static let dittofeed = ReceiverProfile(
        name: "dittofeed", path: "api/public/apps/batch", authorization: .basicOfEncodedKey, keyInBody: false,
        contextInItem: true, contextInBatch: true, headers: [], itemErrors: .wholeBatch, takesGzip: true,
        messageBytes: 32_000, batchMessages: 2_400, bodyBytes: 475_000)

    package static let all = [segment, rudderstack, jitsu, customerio, dittofeed]

    /// The profile of a `flavor:`; nil for a word that is none.
    package static func named(_ name: String) -> ReceiverProfile? { all.first { $0.name == name } }

    /// Where batches go below an endpoint.
    /// - Parameter endpoint: the base address without a slash at its end.
    func path(below endpoint: String) -> String {
        guard let slash = path.firstIndex(of: "/"), endpoint.hasSuffix("/" + path[..<slash]) else { return path }
        return String(path[path.index(after: slash)...])
    }
}
