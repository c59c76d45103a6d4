import Foundation
import GRDB
import Scheduling
import SyncEngine
import Testing

@testable import SQLiteStore

/// A file that goes away with the test.
final class TemporaryFile: Sendable {
    let path: String

    init() {
        path = NSTemporaryDirectory() + "store-\(UUID().uuidString).db"
    }

    deinit {
        for suffix in ["", "-journal", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }
}

private let start = Instant(seconds: 1_767_225_600)
private let big = SyncID(cohort: "big", destination: "seg")
private let small = SyncID(cohort: "small", destination: "seg")

@Suite struct SQLiteStoreTests {
    private let identity = SyncIdentity(
        trait: "T", template: "{name}", sourceKind: "csv", sourceDefinition: "d", destinationKind: "segment",
        destinationAddress: "a")

    private func draft(_ sync: SyncID = big, nominal: Instant? = nil) -> RunRecord {
        RunRecord(
            id: RunID(0), sync: sync, trigger: nominal == nil ? .manual : .schedule, mode: .changes, nominal: nominal,
            createdAt: start, identity: identity)
    }

    private func created(
        _ store: SQLiteStore, _ sync: SyncID = big, nominal: Instant? = nil
    ) async throws -> RunRecord {
        try #require(try await store.createRun(draft(sync, nominal: nominal)))
    }

    private func finished(_ run: RunRecord, at instant: Instant = start) -> RunRecord {
        var run = run
        run.phase = .finished
        run.outcome = .succeeded
        run.finishedAt = instant
        return run
    }

    @Test func aFileThatIsBeingMadeSaysAsMuchAsNone() async throws {
        let file = TemporaryFile()
        try Data().write(to: URL(fileURLWithPath: file.path))
        let store = try SQLiteStore.looking(at: file.path)
        #expect(try await store.isFrozen() == false)
        #expect(try await store.syncStates().isEmpty)
        let real = try SQLiteStore(path: file.path)
        let entry = AuditEntry(at: start, actor: "uid:0", action: "freeze", subject: "everything")
        try await real.setFrozen(true, audit: entry)
        #expect(try await SQLiteStore.looking(at: file.path).isFrozen())
    }

    @Test func notesOfSourcesStayUntilTheyAreReplacedOrForgotten() async throws {
        let store = try SQLiteStore.empty()
        try await store.saveSourceNote("1", subject: "keys", of: "a")
        try await store.saveSourceNote("2", subject: "file x", of: "a")
        try await store.saveSourceNote("3", subject: "keys", of: "b")
        try await store.saveSourceNote("4", subject: "keys", of: "a")
        try await store.saveSourceNote(nil, subject: "file x", of: "a")
        try await store.saveSourceNote(nil, subject: "never", of: "a")
        #expect(try await store.sourceNotes() == [
            SourceNote(account: "a", subject: "keys", text: "4"), SourceNote(account: "b", subject: "keys", text: "3"),
        ])
    }

    @Test func downloadsAreCountedByAccountAndForgottenInTime() async throws {
        let file = TemporaryFile()
        let store = try SQLiteStore(path: file.path)
        for day in 0..<3 {
            try await store.recordDownload(account: "a", cohort: "c", at: start.advanced(seconds: Int64(day) * 86_400))
        }
        try await store.recordDownload(account: "b", cohort: "c", at: start)
        #expect(try await store.downloads(of: "a", since: start).count == 3)
        #expect(try await store.downloads(of: "a", since: start.advanced(seconds: 1)).count == 2)
        try await store.recordDownload(account: "a", cohort: "c", at: start)
        try await store.withdrawDownload(account: "a", at: start)
        try await store.withdrawDownload(account: "a", at: start.advanced(seconds: 7))
        #expect(try await store.downloads(of: "a", since: start).count == 3, "one of two of the same instant")
        try await store.recordDownload(account: "a", cohort: "c", at: start.advanced(seconds: 101 * 86_400))
        #expect(try await store.downloads(of: "a", since: start).count == 3, "the first is forgotten")
        #expect(try await store.downloads(of: "b", since: start).count == 1)

        #expect(try await store.quotaReading(of: "a") == nil)
        for used in [17, 18] {
            let reading = QuotaReading(limit: 500, used: used, resetsAt: used == 17 ? nil : 5, readAt: 3)
            try await store.saveQuotaReading(reading, of: "a")
            #expect(try await store.quotaReading(of: "a") == reading)
        }
        #expect(try await SQLiteStore(path: file.path).quotaReading(of: "a")?.used == 18, "durable")
    }

    private func entry(_ action: String) -> AuditEntry {
        AuditEntry(at: start, actor: "uid:0", action: action, subject: "s", reason: nil)
    }

    private func reject(_ member: String, _ run: RunID, attempts: Int = 1, reason: String = "bad") -> Reject {
        Reject(
            id: 0, sync: big, run: run, member: [UInt8](member.utf8), entered: true, reason: reason, httpStatus: 400,
            attempts: attempts, at: start)
    }

    // MARK: - File

    @Test("what was stored is there after reopening, every field of it")
    func reopening() async throws {
        let file = TemporaryFile()
        var run: RunRecord
        var state = SyncState(sync: big)
        let namespace: [UInt8]
        var place = DestinationState(destination: "seg")
        do {
            let store = try SQLiteStore(path: file.path)
            namespace = try await store.namespace()
            run = try await created(store, nominal: start)
            run.startedAt = start
            run.fetched = FetchCounts()
            run.badRows = [BadRow(position: 3, reason: "broken \"quoting\"", isUnreadable: true)]
            run.snapshot = SnapshotReference(file: "f", digest: "d")
            run.plan = PlanFacts(file: "p", digest: "d", hash: "h")
            run.holds = [Hold(guardName: "shrink", detail: "ü")]
            run.notes = ["n"]
            run.delivery.accepted = 4
            run.approval = Approval(by: "uid:1", at: start, reason: "r")
            run.replacedBy = RunID(99)
            run.ledgerAfter = 12
            run.phase = .held
            state.told = identity
            state.ledger = LedgerReference(file: "l", digest: "d", members: 1, toldFalse: 2, unknown: 3)
            state.lastTimestamp = start
            state.lastPlanned = RunID(17)
            state.lastOccurrence = start
            state.declinedTrait = "old"
            state.scheduleSignature = "every 10m"
            state.scheduleLoadedAt = start
            try await store.commitPlan(run, state: state, memberHashes: [1, .max])
            place.blockedReason = "401"
            place.blockedAt = start
            place.blockedAddress = "a"
            place.countLimit = 5
            place.countLimitAddress = "https://api.example"
            try await store.saveDestinationState(place)
        }
        let store = try SQLiteStore(path: file.path)
        #expect(try await store.run(run.id) == run)
        #expect(try await store.syncStates() == [state])
        #expect(try await store.destinationStates() == [place])
        #expect(try await store.namespace() == namespace)
        #expect(namespace.count == 16)
        #expect(try await store.runs(RunFilter()) == [run])
        #expect(try await store.integrityFaults() == [])
    }

    @Test("two stores have two namespaces")
    func namespaces() async throws {
        let (one, two) = (try SQLiteStore.empty(), try SQLiteStore.empty())
        #expect(try await one.namespace() != two.namespace())
    }

    @Test("a file of a newer build is refused, to read and to write", arguments: [false, true])
    func newer(readOnly: Bool) throws {
        let file = TemporaryFile()
        _ = try SQLiteStore(path: file.path)
        try DatabaseQueue(path: SQLiteStore.summed(file.path)).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 later')")
        }
        let error = #expect(throws: StoreError.self) { _ = try SQLiteStore(path: file.path, readOnly: readOnly) }
        guard case .corrupt(let text)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains("newer"))
    }

    @Test("a damaged file is refused as damaged", arguments: [false, true])
    func damaged(readOnly: Bool) throws {
        let file = TemporaryFile()
        try Data(repeating: 0x41, count: 8_192).write(to: URL(fileURLWithPath: file.path))
        let error = #expect(throws: StoreError.self) { _ = try SQLiteStore(path: file.path, readOnly: readOnly) }
        guard case .corrupt? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("a damaged page is a fault or an error, never a guess")
    func damagedPage() async throws {
        let file = TemporaryFile()
        do {
            let store = try SQLiteStore(path: file.path)
            for _ in 0..<50 { _ = try await created(store) }
        }
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file.path))
        for index in 4_096..<bytes.count { bytes[index] = 0xA5 }
        try bytes.write(to: URL(fileURLWithPath: file.path))
        await #expect(throws: StoreError.self) {
            let store = try SQLiteStore(path: file.path)
            let faults = try await store.integrityFaults()
            if !faults.isEmpty { throw StoreError.corrupt(faults[0]) }
        }
    }

    @Test("a store opened for listings writes nothing")
    func readOnly() async throws {
        let file = TemporaryFile()
        _ = try await created(try SQLiteStore(path: file.path))
        let store = try SQLiteStore(path: file.path, readOnly: true)
        #expect(try await store.runs(RunFilter()).count == 1)
        await #expect(throws: StoreError.self) { try await store.appendAudit(entry("a")) }
    }

    @Test("a missing file is no store for listings")
    func missing() {
        #expect(throws: StoreError.self) { _ = try SQLiteStore(path: TemporaryFile().path, readOnly: true) }
    }

    // MARK: - Runs

    @Test("runs are numbered upwards for ever, also after old ones are removed")
    func numbers() async throws {
        let store = try SQLiteStore.empty()
        let (first, second) = (try await created(store), try await created(store))
        #expect(first.id == RunID(1) && second.id == RunID(2))
        for run in [first, second] {
            try await store.finishRun(finished(run), state: nil, rejects: RejectChanges())
        }
        _ = try await store.removeRuns(finishedBefore: start.advanced(seconds: 1), limit: 10)
        #expect(try await created(store).id == RunID(3))
    }

    @Test("an occurrence starts at most one run, ever, and none once it was passed over")
    func occurrences() async throws {
        let store = try SQLiteStore.empty()
        let run = try await created(store, nominal: start)
        #expect(try await store.createRun(draft(nominal: start)) == nil)
        #expect(try await store.runs(RunFilter()).count == 1)
        #expect(try await store.createRun(draft(small, nominal: start)) != nil)
        let next = start.advanced(seconds: 60)
        try await store.recordSkip(SkippedOccurrence(sync: big, nominal: next, missed: 2, reason: "held"))
        #expect(try await store.createRun(draft(nominal: next)) == nil)
        try await store.recordSkip(SkippedOccurrence(sync: big, nominal: start, missed: 0, reason: "late"))
        #expect(try await store.skips(of: big, limit: 9).map(\.nominal) == [next])
        #expect(try await store.skips(of: big, limit: 9).first?.missed == 2)
        #expect(try await store.syncStates().first { $0.sync == small }?.lastOccurrence == start)
        try await store.finishRun(finished(run), state: nil, rejects: RejectChanges())
        _ = try await created(store)
        _ = try await store.removeRuns(finishedBefore: start.advanced(seconds: 9), limit: 10)
        #expect(try await store.createRun(draft(nominal: start)) == nil, "forgotten with its run")
    }

    @Test("a record whose phase contradicts the rest is refused and nothing changes")
    func checks() async throws {
        let store = try SQLiteStore.empty()
        let run = try await created(store)
        let wrong: [(inout RunRecord) -> Void] = [
            { $0.phase = .finished }, { $0.outcome = .failed }, { $0.finishedAt = start }, { $0.phase = .sending },
            { $0.phase = .held; $0.plan = PlanFacts(file: "p", digest: "d", hash: "h") },
            { $0.phase = .held; $0.holds = [Hold(guardName: "g", detail: "d")] },
        ]
        for change in wrong {
            var bad = run
            change(&bad)
            let copy = bad
            await #expect(throws: StoreError.self) { try await store.saveRun(copy) }
        }
        #expect(try await store.run(run.id) == run)
    }

    @Test("listings filter by sync, number and phase")
    func listings() async throws {
        let store = try SQLiteStore.empty()
        for sync in [big, small, big, small] { _ = try await created(store, sync) }
        let third = try #require(try await store.run(RunID(3)))
        try await store.finishRun(finished(third), state: nil, rejects: RejectChanges())
        func numbers(_ filter: RunFilter) async throws -> [Int64] { try await store.runs(filter).map(\.id.number) }
        #expect(try await numbers(RunFilter()) == [4, 3, 2, 1])
        #expect(try await numbers(RunFilter(syncs: [big])) == [3, 1])
        #expect(try await numbers(RunFilter(syncs: [])) == [])
        #expect(try await numbers(RunFilter(before: RunID(3))) == [2, 1])
        #expect(try await numbers(RunFilter(unfinishedOnly: true)) == [4, 2, 1])
        #expect(try await numbers(RunFilter(limit: 2)) == [4, 3])
        var after = RunFilter(limit: 2)
        after.after = RunID(1)
        #expect(try await numbers(after) == [2, 3])
    }

    @Test("runs that name a member: those indexed under it, and all that are not indexed")
    func naming() async throws {
        let store = try SQLiteStore.empty()
        for hashes: [UInt64]? in [[1, 2], [2], nil, []] {
            var run = try await created(store)
            run.plan = PlanFacts(file: "p", digest: "d", hash: "h")
            try await store.commitPlan(run, state: SyncState(sync: big), memberHashes: hashes)
        }
        _ = try await created(store)
        #expect(try await store.runsNaming(memberHash: 1).map(\.id.number) == [3, 1])
        #expect(try await store.runsNaming(memberHash: 2).map(\.id.number) == [3, 2, 1])
        #expect(try await store.runsNaming(memberHash: .max).map(\.id.number) == [3])
        // Saving the run again must not take it out of the index.
        let first = try #require(try await store.run(RunID(1)))
        try await store.saveRun(first)
        #expect(try await store.runsNaming(memberHash: .max).map(\.id.number) == [3])
    }

    @Test("leaves count for the 24-hour guard unless somebody approved the run")
    func leaves() async throws {
        let store = try SQLiteStore.empty()
        for (leaves, approved, age) in [(5, false, Int64(0)), (7, true, 0), (11, false, -90_000), (13, false, 0)] {
            var run = finished(try await created(store), at: start.advanced(seconds: age))
            run.delivery.acceptedLeft = leaves
            if approved { run.approval = Approval(by: "uid:0", at: start, reason: nil) }
            try await store.finishRun(run, state: nil, rejects: RejectChanges())
        }
        #expect(try await store.unapprovedLeaves(of: big, since: start.advanced(seconds: -86_400)) == 18)
        #expect(try await store.unapprovedLeaves(of: big, since: start.advanced(seconds: 1)) == 0)
        #expect(try await store.unapprovedLeaves(of: small, since: start.advanced(seconds: -86_400)) == 0)
    }

    @Test("removing old runs keeps the last of each sync, unfinished ones, and everything younger")
    func removing() async throws {
        let store = try SQLiteStore.empty()
        for sync in [big, big, small, big] {
            let run = try await created(store, sync)
            let fact = BatchFact.put(BatchRecord(range: 0..<1, state: .accepted, attempts: 1, request: "r", at: start))
            try await store.saveBatches([fact], of: run.id, counts: DeliveryCounts())
        }
        for number in Int64(2)...4 {
            let run = try #require(try await store.run(RunID(number)))
            try await store.finishRun(finished(run), state: nil, rejects: RejectChanges())
        }
        #expect(try await store.removeRuns(finishedBefore: start, limit: 10).isEmpty)
        let removed = try await store.removeRuns(finishedBefore: start.advanced(seconds: 1), limit: 10)
        #expect(removed.map(\.id.number) == [2])
        #expect(try await store.runs(RunFilter()).map(\.id.number) == [4, 3, 1])
        #expect(try await store.batches(of: RunID(2)).isEmpty)
        #expect(try await store.batches(of: RunID(1)).count == 1)
    }

    // MARK: - Batches

    @Test("facts are applied in their order, and counts stand with them")
    func batches() async throws {
        let store = try SQLiteStore.empty()
        let run = try await created(store)
        func record(_ range: Range<Int>, _ state: BatchState) -> BatchRecord {
            BatchRecord(
                range: range, state: state, httpStatus: 500, attempts: 2, request: "1.3", reason: "it's \"off\"",
                at: start)
        }
        var counts = DeliveryCounts()
        counts.accepted = 2
        let halves: [BatchFact] = [
            .put(record(0..<4, .sending)), .remove(first: 0), .put(record(0..<2, .unknown)),
            .put(record(2..<4, .sending)), .put(record(2..<4, .accepted)),
        ]
        try await store.saveBatches(halves, of: run.id, counts: counts)
        #expect(try await store.batches(of: run.id) == [record(0..<2, .unknown), record(2..<4, .accepted)])
        #expect(try await store.run(run.id)?.delivery == counts)
        try await store.saveBatches([.put(record(0..<2, .accepted)), .remove(first: 0)], of: run.id, counts: counts)
        #expect(try await store.batches(of: run.id) == [record(2..<4, .accepted)])
        #expect(try await store.batches(of: RunID(99)).isEmpty)
    }

    @Test("one bad fact keeps all of them out")
    func atomicBatches() async throws {
        let store = try SQLiteStore.empty()
        let run = try await created(store)
        let good = BatchRecord(range: 0..<2, state: .sending, attempts: 1, request: "1.1", at: start)
        let empty = BatchRecord(range: 2..<2, state: .sending, attempts: 1, request: "1.2", at: start)
        await #expect(throws: StoreError.self) {
            try await store.saveBatches([.put(good), .put(empty)], of: run.id, counts: DeliveryCounts())
        }
        #expect(try await store.batches(of: run.id).isEmpty)
    }

    // MARK: - Rejects, switches, audit

    @Test("a reject of the same member replaces the earlier one and sums the attempts")
    func rejects() async throws {
        let store = try SQLiteStore.empty()
        let first = try await created(store)
        var changes = RejectChanges()
        changes.rejected = [reject("a", first.id), reject("b\u{0}", first.id)]
        var state = SyncState(sync: big)
        state.lastTimestamp = start
        try await store.finishRun(finished(first), state: state, rejects: changes)
        #expect(try await store.syncStates() == [state])
        let stored = try await store.rejects(of: nil, limit: 9)
        #expect(stored.map(\.member) == [[97], [98, 0]])
        let dismissed = try await store.dismissReject(stored[0].id, audit: entry("dismiss"))
        #expect(dismissed)
        #expect(try await store.rejects(of: [big], limit: 9).map(\.isDismissed) == [true, false])
        let missing = try await store.dismissReject(999, audit: entry("dismiss"))
        #expect(!missing)
        #expect(try await store.audit(limit: 9).count == 1)

        let second = try await created(store)
        changes.rejected = [reject("a", second.id, attempts: 3, reason: "worse")]
        changes.settled = [stored[1].id]
        try await store.finishRun(finished(second), state: nil, rejects: changes)
        let now = try await store.rejects(of: [big], limit: 9)
        #expect(now.count == 1)
        #expect(now.first?.attempts == 4 && now.first?.reason == "worse" && now.first?.isDismissed == false)
        #expect(now.first?.run == second.id)
        #expect(try await store.rejects(of: [small], limit: 9).isEmpty)
        #expect(try await store.rejects(of: [], limit: 9).isEmpty)
    }

    @Test("frozen is kept, and who did it")
    func frozen() async throws {
        let file = TemporaryFile()
        do {
            let store = try SQLiteStore(path: file.path)
            #expect(try await !store.isFrozen())
            try await store.setFrozen(true, audit: entry("freeze"))
        }
        let store = try SQLiteStore(path: file.path)
        #expect(try await store.isFrozen())
        try await store.setFrozen(false, audit: entry("unfreeze"))
        #expect(try await !store.isFrozen())
        #expect(try await store.audit(limit: 9).map(\.action) == ["unfreeze", "freeze"])
        #expect(try await store.audit(limit: 1).map(\.action) == ["unfreeze"])
    }

    @Test("a purge moves later positions up, shortens the piece that held the user, and takes their index entry")
    func purging() async throws {
        let file = TemporaryFile()
        let store = try SQLiteStore(path: file.path)
        let run = try await created(store)
        func record(_ range: Range<Int>) -> BatchRecord {
            BatchRecord(range: range, state: .accepted, attempts: 1, request: "\(run.id).1", at: start)
        }
        try await store.saveBatches(
            [.put(record(0..<3)), .put(record(3..<4)), .put(record(4..<5)), .put(record(7..<10))], of: run.id,
            counts: DeliveryCounts())
        func ranges() async throws -> [Range<Int>] { try await store.batches(of: run.id).map(\.range) }
        func purge(_ positions: [Int]) async throws {
            let facts = PlanFacts(file: "new.plan", digest: "d", hash: "h")
            try await store.purgePlan(PlanPurge(run: run.id, facts: facts, positions: positions, memberHash: 7))
        }
        try await purge([3])
        #expect(try await ranges() == [0..<3, 3..<4, 6..<9])
        try await purge([1])
        #expect(try await ranges() == [0..<2, 2..<3, 5..<8])
        try await purge([7, 0])
        #expect(try await ranges() == [0..<1, 1..<2, 4..<6])
        #expect(try await store.run(run.id)?.plan?.file == "new.plan")
        #expect(try await store.planFiles() == ["new.plan"])
    }

    @Test("a file of the first version is brought forward: runs stay, and numbers go on where they were")
    func firstVersion() async throws {
        let file = TemporaryFile()
        do {
            let queue = try DatabaseQueue(path: file.path)
            try Schema.migrator.migrate(queue, upTo: "1 first")
            try await queue.write { database in
                let columns = "sync, trigger, mode, phase, created_at, identity, bad_rows, holds, notes, delivery"
                let identity = #"{"trait":"T","template":"t","sourceKind":"csv","sourceDefinition":"d","#
                    + #""destinationKind":"segment","destinationAddress":"a"}"#
                let counts = #"{"sent":0,"accepted":0,"rejected":0,"acceptedLeft":0,"requests":0,"retries":0,"bytes":0}"#
                for _ in 0..<3 {
                    try database.execute(
                        sql: """
                            INSERT INTO runs (\(columns)) VALUES
                              ('big@seg', 'manual', 'changes', 'queued', 1, ?, '[]', '[]', '[]', ?)
                            """,
                        arguments: [identity, counts])
                }
                try database.execute(sql: "DELETE FROM runs WHERE id = 3")
            }
        }
        let store = try SQLiteStore(path: file.path)
        #expect(try await store.runs(RunFilter(limit: 10)).map(\.id.number) == [2, 1])
        var undo = draft()
        undo.mode = .undo
        undo.undoes = RunID(1)
        let created = try #require(try await store.createRun(undo))
        #expect(created.id == RunID(4), "a number is never given twice")
        #expect(try await store.run(RunID(4))?.undoes == RunID(1))
    }

    @Test("A file that a killed writer left in the middle of a commit can be looked at, and says what was committed")
    func leftByAKilledWriter() async throws {
        let file = TemporaryFile()
        let left = TemporaryFile()
        let store = try SQLiteStore(path: file.path)
        _ = try await created(store)
        let writer = try DatabaseQueue(path: file.path)
        try await writer.writeWithoutTransaction { database in
            // So small a cache spills into the file before the commit, and the journal with it.
            try database.execute(sql: "PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE runs SET phase = 'planning'")
            for number in 0..<2_000 {
                try database.execute(
                    sql: "INSERT INTO install VALUES (?, randomblob(500))", arguments: ["filler \(number)"])
            }
            for suffix in ["", "-journal"] {
                try FileManager.default.copyItem(atPath: file.path + suffix, toPath: left.path + suffix)
            }
            try database.execute(sql: "ROLLBACK")
        }
        let looking = try SQLiteStore.looking(at: left.path)
        #expect(try await looking.runs(RunFilter(limit: 10)).map(\.phase) == [.queued])
    }

    @Test("A listing beside an engine that is just making its tables waits for all of them")
    func besideAFirstStart() async throws {
        let file = TemporaryFile()
        let writer = try DatabaseQueue(path: file.path)
        try await writer.write { try $0.execute(sql: "CREATE TABLE begun (a); DROP TABLE begun") }
        async let listing = SQLiteStore.looking(at: file.path).syncStates()
        _ = try SQLiteStore(path: file.path)
        #expect(try await listing.isEmpty)
        _ = try await SQLiteStore.looking(at: file.path).namespace()
    }
}
