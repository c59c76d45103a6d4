/// Bytes on their way to the terminal. It holds one frame, or one clipboard sequence, at a time.
struct OutputQueue {
    private var bytes: [UInt8] = []
    private var next = 0

    var isEmpty: Bool { next == bytes.count }

    var waiting: ArraySlice<UInt8> { bytes[next...] }

    mutating func append(_ more: some Collection<UInt8>) {
        bytes.append(contentsOf: more)
    }

    mutating func remove(_ count: Int) {
        next += count
        if next == bytes.count { clear() }
    }

    mutating func clear() {
        bytes.removeAll(keepingCapacity: bytes.capacity < 1 << 17)
        next = 0
    }
}
