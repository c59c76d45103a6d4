import Control
import Scheduling
import TerminalText

/// What `--plain` prints: a line for each change, for screen readers and logs. No line is ever taken back.
package struct PlainLines: Sendable {
    private var states: [ByteText: String] = [:]
    private var phases: [ByteText: String] = [:]
    private var connection: String?
    private var frozen: Bool?
    private let zone: Zone
    private let isASCII: Bool
    /// Whether members are told of one by one.
    private let withEvents: Bool

    package init(zone: Zone, isASCII: Bool, withEvents: Bool = true) {
        self.zone = zone
        self.isASCII = isASCII
        self.withEvents = withEvents
    }

    /// Lines for what a message changes, without line ends. The message is the one that the model gets too.
    package mutating func lines(for message: Message, now: Instant) -> [String] {
        let (zone, isASCII) = (self.zone, self.isASCII)
        let ticker = Ticker(now: now, mode: .local, zone: zone)
        func stamped(_ text: String, _ at: Instant) -> String {
            let isToday = zone.local(of: at).date == zone.local(of: now).date
            return (isToday ? ticker.clock(at) : ticker.full(at)) + " " + PrintableText.of(text, ascii: isASCII)
        }
        var lines: [String] = []
        switch message {
        case .connection(let state): lines += line(for: state)
        case .answer(.status(let views)): for view in views { lines += line(for: view) }
        case .answer(.engine(let view)): lines += line(isFrozen: view.frozen)
        case .notices(let notices):
            for notice in notices {
                if let run = notice.run { lines += line(for: run) }
                if let event = notice.event, withEvents { lines.append(Self.line(for: event)) }
                if let frozen = notice.frozen { lines += line(isFrozen: frozen) }
                if notice.configured == true { lines.append("rollcall.yaml was read anew") }
            }
        // What was logged before the dashboard opened has its own time.
        case .logLines(let log):
            return log.filter { $0.level.rawValue >= 3 }.map { stamped("\($0.level): \($0.text)", $0.at) }
        case .effectDone(.done(_, let sentence?)): lines.append(sentence)
        case .effectDone(.refused(_, let why)): lines.append("refused: \(why)")
        default: break
        }
        return lines.map { stamped($0, now) }
    }

    private mutating func line(for state: ConnectionState) -> [String] {
        let text = switch state {
        case .connecting: "connecting to the engine"
        case .live: "connected to the engine"
        case .stale: "the engine is silent"
        case .reconnecting(let attempt, _, _): "the engine is away, attempt \(attempt)"
        }
        defer { connection = text }
        return connection == text ? [] : [text]
    }

    private mutating func line(isFrozen: Bool) -> [String] {
        defer { frozen = isFrozen }
        guard frozen != isFrozen, frozen != nil || isFrozen else { return [] }
        return [isFrozen ? "everything is frozen" : "the freeze is lifted"]
    }

    private mutating func line(for view: StatusView) -> [String] {
        let id = ByteText(view.sync)
        defer { states[id] = view.state }
        // Runs tell of themselves.
        guard states[id] != view.state, view.state != "running" else { return [] }
        var text = "\(view.sync) \(view.state)"
        if let reason = view.reason { text += ": \(reason)" }
        if states[id] == nil { text += ", \(NumberText.grouped(view.ledger)) members, schedule \(view.schedule)" }
        return [text]
    }

    private mutating func line(for run: RunView) -> [String] {
        let id = ByteText(run.run)
        let phase = run.outcome ?? run.phase
        defer {
            phases[id] = run.outcome == nil ? phase : nil
            if phases.count > 10_000 { phases = [:] }
        }
        guard phases[id] != phase else { return [] }
        var text = "\(run.sync) run \(run.run) \(phase)"
        if run.outcome != nil || run.phase == "held" {
            text += ", \(NumberText.grouped(run.entered)) entered, \(NumberText.grouped(run.left)) left"
        }
        if run.outcome != nil {
            text += ", \(NumberText.grouped(run.accepted)) accepted"
            if run.rejected > 0 { text += ", \(NumberText.grouped(run.rejected)) rejected" }
        }
        if let reason = run.reason { text += ": \(reason)" }
        return [text]
    }

    private static func line(for event: EventView) -> String {
        "\(event.user) \(event.event) \(event.sync), \(event.status)" + (event.http_status.map { " \($0)" } ?? "")
    }
}
