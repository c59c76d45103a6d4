import Scheduling

/// One line of the palette or of a script, understood.
package enum PaletteCommand: Hashable, Sendable {
    case sync([String], all: Bool, full: Bool, dryRun: Bool)
    case plan([String], all: Bool)
    case approve(String)
    case discard(String)
    case cancel(String)
    case pause([String])
    case resume([String])
    case freeze(Bool)
    case user(String)
    case run(String)
    case go(String)
    case members(String)
    case schedule(String, when: String?)
    /// A limit of a cohort's guards; nil takes it out, so that its default holds.
    case guardLimit(cohort: String, name: String, value: String?)
    case screen(String)
    case filter(String)
    case sort(String, descending: Bool)
    case theme(Theme)
    case times(TimeMode?)
    case mouse(Bool)
    case dump(String?)
    case mark(all: Bool)
    case action(Action)
    /// A command of PRODUCT.md §3 that the host carries out.
    case host([String])
}

/// Why a line is no command.
package struct CommandError: Error, Hashable, Sendable {
    package var message: String

    init(_ message: String) {
        self.message = message
    }
}

extension PaletteCommand {
    /// All words that begin a command, with what follows them and what they do.
    package static let words: [(word: String, usage: String, title: String)] = [
        ("sync", "sync NAME... | --all", "run syncs now; --full, --dry-run"),
        ("plan", "plan NAME...", "dry run: what a sync would send"),
        ("approve", "approve RUN", "approve a held plan"),
        ("discard", "discard RUN", "discard a held plan"),
        ("cancel", "cancel RUN", "cancel a run under way"),
        ("undo", "undo RUN", "plan the inverse of a run, held for approval"),
        ("retire", "retire NAME", "plan false for everyone, held for approval"),
        ("migrate", "migrate NAME", "move members to a changed trait, held for approval"),
        ("pause", "pause NAME...", "pause schedules"),
        ("resume", "resume NAME...", "resume schedules"),
        ("freeze", "freeze", "stop all sending"),
        ("unfreeze", "unfreeze", "lift the freeze"),
        ("schedule", "schedule NAME [WHEN]", "edit a schedule"),
        ("guard", "guard NAME LIMIT VALUE", "change a guard, such as max_leave 30%; `default` takes it out"),
        ("status", "status", "state of every sync"),
        ("runs", "runs [NAME]", "history of runs"),
        ("run", "run ID", "one run in full"),
        ("events", "events [NAME]", "who entered and left"),
        ("user", "user ID", "one user in all cohorts"),
        ("members", "members NAME", "members a destination was told of"),
        ("rejects", "rejects [NAME]", "who could not be told"),
        ("retry", "retry", "retry the selected rejects"),
        ("dismiss", "dismiss", "dismiss the selected rejects"),
        ("overlap", "overlap NAME NAME", "sizes of two cohorts and what they share"),
        ("verify", "verify", "check every state file and the books"),
        ("doctor", "doctor", "check the installation"),
        ("check", "check", "validate rollcall.yaml"),
        ("purge", "purge USER", "remove one user from history"),
        ("edit", "edit", "edit rollcall.yaml in $EDITOR"),
        ("add", "add", "add a cohort"),
        ("go", "go NAME", "open a cohort"),
        ("screen", "screen NAME", "open a screen"),
        ("filter", "filter TEXT", "filter the list"),
        ("sort", "sort COLUMN [desc]", "sort the list"),
        ("invert", "invert", "invert the order"),
        ("columns", "columns", "choose columns"),
        ("times", "times [relative|local|utc]", "how times are shown"),
        ("theme", "theme terminal|light|mono", "choose a theme"),
        ("mouse", "mouse on|off", "use the mouse"),
        ("follow", "follow", "follow or pause a stream"),
        ("hold", "hold", "hold the display still"),
        ("mark", "mark all", "mark all filtered rows"),
        ("copy", "copy cell|row", "copy to the clipboard"),
        ("save", "save", "save the table as CSV"),
        ("dump", "dump [FILE]", "save the screen as text"),
        ("messages", "messages", "what was said"),
        ("help", "help", "keys of this screen"),
        ("redraw", "redraw", "paint anew"),
        ("reread", "reread", "ask the engine anew"),
        ("suspend", "suspend", "suspend to the shell"),
        ("quit", "quit", "quit"),
    ]

    /// Commands of the shell that make no sense in here.
    private static let outside = ["demo", "init", "serve", "receiver", "completions"]

    /// - Throws: ``CommandError`` with a sentence for the line above the keys.
    package static func parse(_ line: String) throws(CommandError) -> PaletteCommand {
        let words = line.split(separator: " ").map(String.init)
        guard let first = words.first else { throw CommandError("write a command, such as `sync NAME`; ? is help") }
        let rest = Array(words.dropFirst())
        let tail = Self.tail(of: line)
        switch first {
        case "sync": return try sync(rest)
        case "plan":
            let names = rest.filter { !$0.hasPrefix("--") }
            return .plan(names, all: rest.contains("--all"))
        case "approve" where rest.contains("--leaves"): return .host(words)
        case "approve": return .approve(try one(rest, first))
        case "discard": return .discard(try one(rest, first))
        case "cancel": return .cancel(try one(rest, first))
        case "pause": return .pause(rest)
        case "resume": return .resume(rest)
        case "freeze", "unfreeze": return .freeze(first == "freeze")
        case "user": return .user(try some(tail, first))
        case "run": return .run(try one(rest, first))
        case "go": return .go(try one(rest, first))
        case "schedule":
            let name = rest.first ?? ""
            let when = rest.dropFirst().joined(separator: " ")
            return .schedule(name, when: when.isEmpty ? nil : when)
        case "guard":
            guard rest.count == 3 else { throw CommandError(usage(of: first)) }
            return .guardLimit(cohort: rest[0], name: rest[1], value: rest[2] == "default" ? nil : rest[2])
        case "undo", "retire", "migrate", "purge", "overlap", "verify", "doctor", "check": return try hosted(words)
        default: return try view(first, rest, tail)
        }
    }

    private static func view(_ first: String, _ rest: [String], _ tail: String) throws(CommandError) -> PaletteCommand {
        switch first {
        case "screen": return .screen(try one(rest, first))
        case "status": return .screen("overview")
        case "runs", "events", "rejects", "members":
            guard let name = rest.first else { return .screen(first) }
            if first == "members" { return .members(name) }
            return .screen("\(first) \(name)")
        case "filter": return .filter(tail)
        case "sort": return .sort(try one(Array(rest.prefix(1)), first), descending: rest.dropFirst().first == "desc")
        case "theme":
            guard let theme = Theme(rawValue: rest.first ?? "") else {
                throw CommandError("themes are \(Theme.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return .theme(theme)
        case "times":
            guard let name = rest.first else { return .times(nil) }
            guard let mode = TimeMode(rawValue: name) else { throw CommandError("times are relative, local or utc") }
            return .times(mode)
        case "mouse": return .mouse(rest.first != "off")
        case "dump": return .dump(tail.isEmpty ? nil : tail)
        case "mark": return .mark(all: rest.first == "all")
        case "copy": return .action(rest.first == "row" ? .copyRow : .copyCell)
        default: return try action(first)
        }
    }

    private static func action(_ word: String) throws(CommandError) -> PaletteCommand {
        if let binding = KeyTable.bindings.first(where: { $0.command == word }) { return .action(binding.action) }
        if outside.contains(word) { throw CommandError("`rollcall \(word)` runs in a shell, not in here") }
        let near = NearNames.nearest(to: word, among: words.map(\.word))
        throw CommandError("no command `\(word.prefix(40))`" + (near.first.map { "; did you mean `\($0)`?" } ?? ""))
    }

    private static func sync(_ rest: [String]) throws(CommandError) -> PaletteCommand {
        let options = rest.filter { $0.hasPrefix("--") }
        if let unknown = options.first(where: { !["--all", "--full", "--dry-run"].contains($0) }) {
            throw CommandError("`sync` takes --all, --full and --dry-run here, not \(unknown)")
        }
        let names = rest.filter { !$0.hasPrefix("--") }
        return .sync(
            names, all: options.contains("--all"), full: options.contains("--full"),
            dryRun: options.contains("--dry-run"))
    }

    private static func hosted(_ words: [String]) throws(CommandError) -> PaletteCommand {
        let needed = ["undo": 1, "retire": 1, "migrate": 1, "purge": 1, "overlap": 2][words[0]] ?? 0
        guard words.count > needed else { throw CommandError(usage(of: words[0])) }
        return .host(words)
    }

    private static func one(_ rest: [String], _ word: String) throws(CommandError) -> String {
        guard let first = rest.first else { throw CommandError(usage(of: word)) }
        return first
    }

    private static func some(_ tail: String, _ word: String) throws(CommandError) -> String {
        guard !tail.isEmpty else { throw CommandError(usage(of: word)) }
        return tail
    }

    private static func usage(of word: String) -> String {
        "write `\(words.first { $0.word == word }?.usage ?? word)`"
    }

    /// What follows the first word, as it was typed.
    private static func tail(of line: String) -> String {
        let text = line.drop { $0 == " " }
        guard let blank = text.firstIndex(of: " ") else { return "" }
        return String(text[blank...].drop { $0 == " " })
    }
}
