import Scheduling

/// The exact list of changes that a run will send, in the one order of all state files. Immutable on disk and hashed:
/// what is approved is what is sent.
package struct Plan: Sendable {
    let file: BlockFile
    let facts: PlanFacts

    package var path: String { file.path }
    package var digest: FileDigest { file.digest }
    package var summary: PlanSummary { facts.summary }
    /// Number of changes.
    package var count: Int { file.recordCount }
    package var sync: String { facts.sync }
    package var trait: String { facts.trait }
    package var mode: PlanMode { facts.mode }
    /// Identifies the changes that do not repeat an earlier attempt.
    package var attempt: Attempt { facts.attempt }
    /// Digest of the ledger that the plan was made against.
    package var base: FileDigest { facts.base }

    init(_ file: BlockFile) throws(StateFileError) {
        self.file = file
        guard let facts = PlanFacts(file.facts), facts.summary.changes == file.recordCount,
            facts.samples.allSatisfy({ $0.ordinals.allSatisfy { $0 < file.recordCount } })
        else { throw file.damagedFacts("the facts of the plan do not add up") }
        self.facts = facts
    }

    /// Opens a plan and verifies its ends; its blocks are verified whenever they are read.
    /// - Parameter expecting: the digest recorded elsewhere; any when nil.
    package static func open(_ path: String, expecting: FileDigest?) throws(StateFileError) -> Plan {
        try Plan(BlockFile.open(path, .plan, expecting: expecting))
    }

    /// Reads the changes from the one with this index on, in order. An index of ``count`` or more reads nothing.
    package func reader(from index: Int) throws(StateFileError) -> PlanReader {
        try PlanReader(self, from: index)
    }

    /// The change planned for one member, nil when there is none. Reads one block, two when equal hashes straddle a
    /// border.
    package func find(_ member: MemberID) throws(StateFileError) -> PlanEntry? {
        let stream = try RecordStream(file)
        guard let index = try stream.find(OwnedCode(member)) else { return nil }
        return PlanEntry(stream.change(index, of: self))
    }

    /// At most `n` changes, spread over the plan, in order: half of them entries and half leaves where there are both.
    package func sample(_ n: Int) throws(StateFileError) -> [PlanEntry] {
        let stream = try RecordStream(file)
        var entries: [PlanEntry] = []
        for ordinal in PlanSample.pick(n, of: facts.samples) {
            let block = file.block(ofRecord: ordinal)
            if stream.block != block { try stream.load(block) }
            entries.append(PlanEntry(stream.change(ordinal - file.entries[block].firstRecord, of: self)))
        }
        return entries
    }

    /// Reads the whole file, counts and hashes everything anew and throws unless it is what the summary says.
    package func verify() throws(StateFileError) {
        let hash = PlanHash(sync: sync, trait: trait)
        var counted = PlanSummary()
        let stream = try RecordStream(file)
        while try stream.advance() {
            for index in 0..<stream.count {
                let code = stream.code(index)
                let change = stream.change(index, of: self)
                hash.add(code, entered: change.entered)
                counted.count(change.kind, idBytes: code.textCount)
            }
        }
        let keys: [KeyPath<PlanSummary, Int>] = [\.entered, \.left, \.reasserted, \.idBytes]
        guard hash.finish() == summary.hash, keys.allSatisfy({ counted[keyPath: $0] == summary[keyPath: $0] }) else {
            throw file.damagedFacts("the changes are not those of the summary")
        }
    }
}

extension PlanSummary {
    @inline(__always)
    mutating func count(_ kind: ChangeKind, idBytes bytes: Int) {
        switch kind {
        case .entered: entered += 1
        case .left: left += 1
        case .reasserted: reasserted += 1
        }
        idBytes += bytes
    }
}

/// One change, borrowed from a reader.
package struct PlanRecord {
    /// Its position in the plan, from 0.
    package let index: Int
    /// The member's id; valid until the reader's next call.
    package let member: UnsafeRawBufferPointer
    /// The value that is told.
    package let entered: Bool
    package let kind: ChangeKind
    /// The plan's own attempt, or the earlier one that is repeated.
    package let attempt: Attempt
}

/// One change with memory of its own.
package struct PlanEntry: Hashable, Sendable {
    package let index: Int
    package let member: MemberID
    package let entered: Bool
    package let kind: ChangeKind
    package let attempt: Attempt

    /// Copies what a reader lent.
    package init(_ record: PlanRecord) {
        index = record.index
        member = MemberID(trusted: record.member)
        entered = record.entered
        kind = record.kind
        attempt = record.attempt
    }
}

/// Reads the changes of a plan in order. One reader at a time uses its file; copies share one position.
package struct PlanReader {
    private let plan: Plan
    private let stream: RecordStream
    private var nextIndex: Int

    init(_ plan: Plan, from index: Int) throws(StateFileError) {
        self.plan = plan
        stream = try RecordStream(plan.file)
        nextIndex = min(max(0, index), plan.count)
        if nextIndex < plan.count { try stream.load(plan.file.block(ofRecord: nextIndex)) }
    }

    /// The next change, nil at the end. It is valid until the next call.
    package mutating func next() throws(StateFileError) -> PlanRecord? {
        guard nextIndex < plan.count else { return nil }
        if nextIndex - stream.firstRecord >= stream.count {
            guard try stream.advance() else { return nil }
        }
        defer { nextIndex += 1 }
        return stream.change(nextIndex - stream.firstRecord, of: plan)
    }
}

extension RecordStream {
    /// The value that a plan's record tells.
    @inline(__always)
    func entered(_ index: Int) -> Bool {
        states[index] < 2 ? states[index] == 0 : ChangeDetail(detail(index)).entered
    }

    /// What a plan's record says.
    func change(_ index: Int, of plan: Plan) -> PlanRecord {
        let member = code(index).bytes(unpackingTo: text)
        let position = firstRecord + index
        if states[index] < 2 {
            let entered = states[index] == 0
            return PlanRecord(
                index: position, member: member, entered: entered, kind: entered ? .entered : .left,
                attempt: plan.attempt)
        }
        let detail = ChangeDetail(detail(index))
        return PlanRecord(
            index: position, member: member, entered: detail.entered, kind: detail.kind,
            attempt: detail.earlier ?? plan.attempt)
    }
}

extension ChangeDetail {
    var kind: ChangeKind { reasserts ? .reasserted : entered ? .entered : .left }
}
