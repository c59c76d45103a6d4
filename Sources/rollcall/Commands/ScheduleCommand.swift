import ArgumentParser
import Configuration
import Control
import Scheduling
import SyncEngine
import TerminalText

struct ScheduleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Shows a schedule and its next fires; with WHEN edits it in rollcall.yaml.")

    @Argument(help: "A cohort or sync.")
    var name: String
    @Argument(help: "The new schedule, such as \"daily at 06:30\" or \"*/15 8-18 * * mon-fri\".")
    var when: [String] = []
    @Option(help: ArgumentHelp("The zone of the new schedule.", valueName: "zone"))
    var timezone: String?
    @Option(help: "How many fires to show.")
    var next = 5
    @Flag(help: "Show what WHEN would do, change nothing.")
    var preview = false
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        guard next >= 0 else { throw Failure.usage("--next needs a number of fires, 0 or more") }
        let location = WorkspaceLocation.current
        let loaded = try Session.configuration(location)
        let syncs = try NameResolution(loaded.model.syncs).syncs([name])
        let text = when.joined(separator: " ")
        if text.isEmpty {
            if preview || timezone != nil { throw Failure.usage("say WHEN, such as \"daily at 06:30\"") }
            return show(syncs, loaded.model)
        }
        try check(text)
        do {
            let changed = try edited(loaded, text)
            if !preview {
                var request = ScheduleRequest(name: name, when: text)
                request.timezone = timezone
                try await apply(request, location)
            }
            for line in changed.describeChange() where !listing.json {
                if let old = line.old { Output.line("\(line.line) - \(PrintableText.of(old))") }
                if let new = line.new { Output.line("\(line.line) + \(PrintableText.of(new))") }
            }
            let others = loaded.model.syncs.filter { !syncs.contains($0.description) && SyncID(syncs[0])?.cohort == $0.cohort }
            if !others.isEmpty {
                Output.note("the schedule is the cohort's: it is also that of " + others.map(\.description).joined(separator: ", "))
            }
            show(syncs, changed.model)
        } catch let refusal as Refusal {
            throw Failure(Int32(refusal.code), refusal.message)
        }
    }

    /// A schedule that does not read is wrong usage, with the place marked.
    private func check(_ text: String) throws(Failure) {
        do throws(ScheduleError) {
            _ = try Schedule.parse(text)
        } catch {
            let marker = String(repeating: " ", count: max(0, error.column)) + "^"
            throw .usage("\(error.message)\n  \(text)\n  \(marker)")
        }
        guard let timezone else { return }
        do throws(ZoneError) {
            _ = try Zone.named(timezone)
        } catch {
            throw .usage(error.description)
        }
    }

    private func edited(_ loaded: LoadedConfiguration, _ text: String) throws -> ConfigurationEditor {
        do {
            var editor = try ConfigurationEditor(loaded.bytes, file: loaded.path)
            var request = ScheduleRequest(name: name, when: text)
            request.timezone = timezone
            try ConfigurationEditing.schedule(request, in: &editor)
            return editor
        } catch let error as ConfigurationEditError {
            throw Failure.configuration(error.description)
        } catch let error as ConfigurationError {
            throw Failure.configuration(error.description)
        }
    }

    private func apply(_ request: ScheduleRequest, _ location: WorkspaceLocation) async throws {
        try await Asking.work { session in
            try await session.control.schedule(request)
        }
    }

    private static func note(_ fire: Fire, isPaused: Bool) -> String? {
        let notes = (isPaused ? ["paused"] : []) + (fire.note.map { [$0.description] } ?? [])
        return notes.isEmpty ? nil : notes.joined(separator: "; ")
    }

    private func show(_ syncs: [String], _ model: WorkspaceConfiguration) {
        let now = SystemClock().now()
        for name in syncs {
            guard let sync = SyncID(name), let cohort = model.cohort(sync.cohort) else { continue }
            let policy = cohort.policy(for: sync.destination)
            // What a paused schedule names starts nothing, and is worth seeing before it is resumed.
            let fires = policy.schedule.fires(after: now, in: policy.zone, limit: next)
            let views = fires.map { fire in
                FireView(
                    sync: name, at: fire.nominal.rfc3339, local: fire.local.iso8601, zone: policy.zone.identifier,
                    note: Self.note(fire, isPaused: policy.isPaused))
            }
            if listing.json {
                views.forEach(Output.json)
                continue
            }
            if !listing.plain {
                Output.line("\(name)  \(policy.schedule.text)  \(policy.zone.identifier)"
                    + (policy.isPaused ? "  paused" : ""))
                Output.line("  \(policy.schedule.words)")
            }
            for view in views {
                let cells = [view.at, view.local, view.zone, view.note ?? ""]
                Output.line(listing.plain ? ([name] + cells).joined(separator: "\t") : "  " + cells.joined(separator: "  "))
            }
        }
    }
}
