import Configuration
import Control
import Glibc

/// The text that a new cohort begins as, in the operator's own editor.
enum CohortDraft {
    /// A `rollcall.yaml` for the first cohort of a workspace that has none.
    static let firstConfiguration = """
        version: 1
        timezone: UTC

        sources:
          lists: {kind: csv, directory: .}

        destinations:
          file: {kind: ndjson, path: out.ndjson}

        cohorts: {}

        """

    /// A commented template that names what the workspace has.
    static func template(for model: WorkspaceConfiguration?) -> String {
        let sources = model?.sources.map { "\($0.key) (\($0.kind.name))" } ?? ["lists (csv)"]
        let destinations = model?.destinations.map(\.key) ?? ["file"]
        let source = model?.sources.first
        let selection = switch source?.kind {
        case .sqlite?, .postgres?: "query: SELECT user_id FROM users WHERE plan = 'trial'"
        case .command?: "command: [./members, --of, trial]"
        case .amplitude?: "id: abc123                # the Amplitude cohort's id"
        case .csv?, nil: "file: new-cohort.csv      # a list of ids, or CSV with `column: user_id`"
        }
        return """
            # A new cohort for rollcall.yaml. Save and leave the editor to add it; leave nothing but comments to add nothing.
            # Sources here: \(sources.joined(separator: ", "))
            # Destinations here: \(destinations.joined(separator: ", "))

            new-cohort:
              name: New cohort
              source: \(source?.key ?? "lists")
              \(selection)
              to: [\(destinations.first ?? "file")]
              schedule: manual          # daily at 06:30, hourly at :15, every 15m, */15 8-18 * * mon-fri
              # guards: {max_leave: 20%, max_growth: 5x}

            """
    }

    /// The draft without the comments before the cohort's key; empty when there is nothing else.
    static func lines(at path: String) throws(Refusal) -> [String] {
        guard let file = fopen(path, "re") else {
            throw Refusal(code: 1, message: "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 256 << 10)
        let count = fread(&bytes, 1, bytes.count, file)
        guard count < bytes.count else { throw Refusal(code: 1, message: "\(path) is larger than 256 KiB") }
        guard let text = String(validating: bytes.prefix(count), as: UTF8.self) else {
            throw Refusal(code: 1, message: "\(path) is no UTF-8 text")
        }
        return contents(of: text)
    }

    static func contents(of text: String) -> [String] {
        let lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
            String(Substring(line.last == 0x0D ? line.dropLast() : line))
        }
        return Array(lines.drop { line in
            let content = line.drop { $0 == " " || $0 == "\t" }
            return content.isEmpty || content.hasPrefix("#")
        })
    }
}
