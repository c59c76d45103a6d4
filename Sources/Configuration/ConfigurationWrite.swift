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
        try AtomicFile.write(current, to: "\(stateFolder)/\(Self.previousName)", like: nil, replacing: nil)
        do throws(ConfigurationWriteError) {
            try AtomicFile.write(bytes, to: target, like: status, replacing: current)
        } catch .changedMeanwhile {
            throw .changedMeanwhile(file: path)
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
