import HTTPClient
import Scheduling
import SyncEngine

/// How a cohort of Amplitude is read beyond what the vendor's contract says.
package struct AmplitudeReading: Sendable, Equatable {
    /// A scheduled run takes the file that an earlier one downloaded this long ago at most, in seconds, so that one
    /// download serves all destinations.
    package var shareSeconds: Int
    /// A scheduled run takes the earlier file also while Amplitude's `lastComputed` and `size` are what they were then,
    /// this long at most, in seconds; nil downloads every time.
    package var reuseSeconds: Int?

    package init(shareSeconds: Int = 60, reuseSeconds: Int? = nil) {
        self.shareSeconds = shareSeconds
        self.reuseSeconds = reuseSeconds
    }
}

/// A behavioral cohort of Amplitude (https://amplitude.com/docs/apis/analytics/behavioral-cohorts), downloaded whole in
/// three steps and read like any CSV file. Anonymous users name nobody and withhold nothing.
///
/// Before a download costs anything the list of cohorts is asked: an archived cohort and one of groups fail, a renamed
/// one is noted. A file with fewer rows than Amplitude counted withholds leaves; see ``AmplitudeCompleteness``.
package struct AmplitudeSource: MemberSource {
    package let kind = "amplitude"

    private let cohort: String
    private let name: String
    private let reading: AmplitudeReading
    private let project: AmplitudeProject
    private let account: AmplitudeAccount
    private let transport: any HTTPTransport

    /// - Parameters:
    ///   - cohort: the id in Amplitude.
    ///   - name: the configured name; where Amplitude's differs, that is noted.
    package init(
        cohort: String, name: String, reading: AmplitudeReading, project: AmplitudeProject, account: AmplitudeAccount,
        transport: any HTTPTransport
    ) {
        self.cohort = cohort
        self.name = name
        self.reading = reading
        self.project = project
        self.account = account
        self.transport = transport
    }

    package var definition: String { "cohort \(cohort)" }
    package var blockedReason: String? { account.refusedReason(project) }

    package func fetch(into rows: any MemberRows, stop: StopFlag) throws(SourceError) {
        try fetch(into: rows, occasion: .manual, stop: stop)
    }

    package func fetch(into rows: any MemberRows, occasion: FetchOccasion, stop: StopFlag) throws(SourceError) {
        if occasion == .manual { account.accepted() }
        if let reason = blockedReason { throw .misconfigured(reason) }
        let asked = account.clock.monotonic()
        while !account.shelf.take(cohort) { try account.wait(milliseconds: 200, stop: stop) }
        defer { account.shelf.giveBack(cohort) }
        let calls = calls(stop, rows.progress)
        let listed = try calls.list()[cohort]
        if let obstacle = listed?.obstacle { throw .misconfigured("\(shown): \(obstacle); nothing is sent for it") }
        noteRename(listed, in: rows)
        sweep()
        if let file = shared(listed, occasion: occasion, asked: asked, rows: rows) {
            return try read(file, into: rows, stop: stop)
        }
        try readMonth(calls)
        try read(try download(calls, listed: listed, occasion: occasion), into: rows, stop: stop, judgedBy: calls)
    }

    private var shown: String { "cohort \(PrintableText.from(cohort, limit: 200))" }

    private func calls(
        _ stop: StopFlag, _ progress: @escaping @Sendable (String) -> Void = { _ in }
    ) -> AmplitudeCalls {
        AmplitudeCalls(project: project, account: account, transport: transport, stop: stop, progress: progress)
    }

    /// The trait is made of the configured name, so a rename changes nothing until somebody adopts it.
    private func noteRename(_ listed: ListedCohort?, in rows: any MemberRows) {
        guard let listed, !listed.name.isEmpty, !listed.name.utf8.elementsEqual(name.utf8) else { return }
        rows.note(
            "Amplitude calls this cohort \"\(PrintableText.from(listed.name, limit: 200))\" and the configuration "
                + "\"\(PrintableText.from(name, limit: 200))\"; the trait stays, adopt the name by editing it")
    }

    // MARK: - Earlier files

    /// An earlier file that serves this run too; nil when a download is needed.
    private func shared(
        _ listed: ListedCohort?, occasion: FetchOccasion, asked: Int64, rows: any MemberRows
    ) -> ShelvedDownload? {
        guard let file = account.shelf.file(of: cohort), isWhole(file) else { return nil }
        // It was requested while this run waited for its turn: nothing could be fresher.
        if file.requested >= asked { return file }
        guard occasion == .schedule else { return nil }
        let age = account.clock.monotonic() - file.requested
        if age <= Int64(reading.shareSeconds) * 1000 {
            rows.note("the members are those downloaded at \(file.requestedAt.rfc3339Seconds), shared with another run")
            return file
        }
        guard let reuse = reading.reuseSeconds, age <= Int64(reuse) * 1000, let listed, listed.computedAt != nil,
            listed.computedAt == file.listed?.computedAt, listed.size == file.listed?.size
        else { return nil }
        rows.note(
            "not downloaded: Amplitude has not computed it since the download at \(file.requestedAt.rfc3339Seconds)")
        return file
    }

    /// Whether the file is still what was downloaded. One that an earlier process left may be damaged, or gone because a
    /// user was purged.
    private func isWhole(_ file: ShelvedDownload) -> Bool {
        guard file.isKept else { return true }
        guard let digest = file.digest else { return SystemFile.exists(file.path) }
        guard FileHash.sha256(of: file.path) == digest else {
            account.shelf.remove(cohort)
            return false
        }
        var checked = file
        checked.digest = nil
        account.shelf.put(checked, for: cohort)
        return true
    }

    private func sweep() {
        let kept = max(reading.shareSeconds, reading.reuseSeconds ?? 0)
        account.shelf.sweep(before: account.clock.monotonic() - Int64(kept) * 1000)
    }

    // MARK: - Download

    private func readMonth(_ calls: AmplitudeCalls) throws(SourceError) {
        guard account.isUsageDue(), let reading = try calls.usage() else { return }
        BlockingThread.wait { [gate = account.gate] in await gate.learned(reading) }
    }

    private func download(
        _ calls: AmplitudeCalls, listed: ListedCohort?, occasion: FetchOccasion
    ) throws(SourceError) -> ShelvedDownload {
        let keeps = reading.reuseSeconds != nil && listed?.computedAt != nil
        let (path, isKept) = account.shelf.freshPath(keeps: keeps)
        let file = try ReceivedFile(path: path, limit: AmplitudeDownload.fileLimit, stop: calls.stop)
        do throws(SourceError) {
            let requestedAt = try AmplitudeDownload(
                calls: calls, cohort: cohort, isListed: listed != nil, occasion: occasion
            ).fill(file)
            let age = account.clock.now().milliseconds(since: requestedAt)
            return ShelvedDownload(
                path: file.path, listed: listed, requestedAt: requestedAt,
                requested: account.clock.monotonic() - max(0, age), isKept: isKept)
        } catch {
            SystemFile.remove(file.path)
            throw error
        }
    }

    /// Reads a file into the rows; a fresh one is judged first and then kept for others.
    private func read(
        _ download: ShelvedDownload, into rows: any MemberRows, stop: StopFlag, judgedBy calls: AmplitudeCalls? = nil
    ) throws(SourceError) {
        var download = download
        let counted = CountedRows(rows)
        var csv = CSVSource(path: download.path, root: nil, column: "user_id", header: .present)
        csv.shownAs = "the file of \(shown)"
        csv.textLimit = AmplitudeDownload.textLimit
        do throws(SourceError) {
            try csv.fetch(into: counted, stop: stop)
            if let calls {
                download.shortage = try AmplitudeCompleteness.shortage(rows: counted.count, before: download.listed) {
                    () throws(SourceError) in try calls.list()[cohort]
                }
                account.shelf.put(download, for: cohort)
                if download.isKept { account.keep(download, of: cohort) }
            }
        } catch {
            if calls != nil { SystemFile.remove(download.path) }
            // What a server sends wrongly once it may send rightly next time.
            if case .misconfigured(let reason) = error { throw .unavailable(reason) }
            throw error
        }
        guard let shortage = download.shortage else { return }
        rows.unreadable(
            .missingRows, at: counted.count + 2,
            detail: "the file has \(grouped(counted.count)) and Amplitude counts \(grouped(shortage))")
    }

    // MARK: - Looking

    package func probe() throws(SourceError) -> String {
        let list = try calls(StopFlag()).list()
        guard let listed = list[cohort] else {
            throw .misconfigured(
                "\(shown) is not among the \(grouped(list.cohorts.count)) cohorts that Amplitude lists: deleted, "
                    + "mistyped, or not discoverable (a run tries to download it all the same)")
        }
        if let obstacle = listed.obstacle { throw .misconfigured("\(shown): \(obstacle)") }
        let size = listed.size.map { "\(grouped($0)) members" } ?? "size unknown"
        let computed = listed.computedAt.map { ", computed \($0.rfc3339Seconds)" } ?? ""
        return "\"\(PrintableText.from(listed.name, limit: 200))\", \(size)\(computed)"
    }
}

/// The cohorts of an Amplitude project.
package struct AmplitudeCatalog: CohortCatalog {
    private let project: AmplitudeProject
    private let account: AmplitudeAccount
    private let transport: any HTTPTransport

    package init(project: AmplitudeProject, account: AmplitudeAccount, transport: any HTTPTransport) {
        self.project = project
        self.account = account
        self.transport = transport
    }

    package func cohorts() throws(SourceError) -> CatalogListing {
        let calls = AmplitudeCalls(project: project, account: account, transport: transport, stop: StopFlag(), progress: { _ in })
        let list = try calls.list()
        let entries = list.cohorts.map { cohort in
            CatalogEntry(
                id: cohort.id, name: cohort.name, size: cohort.size, computedAt: cohort.computedAt,
                obstacle: cohort.obstacle)
        }
        let month = try calls.usage().map { "\(grouped($0.used)) of \(grouped($0.limit)) downloads of the month used" }
        return CatalogListing(entries: entries, account: month)
    }
}

/// Counts rows on their way.
private final class CountedRows: MemberRows {
    private let rows: any MemberRows
    private(set) var count = 0

    init(_ rows: any MemberRows) { self.rows = rows }

    func row(_ id: UnsafeRawBufferPointer, at position: Int) {
        count += 1
        rows.row(id, at: position)
    }

    func nobody(at position: Int) {
        count += 1
        rows.nobody(at: position)
    }

    func unreadable(_ reason: UnreadableReason, at position: Int, detail: String) {
        count += 1
        rows.unreadable(reason, at: position, detail: detail)
    }

    func note(_ sentence: String) { rows.note(sentence) }
    var progress: @Sendable (String) -> Void { rows.progress }
}
