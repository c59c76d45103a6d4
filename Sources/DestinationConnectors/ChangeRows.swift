import Scheduling
import SyncEngine

/// One member's change as an adapter that does not send worded messages keeps it in a batch until it is handed over.
struct ChangeRow: Equatable {
    var member: [UInt8]
    var entered: Bool
    var messageID: MessageID
    var timestamp: Instant
}

/// A batch as rows: first texts about the whole sync, then one row a member. Only ever read back by the same process,
/// so it carries no version.
enum ChangeRows {
    /// Bytes of a row before the member's own.
    static let rowHead = 29

    /// Begins a batch.
    static func begin(_ texts: [String], in bytes: inout [UInt8]) {
        append(UInt64(texts.count), count: 4, to: &bytes)
        for text in texts {
            let text = Array(text.utf8)
            append(UInt64(text.count), count: 4, to: &bytes)
            bytes += text
        }
    }

    /// Bytes of a batch before its first row.
    static func headCount(of texts: [String]) -> Int { texts.reduce(4) { $0 + 4 + $1.utf8.count } }

    static func append(_ announcement: Announcement, to bytes: inout [UInt8]) {
        bytes.append(announcement.entered ? 1 : 0)
        append(announcement.messageID.high, count: 8, to: &bytes)
        append(announcement.messageID.low, count: 8, to: &bytes)
        append(UInt64(bitPattern: announcement.timestamp.milliseconds), count: 8, to: &bytes)
        append(UInt64(announcement.member.count), count: 4, to: &bytes)
        bytes.append(contentsOf: announcement.member)
    }

    /// Reads a whole batch back.
    static func read(_ bytes: [UInt8]) -> (texts: [String], rows: [ChangeRow]) {
        var position = 0
        func number(_ count: Int) -> UInt64 {
            defer { position += count }
            return bytes[position..<position + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        func take(_ count: Int) -> [UInt8] {
            defer { position += count }
            return Array(bytes[position..<position + count])
        }
        guard !bytes.isEmpty else { return ([], []) }
        let texts = (0..<number(4)).map { _ in String(decoding: take(Int(number(4))), as: UTF8.self) }
        var rows: [ChangeRow] = []
        while position < bytes.count {
            let entered = number(1) == 1
            let id = MessageID(high: number(8), low: number(8))
            let timestamp = Instant(milliseconds: Int64(bitPattern: number(8)))
            rows.append(ChangeRow(
                member: take(Int(number(4))), entered: entered, messageID: id, timestamp: timestamp))
        }
        return (texts, rows)
    }

    private static func append(_ value: UInt64, count: Int, to bytes: inout [UInt8]) {
        for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
    }
}

/// Keeps announcements as rows, up to a number of members and bytes.
final class ChangeRowEncoder: MessageEncoder {
    private let texts: [String]
    private let members: Int
    private let bytes: Int
    /// What a row takes on the wire beside its member; nil where the rows themselves are handed over. On the wire those
    /// who entered and those who left are requests of their own.
    private let wireHead: Int?
    /// Why a member cannot be told at all; nil when it can.
    private let complaint: @Sendable (UnsafeRawBufferPointer) -> String?

    init(
        texts: [String], members: Int, bytes: Int, wireHead: Int? = nil,
        complaint: @escaping @Sendable (UnsafeRawBufferPointer) -> String? = { _ in nil }
    ) {
        self.texts = texts
        self.members = members
        self.bytes = bytes
        self.wireHead = wireHead
        self.complaint = complaint
    }

    func append(_ announcement: Announcement, to batch: inout EncodedBatch) -> Appended {
        let member = announcement.member
        guard member.count > 0 else { return .refused(reason: "the user id is empty") }
        guard JSONText.escapedCount(member) != nil else { return .refused(reason: "the user id is not valid UTF-8") }
        if let complaint = complaint(member) { return .refused(reason: complaint) }
        if batch.count == 0 {
            ChangeRows.begin(texts, in: &batch.bytes)
            if wireHead != nil { batch.noteBytes += batch.bytes.count }
        } else if batch.count >= min(members, batch.countLimit)
            || batch.bytes.count + ChangeRows.rowHead + member.count > min(bytes, batch.byteLimit)
        {
            return .full
        }
        let row = batch.bytes.count
        ChangeRows.append(announcement, to: &batch.bytes)
        if let wireHead {
            batch.noteBytes += ChangeRows.rowHead - wireHead
            let first = ChangeRows.headCount(of: texts)
            if batch.bytes[row] != batch.bytes[first] { batch.requests = 2 }
        }
        batch.count += 1
        return .added
    }
}
