/// A bit per record for states 0 and 1, in words of eight bytes. Eight records are handled at a time.
enum PackedStates {
    /// Bytes that the bits of `count` records take.
    static func mapCount(_ count: Int) -> Int { (count + 63) / 64 * 8 }

    /// Writes the states of `count` records, and zeros to the end of the last word.
    static func unpack(_ map: UnsafeRawPointer, to states: UnsafeMutablePointer<UInt8>, _ count: Int) {
        let states = UnsafeMutableRawPointer(states)
        for position in 0..<mapCount(count) {
            let byte = UInt64(map.load(fromByteOffset: position, as: UInt8.self))
            // The byte in all eight places, of each its own bit, moved to the lowest.
            let spread = (byte &* 0x0101_0101_0101_0101) & 0x8040_2010_0804_0201
            let ones = ((spread &+ 0x7F7F_7F7F_7F7F_7F7F) >> 7) & 0x0101_0101_0101_0101
            states.storeBytes(of: ones.littleEndian, toByteOffset: position * 8, as: UInt64.self)
        }
    }

    /// Reads the states of `count` records. Those up to the end of the last word are set to zero first.
    static func pack(_ states: UnsafeMutablePointer<UInt8>, to map: UnsafeMutableRawPointer, _ count: Int) {
        let mapCount = mapCount(count)
        (states + count).update(repeating: 0, count: mapCount * 8 - count)
        let states = UnsafeRawPointer(states)
        for position in 0..<mapCount {
            let ones = UInt64(littleEndian: states.loadUnaligned(fromByteOffset: position * 8, as: UInt64.self))
            // Each factor moves one of the eight bits to its place in the highest byte; no two meet elsewhere.
            let byte = UInt8(truncatingIfNeeded: (ones &* 0x0102_0408_1020_4080) >> 56)
            map.storeBytes(of: byte, toByteOffset: position, as: UInt8.self)
        }
    }
}
