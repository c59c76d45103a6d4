import Membership
import Scheduling
import Synchronization

/// What one complete reading of a source came to.
struct FetchResult: Sendable {
    var counts: FetchCounts
    var badRows: [BadRow]
    /// Nil when the members are exactly those that every ledger given to the ticket holds: then nothing is sorted,
    /// merged or written.
    var snapshot: Snapshot?
    /// What the source told of this reading, for the run.
    var notes: [String] = []
}

/// A ledger file that a reading is compared with.
struct KnownLedger: Sendable {
    var path: String
    var digest: String
}

/// Why there is no result.
enum FetchFailure: Error, Sendable, Equatable {
    case source(String)
    case storage(String)
    case stopped
}

/// Judges and counts rows, and hands members on to be sorted. Used by one thread.
private final class RowTally: MemberRows {
    private let builder: SnapshotBuilder
    private let stop: StopFlag
    private(set) var counts = FetchCounts()
    private(set) var badRows: [BadRow] = []
    private(set) var notes: [String] = []
    private(set) var storageFailure: StateFileError?
    let progress: @Sendable (String) -> Void

    static let keptBadRows = 100
    static let keptNotes = 10

    init(builder: SnapshotBuilder, stop: StopFlag, progress: @escaping @Sendable (String) -> Void) {
        self.builder = builder
        self.stop = stop
        self.progress = progress
    }

    func row(_ id: UnsafeRawBufferPointer, at position: Int) {
        counts.read += 1
        do throws(StateFileError) {
            switch try builder.add(id) {
            case .member: counts.members += 1
            case .empty: invalid("names nobody", at: position, isUnreadable: false)
            case .tooLong: invalid(UnreadableReason.idTooLong.rawValue, at: position, isUnreadable: true)
            case .invalidUTF8: invalid(UnreadableReason.invalidUTF8.rawValue, at: position, isUnreadable: true)
            }
        } catch {
            // The source is asked to stop; what it read is worthless without a place to put it.
            storageFailure = storageFailure ?? error
            stop.raise()
        }
    }

    func nobody(at position: Int) {
        counts.read += 1
        invalid("names nobody", at: position, isUnreadable: false)
    }

    func unreadable(_ reason: UnreadableReason, at position: Int, detail: String) {
        counts.read += 1
        invalid(detail.isEmpty ? reason.rawValue : "\(reason.rawValue): \(detail)", at: position, isUnreadable: true)
    }

    func note(_ sentence: String) {
        if notes.count < Self.keptNotes { notes.append(String(sentence.prefix(500))) }
    }

    private func invalid(_ reason: String, at position: Int, isUnreadable: Bool) {
        counts.invalid += 1
        if isUnreadable { counts.unreadable += 1 }
        guard badRows.count < Self.keptBadRows else { return }
        badRows.append(BadRow(position: position, reason: String(reason.prefix(300)), isUnreadable: isUnreadable))
    }

    /// The counts once the number of distinct members is known.
    /// - Parameter distinct: number of different members among those that were read.
    func counts(distinct: Int) -> FetchCounts {
        var final = counts
        final.members = distinct
        final.duplicates = counts.members - distinct
        return final
    }
}

/// What a reading tells of itself while it is under way, passed on to every run that waits for it.
private final class FetchProgress: Sendable {
    private let state = Mutex<(latest: String?, listeners: [@Sendable (String) -> Void])>((nil, []))

    func listen(_ listener: @escaping @Sendable (String) -> Void) {
        let latest = state.withLock { state in
            state.listeners.append(listener)
            return state.latest
        }
        if let latest { listener(latest) }
    }

    func tell(_ sentence: String) {
        let listeners = state.withLock { state in
            state.latest = sentence
            return state.listeners
        }
        for listener in listeners { listener(sentence) }
    }
}

/// One reading of a cohort's source, shared by all runs that were started together.
actor FetchTicket {
    private let source: any MemberSource
    private let scratch: String
    private let path: String
    private let memory: Int
    private let known: [KnownLedger]
    private let occasion: FetchOccasion
    private let stop = StopFlag()
    private let progress = FetchProgress()
    private var users: Int
    private var reading: Task<Result<FetchResult, FetchFailure>, Never>?

    /// - Parameters:
    ///   - path: where the snapshot is published.
    ///   - memory: bytes that sorting may use.
    ///   - occasion: why it is read.
    ///   - users: runs that will ask for the result.
    ///   - known: the ledgers of all of them, when a reading that matches every one need not be sorted; else empty.
    init(
        source: any MemberSource, scratch: String, path: String, memory: Int, occasion: FetchOccasion, users: Int,
        known: [KnownLedger] = []
    ) {
        self.source = source
        self.occasion = occasion
        self.scratch = scratch
        self.path = path
        self.memory = memory
        self.users = users
        self.known = known
    }

    /// The result; the first caller starts the reading.
    /// - Parameter listener: told what the reading waits for.
    func result(progress listener: (@Sendable (String) -> Void)? = nil) async -> Result<FetchResult, FetchFailure> {
        if let listener { progress.listen(listener) }
        if let reading { return await reading.value }
        let task = Task { [source, scratch, path, memory, occasion, known, stop, progress] in
            await BlockingThread.run {
                Self.read(
                    source, scratch: scratch, path: path, memory: memory, occasion: occasion, known: known, stop: stop,
                    progress: progress)
            }
        }
        reading = task
        return await task.value
    }

    /// One run no longer wants it; when none does, the reading stops.
    func leave() {
        users -= 1
        if users <= 0 { stop.raise() }
    }

    private static func read(
        _ source: any MemberSource, scratch: String, path: String, memory: Int, occasion: FetchOccasion,
        known: [KnownLedger], stop: StopFlag, progress: FetchProgress
    ) -> Result<FetchResult, FetchFailure> {
        do throws(StateFileError) {
            let builder = try SnapshotBuilder(scratch: scratch, memoryLimit: memory)
            let tally = RowTally(builder: builder, stop: stop) { progress.tell(String($0.prefix(300))) }
            do throws(SourceError) {
                try source.fetch(into: tally, occasion: occasion, stop: stop)
            } catch {
                builder.abandon()
                if let failure = tally.storageFailure { return .failure(.storage(failure.message)) }
                return .failure(error == .stopped ? .stopped : .source(error.message))
            }
            if let failure = tally.storageFailure {
                builder.abandon()
                return .failure(.storage(failure.message))
            }
            if matches(builder, known) {
                builder.abandon()
                return .success(FetchResult(
                    counts: tally.counts(distinct: tally.counts.members), badRows: tally.badRows, snapshot: nil,
                    notes: tally.notes))
            }
            let snapshot = try builder.finish(at: path)
            return .success(FetchResult(
                counts: tally.counts(distinct: snapshot.members), badRows: tally.badRows, snapshot: snapshot,
                notes: tally.notes))
        } catch {
            return .failure(.storage(error.message))
        }
    }

    /// Whether every ledger says what was read. One that cannot be opened is left to the planner, which says why.
    private static func matches(_ builder: SnapshotBuilder, _ known: [KnownLedger]) -> Bool {
        !known.isEmpty && known.allSatisfy { file in
            guard let ledger = try? Ledger.open(file.path, expecting: FileDigest(hex: file.digest)) else { return false }
            return builder.matches(ledger)
        }
    }
}
