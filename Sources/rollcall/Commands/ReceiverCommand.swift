import ArgumentParser
import Glibc
import Receiver
import Scheduling
import TerminalText

struct ReceiverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receiver",
        abstract: "A local Segment-compatible receiver that enforces Segment's documented limits.",
        discussion: "It reports what Segment would drop silently and keeps identifies and users tables.\n\n"
            + "--fail rehearses faults.\n" + FaultScript.help)

    @Option(help: ArgumentHelp("Where to listen.", valueName: "address"))
    var listen = "127.0.0.1:8844"
    @Option(help: ArgumentHelp("Keep the tables in this SQLite file.", valueName: "file"))
    var store: String?
    @Option(help: ArgumentHelp("Faults to rehearse.", valueName: "script"))
    var fail: String?
    @Flag(help: "Print one line for each request.")
    var verbose = false

    func run() async throws {
        let settings: ReceiverSettings
        do {
            settings = ReceiverSettings(
                address: try ListenAddress(parsing: listen),
                store: store.map { .file(WorkspaceLocation.absolute($0)) } ?? .memory,
                faults: try FaultScript(parsing: fail ?? ""), logsRequests: store != nil)
        } catch let error as FaultScriptError {
            throw Failure.usage("--fail, \(error)")
        } catch let error as ReceiverError {
            throw Failure.usage("\(error)")
        }
        let (ended, end) = AsyncStream.makeStream(of: Int32.self)
        do {
            let verbose = verbose
            let receiver = try Receiver(settings: settings) { Self.show($0, verbose: verbose) }
            Signals.handle { end.yield($0) }
            let port = try await receiver.start()
            Output.note("listening on \(settings.address.host):\(port); the endpoint is "
                + "http://\(settings.address.host):\(port)/v1")
            var signal: Int32 = SIGTERM
            for await number in ended {
                signal = number
                break
            }
            await receiver.stop()
            let counts = receiver.counts
            Output.note("\(counts.requests) requests, \(counts.items) messages, \(counts.stored) stored, "
                + "\(counts.duplicates) repeated, \(counts.dropped) dropped")
            throw ExitCode(128 + signal)
        } catch let error as ReceiverError {
            throw Failure(1, "\(error)")
        }
    }

    private static func show(_ event: ReceiverEvent, verbose: Bool) {
        switch event {
        case .reported(let report):
            let place = report.position.map { "request \(report.request), message \($0)" } ?? "request \(report.request)"
            let user = report.userID.map { " (user \(String(decoding: $0, as: UTF8.self)))" } ?? ""
            Output.line(PrintableText.of("\(place): \(report.code.rawValue): \(report.detail)\(user)", limit: 500))
            Output.flush()
        case .answered(let record) where verbose || record.fault != nil:
            Output.line("\(record.path) \(record.status.map(String.init) ?? "no answer") \(record.items) messages"
                + (record.fault.map { "  fault: \(PrintableText.of($0))" } ?? ""))
            Output.flush()
        case .storeFailed(let reason):
            Output.complain(reason)
        case .listening, .answered, .stopped:
            break
        }
    }
}
