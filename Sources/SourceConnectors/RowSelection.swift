import SyncEngine

/// What a database is asked for.
package enum RowSelection: Sendable, Equatable {
    /// One read-only statement that returns exactly one column, or several of which one is named `user_id`.
    case query(String)
    /// All rows of one column. Both names are taken exactly as they are written, upper and lower case included.
    case table(String, column: String)

    /// The column that names the member where a query returns several.
    static let memberColumn = "user_id"

    /// The selection as it is noted in plans.
    var definition: String {
        switch self {
        case .query(let text): text
        case .table(let table, let column): "table \(table), column \(column)"
        }
    }

    /// The index of the column that holds the ids.
    ///
    /// - Parameter subject: what is asked, for the message: "The query".
    static func memberIndex(in names: [[UInt8]], subject: String) throws(SourceError) -> Int {
        if names.count == 1 { return 0 }
        if names.isEmpty {
            throw .misconfigured("\(subject) returns no columns; it must be a SELECT that returns ids")
        }
        let matches = names.indices.filter { names[$0].elementsEqual(memberColumn.utf8) }
        if let match = matches.first, matches.count == 1 { return match }
        let problem = matches.isEmpty ? "none of them is named user_id" : "more than one is named user_id"
        throw .misconfigured(
            "\(subject) returns \(names.count) columns (\(PrintableText.list(names))) and \(problem); "
                + "select one column, or name the one with the ids user_id")
    }

    /// `name` as a quoted SQL identifier, in which nothing but a doubled quote is special.
    static func quoted(_ name: String) -> String {
        var result = "\""
        for scalar in name.unicodeScalars {
            if scalar == "\"" { result.unicodeScalars.append("\"") }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }

    /// Whether no part contains a NUL, at which C would silently cut it, and none is empty.
    var isWellFormed: Bool {
        let parts =
            switch self {
            case .query(let text): [text]
            case .table(let table, let column): [table, column]
            }
        return parts.allSatisfy { !$0.isEmpty && !$0.utf8.contains(0) }
    }
}
