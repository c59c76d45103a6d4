import Glibc

/// Makes a call of the system again for as long as a signal interrupts it.
/// - Returns: what the call returned in the end; -1 leaves the reason in `errno`.
package func uninterrupted(_ call: () -> Int32) -> Int32 {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}

/// An open file descriptor that is closed when its owner goes.
struct Descriptor: ~Copyable {
    let number: Int32

    deinit {
        // After a write the file was already synced, so close has nothing left to report.
        _ = close(number)
    }
}

/// A state file being read. Every read is exact: fewer bytes than expected are damage, never an end.
struct OpenFile: ~Copyable {
    let path: String
    /// Size when the file was opened. State files never change.
    let size: Int
    private let descriptor: Descriptor

    /// Opens a regular file, without following a link in its last component.
    init(_ path: String) throws(StateFileError) {
        // Without O_NONBLOCK opening a FIFO would wait for a writer.
        let number = uninterrupted { open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
        guard number >= 0 else {
            if errno == ELOOP { throw .corrupt(path: path, offset: 0, what: "a link, not a regular file") }
            throw .failed("open", path, errno: errno)
        }
        let opened = Descriptor(number: number)
        size = try regularSize(of: number, path)
        self.path = path
        descriptor = opened
    }

    /// Fills `buffer` from `offset`.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(StateFileError) {
        try readExactly(descriptor.number, path, into: buffer, at: offset)
    }

    /// `count` bytes from `offset`. The caller has checked `count` against ``size``.
    func bytes(_ count: Int, at offset: Int) throws(StateFileError) -> [UInt8] {
        var failure: StateFileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(StateFileError) {
                try read(into: UnsafeMutableRawBufferPointer(buffer.extracting(..<count)), at: offset)
                filled = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

private func regularSize(of number: Int32, _ path: String) throws(StateFileError) -> Int {
    var status = stat()
    guard fstat(number, &status) == 0 else { throw .failed("inspect", path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
        throw .corrupt(path: path, offset: 0, what: "not a regular file")
    }
    return Int(status.st_size)
}

/// Fills `buffer` from `offset` of a descriptor, however many calls that takes.
func readExactly(
    _ number: Int32, _ path: String, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
) throws(StateFileError) {
    guard let start = buffer.baseAddress else { return }
    var done = 0
    while done < buffer.count {
        let got = pread(number, start + done, buffer.count - done, off_t(offset + done))
        if got > 0 {
            done += got
        } else if got == 0 {
            throw .corrupt(path: path, offset: offset + done, what: "the file ends early")
        } else if errno != EINTR {
            throw .failed("read", path, errno: errno)
        }
    }
}

/// Appends all of `buffer` to a descriptor, however many calls that takes.
func writeFully(_ number: Int32, _ path: String, _ buffer: UnsafeRawBufferPointer) throws(StateFileError) {
    guard let start = buffer.baseAddress else { return }
    var done = 0
    while done < buffer.count {
        let put = write(number, start + done, buffer.count - done)
        if put > 0 {
            done += put
        } else if put == 0 {
            throw .noSpace(path: path)
        } else if errno != EINTR {
            throw .failed("write", path, errno: errno)
        }
    }
}

/// Creates a file of one's own, mode 0600, that did not exist.
func createExclusively(_ path: String) throws(StateFileError) -> Descriptor {
    let number = uninterrupted { open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600) }
    guard number >= 0 else { throw .failed("create", path, errno: errno) }
    return Descriptor(number: number)
}
