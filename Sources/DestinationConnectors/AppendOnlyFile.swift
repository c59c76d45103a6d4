import Glibc
import HTTPClient

/// A regular file to which whole blocks are appended durably. Calls come from one thread at a time.
struct AppendOnlyFile: Sendable {
    /// What became of a block.
    enum Result: Sendable, Equatable {
        /// It is in the file and flushed.
        case appended
        /// No block can go there until somebody changes something: no folder, no permission, not a regular file.
        case unusable(String)
        /// The file is as it was; another attempt may succeed.
        case notAppended(String)
        /// It may be in the file, as a whole or in part.
        case unknown(String)
    }

    /// Why the file cannot be used.
    struct Problem: Error, Equatable {
        var reason: String
        var isLasting: Bool
    }

    /// The calls that can fail on a full or broken disk, replaceable where that is to be tried.
    struct Calls: Sendable {
        var write: @Sendable (Int32, UnsafeRawBufferPointer) -> Int = { Glibc.write($0, $1.baseAddress, $1.count) }
        var flush: @Sendable (Int32) -> Int32 = { fdatasync($0) }
        var flushFolder: @Sendable (Int32) -> Int32 = { fsync($0) }
        var truncate: @Sendable (Int32, off_t) -> Int32 = { ftruncate($0, $1) }
        var lock: @Sendable (Int32) -> Int32 = { flock($0, LOCK_EX | LOCK_NB) }
    }

    let path: String
    var calls = Calls()
    /// How long another process may hold the lock before the attempt is given up.
    var lockPatienceMilliseconds = 5_000

    func append(_ block: [UInt8]) -> Result {
        do throws(Problem) {
            let descriptor = try open()
            defer { close(descriptor) }
            try lock(descriptor)
            return try write(block, to: descriptor)
        } catch {
            return error.isLasting ? .unusable(error.reason) : .notAppended(error.reason)
        }
    }

    /// Looks whether the file could be appended to, without creating or changing it.
    func inspect() -> Swift.Result<String, Problem> {
        var status = stat()
        if lstat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFREG else { return .failure(notRegular()) }
            guard access(path, W_OK) == 0 else { return .failure(problem("cannot be written to", errno)) }
            return .success("\(shownPath), \(status.st_size) bytes")
        }
        let code = errno
        guard code == ENOENT, !path.isEmpty, access(folder, W_OK | X_OK) == 0 else {
            return .failure(problem("cannot be created", code == ENOENT ? errno : code))
        }
        return .success("\(shownPath) does not exist yet and can be created")
    }

    // MARK: - Steps

    private func open() throws(Problem) -> Int32 {
        // Without O_NONBLOCK, opening a pipe would wait for a reader.
        let flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = Glibc.open(path, flags, 0o600)
        guard descriptor >= 0 else { throw problem("cannot be opened", errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw notRegular()
        }
        return descriptor
    }

    private func lock(_ descriptor: Int32) throws(Problem) {
        var waited = 0
        while calls.lock(descriptor) != 0 {
            let code = errno
            if code == EINTR { continue }
            guard code == EWOULDBLOCK else { throw problem("cannot be locked", code) }
            guard waited < lockPatienceMilliseconds else {
                throw Problem(reason: "\(shownPath) is held by another process", isLasting: false)
            }
            usleep(10_000)
            waited += 10
        }
    }

    private func write(_ block: [UInt8], to descriptor: Int32) throws(Problem) -> Result {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw problem("cannot be examined", errno) }
        let length = status.st_size
        if length == 0 { try makeNameDurable() }
        // A line that was torn, by a crash or by another program, ends here, so that it spoils no line of ours.
        let whole = try isTorn(descriptor, length) ? [0x0A] + block : block
        let (written, code) = writeOnce(whole, to: descriptor)
        guard written == whole.count else {
            let reason = problem("cannot be written to", written < 0 ? code : ENOSPC).reason
            guard written > 0 else { return .notAppended(reason) }
            return takeBack(to: length, descriptor) ? .notAppended(reason) : .unknown(reason)
        }
        guard calls.flush(descriptor) == 0 else {
            let reason = problem("cannot be flushed", errno).reason
            _ = takeBack(to: length, descriptor)
            return .unknown(reason)
        }
        return .appended
    }

    private func isTorn(_ descriptor: Int32, _ length: off_t) throws(Problem) -> Bool {
        guard length > 0 else { return false }
        var last: UInt8 = 0
        guard pread(descriptor, &last, 1, length - 1) == 1 else { throw problem("cannot be read", errno) }
        return last != 0x0A
    }

    private func writeOnce(_ block: [UInt8], to descriptor: Int32) -> (written: Int, code: Int32) {
        block.withUnsafeBytes { bytes in
            while true {
                let written = calls.write(descriptor, bytes)
                if written >= 0 { return (written, 0) }
                if errno != EINTR { return (written, errno) }
            }
        }
    }

    private func takeBack(to length: off_t, _ descriptor: Int32) -> Bool {
        calls.truncate(descriptor, length) == 0 && calls.flush(descriptor) == 0
    }

    /// A new file's entry in its folder is flushed apart from the file, and before anything is in it.
    private func makeNameDurable() throws(Problem) {
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // A folder that may be written and not read cannot be flushed at all.
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard calls.flushFolder(descriptor) == 0 else { throw problem("has a folder that cannot be flushed", errno) }
    }

    private var folder: String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
    }

    // MARK: - Problems

    private var shownPath: String { QuotedText.quote(path) }

    private func notRegular() -> Problem { Problem(reason: "\(shownPath) is not a regular file", isLasting: true) }

    private func problem(_ what: String, _ code: Int32) -> Problem {
        let passing: Set<Int32> = [
            ENOSPC, EDQUOT, EIO, EMFILE, ENFILE, ENOMEM, EINTR, EAGAIN, EBUSY, ESTALE, ENOLCK, EFBIG,
        ]
        let text = code == ELOOP ? "it is a symbolic link" : String(cString: strerror(code))
        return Problem(reason: "\(shownPath) \(what): \(text)", isLasting: !passing.contains(code))
    }
}
