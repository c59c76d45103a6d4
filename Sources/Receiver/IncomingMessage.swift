/// The kinds of messages of Segment's tracking API.
enum MessageKind: String, Sendable {
    case identify, track, page, screen, group, alias

    /// The kind named by the string at `index`.
    init?(_ document: JSONDocument, _ index: Int) {
        guard document.kind(index) == .string else { return nil }
        let name = document.withString(index) { String(decoding: $0, as: UTF8.self) }
        self.init(rawValue: name)
    }
}

/// One good message, as places in its document. Nil and -1 mean absent.
struct IncomingMessage: Sendable {
    var kind: MessageKind
    var userID: Int32 = -1
    var anonymousID: Int32 = -1
    var messageID: Int32 = -1
    /// The object of traits (identify) or -1.
    var traits: Int32 = -1
    /// The event's name (track).
    var event: Int32 = -1
    var integrationName: Int32 = -1
    var integrationVersion: Int32 = -1
    /// What the message and the request say of their times, in milliseconds since 1970.
    var originalTimestamp: Int64?
    var sentAt: Int64?
}

/// Reads the members of a message that matter here, in one pass. Of repeated keys the last one counts, as in Go.
struct MessageFields {
    var type = -1
    var userID = -1
    var anonymousID = -1
    var messageID = -1
    var traits = -1
    var properties = -1
    var event = -1
    var groupID = -1
    var previousID = -1
    var timestamp = -1
    var sentAt = -1
    var context = -1
    var writeKey = -1
    var batch = -1

    init(_ document: JSONDocument, _ object: Int) {
        let end = document.end(object)
        var key = object + 1
        while key < end {
            let value = key + 1
            note(document, key, value)
            key = document.end(value)
        }
    }

    private mutating func note(_ document: JSONDocument, _ key: Int, _ value: Int) {
        func isNamed(_ name: StaticString) -> Bool { document.string(key, equals: name) }
        let length = document.nodes[key].hasEscapes ? 0 : document.length(key)
        switch length {
        case 4 where isNamed("type"): type = value
        case 5 where isNamed("event"): event = value
        case 5 where isNamed("batch"): batch = value
        case 6 where isNamed("userId"): userID = value
        case 6 where isNamed("traits"): traits = value
        case 6 where isNamed("sentAt"): sentAt = value
        case 7 where isNamed("context"): context = value
        case 7 where isNamed("groupId"): groupID = value
        case 8 where isNamed("writeKey"): writeKey = value
        case 9 where isNamed("messageId"): messageID = value
        case 9 where isNamed("timestamp"): timestamp = value
        case 10 where isNamed("properties"): properties = value
        case 10 where isNamed("previousId"): previousID = value
        case 11 where isNamed("anonymousId"): anonymousID = value
        case 0: noteEscaped(document, key, value)
        default: break
        }
    }

    /// The same for a key that is written with escapes, whose length says nothing.
    private mutating func noteEscaped(_ document: JSONDocument, _ key: Int, _ value: Int) {
        switch String(decoding: document.string(key), as: UTF8.self) {
        case "type": type = value
        case "event": event = value
        case "batch": batch = value
        case "userId": userID = value
        case "traits": traits = value
        case "sentAt": sentAt = value
        case "context": context = value
        case "groupId": groupID = value
        case "writeKey": writeKey = value
        case "messageId": messageID = value
        case "timestamp": timestamp = value
        case "properties": properties = value
        case "previousId": previousID = value
        case "anonymousId": anonymousID = value
        default: break
        }
    }
}
