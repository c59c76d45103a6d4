import Glibc

/// Secrets from environment variables.
enum EnvironmentSecret {
    /// - Parameter variable: looks a variable up in the environment.
    static func read(
        _ name: String, variable: (String) -> [UInt8]? = EnvironmentSecret.variable
    ) throws(SecretError) -> Secret {
        guard let bytes = variable(name) else {
            throw .unavailable("env \(name): the variable is not set; set it where rollcall is started")
        }
        guard !bytes.isEmpty else {
            throw .unavailable("env \(name): the variable is empty; set it where rollcall is started")
        }
        return Secret(bytes)
    }

    /// A variable of this process, or nil.
    static func variable(_ name: String) -> [UInt8]? {
        getenv(name).map { [UInt8](UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
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
