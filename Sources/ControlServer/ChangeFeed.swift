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

    /// Begins with a notice that says nothing but that from here on everything is told.
    func notices(of engine: Engine) -> AsyncStream<[ChangeNotice]> {
        let reading = Reading(feed: self, changes: engine.changes(.ends))
        return AsyncStream { await reading.next() }
    }

    /// Makes notices of a change when it is asked for them, so that a slow watcher keeps changes waiting and no events.
    private actor Reading {
        private let feed: ChangeFeed
        private var changes: AsyncStream<EngineChange>.Iterator
        private var sequence = -1
        private var pace = EventPace(perSecond: ChangeFeed.eventsPerSecond, start: .now)

        init(feed: ChangeFeed, changes: AsyncStream<EngineChange>) {
            self.feed = feed
            self.changes = changes.makeAsyncIterator()
        }

        func next() async -> [ChangeNotice]? {
            var notices = [ChangeNotice(sequence: 0)]
            if sequence >= 0 {
                var iterator = changes
                guard let change = await iterator.next(isolation: self) else { return nil }
                changes = iterator
                notices = feed.notices(of: change, &pace)
            }
            for index in notices.indices {
                sequence += 1
                notices[index].sequence = sequence
            }
            return notices
        }
    }

    fileprivate func notices(of change: EngineChange, _ pace: inout EventPace) -> [ChangeNotice] {
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
