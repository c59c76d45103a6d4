/// How much goes into one message and one batch. What is over is refused or sent apart here, because receivers answer
/// 200 and drop it.
struct MessageLimits: Sendable {
    /// Bytes of one message.
    var messageBytes: Int
    /// Messages of one batch.
    var messages: Int
    /// Bytes of a batch's messages with what separates them.
    var payloadBytes: Int

    /// Segment's limits (HTTP API page: 32 KB a message, 500 KB and 2,500 messages a batch), each with a margin. Whether
    /// a KB is 1,000 or 1,024 bytes is not documented, nor whether the envelope counts: here a KB is 1,000, the whole
    /// body counts, and 5 % stay free as in Segment's own Python library.
    static func segment(envelopeBytes: Int) -> MessageLimits {
        MessageLimits(messageBytes: 32_000, messages: 2_400, payloadBytes: 475_000 - envelopeBytes)
    }

    /// A file takes any size; these keep one write and one flush at about a megabyte.
    static let file = MessageLimits(messageBytes: 256_000, messages: 10_000, payloadBytes: 1_000_000)
}
