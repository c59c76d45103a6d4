import ArgumentParser
import Control
import SyncEngine
import TerminalText

struct UndoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undo", abstract: "Plans the inverse of a run; the plan is held.",
        discussion: "It takes back what the run told of members unchanged since. Approving it pauses the sync, since its "
            + "next run would follow the source again. Exits 3: the plan waits for `rollcall approve`.")

    @Argument(help: "The run's number.")
    var run: String
    @OptionGroup var options: ActingOptions

    func run() async throws {
        let code = try await Insisting.on(.command) { session in
            let started = try await session.control.undo(RunRequest(run: run, reason: options.reason))
            return try await RunWatcher(session: session, runs: [started.run], json: options.json).watch()
        }
        if code != 0 { throw ExitCode(code) }
    }
}

struct RetireCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire", abstract: "Plans to tell everyone false; the plan is held.",
        discussion: "Also for a cohort that rollcall.yaml has no longer, as long as its destination is there.")

    @Argument(help: "A cohort (all its syncs) or a sync.")
    var name: String
    @OptionGroup var options: ActingOptions

    func run() async throws {
        try await NamedPlans.make(name, options) { control, request in try await control.retire(request) }
    }
}

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Plans to move everyone to a changed trait; the plan is held.",
        discussion: "Approved, everyone is told false on the trait they were told, then the members of now true on the "
            + "one that rollcall.yaml says.")

    @Argument(help: "A cohort (all its syncs) or a sync.")
    var name: String
    @OptionGroup var options: ActingOptions

    func run() async throws {
        try await NamedPlans.make(name, options) { control, request in try await control.migrate(request) }
    }
}

private enum NamedPlans {
    /// Has a plan made for each sync behind a name and shows the runs; each is held.
    static func make(
        _ name: String, _ options: ActingOptions,
        _ ask: @escaping @Sendable (any ControlService, NamedPlanRequest) async throws -> [RunView]
    ) async throws {
        let code = try await Insisting.on(.command) { session in
            let request = NamedPlanRequest(syncs: try await syncs(name, session), reason: options.reason)
            let runs = try await ask(session.control, request)
            return try await RunWatcher(session: session, runs: runs.map(\.run), json: options.json).watch()
        }
        if code != 0 { throw ExitCode(code) }
    }

    /// The syncs behind a name. Of a cohort's several only those with a ledger; a sync that is named outright is passed
    /// on as it is, so that the engine says why nothing can be done.
    static func syncs(_ name: String, _ session: Session) async throws -> [String] {
        let all = try await session.syncs(named: [name], includingFormer: true)
        guard all.count > 1 else { return all }
        let told = Set(try await session.control.status(all).filter { $0.ledger > 0 || $0.last_run != nil }.map(\.sync))
        let some = all.filter { told.contains($0) }
        return some.isEmpty ? all : some
    }
}

struct OverlapCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overlap", abstract: "Sizes of two cohorts, of what they share, and of the differences.",
        discussion: "As their destinations were told. Of a cohort with several destinations the one counts that both "
            + "have, else its first.")

    @Argument(help: "A cohort or sync.")
    var first: String
    @Argument(help: "Another cohort or sync.")
    var second: String
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        try await Asking.look { session in
            let ours = try await session.syncs(named: [first], includingFormer: true)
            let theirs = try await session.syncs(named: [second], includingFormer: true)
            let (a, b) = Self.pair(ours, theirs)
            if ours.count > 1 || theirs.count > 1 { Output.note("comparing \(a) with \(b)") }
            let view = try await session.control.overlap(a, b)
            if listing.json { return Output.json(view) }
            var table = Table([("SYNC", .left), ("MEMBERS", .right), ("BOTH", .right), ("ONLY HERE", .right)])
            table.add([view.sync_a, Words.count(view.a), Words.count(view.both), Words.count(view.only_a)])
            table.add([view.sync_b, Words.count(view.b), Words.count(view.both), Words.count(view.only_b)])
            table.print(isPlain: listing.plain)
        }
    }

    /// The first two that have a destination in common, else the first of each.
    static func pair(_ ours: [String], _ theirs: [String]) -> (String, String) {
        for a in ours {
            for b in theirs where SyncID(a)?.destination == SyncID(b)?.destination { return (a, b) }
        }
        return (ours[0], theirs[0])
    }
}

struct PurgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge", abstract: "Removes one user from history, keeping sync state right.",
        discussion: "Plans, events and rejects no longer name the user. What destinations were told stays in the ledger, "
            + "so that a leave is still told. It cannot be taken back.")

    @Argument(help: "The user's id, exactly.")
    var user: String
    @OptionGroup var options: ActingOptions

    func run() async throws {
        try await Asking.work { session in
            let view = try await session.control.purge(PurgeRequest(user: user, reason: options.reason))
            if options.json { return Output.json(view) }
            Output.line("removed \(Words.count(view.events)) events from \(Words.count(view.runs)) runs, and "
                + "\(Words.count(view.rejects)) rejects")
            if view.dismissals_kept > 0 {
                Output.line("kept \(Words.count(view.dismissals_kept)) dismissals: without them the user would be told again")
            }
            if !view.told.isEmpty {
                Output.line("kept what was told in \(view.told.joined(separator: ", ")): without it a leave would not be told")
            }
        }
    }
}
