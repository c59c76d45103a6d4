import ArgumentParser
import CProcess
import Glibc
import HTTPClient
import SQLiteStore
import Scheduling

/// The entry point. Exit codes are those of PRODUCT.md §3; every error is one sentence on stderr.
@main
enum Main {
    static func main() async {
        umask(0o077)
        cprocess_seal()
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        Signals.install()
        FileLimit.raise()
        let arguments: CommandLineArguments
        do {
            arguments = try CommandLineArguments(Array(CommandLine.arguments.dropFirst()))
        } catch {
            finish(error)
        }
        WorkspaceLocation.named = arguments.workspace
        do {
            if arguments.isDashboard {
                try await DashboardStart().run()
                exit(Output.success())
            }
            var command = try Rollcall.parseAsRoot(arguments.rest)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            exit(Output.success())
        } catch {
            finish(error)
        }
    }

    private static func finish(_ error: any Error) -> Never {
        Output.flush()
        switch error {
        case let failure as Failure:
            if !failure.message.isEmpty { Output.complain(failure.message) }
            exit(failure.code)
        case let code as ExitCode:
            exit(code.rawValue)
        default:
            let code = Rollcall.exitCode(for: error)
            let text = Rollcall.fullMessage(for: error)
            if code == .success {
                Output.line(text)
                exit(Output.success())
            }
            Output.complain(text, prefix: "")
            exit(64)
        }
    }
}

/// How many files this process may have open.
private enum FileLimit {
    /// Raises the soft limit as far as the system lets anybody: looking back over many runs opens a plan for each.
    static func raise() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 65_536)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// How a command ends when it does not succeed.
struct Failure: Error {
    var code: Int32
    var message: String

    init(_ code: Int32, _ message: String = "") {
        self.code = code
        self.message = message
    }

    static func usage(_ message: String) -> Failure { Failure(64, message) }
    static func configuration(_ message: String) -> Failure { Failure(78, message) }
}

struct Rollcall: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollcall",
        abstract: "Tells every destination exactly who entered and who left each cohort.",
        version: Version.asked,
        subcommands: [
            StatusCommand.self, SyncCommand.self, PlanCommand.self, RunsCommand.self, RunCommand.self,
            EventsCommand.self, UserCommand.self, MembersCommand.self, ScheduleCommand.self, ApproveCommand.self,
            DiscardCommand.self, CancelCommand.self, PauseCommand.self, ResumeCommand.self, FreezeCommand.self,
            UnfreezeCommand.self, RejectsCommand.self, CheckCommand.self, InitCommand.self, ServeCommand.self,
            ReceiverCommand.self, DemoCommand.self, VerifyCommand.self, DoctorCommand.self, UndoCommand.self,
            RetireCommand.self, MigrateCommand.self, OverlapCommand.self, PurgeCommand.self, DashboardCommand.self,
            ManualCommand.self,
        ],
        defaultSubcommand: DashboardCommand.self)
}

enum Version {
    static let text = "0.1.0"

    /// The version, and on further lines the libraries that faults and advisories are about. Asking libcurl makes all of its
    /// own libraries begin, so nobody does who was not asked.
    static var asked: String {
        guard CommandLine.arguments.contains("--version") else { return text }
        return "\(text)\nSQLite \(SQLiteStore.libraryVersion)\n\(CurlTransport.libraryVersion)"
    }
}

/// Arguments as typed: options may stand anywhere, `--workspace` too, so it is taken out first, and options before the
/// command's name are moved behind it.
struct CommandLineArguments {
    var workspace: String?
    var rest: [String]
    /// The dashboard, without any option.
    let isDashboard: Bool

    init(_ arguments: [String]) throws(Failure) {
        var words: [String] = []
        var index = 0
        while index < arguments.count {
            let word = arguments[index]
            if word == "--" {
                words += arguments[index...]
                break
            }
            if word == "--workspace" || word == "-w" {
                guard index + 1 < arguments.count else { throw .usage("--workspace needs a folder: --workspace DIR") }
                workspace = arguments[index + 1]
                index += 1
            } else if word.hasPrefix("--workspace=") {
                workspace = String(word.dropFirst("--workspace=".count))
            } else if Self.isBundle(word) {
                throw .usage("there is no option \"\(word)\"; an id or a name that begins with - stands after --: rollcall user -- -id")
            } else {
                words.append(word)
            }
            index += 1
        }
        if workspace?.isEmpty == true { throw .usage("--workspace needs a folder: --workspace DIR") }
        isDashboard = words.isEmpty || words == [DashboardCommand.configuration.commandName]
        guard !isDashboard else {
            rest = words
            return
        }
        let names = Set(Rollcall.configuration.subcommands.map { $0._commandName } + ["help"])
        if let first = words.firstIndex(where: { names.contains($0) }), first > 0,
            words[..<first].allSatisfy({ $0.hasPrefix("-") }) {
            let name = words.remove(at: first)
            words.insert(name, at: 0)
        }
        if let first = words.first, !first.hasPrefix("-"), !names.contains(first) {
            throw .usage(Self.complaint(about: first, names: names))
        }
        rest = words
    }

    /// Several letters behind one dash. No option is written so, and letter by letter one of them may be `-h`. A number may
    /// be an option's value.
    private static func isBundle(_ word: String) -> Bool {
        word.hasPrefix("-") && !word.hasPrefix("--") && word.count > 2 && word.dropFirst().first?.isNumber == false
    }

    private static func complaint(about word: String, names: Set<String>) -> String {
        let near = NearNames.nearest(to: word, among: names.sorted())
        return "there is no command \"\(word)\"; "
            + (near.isEmpty ? "`rollcall help` lists them" : "did you mean \(near.joined(separator: " or "))?")
    }
}
