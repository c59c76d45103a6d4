import Glibc

/// Secrets from files. Whoever may write such a file can redirect what is sent, whoever may read it can send as us:
/// so it is a regular file of the user or root, and nobody else has access.
enum SecretFile {
    static func read(
        _ path: String, relativeTo workspace: String, reference: String
    ) throws(SecretError) -> Secret {
        guard !path.isEmpty else { throw .unavailable("file: the path is empty; name a file") }
        let full = path.hasPrefix("/") ? path : "\(workspace)/\(path)"
        return try read(at: full, reference: reference, forbidden: 0o077)
    }

    /// Reads `$CREDENTIALS_DIRECTORY/name`. The service manager owns that folder and lets the service in through an
    /// access list, which shows as access for the group; so only access for others is refused.
    static func readCredential(
        _ name: String, reference: String, variable: (String) -> [UInt8]? = EnvironmentSecret.variable
    ) throws(SecretError) -> Secret {
        guard !name.isEmpty, !name.contains("/"), name != ".", name != ".." else {
            throw .unsafe("\(reference): a credential's name is one file name, without a slash")
        }
        guard let folder = variable("CREDENTIALS_DIRECTORY"), folder.first == UInt8(ascii: "/") else {
            throw .unavailable(
                "\(reference): CREDENTIALS_DIRECTORY is not set; add LoadCredential=\(name):PATH to the service "
                    + "and start rollcall from it")
        }
        return try read(
            at: String(decoding: folder, as: UTF8.self) + "/" + name, reference: reference, forbidden: 0o007)
    }

    private static func read(at path: String, reference: String, forbidden: mode_t) throws(SecretError) -> Secret {
        // O_NONBLOCK keeps a FIFO from blocking the open; what was opened is judged, not what the path names later.
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw unopened(errno, path: path, reference: reference) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .unavailable("\(reference): \(reason(errno))")
        }
        try judge(status, path: path, reference: reference, forbidden: forbidden)
        let bytes = SecretText.withoutNewline(try readAll(descriptor, reference: reference))
        guard !bytes.isEmpty else { throw .unavailable("\(reference): the file is empty; write the secret into it") }
        return Secret(bytes)
    }

    private static func unopened(_ number: Int32, path: String, reference: String) -> SecretError {
        switch number {
        case ENOENT: .unavailable("\(reference): there is no such file; create it with mode 600")
        case ELOOP: .unsafe("\(reference): it is a symbolic link; name the file that it leads to")
        case ENXIO: .unsafe("\(reference): it is not a regular file; name a regular file")
        case EACCES: .unavailable("\(reference): permission denied; make user \(geteuid()) the file's owner")
        default: .unavailable("\(reference): \(reason(number))")
        }
    }

    private static func judge(
        _ status: stat, path: String, reference: String, forbidden: mode_t
    ) throws(SecretError) {
        guard status.st_mode & S_IFMT == S_IFREG else {
            let what = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "not a regular file"
            throw .unsafe("\(reference): it is \(what); name a regular file")
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw .unsafe(
                "\(reference): it belongs to user \(status.st_uid); it must belong to user \(geteuid()) or root: "
                    + "chown \(geteuid()) \(path)")
        }
        guard status.st_mode & forbidden == 0 else {
            let mode = String(status.st_mode & 0o7777, radix: 8)
            throw .unsafe("\(reference): mode \(mode) lets others at it: chmod 600 \(path)")
        }
    }

    /// Reads to the end, since files under `/proc` and some file systems give no size.
    private static func readAll(_ descriptor: Int32, reference: String) throws(SecretError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .unavailable("\(reference): \(reason(errno))") }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
            guard bytes.count <= SecretText.limit else {
                throw .unsafe("\(reference): the file is larger than 64 KiB; it cannot be a secret")
            }
        }
    }
}
