import Control

/// What the palette offers for what was typed.
struct PaletteEntries {
    struct Entry {
        let command: String
        let title: String
        let key: String
        /// What Tab puts into the field.
        let completion: String
    }

    private let model: DashboardModel

    init(_ model: DashboardModel) {
        self.model = model
    }

    /// Commands that fit, the best first; for a command that takes a name, the names.
    func matching(_ text: String) -> [Entry] {
        let parts = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let word = parts.first ?? ""
        if parts.count > 1, let command = PaletteCommand.words.first(where: { $0.word == word }) {
            return arguments(of: command, typed: parts[1])
        }
        let usable = PaletteCommand.words.filter { isOffered($0.word) }
        let starting = usable.filter { $0.word.hasPrefix(word) }
        let fuzzy = usable.filter { !$0.word.hasPrefix(word) && Filter.isSubsequence(word, of: $0.word) }
        let telling = usable.filter { command in
            word.count >= 3 && !Filter.isSubsequence(word, of: command.word) && command.title.contains(word)
        }
        let recent = word.isEmpty ? model.recentCommands.suffix(5).reversed().map {
            Entry(command: $0, title: "again", key: "", completion: $0)
        } : []
        return recent + (starting + fuzzy + telling).map { command in
            Entry(
                command: command.usage, title: command.title, key: key(of: command.word),
                completion: command.word + (command.usage.contains(" ") ? " " : ""))
        }
    }

    private func isOffered(_ word: String) -> Bool {
        guard model.options.isReadOnly else { return true }
        let changing = ["undo", "retire", "migrate", "resume", "unfreeze", "purge"]
        let changes = KeyTable.bindings.first { $0.command == word }?.changes ?? changing.contains(word)
        return !changes
    }

    private func key(of word: String) -> String {
        let action: Action? = switch word {
        case "resume": .pause
        case "unfreeze": .freeze
        case "status": .overview
        case "runs": .runs
        case "events": .events
        case "rejects": .rejects
        case "go": .cohort
        case "open": .open
        case "mark": .markAll
        case "copy": .copyCell
        default: KeyTable.bindings.first { $0.command == word }?.action
        }
        return action.flatMap { model.options.keymap.label(of: $0, ascii: model.options.isASCII) } ?? ""
    }

    private func arguments(of command: (word: String, usage: String, title: String), typed: String) -> [Entry] {
        let done = typed.split(separator: " ", omittingEmptySubsequences: false).dropLast().joined(separator: " ")
        let last = String(typed.split(separator: " ", omittingEmptySubsequences: false).last ?? "")
        let names = candidates(for: command.word).filter { last.isEmpty || $0.hasPrefix(last) || Filter.isSubsequence(last, of: $0) }
        let lead = command.word + " " + (done.isEmpty ? "" : done + " ")
        let entries = names.sorted { $0.hasPrefix(last) && !$1.hasPrefix(last) }.prefix(50).map {
            Entry(command: lead + $0, title: command.title, key: key(of: command.word), completion: lead + $0)
        }
        guard entries.isEmpty else { return Array(entries) }
        return [Entry(
            command: command.word + " " + typed, title: command.title, key: key(of: command.word),
            completion: command.word + " " + typed)]
    }

    private func candidates(for word: String) -> [String] {
        switch word {
        case "sync", "plan", "pause", "resume", "go", "runs", "events", "members", "rejects", "overlap", "retire",
            "migrate":
            return names
        case "schedule": return model.data.configuration.cohorts.prefix(500).map(\.key)
        case "approve", "discard": return model.data.syncs.compactMap(\.view.held_run)
        case "cancel": return model.data.runs.active.map(\.view.run)
        case "screen":
            return ["overview", "cohort", "runs", "schedules", "events", "destinations", "rejects", "logs", "engine", "wallboard"]
        case "theme": return Theme.allCases.map(\.rawValue)
        case "times": return TimeMode.allCases.map(\.rawValue)
        case "mouse": return ["on", "off"]
        case "sort": return model.currentList.map { Columns.all(of: $0).filter(\.isSortable).map(\.id) } ?? []
        case "filter": return ["status:failed", "status:held", "status:late", "!status:ok"]
        default: return []
        }
    }

    private var names: [String] {
        var seen: Set<ByteText> = []
        let rows = model.data.syncs.prefix(500)
        return rows.map(\.view.cohort).filter { seen.insert(ByteText($0)).inserted } + rows.map(\.view.sync)
    }
}
