import Foundation
import Glibc

/// Looks for secrets in whatever form something could have written them: as they are, in base64 at each of its three
/// alignments, in hex, percent-encoded, as escapes of JSON.
struct SecretSearch: Sendable {
    /// The secret that was found, and the form it had.
    struct Hit: Hashable, CustomStringConvertible {
        let secret: String
        let form: String
        let place: String
        var description: String { "\(secret) as \(form) in \(place)" }
    }

    private let forms: [(secret: String, form: String, bytes: [UInt8])]
    /// Larger files are searched at their two ends.
    private static let limit = 8 << 20

    /// glibc shows memmem(3) only to those who ask for its extensions.
    private static let memmem: @convention(c) (UnsafeRawPointer, Int, UnsafeRawPointer, Int) -> UnsafeRawPointer? = {
        guard let symbol = dlsym(nil, "memmem") else { preconditionFailure("the C library has no memmem") }
        return unsafeBitCast(symbol, to: (@convention(c) (UnsafeRawPointer, Int, UnsafeRawPointer, Int) -> UnsafeRawPointer?).self)
    }()

    /// - Parameter secrets: names and texts, each of at least 12 characters.
    init(_ secrets: KeyValuePairs<String, String>) {
        forms = secrets.flatMap { name, text in Self.forms(of: Array(text.utf8)).map { (name, $0.0, $0.1) } }
    }

    /// All forms of one secret.
    static func forms(of secret: [UInt8]) -> [(String, [UInt8])] {
        func hex(_ upper: Bool, _ prefix: String) -> [UInt8] {
            Array(secret.map { byte in
                let digits = String(byte, radix: 16, uppercase: upper)
                return prefix + (digits.count < 2 ? "0" : "") + digits
            }.joined().utf8)
        }
        var forms: [(String, [UInt8])] = [
            ("text", secret), ("hex", hex(false, "")), ("capital hex", hex(true, "")), ("percent-encoding", hex(true, "%")),
            ("small percent-encoding", hex(false, "%")), ("escapes of JSON", hex(false, "\\u00")), ("escapes", hex(false, "\\x")),
            ("reversed text", secret.reversed()),
        ]
        for shift in 0..<3 {
            // The digits that the neighbours have no part in; what is behind the secret, a colon too, changes only the last ones.
            let text = Data([UInt8](repeating: 0x3A, count: shift) + secret).base64EncodedString()
            let inner = text.dropFirst([0, 2, 3][shift]).prefix { $0 != "=" }
            let whole = Array(inner.utf8.prefix((secret.count * 8 - [0, 4, 2][shift]) / 6))
            forms.append(("base64 \(shift)", whole))
            forms.append(("base64url \(shift)", whole.map { $0 == 0x2B ? 0x2D : $0 == 0x2F ? 0x5F : $0 }))
        }
        return forms
    }

    func hits(in bytes: some ContiguousBytes, _ place: String) -> [Hit] {
        bytes.withUnsafeBytes { text in
            forms.compactMap { form in
                let found = form.bytes.withUnsafeBytes {
                    Self.memmem(text.baseAddress ?? $0.baseAddress!, text.count, $0.baseAddress!, $0.count)
                }
                return found == nil ? nil : Hit(secret: form.secret, form: form.form, place: place)
            }
        }
    }

    func hits(in text: String, _ place: String) -> [Hit] { hits(in: Array(text.utf8), place) }

    /// Searches every file below a folder, and the files' names.
    func hits(below folder: String, except excluded: Set<String> = []) -> [Hit] {
        guard let names = FileManager.default.enumerator(atPath: folder) else { return [] }
        var found: [Hit] = []
        for case let name as String in names where !excluded.contains(where: { name == $0 || name.hasPrefix($0 + "/") }) {
            found += hits(in: name, "the name \(name)")
            for piece in Self.pieces(of: folder + "/" + name) { found += hits(in: piece, name) }
        }
        return found
    }

    /// The file's content; of a long one both ends. Nothing of what is no ordinary file.
    private static func pieces(of path: String) -> [[UInt8]] {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return [] }
        let size = Int(status.st_size)
        let ranges = size <= limit ? [(0, size)] : [(0, limit / 2), (size - limit / 2, limit / 2)]
        return ranges.map { start, count in
            [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                filled = max(0, pread(descriptor, buffer.baseAddress, count, off_t(start)))
            }
        }
    }
}
