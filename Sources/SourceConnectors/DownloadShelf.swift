import Glibc
import Scheduling
import Synchronization

/// One downloaded file, as it came.
struct ShelvedDownload: Sendable {
    var path: String
    /// The cohort as it was listed before the download; nil when it was not listed.
    var listed: ListedCohort?
    /// When it was requested: civil time, and monotonic milliseconds.
    var requestedAt: Instant
    var requested: Int64
    /// It lies where it outlives the process.
    var isKept = false
    /// What the file must be; nil for one that this process wrote.
    var digest: String?
    /// How many rows there should have been, when some are missing.
    var shortage: Int?
}

/// The latest file of each cohort, for destinations that are due soon after each other. One reader a cohort at a time, so
/// that two runs never download the same file twice.
final class DownloadShelf: Sendable {
    private struct State {
        var files: [String: ShelvedDownload] = [:]
        var busy: Set<String> = []
        var next = 0
    }

    private let folder: String
    private let kept: String?
    private let name: String
    private let state = Mutex(State())

    /// - Parameter kept: where files lie that outlive the process; nil keeps none.
    init(folder: String, kept: String? = nil, name: String) {
        self.folder = folder
        self.kept = kept
        self.name = name
    }

    deinit { removeAll() }

    /// Removes every file that is not kept; nobody reads any more.
    func removeAll() {
        let files = state.withLock { state in
            defer { state.files = [:] }
            return state.files
        }
        for file in files.values where !file.isKept { unlink(file.path) }
    }

    /// Takes the cohort for oneself; false while another has it.
    func take(_ cohort: String) -> Bool {
        state.withLock { $0.busy.insert(cohort).inserted }
    }

    func giveBack(_ cohort: String) {
        _ = state.withLock { $0.busy.remove(cohort) }
    }

    func file(of cohort: String) -> ShelvedDownload? {
        state.withLock { $0.files[cohort] }
    }

    /// A path for the next file, and whether it outlives the process there.
    func freshPath(keeps: Bool) -> (path: String, isKept: Bool) {
        if keeps, let kept {
            let number = String(UInt64.random(in: .min ... .max), radix: 16)
            return ("\(kept)/amplitude-\(name.prefix(16))-\(number).csv", true)
        }
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        return ("\(folder)/amplitude-\(name.prefix(16))-\(number).csv", false)
    }

    /// Keeps a file in place of the cohort's former one.
    func put(_ file: ShelvedDownload, for cohort: String) {
        let former = state.withLock { $0.files.updateValue(file, forKey: cohort) }
        if let former, former.path != file.path { unlink(former.path) }
    }

    /// Forgets a cohort's file.
    func remove(_ cohort: String) {
        let former = state.withLock { $0.files.removeValue(forKey: cohort) }
        if let former { unlink(former.path) }
    }

    /// Removes the files that were requested before a monotonic time and that nobody reads.
    func sweep(before monotonic: Int64) {
        let old = state.withLock { state in
            let old = state.files.filter { $0.value.requested < monotonic && !state.busy.contains($0.key) }
            for cohort in old.keys { state.files[cohort] = nil }
            return old
        }
        for file in old.values { unlink(file.path) }
    }
}
