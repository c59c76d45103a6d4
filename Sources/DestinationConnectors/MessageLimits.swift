/// How much goes into one message and one batch. What is over is refused or sent apart here, because receivers answer
/// 200 and drop it.
struct MessageLimits: Sendable {
    /// Bytes of one message.
    var messageBytes: Int
    /// Messages of one batch.
    var messages: Int
    /// Bytes of a batch's messages with what separates them.
    var payloadBytes: Int

    /// A receiver's limits, less what stands around the messages.
    static func of(_ profile: ReceiverProfile, envelopeBytes: Int) -> MessageLimits {
        MessageLimits(
            messageBytes: profile.messageBytes, messages: profile.batchMessages,
            payloadBytes: profile.bodyBytes - envelopeBytes)
    }

    /// A file takes any size; these keep one write and one flush at about a megabyte.
    static let file = MessageLimits(messageBytes: 256_000, messages: 10_000, payloadBytes: 1_000_000)
}
