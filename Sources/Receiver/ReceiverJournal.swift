import Synchronization

/// What a receiver remembers in memory: numbers, the latest records and reports, and the fault script at work.
final class ReceiverJournal: Sendable {
    private struct State {
        var counts = ReceiverCounts()
        var records: RecentItems<RequestRecord>
        var reports: RecentItems<Report>
        var clock: FaultClock
        var nextNumber = 1
        var inFlight = 0
    }

    private let state: Mutex<State>

    /// - Parameter keeps: how many records and how many reports are kept.
    init(keeps: Int, faults: FaultScript, now: Int64) {
        state = Mutex(State(
            records: RecentItems(limit: keeps), reports: RecentItems(limit: keeps),
            clock: FaultClock(faults, start: now)))
    }

    var counts: ReceiverCounts { state.withLock { $0.counts } }
    var records: [RequestRecord] { state.withLock { $0.records.items } }
    var reports: [Report] { state.withLock { $0.reports.items } }
    var faults: FaultScript { state.withLock { $0.clock.script } }
    var inFlight: Int { state.withLock { $0.inFlight } }

    /// The number of the next request, which is in flight until ``leave()``.
    func enter() -> Int {
        state.withLock { state in
            defer { state.nextNumber += 1 }
            state.inFlight += 1
            return state.nextNumber
        }
    }

    func leave() {
        state.withLock { $0.inFlight -= 1 }
    }

    func setFaults(_ faults: FaultScript, now: Int64) {
        state.withLock { $0.clock = FaultClock(faults, start: now) }
    }

    func decide(now: Int64, names: ([UInt8]) -> Bool) -> FaultDecision {
        state.withLock { $0.clock.decide(now: now, names: names) }
    }

    func note(_ record: RequestRecord, _ reports: [Report]) {
        state.withLock { state in
            state.counts.requests += 1
            switch record.status {
            case nil: state.counts.unanswered += 1
            case .some(200...299): state.counts.succeeded += 1
            default: state.counts.failed += 1
            }
            if record.fault != nil { state.counts.faulted += 1 }
            state.counts.items += record.items
            state.counts.stored += record.stored
            state.counts.duplicates += record.duplicates
            state.counts.dropped += record.dropped
            state.counts.bytes += record.bytes
            state.records.append(record)
            for report in reports {
                state.counts.reports[report.code, default: 0] += report.count
                state.reports.append(report)
            }
        }
    }
}

/// The last so many of a series.
struct RecentItems<Item: Sendable>: Sendable {
    private let limit: Int
    private var storage: [Item] = []
    /// Where the oldest one is, once the storage is full.
    private var oldest = 0

    init(limit: Int) {
        self.limit = max(limit, 0)
    }

    /// Oldest first.
    var items: [Item] { Array(storage[oldest...] + storage[..<oldest]) }

    mutating func append(_ item: Item) {
        guard limit > 0 else { return }
        if storage.count < limit {
            storage.append(item)
        } else {
            storage[oldest] = item
            oldest = (oldest + 1) % limit
        }
    }
}
