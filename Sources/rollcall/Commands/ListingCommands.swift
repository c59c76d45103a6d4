import ArgumentParser
import Control
import Scheduling
import SyncEngine
import TerminalText

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "The state of every sync.")

    @Argument(help: "Cohorts or syncs; all when none is named.")
    var names: [String] = []
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        try await Asking.look { session in
            let wanted = names.isEmpty ? nil : try await session.syncs(named: names)
            let views = try await session.control.status(wanted)
            if listing.json { return views.forEach(Output.json) }
            let now = SystemClock().now()
            var table = Table([
                ("SYNC", .left), ("STATE", .left), ("SCHEDULE", .left), ("NEXT", .left), ("LAST", .left),
                ("OUTCOME", .left), ("MEMBERS", .right), ("+", .right), ("−", .right), ("REJECTS", .right),
                ("WHY", .left),
            ])
            for view in views {
                table.add([
                    view.sync, view.state, view.schedule + (view.paused ? " (paused)" : ""),
                    Words.relative(view.next, now: now), Words.relative(view.last_finished_at, now: now),
                    view.last_outcome ?? "-", Words.count(view.ledger), view.last_entered.map(Words.count) ?? "-",
                    view.last_left.map(Words.count) ?? "-", Words.count(view.rejects), view.reason ?? "",
                ])
            }
            if views.isEmpty { Output.note("no cohort is configured; add one to rollcall.yaml") }
            table.print(isPlain: listing.plain)
            guard !listing.plain else { return }
            for quota in try await session.control.quotas() { Output.line(Words.month(of: quota)) }
        }
    }
}

struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "runs", abstract: "The history of runs, newest first.")

    @Argument(help: "A cohort or sync; all when none is named.")
    var name: String?
    @Option(help: "How many at most.")
    var limit = 50
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        guard limit > 0 else { throw Failure.usage("--limit needs a number from 1 on") }
        try await Asking.look { session in
            var query = RunQuery()
            if let name { query.syncs = try await session.syncs(named: [name], includingFormer: true) }
            query.limit = limit
            let views = try await session.control.runs(query)
            if listing.json { return views.forEach(Output.json) }
            var table = Table([
                ("RUN", .right), ("SYNC", .left), ("TRIGGER", .left), ("STARTED", .left), ("OUTCOME", .left),
                ("READ", .right), ("+", .right), ("−", .right), ("ACCEPTED", .right), ("REJECTED", .right),
                ("WHY", .left),
            ])
            for view in views {
                table.add([
                    view.run, view.sync, view.trigger, view.started_at ?? "-", view.outcome ?? view.phase,
                    Words.count(view.read), Words.count(view.entered), Words.count(view.left),
                    Words.count(view.accepted), Words.count(view.rejected), view.reason ?? "",
                ])
            }
            table.print(isPlain: listing.plain)
        }
    }
}

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run", abstract: "One run in full.")

    @Argument(help: "The run's number.")
    var id: String
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        try await Asking.look { session in
            let view = try await session.control.run(id)
            if listing.json { return Output.json(view) }
            let fields: [(String, String?)] = [
                ("run", view.run), ("sync", view.sync), ("trait", view.trait), ("trigger", view.trigger),
                ("mode", view.mode), ("phase", view.phase), ("outcome", view.outcome), ("reason", view.reason),
                ("plan", view.plan), ("nominal", view.nominal), ("started", view.started_at),
                ("finished", view.finished_at),
                ("read", "\(Words.count(view.read)) = \(Words.count(view.members)) members + "
                    + "\(Words.count(view.duplicates)) duplicates + \(Words.count(view.invalid)) invalid "
                    + "(\(Words.count(view.unreadable)) unreadable)"),
                ("changes", Words.summary(of: view)),
                ("sent", "\(Words.count(view.sent)) members in \(Words.count(view.requests)) requests, "
                    + "\(Words.count(view.retries)) of them repeated, \(Words.bytes(view.bytes))"),
                ("ledger", view.ledger_before.map { before in
                    "\(Words.count(before)) → \(view.ledger_after.map(Words.count) ?? "?")"
                }),
                ("approved", view.approved_by.map { "by \($0) at \(view.approved_at ?? "")" }),
                ("because", view.approval_reason), ("replaced by", view.replaced_by),
            ]
            for (title, value) in fields {
                guard let value else { continue }
                let padding = String(repeating: " ", count: 12 - title.count)
                Output.line(listing.plain ? "\(title)\t\(PrintableText.of(value))"
                    : "\(title)\(padding)\(PrintableText.of(value, limit: 2_000))")
            }
            for hold in view.held_by { Output.line("held by     \(PrintableText.of(hold))") }
            for note in view.notes { Output.line("note        \(PrintableText.of(note))") }
            for row in view.bad_rows {
                Output.line("row \(row.position)\(row.unreadable ? " unreadable" : ""): \(PrintableText.of(row.reason))")
            }
        }
    }
}

struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Who entered and who left, one line an event, oldest first.")

    @Option(help: "Only this cohort or sync.")
    var sync: String?
    @Option(help: ArgumentHelp("Only this user.", valueName: "id"))
    var user: String?
    @Option(help: "Only this run.")
    var run: String?
    @Flag(help: "Go on with events as they happen.")
    var follow = false
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        try await Asking.look { session in
            var query = EventQuery()
            if let sync { query.syncs = try await session.syncs(named: [sync], includingFormer: true) }
            query.user = user
            query.run = run
            if follow { return try await follow(session, query) }
            let (json, plain) = (listing.json, listing.plain)
            try await session.control.events(query) { event in
                Self.show(event, json: json, plain: plain)
                return true
            }
        }
    }

    /// The past, then each event as it is answered. Waits for an engine where there is none, and for the next one when it
    /// goes away, until Ctrl-C; what happened between is asked for again.
    private func follow(_ first: Session, _ query: EventQuery) async throws {
        let shown = ShownEvents(json: listing.json, plain: listing.plain)
        var query = query
        if !first.isAttached {
            try await first.control.events(query) { await shown.show($0) }
            Output.note("no engine serves this workspace; waiting for one")
        }
        var control: (any ControlService)? = first.isAttached ? first.control : nil
        while true {
            if let serving = control {
                query.follow = true
                query.since = await shown.latest
                do throws(Refusal) {
                    try await serving.events(query) { await shown.show($0) }
                } catch where error.code == 64 {
                    throw error
                } catch {
                    // It went away, as it may.
                }
                Output.note("the engine went away; waiting for the next")
            }
            Output.flush()
            try? await Task.sleep(nanoseconds: 300_000_000)
            control = await Session.serving(first.location)
        }
    }

    static func show(_ event: EventView, json: Bool, plain: Bool) {
        if json { return Output.json(event) }
        let user = PrintableText.of(event.user)
        let cells = [
            event.at, event.sync, "run \(event.run)", event.event == "entered" ? "+" : "−", user, event.status,
            event.http_status.map(String.init) ?? "-",
        ]
        Output.line(cells.joined(separator: plain ? "\t" : "  "))
    }
}

/// What a follower has shown, so that the next engine can be asked for what came after.
private actor ShownEvents {
    private let json: Bool
    private let plain: Bool
    /// When the latest event shown was answered, and which were at that moment.
    private(set) var latest: String?
    private var atLatest: Set<[String]> = []

    init(json: Bool, plain: Bool) {
        self.json = json
        self.plain = plain
    }

    func show(_ event: EventView) -> Bool {
        let key = [event.sync, event.run, event.user, event.event, event.status]
        if event.at == latest, atLatest.contains(key) { return true }
        if let latest, event.at < latest {
            // Another run's, answered before: shown, and no reason to ask from further back.
        } else {
            if event.at != latest { atLatest = [] }
            latest = event.at
            atLatest.insert(key)
        }
        EventsCommand.show(event, json: json, plain: plain)
        Output.flush()
        return true
    }
}

struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Every cohort a user is in, and every time they entered or left.")

    @Argument(help: "The user's id, exactly.")
    var id: String
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        try await Asking.look { session in
            let views = try await session.control.user(id)
            if listing.json { return views.forEach(Output.json) }
            for view in views where view.told != "never" || !view.events.isEmpty {
                Output.line("\(view.sync)  told \(view.told)\(view.since.map { " since \($0)" } ?? "")")
                for event in view.events {
                    let answer = event.http_status.map { "\(event.status), \($0)" } ?? event.status
                    Output.line("  \(event.at)  \(event.reasserted ? "again " : "")\(event.event)  run \(event.run)  "
                        + "request \(event.request ?? "-")  \(answer)"
                        + (event.reason.map { "  \(PrintableText.of($0))" } ?? ""))
                }
            }
            if views.allSatisfy({ $0.told == "never" && $0.events.isEmpty }) {
                Output.note("no destination was ever told of this user")
            }
        }
    }
}

struct MembersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members", abstract: "The members the destination has been told of, now or at an earlier moment.")

    @Argument(help: "A cohort (all its syncs) or a sync.")
    var name: String
    @Option(help: ArgumentHelp(
        "As of this moment: 2026-03-01T12:00:00Z, a day (its start in UTC), or how long ago: 90m, 24h, 7d.",
        valueName: "time"))
    var at: String?
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        let instant = try at.map(Self.instant(of:))
        try await Asking.look { session in
            let syncs = try await session.syncs(named: [name], includingFormer: true)
            let json = listing.json
            let show: @Sendable (MemberView) async -> Bool = { view in
                let member = PrintableText.of(view.member)
                if json {
                    Output.json(view)
                } else {
                    Output.line(syncs.count == 1 ? member : "\(view.sync)\t\(member)")
                }
                return true
            }
            for sync in syncs {
                if let instant {
                    try await session.control.members(sync, at: instant.rfc3339, visit: show)
                } else {
                    try await session.control.members(sync, visit: show)
                }
            }
        }
    }

    private static func instant(of text: String) throws(Failure) -> Instant {
        if let instant = Instant.parse(rfc3339: text) ?? Instant.parse(rfc3339: text + "T00:00:00Z") { return instant }
        if text.last.map({ "smhd".contains($0) }) ?? false, let seconds = try? Duration.seconds(of: text) {
            return SystemClock().now().advanced(milliseconds: -Int64(seconds * 1000))
        }
        throw .usage("\"\(text)\" is no time; write 2026-03-01T12:00:00Z, 2026-03-01, or how long ago, such as 24h")
    }
}

struct RejectsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rejects", abstract: "Members that could not be told, with reasons.")

    @Argument(help: "A cohort or sync; all when none is named.")
    var name: String?
    @Flag(help: "Try them again now: runs the syncs they belong to.")
    var retry = false
    @Option(help: ArgumentHelp("Do not try this one again until membership or definition changes.", valueName: "id"))
    var dismiss: String?
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        if retry, dismiss != nil { throw Failure.usage("--retry and --dismiss exclude each other") }
        if let dismiss {
            return try await Asking.work { session in
                try await session.control.dismiss(RejectAction(id: dismiss))
                Output.note("reject \(PrintableText.of(dismiss)) is dismissed")
            }
        }
        if retry { return try await retryNow() }
        try await Asking.look { session in
            let wanted = name == nil ? nil : try await session.syncs(named: name.map { [$0] }, includingFormer: true)
            let views = try await session.control.rejects(wanted)
            if listing.json { return views.forEach(Output.json) }
            var table = Table([
                ("ID", .right), ("SYNC", .left), ("USER", .left), ("EVENT", .left), ("STATUS", .right),
                ("ATTEMPTS", .right), ("AT", .left), ("REASON", .left),
            ])
            for view in views {
                table.add([
                    view.id, view.sync, view.user, view.event + (view.dismissed ? " (dismissed)" : ""),
                    view.http_status.map(String.init) ?? "-", String(view.attempts), view.at, view.reason,
                ])
            }
            table.print(isPlain: listing.plain)
        }
    }

    private func retryNow() async throws {
        let code: Int32 = try await Insisting.on(.sync) { session in
            let wanted = name == nil ? nil : try await session.syncs(named: name.map { [$0] })
            let rejects = try await session.control.rejects(wanted)
            let syncs = Set(rejects.filter { !$0.dismissed }.map(\.sync)).sorted()
            guard !syncs.isEmpty else {
                Output.note("nothing is rejected")
                return 0
            }
            let started = try await session.control.sync(SyncRequest(syncs: syncs))
            return try await RunWatcher(session: session, runs: started.map(\.run), json: listing.json).watch()
        }
        if code != 0 { throw ExitCode(code) }
    }
}
