import Glibc

extension Zone {
    /// The zone with this name, read from `TZDIR` or the system's zone data.
    ///
    /// - Throws: ``ZoneError``; an unknown name carries the names that may have been meant, never a substitute zone.
    package static func named(_ identifier: String) throws(ZoneError) -> Zone {
        try named(identifier, in: .system)
    }

    /// The names of all zones in `TZDIR` or the system's zone data, sorted; `UTC` alone when there are none.
    package static var knownIdentifiers: [String] {
        ZoneFiles.system.identifiers()
    }

    static func named(_ identifier: String, in files: ZoneFiles) throws(ZoneError) -> Zone {
        if identifier == "UTC" { return .utc }
        guard ZoneFiles.isWellFormed(identifier) else {
            throw ZoneError.malformed(identifier, suggestions: near(identifier, in: files))
        }
        let bytes: [UInt8]
        switch files.read(identifier) {
        case .found(let content): bytes = content
        case .failed(let reason): throw ZoneError.unreadable(identifier, reason: reason)
        case .missing:
            // The name of UTC in the database needs no data either.
            if identifier == "Etc/UTC" { return Zone(identifier: identifier, table: .utc) }
            guard files.isThere else { throw ZoneError.noData(directory: files.directory) }
            throw ZoneError.unknown(identifier, suggestions: near(identifier, in: files))
        }
        do throws(TZif.Refusal) {
            return Zone(identifier: identifier, table: try TZif.parse(bytes))
        } catch {
            throw ZoneError.damaged(identifier, reason: error.reason)
        }
    }

    private static func near(_ identifier: String, in files: ZoneFiles) -> [String] {
        ZoneNames.near(identifier, among: files.identifiers())
    }
}

/// A folder of compiled zone data.
struct ZoneFiles: Sendable {
    let directory: String

    /// `TZDIR`, or where tzdata installs.
    static var system: ZoneFiles {
        guard let path = getenv("TZDIR"), path.pointee != 0 else { return ZoneFiles(directory: "/usr/share/zoneinfo") }
        return ZoneFiles(directory: String(cString: path))
    }

    enum Content {
        case found([UInt8])
        /// There is no such file, or it is no zone.
        case missing
        case failed(String)
    }

    /// Whether a name has the shape of a zone's: parts of letters, digits, `_`, `-`, `+` between single slashes.
    /// Without dots and leading slashes it cannot lead out of the folder.
    static func isWellFormed(_ identifier: String) -> Bool {
        guard (1...64).contains(identifier.utf8.count) else { return false }
        return identifier.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
            !$0.isEmpty && $0.allSatisfy { $0.isAbbreviation || $0 == UInt8(ascii: "_") }
        }
    }

    var isThere: Bool {
        var status = stat()
        return stat(directory, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Reads the file of a well-formed name.
    func read(_ identifier: String) -> Content {
        // Without O_NONBLOCK a pipe in this place would stop the engine.
        let descriptor = open("\(directory)/\(identifier)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            return errno == ENOENT || errno == ENOTDIR ? .missing : .failed(String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .failed(String(cString: strerror(errno))) }
        if status.st_mode & S_IFMT == S_IFDIR { return .missing }
        guard status.st_mode & S_IFMT == S_IFREG else { return .failed("it is not a regular file") }
        // One byte more than is allowed is read, for the parser to refuse.
        var bytes = [UInt8](repeating: 0, count: TZif.largestFile + 1)
        var length = 0
        while length < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress.map { $0 + length }, buffer.count - length)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .failed(String(cString: strerror(errno))) }
            if count == 0 { break }
            length += count
        }
        bytes.removeLast(bytes.count - length)
        return .found(bytes)
    }

    /// The names of all zones in this folder, sorted.
    ///
    /// Zones are told from tables (`zone.tab`) and other trees (`right/`) by the capital that every zone begins with.
    func identifiers() -> [String] {
        var names: Set<String> = ["UTC"]
        var waiting = [""]
        // The real tree is two folders deep and has some 600 names.
        while let prefix = waiting.popLast(), names.count < 5000 {
            for entry in entries(of: prefix) {
                let name = prefix + entry.name
                guard ZoneFiles.isWellFormed(name), let first = name.utf8.first,
                    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first)
                else { continue }
                if !entry.isDirectory {
                    names.insert(name)
                } else if name.utf8.count(where: { $0 == UInt8(ascii: "/") }) < 3, waiting.count < 500 {
                    waiting.append(name + "/")
                }
            }
        }
        return names.sorted()
    }

    private func entries(of prefix: String) -> [(name: String, isDirectory: Bool)] {
        guard let stream = opendir("\(directory)/\(prefix)") else { return [] }
        defer { closedir(stream) }
        var entries: [(name: String, isDirectory: Bool)] = []
        while entries.count < 5000, let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var isDirectory = entry.pointee.d_type == UInt8(DT_DIR)
            if entry.pointee.d_type == UInt8(DT_UNKNOWN) {
                var status = stat()
                isDirectory = stat("\(directory)/\(prefix)\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            }
            entries.append((name, isDirectory))
        }
        return entries
    }
}
