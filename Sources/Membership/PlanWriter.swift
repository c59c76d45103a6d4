/// Writes the changes of a plan and keeps its summary, its hash and its samples.
struct PlanWriter {
    private let request: PlanRequest
    private let base: FileDigest
    private let writer: BlockWriter
    private let hash: PlanHash
    private var samples = ChangeKind.allCases.map { _ in PlanSample() }
    private let dismissals: Dismissals
    private let policy: ChangePolicy
    private var written = 0
    var summary = PlanSummary()

    init(_ request: PlanRequest, _ ledger: Ledger, at path: String) throws(StateFileError) {
        self.request = request
        base = ledger.digest
        writer = try BlockWriter(path, .plan)
        hash = PlanHash(sync: request.sync, trait: request.trait)
        dismissals = Dismissals(request.dismissed)
        policy = ChangePolicy(request)
        summary.ledgerMembers = ledger.members
    }

    /// Writes anew what another plan says of itself; its changes come through ``copy(_:_:)``.
    init(like plan: Plan, at path: String) throws(StateFileError) {
        request = PlanRequest(sync: plan.sync, trait: plan.trait, mode: plan.mode, attempt: plan.attempt)
        base = plan.base
        writer = try BlockWriter(path, .plan)
        hash = PlanHash(sync: plan.sync, trait: plan.trait)
        dismissals = Dismissals([])
        policy = ChangePolicy(request)
        summary = plan.summary
        (summary.entered, summary.left, summary.reasserted, summary.idBytes) = (0, 0, 0, 0)
    }

    /// Takes over a change of another plan.
    mutating func copy(_ changes: RecordStream, _ index: Int) throws(StateFileError) {
        let (code, codeHash) = (changes.code(index), changes.hashes[index])
        let detail = changes.states[index] < 2 ? nil : ChangeDetail(changes.detail(index))
        let entered = changes.entered(index)
        try write(
            code, hash: codeHash, entered: entered, kind: detail?.kind ?? (entered ? .entered : .left),
            earlier: detail?.earlier)
    }

    /// Whether a member of the snapshot who was told `true` needs no more than being counted.
    @inline(__always) var leavesKnownAlone: Bool { !policy.isFull }

    /// Settles what is owed to one member.
    @inline(__always)
    mutating func settle(_ code: MemberCode, hash codeHash: UInt64, isIn: Bool, told: Told) throws(StateFileError) {
        let verdict = policy.verdict(
            isIn: isIn, told: told,
            isDismissed: { entered in dismissals.contain(code, hash: codeHash, entered: entered) },
            isInDoubt: { request.inDoubt.contains(hash: codeHash) })
        switch verdict {
        case .nothing: break
        case .unchanged: summary.unchanged += 1
        case .ignored: summary.ignored += 1
        case .dismissed: summary.dismissed += 1
        case .settling: summary.settling += 1
        case .withheld: summary.withheld += 1
        case .send(let entered, let kind, let earlier):
            try write(code, hash: codeHash, entered: entered, kind: kind, earlier: earlier)
        }
    }

    private mutating func write(
        _ code: MemberCode, hash codeHash: UInt64, entered: Bool, kind: ChangeKind, earlier: Attempt?
    ) throws(StateFileError) {
        if kind != .reasserted, earlier == nil {
            try writer.append(code, hash: codeHash, state: entered ? 0 : 1)
        } else {
            let detail = ChangeDetail(entered: entered, reasserts: kind == .reasserted, earlier: earlier)
            try writer.append(code, hash: codeHash, change: detail)
        }
        hash.add(code, entered: entered)
        summary.count(kind, idBytes: code.textCount)
        samples[kind.sampleIndex].offer(written)
        written += 1
    }

    mutating func finish() throws(StateFileError) -> Plan {
        summary.hash = hash.finish()
        let facts = PlanFacts(
            sync: request.sync, trait: request.trait, mode: request.mode, attempt: request.attempt,
            base: base, summary: summary, samples: samples)
        return try Plan(writer.finish(facts: facts.bytes))
    }
}

extension ChangeKind {
    /// Position among the samples of a plan.
    var sampleIndex: Int {
        switch self {
        case .entered: 0
        case .left: 1
        case .reasserted: 2
        }
    }
}

/// The dismissed changes, found by hash. There are few, and mostly none.
private struct Dismissals {
    private var changes: [UInt64: [(code: OwnedCode, entered: Bool)]] = [:]

    init(_ dismissed: [DismissedMember]) {
        for change in dismissed {
            let code = OwnedCode(change.member)
            changes[code.hash, default: []].append((code, change.entered))
        }
    }

    @inline(__always)
    func contain(_ code: MemberCode, hash: UInt64, entered: Bool) -> Bool {
        if changes.isEmpty { return false }
        guard let candidates = changes[hash] else { return false }
        return candidates.contains { candidate in
            candidate.entered == entered && candidate.code.withCode { $0.equals(code) }
        }
    }
}
