import Control
import Scheduling

/// Everything that can happen to the dashboard.
package enum Message: Sendable {
    case input(TerminalInput)
    /// Time went on. Comes with every wake-up, before what woke it.
    case tick(now: Instant)
    case connection(ConnectionState)
    /// The engine lives in this process.
    case hosting
    /// What watchers of the engine are told, in order. A gap in the sequence makes the dashboard look anew.
    case notices([ChangeNotice])
    case answer(Answer)
    /// What `rollcall.yaml` says now, read by the host.
    case configuration(ConfigurationFacts)
    case logLines([LogLine])
    case effectDone(EffectResult)
}

/// How the dashboard hears of the engine.
package enum ConnectionState: Hashable, Sendable {
    case connecting
    case live
    /// Nothing was heard since then although something should have been.
    case stale(since: Instant)
    /// The engine went away at `since`; attempt number `attempt` is at `retryAt`.
    case reconnecting(attempt: Int, retryAt: Instant, since: Instant)
}

/// What the engine answered to a ``Question``.
package enum Answer: Sendable {
    case engine(EngineView)
    case status([StatusView])
    case destinations([DestinationView])
    /// Runs of all syncs, or of one.
    case runs([RunView])
    case run(RunView)
    /// Events from before the dashboard was opened, oldest first.
    case backlog([EventView])
    /// Events of one run, oldest first; of a held run, the changes it would send.
    case runEvents(run: String, [EventView])
    case user(id: String, [UserView])
    /// The first members of a sync, and whether there are more.
    case members(sync: String, [String], isComplete: Bool)
    case rejects([RejectView])
    /// The cohorts that sources have.
    case catalog([CatalogView])
    case failed(Question, Refusal)
}

/// What the dashboard wants to know. The host asks the engine and sends an ``Answer``, or ``Message/configuration(_:)``.
package enum Question: Hashable, Sendable {
    case engine
    case status
    case destinations
    /// The newest runs of all syncs.
    case runs(limit: Int)
    /// The newest runs of one sync, older than `before` when it is given.
    case runsOf(sync: String, before: String?, limit: Int)
    case run(String)
    case backlog(limit: Int)
    case runEvents(run: String, limit: Int)
    case user(String)
    case members(sync: String, limit: Int)
    case rejects
    case catalog
    case configuration
}

/// What the outside does for the dashboard. Whatever takes time is answered by ``Message/effectDone(_:)``.
package enum Effect: Hashable, Sendable {
    case ask(Question)
    /// Starts runs.
    case sync([String], full: Bool)
    /// Dry runs: plans that send nothing. Answered by ``EffectResult/planned(_:)``.
    case plan([String], full: Bool)
    case approve(run: String, reason: String?, leaves: Bool)
    case discard(run: String)
    case cancel(runs: [String])
    case freeze(Bool)
    /// Names of cohorts or syncs.
    case pause([String], paused: Bool)
    /// Ids of rejects.
    case dismiss([String])
    /// Tries rejected members again, by running their syncs.
    case retry(rejects: [String], syncs: [String])
    /// Works out what an edit would change in `rollcall.yaml`. Answered by ``EffectResult/scheduleChange(_:_:)``.
    case describeSchedule(ScheduleEdition)
    /// Writes it, unless the file is no longer what it was when the change was described.
    case saveSchedule(ScheduleEdition)
    /// Writes one limit of a cohort's guards; nil takes it out.
    case setGuard(cohort: String, name: String, value: String?)
    /// Opens `rollcall.yaml` in `$EDITOR`, at a cohort when one is named, and checks it on return.
    case openEditor(cohort: String?)
    /// Opens a commented template in `$EDITOR`, checks it, and appends the cohort.
    case addCohort
    /// Appends a cohort that a source has.
    case addFromCatalog(CatalogAddition)
    /// To the terminal's clipboard by OSC 52 and to a file.
    case copy(String)
    case saveTable(name: String, csv: String)
    /// Writes the screen as text; the host names the file when `name` is nil.
    case dumpScreen(name: String?)
    /// A command of PRODUCT.md §3 that the dashboard has no screen for, such as `undo 12` or `overlap a b`. Answered by
    /// ``EffectResult/output(title:lines:)``.
    case command([String])
    case setMouse(Bool)
    /// Paints everything anew.
    case redraw
    case suspend
    case quit
}

/// How an effect went.
package enum EffectResult: Sendable {
    /// It worked; a sentence, or nothing to say.
    case done(Effect, String?)
    case refused(Effect, String)
    case planned([PlanView])
    /// What an edit would change, line by line, or why it cannot be made.
    case scheduleChange(ScheduleEdition, Result<[LineEdit], EditRefusal>)
    case output(title: String, lines: [String])
}

/// One changed line of `rollcall.yaml`.
package struct LineEdit: Hashable, Sendable {
    /// From 1.
    package var line: Int
    package var old: String?
    package var new: String?

    package init(line: Int, old: String?, new: String?) {
        self.line = line
        self.old = old
        self.new = new
    }
}

/// Why an edit cannot be made, for a person.
package struct EditRefusal: Error, Hashable, Sendable {
    package var message: String

    package init(_ message: String) {
        self.message = message
    }
}

/// A line of the engine's log or of a library's output.
package struct LogLine: Hashable, Sendable {
    /// `debug`, `info`, `notice`, `warning` or `error`.
    package enum Level: Int, Sendable, CaseIterable {
        case debug, info, notice, warning, error
    }

    package var at: Instant
    package var level: Level
    package var source: String
    package var text: String

    package init(at: Instant, level: Level, source: String, text: String) {
        self.at = at
        self.level = level
        self.source = source
        self.text = text
    }
}
