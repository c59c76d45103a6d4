import Control
import Scheduling

extension Painter {
    /// Everything at once, for a screen that hangs on a wall: the table with what is worst first, then panes as room
    /// allows.
    mutating func wallboard(_ model: DashboardModel, _ layout: ScreenLayout) {
        let places = layout.wallboard
        table(.wall, model, in: places.table)
        for (band, panes) in places.panes.enumerated() {
            for (index, pane) in panes.enumerated() { wallPane(model, band, index, panes.count, pane) }
        }
    }

    private mutating func wallPane(_ model: DashboardModel, _ band: Int, _ index: Int, _ count: Int, _ pane: Region) {
        switch (band, index) {
        case (0, 0): running(model, pane)
        case (0, 1) where count == 2: destinationsPane(model, pane)
        case (0, 1): upcomingPane(model, pane)
        case (0, _): destinationsPane(model, pane)
        case (1, 0): eventTail(model, pane, isBoxed: true)
        case (1, _): troublePane(model, pane)
        case (_, 0): throughputPane(model, pane)
        default: enginePane(model, pane)
        }
    }

    private mutating func upcomingPane(_ model: DashboardModel, _ pane: Region) {
        box(pane, title: "next", note: "4 opens")
        let inside = pane.inside
        if model.shown.fires.isEmpty {
            let isUnknown = model.shown.configuration.isUnknown
            line(isUnknown ? ConfigurationFacts.unknownText : "nothing will fire", 0, in: inside, role: .dim)
        }
        for (offset, fire) in model.shown.fires.prefix(max(0, inside.height - 1)).enumerated() {
            line([
                Span(ticker.zone.local(of: fire.at).clock.padded(to: 9), .strong),
                Span(ticker.span(until: fire.at).padded(to: 9), .dim), Span(fire.cohort),
                Span("  \(fire.schedule)", .dim), Span(fire.collisions > 0 ? "  +\(fire.collisions)" : "", .warning),
            ], offset, in: inside)
        }
        guard inside.height >= 3 else { return }
        load(model, Region(row: inside.bottom - 1, column: inside.column, width: inside.width, height: 1))
    }

    private mutating func destinationsPane(_ model: DashboardModel, _ pane: Region) {
        box(pane, title: "destinations", note: "6 opens")
        table(.destinations, model, in: pane.inside, isFocused: false)
    }

    private mutating func troublePane(_ model: DashboardModel, _ pane: Region) {
        box(pane, title: "what is wrong", note: "7 rejects  8 logs")
        let inside = pane.inside
        let rows = model.shown.syncs.filter { ["failed", "blocked", "held", "late", "partial"].contains(model.shownState($0)) }
        if rows.isEmpty { line("nothing", 0, in: inside, role: .good) }
        for (offset, row) in rows.prefix(inside.height).enumerated() {
            let state = model.shownState(row)
            line([
                Span("\(glyphs.glyph(of: state)) \(state.padded(to: 8))", Theme.role(of: state)),
                Span(row.view.sync + "  ", .strong), Span(row.view.reason ?? ""),
            ], offset, in: inside)
        }
    }

    private mutating func throughputPane(_ model: DashboardModel, _ pane: Region) {
        let inside = pane.inside
        let cells = min(60, max(1, inside.width - 2))
        let span = cells == 60 ? "the last hour" : "the last \(cells) minutes"
        let isWhole = model.eventsReachBack(milliseconds: Int64(cells) * DurationText.minute)
        let newest = "the newest \(NumberText.grouped(model.shown.events.count))"
        box(pane, title: "events a minute, \(isWhole ? span : newest)")
        var entered = [Int](repeating: 0, count: cells)
        var left = [Int](repeating: 0, count: cells)
        for event in model.shown.events.newest(DashboardData.eventCapacity) {
            // What was rejected, or told again, moved nobody.
            guard event.view.status == "accepted", !event.view.reasserted, let at = event.at else { continue }
            let minute = ticker.now.milliseconds(since: at) / DurationText.minute
            guard minute >= 0, minute < Int64(cells) else { continue }
            let place = cells - 1 - Int(minute)
            if event.view.event == "left" { left[place] += 1 } else { entered[place] += 1 }
        }
        line([Span("entered  ", .entered), Span("at most \(entered.max() ?? 0) a minute", .dim)], 0, in: inside)
        line(Sparkline.text(entered, width: cells, glyphs: glyphs), 1, in: inside, role: .entered)
        line([Span("left     ", .left), Span("at most \(left.max() ?? 0) a minute", .dim)], 3, in: inside)
        line(Sparkline.text(left, width: cells, glyphs: glyphs), 4, in: inside, role: .left)
        let net = entered.reduce(0, +) - left.reduce(0, +)
        line(
            "in all +\(NumberText.grouped(entered.reduce(0, +))) -\(NumberText.grouped(left.reduce(0, +))), "
                + "net \(net >= 0 ? "+" : "")\(NumberText.grouped(net))", 6, in: inside, role: .dim)
    }

    private mutating func enginePane(_ model: DashboardModel, _ pane: Region) {
        box(pane, title: "engine", note: "9 opens")
        for (offset, item) in engineLines(model, width: pane.inside.width).enumerated() {
            line([Span(item.0.padded(to: 12), .dim)] + item.1, offset, in: pane.inside)
        }
    }
}
