/// A posted body taken apart: what Segment would do with it, without having done it.
struct IncomingRequest: Sendable {
    let document: JSONDocument
    /// The good messages, in order.
    private(set) var messages: [IncomingMessage] = []
    /// Messages in the body, good and bad.
    private(set) var items = 0
    private(set) var reports = ReportList()
    /// The write key in the body.
    private(set) var writeKey: [UInt8]?
    /// Why the whole request is answered 400; nil when it is not.
    private(set) var refusal: Refusal?
    private(set) var firstMessageID: [UInt8]?
    private(set) var lastMessageID: [UInt8]?

    private let limits: SegmentLimits
    /// Where the first and the last message id are.
    private var messageIDPlaces: (first: Int, last: Int)?
    private var timestamps = TimeMemory()
    private var sendTimes = TimeMemory()

    /// Reads a body that was sent to `route`.
    ///
    /// - Throws: ``JSONFault`` when it is no JSON at all.
    init(_ body: [UInt8], route: Route, limits: SegmentLimits) throws(JSONFault) {
        document = try JSONDocument(parsing: body)
        self.limits = limits
        read(route)
        firstMessageID = messageIDPlaces.map { Array(document.string($0.first).prefix(1024)) }
        lastMessageID = messageIDPlaces.map { Array(document.string($0.last).prefix(1024)) }
    }

    private mutating func read(_ route: Route) {
        guard document.kind(0) == .object else {
            refuse(.malformedJSON, "the body is no JSON object")
            return
        }
        let fields = MessageFields(document, 0)
        if fields.writeKey >= 0, document.kind(fields.writeKey) == .string {
            writeKey = document.string(fields.writeKey)
        }
        switch route {
        case .single(let kind):
            items = 1
            readItem(0, at: nil, kind: kind, envelope: nil)
        case .batch:
            readBatch(fields)
        }
    }

    /// Whether one of the good messages is about this user.
    func names(_ user: [UInt8]) -> Bool {
        messages.contains { message in
            message.userID >= 0 && document.string(Int(message.userID), equals: user)
        }
    }

    private mutating func refuse(_ code: ReportCode, at position: Int? = nil, _ detail: String) {
        reports.add(code, at: position, detail: detail)
        refusal = code == .malformedJSON ? .malformedJSON : .tooLarge
        messages = []
    }

    // MARK: - Batches

    private mutating func readBatch(_ envelope: MessageFields) {
        guard envelope.batch >= 0, document.kind(envelope.batch) != .null else {
            reports.add(.emptyBatch, detail: "the body has no “batch”")
            return
        }
        guard document.kind(envelope.batch) == .array else {
            refuse(.malformedJSON, "“batch” is no array")
            return
        }
        document.forEachElement(of: envelope.batch) { _ in items += 1 }
        if items == 0 {
            reports.add(.emptyBatch, detail: "“batch” is empty")
            return
        }
        guard items <= limits.batchMessages else {
            reports.add(
                .batchTooLong, detail: "\(items) messages in a batch that may have \(limits.batchMessages)",
                count: items)
            return
        }
        messages.reserveCapacity(items)
        var position = 0
        var item = envelope.batch + 1
        let end = document.end(envelope.batch)
        while item < end, refusal == nil {
            readItem(item, at: position, kind: nil, envelope: envelope)
            position += 1
            item = document.end(item)
        }
    }

    // MARK: - Messages

    private mutating func readItem(
        _ item: Int, at position: Int?, kind named: MessageKind?, envelope: MessageFields?
    ) {
        guard document.kind(item) == .object else {
            reports.add(.notAnObject, at: position, detail: "the message is no object")
            return
        }
        guard document.length(item) <= limits.messageBytes else {
            refuse(
                .messageTooLarge, at: position,
                "a message of \(document.length(item)) bytes, and \(limits.messageBytes) is the limit")
            return
        }
        let fields = MessageFields(document, item)
        noteMessageID(fields.messageID)
        if writeKey == nil, fields.writeKey >= 0, document.kind(fields.writeKey) == .string {
            writeKey = document.string(fields.writeKey)
        }
        guard let kind = named ?? (fields.type >= 0 ? MessageKind(document, fields.type) : nil) else {
            drop(.unknownType, at: position, fields, "“type” is none of identify, track, page, screen, group, alias")
            return
        }
        var message = IncomingMessage(kind: kind)
        guard readIDs(fields, of: &message, at: position), readContent(fields, of: &message, at: position) else {
            return
        }
        readTimes(fields, envelope, of: &message, at: position)
        readIntegration(fields, envelope, of: &message)
        messages.append(message)
    }

    private mutating func noteMessageID(_ index: Int) {
        guard index >= 0, document.kind(index) == .string else { return }
        messageIDPlaces = (messageIDPlaces?.first ?? index, index)
    }

    private mutating func drop(_ code: ReportCode, at position: Int?, _ fields: MessageFields, _ detail: String) {
        func text(_ index: Int) -> [UInt8]? {
            index >= 0 && document.kind(index) == .string ? document.string(index) : nil
        }
        reports.add(
            code, at: position, detail: detail, userID: text(fields.userID), messageID: text(fields.messageID))
    }

    private enum ID {
        case absent, empty, good, notString
    }

    private func id(_ index: Int) -> ID {
        guard index >= 0, document.kind(index) != .null else { return .absent }
        guard document.kind(index) == .string else { return .notString }
        return document.length(index) == 0 ? .empty : .good
    }

    private mutating func readIDs(
        _ fields: MessageFields, of message: inout IncomingMessage, at position: Int?
    ) -> Bool {
        let user = id(fields.userID)
        let anonymous = id(fields.anonymousID)
        if user == .notString || anonymous == .notString {
            drop(.idNotString, at: position, fields, "userId and anonymousId are strings")
            return false
        }
        guard user == .good || anonymous == .good else {
            let isEmpty = user == .empty || anonymous == .empty
            drop(
                isEmpty ? .idRequired : .noUserOrAnonymousID, at: position, fields,
                isEmpty ? "the id is empty" : "neither userId nor anonymousId")
            return false
        }
        if user == .good { message.userID = Int32(truncatingIfNeeded: fields.userID) }
        if anonymous == .good { message.anonymousID = Int32(truncatingIfNeeded: fields.anonymousID) }
        if (user == .good && document.hasLoneSurrogate(fields.userID))
            || (anonymous == .good && document.hasLoneSurrogate(fields.anonymousID)) {
            reports.add(.loneSurrogate, at: position, detail: "half a surrogate pair in an id became U+FFFD")
        }
        return readMessageID(fields, of: &message, at: position)
    }

    private mutating func readMessageID(
        _ fields: MessageFields, of message: inout IncomingMessage, at position: Int?
    ) -> Bool {
        switch id(fields.messageID) {
        case .absent, .empty: return true
        case .notString:
            drop(.messageIDNotString, at: position, fields, "messageId is a string")
            return false
        case .good: break
        }
        if document.length(fields.messageID) > limits.messageIDCharacters {
            let characters = document.withString(fields.messageID) { text in
                text.reduce(into: 0) { count, byte in count += byte & 0xC0 == 0x80 ? 0 : 1 }
            }
            guard characters <= limits.messageIDCharacters else {
                drop(
                    .messageIDTooLong, at: position, fields,
                    "a messageId of \(characters) characters, and \(limits.messageIDCharacters) is the limit")
                return false
            }
        }
        message.messageID = Int32(truncatingIfNeeded: fields.messageID)
        return true
    }

    private mutating func readContent(
        _ fields: MessageFields, of message: inout IncomingMessage, at position: Int?
    ) -> Bool {
        switch message.kind {
        case .identify, .group:
            if fields.traits >= 0, document.kind(fields.traits) != .null {
                guard document.kind(fields.traits) == .object else {
                    drop(.traitsNotObject, at: position, fields, "“traits” is no object")
                    return false
                }
                if message.kind == .identify { message.traits = Int32(truncatingIfNeeded: fields.traits) }
                check(fields.traits, holds: limits.traits, .tooManyTraits, at: position)
            }
            guard message.kind == .group, id(fields.groupID) != .good else { return true }
            drop(.idRequired, at: position, fields, "a group call needs a groupId")
            return false
        case .track, .page, .screen:
            if fields.properties >= 0, document.kind(fields.properties) != .null {
                guard document.kind(fields.properties) == .object else {
                    drop(.propertiesNotObject, at: position, fields, "“properties” is no object")
                    return false
                }
                check(fields.properties, holds: limits.properties, .tooManyProperties, at: position)
            }
            guard message.kind == .track else { return true }
            guard id(fields.event) == .good else {
                drop(.eventRequired, at: position, fields, "a track call needs the event's name")
                return false
            }
            message.event = Int32(truncatingIfNeeded: fields.event)
            return true
        case .alias:
            guard id(fields.previousID) == .good, message.userID >= 0 else {
                drop(.idRequired, at: position, fields, "an alias call needs previousId and userId")
                return false
            }
            return true
        }
    }

    private mutating func check(_ object: Int, holds limit: Int, _ code: ReportCode, at position: Int?) {
        guard document.length(object) > 4 * limit else { return }
        var count = 0
        document.forEachMember(of: object) { _, _ in count += 1 }
        if count > limit { reports.add(code, at: position, detail: "\(count), and \(limit) is the limit") }
    }

    // MARK: - Times and context

    private mutating func readTimes(
        _ fields: MessageFields, _ envelope: MessageFields?, of message: inout IncomingMessage, at position: Int?
    ) {
        if fields.timestamp >= 0, document.kind(fields.timestamp) != .null {
            let time = timestamps.read(document, fields.timestamp)
            message.originalTimestamp = time?.milliseconds
            if let time, !time.hasZone {
                reports.add(.timestampWithoutZone, at: position, detail: "a timestamp without zone was read as UTC")
            } else if time == nil {
                reports.add(.timestampInvalid, at: position, detail: "the timestamp is not ISO 8601; now is taken")
            }
        }
        let sentAt = envelope.map { $0.sentAt >= 0 ? $0.sentAt : fields.sentAt } ?? fields.sentAt
        if sentAt >= 0, document.kind(sentAt) != .null {
            message.sentAt = sendTimes.read(document, sentAt)?.milliseconds
            if message.sentAt == nil {
                reports.add(.sentAtInvalid, at: position, detail: "sentAt is not ISO 8601; no clock is corrected")
            }
        }
    }

    /// The message's own `context.integration`, or the batch's when it has none: the top level is merged into each.
    private func readIntegration(
        _ fields: MessageFields, _ envelope: MessageFields?, of message: inout IncomingMessage
    ) {
        var found = fields.context >= 0 ? document.member("integration", of: fields.context) : nil
        if found == nil, let shared = envelope?.context, shared >= 0 {
            found = document.member("integration", of: shared)
        }
        guard let integration = found else { return }
        if let name = document.member("name", of: integration), document.kind(name) == .string {
            message.integrationName = Int32(truncatingIfNeeded: name)
        }
        if let version = document.member("version", of: integration), document.kind(version) == .string {
            message.integrationVersion = Int32(truncatingIfNeeded: version)
        }
    }
}

/// Reads times and remembers the last one: the messages of a batch mostly share it.
private struct TimeMemory: Sendable {
    private var text: [UInt8] = []
    private var value: Timestamp.Parsed?

    mutating func read(_ document: JSONDocument, _ index: Int) -> Timestamp.Parsed? {
        guard document.kind(index) == .string, document.length(index) <= 64 else { return nil }
        if document.string(index, equals: text) { return value }
        text = document.string(index)
        value = Timestamp.parse(text)
        return value
    }
}

/// Why a request is answered 400.
enum Refusal: Sendable {
    case malformedJSON
    case tooLarge
}

/// What a path takes.
enum Route: Sendable, Equatable {
    case single(MessageKind)
    case batch

    /// Nil when messages cannot be posted to `path`. The short ones are what Segment's client libraries use.
    init?(path: String) {
        let trimmed = path.hasSuffix("/") ? String(path.dropLast()) : path
        switch trimmed {
        case "/v1/batch", "/v1/b", "/v1/import": self = .batch
        case "/v1/identify", "/v1/i": self = .single(.identify)
        case "/v1/track", "/v1/t": self = .single(.track)
        case "/v1/page", "/v1/p": self = .single(.page)
        case "/v1/screen", "/v1/s": self = .single(.screen)
        case "/v1/group", "/v1/g": self = .single(.group)
        case "/v1/alias", "/v1/a": self = .single(.alias)
        default: return nil
        }
    }
}
