import Glibc
import Membership

/// Why the state folder cannot be used; the sentence names the path and the remedy.
package struct StateFolderError: Error, Sendable, Equatable {
    package var message: String

    package init(_ message: String) {
        self.message = message
    }
}

/// Where a workspace's state lies. Everything in it is the user's alone: folders 0700, files 0600.
package struct StateFolder: Sendable, Equatable {
    package let path: String

    package init(path: String) {
        self.path = path
    }

    package var database: String { path + "/state.db" }
    package var lock: String { path + "/lock" }
    package var socket: String { path + "/control.sock" }
    package var ledgers: String { path + "/ledgers" }
    package var plans: String { path + "/plans" }
    package var snapshots: String { path + "/snapshots" }
    /// Files that belong to nobody once the process that made them is gone.
    package var scratch: String { path + "/scratch" }
    /// Files of members that a source downloaded and may use again (`skip_unchanged`).
    package var downloads: String { path + "/downloads" }
    package var dumps: String { path + "/dumps" }
    package var log: String { path + "/rollcall.log" }
    /// The configuration as it was before the last edit by rollcall.
    package var previousConfiguration: String { path + "/rollcall.yaml.previous" }

    package var exists: Bool { access(database, F_OK) == 0 }

    /// Creates what is missing and refuses a folder that somebody else could write to.
    package func prepare() throws(StateFolderError) {
        // The folders above it may be missing on a fresh account.
        var above = path
        var missing: [String] = []
        while let slash = above.lastIndex(of: "/"), slash > above.startIndex {
            above = String(above[..<slash])
            if access(above, F_OK) == 0 { break }
            missing.append(above)
        }
        for folder in missing.reversed() where mkdir(folder, 0o700) != 0 && errno != EEXIST {
            throw StateFolderError("cannot create \(folder): \(String(cString: strerror(errno)))")
        }
        let isNew = !exists
        for folder in [path, ledgers, plans, snapshots, scratch, downloads, dumps] {
            try Self.prepare(folder)
        }
        // The names of new folders survive power loss only once the folders they stand in are synced; without its own the
        // whole state would be gone, and everybody would be told anew.
        if isNew { for folder in [ledgers, path] + missing { try Self.syncName(of: folder) } }
    }

    private static func syncName(of folder: String) throws(StateFolderError) {
        let above = folder.lastIndex(of: "/").map { String(folder[..<$0]) } ?? "."
        let descriptor = uninterrupted { open(above.isEmpty ? "/" : above, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        // A folder that may be written and not read cannot be synced at all.
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard uninterrupted({ fsync(descriptor) }) == 0 else {
            throw StateFolderError("cannot sync \(above): \(String(cString: strerror(errno)))")
        }
    }

    private static func prepare(_ folder: String) throws(StateFolderError) {
        if mkdir(folder, 0o700) != 0 {
            guard errno == EEXIST else {
                throw StateFolderError("cannot create \(folder): \(String(cString: strerror(errno)))")
            }
        }
        var status = stat()
        guard lstat(folder, &status) == 0 else {
            throw StateFolderError("cannot look at \(folder): \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw StateFolderError("\(folder) is not a folder; move it away")
        }
        guard status.st_uid == geteuid() else {
            throw StateFolderError("\(folder) belongs to user \(status.st_uid), not to you: chown \(geteuid()) \(folder)")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw StateFolderError("\(folder) can be read or written by others: chmod 700 \(folder)")
        }
    }

    /// Removes what earlier processes left in `scratch`. Only the holder of the lock may call it.
    package func emptyScratch() {
        for name in Self.names(in: scratch) {
            unlink(scratch + "/" + name)
        }
    }

    /// The names in a folder, `.` and `..` excepted, in no particular order; empty when it cannot be read.
    package static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
