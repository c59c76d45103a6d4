/// Waiting times between attempts after Segment's published retry rule: 0.5 s doubled each time, at most 60 s, ten
/// per cent of jitter. The jitter is drawn from the arguments, so that a simulation repeats exactly.
package enum Backoff {
    /// - Parameters:
    ///   - attempt: attempts made so far, from 1.
    ///   - salt: anything that differs among those who wait.
    package static func milliseconds(attempt: Int, salt: Int) -> Int64 {
        let doublings = min(max(attempt &- 1, 0), 7)
        let base = min(Int64(500) << Int64(doublings), 60_000)
        return base + Int64(mix(UInt64(truncatingIfNeeded: attempt &* 0x9E37 &+ salt)) % UInt64(base / 10 + 1))
    }

    /// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): spreads neighbouring numbers.
    package static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
