/// Where a secret is kept. The only form in which a configuration names one.
package enum SecretReference: Sendable, Hashable {
    /// `{env: NAME}`: an environment variable of this process.
    case environment(String)
    /// `{file: PATH}`: a file's content without the newline at its end. A relative path starts at the workspace.
    case file(String)
    /// `{command: [ARGV…]}`: what a program prints, without the newline at its end. No shell is involved.
    case command([String])
    /// `{systemd-credential: NAME}`: a file in `$CREDENTIALS_DIRECTORY`.
    case systemdCredential(String)
}

/// Why a secret cannot be had. The case decides; the text names the reference, the reason and the remedy, and never
/// holds a byte of any secret.
package enum SecretError: Error, Sendable, Equatable {
    /// Not there, empty, or its command failed: it may work later without a change of the configuration.
    case unavailable(String)
    /// There, and refused because others could read or replace it, or because it cannot be a secret.
    case unsafe(String)

    package var message: String {
        switch self {
        case .unavailable(let text), .unsafe(let text): text
        }
    }
}

extension SecretReference {
    /// Fetches the secret. Blocks the calling thread, for at most 30 seconds.
    /// - Parameter workspace: the folder that relative paths start at.
    package func resolve(relativeTo workspace: String) throws(SecretError) -> Secret {
        switch self {
        case .environment(let name): try EnvironmentSecret.read(name)
        case .file(let path): try SecretFile.read(path, relativeTo: workspace, reference: description)
        case .command(let arguments): try SecretCommand.run(arguments, in: workspace, reference: description)
        case .systemdCredential(let name): try SecretFile.readCredential(name, reference: description)
        }
    }
}

extension SecretReference: CustomStringConvertible {
    /// The reference for messages: of a command only its program, since arguments may be private.
    package var description: String {
        switch self {
        case .environment(let name): "env \(name)"
        case .file(let path): "file \(path)"
        case .command(let arguments): "command \(arguments.first ?? "")"
        case .systemdCredential(let name): "systemd-credential \(name)"
        }
    }
}
