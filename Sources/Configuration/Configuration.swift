/// Reading `rollcall.yaml`.
package enum Configuration {
    /// The file's name within a workspace.
    package static let fileName = "rollcall.yaml"

    /// The path of a workspace's configuration.
    package static func path(in workspace: String) -> String {
        workspace.isEmpty || workspace.hasSuffix("/") ? workspace + fileName : "\(workspace)/\(fileName)"
    }

    /// Reads and checks the `rollcall.yaml` of a workspace.
    /// - Parameter workspace: path of the folder.
    package static func load(workspace: String) throws(ConfigurationError) -> LoadedConfiguration {
        let path = path(in: workspace)
        let bytes = try ConfigurationFile.read(path)
        return LoadedConfiguration(
            path: path, bytes: bytes, digest: ConfigurationFile.digest(bytes), model: try parse(bytes, file: path))
    }

    /// Checks the text of a configuration.
    /// - Parameter file: the name that errors carry.
    /// - Throws: ``ConfigurationError/invalid(file:problems:)`` with every mistake of the file at once.
    package static func parse(_ bytes: [UInt8], file: String) throws(ConfigurationError) -> WorkspaceConfiguration {
        try ParsedConfiguration(bytes, file: file).model
    }
}

/// A configuration as it was read.
package struct LoadedConfiguration: Sendable, Equatable {
    package var path: String
    /// The file's bytes.
    package var bytes: [UInt8]
    /// SHA-256 of the bytes, 64 lower-case hexadecimal digits.
    package var digest: String
    package var model: WorkspaceConfiguration

    package init(path: String, bytes: [UInt8], digest: String, model: WorkspaceConfiguration) {
        self.path = path
        self.bytes = bytes
        self.digest = digest
        self.model = model
    }
}
