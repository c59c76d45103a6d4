import CCrypto
import Glibc
import Scheduling
import SyncEngine

/// That an account's keys were refused, as it is kept in the store: no key, only a keyed digest of them.
struct RefusedKeys: Codable, Sendable, Equatable {
    static let subject = "keys"

    /// Of the keys as they were configured then.
    var fingerprint: String
    var reason: String
}

/// A download that may serve again after a restart, as it is kept in the store. The file itself lies in the state folder's
/// `downloads`.
struct KeptDownload: Codable, Sendable, Equatable {
    var file: String
    /// SHA-256 of the file.
    var digest: String
    var requestedAt: Instant
    /// What the list said of the cohort before the download.
    var computedAt: Instant?
    var size: Int?
    var shortage: Int?

    private static let prefix = "file "
    /// No configuration may use one that is older, in milliseconds.
    static let longestLife: Int64 = 31 * 86_400_000

    static func subject(of cohort: String) -> String { prefix + cohort }

    /// The cohort and its download; nil for a note about something else.
    static func read(_ note: SourceNote) -> (cohort: String, kept: KeptDownload)? {
        guard note.subject.hasPrefix(prefix), let kept = AmplitudeJSON.decode(Self.self, from: Array(note.text.utf8)),
            !kept.file.contains("/")
        else { return nil }
        return (String(note.subject.dropFirst(prefix.count)), kept)
    }

    /// Nil when the file cannot be read.
    init?(_ download: ShelvedDownload) {
        guard let name = download.path.split(separator: "/").last, let digest = FileHash.sha256(of: download.path) else {
            return nil
        }
        file = String(name)
        self.digest = digest
        requestedAt = download.requestedAt
        computedAt = download.listed?.computedAt
        size = download.listed?.size
        shortage = download.shortage
    }

    /// The download as a process that has just started finds it.
    func shelved(of cohort: String, in folder: String, requested: Int64) -> ShelvedDownload {
        ShelvedDownload(
            path: folder + "/" + file, listed: ListedCohort(id: cohort, name: "", size: size, computedAt: computedAt),
            requestedAt: requestedAt, requested: requested, isKept: true, digest: digest, shortage: shortage)
    }
}

/// Digests of files.
enum FileHash {
    /// Nil when the file cannot be read.
    static func sha256(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var state = ccrypto_sha256()
        ccrypto_sha256_init(&state)
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = read(file, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            ccrypto_sha256_update(&state, piece, count)
        }
        var digest = [UInt8](repeating: 0, count: 32)
        ccrypto_sha256_final(&state, &digest)
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
