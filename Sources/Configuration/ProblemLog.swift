/// Collects the mistakes of one file while it is read, in whatever order they are found.
///
/// A class, because every reader of a part adds to the same list; it never leaves the thread that reads.
final class ProblemLog {
    /// A file that is wrong throughout is not listed throughout.
    static let longest = 100

    private var problems: [ConfigurationProblem] = []

    var isEmpty: Bool { problems.isEmpty }

    func add(_ place: Place, _ message: String) {
        problems.append(ConfigurationProblem(line: place.line, column: place.column, message: message))
    }

    func add(_ more: [ConfigurationProblem]) { problems += more }

    /// All problems in the order of the file; of a very long list the beginning, and how many more there are.
    var inOrder: [ConfigurationProblem] {
        var sorted = problems.enumerated().sorted {
            ($0.element.line, $0.element.column, $0.offset) < ($1.element.line, $1.element.column, $1.offset)
        }.map(\.element)
        if sorted.count > Self.longest {
            let next = sorted[Self.longest]
            let rest = sorted.count - Self.longest
            sorted.removeSubrange(Self.longest...)
            sorted.append(
                ConfigurationProblem(
                    line: next.line, column: next.column,
                    message: "\(grouped(rest)) more problems from here on; mend those above first"))
        }
        return sorted
    }
}
