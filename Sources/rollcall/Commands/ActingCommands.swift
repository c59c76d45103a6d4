import ArgumentParser
import Configuration
import Control
import Glibc
import SyncEngine
import TerminalText

struct ApproveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Sends the stored plan of a held run.")

    @Argument(help: "The run's number.")
    var run: String
    @Flag(help: "Send the leaves that unreadable rows withheld from a finished run.")
    var leaves = false
    @Option(name: .customLong("retry-for"), help: ArgumentHelp(
        "How long an unreachable destination is tried (default: its own retry_for, else 60s).", valueName: "duration"))
    var retryFor: String?
    @OptionGroup var options: ActingOptions

    func run() async throws {
        let seconds = try retryFor.map(Duration.seconds(of:))
        let code = try await Insisting.on(.sync) { session in
            if leaves, !options.json { try await showBadRows(session) }
            var action = RunRequest(run: run, reason: options.reason)
            action.leaves = leaves
            action.retry_for = seconds
            let started = try await session.control.approve(action)
            if started.mode == RunMode.undo.rawValue {
                Output.note("\(started.sync) is paused in rollcall.yaml; `rollcall resume \(started.sync)` lets it run again")
            }
            return try await RunWatcher(session: session, runs: [started.run], json: options.json).watch()
        }
        if code != 0 { throw ExitCode(code) }
    }

    private func showBadRows(_ session: Session) async throws {
        let view = try await session.control.run(run)
        // What cannot be approved yet is refused, and then nothing has been shown.
        guard view.phase == "finished", view.withheld > 0 else { return }
        for row in view.bad_rows where row.unreadable {
            Output.line("row \(row.position): \(PrintableText.of(row.reason))")
        }
    }
}

struct DiscardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "discard", abstract: "Drops the plan of a held run.")

    @Argument(help: "The run's number.")
    var run: String
    @OptionGroup var options: ActingOptions

    func run() async throws {
        try await Asking.work { session in
            let view = try await session.control.discard(RunRequest(run: run, reason: options.reason))
            if options.json { Output.json(view) } else { Output.line("run \(view.run) is discarded") }
        }
    }
}

struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Stops a run; requests on the wire finish.")

    @Argument(help: "The run's number.")
    var run: String
    @OptionGroup var options: ActingOptions

    func run() async throws {
        try await Asking.work { session in
            _ = try await session.control.cancel(RunRequest(run: run, reason: options.reason))
            let view = try await Insisting.settled(run, session)
            if options.json { Output.json(view) } else { Output.line("run \(view.run) is \(view.outcome ?? view.phase)") }
        }
    }
}

struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "pause", abstract: "Holds back schedules.")

    @Argument(help: "Cohorts or syncs.")
    var names: [String]

    func run() async throws { try await Pausing.set(names, paused: true) }
}

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Lets schedules go on.")

    @Argument(help: "Cohorts or syncs.")
    var names: [String]

    func run() async throws { try await Pausing.set(names, paused: false) }
}

private enum Pausing {
    static func set(_ names: [String], paused: Bool) async throws {
        try await Asking.work { session in
            _ = try await session.syncs(named: names)
            try await session.control.pause(PauseRequest(names: names, paused: paused))
            Output.note(names.joined(separator: ", ") + (paused ? " paused" : " resumed") + " in rollcall.yaml")
        }
    }
}

struct FreezeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "freeze", abstract: "Stops all sending everywhere, until unfreeze.")

    @Option(help: ArgumentHelp("Goes to the audit log.", valueName: "text"))
    var reason: String?

    func run() async throws { try await Freezing.set(true, reason: reason) }
}

struct UnfreezeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "unfreeze", abstract: "Lets sending go on.")

    @Option(help: ArgumentHelp("Goes to the audit log.", valueName: "text"))
    var reason: String?

    func run() async throws { try await Freezing.set(false, reason: reason) }
}

private enum Freezing {
    /// Works also when the configuration is broken: stopping must always be possible.
    static func set(_ frozen: Bool, reason: String?) async throws {
        let location = WorkspaceLocation.current
        if let control = await Session.serving(location) {
            var request = FreezeRequest(frozen: frozen)
            request.reason = reason
            do throws(Refusal) {
                try await control.freeze(request)
            } catch {
                throw Failure(Int32(error.code), error.message)
            }
        } else {
            if access(location.configuration, F_OK) != 0 { _ = try Session.configuration(location) }
            try await HostedEngine.setFrozen(frozen, reason: reason, in: location)
        }
        Output.note(frozen ? "everything is frozen; requests on the wire finish" : "sending goes on")
    }
}
