import Glibc

/// A state file being written: invisible under a name of its own until ``commit()`` has made it durable and moved it
/// into place in one step. Dropped before that, it leaves nothing behind.
final class FreshFile {
    let path: String
    private let unfinishedPath: String
    private let descriptor: Descriptor
    private var isCommitted = false
    /// Bytes written so far.
    private(set) var size = 0

    init(_ path: String) throws(StateFileError) {
        self.path = path
        unfinishedPath = try StateFileName.unfinished(path)
        descriptor = try createExclusively(unfinishedPath)
    }

    deinit {
        if !isCommitted { _ = unlink(unfinishedPath) }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(StateFileError) {
        try writeFully(descriptor.number, path, bytes)
        size += bytes.count
    }

    func append(_ bytes: [UInt8]) throws(StateFileError) {
        var failure: StateFileError?
        bytes.withUnsafeBytes { buffer in
            do throws(StateFileError) {
                try append(buffer)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Syncs the content, moves the file to its name and syncs the folder. After an error from here the file may or
    /// may not be in place; what is in place is whole.
    func commit() throws(StateFileError) {
        // Opened first, so that running out of descriptors is noticed while nothing has changed.
        let folder = StateFileName.folder(of: path)
        let number = uninterrupted { open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard number >= 0 else { throw .io(path: folder, errno: errno, what: "open") }
        let opened = Descriptor(number: number)
        try sync(descriptor.number, path)
        guard rename(unfinishedPath, path) == 0 else { throw .failed("put in place", path, errno: errno) }
        isCommitted = true
        try sync(opened.number, folder)
    }

    /// Never repeated after a failure: the system may have dropped what it could not write, and then a second call
    /// succeeds without having written anything.
    private func sync(_ number: Int32, _ path: String) throws(StateFileError) {
        guard uninterrupted({ fsync(number) }) == 0 else { throw .failed("sync", path, errno: errno) }
    }
}
