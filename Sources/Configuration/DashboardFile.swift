/// What `dashboard.yaml` beside `rollcall.yaml` says (PRODUCT.md §6). Names of actions, keys, lists and columns are as
/// written; the dashboard knows which there are.
package struct DashboardFile: Sendable, Equatable {
    package static let fileName = "dashboard.yaml"

    /// A word of the file and where it stands.
    package struct Entry: Sendable, Equatable {
        package var text: String
        package var place: Place
    }

    package var path: String
    /// Keys by action.
    package var keys: [String: Entry] = [:]
    package var theme: Entry?
    package var mouse = false
    /// The columns to show, by list.
    package var columns: [String: [Entry]] = [:]

    /// Reads the file of a workspace; a workspace without one has the defaults.
    /// - Throws: ``ConfigurationError`` with every mistake of its form at once.
    package static func load(workspace: String) throws(ConfigurationError) -> DashboardFile {
        let path = workspace.isEmpty || workspace.hasSuffix("/") ? workspace + fileName : "\(workspace)/\(fileName)"
        do {
            return try DashboardFile(try ConfigurationFile.read(path), path: path)
        } catch {
            if case .missing = error { return DashboardFile(path: path) }
            throw error
        }
    }

    private init(path: String) { self.path = path }

    /// Reads the file's bytes; `path` is the name that errors carry.
    package init(_ bytes: [UInt8], path: String) throws(ConfigurationError) {
        self.path = path
        guard bytes.count <= ConfigurationFile.limit else {
            throw .unreadable(file: path, reason: "larger than 1 MiB")
        }
        let text = FileText(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes[3...]) : bytes)
        let strange = text.strangeCharacters()
        guard strange.isEmpty else { throw .invalid(file: path, problems: strange) }
        let log = ProblemLog()
        let yaml = YAMLReader(text)
        log.add(yaml.problems)
        if let root = yaml.root { read(root, log) }
        guard log.isEmpty else { throw .invalid(file: path, problems: log.inOrder) }
    }

    private mutating func read(_ root: YAMLNode, _ log: ProblemLog) {
        guard let file = Fields(root, owner: "the file", place: root.place, log: log) else { return }
        file.allowOnly(["keys", "theme", "mouse", "columns"])
        if let node = file["theme"], let text = file.text("theme") { theme = Entry(text: text, place: node.place) }
        mouse = file.boolean("mouse") ?? false
        if let node = file["keys"], !node.isNull,
            let fields = Fields(node, owner: "\"keys\"", place: node.place, log: log) {
            for pair in fields.pairs {
                guard let action = pair.key.text, let key = fields.text(of: pair.value, action) else { continue }
                keys[action] = Entry(text: key, place: pair.value.place)
            }
        }
        if let node = file["columns"], !node.isNull,
            let fields = Fields(node, owner: "\"columns\"", place: node.place, log: log) {
            for pair in fields.pairs {
                guard let list = pair.key.text,
                    let names = fields.texts(list, example: "[sync, status, next]")
                else { continue }
                columns[list] = names.map { Entry(text: $0.text, place: $0.node.place) }
            }
        }
    }
}
