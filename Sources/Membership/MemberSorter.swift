/// Sorts members of one partition and hands them on in order, each once.
///
/// Hashes are uniform, so one scatter into about as many buckets as there are members brings almost everybody to their
/// place; the few neighbours that are still swapped are put right within their bucket. Ids made to collide only make
/// buckets larger, and those are sorted by comparison.
final class MemberSorter {
    /// A member to be sorted: the hash, and where the record lies relative to `origin`, times two, plus one for raw.
    private struct Key {
        var hash: UInt64
        var place: Int
    }

    /// Memory that sorting one member takes beside the member, in bytes.
    static let bytesPerMember = 2 * MemoryLayout<Key>.stride + 8

    private let origin: UnsafeRawPointer
    private var capacity = 0
    private var keys: UnsafeMutablePointer<Key>
    private var sorted: UnsafeMutablePointer<Key>
    private var bucketCapacity = 0
    private var buckets: UnsafeMutablePointer<Int32>

    /// - Parameter origin: any address; places are counted from there.
    init(origin: UnsafeRawPointer) {
        self.origin = origin
        keys = .allocate(capacity: 0)
        sorted = .allocate(capacity: 0)
        buckets = .allocate(capacity: 0)
    }

    deinit {
        keys.deallocate()
        sorted.deallocate()
        buckets.deallocate()
    }

    /// Sorts the members in `pieces`, which must outlive the call, and gives each one once to `sink`.
    /// - Returns: how many were left out because they had been there.
    func sort(_ pieces: [MemberPiece], into sink: some MemberSink) throws(StateFileError) -> Int {
        let count = pieces.reduce(0) { $0 + $1.records }
        guard count > 0 else { return 0 }
        reserve(count)
        var filled = 0
        for piece in pieces { collect(piece, &filled) }
        scatter(count)
        return try handOn(count, sink)
    }

    private func reserve(_ count: Int) {
        let bits = Self.bucketBits(count)
        if count > capacity {
            keys.deallocate()
            sorted.deallocate()
            capacity = count + count / 8
            keys = .allocate(capacity: capacity)
            sorted = .allocate(capacity: capacity)
        }
        if 1 << bits >= bucketCapacity {
            buckets.deallocate()
            bucketCapacity = 1 << bits + 1
            buckets = .allocate(capacity: bucketCapacity)
        }
    }

    /// Between one and two members a bucket, up to a million buckets.
    private static func bucketBits(_ count: Int) -> Int {
        min(20, max(0, Int.bitWidth - 1 - count.leadingZeroBitCount))
    }

    private func collect(_ piece: MemberPiece, _ filled: inout Int) {
        let keys = keys
        var next = piece.start
        let end = piece.start + piece.length
        var place = (piece.start - origin) << 1
        if piece.isRaw {
            while next < end {
                let length = Int(next.loadUnaligned(as: UInt16.self))
                let hash = StableHash.ofBytes(next + 2, length)
                keys[filled] = Key(hash: hash, place: (next - origin) << 1 | 1)
                filled += 1
                next += 2 + length
            }
        } else {
            while next < end {
                keys[filled] = Key(hash: MemberCode(start: next, rawCount: 0).hash(), place: place)
                filled &+= 1
                next += 16
                place &+= 32
            }
        }
    }

    private func scatter(_ count: Int) {
        let (keys, sorted, buckets) = (keys, sorted, buckets)
        let bits = UInt64(Self.bucketBits(count))
        // All members share the bits above; these are the ones that follow.
        let shift = 64 - MemberPool.partitionBits - bits
        let mask = (1 as UInt64) << bits &- 1
        let bucketCount = 1 << Int(bits)
        buckets.update(repeating: 0, count: bucketCount)
        for index in 0..<count {
            buckets[Int(truncatingIfNeeded: keys[index].hash &>> shift & mask)] &+= 1
        }
        var start: Int32 = 0
        for bucket in 0..<bucketCount {
            let size = buckets[bucket]
            buckets[bucket] = start
            start &+= size
        }
        for index in 0..<count {
            let key = keys[index]
            let bucket = Int(truncatingIfNeeded: key.hash &>> shift & mask)
            sorted[Int(buckets[bucket])] = key
            buckets[bucket] &+= 1
        }
        // Each bucket now says where it ends.
        var low = 0
        for bucket in 0..<bucketCount {
            let high = Int(buckets[bucket])
            if high - low > 1 { order(low, high) }
            low = high
        }
    }

    /// Sorts one bucket: by insertion while it is small.
    @inline(__always)
    private func order(_ low: Int, _ high: Int) {
        let sorted = sorted
        guard high - low <= 24 else {
            var bucket = UnsafeMutableBufferPointer(start: sorted + low, count: high - low)
            bucket.sort { precedes($0, $1) }
            return
        }
        for index in low + 1..<high {
            let key = sorted[index]
            var hole = index
            while hole > low, precedes(key, sorted[hole - 1]) {
                sorted[hole] = sorted[hole - 1]
                hole -= 1
            }
            sorted[hole] = key
        }
    }

    @inline(__always)
    private func precedes(_ one: Key, _ other: Key) -> Bool {
        if one.hash != other.hash { return one.hash < other.hash }
        return code(one).precedes(code(other))
    }

    @inline(__always)
    private func code(_ key: Key) -> MemberCode {
        let record = origin + key.place >> 1
        guard key.place & 1 == 1 else { return MemberCode(start: record, rawCount: 0) }
        return MemberCode(start: record + 2, rawCount: Int(record.loadUnaligned(as: UInt16.self)))
    }

    private func handOn(_ count: Int, _ sink: some MemberSink) throws(StateFileError) -> Int {
        let sorted = sorted
        var duplicates = 0
        try sink.take(code(sorted[0]), hash: sorted[0].hash)
        for index in 1..<count {
            let key = sorted[index]
            if key.hash == sorted[index - 1].hash, code(key).equals(code(sorted[index - 1])) {
                duplicates += 1
            } else {
                try sink.take(code(key), hash: key.hash)
            }
        }
        return duplicates
    }
}

/// Takes members in order, each once.
protocol MemberSink: AnyObject {
    func take(_ code: MemberCode, hash: UInt64) throws(StateFileError)
}

extension BlockWriter: MemberSink {
    @inline(__always)
    func take(_ code: MemberCode, hash: UInt64) throws(StateFileError) {
        try append(code, hash: hash, state: 0)
    }
}
