/// Makes new inputs from known ones: bytes changed, removed, doubled, words put in, two inputs joined. Knows nothing of what
/// the reader does with them; `Resources/scripts/fuzz` searches with libFuzzer, which does.
package struct Mutator {
    private let seeds: [[UInt8]]
    private let words: [[UInt8]]
    private let limit: Int
    private var state: UInt64

    package init(_ target: FuzzTarget, seed: UInt64, limit: Int = 4_096) {
        seeds = target.seeds
        words = target.words.map { Array($0.utf8) }
        self.limit = limit
        state = seed
    }

    /// SplitMix64 (https://prng.di.unimi.it/splitmix64.c, public domain).
    private mutating func draw(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int(truncatingIfNeeded: (value ^ (value >> 31)) % UInt64(max(1, bound)))
    }

    package mutating func next() -> [UInt8] {
        var bytes = seeds[draw(seeds.count)]
        for _ in 0...draw(4) { mutate(&bytes) }
        return bytes.count > limit ? Array(bytes[..<limit]) : bytes
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        let place = draw(bytes.count + 1)
        let end = min(bytes.count, place + 1 + draw(16))
        switch draw(8) {
        case 0 where place < bytes.count: bytes[place] = UInt8(draw(256))
        case 1 where place < bytes.count: bytes[place] ^= 1 << UInt8(draw(8))
        case 2: bytes.removeSubrange(place..<end)
        case 3: bytes.insert(contentsOf: Array(bytes[place..<end]), at: draw(bytes.count + 1))
        case 4: bytes.insert(contentsOf: words[draw(words.count)], at: place)
        case 5: bytes.removeSubrange(place...)
        case 6:
            let other = seeds[draw(seeds.count)]
            bytes = Array(bytes[..<place]) + Array(other[draw(other.count + 1)...])
        default: bytes.insert(UInt8(draw(256)), at: place)
        }
    }
}
