/// One mistake in `rollcall.yaml`.
package struct ConfigurationProblem: Sendable, Equatable {
    /// Line and column, both from 1; the column counts Unicode scalars.
    package var line: Int
    package var column: Int
    /// What is wrong and what would be right, in one line without control characters. Never holds a secret.
    package var message: String

    package init(line: Int, column: Int, message: String) {
        self.line = line
        self.column = column
        self.message = message
    }
}

/// Why there is no configuration.
package enum ConfigurationError: Error, Sendable, Equatable {
    /// There is no such file: the workspace wants `rollcall init`.
    case missing(file: String)
    /// There is one and it cannot be read, or it is no regular file.
    case unreadable(file: String, reason: String)
    /// It was read and does not check out; all that is wrong, in the order of the file.
    case invalid(file: String, problems: [ConfigurationProblem])

    package var file: String {
        switch self {
        case .missing(let file), .unreadable(let file, _), .invalid(let file, _): file
        }
    }

    /// The mistakes of an invalid file; empty otherwise.
    package var problems: [ConfigurationProblem] {
        if case .invalid(_, let problems) = self { problems } else { [] }
    }
}

extension ConfigurationError: CustomStringConvertible {
    /// One line a problem: `rollcall.yaml:12:5: unknown key …`.
    package var description: String {
        switch self {
        case .missing(let file): "\(file): no such file"
        case .unreadable(let file, let reason): "\(file): \(reason)"
        case .invalid(let file, let problems):
            problems.map { "\(file):\($0.line):\($0.column): \($0.message)" }.joined(separator: "\n")
        }
    }
}
