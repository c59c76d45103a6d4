import Scheduling

/// A screen, and when it will look different by itself.
package struct Presentation: Sendable {
    package let frame: Frame
    /// The first instant at which something on it changes without anything happening; nil when it does not.
    package let nextChange: Instant?
}

/// Draws the dashboard at a size.
package func present(_ model: DashboardModel, width: Int, height: Int) -> Frame {
    presentation(model, width: width, height: height).frame
}

/// When the next ``Message/tick(now:)`` is due: the next instant at which a visible string changes, a toast goes, or
/// figures that no notice carries are asked for. Nil when nothing of that shows.
package func nextTick(_ model: DashboardModel, now: Instant) -> Instant? {
    var model = model
    model.now = now
    return presentation(model, width: model.width, height: model.height).nextChange
}

/// Draws the dashboard and says when it changes by itself, at the cost of one.
package func presentation(_ model: DashboardModel, width: Int, height: Int) -> Presentation {
    var model = model
    model.width = min(max(0, width), 10_000)
    model.height = min(max(0, height), 10_000)
    if let kind = model.currentList { model.refresh(kind) }
    if model.screen == .wallboard { model.refresh(.destinations) }
    let ticker = Ticker(now: model.shownNow, mode: model.timeMode, zone: model.options.zone)
    var painter = Painter(
        width: model.width, height: model.height, ticker: ticker, theme: model.theme,
        glyphs: model.options.isASCII ? .ascii : .unicode)
    let layout = ScreenLayout(model)
    painter.isFaded = model.isStale
    painter.body(model, layout)
    painter.isFaded = false
    painter.layer(model, layout)
    painter.promptLine(model, layout)
    painter.footer(model, layout)
    painter.header(model, layout)
    var next = model.heldDisplay == nil ? painter.ticker.next : nil
    for deadline in [
        model.toast?.until.map(Instant.init(milliseconds:)), model.undo?.until,
        model.refreshes ? model.lastRefresh.advanced(milliseconds: DashboardModel.refreshSpan) : nil,
    ] {
        if let deadline, deadline > model.now { next = min(next ?? deadline, deadline) }
    }
    return Presentation(frame: painter.frame, nextChange: next)
}

extension Painter {
    fileprivate mutating func body(_ model: DashboardModel, _ layout: ScreenLayout) {
        if layout.width < 20 || layout.height < 4 { return oneWord(model, layout) }
        for (offset, banner) in layout.banners.enumerated() {
            if banner.role == .banner {
                put(String(repeating: " ", count: width), row: 2 + offset, column: 0, width: width, role: .banner)
            }
            put(banner.text, row: 2 + offset, column: 0, width: width, role: banner.role)
        }
        if model.screen == .overview || model.screen == .wallboard {
            if model.isEmpty { return emptyState(model, layout) }
            if layout.isSmall { return smallOverview(model, layout) }
        }
        smallHead(model, layout)
        switch model.screen {
        case .overview: overview(model, layout)
        case .cohort(let sync): cohort(model, sync, layout)
        case .runs: runs(model, layout)
        case .run(let run): runDetail(model, run, layout)
        case .schedules: schedules(model, layout)
        case .events: if let table = layout.table { self.table(.events, model, in: table) }
        case .user(let user): userScreen(model, user, layout)
        case .destinations: destinations(model, layout)
        case .rejects: rejects(model, layout)
        case .logs: if let table = layout.table { self.table(.logs, model, in: table) }
        case .engine: engine(model, layout.body)
        case .wallboard: wallboard(model, layout)
        case .editor: editorScreen(model, layout.body)
        }
    }

    /// Below 20×4: what matters, in a word or two.
    private mutating func oneWord(_ model: DashboardModel, _ layout: ScreenLayout) {
        let counts = model.shown.stateCounts
        let bad = (counts["failed"] ?? 0) + (counts["blocked"] ?? 0)
        let parts = [
            bad > 0 ? "\(bad) FAIL" : nil, (counts["held"] ?? 0) > 0 ? "\(counts["held"] ?? 0) held" : nil,
            (counts["running"] ?? 0) > 0 ? "\(counts["running"] ?? 0) run" : nil,
        ].compactMap { $0 }
        let text = !model.hasSnapshot ? "wait" : parts.isEmpty ? "ok" : parts.joined(separator: " ")
        put(text, row: 0, column: 0, width: width, role: bad > 0 ? .bad : .strong)
    }
}
