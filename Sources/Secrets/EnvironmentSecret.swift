import Glibc

/// Secrets from environment variables.
enum EnvironmentSecret {
    static func read(_ name: String) throws(SecretError) -> Secret {
        guard let value = getenv(name) else {
            throw .unavailable("env \(name): the variable is not set; set it where rollcall is started")
        }
        let bytes = [UInt8](UnsafeRawBufferPointer(start: value, count: strlen(value)))
        guard !bytes.isEmpty else {
            throw .unavailable("env \(name): the variable is empty; set it where rollcall is started")
        }
        return Secret(bytes)
    }
}

/// Rules for the bytes of a secret, wherever they come from.
enum SecretText {
    /// Largest secret: 64 KiB.
    static let limit = 64 << 10

    /// Takes one newline (LF or CRLF) off the end, which editors and `echo` put there.
    static func withoutNewline(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.last == 0x0A else { return bytes }
        return Array(bytes.dropLast(bytes.dropLast().last == 0x0D ? 2 : 1))
    }
}

/// The system's words for an error number.
func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
