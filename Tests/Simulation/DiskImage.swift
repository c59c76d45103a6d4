import Membership
import Scheduling
import SyncEngine

/// One change of a plan, as a plan file holds it.
struct Change: Hashable {
    /// The position of the trait in ``World/traits``.
    var trait: Int
    var user: Int
    var entered: Bool
    var kind: ChangeKind
    var attempt: Attempt
}

/// A member that could not be told, as the store keeps it.
struct KeptReject: Hashable {
    var user: Int
    var entered: Bool
    var isDismissed = false
}

/// A file with the digest that whoever refers to it expects.
struct DigestedFile<Content> {
    var content: Content
    var digest: Int
}

/// A run's record. Shared between images, so that keeping an older one copies no record.
final class StoredRecord {
    let record: RunRecord

    init(_ record: RunRecord) {
        self.record = record
    }
}

/// All that is kept of one run.
struct StoredRun {
    let sync: Int
    fileprivate(set) var stored: StoredRecord
    fileprivate(set) var batches: [BatchRecord] = []
    fileprivate(set) var plan: StoredPlan?

    var record: RunRecord { stored.record }
}

/// A plan file and the snapshot it was made of.
struct StoredPlan {
    var changes: [Change]
    var formerCount: Int
    var snapshot: [Bool]
}

/// Everything that outlives a process. A value, so that an older state can be put back.
struct DiskImage {
    var states: [SyncState]
    /// Run n is at n - 1.
    private(set) var runs: [StoredRun] = []
    private(set) var unfinished: [Int64] = []
    var occurrences: [Set<Int64>]
    var ledgers: [String: DigestedFile<[Told]>] = [:]
    var nextDigest = 1
    var rejects: [[KeptReject]]
    var isFrozen = false
    var blockedReason: String?
    var countLimit: Int?

    init(syncs: [SyncID]) {
        states = syncs.map { SyncState(sync: $0) }
        occurrences = syncs.map { _ in [] }
        rejects = syncs.map { _ in [] }
    }

    func run(_ number: Int64) -> StoredRun? {
        number > 0 && number <= runs.count ? runs[Int(number) - 1] : nil
    }

    /// The newest run of a sync.
    func latest(of sync: Int) -> StoredRun? { runs.last { $0.sync == sync } }

    mutating func store(_ record: RunRecord, plan: StoredPlan? = nil) {
        let index = Int(record.id.number) - 1
        guard runs.indices.contains(index) else { return }
        runs[index].stored = StoredRecord(record)
        if let plan { runs[index].plan = plan }
        note(record.id.number, isFinished: record.phase == .finished)
    }

    private mutating func note(_ number: Int64, isFinished: Bool) {
        let position = unfinished.firstIndex(of: number)
        if isFinished, let position { unfinished.remove(at: position) }
        if !isFinished, position == nil { unfinished.append(number) }
    }

    /// - Returns: nil when that occurrence was decided before.
    mutating func create(_ draft: RunRecord, sync: Int) -> RunRecord? {
        if let nominal = draft.nominal {
            guard occurrences[sync].insert(nominal.milliseconds).inserted else { return nil }
            states[sync].lastOccurrence = nominal
        }
        var run = draft
        run.id = RunID(Int64(runs.count + 1))
        runs.append(StoredRun(sync: sync, stored: StoredRecord(run)))
        note(run.id.number, isFinished: run.phase == .finished)
        return run
    }

    mutating func apply(_ facts: [BatchFact], of number: Int64) {
        let index = Int(number) - 1
        guard runs.indices.contains(index) else { return }
        for fact in facts {
            let first =
                switch fact {
                case .put(let record): record.range.lowerBound
                case .remove(let first): first
                }
            let position = runs[index].batches.firstIndex { $0.range.lowerBound == first }
            switch (fact, position) {
            case (.put(let record), let position?): runs[index].batches[position] = record
            case (.put(let record), nil): runs[index].batches.append(record)
            case (.remove, let position?): runs[index].batches.remove(at: position)
            case (.remove, nil): break
            }
        }
    }

    mutating func publish(ledger: [Told], as file: String) -> Int {
        let digest = nextDigest
        nextDigest += 1
        ledgers[file] = DigestedFile(content: ledger, digest: digest)
        return digest
    }
}
