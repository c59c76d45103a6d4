import GRDB
import WarehouseNames

/// Writes the messages of requests into the store. Belongs to the database queue, and to transactions that succeed:
/// after one that is rolled back it knows columns and ids that are gone, and must be made anew.
struct StoreWriter {
    /// What became of the messages of one request.
    struct Outcome: Sendable {
        var stored = 0
        var duplicates = 0
        var reports = ReportList()
    }

    private var identifies: IdentifyWriter
    private let insertTrack: BytesStatement
    private let insertCall: BytesStatement
    private let countArrival: BytesStatement
    private var identifyIDs: KeyedTable
    private var trackIDs: KeyedTable
    private var callIDs: KeyedTable

    init(_ db: Database) throws {
        identifies = try IdentifyWriter(db)
        identifyIDs = try KeyedTable(db, "identifies")
        trackIDs = try KeyedTable(db, "tracks")
        callIDs = try KeyedTable(db, "calls")
        insertTrack = try BytesStatement(db, """
            INSERT INTO tracks(arrival, id, received_at, sent_at, original_timestamp, timestamp, user_id, anonymous_id,
              event, event_text)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        insertCall = try BytesStatement(db, """
            INSERT INTO calls(arrival, id, received_at, sent_at, original_timestamp, timestamp, user_id, anonymous_id,
              type)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        countArrival = try BytesStatement(db, """
            INSERT INTO arrivals(id, arrivals) VALUES (?, 2)
            ON CONFLICT(id) DO UPDATE SET arrivals = arrivals + 1
            """)
    }

    /// Stores the good messages of `request`, each `messageId` once for ever, whatever it says the second time.
    mutating func store(_ request: IncomingRequest, receivedAt: Int64, _ db: Database) throws -> Outcome {
        var outcome = Outcome()
        var row = MessageRow(request.document, receivedAt: receivedAt)
        try request.document.bytes.withUnsafeBufferPointer { text in
            row.text = text
            for (position, message) in request.messages.enumerated() {
                row.take(message)
                let isNew = try row.withID { id in
                    try store(row, id, at: position, db, &outcome.reports)
                }
                if isNew { outcome.stored += 1 } else { outcome.duplicates += 1 }
            }
            row.text = UnsafeBufferPointer(start: nil, count: 0)
        }
        return outcome
    }

    /// - Returns: whether the message is new.
    private mutating func store(
        _ row: borrowing MessageRow, _ id: UnsafeBufferPointer<UInt8>, at position: Int, _ db: Database,
        _ reports: inout ReportList
    ) throws -> Bool {
        let hash = KeyIndex.hash(UnsafeRawBufferPointer(id))
        if try identifyIDs.row(of: id, hash) != nil || trackIDs.row(of: id, hash) != nil
            || callIDs.row(of: id, hash) != nil {
            countArrival.bindBorrowed(id, at: 1)
            try countArrival.run()
            return false
        }
        switch row.message.kind {
        case .identify:
            try identifies.store(row, id, arrival: try identifyIDs.newRow(hash), at: position, db, &reports)
        case .track:
            row.bindShared(insertTrack, id, arrival: try trackIDs.newRow(hash))
            let event = row.document.string(Int(row.message.event))
            insertTrack.bind(SnakeCase.column(of: event), at: 9)
            insertTrack.bind(event, at: 10)
            try insertTrack.run()
        case .page, .screen, .group, .alias:
            row.bindShared(insertCall, id, arrival: try callIDs.newRow(hash))
            insertCall.bind(Array(row.message.kind.rawValue.utf8), at: 9)
            try insertCall.run()
        }
        return true
    }
}

/// The message that is being stored, with what all its statements share.
struct MessageRow {
    let document: JSONDocument
    /// The document's bytes, which statements borrow from.
    var text = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    private(set) var message = IncomingMessage(kind: .identify)
    /// The message's time by the receiver's clock, in milliseconds since 1970.
    private(set) var timestamp: Int64 = 0
    private let receivedAt: Int64
    private let receivedText: [UInt8]
    /// The id given to a message that came without one.
    private var givenID: [UInt8] = []
    private var sentText = TimeText()
    private var originalText = TimeText()
    private var timestampText = TimeText()

    init(_ document: JSONDocument, receivedAt: Int64) {
        self.document = document
        self.receivedAt = receivedAt
        receivedText = Timestamp.text(receivedAt)
    }

    /// Makes `message` the current one.
    mutating func take(_ message: IncomingMessage) {
        self.message = message
        timestamp = receivedAt
        if let original = message.originalTimestamp {
            timestamp = original
            if let sentAt = message.sentAt { timestamp = receivedAt - (sentAt - original) }
            originalText.set(original)
        }
        if let sentAt = message.sentAt { sentText.set(sentAt) }
        timestampText.set(timestamp)
        if message.messageID < 0 { givenID = Self.newID() }
    }

    /// Lends the message's id.
    func withID<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R {
        guard message.messageID >= 0 else { return try givenID.withUnsafeBufferPointer(body) }
        return try withString(message.messageID, body)
    }

    /// Lends the string at `node`.
    func withString<R>(_ node: Int32, _ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R {
        let place = document.nodes[Int(node)]
        guard !place.hasEscapes else { return try document.string(Int(node)).withUnsafeBufferPointer(body) }
        let start = Int(place.start)
        return try body(UnsafeBufferPointer(rebasing: text[start..<start + Int(place.length)]))
    }

    /// Binds what all three tables begin with: arrival, id, received_at, sent_at, original_timestamp, timestamp,
    /// user_id and anonymous_id, from 1 to 8. The statement borrows `id` until it has run.
    func bindShared(_ statement: BytesStatement, _ id: UnsafeBufferPointer<UInt8>, arrival: Int64) {
        statement.bind(arrival, at: 1)
        statement.bindBorrowed(id, at: 2)
        bindReceivedAt(statement, at: 3)
        statement.bind(message.sentAt == nil ? nil : sentText.text, at: 4)
        statement.bind(message.originalTimestamp == nil ? nil : originalText.text, at: 5)
        statement.bind(timestampText.text, at: 6)
        bind(message.userID, statement, at: 7)
        bind(message.anonymousID, statement, at: 8)
    }

    func bindReceivedAt(_ statement: BytesStatement, at index: Int32) {
        statement.bind(receivedText, at: index)
    }

    /// Binds the string at `node`, NULL when it is absent.
    func bind(_ node: Int32, _ statement: BytesStatement, at index: Int32) {
        guard node >= 0 else { return statement.bindNull(at: index) }
        let place = document.nodes[Int(node)]
        if place.hasEscapes {
            statement.bind(document.string(Int(node)), at: index)
        } else {
            let start = Int(place.start)
            statement.bindBorrowed(
                UnsafeBufferPointer(rebasing: text[start..<start + Int(place.length)]), at: index)
        }
    }

    /// An id such as Segment gives: `api-` and 32 random hexadecimal digits.
    private static func newID() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        var id = Array("api-".utf8)
        for _ in 0..<2 {
            let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)
            id += Array(repeating: UInt8(ascii: "0"), count: 16 - digits.utf8.count) + Array(digits.utf8)
        }
        return id
    }
}

/// A time as text, written anew only when it changes.
private struct TimeText {
    private var value: Int64?
    private(set) var text: [UInt8] = []

    mutating func set(_ value: Int64) {
        guard value != self.value else { return }
        self.value = value
        text = Timestamp.text(value)
    }
}
