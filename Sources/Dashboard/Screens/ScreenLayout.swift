import Control

/// Where everything of a screen goes. Drawing and moving share it, so that a page is what is seen.
struct ScreenLayout {
    let model: DashboardModel
    let width: Int
    let height: Int
    /// Too small for tables and panes: one line each, what is worst first.
    let isSmall: Bool
    /// Lines across the screen that say what concerns everything.
    let banners: [Span]
    /// What a small screen is about, in one line under the header; nil where that shows by itself.
    let titleRow: Int?
    /// Between header and prompt line.
    let body: Region

    init(_ model: DashboardModel) {
        self.model = model
        width = model.width
        height = model.height
        isSmall = width < 60 || height < 12
        banners = isSmall ? [] : Self.banners(model)
        let hasTitle: Bool = switch model.screen {
        case .overview, .wallboard, .editor: false
        default: isSmall ? height >= 8 : false
        }
        titleRow = hasTitle ? 1 : nil
        let top = isSmall ? hasTitle ? 2 : 1 : 2 + banners.count
        let bottom = isSmall ? (height >= 6 ? 2 : 1) : 2
        body = Region(row: top, column: 0, width: width, height: max(0, height - top - bottom))
    }

    private static func banners(_ model: DashboardModel) -> [Span] {
        var banners: [Span] = []
        let data = model.shown
        if data.isFrozen {
            let key = model.options.keymap.label(of: .freeze, ascii: model.options.isASCII) ?? ":unfreeze"
            let way = model.options.isReadOnly ? "" : "; \(key) lifts it"
            banners.append(Span(" FROZEN: nothing is sent anywhere" + way, .banner))
        }
        if model.options.isReadOnly, model.isWithoutEngine {
            banners.append(Span(" no engine serves this workspace: this is its last state, until one does", .banner))
        }
        if let problem = data.configuration.problem ?? data.engine?.configuration_error {
            banners.append(Span(" refused, the last good one is active: \(problem)", .error))
        }
        if model.heldDisplay != nil { banners.append(Span(" the display holds still; z lets it go on", .banner)) }
        return banners
    }

    /// The whole table with its headings; nil when the screen has none.
    var table: Region? {
        guard model.currentList != nil else { return nil }
        if isSmall { return smallTable }
        switch model.screen {
        case .overview: return overview.table
        case .wallboard: return wallboard.table
        case .cohort: return cohort.table
        case .run: return under(runFactsHeight)
        case .user: return under(min(max(2, model.shown.user.count + 2), max(2, body.height - 7)))
        case .runs: return above(body.height >= 24 ? 9 : 0)
        case .schedules: return above(schedulesFootHeight)
        case .destinations: return above(body.height >= 14 ? min(10, body.height - 8) : 0)
        case .rejects: return above(body.height >= 14 ? 4 : 0)
        case .events, .logs: return body
        case .engine, .editor: return nil
        }
    }

    /// Under what is said of a run or a user, over why a member was rejected.
    private var smallTable: Region {
        guard titleRow != nil, body.height >= 5 else { return body }
        switch model.screen {
        case .run: return under(2)
        case .user, .cohort: return under(1)
        case .rejects: return above(2)
        default: return body
        }
    }

    /// What a small screen says besides its table; nil when there is no room.
    var smallNote: Region? {
        guard isSmall, let table, table.height < body.height else { return nil }
        let isAbove = table.row > body.row
        return Region(
            row: isAbove ? body.row : table.bottom, column: 1, width: width - 1, height: body.height - table.height)
    }

    /// The rows of the table without its headings.
    var rows: Region? {
        guard var region = table else { return nil }
        if isSmall, model.currentList == .syncs || model.currentList == .wall { return region }
        region.row += 1
        region.height = max(0, region.height - 1)
        return region
    }

    /// What is under the table; nil when there is no room.
    var foot: Region? {
        guard !isSmall, let table, table.bottom < body.bottom else { return nil }
        return Region(row: table.bottom, column: 0, width: width, height: body.bottom - table.bottom)
    }

    /// What is over the table; nil when there is no room.
    var head: Region? {
        guard !isSmall, let table, table.row > body.row else { return nil }
        return Region(row: body.row, column: 0, width: width, height: table.row - body.row)
    }

    private func above(_ foot: Int) -> Region {
        Region(row: body.row, column: 0, width: width, height: max(0, body.height - foot))
    }

    private func under(_ head: Int) -> Region {
        let head = min(head, max(0, body.height - 3))
        return Region(row: body.row + head, column: 0, width: width, height: body.height - head)
    }

    /// As many lines as the run has facts, at most half of the screen.
    var runFactsHeight: Int {
        guard case .run(let id) = model.screen, let run = model.shown.runs.row(id) else { return 2 }
        let view = run.view
        // Sentences that do not fit are wrapped.
        func height(of text: String, atMost most: Int) -> Int { min(most, 1 + text.count / max(20, model.width - 14)) }
        var lines = 7 + (run.isActive ? 2 : 0)
        if view.held_by.isEmpty { lines += view.reason.map { height(of: $0, atMost: 3) } ?? 0 }
        lines += view.held_by.prefix(8).reduce(0) { $0 + height(of: $1, atMost: 2) }
        lines += min(2, view.notes.count) + (view.approved_by == nil ? 0 : 1) + min(3, view.bad_rows.count)
        return min(lines + 1, body.height / 2)
    }

    var schedulesFootHeight: Int {
        guard body.height >= 14 else { return 0 }
        return min(body.height / 3, 4 + model.shown.configuration.quotas.count)
    }

    // MARK: - Overview

    struct Overview {
        var table: Region
        /// Preview of the selected sync and what runs.
        var panes: (preview: Region, running: Region)?
        var tail: Region?
    }

    var overview: Overview {
        let wanted = max(3, model.list(.syncs).rows.count) + 1
        var rest = body.height - wanted
        var panes = 0
        if width >= 100, body.height >= 28 {
            panes = rest >= 17 ? 11 : 9
            rest -= panes
        }
        let least = body.height >= 12 ? 2 : 0
        let tail = body.height >= 8 ? max(least, min(rest, body.height - 6)) : 0
        let height = max(0, body.height - panes - tail)
        var layout = Overview(table: Region(row: body.row, column: 0, width: width, height: height))
        if panes > 0 {
            let half = width / 2
            layout.panes = (
                Region(row: layout.table.bottom, column: 0, width: half, height: panes),
                Region(row: layout.table.bottom, column: half, width: width - half, height: panes)
            )
        }
        if tail > 0 {
            layout.tail = Region(row: layout.table.bottom + panes, column: 0, width: width, height: tail)
        }
        return layout
    }

    // MARK: - Wallboard

    struct Wallboard {
        var table: Region
        /// Rows of panes, from left to right.
        var panes: [[Region]]
    }

    var wallboard: Wallboard {
        let wanted = max(3, model.list(.wall).rows.count) + 1
        let columns = width >= 150 ? 3 : width >= 100 ? 2 : 1
        let rest = body.height - min(wanted, max(4, body.height / 2))
        let bands = rest >= 24 ? 3 : rest >= 14 ? 2 : rest >= 6 ? 1 : 0
        guard bands > 0 else {
            return Wallboard(table: body, panes: [])
        }
        let tableHeight = min(wanted, max(4, body.height / 2))
        var row = body.row + tableHeight
        var panes: [[Region]] = []
        for band in 0..<bands {
            let height = (body.bottom - row) / (bands - band)
            var column = 0
            let count = band == 0 ? columns : min(2, columns)
            panes.append((0..<count).map { index in
                let share = (width - column) / (count - index)
                defer { column += share }
                return Region(row: row, column: column, width: share, height: height)
            })
            row += height
        }
        let table = Region(row: body.row, column: 0, width: width, height: tableHeight)
        return Wallboard(table: table, panes: panes)
    }

    // MARK: - Cohort

    struct Cohort {
        var facts: Region
        var table: Region
        var problem: Region?
    }

    var cohort: Cohort {
        let isSummary = model.tab == .summary
        // The guards take two lines where the screen is narrow.
        let most = width < 118 ? 10 : 9
        let facts = isSummary ? min(body.height >= 19 ? most : body.height >= 16 ? 7 : 4, max(0, body.height - 4)) : 1
        let problem = isSummary && body.height >= 18 ? body.height >= 30 ? 7 : 5 : 0
        let table = Region(
            row: body.row + facts, column: 0, width: width, height: max(0, body.height - facts - problem))
        return Cohort(
            facts: Region(row: body.row, column: 0, width: width, height: facts), table: table,
            problem: problem > 0
                ? Region(row: table.bottom, column: 0, width: width, height: problem) : nil)
    }
}
