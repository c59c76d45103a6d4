import Glibc

/// Why a state file could not be read or written. Each case is a decision; ``message`` is for people.
package enum StateFileError: Error, Sendable, Equatable {
    /// There is no such file. Never to be taken for an empty one.
    case missing(path: String)
    /// The bytes are not what was written: nothing read from the file may be used. `offset` is where that showed.
    case corrupt(path: String, offset: Int, what: String)
    /// A sound state file of another kind: a snapshot in a ledger's place.
    case wrongKind(path: String, expected: String, found: String)
    /// Written by a newer version of this program.
    case tooNew(path: String, version: Int)
    /// A sound file, but not the one that was asked for: older, restored, exchanged.
    case unexpected(path: String, expected: FileDigest, found: FileDigest)
    /// The device, a quota or a size limit is full. What was written so far is gone; the old files are untouched.
    case noSpace(path: String)
    /// The system failed otherwise; `errno` and what was being done.
    case io(path: String, errno: Int32, what: String)

    package var message: String {
        switch self {
        case .missing(let path):
            "\(path) is missing"
        case .corrupt(let path, let offset, let what):
            "\(path) is damaged at byte \(offset): \(what)"
        case .wrongKind(let path, let expected, let found):
            "\(path) holds a \(found) where a \(expected) belongs"
        case .tooNew(let path, let version):
            "\(path) has format \(version), written by a newer version of rollcall"
        case .unexpected(let path, let expected, let found):
            "\(path) is not the file that was recorded: its digest is \(found), expected \(expected)"
        case .noSpace(let path):
            "no space left to write \(path)"
        case .io(let path, let errno, let what):
            "cannot \(what) \(path): \(Self.describe(errno))"
        }
    }

    /// The case that fits a failed system call on `path`.
    static func failed(_ what: String, _ path: String, errno code: Int32) -> StateFileError {
        switch code {
        case ENOSPC, EDQUOT, EFBIG: .noSpace(path: path)
        case ENOENT where what == "open": .missing(path: path)
        default: .io(path: path, errno: code, what: what)
        }
    }

    private static func describe(_ code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        // strerror may not be called from several threads at a time; this form may.
        guard strerror_r(code, &buffer, buffer.count - 1) == 0 else { return "error \(code)" }
        let end = buffer.firstIndex(of: 0) ?? buffer.endIndex
        return String(decoding: buffer[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Identifies the content of a state file: SHA-256 over its header and footer, which holds a checksum of every block.
package struct FileDigest: Hashable, Sendable, CustomStringConvertible {
    /// 32 bytes.
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads 64 lower-case hex digits; nil for anything else.
    package init?(hex: String) {
        guard let bytes = Hexadecimal.bytes(hex), bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// The digest of the empty ledger, which has no file.
    static let ofNothing = FileDigest([UInt8](repeating: 0, count: 32))

    /// 64 hex digits.
    package var description: String { Hexadecimal.text(bytes) }
}
