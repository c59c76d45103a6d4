import CZlib
import SyncEngine

/// Inflates gzip data that is pushed in, member after member, in constant memory whatever the ratio.
struct GzipInflater: ~Copyable {
    /// The two bytes that every gzip member starts with (RFC 1952, 2.3.1).
    static let magic: [UInt8] = [0x1F, 0x8B]

    private static let outputSize = 256 * 1024

    private let name: String
    // zlib keeps the address of its stream, so the stream has a place of its own.
    private let stream: UnsafeMutablePointer<z_stream>
    private let output: UnsafeMutableRawBufferPointer
    private var isInMember = true

    init(name: String) throws(SourceError) {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 15 for the largest window, 16 more for the gzip wrapper and nothing else.
        let result = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard result == Z_OK else {
            stream.deallocate()
            throw .unavailable("\(name) could not be inflated: zlib could not be started (\(result))")
        }
        self.name = name
        self.stream = stream
        self.output = .allocate(byteCount: Self.outputSize, alignment: 64)
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        output.deallocate()
    }

    /// Inflates `input`, all of it, and hands the text over in pieces that are valid only during the call.
    mutating func inflate(
        _ input: UnsafeRawBufferPointer, into receive: (UnsafeRawBufferPointer) throws(SourceError) -> Void
    ) throws(SourceError) {
        guard let base = input.baseAddress, input.count <= Int(UInt32.max) else { return }
        // zlib only reads its input; its C signature lacks the const.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(input.count)
        var isFull = false
        while stream.pointee.avail_in > 0 || isFull {
            if !isInMember {
                inflateReset(stream)
                isInMember = true
                guard stream.pointee.next_in.pointee == Self.magic[0] else {
                    throw .unavailable("\(name) has data behind the end of its gzip data; it may be damaged")
                }
            }
            stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(output.count)
            let result = CZlib.inflate(stream, Z_NO_FLUSH)
            let produced = output.count - Int(stream.pointee.avail_out)
            if produced > 0 { try receive(UnsafeRawBufferPointer(rebasing: output[..<produced])) }
            isFull = stream.pointee.avail_out == 0 && result == Z_OK
            switch result {
            case Z_OK, Z_BUF_ERROR: continue
            case Z_STREAM_END: isInMember = false
            case Z_MEM_ERROR: throw .unavailable("\(name) could not be inflated: out of memory")
            default: throw .unavailable("\(name) is damaged: its gzip data cannot be inflated")
            }
        }
    }

    /// Confirms, after the last input, that a member was complete.
    func finish() throws(SourceError) {
        guard isInMember else { return }
        throw .unavailable("\(name) ends in the middle of its gzip data; it may be cut off or still being written")
    }
}
