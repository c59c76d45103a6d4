import Glibc
import SyncEngine

/// A regular file that is read once from start to end, with proof that it did not change meanwhile.
struct SourceFile: ~Copyable {
    /// The path in messages.
    let name: String
    /// What the file was when it was opened.
    let opened: NamedFile.Fingerprint
    private let path: String
    private let descriptor: Int32

    /// Opens `path` for reading.
    /// - Parameter root: the directory that the file must lie in once all links are followed; nil for anywhere.
    init(path: String, root: String?) throws(SourceError) {
        let named = try NamedFile(path: path, root: root)
        let descriptor = Glibc.open(
            "/proc/self/fd/\(named.descriptor)", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw NamedFile.failure(errno, name: named.name) }
        // Advice only: a file system that knows better may ignore it.
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        self.name = named.name
        self.opened = named.fingerprint
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Fills `buffer` as far as the file goes; 0 only at its end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(SourceError) -> Int {
        guard let base = buffer.baseAddress else { return 0 }
        var filled = 0
        while filled < buffer.count {
            let count = Glibc.read(descriptor, base + filled, buffer.count - filled)
            if count > 0 {
                filled += count
            } else if count == 0 {
                break
            } else if errno != EINTR {
                throw .unavailable("\(name) could not be read to its end: \(explain(errno))")
            }
        }
        return filled
    }

    /// Checks that the file is still what it was when it was opened, and that the path still leads to it.
    ///
    /// - Parameter count: bytes that were read until the end came, or nil when it did not.
    func confirmUnchanged(afterReading count: Int? = nil) throws(SourceError) {
        var here = stat()
        var there = stat()
        guard fstat(descriptor, &here) == 0 else { throw NamedFile.failure(errno, name: name) }
        guard stat(path, &there) == 0 else {
            throw .unavailable("\(name) was removed while it was read; it is read again at the next run")
        }
        guard there.st_ino == opened.inode, there.st_dev == opened.device else {
            throw .unavailable("\(name) was replaced while it was read; it is read again at the next run")
        }
        guard NamedFile.Fingerprint(here) == opened, (count ?? opened.size) == opened.size else {
            throw .unavailable(
                "\(name) changed while it was read; write it to another name and rename it when it is complete")
        }
    }
}
