import Glibc
import Membership

/// Why the workspace's lock was not to be had.
package enum WorkspaceLockError: Error, Sendable, Equatable {
    /// Another process holds it; the text is what that process wrote about itself, for information only.
    case held(by: String)
    case failed(String)
}

/// The exclusive right to change a workspace's state: an open-file-description lock, which the kernel drops when the
/// process ends, however it ends, and which no child inherits.
package final class WorkspaceLock: Sendable {
    private let descriptor: Int32
    private let path: String
    private let device: UInt
    private let inode: UInt

    /// `F_OFD_SETLK` of fcntl(2), which glibc's module does not export.
    private static let setOpenFileLock: Int32 = 37

    /// Takes the lock at once or not at all.
    package init(path: String, purpose: String) throws(WorkspaceLockError) {
        self.path = path
        descriptor = uninterrupted { open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600) }
        guard descriptor >= 0 else {
            throw .failed("cannot open \(path): \(String(cString: strerror(errno)))")
        }
        var whole = flock()
        whole.l_type = Int16(F_WRLCK)
        whole.l_whence = Int16(SEEK_SET)
        guard fcntl(descriptor, Self.setOpenFileLock, &whole) == 0 else {
            let holder = Self.text(of: descriptor)
            close(descriptor)
            throw .held(by: holder.isEmpty ? "another process" : holder)
        }
        var status = stat()
        fstat(descriptor, &status)
        device = status.st_dev
        inode = status.st_ino
        let note = "pid \(getpid()) (\(purpose))"
        ftruncate(descriptor, 0)
        _ = note.withCString { pwrite(descriptor, $0, strlen($0), 0) }
    }

    deinit {
        ftruncate(descriptor, 0)
        close(descriptor)
    }

    private static func text(of descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 200)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return "" }
        return String(decoding: buffer[..<count].filter { $0 >= 0x20 && $0 < 0x7F }, as: UTF8.self)
    }

    /// Whether the file that is locked is still the one at the path. When somebody removed or replaced it, a second
    /// engine could start, so the holder must stop sending.
    package var isStillOurs: Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_dev == device && status.st_ino == inode
    }
}
