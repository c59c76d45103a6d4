import ArgumentParser
import Configuration
import Control
import Dashboard
import DashboardTerminal
import Glibc
import Scheduling
import SyncEngine

struct DashboardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dashboard",
        abstract: "The dashboard: cohorts, schedules, runs and events, live. The same as `rollcall` alone.",
        discussion: "Attaches to the engine that serves this workspace, or hosts one itself. With no terminal it prints the "
            + "status once.")

    @Flag(name: .customLong("read-only"), help: "Nothing outside the dashboard can be changed.")
    var readOnly = false
    @Flag(help: "No screen: one line a change, for screen readers and logs.")
    var plain = false
    @Option(help: ArgumentHelp("Play a file of palette commands without a terminal.", valueName: "file"))
    var script: String?
    @Option(name: .customLong("dump-dir"), help: ArgumentHelp("Where screens and tables are saved.", valueName: "dir"))
    var dumpFolder: String?
    @Option(help: ArgumentHelp("The size of a script's screen, 80x24 unless COLUMNS and LINES say otherwise.", valueName: "WxH"))
    var size: String?
    @Flag(help: "ASCII only.")
    var ascii = false
    @Flag(help: "For slow links: five frames a second, absolute times.")
    var slow = false
    @Flag(help: ArgumentHelp("One JSON object a sync, once.", visibility: .hidden))
    var json = false

    func run() async throws {
        var start = DashboardStart()
        start.isReadOnly = readOnly
        start.isPlain = plain
        start.script = script
        start.dumpFolder = dumpFolder
        start.size = size
        start.isASCII = ascii
        start.isSlow = slow
        start.isJSON = json
        try await start.run()
    }
}

/// What the dashboard was asked for on the command line, and its start. Without any option it starts from here at once: an
/// argument parser that looks through every command takes a third of the time until the first screen.
struct DashboardStart {
    var isReadOnly = false
    var isPlain = false
    var script: String?
    var dumpFolder: String?
    var size: String?
    var isASCII = false
    var isSlow = false
    var isJSON = false

    func run() async throws {
        guard script != nil || isPlain || DashboardSession.hasTerminal, !isJSON else {
            let status = try StatusCommand.parse(isJSON ? ["--json"] : [])
            return try await status.run()
        }
        let location = WorkspaceLocation.current
        var mode = DashboardSession.Mode.screen
        if let script { mode = .script(try read(script), size: try screenSize()) } else if isPlain { mode = .plain }
        var options = try DashboardSettings.options(location)
        options.isReadOnly = isReadOnly
        let code = try await DashboardSession(
            location: location, mode: mode, options: options, clock: SystemClock(), speed: 1,
            dumps: dumpFolder.map(WorkspaceLocation.absolute), isASCII: isASCII, isSlow: isSlow
        ).run { host in try await EngineHosting(location: location, host: host, isReadOnly: isReadOnly).open() }
        if code != 0 { throw ExitCode(code) }
    }

    private func read(_ path: String) throws(Failure) -> Script {
        guard let file = fopen(path, "re") else {
            throw .usage("cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        guard count < bytes.count else { throw .usage("\(path) is larger than a script can be, 1 MiB") }
        do throws(ScriptError) {
            return try Script(String(decoding: bytes.prefix(count), as: UTF8.self))
        } catch {
            throw .usage("\(path): \(error.description)")
        }
    }

    private func screenSize() throws(Failure) -> (width: Int, height: Int) {
        let parts = size?.split(separator: "x").map { Int($0) }
            ?? [WorkspaceLocation.variable("COLUMNS").flatMap(Int.init) ?? 80, WorkspaceLocation.variable("LINES").flatMap(Int.init) ?? 24]
        guard parts.count == 2, let width = parts[0], let height = parts[1], (1...1_000).contains(width),
            (1...1_000).contains(height)
        else { throw .usage("--size needs columns and rows, such as 120x40") }
        return (width, height)
    }
}
