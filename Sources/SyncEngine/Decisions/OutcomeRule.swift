/// How sending ended, as far as the outcome depends on it.
package enum SendingEnd: Sendable, Equatable {
    /// Every member was accepted or rejected.
    case complete
    /// Retrying was given up, or the destination refuses everything; the sentence says why.
    case gaveUp(String)
    /// A person cancelled, or the configuration no longer has this sync.
    case cancelled(String)
}

extension RunRecord {
    /// The outcome of a run whose sending ended (PRODUCT.md §1, §3), and the sentence that explains it.
    /// - Parameter newlyOwed: members entered or left that were not already rejected in an earlier run.
    package func outcome(after end: SendingEnd, newlyOwed: Int) -> (outcome: Outcome, reason: String?) {
        switch end {
        case .cancelled(let reason): return (.cancelled, reason)
        case .gaveUp(let reason): return (.failed, reason)
        case .complete: break
        }
        let unreadable = fetched?.unreadable ?? 0
        let withheld = plan?.withheld ?? 0
        guard booksBalance else { return (.failed, "the books do not balance: \(books)") }
        if newlyOwed > 0, delivery.accepted == 0 {
            return (.failed, "none of \(plan?.count ?? 0) members was accepted, \(delivery.rejected) were rejected")
        }
        var faults: [String] = []
        if delivery.rejected > 0 {
            faults.append(delivery.rejected == 1 ? "1 member rejected" : "\(delivery.rejected) members rejected")
        }
        if unreadable > 0 { faults.append(unreadable == 1 ? "1 row unreadable" : "\(unreadable) rows unreadable") }
        if withheld > 0 { faults.append(withheld == 1 ? "1 leave withheld" : "\(withheld) leaves withheld") }
        if !faults.isEmpty { return (.partial, faults.joined(separator: ", ")) }
        return (plan?.count ?? 0) == 0 && mode != .baseline ? (.unchanged, nil) : (.succeeded, nil)
    }

    /// Whether every count that PRODUCT.md §3 relates does add up.
    package var booksBalance: Bool {
        (fetched?.balances ?? true) && pending == 0 && delivery.accepted >= 0 && delivery.rejected >= 0
    }

    private var books: String {
        let read = fetched ?? FetchCounts()
        return "read \(read.read), members \(read.members), duplicates \(read.duplicates), invalid \(read.invalid); "
            + "planned \(plan?.count ?? 0), accepted \(delivery.accepted), rejected \(delivery.rejected), "
            + "pending \(pending)"
    }
}
