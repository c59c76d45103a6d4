import GRDB
import GRDBSQLite

/// Writes the messages of requests into the store. Belongs to the database queue.
final class StoreWriter {
    /// What became of the messages of one request.
    struct Outcome: Sendable {
        var stored = 0
        var duplicates = 0
        var reports = ReportList()
    }

    private let connection: OpaquePointer
    private let identifies: IdentifyWriter
    private let insertTrack: BytesStatement
    private let insertCall: BytesStatement
    private let countArrival: BytesStatement
    private let find: [Table: BytesStatement]
    /// Tables that have rows: a `messageId` is looked for in these only.
    private var filled: Set<Table>

    private enum Table: String, CaseIterable {
        case identifies, tracks, calls
    }

    init(_ db: Database) throws {
        guard let connection = db.sqliteConnection else { throw DatabaseError(resultCode: .SQLITE_MISUSE) }
        self.connection = connection
        identifies = try IdentifyWriter(db)
        insertTrack = try BytesStatement(db, """
            INSERT INTO tracks(id, received_at, sent_at, original_timestamp, timestamp, user_id, anonymous_id,
              event, event_text)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING
            """)
        insertCall = try BytesStatement(db, """
            INSERT INTO calls(id, received_at, sent_at, original_timestamp, timestamp, user_id, anonymous_id, type)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING
            """)
        countArrival = try BytesStatement(db, """
            INSERT INTO arrivals(id, arrivals) VALUES (?, 2)
            ON CONFLICT(id) DO UPDATE SET arrivals = arrivals + 1
            """)
        var find: [Table: BytesStatement] = [:]
        var filled: Set<Table> = []
        for table in Table.allCases {
            find[table] = try BytesStatement(db, "SELECT 1 FROM \(table.rawValue) WHERE id = ?")
            if try BytesStatement(db, "SELECT 1 FROM \(table.rawValue) LIMIT 1").findsRow() { filled.insert(table) }
        }
        self.find = find
        self.filled = filled
    }

    /// Stores the good messages of `request`, each `messageId` once for ever, whatever it says the second time.
    func store(_ request: IncomingRequest, receivedAt: Int64, _ db: Database) throws -> Outcome {
        var outcome = Outcome()
        var row = MessageRow(request.document, receivedAt: receivedAt)
        try request.document.bytes.withUnsafeBufferPointer { text in
            row.text = text
            for (position, message) in request.messages.enumerated() {
                row.take(message)
                if try store(&row, at: position, db, &outcome.reports) {
                    outcome.stored += 1
                } else {
                    outcome.duplicates += 1
                    row.bindID(countArrival, at: 1)
                    try countArrival.run()
                }
            }
            row.text = UnsafeBufferPointer(start: nil, count: 0)
        }
        return outcome
    }

    /// - Returns: whether the message is new.
    private func store(
        _ row: inout MessageRow, at position: Int, _ db: Database, _ reports: inout ReportList
    ) throws -> Bool {
        let table: Table =
            switch row.message.kind {
            case .identify: .identifies
            case .track: .tracks
            default: .calls
            }
        if filled.count > 1 || !filled.contains(table) {
            for other in filled where other != table {
                guard let statement = find[other] else { continue }
                row.bindID(statement, at: 1)
                if try statement.findsRow() { return false }
            }
        }
        let isNew: Bool
        switch table {
        case .identifies: isNew = try identifies.store(&row, at: position, db, &reports, connection)
        case .tracks:
            row.bindShared(insertTrack)
            let event = row.document.string(Int(row.message.event))
            insertTrack.bind(SnakeCase.column(of: event), at: 8)
            insertTrack.bind(event, at: 9)
            try insertTrack.run()
            isNew = sqlite3_changes(connection) > 0
        case .calls:
            row.bindShared(insertCall)
            insertCall.bind(Array(row.message.kind.rawValue.utf8), at: 8)
            try insertCall.run()
            isNew = sqlite3_changes(connection) > 0
        }
        if isNew { filled.insert(table) }
        return isNew
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

    /// Binds the message's id.
    func bindID(_ statement: BytesStatement, at index: Int32) {
        if message.messageID < 0 {
            statement.bind(givenID, at: index)
        } else {
            bind(message.messageID, statement, at: index)
        }
    }

    /// Binds what all three tables begin with: id, received_at, sent_at, original_timestamp, timestamp, user_id and
    /// anonymous_id, from 1 to 7.
    func bindShared(_ statement: BytesStatement) {
        bindID(statement, at: 1)
        bindReceivedAt(statement, at: 2)
        if message.sentAt != nil { statement.bind(sentText.text, at: 3) } else { statement.bindNull(at: 3) }
        if message.originalTimestamp != nil {
            statement.bind(originalText.text, at: 4)
        } else {
            statement.bindNull(at: 4)
        }
        statement.bind(timestampText.text, at: 5)
        bind(message.userID, statement, at: 6)
        bind(message.anonymousID, statement, at: 7)
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
