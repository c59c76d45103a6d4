import Scheduling
import SyncEngine

/// The bodies that one batch becomes, in the form of Amplitude's cohort webhook
/// (https://amplitude.com/docs/data/destination-catalog/cohort-webhooks): one says who entered, one who left.
struct WebhookMessage: Equatable {
    var body: [UInt8]
    /// Number of users in it.
    var count: Int

    /// What the rows of a batch begin with: the name, and what the receiver is told members of. That is the id under
    /// which a plan was made, which may no longer be the configured one.
    static func texts(of audience: Audience) -> [String] { [audience.name, audience.trait] }

    /// At most two messages: those who entered first. The same batch always gives the same bytes.
    static func messages(of batch: EncodedBatch) -> [WebhookMessage] {
        let (texts, rows) = ChangeRows.read(batch.bytes)
        guard texts.count == 2 else { return [] }
        return [true, false].compactMap { entered in
            let users = rows.filter { $0.entered == entered }
            return users.isEmpty ? nil : message(users, entered: entered, name: texts[0], id: texts[1])
        }
    }

    private static func message(_ users: [ChangeRow], entered: Bool, name: String, id: String) -> WebhookMessage {
        var body: [UInt8] = []
        func put(_ text: String) { body += Array(text.utf8) }
        // The newest of the users' moments: none of them changed again before it.
        let computed = users.map(\.timestamp).max() ?? Instant(milliseconds: 0)
        put(#"{"cohort_name":""#)
        body += JSONText.escape(name)
        put(#"","cohort_id":""#)
        body += JSONText.escape(id)
        put(#"","in_cohort":\#(entered),"computed_time":"\#(floorDivide(computed.milliseconds, 1000))","#)
        put(#""message_id":"\#(messageID(of: users, entered: entered))","users":["#)
        for (index, user) in users.enumerated() {
            put(index == 0 ? #"{"user_id":""# : #",{"user_id":""#)
            body += JSONText.escape(String(decoding: user.member, as: UTF8.self))
            put(#""}"#)
        }
        put("]}")
        return WebhookMessage(body: body, count: users.count)
    }

    /// A UUID of version 8 over the ids of all its users' transitions: the same for the same users on every attempt,
    /// another for any other set of users or any later transition.
    private static func messageID(of users: [ChangeRow], entered: Bool) -> String {
        var bytes: [UInt8] = [entered ? 1 : 0]
        for user in users {
            for half in [user.messageID.high, user.messageID.low] {
                withUnsafeBytes(of: half.bigEndian) { bytes += Array($0) }
            }
        }
        var digest = Array(Signature.digest(bytes).prefix(16))
        digest[6] = digest[6] & 0x0F | 0x80
        digest[8] = digest[8] & 0x3F | 0x80
        let hex = Array(Signature.hex(digest))
        let uuid = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(hex[$0]) }.joined(separator: "-")
        return "\(uuid)::\(entered ? "enter" : "leave")::0"
    }
}
