import ArgumentParser
import CProcess
import Configuration
import Control
import ControlServer
import Glibc
import HTTPClient
import Membership
import Scheduling
import SQLiteStore
import SyncEngine
import TerminalText

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Checks every state file and the ledger's books.")

    func run() async throws {
        let location = WorkspaceLocation.current
        _ = try Session.configuration(location)
        guard location.state.exists else { return Output.line("there is no state yet in \(location.state.path)") }
        var faults: [String] = []
        do {
            let store = try SQLiteStore(path: location.state.database, readOnly: true)
            faults += try await store.integrityFaults().map { "\(location.state.database): \($0)" }
            faults += try await ledgerFaults(store, location.state)
            faults += try await planFaults(store, location.state)
        } catch let error as StoreError {
            faults.append(error.message)
        }
        for fault in faults { Output.complain(fault) }
        guard faults.isEmpty else { throw Failure(1, "\(faults.count) faults") }
        Output.line("every file is whole and the books balance")
    }

    /// Reads every ledger and compares it with what the store says of it.
    private func ledgerFaults(_ store: SQLiteStore, _ folder: StateFolder) async throws -> [String] {
        var faults: [String] = []
        for state in try await store.syncStates() {
            guard let reference = state.ledger else { continue }
            let path = folder.ledgers + "/" + reference.file
            do throws(StateFileError) {
                let ledger = try Ledger.open(path, expecting: FileDigest(hex: reference.digest))
                try ledger.verify()
                if ledger.members != reference.members {
                    faults.append("\(path): \(ledger.members) members, the store says \(reference.members)")
                }
                Output.line("\(state.sync): \(Words.count(ledger.members)) members, "
                    + "\(Words.count(ledger.toldFalse)) told false, \(Words.count(ledger.unknown)) unknown")
            } catch {
                faults.append("\(state.sync): \(error.message)")
            }
        }
        return faults
    }

    private func planFaults(_ store: SQLiteStore, _ folder: StateFolder) async throws -> [String] {
        var faults: [String] = []
        var filter = RunFilter(limit: 500)
        filter.after = RunID(0)
        while true {
            let page = try await store.runs(filter)
            for run in page {
                guard let facts = run.plan, facts.count > 0 else { continue }
                do throws(StateFileError) {
                    try Plan.open(folder.plans + "/" + facts.file, expecting: FileDigest(hex: facts.digest)).verify()
                    if let former = facts.former {
                        let path = folder.plans + "/" + former.file
                        try Plan.open(path, expecting: FileDigest(hex: former.digest)).verify()
                    }
                } catch {
                    faults.append("run \(run.id): \(error.message)")
                }
                if run.phase == .finished, run.outcome == .succeeded, !run.booksBalance {
                    faults.append("run \(run.id): its books do not balance")
                }
            }
            guard page.count == 500, let last = page.last else { return faults }
            filter.after = last.id
        }
    }
}

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Checks the installation; prints no secret.")

    func run() async throws {
        var report = Report()
        let location = WorkspaceLocation.current
        checkMachine(&report)
        checkConfiguration(location, &report)
        await checkState(location, &report)
        let words = report.failures == 1 ? "one thing needs attention" : "\(report.failures) things need attention"
        // Without a configuration that checks out every command exits 78 (PRODUCT.md §2).
        if let problem = report.configurationProblem { throw Failure.configuration(problem + "\n" + words) }
        if report.failures > 0 { throw Failure(1, words) }
    }

    private struct Report {
        var failures = 0
        var configurationProblem: String?

        mutating func add(_ isGood: Bool, _ text: String) {
            if !isGood { failures += 1 }
            Output.line((isGood ? "ok    " : "FAIL  ") + PrintableText.of(text, limit: 1_000))
        }
    }

    private func checkMachine(_ report: inout Report) {
        report.add(true, "rollcall \(Version.text), SQLite \(SQLiteStore.libraryVersion), \(CurlTransport.libraryVersion)")
        let isSealed = cprocess_is_sealed() == 1
        report.add(isSealed, "memory: \(isSealed ? "closed to other processes" : "other processes may read it"), no core is written")
        do throws(ZoneError) {
            let zone = try Zone.named("America/New_York")
            let summer = Instant.parse(rfc3339: "2026-07-01T12:00:00Z") ?? Instant(seconds: 0)
            report.add(zone.offset(at: summer) == -14_400, "zone data: New York is UTC−4 in July")
        } catch {
            report.add(false, "zone data: \(error.description); install tzdata")
        }
        let built = Instant.parse(rfc3339: "2026-11-01T00:00:00Z") ?? Instant(seconds: 0)
        let now = SystemClock().now()
        report.add(now > built, "clock: \(now.rfc3339Seconds)"
            + (now > built ? "" : ", which is before this version was made; set it"))
    }

    private func checkConfiguration(_ location: WorkspaceLocation, _ report: inout Report) {
        do throws(Failure) {
            let loaded = try Session.configuration(location)
            report.add(true, "configuration: \(loaded.path), \(loaded.model.syncs.count) syncs")
            var wiring = Wiring(workspace: location.folder, transport: Session.transport)
            _ = wiring.engineConfiguration(of: loaded.model)
            for problem in wiring.problems { report.add(false, "secret: \(problem)") }
            if wiring.problems.isEmpty { report.add(true, "secrets: all can be had") }
        } catch {
            report.add(false, "configuration: \(error.message)")
            report.configurationProblem = error.message
        }
    }

    private func checkState(_ location: WorkspaceLocation, _ report: inout Report) async {
        let folder = location.state
        guard access(folder.path, F_OK) == 0 else {
            return report.add(true, "state: none yet in \(folder.path)")
        }
        do throws(StateFolderError) {
            try folder.prepare()
            report.add(true, "state: \(folder.path) is yours alone")
        } catch {
            report.add(false, "state: \(error.message)")
        }
        var space = statvfs()
        if statvfs(folder.path, &space) == 0 {
            let free = Int(space.f_bavail) * Int(space.f_frsize)
            report.add(free > 1 << 30, "disk: \(Words.bytes(free)) free"
                + (free > 1 << 30 ? "" : "; plans and ledgers may not fit"))
        }
        if folder.exists {
            do throws(StoreError) {
                let store = try SQLiteStore(path: folder.database, readOnly: true)
                let faults = try await store.integrityFaults()
                report.add(faults.isEmpty, "store: \(faults.first ?? "whole")")
            } catch {
                report.add(false, "store: \(error.message)")
            }
        }
        if let control = await Session.serving(location), let view = try? await control.engine() {
            report.add(view.configuration_error == nil, "engine: \(view.purpose), pid \(view.pid)"
                + (view.configuration_error.map { "; the file on disk is refused: \($0)" } ?? ""))
        } else {
            report.add(true, "engine: none serves this workspace")
        }
    }
}
