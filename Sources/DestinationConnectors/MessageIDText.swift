import SyncEngine

/// A message id as a lower-case UUID.
enum MessageIDText {
    /// Bytes of the text.
    static let count = 36

    /// The 256 pairs of hexadecimal digits.
    final class Pairs {
        fileprivate let pairs: UnsafeMutablePointer<UInt16>

        init() {
            let digits = Array("0123456789abcdef".utf8)
            pairs = .allocate(capacity: 256)
            for byte in 0..<256 {
                let pair = UInt16(digits[byte >> 4]) | UInt16(digits[byte & 15]) << 8
                (pairs + byte).initialize(to: pair.littleEndian)
            }
        }

        deinit { pairs.deallocate() }
    }

    /// Writes ``count`` bytes.
    @inline(__always)
    static func write(_ id: MessageID, to target: UnsafeMutableRawPointer, _ pairs: Pairs) {
        write(id.high >> 32, bytes: 4, to: target, pairs)
        dash(target + 8)
        write(id.high >> 16, bytes: 2, to: target + 9, pairs)
        dash(target + 13)
        write(id.high, bytes: 2, to: target + 14, pairs)
        dash(target + 18)
        write(id.low >> 48, bytes: 2, to: target + 19, pairs)
        dash(target + 23)
        write(id.low, bytes: 6, to: target + 24, pairs)
    }

    /// Writes the lowest `bytes` bytes of a value, the highest of them first.
    @inline(__always)
    private static func write(_ value: UInt64, bytes: Int, to target: UnsafeMutableRawPointer, _ pairs: Pairs) {
        for index in 0..<bytes {
            let byte = Int(truncatingIfNeeded: value >> UInt64((bytes - 1 - index) * 8)) & 0xFF
            target.storeBytes(of: pairs.pairs[byte], toByteOffset: index * 2, as: UInt16.self)
        }
    }

    @inline(__always)
    private static func dash(_ target: UnsafeMutableRawPointer) { target.storeBytes(of: 0x2D, as: UInt8.self) }
}
