import Control
import Scheduling
import TerminalText

/// Copies and saved tables.
extension DashboardModel {
    mutating func save(_ action: Action) {
        switch action {
        case .dumpScreen: outbox.append(.dumpScreen(name: nil))
        case .saveTable:
            guard let kind = currentList else { return }
            outbox.append(.saveTable(name: kind.rawValue, csv: csv(kind)))
        case .copyRow:
            guard let kind = currentList, let row = selectedRow(kind) else { return say("nothing is selected") }
            var painter = textPainter()
            copy(Columns.all(of: kind).map { text(kind, row, $0, &painter) }.joined(separator: "\t"))
        case .copyCell:
            guard let kind = currentList, let row = selectedRow(kind) else { return say("nothing is selected") }
            let columns = Columns.all(of: kind)
            let standard = columns.first { $0.priority == 0 }
            guard let column = columns.first(where: { $0.id == list(kind).column }) ?? standard else { return }
            var painter = textPainter()
            copy(text(kind, row, column, &painter))
        default: break
        }
    }

    private mutating func copy(_ text: String) {
        outbox.append(.copy(text))
    }

    /// Tables are saved with times, not with spans, since they are read later.
    private func textPainter() -> Painter {
        let ticker = Ticker(now: shownNow, mode: timeMode == .relative ? .local : timeMode, zone: options.zone)
        return Painter(width: 0, height: 0, ticker: ticker, theme: .mono, glyphs: .ascii)
    }

    /// A cell's text as the screen shows it: what is copied gets pasted into terminals, and a saved table is looked at in one.
    /// Ids byte for byte are what `--json` is for.
    private func text(_ kind: ListKind, _ row: Int, _ column: Column, _ painter: inout Painter) -> String {
        // Twelve cells are what a trend takes.
        PrintableText.of(cell(kind, row, column, width: 12, &painter).text)
    }

    /// A cell as it is saved: with the date and zone of every time, and with names in place of what moves.
    private func saved(_ kind: ListKind, _ row: Int, _ column: Column, _ painter: inout Painter) -> String {
        if let instant = instant(kind, row, column.id) { return instant.rfc3339 }
        if let number = exact(kind, row, column.id) { return number }
        if kind == .syncs || kind == .wall, column.id == "destination", shown.syncs.indices.contains(row) {
            return PrintableText.of(shown.syncs[row].view.destination)
        }
        return text(kind, row, column, &painter)
    }

    /// A number as it is, where the screen rounds and groups it, and a hash as a whole; nil for any other cell.
    private func exact(_ kind: ListKind, _ row: Int, _ column: String) -> String? {
        func text(_ number: Int?) -> String { number.map(String.init) ?? "" }
        func text(_ seconds: Double?) -> String { seconds.map { "\($0)" } ?? "" }
        switch kind {
        case .syncs, .wall:
            guard shown.syncs.indices.contains(row) else { return nil }
            let view = shown.syncs[row].view
            switch column {
            case "size": return text(view.ledger)
            case "entered": return text(view.last_entered)
            case "left": return text(view.last_left)
            case "rejects": return text(view.rejects)
            case "took": return text(view.last_seconds)
            default: return nil
            }
        case .runs, .cohortRuns:
            guard let run = shown.runs.row(at: row) else { return nil }
            let hasPlan = run.view.plan != nil
            switch column {
            case "entered": return text(hasPlan ? run.view.entered : nil)
            case "left": return text(hasPlan ? run.view.left : nil)
            case "accepted": return text(run.view.accepted)
            case "rejected": return text(run.view.rejected)
            case "took": return text(run.seconds)
            case "plan": return PrintableText.of(run.view.plan ?? "")
            default: return nil
            }
        default: return nil
        }
    }

    /// The time that a cell is about; nil for any other cell.
    private func instant(_ kind: ListKind, _ row: Int, _ column: String) -> Instant? {
        let data = shown
        switch (kind, column) {
        case (.syncs, "next"), (.wall, "next"): return data.syncs.indices.contains(row) ? data.syncs[row].next : nil
        case (.syncs, "last"), (.wall, "last"): return data.syncs.indices.contains(row) ? data.syncs[row].lastFinished : nil
        case (.runs, "started"), (.cohortRuns, "started"): return data.runs.row(at: row)?.when
        case (.fires, "at"), (.fires, "utc"): return data.fires.indices.contains(row) ? data.fires[row].at : nil
        case (.events, "at"), (.runEvents, "at"), (.userEvents, "at"): return event(kind, row)?.at
        case (.rejects, "age"): return data.rejects.indices.contains(row) ? data.rejects[row].at : nil
        case (.logs, "at"): return data.logs[row]?.at
        default: return nil
        }
    }

    /// The visible rows with all columns but those that only the moment makes sense of (RFC 4180). A cell that a
    /// spreadsheet would take for a formula is quoted with an apostrophe in front.
    private mutating func csv(_ kind: ListKind) -> String {
        refresh(kind)
        let columns = Columns.all(of: kind).filter { $0.id != "trend" && $0.id != "in" }
        var painter = textPainter()
        var text = columns.map(\.id).joined(separator: ",") + "\r\n"
        let list = list(kind)
        for index in 0..<list.rows.count {
            guard let row = list.rows[index] else { continue }
            text += columns.map { quoted(saved(kind, row, $0, &painter)) }.joined(separator: ",") + "\r\n"
        }
        return text
    }

    private func quoted(_ cell: String) -> String {
        var text = cell
        let isCount = cell.dropFirst().utf8.allSatisfy { ($0 >= 48 && $0 <= 57) || $0 == 46 || $0 == 107 || $0 == 33 }
        if let first = cell.first, "=@\t".contains(first) || "+-".contains(first) && !isCount { text = "'" + text }
        guard text.utf8.contains(where: { $0 == 34 || $0 == 44 || $0 == 10 || $0 == 13 }) else { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" { result += "\"" }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }
}
