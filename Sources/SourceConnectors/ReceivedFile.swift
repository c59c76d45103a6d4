import Glibc
import SyncEngine
import Synchronization

/// A file that a download is written into, chunk by chunk, by the transport's thread.
final class ReceivedFile: Sendable {
    private struct State {
        var count = 0
        var errorNumber: Int32 = 0
        var isOverLimit = false
    }

    let path: String
    private let descriptor: Int32
    private let limit: Int
    private let stop: StopFlag
    private let state = Mutex(State())

    /// Creates the file for its owner alone.
    init(path: String, limit: Int, stop: StopFlag) throws(SourceError) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw .unavailable("no file for the download: \(PrintableText.from(path)): \(explain(errno))")
        }
        self.path = path
        self.limit = limit
        self.stop = stop
    }

    deinit { close(descriptor) }

    /// Appends; false asks the transport to stop. The page cache takes a chunk faster than a network brings the next.
    func append(_ chunk: UnsafeRawBufferPointer) -> Bool {
        guard !stop.isRaised else { return false }
        return state.withLock { state in
            guard state.count + chunk.count <= limit else {
                state.isOverLimit = true
                return false
            }
            var written = 0
            while written < chunk.count {
                let count = write(descriptor, chunk.baseAddress.map { $0 + written }, chunk.count - written)
                if count > 0 {
                    written += count
                } else if errno != EINTR {
                    state.errorNumber = errno
                    return false
                }
            }
            state.count += written
            return true
        }
    }

    /// Throws away what an attempt that failed has written.
    func startAgain() throws(SourceError) {
        state.withLock { $0 = State() }
        guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
            throw .unavailable("the download's file cannot be emptied: \(explain(errno))")
        }
    }

    /// Why it took no more; nil when it took everything.
    var complaint: SourceError? {
        state.withLock { state in
            if state.isOverLimit { return .unavailable("the file is larger than \(grouped(limit)) bytes") }
            if state.errorNumber != 0 {
                return .unavailable("the download cannot be stored: \(explain(state.errorNumber))")
            }
            return stop.isRaised ? .stopped : nil
        }
    }

    /// The first two bytes are those of gzip.
    var isGzip: Bool {
        var bytes: [UInt8] = [0, 0]
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return false }
        defer { close(file) }
        return read(file, &bytes, 2) == 2 && bytes == GzipInflater.magic
    }
}

/// Files that nobody but this process knows of.
enum SystemFile {
    /// Removes a file; that it is not there is no error.
    static func remove(_ path: String) { unlink(path) }
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
