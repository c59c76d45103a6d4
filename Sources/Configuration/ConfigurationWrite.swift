import Glibc

/// Why an edited file was not written.
package enum ConfigurationWriteError: Error, Sendable, Equatable {
    /// Somebody else changed the file since it was read. Nothing was written; read it again.
    case changedMeanwhile(file: String)
    /// The system refused; the file is as it was.
    case failed(file: String, reason: String)
}

extension ConfigurationWriteError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .changedMeanwhile(let file): "\(file): it was changed meanwhile; nothing was written, try again"
        case .failed(let file, let reason): "\(file): \(reason); nothing was written"
        }
    }
}

extension ConfigurationEditor {
    /// The name under which the file's last version is kept in the state folder.
    package static let previousName = "rollcall.yaml.previous"

    /// Puts the edited file in place of the workspace's `rollcall.yaml`: at any moment, also after a power failure,
    /// there is the old file or the new one, whole. Mode and owner stay, and a symbolic link stays a link.
    ///
    /// - Parameters:
    ///   - workspace: the folder of the file.
    ///   - stateFolder: where the version before is kept; made with mode 0700 when it is not there.
    ///   - digest: of the file that was edited (``LoadedConfiguration/digest``); another file is not overwritten.
    /// - Returns: the configuration as written.
    @discardableResult
    package func write(
        to workspace: String, keepingPreviousIn stateFolder: String, expecting digest: String
    ) throws(ConfigurationWriteError) -> LoadedConfiguration {
        let path = Configuration.path(in: workspace)
        let target = try Self.resolved(path)
        let current = try Self.current(target, path: path)
        guard ConfigurationFile.digest(current) == digest else { throw .changedMeanwhile(file: path) }
        var status = stat()
        guard stat(target, &status) == 0 else { throw .failed(file: path, reason: String(cString: strerror(errno))) }

        if mkdir(stateFolder, 0o700) != 0, errno != EEXIST {
            throw .failed(file: stateFolder, reason: String(cString: strerror(errno)))
        }
        try AtomicFile.write(current, to: "\(stateFolder)/\(Self.previousName)", like: nil) { true }
        // The last look comes right before the file changes hands.
        try AtomicFile.write(bytes, to: target, like: status) {
            (try? Self.current(target, path: path)) == current
        }
        return LoadedConfiguration(
            path: path, bytes: bytes, digest: ConfigurationFile.digest(bytes), model: model)
    }

    /// The file itself where `path` is a symbolic link to it.
    private static func resolved(_ path: String) throws(ConfigurationWriteError) -> String {
        guard let resolved = realpath(path, nil) else {
            if errno == ENOENT { throw .changedMeanwhile(file: path) }
            throw .failed(file: path, reason: String(cString: strerror(errno)))
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func current(_ target: String, path: String) throws(ConfigurationWriteError) -> [UInt8] {
        do {
            return try ConfigurationFile.read(target)
        } catch .missing {
            throw .changedMeanwhile(file: path)
        } catch {
            throw .failed(file: path, reason: error.description)
        }
    }
}

/// Replacing a file in one step.
enum AtomicFile {
    /// Writes beside the file under a new name, makes that durable, and renames it.
    /// - Parameters:
    ///   - status: whose mode and owner the file gets; nil gives mode 0600.
    ///   - isExpected: asked right before the rename; false leaves the file as it is.
    static func write(
        _ bytes: [UInt8], to path: String, like status: stat?, isExpected: () -> Bool
    ) throws(ConfigurationWriteError) {
        func failure() -> ConfigurationWriteError { .failed(file: path, reason: String(cString: strerror(errno))) }
        var name = Array("\(path).XXXXXX".utf8CString)
        // mkstemp opens with O_EXCL and mode 0600.
        let descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw failure() }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var isPlaced = false
        defer {
            close(descriptor)
            if !isPlaced { unlink(name) }
        }
        if let status {
            // Only root can give a file away; for everybody else it is theirs already.
            if status.st_uid != geteuid() || status.st_gid != getegid() {
                _ = fchown(descriptor, status.st_uid, status.st_gid)
            }
            guard fchmod(descriptor, status.st_mode & 0o7777) == 0 else { throw failure() }
        }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw failure() }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw failure() }
        guard isExpected() else { throw .changedMeanwhile(file: path) }
        guard rename(name, path) == 0 else { throw failure() }
        isPlaced = true
        try syncFolder(of: path)
    }

    /// Makes the rename durable.
    private static func syncFolder(of path: String) throws(ConfigurationWriteError) {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        let folder = end == path.startIndex ? (path.hasPrefix("/") ? "/" : ".") : String(path[..<end])
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        // A folder that cannot be synced (some network file systems) does not make the rename undone.
        fsync(descriptor)
    }
}
