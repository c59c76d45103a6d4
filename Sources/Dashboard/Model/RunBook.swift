import Control
import Scheduling

/// The newest runs, the counts of each sync's latest, and how fast the active ones go.
struct RunBook: Sendable {
    static let capacity = 2_000
    static let historyLength = 64

    private var rows: [ByteText: RunRow] = [:]
    /// Newest first.
    private(set) var order: [ByteText] = []
    /// Per sync, the latest runs that nobody stopped, oldest first.
    private(set) var history: [ByteText: [HistoryEntry]] = [:]
    private var traces: [ByteText: [ProgressPoint]] = [:]
    private(set) var activeIDs: Set<ByteText> = []

    struct HistoryEntry: Sendable {
        let number: Int
        let entered: Int
        let left: Int
        let outcome: String
        let members: Int
    }

    struct ProgressPoint: Sendable {
        let at: Instant
        let done: Int
    }

    var count: Int { order.count }

    func row(_ id: ByteText) -> RunRow? { rows[id] }
    func row(at index: Int) -> RunRow? { order.indices.contains(index) ? rows[order[index]] : nil }

    /// Runs under way, the oldest first.
    var active: [RunRow] { activeIDs.compactMap { rows[$0] }.sorted { $0.number < $1.number } }

    func runs(of sync: ByteText) -> [RunRow] {
        order.compactMap { rows[$0] }.filter { ByteText($0.view.sync) == sync }
    }

    /// - Returns: whether a run was new or changed its phase, so that what depends on runs should be asked for.
    @discardableResult
    mutating func take(_ view: RunView, at now: Instant) -> Bool {
        let row = RunRow(view)
        let old = rows[row.id]
        rows[row.id] = row
        if old == nil { insert(row) }
        trace(row, at: now)
        if row.isActive { activeIDs.insert(row.id) } else { activeIDs.remove(row.id) }
        if row.view.outcome != nil, old?.view.outcome == nil { remember(row) }
        return old == nil || old?.view.phase != view.phase || old?.view.outcome != view.outcome
    }

    private mutating func insert(_ row: RunRow) {
        // New runs come in rising order; only a listing of old ones lands further back.
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if (rows[order[middle]]?.number ?? 0) > row.number { low = middle + 1 } else { high = middle }
        }
        order.insert(row.id, at: low)
        guard order.count > Self.capacity else { return }
        if let last = order.popLast() {
            rows[last] = nil
            traces[last] = nil
            activeIDs.remove(last)
        }
    }

    private mutating func remember(_ row: RunRow) {
        // What somebody stopped says nothing of what is usual.
        guard let outcome = row.view.outcome, outcome != "discarded", outcome != "cancelled" else { return }
        let entry = HistoryEntry(
            number: row.number, entered: max(0, row.view.entered), left: max(0, row.view.left), outcome: outcome,
            members: max(0, row.view.members))
        var entries = history[ByteText(row.view.sync)] ?? []
        var place = entries.count
        while place > 0, entries[place - 1].number > entry.number { place -= 1 }
        entries.insert(entry, at: place)
        if entries.count > Self.historyLength { entries.removeFirst() }
        history[ByteText(row.view.sync)] = entries
    }

    private mutating func trace(_ row: RunRow, at now: Instant) {
        guard row.isActive else {
            traces[row.id] = nil
            return
        }
        var points = traces[row.id] ?? []
        let done = row.view.phase == "sending" ? row.settled : max(0, row.view.read)
        if let last = points.last, done < last.done { points = [] }
        if let last = points.last, now.milliseconds(since: last.at) < 250 { points.removeLast() }
        points.append(ProgressPoint(at: now, done: done))
        if points.count > 32 { points.removeFirst() }
        traces[row.id] = points
    }

    /// Members a second, over the last seconds; nil until two points are known.
    func rate(of id: ByteText) -> Double? {
        guard let points = traces[id], let first = points.first, let last = points.last,
            last.at > first.at, last.done > first.done
        else { return nil }
        return Double(last.done - first.done) / (Double(last.at.milliseconds(since: first.at)) / 1000)
    }

    /// The steps between the points of a run's trace, for a sparkline.
    func pulse(of id: ByteText) -> [Int?] {
        let points = traces[id] ?? []
        return zip(points, points.dropFirst()).map { $1.done - $0.done }
    }

    /// How many of the latest runs failed in a row.
    func failuresInARow(_ sync: ByteText) -> Int {
        (history[sync] ?? []).reversed().prefix { $0.outcome == "failed" }.count
    }
}
