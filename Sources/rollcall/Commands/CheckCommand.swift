import ArgumentParser
import Configuration
import Control
import Glibc
import SyncEngine
import TerminalText

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Validates the configuration.",
        discussion: "With --connect it also reaches every source and destination, without reading or telling anybody.")

    @Flag(help: "Reach every source and destination.")
    var connect = false

    func run() async throws {
        let location = WorkspaceLocation.current
        let loaded = try Session.configuration(location)
        // A dashboard.yaml beside it is read with the same care.
        _ = try DashboardSettings.options(location)
        var wiring = Wiring(workspace: location.folder, transport: Session.transport)
        let configuration = wiring.engineConfiguration(of: loaded.model)
        let channels = wiring.alertChannels(of: loaded.model.alerts)
        guard wiring.problems.isEmpty else { throw Failure.configuration(wiring.problems.joined(separator: "\n")) }
        Output.line("\(loaded.path) is valid: \(loaded.model.cohorts.count) cohorts, \(loaded.model.syncs.count) syncs, "
            + "\(loaded.model.sources.count) sources, \(loaded.model.destinations.count) destinations")
        if !channels.isEmpty { Output.line("alerts go to \(channels.map(\.key).joined(separator: ", "))") }
        for warning in loaded.model.warnings {
            Output.note("\(loaded.path):\(warning.line):\(warning.column): warning: \(PrintableText.of(warning.message))")
        }
        for sync in configuration.syncs {
            if let reason = sync.blockedReason { Output.note("\(sync.id): \(PrintableText.of(reason))") }
        }
        for destination in configuration.destinations {
            if let reason = destination.blockedReason { Output.note("\(destination.key): \(PrintableText.of(reason))") }
        }
        guard connect else { return }
        let failures = await reachSources(configuration) + reachDestinations(configuration)
        if failures > 0 { throw Failure(1, "\(failures) of them cannot be reached") }
    }

    private func reachSources(_ configuration: SyncEngine.EngineConfiguration) async -> Int {
        var failures = 0
        var seen: Set<String> = []
        for (key, catalog) in configuration.catalogs.sorted(by: { $0.key < $1.key }) {
            let syncs = configuration.syncs.filter { $0.sourceKey == key }
            seen.formUnion(syncs.map(\.id.cohort))
            failures += await CatalogCheck(source: key, syncs: syncs).failures(in: catalog)
        }
        for sync in configuration.syncs where seen.insert(sync.id.cohort).inserted {
            guard let source = sync.source else {
                failures += 1
                continue
            }
            let result: Result<String, SourceError> = await BlockingThread.run {
                do throws(SourceError) {
                    return .success(try source.probe())
                } catch {
                    return .failure(error)
                }
            }
            switch result {
            case .success(let detail):
                Output.line("ok    source \(sync.sourceKey) for \(sync.id.cohort): \(PrintableText.of(detail))")
            case .failure(let error):
                failures += 1
                Output.line("FAIL  source \(sync.sourceKey) for \(sync.id.cohort): \(PrintableText.of(error.message))")
            }
        }
        return failures
    }

    private func reachDestinations(_ configuration: SyncEngine.EngineConfiguration) async -> Int {
        var failures = 0
        for destination in configuration.destinations {
            guard let adapter = destination.adapter else {
                failures += 1
                continue
            }
            let result = await adapter.probe()
            if !result.isReachable { failures += 1 }
            Output.line("\(result.isReachable ? "ok  " : "FAIL")  destination \(destination.key): "
                + PrintableText.of(result.detail))
        }
        return failures
    }
}
