import CZlib

/// Inflates gzip and zlib bodies, up to a limit.
enum Gunzip {
    enum Failure: Error, Equatable {
        /// Not gzip, damaged, or cut short.
        case damaged
        /// More than the limit comes out; nothing beyond it was inflated.
        case tooLarge
    }

    /// The text in `body`, which may be several gzip members one after another.
    static func inflate(_ body: [UInt8], limit: Int) throws(Failure) -> [UInt8] {
        var stream = z_stream()
        // 15 bits of window, plus 32: gzip or zlib, whichever the header says.
        guard inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw .damaged
        }
        defer { inflateEnd(&stream) }

        var input = body
        var text: [UInt8] = []
        let outcome = input.withUnsafeMutableBufferPointer { input -> Result<Void, Failure> in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(clamping: input.count)
            do throws(Failure) {
                repeat {
                    try member(&stream, into: &text, limit: limit)
                    inflateReset(&stream)
                } while stream.avail_in > 0
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try outcome.get()
        return text
    }

    /// Inflates one member to its end.
    private static func member(_ stream: inout z_stream, into text: inout [UInt8], limit: Int) throws(Failure) {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let status = chunk.withUnsafeMutableBufferPointer { chunk in
                stream.next_out = chunk.baseAddress
                stream.avail_out = UInt32(clamping: chunk.count)
                return CZlib.inflate(&stream, Z_NO_FLUSH)
            }
            guard status == Z_OK || status == Z_STREAM_END else { throw .damaged }
            let produced = chunk.count - Int(stream.avail_out)
            guard text.count + produced <= limit else { throw .tooLarge }
            text += chunk[..<produced]
            if status == Z_STREAM_END { return }
            // Neither end nor progress: the body was cut short.
            guard produced > 0 || stream.avail_in > 0 else { throw .damaged }
        }
    }
}
