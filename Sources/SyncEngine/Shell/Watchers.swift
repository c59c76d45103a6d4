import Synchronization

/// Those who watch the engine's changes. None of them ever slows it.
package final class Watchers: Sendable {
    /// What becomes of a watcher that does not keep up.
    package enum Patience: Sendable {
        /// It loses the oldest changes: for those who only want to know how things stand.
        case losesOldest
        /// Its stream ends: for those who must miss nothing, and can ask for the past and begin anew.
        case ends
    }

    private struct State {
        var watchers: [Int: (continuation: AsyncStream<EngineChange>.Continuation, patience: Patience)] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    /// Changes that wait for one watcher.
    package static let capacity = 4_096

    package init() {}

    package func add(_ patience: Patience) -> AsyncStream<EngineChange> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: EngineChange.self,
            bufferingPolicy: patience == .ends ? .bufferingOldest(Self.capacity) : .bufferingNewest(Self.capacity))
        let number = state.withLock { state in
            state.next += 1
            state.watchers[state.next] = (continuation, patience)
            return state.next
        }
        continuation.onTermination = { [weak self] _ in self?.remove(number) }
        return stream
    }

    private func remove(_ number: Int) { _ = state.withLock { $0.watchers.removeValue(forKey: number) } }

    package func publish(_ change: EngineChange) {
        for watcher in state.withLock({ Array($0.watchers.values) }) {
            if case .dropped = watcher.continuation.yield(change), watcher.patience == .ends {
                watcher.continuation.finish()
            }
        }
    }
}
