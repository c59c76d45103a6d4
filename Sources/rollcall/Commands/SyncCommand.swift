import ArgumentParser
import Configuration
import Control
import Glibc
import Scheduling
import Synchronization
import SyncEngine
import TerminalText

struct SyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync", abstract: "Runs syncs now, in the foreground.",
        discussion: "NAME is a cohort's key (all its syncs) or cohort@destination. Exits 0 when all succeeded or were "
            + "unchanged, 1 when one failed, 3 when one is held, 2 when one is partial.")

    @Argument(help: "Cohorts or syncs.")
    var names: [String] = []
    @Flag(help: "All syncs.")
    var all = false
    @Flag(name: .customLong("dry-run"), help: "Fetch and plan, send nothing.")
    var dryRun = false
    @Flag(help: "Tell the whole truth again, false included.")
    var full = false
    @Option(help: ArgumentHelp("Send if the plan is exactly this one; hold any other.", valueName: "hash"))
    var approve: String?
    @Option(name: .customLong("retry-for"), help: ArgumentHelp(
        "How long an unreachable destination is tried (default: its own retry_for, else 60s).", valueName: "duration"))
    var retryFor: String?
    @Flag(help: "One JSON object a run.")
    var json = false

    func run() async throws {
        guard all != !names.isEmpty else {
            throw Failure.usage("name the syncs to run, or say --all; `rollcall status` lists them")
        }
        let seconds = try retryFor.map(Duration.seconds(of:))
        if let approve, approve.isEmpty || !approve.allSatisfy(\.isHexDigit) {
            throw Failure.usage("--approve needs a plan's hash in hex, as `rollcall plan` prints it")
        }
        let code = try await Insisting.on(.sync, retryFor: seconds, resuming: { loaded throws(Failure) in
            if dryRun { return .nothing }
            return .only(Set(try NameResolution(loaded.model.syncs).syncs(all ? nil : names).compactMap { SyncID($0) }))
        }, { session in
            let wanted = try await session.syncs(named: all ? nil : names)
            if approve != nil, wanted.count != 1 {
                throw Failure.usage("--approve takes exactly one sync; \(wanted.count) are named")
            }
            return dryRun ? try await preview(wanted, session) : try await run(wanted, session, retryFor: seconds)
        })
        if code != 0 { throw ExitCode(code) }
    }

    private func preview(_ wanted: [String], _ session: Session) async throws -> Int32 {
        var query = PlanQuery(syncs: wanted)
        query.full = full
        return try await PlanListing.show(query, session, json: json, plain: false)
    }

    private func run(_ wanted: [String], _ session: Session, retryFor: Double?) async throws -> Int32 {
        var request = SyncRequest(syncs: wanted)
        request.full = full
        request.approve = approve?.lowercased()
        request.retry_for = retryFor
        let resumed = await session.hosted?.engine.unfinishedWork() ?? []
        let started = try await session.control.sync(request)
        let runs = resumed.map(\.description) + started.map(\.run)
        let watcher = RunWatcher(session: session, runs: runs, json: json)
        return try await watcher.watch()
    }
}

/// Follows runs until each is held or finished, shows how far they are, prints each one, and works out the exit code.
struct RunWatcher {
    let session: Session
    let runs: [String]
    let json: Bool

    func watch() async throws -> Int32 {
        let signal = SignalBox()
        Signals.handle { number in
            signal.set(number)
            if session.isAttached {
                // The engine goes on; only this terminal stops watching.
                Output.note("detached; the engine goes on with the run")
                Output.flush()
                exit(128 + number)
            }
            Task {
                for run in runs {
                    _ = try? await session.control.cancel(RunRequest(
                        run: run, reason: number == SIGINT ? "interrupted (SIGINT)" : "stopped by signal \(number)"))
                }
            }
        }
        let progress = Task { await showProgress() }
        var outcomes: [RunView] = []
        for run in runs {
            let view = try await Insisting.settled(run, session)
            outcomes.append(view)
            if Output.isErrorTerminal { Output.status("") }
            show(view)
        }
        progress.cancel()
        Signals.handle(nil)
        if let number = signal.number { return 128 + number }
        return Self.exitCode(outcomes)
    }

    private func show(_ view: RunView) {
        if json { return Output.json(view) }
        let word = view.outcome ?? view.phase
        Output.line("\(view.sync)  run \(view.run)  \(word)  \(Words.summary(of: view))")
        if let reason = view.reason { Output.line("  \(PrintableText.of(reason, limit: 2_000))") }
        for note in view.notes { Output.line("  note: \(PrintableText.of(note, limit: 500))") }
        if view.phase == "held" {
            Output.line("  plan \(view.plan ?? "")")
            Output.line("  rollcall approve \(view.run)   sends it;   rollcall discard \(view.run)   drops it")
        }
    }

    /// A bar on a terminal, a line every few seconds otherwise.
    private func showProgress() async {
        let isTerminal = Output.isErrorTerminal
        var seconds = 0.0
        var told: String?
        while !Task.isCancelled {
            try? await Task.sleep(nanoseconds: isTerminal ? 200_000_000 : 1_000_000_000)
            guard !Task.isCancelled else { return }
            seconds += isTerminal ? 0.2 : 1
            for run in runs {
                guard let view = try? await session.control.run(run), view.phase != "finished", view.phase != "held"
                else { continue }
                // What a reading waits for is told at once.
                let isNews = view.phase == "fetching" && view.reason != nil && view.reason != told
                told = view.phase == "fetching" ? view.reason : told
                if isTerminal {
                    Output.status(Self.bar(view))
                } else if isNews || Int(seconds) % 5 == 0 {
                    Output.note(Self.line(view))
                }
                break
            }
        }
    }

    static func line(_ view: RunView) -> String {
        let total = view.entered + view.left + view.reasserted
        guard view.phase == "sending" else {
            let waits = view.phase == "fetching" ? view.reason.map { ": " + PrintableText.of($0, limit: 300) } : nil
            return "\(view.sync)  run \(view.run)  \(view.phase)\(waits ?? "")"
        }
        return "\(view.sync)  run \(view.run)  sending \(Words.count(view.accepted + view.rejected)) of "
            + "\(Words.count(total))"
    }

    private static func bar(_ view: RunView) -> String {
        let total = max(1, view.entered + view.left + view.reasserted)
        guard view.phase == "sending" else { return line(view) }
        let filled = (view.accepted + view.rejected) * 30 / total
        return "[" + String(repeating: "#", count: filled) + String(repeating: "·", count: 30 - filled) + "] "
            + line(view)
    }

    /// Of several runs the first present of 1, 3, 2, 0 (PRODUCT.md §3).
    static func exitCode(_ views: [RunView]) -> Int32 {
        let codes = views.map { view -> Int32 in
            if view.phase == "held" { return 3 }
            switch view.outcome {
            case "succeeded", "unchanged": return 0
            case "partial": return 2
            default: return 1
            }
        }
        return [1, 3, 2].first { codes.contains($0) } ?? 0
    }
}

/// The signal that asked to stop, if one did.
private final class SignalBox: Sendable {
    private let value = Atomic<Int32>(0)

    var number: Int32? {
        let number = value.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    func set(_ number: Int32) { value.store(number, ordering: .relaxed) }
}

/// Durations as options take them: `60s`, `5m`, `2h`, `1d`, or plain seconds.
enum Duration {
    static func seconds(of text: String) throws(Failure) -> Double {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        let (digits, factor) = text.last.flatMap { units[$0] }.map { (String(text.dropLast()), $0) } ?? (text, 1)
        guard let number = Double(digits), number.isFinite, number >= 0, number <= 1e8 else {
            throw .usage("\"\(text)\" is no duration; write 60s, 5m, 2h or 1d")
        }
        return number * factor
    }
}
