/// Something a sender should know and Segment would not say, or would say with a bare 400.
package struct Report: Sendable, Equatable {
    /// The request's number, as in ``RequestRecord``.
    package var request: Int
    /// The message's position in its batch, from 0; nil when the whole request is meant.
    package var position: Int?
    package var code: ReportCode
    /// For a person; may quote what the sender wrote, at most 256 bytes of it.
    package var detail: String
    /// The message's user, exactly; at most its first 1,024 bytes.
    package var userID: [UInt8]?
    /// The message's id, at most its first 1,024 bytes.
    package var messageID: [UInt8]?
    /// For how many messages this stands.
    package var count: Int
}

/// What is reported. The words of Segment's delivery overview where it has one
/// (https://segment.com/docs/connections/delivery-overview/), our own otherwise.
package enum ReportCode: String, Sendable, CaseIterable {
    // Answered 200, and Segment would drop it without a word.
    case noUserOrAnonymousID = "no_user_anon_id"
    case idRequired = "id_required"
    case idNotString = "id_not_string"
    case traitsNotObject = "traits_not_object"
    case propertiesNotObject = "properties_not_object"
    case emptyBatch = "empty_batch"
    case batchTooLong = "batch_too_long"
    case messageIDTooLong = "message_id_too_long"
    case messageIDNotString = "message_id_not_string"
    case unknownType = "unknown_type"
    case eventRequired = "event_required"
    case notAnObject = "not_an_object"

    // Answered 400 or 401.
    case malformedJSON = "malformed_json"
    case requestTooLarge = "request_too_large"
    case messageTooLarge = "message_too_large"
    case unknownEncoding = "unknown_encoding"
    case unknownWriteKey = "unknown_write_key"

    // Stored, but not as the sender may think.
    case noWriteKey = "no_write_key"
    case badAuthorization = "bad_authorization"
    case timestampInvalid = "timestamp_invalid"
    case timestampWithoutZone = "timestamp_without_zone"
    case sentAtInvalid = "sent_at_invalid"
    case tooManyTraits = "too_many_traits"
    case tooManyProperties = "too_many_properties"
    case loneSurrogate = "lone_surrogate"
    case columnCollision = "column_collision"
    case columnMismatch = "column_mismatch"
    case columnUnnamed = "column_unnamed"
    case columnNameTooLong = "column_name_too_long"
    case columnNameOver63Bytes = "column_name_over_63_bytes"
    case columnReserved = "column_reserved"
    case tooManyColumns = "too_many_columns"

    /// What became of the message or the request.
    package enum Effect: String, Sendable {
        /// Answered 200, not stored.
        case dropped
        /// Answered 400 or 401, nothing stored.
        case refused
        /// Answered 200 and stored.
        case noticed
    }

    package var effect: Effect {
        switch self {
        case .noUserOrAnonymousID, .idRequired, .idNotString, .traitsNotObject, .propertiesNotObject, .emptyBatch,
            .batchTooLong, .messageIDTooLong, .messageIDNotString, .unknownType, .eventRequired, .notAnObject:
            .dropped
        case .malformedJSON, .requestTooLarge, .messageTooLarge, .unknownEncoding, .unknownWriteKey: .refused
        case .noWriteKey, .badAuthorization, .timestampInvalid, .timestampWithoutZone, .sentAtInvalid,
            .tooManyTraits, .tooManyProperties, .loneSurrogate, .columnCollision, .columnMismatch, .columnUnnamed,
            .columnNameTooLong, .columnNameOver63Bytes, .columnReserved, .tooManyColumns:
            .noticed
        }
    }
}

/// Collects the reports of one request. A hostile batch cannot make it long: of each code, drops are told one by one up
/// to a hundred and notices once; the rest are counted.
struct ReportList: Sendable {
    private static let dropsPerCode = 100
    private static let quotedBytes = 256
    private static let idBytes = 1024

    private(set) var reports: [Report] = []
    private var places: [ReportCode: (last: Int, entries: Int)] = [:]
    /// Messages that were dropped.
    private(set) var droppedMessages = 0

    mutating func add(
        _ code: ReportCode, at position: Int? = nil, detail: String, userID: [UInt8]? = nil, messageID: [UInt8]? = nil,
        count: Int = 1
    ) {
        if code.effect == .dropped, code != .emptyBatch { droppedMessages += count }
        let allowed = code.effect == .dropped ? Self.dropsPerCode : 1
        if let place = places[code], place.entries >= allowed {
            reports[place.last].count += count
            return
        }
        places[code] = (reports.count, (places[code]?.entries ?? 0) + 1)
        reports.append(Report(
            request: 0, position: position, code: code, detail: Self.excerpt(detail),
            userID: userID.map { Array($0.prefix(Self.idBytes)) },
            messageID: messageID.map { Array($0.prefix(Self.idBytes)) }, count: count))
    }

    /// Adds the reports of `other` after these.
    mutating func add(_ other: ReportList) {
        for report in other.reports {
            add(
                report.code, at: report.position, detail: report.detail, userID: report.userID,
                messageID: report.messageID, count: report.count)
        }
    }

    /// The reports, told of request `number`.
    func numbered(_ number: Int) -> [Report] {
        reports.map {
            var report = $0
            report.request = number
            return report
        }
    }

    private static func excerpt(_ text: String) -> String {
        guard text.utf8.count > quotedBytes else { return text }
        return String(decoding: text.utf8.prefix(quotedBytes), as: UTF8.self) + "…"
    }
}
