import Glibc

/// Room on disk for what does not fit into memory while a snapshot is built. The file has no name from the start, so
/// nothing of it outlives the process. What is read back is verified against a checksum kept in memory.
final class SpillFile {
    private let descriptor: Descriptor
    private let path: String
    private var size = 0

    /// - Parameter folder: where the file would lie if it had a name.
    init(in folder: String) throws(StateFileError) {
        let path = try StateFileName.unfinished("\(folder)/spill")
        descriptor = try createExclusively(path)
        self.path = path
        guard unlink(path) == 0 else { throw .failed("unlink", path, errno: errno) }
    }

    func append(_ bytes: UnsafeRawBufferPointer, records: Int) throws(StateFileError) -> SpillSegment {
        var segment = SpillSegment(offset: size, length: bytes.count, records: records, checksum: 0)
        guard let start = bytes.baseAddress else { return segment }
        try writeFully(descriptor.number, path, bytes)
        segment.checksum = StableHash.ofBytes(start, bytes.count)
        size += bytes.count
        return segment
    }

    func read(_ segment: SpillSegment, into start: UnsafeMutableRawPointer) throws(StateFileError) {
        let buffer = UnsafeMutableRawBufferPointer(start: start, count: segment.length)
        try readExactly(descriptor.number, path, into: buffer, at: segment.offset)
        guard StableHash.ofBytes(start, segment.length) == segment.checksum else {
            throw .corrupt(path: path, offset: segment.offset, what: "spilled members do not read back as written")
        }
    }
}

/// A piece of a spill file, made of whole records.
struct SpillSegment {
    var offset: Int
    var length: Int
    var records: Int
    var checksum: UInt64
}
