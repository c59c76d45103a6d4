/// All members of a cohort at one moment: unique, complete, in the one order of all state files. Immutable on disk.
package struct Snapshot: Sendable {
    let file: BlockFile
    /// Ids that were read more than once, counted for each time after the first.
    package let duplicates: Int

    package var path: String { file.path }
    /// Number of members.
    package var members: Int { file.recordCount }
    package var digest: FileDigest { file.digest }

    /// Opens a snapshot and verifies its ends; its blocks are verified whenever they are read.
    package static func open(_ path: String) throws(StateFileError) -> Snapshot {
        try open(path, expecting: nil)
    }

    /// Opens exactly the snapshot that was recorded elsewhere.
    package static func open(_ path: String, expecting: FileDigest?) throws(StateFileError) -> Snapshot {
        try Snapshot(BlockFile.open(path, .snapshot, expecting: expecting))
    }

    init(_ file: BlockFile) throws(StateFileError) {
        self.file = file
        var facts = FieldReader(file.facts)
        guard let duplicates = facts.takeCount(), facts.isAtEnd else {
            throw file.damagedFacts("unreadable facts of the snapshot")
        }
        self.duplicates = duplicates
    }

    static func facts(duplicates: Int) -> [UInt8] {
        var facts = FieldWriter()
        facts.put(count: duplicates)
        return facts.bytes
    }

    /// Calls `body` with the bytes of every member, in file order. They are valid only during the call.
    /// - Throws: ``StateFileError`` when the file is damaged, and what `body` throws.
    package func forEachMember(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let stream = try RecordStream(file)
        while try stream.advance() {
            for index in 0..<stream.count {
                try body(stream.code(index).bytes(unpackingTo: stream.text))
            }
        }
    }

    /// Reads the whole file and throws unless every block is what was written.
    package func verify() throws(StateFileError) {
        let stream = try RecordStream(file)
        while try stream.advance() {}
    }
}
