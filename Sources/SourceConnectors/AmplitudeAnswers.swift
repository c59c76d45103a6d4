import Foundation
import Scheduling
import SyncEngine

// What Amplitude's answers say. Every field is optional, unknown ones are ignored, and one cohort that cannot be read
// spoils no other (https://amplitude.com/docs/apis/analytics/behavioral-cohorts).

/// One cohort of the list.
struct ListedCohort: Decodable, Sendable, Equatable {
    var id: String
    var name: String
    /// Members at the last computation.
    var size: Int?
    var computedAt: Instant?
    var isArchived: Bool
    /// What the members are; `User` for users.
    var countGroup: String?

    private enum Key: String, CodingKey {
        case id, name, size, lastComputed, archived, definition, countGroup
    }

    init(
        id: String, name: String, size: Int?, computedAt: Instant? = nil, isArchived: Bool = false,
        countGroup: String? = nil
    ) {
        self.id = id
        self.name = name
        self.size = size
        self.computedAt = computedAt
        self.isArchived = isArchived
        self.countGroup = countGroup
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        id = try fields.decode(String.self, forKey: .id)
        name = (try? fields.decode(String.self, forKey: .name)) ?? ""
        size = (try? fields.decode(Int.self, forKey: .size)).flatMap { $0 >= 0 ? $0 : nil }
        computedAt = (try? fields.decode(Double.self, forKey: .lastComputed)).flatMap(Self.instant)
        isArchived = (try? fields.decode(Bool.self, forKey: .archived)) ?? false
        let definition = try? fields.nestedContainer(keyedBy: Key.self, forKey: .definition)
        let group = try? definition?.nestedContainer(keyedBy: Key.self, forKey: .countGroup)
        countGroup = try? group?.decode(String.self, forKey: .name)
    }

    /// Seconds, or milliseconds when the number is too large for seconds.
    private static func instant(_ number: Double) -> Instant? {
        guard number.isFinite, number > 0, number < 1e15 else { return nil }
        return number > 1e11 ? Instant(milliseconds: Int64(number)) : Instant(seconds: Int64(number))
    }

    /// Why it cannot be read; nil when it can.
    var obstacle: String? {
        if isArchived { return "it is archived in Amplitude" }
        if let countGroup, countGroup != "User" {
            return "its members are groups (\(PrintableText.from(countGroup, limit: 64))), not users"
        }
        return nil
    }
}

/// The list of cohorts.
package struct CohortList: Decodable, Sendable {
    var cohorts: [ListedCohort]

    private struct Tolerant: Decodable {
        var cohort: ListedCohort?

        init(from decoder: any Decoder) throws { cohort = try? ListedCohort(from: decoder) }
    }

    private enum Key: String, CodingKey { case cohorts }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        cohorts = try fields.decode([Tolerant].self, forKey: .cohorts).compactMap(\.cohort)
    }

    subscript(id: String) -> ListedCohort? { cohorts.first { Array($0.id.utf8) == Array(id.utf8) } }
}

/// The answer to a request for a download, and to the question how far it is.
package struct DownloadJob: Decodable, Sendable {
    var request_id: String?
    var async_status: String?
}

/// The answer to the question how much of the month is left.
package struct UsageAnswer: Decodable, Sendable {
    struct Downloads: Decodable, Sendable {
        var limit: Int
        var usage: Int
        var resets_at: String?
    }

    var rest_download: Downloads

    /// The reading at a moment.
    func reading(at now: Instant) -> QuotaReading {
        QuotaReading(
            limit: rest_download.limit, used: rest_download.usage,
            resetsAt: rest_download.resets_at.flatMap { Instant.parse(rfc3339: $0) }?.milliseconds,
            readAt: now.milliseconds)
    }
}

package enum AmplitudeJSON {
    /// Nil when the body is not such an object.
    package static func decode<Value: Decodable>(_ type: Value.Type, from body: [UInt8]) -> Value? {
        try? JSONDecoder().decode(type, from: Data(body))
    }

    static func encode(_ value: some Encodable) -> String? {
        (try? JSONEncoder().encode(value)).map { String(decoding: $0, as: UTF8.self) }
    }
}
