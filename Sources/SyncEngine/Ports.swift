import Scheduling

// The ports of the engine: what it needs from the world, said in its own words. Adapters in `Connectors` conform.

// MARK: - Source

/// Where a cohort's members are read from.
///
/// Reading blocks the calling thread; the engine gives every fetch a thread of its own. Each call opens the source anew.
/// A fetch that returns normally vouches that the rows were *complete* and that the source did not change meanwhile.
package protocol MemberSource: Sendable {
    /// The kind as it is written in `rollcall.yaml`: `csv`, `sqlite`, `postgres`, `command`, `amplitude`.
    var kind: String { get }

    /// What selects the members (query, file and column, command): a change of it is noted in the next plan.
    var definition: String { get }

    /// Reads every row once, in the source's own order, and reports it to `rows`.
    ///
    /// - Throws: ``SourceError`` when the source fails, ends early, changes while it is read, or when `stop` was
    ///   raised. After a throw the rows reported so far prove nothing and no plan is made of them.
    func fetch(into rows: any MemberRows, stop: StopFlag) throws(SourceError)

    /// The same, told why it is asked. What matters only to sources that pay for each reading.
    func fetch(into rows: any MemberRows, occasion: FetchOccasion, stop: StopFlag) throws(SourceError)

    /// Why it gives nothing to schedules until somebody acts: refused keys. Nil when it does.
    var blockedReason: String? { get }

    /// Reaches the source without reading its members, for `rollcall check --connect`.
    ///
    /// - Returns: one line for a person, such as "12,345 bytes, modified 3 minutes ago".
    func probe() throws(SourceError) -> String
}

extension MemberSource {
    package func fetch(into rows: any MemberRows, occasion: FetchOccasion, stop: StopFlag) throws(SourceError) {
        try fetch(into: rows, stop: stop)
    }

    package var blockedReason: String? { nil }
}

/// Why a source is read.
package enum FetchOccasion: Sendable, Hashable {
    case schedule
    /// A person or a program asked, for a run or for a plan.
    case manual
}

/// A source that can say which cohorts it has, for `rollcall check --connect` and for adding one.
package protocol CohortCatalog: Sendable {
    /// Blocks the calling thread, as a fetch does.
    func cohorts() throws(SourceError) -> CatalogListing
}

/// The cohorts of a source, and one line about its account.
package struct CatalogListing: Sendable, Equatable {
    package var entries: [CatalogEntry]
    /// Such as "17 of 500 downloads used this month"; nil when nothing is known.
    package var account: String?

    package init(entries: [CatalogEntry], account: String?) {
        self.entries = entries
        self.account = account
    }
}

/// One cohort as its source describes it. All texts come from outside.
package struct CatalogEntry: Sendable, Equatable {
    package var id: String
    package var name: String
    /// Members at the last computation, and when that was.
    package var size: Int?
    package var computedAt: Instant?
    /// Why it cannot be a cohort here: archived, of groups. Nil when it can.
    package var obstacle: String?

    package init(id: String, name: String, size: Int?, computedAt: Instant?, obstacle: String?) {
        self.id = id
        self.name = name
        self.size = size
        self.computedAt = computedAt
        self.obstacle = obstacle
    }
}

/// Receives the rows of a source. Called from one thread at a time.
package protocol MemberRows: AnyObject {
    /// A row that was read. `id` is the member's id exactly as in the source, valid only during the call; an empty one
    /// names nobody. Whether it is valid UTF-8 of at most 1,024 bytes is judged by the receiver, not by the source.
    /// - Parameter position: line or row number, from 1, for messages.
    func row(_ id: UnsafeRawBufferPointer, at position: Int)

    /// A row that reads well and names nobody: a NULL id, an anonymous user.
    func nobody(at position: Int)

    /// A row that could not be read at all. Its leaves are withheld, because nobody knows whom it named.
    func unreadable(_ reason: UnreadableReason, at position: Int, detail: String)

    /// Something a person should know of this reading, in one sentence. It changes nothing.
    func note(_ sentence: String)

    /// Takes what the reading is about or waits for just now, and until when, in one sentence; from any thread.
    var progress: @Sendable (String) -> Void { get }
}

extension MemberRows {
    package func note(_ sentence: String) {}
    package var progress: @Sendable (String) -> Void { { _ in } }
}

/// Why a row could not be read.
package enum UnreadableReason: String, Sendable, CaseIterable {
    case quoting = "broken quoting"
    case fieldCount = "wrong number of fields"
    case invalidUTF8 = "invalid UTF-8"
    case idTooLong = "id over 1,024 bytes"
    case lineTooLong = "line over 1 MiB"
    case wrongType = "id of a type that is not text or integer"
    /// Fewer rows came than the source itself counted: who is missing is not known.
    case missingRows = "rows missing"
}

/// Why a source gave no usable rows. The case decides; the text explains to a person.
package enum SourceError: Error, Sendable, Equatable {
    /// It may work next time: unreachable, timed out, failed, ended early, changed while being read.
    case unavailable(String)
    /// It will not work until somebody changes something: no such file, table, column; refused key; not text.
    case misconfigured(String)
    /// `stop` was raised.
    case stopped

    package var message: String {
        switch self {
        case .unavailable(let text), .misconfigured(let text): text
        case .stopped: "stopped"
        }
    }
}

// MARK: - Destination

extension Destination {
    /// One attempt after the other, as to a file or into a table.
    package var straggling: Int64 { 0 }
}

/// Who is told. One value per configured destination, shared by all its syncs; safe to call from many tasks.
package protocol Destination: Sendable {
    /// The kind as it is written in `rollcall.yaml`: `segment`, `ndjson`, `webhook`, `warehouse`.
    var kind: String { get }

    /// Where messages go, without any secret: a change of it holds the next plan of every sync (PRODUCT.md §5).
    var address: String { get }

    /// Whether the destination recognises a repeated message by its id (Segment does).
    var deduplicates: Bool { get }

    /// Where repeats are recognised: for how many milliseconds an attempt of a process that died may still arrive, after
    /// one that was begun later. 0 where no attempt overtakes another.
    var straggling: Int64 { get }

    /// An encoder for the messages of one sync.
    func encoder(for audience: Audience) -> any MessageEncoder

    /// Makes one attempt to hand over a batch and says what is known about it afterwards. Never throws and always
    /// ends: the adapter has its own deadlines. Cancelling the task does not abort a request that is on the wire.
    /// - Parameters:
    ///   - attempt: 0 for the first attempt of this batch.
    ///   - sentAt: the time of this attempt.
    func deliver(_ batch: EncodedBatch, attempt: Int, sentAt: Instant) async -> DeliveryOutcome

    /// Reaches the destination without telling it anything about anybody, for `rollcall check --connect`.
    func probe() async -> ProbeResult
}

/// What a destination must know of a cohort to word its messages.
package struct Audience: Sendable, Equatable {
    /// The cohort's local key, its name and its id in the source.
    package var key: String
    package var name: String
    package var id: String
    /// The trait set to `true` or `false`, such as `[Amplitude] Big Spenders (abc123)`; at a webhook the cohort's id.
    package var trait: String
    /// What a leave is told as: JSON `false` or JSON `null`.
    package var leavesAsNull: Bool

    package init(key: String, name: String, id: String, trait: String, leavesAsNull: Bool = false) {
        self.key = key
        self.name = name
        self.id = id
        self.trait = trait
        self.leavesAsNull = leavesAsNull
    }
}

/// One member's event, ready to be worded. The id's bytes are valid only during the call they are passed to.
package struct Announcement {
    package var member: UnsafeRawBufferPointer
    /// `true` when the member entered, `false` when they left.
    package var entered: Bool
    /// The same on every attempt, different on every later transition.
    package var messageID: MessageID
    /// The moment of the change, the same on every attempt.
    package var timestamp: Instant

    package init(member: UnsafeRawBufferPointer, entered: Bool, messageID: MessageID, timestamp: Instant) {
        self.member = member
        self.entered = entered
        self.messageID = messageID
        self.timestamp = timestamp
    }
}

/// A message's identity: 128 bits, written as a lower-case UUID of 36 characters.
package struct MessageID: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// Words messages and packs them into a batch. Used from one task at a time; deterministic: the same announcements
/// always give the same bytes and the same batch borders.
package protocol MessageEncoder: AnyObject {
    /// Appends one message, unless the batch is full or the message alone exceeds the destination's limits.
    func append(_ announcement: Announcement, to batch: inout EncodedBatch) -> Appended
}

/// What became of one appended message.
package enum Appended: Sendable, Equatable {
    case added
    /// The batch has no room; nothing was written. Send it and append to an empty one.
    case full
    /// The destination would refuse this message whatever surrounds it; nothing was written.
    case refused(reason: String)
}

/// Messages worded and packed, without what changes from attempt to attempt.
package struct EncodedBatch: Sendable {
    /// The messages' bytes, in the destination's own framing.
    package var bytes: [UInt8]
    /// Number of messages in `bytes`.
    package var count: Int
    /// Requests that it goes out as.
    package var requests = 1
    /// Bytes of `bytes` that are the adapter's own notes and never leave this machine.
    package var noteBytes = 0
    /// Limits that lower the destination's own, after it answered 413: at most this many bytes and messages.
    package var byteLimit: Int
    package var countLimit: Int

    package init(byteLimit: Int = .max, countLimit: Int = .max) {
        self.bytes = []
        self.count = 0
        self.byteLimit = byteLimit
        self.countLimit = countLimit
    }
}

/// What is known after one attempt. Each case is a decision; `status` and `reason` are for people.
package enum DeliveryOutcome: Sendable, Equatable {
    /// Success for all messages but those listed, which the destination refused one by one.
    case accepted(status: Int, rejected: [RefusedMessage])
    /// The content was refused; none was accepted. The engine splits the batch to find the bad member.
    case refused(status: Int, reason: String)
    /// The request was too large; none was accepted. The engine halves its batches and remembers.
    case tooLarge(status: Int, reason: String)
    /// The destination will refuse everything until its configuration changes: wrong key, 404, redirect, bad
    /// certificate. None was accepted.
    case blocked(status: Int?, reason: String)
    /// Certainly not accepted, worth another attempt: no connection, 429.
    case notAccepted(status: Int?, reason: String, retryAfter: RetryAfter?)
    /// Perhaps accepted, worth another attempt: 5xx, reset, time-out, success that the body denies.
    case unknown(status: Int?, reason: String, retryAfter: RetryAfter?)
    /// The batch went out in parts; some were accepted before one came to `rest`. All of it stays possibly accepted,
    /// and what follows is decided by `rest`.
    indirect case partly(rest: DeliveryOutcome)
}

/// What a server asked us to wait, already clamped by the adapter to 1…300 s.
package struct RetryAfter: Sendable, Equatable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }
}

/// A message that a destination refused within an accepted batch.
package struct RefusedMessage: Sendable, Equatable {
    /// Position in the batch, from 0.
    package var index: Int
    package var reason: String

    package init(index: Int, reason: String) {
        self.index = index
        self.reason = reason
    }
}

/// The result of reaching out without sending.
package struct ProbeResult: Sendable, Equatable {
    package var isReachable: Bool
    /// One line for a person.
    package var detail: String

    package init(isReachable: Bool, detail: String) {
        self.isReachable = isReachable
        self.detail = detail
    }
}
