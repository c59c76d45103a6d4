import Glibc
import SyncEngine

/// A regular file that was found and not opened.
///
/// It is looked at through a descriptor that only names it: a FIFO or a device is never opened, and what was looked at
/// stays the same file, whoever changes links meanwhile.
struct NamedFile: ~Copyable {
    /// What tells one content of a file from another, as far as the file system knows.
    struct Fingerprint: Equatable {
        var device: dev_t
        var inode: ino_t
        var size: Int
        var modifiedSeconds: Int
        var modifiedNanoseconds: Int
        var changedSeconds: Int
        var changedNanoseconds: Int

        init(_ status: stat) {
            device = status.st_dev
            inode = status.st_ino
            size = Int(status.st_size)
            modifiedSeconds = status.st_mtim.tv_sec
            modifiedNanoseconds = status.st_mtim.tv_nsec
            changedSeconds = status.st_ctim.tv_sec
            changedNanoseconds = status.st_ctim.tv_nsec
        }

        /// Size and age for a person: "12,345 bytes, modified 3 minutes ago".
        var summary: String {
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            let age = max(0, Int(now.tv_sec) - modifiedSeconds)
            let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")]
            let (length, unit) = units.first { age >= $0.0 } ?? (1, "second")
            let count = age / length
            return "\(grouped(size)) bytes, modified \(count) \(unit)\(count == 1 ? "" : "s") ago"
        }
    }

    /// The path in messages.
    let name: String
    let fingerprint: Fingerprint
    let descriptor: Int32

    /// `O_PATH` of Linux, which glibc shows only to C that asks for GNU extensions.
    private static let nameOnly: Int32 = 0x20_0000

    /// - Parameter root: the directory that the file must lie in once all links are followed; nil for anywhere.
    init(path: String, root: String?) throws(SourceError) {
        let name = PrintableText.from(path)
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw .misconfigured("\"\(name)\" is not a path of a file")
        }
        let descriptor = Glibc.open(path, Self.nameOnly | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(errno, name: name) }
        do {
            let status = try Self.checkKind(of: descriptor, name: name)
            if let root { try Self.checkPlace(of: descriptor, root: root, name: name) }
            self.fingerprint = Fingerprint(status)
        } catch {
            close(descriptor)
            throw error
        }
        self.name = name
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    private static func checkKind(of handle: Int32, name: String) throws(SourceError) -> stat {
        var status = stat()
        guard fstat(handle, &status) == 0 else { throw failure(errno, name: name) }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG else {
            let what =
                switch kind {
                case S_IFDIR: "a directory"
                case S_IFIFO: "a named pipe"
                case S_IFSOCK: "a socket"
                default: "a device"
                }
            throw .misconfigured("\(name) is \(what); it must be a regular file")
        }
        // Files of the kernel look regular and are not: they have no size and no fixed content.
        for kernel in ["/proc", "/sys", "/dev"] {
            var mount = stat()
            var root = stat()
            guard stat(kernel, &mount) == 0, stat("/", &root) == 0, mount.st_dev != root.st_dev else { continue }
            if status.st_dev == mount.st_dev {
                throw .misconfigured("\(name) lies in \(kernel), which the kernel makes up; it must be a regular file")
            }
        }
        return status
    }

    private static func checkPlace(of handle: Int32, root: String, name: String) throws(SourceError) {
        guard let place = resolved("/proc/self/fd/\(handle)") else {
            throw .unavailable("\(name): its real path cannot be found out, because /proc cannot be read")
        }
        guard !root.utf8.contains(0), let real = realpath(root, nil) else {
            throw .misconfigured("the directory \(PrintableText.from(root)) does not exist or cannot be entered")
        }
        defer { free(real) }
        var prefix = UnsafeBufferPointer(start: real, count: strlen(real)).map { UInt8(bitPattern: $0) }
        if prefix.last != UInt8(ascii: "/") { prefix.append(UInt8(ascii: "/")) }
        guard place.starts(with: prefix) else {
            throw .misconfigured(
                "\(name) lies outside \(PrintableText.from(root)), at \(PrintableText.from(place)); "
                    + "files of this source must lie in its directory")
        }
    }

    private static func resolved(_ link: String) -> [UInt8]? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink(link, &buffer, buffer.count)
        // A path that fills the buffer was cut, and what was cut off is unknown.
        guard count > 0, count < buffer.count else { return nil }
        return buffer.prefix(count).map { UInt8(bitPattern: $0) }
    }

    static func failure(_ code: Int32, name: String) -> SourceError {
        switch code {
        case ENOENT: .misconfigured("\(name) does not exist")
        case EACCES, EPERM: .misconfigured("\(name) may not be read by this user: \(explain(code))")
        case _ where isShortage(code): .unavailable("\(name) could not be opened: \(explain(code))")
        default: .misconfigured("\(name) could not be opened: \(explain(code))")
        }
    }
}
