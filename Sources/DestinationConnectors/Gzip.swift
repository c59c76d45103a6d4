import CZlib

/// Request bodies as gzip (RFC 1952), at the fastest level: identifies shrink to an eighth at any.
enum Gzip {
    /// The parts as one gzip stream; nil when zlib has no memory, which leaves sending them as they are.
    static func compress(_ parts: [[UInt8]]) -> [UInt8]? {
        var stream = z_stream()
        let window: Int32 = 15 + 16  // the widest, with gzip's header
        let began = deflateInit2_(
            &stream, Z_BEST_SPEED, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard began == Z_OK else { return nil }
        defer { deflateEnd(&stream) }

        let count = parts.reduce(0) { $0 + $1.count }
        let capacity = Int(deflateBound(&stream, UInt(count)))
        var failed = false
        let result = [UInt8](unsafeUninitializedCapacity: capacity) { output, initialized in
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(clamping: capacity)
            for part in parts where !failed { failed = !feed(part, to: &stream) }
            if !failed { failed = deflate(&stream, Z_FINISH) != Z_STREAM_END }
            initialized = Int(stream.total_out)
        }
        return failed ? nil : result
    }

    private static func feed(_ part: [UInt8], to stream: inout z_stream) -> Bool {
        part.withUnsafeBufferPointer { bytes in
            // zlib does not write through this pointer; its C type only lacks the const.
            stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
            stream.avail_in = UInt32(clamping: bytes.count)
            guard !bytes.isEmpty else { return true }
            return deflate(&stream, Z_NO_FLUSH) == Z_OK && stream.avail_in == 0
        }
    }
}
