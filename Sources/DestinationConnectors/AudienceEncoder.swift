import Scheduling
import SyncEngine

/// Words one audience's messages at memory speed: the fixed text is copied, the three holes are patched, and nothing is
/// allocated for a message.
final class AudienceEncoder: MessageEncoder {
    /// What stands between messages.
    enum Framing {
        /// A comma before every message but the first, as in a JSON array.
        case commas
        /// A line end after every message.
        case lines
    }

    private let limits: MessageLimits
    private let framing: Framing
    private let entered: MessageStamp
    private let left: MessageStamp
    /// One message with what frames it.
    private let scratch: UnsafeMutableRawPointer

    init(_ wording: AudienceWording, limits: MessageLimits, framing: Framing) {
        self.limits = limits
        self.framing = framing
        entered = MessageStamp(wording.entered)
        left = MessageStamp(wording.left)
        scratch = .allocate(byteCount: limits.messageBytes + 2, alignment: 16)
    }

    deinit { scratch.deallocate() }

    func append(_ announcement: Announcement, to batch: inout EncodedBatch) -> Appended {
        let member = announcement.member
        guard member.count > 0 else { return .refused(reason: "the user id is empty") }
        guard member.count <= limits.messageBytes else { return tooLong() }
        guard let escapedCount = JSONText.escapedCount(member) else {
            return .refused(reason: "the user id is not valid UTF-8")
        }
        let stamp = announcement.entered ? entered : left
        let length = stamp.head.count + escapedCount + stamp.tail.count
        guard length <= min(limits.messageBytes, limits.payloadBytes) else { return tooLong() }

        let isFirst = batch.count == 0
        let comma = framing == .commas && !isFirst ? 1 : 0
        let total = comma + length + (framing == .lines ? 1 : 0)
        if isFirst {
            // The first message always fits: a limit lowered after a 413 cannot split a batch of one.
            reserve(&batch)
        } else if batch.count >= min(limits.messages, batch.countLimit)
            || batch.bytes.count + total > min(limits.payloadBytes, batch.byteLimit)
        {
            return .full
        }

        stamp.patch(announcement.messageID, announcement.timestamp)
        var end = scratch
        if comma == 1 { end = put(0x2C, at: end) }
        end = put(stamp.head, at: end)
        if escapedCount == member.count {
            end = put(member, at: end)
        } else {
            JSONText.writeEscaped(member, to: end)
            end += escapedCount
        }
        end = put(stamp.tail, at: end)
        if framing == .lines { end = put(0x0A, at: end) }
        batch.bytes.append(contentsOf: UnsafeRawBufferPointer(start: scratch, count: total))
        batch.count += 1
        return .added
    }

    private func tooLong() -> Appended {
        .refused(reason: "the message exceeds \(limits.messageBytes) bytes")
    }

    private func reserve(_ batch: inout EncodedBatch) {
        batch.bytes.reserveCapacity(max(limits.messageBytes, min(limits.payloadBytes, batch.byteLimit)))
    }

    @inline(__always)
    private func put(_ bytes: UnsafeRawBufferPointer, at target: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: bytes.count) }
        return target + bytes.count
    }

    @inline(__always)
    private func put(_ byte: UInt8, at target: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        target.storeBytes(of: byte, as: UInt8.self)
        return target + 1
    }
}

/// One message's fixed halves in memory of their own, with the message id and timestamp patched in place.
private final class MessageStamp {
    /// The two halves, one after the other.
    private let storage: UnsafeMutableRawPointer
    private let headCount: Int
    private let tailCount: Int
    private let idHole: UnsafeMutableRawPointer
    private let timeHole: UnsafeMutableRawPointer
    private let pairs = MessageIDText.Pairs()
    /// What the time hole holds; all messages of a plan have the same.
    private var stamped: Instant?

    init(_ halves: AudienceWording.Halves) {
        headCount = halves.head.count
        tailCount = halves.tail.count
        storage = .allocate(byteCount: headCount + tailCount, alignment: 16)
        for (offset, byte) in (halves.head + halves.tail).enumerated() {
            storage.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
        }
        idHole = storage + headCount + halves.messageIDOffset
        timeHole = storage + headCount + halves.timestampOffset
    }

    deinit { storage.deallocate() }

    var head: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: storage, count: headCount) }
    var tail: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: storage + headCount, count: tailCount) }

    @inline(__always)
    func patch(_ id: MessageID, _ timestamp: Instant) {
        MessageIDText.write(id, to: idHole, pairs)
        guard stamped != timestamp else { return }
        TimestampText.write(timestamp, to: timeHole)
        stamped = timestamp
    }
}
