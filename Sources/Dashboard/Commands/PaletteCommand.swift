import Scheduling

/// One line of the palette or of a script, understood.
package enum PaletteCommand: Hashable, Sendable {
    case sync([String], all: Bool, full: Bool, dryRun: Bool)
    /// `sample` is how many members to show; nil for the dashboard's own view of a plan.
    case plan([String], all: Bool, full: Bool, sample: Int?)
    case approve(String, reason: String?, leaves: Bool)
    case discard(String, reason: String?)
    case cancel(String, reason: String?)
    case pause([String])
    case resume([String])
    case freeze(Bool)
    case user(String)
    case run(String)
    case go(String)
    case members(String)
    case schedule(String, when: String?, timezone: String?)
    /// Retries what waits at one name, or everywhere.
    case retryRejects(of: String?)
    /// Dismisses the reject of an id.
    case dismissReject(String)
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
        ("open", "open", "open the selected row; a line of the log whole"),
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
        case "sync", "plan", "approve", "discard", "cancel", "pause", "resume", "freeze", "unfreeze":
            return try acting(first, rest)
        case "undo", "retire", "migrate", "purge", "overlap", "verify", "doctor", "check":
            return try hosted(words, tail)
        case "status", "runs", "run", "events", "user", "members", "rejects": return try listing(first, rest, tail)
        case "schedule": return try schedule(rest)
        case "guard":
            guard rest.count == 3 else { throw CommandError(usage(of: first)) }
            return .guardLimit(cohort: rest[0], name: rest[1], value: rest[2] == "default" ? nil : rest[2])
        default: return try view(first, rest, tail)
        }
    }

    private static func acting(_ word: String, _ rest: [String]) throws(CommandError) -> PaletteCommand {
        switch word {
        case "sync":
            let found = try Arguments(rest, of: word, flags: ["--all", "--full", "--dry-run"])
            return .sync(found.names, all: found.has("--all"), full: found.has("--full"), dryRun: found.has("--dry-run"))
        case "plan":
            let found = try Arguments(rest, of: word, flags: ["--all", "--full"], values: ["--sample"])
            return .plan(
                found.names, all: found.has("--all"), full: found.has("--full"), sample: try found.number("--sample"))
        case "approve":
            let found = try Arguments(rest, of: word, flags: ["--leaves"], values: ["--reason"])
            return .approve(try one(found.names, word), reason: found.options["--reason"], leaves: found.has("--leaves"))
        case "discard", "cancel":
            let found = try Arguments(rest, of: word, values: ["--reason"])
            let (run, reason) = (try one(found.names, word), found.options["--reason"])
            return word == "discard" ? .discard(run, reason: reason) : .cancel(run, reason: reason)
        case "pause": return .pause(try Arguments(rest, of: word).names)
        case "resume": return .resume(try Arguments(rest, of: word).names)
        default:
            guard rest.isEmpty else { throw CommandError("`\(word)` concerns everything and takes nothing behind it") }
            return .freeze(word == "freeze")
        }
    }

    private static func listing(_ word: String, _ rest: [String], _ tail: String) throws(CommandError) -> PaletteCommand {
        switch word {
        case "user":
            guard !rest.contains(where: { $0.hasPrefix("--") }) else {
                throw CommandError("`user` takes an id and no options here; U looks up an id that holds --")
            }
            return .user(try some(tail, word))
        case "run": return .run(try one(try Arguments(rest, of: word).names, word))
        case "members":
            let found = try Arguments(rest, of: word, values: ["--at"])
            let name = try one(found.names, word)
            guard let time = found.options["--at"] else { return .members(name) }
            return .host(["members", name, "--at", time])
        case "events": return try events(rest)
        case "rejects":
            let found = try Arguments(rest, of: word, flags: ["--retry"], values: ["--dismiss"])
            if let id = found.options["--dismiss"] {
                guard found.names.isEmpty, !found.has("--retry") else { throw CommandError("write `rejects --dismiss ID`") }
                return .dismissReject(id)
            }
            guard found.has("--retry") else { return try list(word, found.names) }
            if found.names.isEmpty { return .retryRejects(of: nil) }
            return .retryRejects(of: try one(found.names, word))
        default:
            let names = try Arguments(rest, of: word).names
            if word == "runs" { return try list(word, names) }
            guard names.isEmpty else { throw CommandError("`status` shows every sync; `go NAME` opens one") }
            return .screen("overview")
        }
    }

    private static func list(_ word: String, _ names: [String]) throws(CommandError) -> PaletteCommand {
        guard !names.isEmpty else { return .screen(word) }
        let name = try one(names, word)
        return .screen("\(word) \(name)")
    }

    /// One user's and one run's events have screens of their own.
    private static func events(_ rest: [String]) throws(CommandError) -> PaletteCommand {
        let found = try Arguments(rest, of: "events", flags: ["--follow"], values: ["--sync", "--user", "--run"])
        guard !found.has("--follow") else {
            throw CommandError("the Events screen follows by itself; `follow` pauses it and lets it go on")
        }
        guard found.options.count + found.names.count <= 1 else {
            throw CommandError("`events` takes one of NAME, --sync, --user and --run here")
        }
        if let user = found.options["--user"] { return .user(user) }
        if let run = found.options["--run"] { return .run(run) }
        return try list("events", found.options["--sync"].map { [$0] } ?? found.names)
    }

    private static func schedule(_ rest: [String]) throws(CommandError) -> PaletteCommand {
        let found = try Arguments(rest, of: "schedule", flags: ["--preview"], values: ["--timezone", "--next"])
        let when = Array(found.names.dropFirst())
        let count = try found.number("--next")
        guard count != nil || found.has("--preview") else {
            return .schedule(
                found.names.first ?? "", when: when.isEmpty ? nil : when.joined(separator: " "),
                timezone: found.options["--timezone"])
        }
        guard !found.names.isEmpty else { throw CommandError(usage(of: "schedule")) }
        // Without --preview the command would write at once what the editor asks about.
        guard found.has("--preview") || when.isEmpty && found.options["--timezone"] == nil else {
            throw CommandError("--next shows fires and edits nothing: write it without WHEN, or with --preview")
        }
        var words = ["schedule"] + found.names
        if let zone = found.options["--timezone"] { words += ["--timezone", zone] }
        if let count { words += ["--next", "\(count)"] }
        if found.has("--preview") { words.append("--preview") }
        return .host(words)
    }

    private static func view(_ first: String, _ rest: [String], _ tail: String) throws(CommandError) -> PaletteCommand {
        switch first {
        case "screen": return .screen(try one(rest, first))
        case "go": return .go(try one(rest, first))
        case "filter": return .filter(tail)
        case "sort":
            guard let column = rest.first, rest.count == 1 || rest == [column, "desc"] else {
                throw CommandError(usage(of: first))
            }
            return .sort(column, descending: rest.count > 1)
        case "theme":
            guard let theme = Theme(rawValue: rest.first ?? "") else {
                throw CommandError("themes are \(Theme.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return .theme(theme)
        case "times":
            guard let name = rest.first else { return .times(nil) }
            guard let mode = TimeMode(rawValue: name) else { throw CommandError("times are relative, local or utc") }
            return .times(mode)
        case "mouse":
            guard let word = rest.first, rest.count == 1, word == "on" || word == "off" else {
                throw CommandError(usage(of: first))
            }
            return .mouse(word == "on")
        case "dump": return .dump(tail.isEmpty ? nil : tail)
        case "mark", "copy":
            let choices: [[String]] = first == "mark" ? [[], ["all"]] : [[], ["cell"], ["row"]]
            guard choices.contains(rest) else { throw CommandError(usage(of: first)) }
            if first == "mark" { return .mark(all: !rest.isEmpty) }
            return .action(rest == ["row"] ? .copyRow : .copyCell)
        default: return try action(first, rest)
        }
    }

    private static func action(_ word: String, _ rest: [String]) throws(CommandError) -> PaletteCommand {
        let found: Action? = word == "open" ? .open : KeyTable.bindings.first { $0.command == word }?.action
        if let found {
            guard rest.isEmpty else { throw CommandError("`\(word)` takes nothing behind it") }
            return .action(found)
        }
        if outside.contains(word) { throw CommandError("`rollcall \(word)` runs in a shell, not in here") }
        let near = NearNames.nearest(to: word, among: words.map(\.word))
        throw CommandError("no command `\(word.prefix(40))`" + (near.first.map { "; did you mean `\($0)`?" } ?? ""))
    }

    /// Commands that the host carries out as a shell would; their other options are theirs to refuse.
    private static func hosted(_ words: [String], _ tail: String) throws(CommandError) -> PaletteCommand {
        let (word, rest) = (words[0], Array(words.dropFirst()))
        switch word {
        case "undo", "retire", "migrate":
            let found = try Arguments(rest, of: word, values: ["--reason"])
            let name = try one(found.names, word)
            guard let reason = found.options["--reason"] else { return .host([word, name]) }
            return .host([word, name, "--reason=\(reason)"])
        case "purge":
            // An id is what was typed, blanks too.
            let user = try some(tail, word)
            guard !user.hasPrefix("-") else { throw CommandError("this id is for a shell: rollcall purge -- ID") }
            return .host([word, user])
        case "overlap" where rest.count < 2: throw CommandError(usage(of: word))
        default: return .host(words)
        }
    }

    private static func one(_ rest: [String], _ word: String) throws(CommandError) -> String {
        guard let first = rest.first, rest.count == 1 else { throw CommandError(usage(of: word)) }
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

/// What stands behind a command's word: names, and options that may stand anywhere among them.
private struct Arguments {
    var names: [String] = []
    /// Empty for an option without a value.
    var options: [String: String] = [:]

    /// Every option that is not named here is refused, so that none is taken for a name or forgotten.
    /// - Parameter values: options with a word behind them; `--reason` takes all words up to the next option.
    init(
        _ rest: [String], of word: String, flags: [String] = [], values: [String] = []
    ) throws(CommandError) {
        var unfinished: String?
        for part in rest {
            if part.hasPrefix("--") {
                let pieces = part.split(separator: "=", maxSplits: 1).map(String.init)
                let name = pieces.first ?? part
                if values.contains(name) {
                    options[name] = pieces.count > 1 ? pieces[1] : ""
                    unfinished = pieces.count == 1 || name == "--reason" ? name : nil
                } else if flags.contains(name), pieces.count == 1 {
                    options[name] = ""
                    unfinished = nil
                } else {
                    throw CommandError("`\(word)` takes \(Self.listed(flags + values)) here, not \(name.prefix(40))")
                }
            } else if let option = unfinished {
                let before = options[option] ?? ""
                options[option] = before.isEmpty ? part : before + " " + part
                if option != "--reason" { unfinished = nil }
            } else {
                names.append(part)
            }
        }
        for option in values where options[option]?.isEmpty == true {
            throw CommandError("write a value behind \(option)")
        }
        if let reason = options["--reason"], reason.count > 1, let mark = reason.first, mark == "\"" || mark == "'",
            reason.last == mark
        {
            options["--reason"] = String(reason.dropFirst().dropLast())
        }
    }

    func has(_ option: String) -> Bool { options[option] != nil }

    func number(_ option: String) throws(CommandError) -> Int? {
        guard let text = options[option] else { return nil }
        guard let number = Int(text), (0...100_000).contains(number) else {
            throw CommandError("\(option) takes a number, not `\(text.prefix(40))`")
        }
        return number
    }

    private static func listed(_ options: [String]) -> String {
        guard let last = options.last else { return "no option" }
        return options.count == 1 ? last : options.dropLast().joined(separator: ", ") + " and " + last
    }
}
