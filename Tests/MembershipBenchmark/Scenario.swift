import Glibc
import Membership
import Scheduling

/// One size and churn, measured a number of times.
struct Scenario {
    var folder: String
    var members: Int
    var changedPercent: Int
    var rounds: Int
    var memoryLimit: Int

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private var changed: Int { members / 100 * changedPercent }

    func run() throws {
        print("\(members) members, \(changed) replaced, \(memoryLimit >> 20) MiB")
        try prepare()
        let ledger = try firstLedger()
        var own: [Phases] = []
        var reference: [Double] = []
        for round in 1...rounds {
            reference.append(try compare())
            own.append(try sync(ledger, round))
            let ratio = own[round - 1].total / reference[round - 1]
            print("round \(round): comm \(reference[round - 1].text) s, own \(own[round - 1].text): \(ratio.text)")
        }
        let ratios = zip(own, reference).map { $0.total / $1 }
        print("median: comm \(median(reference).text) s, own \(median(own.map(\.total)).text) s")
        print("unsorted, read to durable: \(median(ratios).text) × comm")
        print("both sorted, plan only: \(median(zip(own, reference).map { $0.plan / $1 }).text) × comm")
        try unchangedSync()
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        print("peak memory \(usage.ru_maxrss / 1_024) MiB")
        for name in ["old", "new", "old.sorted", "new.sorted", "only", "ledger", "snapshot", "plan", "next"] {
            unlink("\(folder)/\(name)")
        }
    }

    private func prepare() throws {
        try IDFile.write(to: "\(folder)/old", members: members, replaced: 0)
        try IDFile.write(to: "\(folder)/new", members: members, replaced: changed)
        for name in ["old", "new"] {
            try shell("LC_ALL=C sort -S 1G -T '\(folder)' '\(folder)/\(name)' > '\(folder)/\(name).sorted'")
        }
    }

    private func firstLedger() throws -> Ledger {
        let snapshot = try readSnapshot("old")
        let ledger = try Ledger.baseline(from: snapshot, over: .empty, at: "\(folder)/ledger")
        var status = stat()
        stat("\(folder)/ledger", &status)
        print("state: \((Double(status.st_size) / Double(members)).text) bytes a member")
        return ledger
    }

    private func compare() throws -> Double {
        let start = now()
        try shell("LC_ALL=C comm -3 '\(folder)/old.sorted' '\(folder)/new.sorted' > '\(folder)/only'")
        let elapsed = now() - start
        guard try LineReader.lines(in: "\(folder)/only") == 2 * changed else {
            throw Failure(description: "comm found another number of changes")
        }
        return elapsed
    }

    private func sync(_ ledger: Ledger, _ round: Int) throws -> Phases {
        unlink("\(folder)/next")
        var phases = Phases()
        let start = now()
        let builder = try SnapshotBuilder(scratch: folder, memoryLimit: memoryLimit)
        try LineReader.forEachLine(in: "\(folder)/new") { _ = try builder.add($0) }
        phases.read = now() - start
        let snapshot = try builder.finish(at: "\(folder)/snapshot")
        phases.sort = now() - start - phases.read
        let attempt = Attempt(nonce: PlanNonce(high: 1, low: UInt64(round)), timestamp: Instant(milliseconds: 1))
        let request = PlanRequest(sync: "a@b", trait: "t", attempt: attempt)
        let plan = try Plan.make(snapshot: snapshot, ledger: ledger, request: request, at: "\(folder)/plan")
        phases.plan = now() - start - phases.read - phases.sort
        let outcomes = [OutcomeRange(range: 0..<plan.count, outcome: .accepted)]
        let next = try Ledger.applying(plan, to: ledger, outcomes: outcomes, at: "\(folder)/next")
        phases.total = now() - start
        guard plan.summary.entered == changed, plan.summary.left == changed, next.members == members,
            snapshot.members == members, plan.summary.unchanged == members - changed
        else { throw Failure(description: "wrong counts: \(plan.summary)") }
        return phases
    }

    /// What a sync costs whose source did not change, against reading and hashing it.
    private func unchangedSync() throws {
        let ledger = try Ledger.open("\(folder)/ledger", expecting: nil)
        var times: [Double] = []
        for _ in 1...rounds {
            let start = now()
            let builder = try SnapshotBuilder(scratch: folder, memoryLimit: memoryLimit)
            try LineReader.forEachLine(in: "\(folder)/old") { _ = try builder.add($0) }
            guard builder.matches(ledger) else { throw Failure(description: "an unchanged source did not match") }
            builder.abandon()
            times.append(now() - start)
        }
        print("unchanged source recognised in \(median(times).text) s")
    }

    private func readSnapshot(_ name: String) throws -> Snapshot {
        let builder = try SnapshotBuilder(scratch: folder, memoryLimit: memoryLimit)
        try LineReader.forEachLine(in: "\(folder)/\(name)") { _ = try builder.add($0) }
        return try builder.finish(at: "\(folder)/snapshot")
    }

    private func shell(_ command: String) throws {
        guard system(command) == 0 else { throw Failure(description: "failed: \(command)") }
    }
}

struct Phases {
    var read = 0.0
    var sort = 0.0
    var plan = 0.0
    var total = 0.0

    var text: String {
        let apply = total - read - sort - plan
        return "\(total.text) s (read \(read.text), sort \(sort.text), plan \(plan.text), apply \(apply.text))"
    }
}

func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func median(_ values: [Double]) -> Double {
    values.sorted()[values.count / 2]
}

extension Double {
    var text: String {
        let thousandths = Int((self * 1_000).rounded())
        let rest = "\(thousandths % 1_000)"
        return "\(thousandths / 1_000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
    }
}
