import Configuration
import Control
import Dashboard
import Glibc
import Scheduling
import SyncEngine
import Synchronization
import TerminalText

/// The files a dashboard reads and writes: the workspace's configuration, saved screens and tables.
final class WorkspaceFiles: Sendable {
    let location: WorkspaceLocation
    /// Where screens and tables are saved.
    private let dumps: String
    /// Which version of the file each shown change was worked out from.
    private let described = Mutex<[ScheduleEdition: String]>([:])
    private let saved = Mutex(0)
    /// What the last file that checked out said, and what is known of its sources' months.
    private let known: Mutex<ConfigurationFacts>

    init(location: WorkspaceLocation, dumps: String? = nil) {
        self.location = location
        self.dumps = dumps ?? location.state.path + "/dumps"
        known = Mutex(ConfigurationFacts(path: location.configuration))
    }

    // MARK: - What the configuration says

    /// What the file says. While it is refused the engine goes on with the last good one, so that is what is told, with
    /// the problem beside it; nothing but the problem where no good one was ever seen.
    /// - Parameter quotas: what the engine says of its sources' months; nil when it was not asked or did not answer.
    func facts(quotas: [QuotaFacts]? = nil) -> ConfigurationFacts {
        var facts = ConfigurationFacts(path: location.configuration)
        var problem: String?
        do throws(ConfigurationError) {
            facts = ConfigurationFacts(try Configuration.load(workspace: location.folder))
        } catch .missing(_) {
            facts.isMissing = true
        } catch {
            let problems = error.problems.map { "rollcall.yaml:\($0.line):\($0.column): \($0.message)" }
            problem = problems.isEmpty ? error.description : problems.joined(separator: "; ")
        }
        let (read, refusal) = (facts, problem)
        return known.withLock { known in
            let months = quotas ?? known.quotas
            if refusal == nil { known = read }
            known.quotas = months
            var told = known
            told.problem = refusal
            return told
        }
    }

    /// The line of a cohort's key in the file.
    func line(of cohort: String) -> Int? {
        (try? Configuration.load(workspace: location.folder))?.model.cohort(cohort)?.place.line
    }

    // MARK: - Schedules

    /// What an edit would change in the file; remembers which version that was.
    func describe(_ edition: ScheduleEdition) -> Result<[LineEdit], EditRefusal> {
        do {
            let loaded = try Configuration.load(workspace: location.folder)
            guard let cohort = loaded.model.cohort(edition.cohort) else {
                return .failure(EditRefusal("cohort \(edition.cohort) is no longer in rollcall.yaml"))
            }
            guard ScheduleSettings(cohort) == edition.before else {
                return .failure(EditRefusal(
                    "the schedule was edited elsewhere meanwhile; Ctrl-R takes that version up"))
            }
            var editor = try ConfigurationEditor(loaded.bytes, file: loaded.path)
            try ConfigurationEditing.schedule(edition.request, in: &editor)
            described.withLock { known in
                if known.count > 50 { known = [:] }
                known[edition] = loaded.digest
            }
            return .success(editor.describeChange().map { LineEdit(line: $0.line, old: $0.old, new: $0.new) })
        } catch let error as ConfigurationEditError {
            return .failure(EditRefusal(error.description))
        } catch let error as ConfigurationError {
            return .failure(EditRefusal(error.description))
        } catch {
            return .failure(EditRefusal("\(error)"))
        }
    }

    /// Refuses when the file is no longer what the shown change was worked out from.
    func checkUnchanged(since edition: ScheduleEdition) throws(Refusal) {
        let digest = described.withLock { $0[edition] }
        let now = (try? Configuration.load(workspace: location.folder))?.digest
        guard let digest, digest == now else {
            throw Refusal(code: 1, message: "rollcall.yaml was edited meanwhile; nothing was written, save again")
        }
    }

    // MARK: - Cohorts

    /// The draft of a new cohort, kept until it is in the file.
    var draft: String { location.state.path + "/new-cohort.yaml" }

    /// Adds the drafted cohort behind the others.
    /// - Returns: its key; nil when the draft holds nothing but comments.
    func addDraft() throws -> String? {
        let lines = try CohortDraft.lines(at: draft)
        let model = try? Configuration.load(workspace: location.folder).model
        guard !lines.isEmpty, lines != CohortDraft.contents(of: CohortDraft.template(for: model)) else {
            unlink(draft)
            return nil
        }
        try makeConfiguration()
        var key: String?
        var problem: String?
        do throws(Refusal) {
            try ConfigurationEditing.edit(location) { editor throws(ConfigurationEditError) in
                let known = Set(editor.model.cohorts.map(\.key))
                do throws(ConfigurationEditError) {
                    try editor.addCohort(lines.joined(separator: "\n"))
                } catch {
                    if case .invalid(let invalid) = error { problem = invalid.problems.first?.message }
                    throw error
                }
                key = editor.model.cohorts.map(\.key).first { !known.contains($0) }
            }
        } catch {
            // Its place is one in a file that was never written.
            throw problem.map { Refusal(code: error.code, message: "in the draft: \($0)") } ?? error
        }
        unlink(draft)
        return key
    }

    /// Writes a first configuration, without cohorts, where there is none.
    func makeConfiguration() throws(Refusal) {
        guard access(location.configuration, F_OK) != 0 else { return }
        try PrivateFile.write(CohortDraft.firstConfiguration, to: location.configuration, folder: location.folder)
    }

    /// Adds a cohort that a source has behind the others.
    func add(_ addition: CatalogAddition) throws(Refusal) {
        func quoted(_ text: String) -> String {
            "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
        }
        let block = """
            \(addition.key):
              name: \(quoted(addition.name))
              id: \(quoted(addition.id))
              source: \(addition.source)
              to: [\(addition.destination)]
              schedule: manual
            """
        try ConfigurationEditing.edit(location) { editor throws(ConfigurationEditError) in
            try editor.addCohort(block)
        }
    }

    /// Writes the template unless a draft waits that did not check out.
    func prepareDraft() throws(Refusal) {
        guard access(draft, F_OK) != 0 else { return }
        let model = try? Configuration.load(workspace: location.folder).model
        try PrivateFile.write(CohortDraft.template(for: model), to: draft, folder: location.state.path)
    }

    // MARK: - Saving

    /// Saves text under a name of its own, or the one asked for.
    /// - Returns: the path.
    func dump(_ text: String, name: String?, kind: String, ending: String) -> Result<String, Refusal> {
        let file: String
        if let name {
            guard !name.isEmpty, !name.contains("/"), !name.hasPrefix("."), name.utf8.count <= 200 else {
                return .failure(Refusal(code: 64, message: "a dump's name is a plain file name, without slashes"))
            }
            file = name.contains(".") ? name : name + "." + ending
        } else {
            let number = saved.withLock { number in
                number += 1
                return number
            }
            let time = SystemClock().now().rfc3339.prefix(19).map { $0 == ":" ? "" : String($0) }.joined()
            file = "\(kind)-\(time)-\(getpid())-\(number).\(ending)"
        }
        do throws(Refusal) {
            try PrivateFile.write(text, to: dumps + "/" + file, folder: dumps, replacing: name != nil)
            return .success(dumps + "/" + file)
        } catch {
            return .failure(error)
        }
    }

    /// Keeps what was copied in a file.
    /// - Returns: its path; nil when it could not be written.
    func keepClip(_ text: String) -> String? {
        let path = dumps + "/clip.txt"
        do throws(Refusal) {
            try PrivateFile.write(text, to: path, folder: dumps, replacing: true)
            return path
        } catch {
            return nil
        }
    }
}

/// Files that only their owner can read.
enum PrivateFile {
    /// Writes a whole file, mode 0600, in a folder that is made with mode 0700 when it is not there. An existing file, or
    /// a link in its place, is an error unless it is to be replaced; a link is never followed.
    static func write(_ text: String, to path: String, folder: String, replacing: Bool = false) throws(Refusal) {
        func failure() -> Refusal {
            Refusal(code: 1, message: "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        var made = ""
        for part in folder.split(separator: "/", omittingEmptySubsequences: true) {
            made += "/" + part
            if access(made, F_OK) != 0, mkdir(made, 0o700) != 0, errno != EEXIST { throw failure() }
        }
        if replacing { unlink(path) }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure() }
            offset += count
        }
    }
}
