import Control
import SyncEngine

/// Turns what the engine publishes into notices, with the members behind each batch read from the plan.
///
/// Events are for eyes here: of more than ``eventsPerSecond`` the rest only moves the counts, since a flood must not slow its
/// watchers. Who wants every one asks for events and follows them (``EventFollowing``).
struct ChangeFeed {
    let history: History

    /// Members told one by one each second.
    static let eventsPerSecond = 10_000

    func notices(of engine: Engine) -> AsyncStream<ChangeNotice> {
        let changes = engine.changes()
        let (stream, continuation) = AsyncStream.makeStream(
            of: ChangeNotice.self, bufferingPolicy: .bufferingNewest(8_192))
        let task = Task {
            var sequence = 0
            var pace = EventPace(perSecond: Self.eventsPerSecond, start: .now)
            // Says that the watcher is watching: what happens from here on is told.
            continuation.yield(ChangeNotice(sequence: sequence))
            for await change in changes {
                for var notice in notices(of: change, &pace) {
                    sequence += 1
                    notice.sequence = sequence
                    continuation.yield(notice)
                }
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in task.cancel() }
        return stream
    }

    private func notices(of change: EngineChange, _ pace: inout EventPace) -> [ChangeNotice] {
        var notice = ChangeNotice(sequence: 0)
        switch change {
        case .run(let record):
            notice.run = RunView(record)
            return [notice]
        case .frozen(let isFrozen):
            notice.frozen = isFrozen
            return [notice]
        case .configured:
            notice.configured = true
            return [notice]
        case .batches(let record, let facts):
            notice.run = RunView(record)
            return facts.reduce(into: [notice]) { notices, fact in
                guard case .put(var batch) = fact, batch.isAnswered else { return }
                batch.range = batch.range.prefix(pace.take(batch.range.count, at: .now))
                try? history.events(of: record, batch: batch) { event in
                    var notice = ChangeNotice(sequence: 0)
                    notice.event = EventView(event)
                    if !event.isReasserted { notices.append(notice) }
                    return true
                }
            }
        }
    }
}

extension BatchRecord {
    /// Whether the destination said what became of its members.
    var isAnswered: Bool { state == .accepted || state == .rejected }
}

/// Lets so much through in a second, and no more than a second's worth at once.
struct EventPace {
    private let perSecond: Int
    private var left: Double
    private var filled: ContinuousClock.Instant

    init(perSecond: Int, start: ContinuousClock.Instant) {
        self.perSecond = perSecond
        left = Double(perSecond)
        filled = start
    }

    /// How many of these may pass now.
    mutating func take(_ wanted: Int, at now: ContinuousClock.Instant) -> Int {
        let gained = (now - filled) / .seconds(1) * Double(perSecond)
        left = min(Double(perSecond), left + max(0, gained))
        filled = now
        let taken = min(wanted, Int(left))
        left -= Double(taken)
        return taken
    }
}
