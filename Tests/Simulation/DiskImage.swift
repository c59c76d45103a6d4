import Membership
import Scheduling
import SyncEngine

/// One change of a plan, as a plan file holds it.
struct Change: Hashable {
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

/// Everything that outlives a process. A value, so that an older state can be put back.
struct DiskImage {
    var states: [SyncState]
    var runs: [Int64: RunRecord] = [:]
    var nextRun: Int64 = 1
    var unfinished: Set<Int64> = []
    var occurrences: [Set<Int64>]
    var batches: [Int64: [Int: BatchRecord]] = [:]
    var plans: [Int64: [Change]] = [:]
    var snapshots: [Int64: [Bool]] = [:]
    var ledgers: [String: DigestedFile<[Told]>] = [:]
    var nextDigest = 1
    var rejects: [[KeptReject]]
    var isFrozen = false
    var blockedReason: String?
    var countLimit: Int?

    mutating func store(_ run: RunRecord) {
        runs[run.id.number] = run
        if run.phase == .finished { unfinished.remove(run.id.number) } else { unfinished.insert(run.id.number) }
    }

    /// - Returns: nil when that occurrence was decided before.
    mutating func create(_ draft: RunRecord, sync: Int) -> RunRecord? {
        if let nominal = draft.nominal {
            guard occurrences[sync].insert(nominal.milliseconds).inserted else { return nil }
            states[sync].lastOccurrence = nominal
        }
        var run = draft
        run.id = RunID(nextRun)
        nextRun += 1
        store(run)
        return run
    }

    mutating func apply(_ facts: [BatchFact], of run: Int64) {
        for fact in facts {
            switch fact {
            case .put(let record): batches[run, default: [:]][record.range.lowerBound] = record
            case .remove(let first): batches[run]?[first] = nil
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
