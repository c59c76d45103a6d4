import CFiles
import Glibc

/// Replacing a file in one step.
enum AtomicFile {
    /// Writes beside the file under a new name, makes that durable, and puts it in the file's place.
    ///
    /// Where a certain content is to be replaced, old and new change places, and what came out is looked at: only then
    /// it is sure what was replaced. When it is not what was expected it goes back, also when somebody who has it open
    /// for writing changes it within a second. So an editor that saves in the very instant, by renaming or in place,
    /// never loses its edit.
    /// - Parameters:
    ///   - status: whose mode and owner the file gets; nil gives mode 0600.
    ///   - expected: the only content that may be replaced; nil for any, or none.
    ///   - instant: called between the last look and the exchange; for tests.
    /// - Throws: `changedMeanwhile` when the file holds anything but `expected`; it is left as it is then.
    static func write(
        _ bytes: [UInt8], to path: String, like status: stat?, replacing expected: [UInt8]?, instant: () -> Void = {}
    ) throws(ConfigurationWriteError) {
        let fresh = try writeBeside(bytes, path, like: status)
        var isPlaced = false
        defer { if !isPlaced { unlink(fresh) } }
        guard let expected else {
            guard rename(fresh, path) == 0 else { throw failure(path) }
            isPlaced = true
            return syncFolder(of: path)
        }
        guard holds(path, expected) else { throw .changedMeanwhile(file: path) }
        instant()
        guard try exchange(fresh, path) else {
            // The file system cannot exchange; the look above is the last one then.
            guard rename(fresh, path) == 0 else { throw failure(path) }
            isPlaced = true
            return syncFolder(of: path)
        }
        guard stays(fresh, expected) else {
            try giveBack(fresh, path, ours: bytes)
            throw .changedMeanwhile(file: path)
        }
        syncFolder(of: path)
    }

    /// What was taken out by mistake goes back. Should an even newer version have come into the place meanwhile, that
    /// one stays: every exchange that takes out something else than what was put in is made again the other way.
    private static func giveBack(
        _ taken: String, _ path: String, ours: [UInt8]
    ) throws(ConfigurationWriteError) {
        var put = ours
        for _ in 0..<8 {
            let returned = (try? ConfigurationFile.read(taken)) ?? []
            guard try exchange(taken, path) else { throw failure(path) }
            if holds(taken, put) { return syncFolder(of: path) }
            put = returned
        }
    }

    /// Exchanges two files in one step; false where the file system cannot.
    private static func exchange(_ one: String, _ other: String) throws(ConfigurationWriteError) -> Bool {
        if cfiles_exchange(one, other) == 0 { return true }
        switch errno {
        case EINVAL, ENOSYS: return false
        case ENOENT: throw .changedMeanwhile(file: other)
        default: throw failure(other)
        }
    }

    private static func holds(_ path: String, _ expected: [UInt8]) -> Bool {
        (try? ConfigurationFile.read(path)) == expected
    }

    /// Whether a file that was taken out holds what was expected, and does so until nobody has it open for writing, or
    /// for a second: who keeps a file open for longer without writing is not saving it just now.
    private static func stays(_ path: String, _ expected: [UInt8]) -> Bool {
        for _ in 0..<50 {
            let isAtRest = isAtRest(path)
            guard holds(path, expected) else { return false }
            if isAtRest { return true }
            usleep(20_000)
        }
        return true
    }

    /// Whether nobody has the file open for writing: a read lease is granted only then (fcntl(2), F_SETLEASE). Where
    /// leases cannot be had at all the content alone decides.
    private static func isAtRest(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard cfiles_lease(descriptor) != 0 else { return true }
        return errno != EAGAIN
    }

    private static func failure(_ path: String) -> ConfigurationWriteError {
        .failed(file: path, reason: String(cString: strerror(errno)))
    }

    /// The name of a new file with these bytes, durable, beside `path`.
    private static func writeBeside(
        _ bytes: [UInt8], _ path: String, like status: stat?
    ) throws(ConfigurationWriteError) -> String {
        var name = Array("\(path).XXXXXX".utf8CString)
        // mkstemp opens with O_EXCL and mode 0600.
        let descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw failure(path) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var isWhole = false
        defer {
            close(descriptor)
            if !isWhole { unlink(name) }
        }
        if let status {
            // Only root can give a file away; for everybody else it is theirs already.
            if status.st_uid != geteuid() || status.st_gid != getegid() {
                _ = fchown(descriptor, status.st_uid, status.st_gid)
            }
            guard fchmod(descriptor, status.st_mode & 0o7777) == 0 else { throw failure(path) }
        }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw failure(path) }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw failure(path) }
        isWhole = true
        return name.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    }

    /// Makes the rename durable.
    private static func syncFolder(of path: String) {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        let folder = end == path.startIndex ? (path.hasPrefix("/") ? "/" : ".") : String(path[..<end])
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        // A folder that cannot be synced (some network file systems) does not make the rename undone.
        fsync(descriptor)
    }
}
