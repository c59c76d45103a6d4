import Scheduling

/// A configuration with the text it was read from: what the readers and the editor share.
struct ParsedConfiguration: Sendable {
    let file: String
    /// Whether a byte order mark stood before the text; `text` and all offsets begin behind it.
    let hasMark: Bool
    let text: FileText
    let root: YAMLNode
    let model: WorkspaceConfiguration

    /// - Throws: ``ConfigurationError/invalid(file:problems:)`` with all problems of the file.
    init(_ bytes: [UInt8], file: String) throws(ConfigurationError) {
        self.file = file
        guard bytes.count <= ConfigurationFile.limit else {
            throw .invalid(
                file: file,
                problems: [
                    ConfigurationProblem(line: 1, column: 1, message: "larger than 1 MiB; a configuration is smaller")
                ])
        }
        hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
        text = FileText(hasMark ? Array(bytes[3...]) : bytes)
        let strange = text.strangeCharacters()
        guard strange.isEmpty else { throw .invalid(file: file, problems: strange) }

        let log = ProblemLog()
        let yaml = YAMLReader(text)
        log.add(yaml.problems)
        if yaml.root == nil, log.isEmpty {
            log.add(Place(line: 1, column: 1), "the file is empty; `rollcall init` in an empty folder writes a sample")
        }
        guard let root = yaml.root else { throw .invalid(file: file, problems: log.inOrder) }
        self.root = root
        model = WorkspaceReader(log: log).read(root)
        guard log.isEmpty else { throw .invalid(file: file, problems: log.inOrder) }
    }
}
