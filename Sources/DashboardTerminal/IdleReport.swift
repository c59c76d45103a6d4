import Glibc

/// Tells a test that nothing is left to do, so that it needs no sleep: the line
/// `idle <frame> <inputs-consumed> <mailbox-seq>`, where `frame` counts paintings, `inputs-consumed` the inputs that
/// the painted frame reflects, and `mailbox-seq` is the presenter's own count of what else the frame reflects.
struct IdleReport {
    private let descriptor: Int32
    private var last: (Int, Int, Int)?

    init?(descriptor: Int32?) {
        var status = stat()
        // A stray variable must not have us write into whatever has that number.
        guard let descriptor, fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return nil }
        self.descriptor = descriptor
        // Programs outside the screen have no business with it.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    /// Writes the line unless it is the same as the last.
    mutating func tell(frame: Int, inputs: Int, mailbox: Int) {
        if let last, last == (frame, inputs, mailbox) { return }
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        // A test that does not read does not stop the terminal.
        guard poll(&entry, 1, 0) == 1, entry.revents & Int16(POLLOUT) != 0 else { return }
        last = (frame, inputs, mailbox)
        let line = Array("idle \(frame) \(inputs) \(mailbox)\n".utf8)
        _ = write(descriptor, line, line.count)
    }
}
