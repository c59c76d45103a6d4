import ArgumentParser
import Glibc
import SyncEngine

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "The whole product rehearsed, with no account: cohorts that churn, a local receiver, live syncs.",
        discussion: "Works in a folder of its own that is removed at the end. Exits 0 when at the end every receiver "
            + "holds exactly the members of every cohort, 1 when not.")

    @Flag(help: "No dashboard: one line a run and a closing summary. Always so without a terminal.")
    var headless = false
    @Option(name: .customLong("for"), help: ArgumentHelp("How long it plays headless (default 30s).", valueName: "duration"))
    var length = "30s"
    @Option(help: "How many times faster than life the demo's clock goes.")
    var speed = 60
    @Flag(help: "ASCII only.")
    var ascii = false
    @Flag(help: "Keep the folder.")
    var keep = false

    func run() async throws {
        let seconds = try Duration.seconds(of: length)
        guard seconds >= 5 else { throw Failure.usage("--for needs at least 5s to show anything") }
        guard (1...1000).contains(speed) else { throw Failure.usage("--speed needs a number from 1 to 1000") }
        let folder = try DemoFolder.make()
        defer { if !keep { DemoFolder.remove(folder) } }
        let rehearsal = try await Rehearsal(folder: folder, seconds: seconds, speed: speed)
        Signals.handle { number in
            Task { await rehearsal.interrupt(128 + number) }
        }
        let code = headless || !DashboardSession.hasTerminal
            ? try await rehearsal.run() : try await rehearsal.show(isASCII: ascii)
        if keep { Output.note("the demo's workspace is \(folder)") }
        if code != 0 { throw ExitCode(code) }
    }
}

/// A folder that only the demo uses.
enum DemoFolder {
    static func make() throws(Failure) -> String {
        let base = WorkspaceLocation.variable("TMPDIR") ?? "/tmp"
        var template = Array((base + "/rollcall-demo-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure(1, "cannot make a folder in \(base): \(String(cString: strerror(errno)))")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes the folder and what the demo puts into it; nothing else can be in it.
    static func remove(_ folder: String) {
        for name in StateFolder.names(in: folder) {
            let path = folder + "/" + name
            if unlink(path) != 0 { remove(path) }
        }
        rmdir(folder)
    }
}
