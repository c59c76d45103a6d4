import CCrypto
import Glibc

/// The file as it lies on disk.
enum ConfigurationFile {
    /// Largest configuration: 1 MiB.
    static let limit = 1 << 20

    /// The whole file. A symbolic link is followed, since dotfiles are often linked into place.
    static func read(_ path: String) throws(ConfigurationError) -> [UInt8] {
        guard !path.utf8.contains(0) else { throw .unreadable(file: path, reason: "the path holds a NUL byte") }
        // O_NONBLOCK keeps a FIFO from blocking the open.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else {
            if errno == ENOENT { throw .missing(file: path) }
            throw .unreadable(file: path, reason: String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(file: path, reason: "it is not a regular file")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .unreadable(file: path, reason: String(cString: strerror(errno))) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            // Enough to see that it is too large; the parser says so.
            if bytes.count > limit { return bytes }
        }
    }

    /// SHA-256, 64 lower-case hexadecimal digits.
    static func digest(_ bytes: [UInt8]) -> String {
        var state = ccrypto_sha256()
        ccrypto_sha256_init(&state)
        ccrypto_sha256_update(&state, bytes, bytes.count)
        var digest = [UInt8](repeating: 0, count: 32)
        ccrypto_sha256_final(&state, &digest)
        return digest.map { byte in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0" + text : text
        }.joined()
    }
}
