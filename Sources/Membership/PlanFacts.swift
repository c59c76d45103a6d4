import Scheduling

/// What a plan says about itself in its footer.
struct PlanFacts: Sendable {
    var sync: String
    var trait: String
    var mode: PlanMode
    var attempt: Attempt
    /// Digest of the ledger that the plan was made against.
    var base: FileDigest
    var summary: PlanSummary
    var samples: [PlanSample]

    var bytes: [UInt8] {
        var facts = FieldWriter()
        facts.put(Array(sync.utf8))
        facts.put(Array(trait.utf8))
        facts.put(mode.rawValue)
        facts.put(attempt.nonce.high)
        facts.put(attempt.nonce.low)
        facts.put(attempt.timestamp.milliseconds)
        facts.put(base.bytes)
        for key in PlanSummary.countKeys { facts.put(count: summary[keyPath: key]) }
        facts.put(Array(summary.hash.utf8))
        for sample in samples {
            facts.put(count: sample.ordinals.count)
            for ordinal in sample.ordinals { facts.put(count: ordinal) }
        }
        return facts.bytes
    }
}

extension PlanFacts {
    /// Nil when the bytes cannot be the facts of any plan.
    init?(_ bytes: [UInt8]) {
        var fields = FieldReader(bytes)
        guard let sync = fields.takeBytes(), let trait = fields.takeBytes(),
            let mode = fields.take(UInt8.self).flatMap(PlanMode.init(rawValue:)),
            let high = fields.take(UInt64.self), let low = fields.take(UInt64.self),
            let milliseconds = fields.take(Int64.self),
            let base = fields.takeBytes(), base.count == 32
        else { return nil }
        self.sync = String(decoding: sync, as: UTF8.self)
        self.trait = String(decoding: trait, as: UTF8.self)
        self.mode = mode
        attempt = Attempt(nonce: PlanNonce(high: high, low: low), timestamp: Instant(milliseconds: milliseconds))
        guard AttemptBytes.isSound(attempt.timestamp) else { return nil }
        self.base = FileDigest(base)
        summary = PlanSummary()
        for key in PlanSummary.countKeys {
            guard let count = fields.takeCount(), count <= Int.max / 8 else { return nil }
            summary[keyPath: key] = count
        }
        guard let hash = fields.takeBytes(), hash.count == 64 else { return nil }
        summary.hash = String(decoding: hash, as: UTF8.self)
        samples = []
        for _ in ChangeKind.allCases {
            guard let count = fields.takeCount(), count <= PlanSample.capacity else { return nil }
            var sample = PlanSample()
            for _ in 0..<count {
                guard let ordinal = fields.takeCount() else { return nil }
                sample.ordinals.append(ordinal)
            }
            samples.append(sample)
        }
        guard fields.isAtEnd else { return nil }
    }
}

/// Ordinals of changes of one kind, evenly spread over a plan of any length: every one is taken until there are too
/// many, then every second of them, and so on.
struct PlanSample: Sendable {
    static let capacity = 64
    var ordinals: [Int] = []
    private var stride = 1
    private var skipped = 0

    @inline(__always)
    mutating func offer(_ ordinal: Int) {
        skipped += 1
        if skipped >= stride { take(ordinal) }
    }

    private mutating func take(_ ordinal: Int) {
        if ordinals.count == Self.capacity {
            ordinals = Swift.stride(from: 0, to: Self.capacity, by: 2).map { ordinals[$0] }
            stride *= 2
        }
        ordinals.append(ordinal)
        skipped = 0
    }

    /// At most `n` ordinals of several samples together, each giving the same share as far as it can, in order.
    static func pick(_ n: Int, of samples: [PlanSample]) -> [Int] {
        var picked: [Int] = []
        var left = max(0, n)
        // The smallest first, so that what it cannot give goes to the others.
        let nonEmpty = samples.filter { !$0.ordinals.isEmpty }.sorted { $0.ordinals.count < $1.ordinals.count }
        for (position, sample) in nonEmpty.enumerated() {
            let share = min(sample.ordinals.count, left / (nonEmpty.count - position))
            for index in 0..<share {
                picked.append(sample.ordinals[index * sample.ordinals.count / share])
            }
            left -= share
        }
        return picked.sorted()
    }
}
